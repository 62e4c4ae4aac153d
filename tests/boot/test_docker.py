# SPDX-License-Identifier: Apache-2.0
"""The user's side of the system booted from its ISO: our client on the console, docker's own client through the forwarded
port, containers that outlive their daemon."""
import io
import json
import os
import pty
import select
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from qemu import OUT, Qemu

sys.path.insert(0, str(Path(__file__).parents[1] / "peers"))
import image  # noqa: E402

API = "slipway.docker.host=tcp://0.0.0.0:2375"


def client():
    found = os.environ.get("DOCKER") or next((p for d in os.environ["PATH"].split(":") if (p := d + "/docker") and os.path.exists(p)),
                                             None)
    return found or subprocess.run([Path(__file__).parents[2] / "deps/docker-cli.sh"], check=True, capture_output=True,
                                   text=True).stdout.strip()


@pytest.fixture(scope="module")
def vm():
    with Qemu("iso", name="docker", cmdline=API, ports=[2375, 8080], deadline_s=900) as vm:
        vm.wait_ready()
        yield vm


@pytest.fixture(scope="module")
def docker(vm):
    """docker(...): docker's own client here; (output, exit code)."""
    env = {**os.environ, "DOCKER_HOST": f"tcp://127.0.0.1:{vm.port(2375)}"}
    program = client()

    def run(*args, timeout=120, **more):
        p = subprocess.run([program, *args], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           timeout=timeout, **{"stdin": subprocess.DEVNULL, **more})
        return p.stdout.strip(), p.returncode
    run.env, run.program = env, program
    # the address comes by DHCP, which the boot does not wait for
    end = time.monotonic() + 60
    while run("version")[1] != 0:
        assert time.monotonic() < end
    return run


# ---- on the console ----

def test_hello_on_the_console(vm):
    assert vm.sh("docker run --rm busybox echo h''ello")[0].strip() == "hello"


def test_a_terminal_on_the_console(vm):
    vm.send("docker run --rm -it busybox")
    vm.expect(r"/ # ")
    vm.send("hostname; tty; exit 7")
    vm.expect(r"[0-9a-f]{12}\r*\n/dev/(pts/0|console)")
    vm.wait_prompt()
    assert vm.sh("echo $?")[0].strip() == "0"  # of the empty line that asked for the prompt
    assert vm.sh("docker ps -aq")[0].strip() == ""


# ---- from the host, with docker's own client ----

def test_version_and_info(docker):
    out, code = docker("version", "--format", "{{.Server.Version}} {{.Server.APIVersion}} {{.Server.Os}}")
    assert code == 0 and out.endswith(" 1.51 linux")
    info = json.loads(docker("info", "--format", "{{json .}}")[0])
    assert info["CgroupVersion"] == "2" and info["Driver"] == "overlay2" and not info.get("ServerErrors")


