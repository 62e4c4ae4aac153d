# SPDX-License-Identifier: Apache-2.0
"""User containers on the machine itself: its cgroups, limits, freezer, network; a daemon that is killed, a machine that is
shut down. docker's own client is outside and speaks over TCP."""
import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

API = Path(__file__).resolve().parents[1] / "api"
LISTEN = ("slipway.autologin=ttyS0 slipway.docker.host=unix:///run/docker.sock "
          "slipway.docker.host=tcp://0.0.0.0:2375")


def load(name, file):
    spec = importlib.util.spec_from_file_location(name, API / file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sys.path.insert(0, str(API))
client = load("api_conftest", "conftest.py")
boot_conftest, sys.modules["conftest"] = sys.modules.get("conftest"), client
image = load("api_containers", "test_containers.py").busybox_image
if boot_conftest is not None:
    sys.modules["conftest"] = boot_conftest


class Host:
    def __init__(self, vm):
        self.vm = vm

    def __call__(self, *argv, ok=True, text=True, **kw):
        p = subprocess.run([client.docker_client(), "-H", "tcp://127.0.0.1:%d" % self.vm.port(2375), *argv],
                           capture_output=True, text=text, timeout=120, **kw)
        assert not ok or p.returncode == 0, (argv, p.stdout, p.stderr)
        return p

    def inspect(self, name):
        return json.loads(self("inspect", name).stdout)[0]


@pytest.fixture
def host(machine):
    vm = machine("kernel", ports=[2375], cmdline=LISTEN)
    vm.wait_ready(240)
    h = Host(vm)
    h("load", input=image(), text=False)
    return h


def test_containers(host):
    p = host("run", "--rm", "bb:1", "sh", "-c", "id -u; echo err >&2; exit 3", ok=False)
    assert (p.stdout, p.stderr, p.returncode) == ("0\n", "err\n", 3)
    # nothing of the system is in sight, and an exec is where the container is
    places = host("run", "--rm", "bb:1", "cut", "-d ", "-f5", "/proc/self/mountinfo").stdout.split()
    assert places.count("/") == 1 and not [x for x in places if x.startswith(("/run", "/var", "/home", "/usr", "/state"))]
    web = host("run", "-d", "--name", "web", "-m", "32m", "--cpus", "0.5", "--pids-limit", "50", "bb:1", "sh", "-c",
               "i=0; while :; do echo $i; i=$((i+1)); sleep 1; done").stdout.strip()
    out = host("exec", "web", "sh", "-c", "cd /sys/fs/cgroup; cat memory.max cpu.max pids.max /proc/self/cgroup; ls /").stdout
    assert out.split()[:5] == ["33554432", "50000", "100000", "50", "0::/"] and ".dockerenv" not in out
    assert "data" in out.split() and "usr" not in out.split()
    host("update", "-m", "64m", "--memory-swap", "128m", "web")
    assert host("exec", "web", "cat", "/sys/fs/cgroup/memory.max").stdout == "67108864\n"
    assert "64MiB" in host("stats", "--no-stream").stdout
    assert len(host("top", "web").stdout.splitlines()) == 3
    host("pause", "web")
    assert "(Paused)" in host("ps").stdout
    assert "is paused" in host("exec", "web", "true", ok=False).stderr
    host("unpause", "web")
    p = host("run", "--name", "oom", "-m", "16m", "bb:1", "tail", "/dev/zero", ok=False)
    assert p.returncode == 137 and host.inspect("oom")["State"]["OOMKilled"] is True
    # the daemon is killed with everything in its cgroup; containers and their monitors are not in it
    pid = host.inspect("web")["State"]["Pid"]
    host.vm.sh("echo 1 >/sys/fs/cgroup/system/userctr/cgroup.kill", check=True)
    host.vm.sh("timeout 60 sh -c 'until [ \"$(grep -c \"userctr: ready\" /run/slipway/log/userctr.log)\" = 2 ]; do sleep 1; done'",
               timeout=90, check=True)
    s = host.inspect("web")["State"]
    assert s["Running"] and s["Pid"] == pid
    assert host("exec", "web", "hostname").stdout == web[:12] + "\n"
    assert int(host("logs", "--tail", "1", "web").stdout) >= 0
    host("rm", "-f", "web", "oom")
    out, _ = host.vm.sh("find /run/userctr /var/lib/userctr/containers -mindepth 1 ! -path /run/userctr/sysctr ! -path '/run/userctr/sysctr/.filters*'; "
                        "find /sys/fs/cgroup/docker -mindepth 1 -type d; pidof userctr-monitor")
    assert out.split() == []


def test_containers_come_back_with_the_machine(machine, state_disk):
    vm = machine("kernel", ports=[2375], cmdline=LISTEN, disks=[state_disk])
    vm.wait_ready(240)
    host = Host(vm)
    host("load", input=image(), text=False)
    host("run", "-d", "--restart", "unless-stopped", "--name", "kept", "bb:1", "sh", "-c",
         "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 1; done")
    host("run", "-d", "--name", "once", "-v", "store:/data", "bb:1", "sleep", "10000")
    assert host("exec", "once", "cat", "/data/low").stdout == "low"
    vm.send("poweroff")
    vm.wait_shutdown(120)
    vm = machine("kernel", ports=[2375], cmdline=LISTEN, disks=[state_disk])
    vm.wait_ready(240)
    host = Host(vm)
    deadline = time.monotonic() + 60
    while not host.inspect("kept")["State"]["Running"]:  # the machine is ready before every container is up
        assert time.monotonic() < deadline, vm.sh("cat /run/slipway/log/userctr.log")[0]
    assert host("logs", "kept").stdout.startswith("up\nbye\n")
    assert host.inspect("once")["State"]["Status"] == "exited"
    host("start", "once")
    assert host("exec", "once", "ls", "/data").stdout.split() == ["link", "low"]