def test_run_exec_logs_stop_rm(docker):
    assert docker("run", "-d", "--name", "web", "busybox", "sh", "-c",
                  "trap 'exit 5' TERM; echo one; echo two >&2; while :; do sleep 1000 & wait $!; done")[1] == 0
    follow = subprocess.Popen([docker.program, "logs", "-f", "web"], env=docker.env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    assert follow.stdout.readline() == "one\n" and follow.stderr.readline() == "two\n"
    assert docker("exec", "web", "sh", "-c", "echo in; exit 3") == ("in", 3)
    assert docker("exec", "-i", "web", "cat", input="through\n", stdin=None) == ("through", 0)
    assert "Up " in docker("ps", "--format", "{{.Status}}")[0]
    assert "sleep 1000" in docker("top", "web")[0]
    assert docker("inspect", "-f", "{{.State.Status}} {{.HostConfig.NetworkMode}}", "web")[0] == "running bridge"
    assert docker("rm", "web")[1] == 1  # it runs
    assert docker("stop", "web") == ("web", 0)
    assert follow.wait(30) == 0
    assert docker("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "web")[0] == "exited 5"
    assert docker("rm", "web") == ("web", 0)
    assert docker("inspect", "web")[1] == 1


def test_exit_codes(docker):
    assert docker("run", "--rm", "busybox", "sh", "-c", "exit 42")[1] == 42
    out, code = docker("run", "--rm", "busybox", "nosuch")
    assert code == 127 and 'exec: "nosuch": executable file not found in $PATH' in out
    assert docker("run", "--rm", "busybox", "/etc")[1] == 126
    out, code = docker("run", "--rm", "nosuchimage")
    assert code == 125 and "nosuchimage" in out
    assert docker("ps", "-aq")[0] == ""


def test_a_real_terminal(docker):
    master, slave = pty.openpty()
    p = subprocess.Popen([docker.program, "run", "--rm", "-it", "busybox", "sh", "-c", "test -t 0 && read x && echo got:$x:"],
                         env=docker.env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    os.write(master, b"typed\n")
    seen = b""
    while b"got:typed:" not in seen:
        assert select.select([master], [], [], 60)[0], seen
        seen += os.read(master, 4096)
    assert p.wait(60) == 0
    os.close(master)


def test_limits_are_the_kernel_s(docker):
    out, code = docker("run", "--rm", "--memory", "32m", "--cpus", "0.5", "--pids-limit", "20", "busybox", "sh", "-c",
                       "cd /sys/fs/cgroup; cat memory.max cpu.max pids.max")
    assert (out.split("\n"), code) == (["33554432", "50000 100000", "20"], 0)
    assert docker("run", "--rm", "--memory", "16m", "busybox", "sh", "-c",
                  "head -c 200m /dev/zero | tr '\\0' a | grep b")[1] == 137


def test_networks(vm, docker):
    assert docker("run", "--rm", "--network", "none", "busybox", "sh", "-c", "ls -d /sys/class/net/*/")[0] == "/sys/class/net/lo/"
    assert "eth0" in docker("run", "--rm", "--network", "host", "busybox", "ls", "/sys/class/net")[0]
    assert "docker0" in docker("run", "--rm", "--network", "host", "busybox", "ls", "/sys/class/net")[0]
    # the bridge has a way out: the user network of QEMU answers at its gateway's TFTP and DNS addresses
    assert docker("run", "--rm", "busybox", "ping", "-c", "1", "-w", "20", "10.0.2.2")[1] == 0
    # and published ports a way in
    assert docker("run", "-d", "--name", "httpd", "-p", "8080:80", "busybox", "sh", "-c",
                  "mkdir /www && echo served >/www/index.html && exec httpd -f -h /www")[1] == 0
    import http.client
    end, text = time.monotonic() + 60, b""
    while text != b"served\n":
        assert time.monotonic() < end, text
        try:
            c = http.client.HTTPConnection("127.0.0.1", vm.port(8080), timeout=5)
            c.request("GET", "/index.html")
            text = c.getresponse().read()
        except (OSError, http.client.HTTPException):
            pass
    assert docker("rm", "-f", "httpd")[1] == 0


def test_load_and_rmi(docker, tmp_path):
    archive = image.docker_archive(tmp_path / "img.tar", OUT / "deps/musl/bin/busybox", "mine/bb:7")
    assert docker("load", "-i", str(archive)) == ("Loaded image: mine/bb:7", 0)
    assert docker("run", "--rm", "mine/bb:7", "echo", "mine") == ("mine", 0)
    assert "mine/bb:7" in docker("images", "--format", "{{.Repository}}:{{.Tag}}")[0].split()
    assert docker("rmi", "mine/bb:7")[1] == 0
    assert "mine/bb:7" not in docker("images", "--format", "{{.Repository}}:{{.Tag}}")[0].split()


def hostile(path, name, link=None):
    """An archive whose only layer has one entry of this name."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as t:
        image.add(t, name, b"" if link is None else None, link=link)
        if link:
            image.add(t, name + "/x", b"x")
    import hashlib
    data = tar.getvalue()
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {
        "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(data).hexdigest()]}}).encode()
    with tarfile.open(path, "w") as t:
        image.add(t, "c.json", config)
        image.add(t, "l.tar", data)
        image.add(t, "manifest.json", json.dumps([{"Config": "c.json", "RepoTags": ["bad:1"], "Layers": ["l.tar"]}]).encode())
    return path


@pytest.mark.parametrize("name,link", [("../../../run/owned", None), ("/../run/owned", None), ("a", "/run")])
def test_hostile_layers_harm_nothing(vm, docker, tmp_path, name, link):
    before = docker("images", "-q")[0]
    out, code = docker("load", "-i", str(hostile(tmp_path / "bad.tar", name, link)))
    if name.startswith(("..", "/..")) or code:
        assert code == 1 and name.strip("./") in out, out
    assert vm.sh("ls /run/owned /run/x")[1] == 1
    docker("rmi", "bad:1")
    assert docker("images", "-q")[0] == before


def test_garbage_is_refused(docker, tmp_path):
    (tmp_path / "junk").write_bytes(os.urandom(300000))
    out, code = docker("load", "-i", str(tmp_path / "junk"))
    assert code == 1 and out


# ---- the daemon dies ----

def daemon_pid(vm):
    return vm.sh("slipway service ls | grep '^userctr ' | sed 's/  */ /g' | cut -d' ' -f5", check=True).strip()


def test_containers_outlive_the_daemon(vm, docker):
    loop = "i=0; while [ ! -e /stop ]; do i=$((i+1)); echo $i; usleep 100000; done; exit 9"
    assert docker("run", "-d", "--name", "survivor", "busybox", "sh", "-c", loop)[1] == 0
    pid = docker("inspect", "-f", "{{.State.Pid}}", "survivor")[0]
    old = daemon_pid(vm)
    # whoever asks meanwhile waits in the socket that PID 1 holds
    assert vm.sh(f"kill -9 {old}; docker version --format '{{{{.Server.Os}}}}'") == ("linux\n", 0)
    vm.sh("until [ \"$(slipway service ls | grep '^userctr  *ready' | grep -v ' %s ')\" ]; do usleep 50000; done" % old, check=True)
    end = time.monotonic() + 60
    while docker("version")[1] != 0:
        assert time.monotonic() < end
    assert docker("inspect", "-f", "{{.State.Status}} {{.State.Pid}}", "survivor")[0] == f"running {pid}"
    assert docker("exec", "survivor", "touch", "/stop")[1] == 0
    assert docker("wait", "survivor")[0] == "9"
    log = docker("logs", "survivor")[0].split("\n")
    assert log == [str(i + 1) for i in range(len(log))]  # not a line is missing
    assert docker("rm", "survivor")[1] == 0


def test_nothing_is_left(vm, docker):
    assert docker("ps", "-aq")[0] == ""
    assert vm.sh("ls /sys/fs/cgroup/docker | grep -E '^[0-9a-f]{64}$'")[0].strip() == ""
    assert vm.sh("ls /sys/class/net | grep veth")[0].strip() == ""
    assert vm.sh("pgrep -f 'userctr.*monitor'")[0].strip() == ""
    assert vm.sh("ls /var/lib/userctr/containers")[0].strip() == ""
