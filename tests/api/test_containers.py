# SPDX-License-Identifier: Apache-2.0
"""Containers, driven by docker's own client."""
import base64
import io
import json
import os
import pty
import signal
import socket
import subprocess
import tarfile
import threading
import time
from pathlib import Path

import pytest

import images as im
from conftest import OUT, docker_client

NO_NET = ("--network", "none")
BUSYBOX = OUT / "deps" / "musl" / "bin" / "busybox"


def busybox_image():
    """`bb:1`: two layers, users, a folder with content for volumes."""
    applets = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
    base = im.tar(im.directory("bin"), im.entry("bin/busybox", BUSYBOX.read_bytes(), mode=0o755),
                  *[im.symlink("bin/" + a, "busybox") for a in applets if a != "busybox"], im.directory("proc"),
                  im.directory("dev"), im.directory("sys"), im.directory("tmp", mode=0o1777), im.directory("etc"),
                  im.directory("data", mode=0o750, uid=33, gid=50), im.entry("data/low", b"low", uid=33, mode=0o640),
                  im.entry("data/gone", b"x"), im.symlink("data/link", "low"),
                  im.entry("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"))
    top = im.tar(im.directory("etc"), im.entry("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"
                                               b"www:x:33:33:www:/var/www:/bin/sh\n"),
                 im.entry("etc/group", b"root:x:0:\nwww:x:33:\nstaff:x:50:www\n"),
                 im.directory("data", mode=0o750, uid=33, gid=50), im.entry("data/.wh.gone"))
    return im.docker_archive("bb:1", base, top)


class Box:
    """A daemon with an image of busybox, `bb:1`."""

    def __init__(self, daemon):
        self.d = daemon
        daemon.docker("load", input=busybox_image(), text=False)

    def __call__(self, *argv, **kw):
        return self.d.docker(*argv, **kw)

    def run(self, *argv, **kw):
        return self("run", *NO_NET, *argv, **kw)

    def up(self, *argv, cmd=("sleep", "1000")):
        """Start one in the background; its id."""
        return self.run("-d", *argv, "bb:1", *cmd).stdout.strip()

    def inspect(self, name):
        return json.loads(self("inspect", name).stdout)[0]

    def wait(self, name):
        return int(self("wait", name).stdout)

    def popen(self, *argv, **kw):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.d.folder), "DOCKER_CONFIG": str(self.d.folder)}
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("stdout", subprocess.PIPE)
        return subprocess.Popen([docker_client(), "-H", self.d.host, *argv], stderr=subprocess.PIPE, env=env, **kw)

    def events(self, since, until):
        out = self("events", "--since", since, "--until", until, "--format", "{{json .}}").stdout
        return [json.loads(l) for l in out.splitlines()]


@pytest.fixture(scope="module")
def box(daemon):
    return Box(daemon)


@pytest.fixture
def fresh(make_daemon):
    """A daemon of the test's own."""
    return lambda *a: Box(make_daemon(*a))


@pytest.fixture(autouse=True)
def clean(request):
    yield
    if "box" in request.fixturenames:
        box = request.getfixturevalue("box")
        ids = box("ps", "-aq").stdout.split()
        if ids:
            box("rm", "-fv", *ids)
        assert list((box.d.root / "containers").glob("[0-9a-f]*")) == []
        assert [p.name for p in box.d.run.iterdir() if p.name not in ("sysctr",)] == []


# ---- run ----

def test_run_streams_and_exit_code(box):
    p = box.run("--rm", "bb:1", "sh", "-c", "echo out; echo err >&2; exit 7", ok=False)
    assert (p.stdout, p.stderr, p.returncode) == ("out\n", "err\n", 7)
    assert box("ps", "-aq").stdout == ""


def test_run_passes_stdin(box):
    p = box.run("-i", "--rm", "bb:1", "sh", "-c", "cat; echo end", input="a\nb\n")
    assert p.stdout == "a\nb\nend\n"


def test_run_much_output_is_complete(box):
    p = box.run("--rm", "bb:1", "sh", "-c", "seq 1 200000")
    assert p.stdout.splitlines() == [str(i) for i in range(1, 200001)]


@pytest.mark.parametrize("cmd, code", [(["nope"], 127), (["/bin/nope"], 127), (["/etc"], 126), (["/etc/passwd"], 126)])
def test_run_what_cannot_be_run(box, cmd, code):
    p = box.run("--name", "cannot", "bb:1", *cmd, ok=False)
    assert p.returncode == code, p.stderr
    i = box.inspect("cannot")
    assert i["State"]["Status"] == "created" and i["State"]["ExitCode"] == code and i["State"]["Error"]
    p = box.run("--rm", "bb:1", *cmd, ok=False)
    assert p.returncode == code
    assert box("ps", "-aq", "--no-trunc").stdout.split() == [i["Id"]]


def test_run_unknown_image(box):
    status, body = box.d.api("POST", "/containers/create", {"Image": "nosuch:1"})
    assert (status, body) == (404, {"message": "No such image: nosuch:1"})


def test_run_terminal(box):
    master, slave = pty.openpty()
    p = box.popen("run", *NO_NET, "--rm", "-it", "bb:1", "sh", "-c", "stty size; read x; echo got $x; exit 5", stdin=slave,
                  stdout=slave)
    os.close(slave)
    os.write(master, b"word\r")
    out = b""
    while b"got word\r\n" not in out:
        out += os.read(master, 4096)
    assert p.wait(30) == 5
    os.close(master)


def test_run_signal_and_kill_codes(box):
    name = box.up("--name", "killed")
    box("kill", name)
    assert box.wait(name) == 137
    assert box.inspect(name)["State"]["ExitCode"] == 137
    p = box("kill", name, ok=False)
    assert p.returncode == 1 and "is not running" in p.stderr


def test_detached_prints_id(box):
    cid = box.up()
    assert len(cid) == 64 and box.inspect(cid)["State"]["Running"] is True


def test_user_of_the_image(box):
    assert box.run("--rm", "-u", "www", "bb:1", "id").stdout.startswith("uid=33(www) gid=33(www)")
    assert box.run("--rm", "-u", "12:34", "bb:1", "id", "-u").stdout == "12\n"
    p = box.run("-u", "ghost", "bb:1", "id", ok=False)
    assert p.returncode == 125 and "unable to find user ghost" in p.stderr


def test_init_reaps_and_forwards(box):
    cid = box.up("--init", cmd=("sh", "-c", "trap 'exit 6' USR1; (sleep 0.1 & exec true); echo up; while :; do sleep 0.1; done"))
    wait_for_log(box, cid, "up")
    rows = box("top", cid, "-o", "pid,ppid,stat,args").stdout.splitlines()[1:]
    assert "docker-init" in rows[0] and not [r for r in rows if r.split()[2] == "Z"]
    box("kill", "-s", "USR1", cid)
    assert box.wait(cid) == 6
    p = box.run("--rm", "--init", "bb:1", "nope", ok=False)
    assert p.returncode == 127


# ---- names and lookup ----

def test_names(box):
    cid = box.up("--name", "web")
    for name in ("web", "/web", cid, cid[:12], cid[:5]):
        assert box.inspect(name)["Id"] == cid
    p = box("create", "--name", "web", "bb:1", ok=False)
    assert p.stderr.startswith(
        'Error response from daemon: Conflict. The container name "/web" is already in use by container "%s". You have '
        "to remove (or rename) that container to be able to reuse that name." % cid)
    box("rename", "web", "site")
    assert box.inspect("site")["Name"] == "/site"
    assert "No such container: web" in box("stop", "web", ok=False).stderr
    made_up = box("create", *NO_NET, "bb:1").stdout.strip()
    assert "_" in box.inspect(made_up)["Name"]


# ---- life ----

def test_stop_start_restart(box):
    cid = box.up("--name", "st")
    began = time.monotonic()
    box("stop", "-t", "1", cid)
    assert 0.9 < time.monotonic() - began < 6  # PID 1 ignores SIGTERM: killed after the grace
    s = box.inspect(cid)["State"]
    assert (s["Status"], s["ExitCode"], s["Running"]) == ("exited", 137, False)
    assert box.d.api("POST", "/containers/st/stop")[0] == 304
    box("start", cid)
    assert box.d.api("POST", "/containers/st/start")[0] == 304
    first = box.inspect(cid)["State"]["Pid"]
    box("restart", "-t", "0", cid)
    s = box.inspect(cid)["State"]
    assert s["Running"] and s["Pid"] not in (0, first)


def test_stop_with_a_handler_is_quick(box):
    cid = box.up(cmd=("sh", "-c", "trap 'exit 9' TERM; echo up; while :; do sleep 0.1; done"))
    wait_for_log(box, cid, "up")
    box("stop", cid)
    assert box.inspect(cid)["State"]["ExitCode"] == 9


def wait_for_log(box, cid, text):
    p = box.popen("logs", "-f", cid)
    for line in p.stdout:
        if text in line.decode():
            break
    else:
        raise AssertionError("%s never said %s" % (cid, text))
    p.kill()
    p.wait()


def test_signals_by_name_and_number(box):
    for sig in ("USR1", "SIGUSR1", "10"):
        cid = box.up(cmd=("sh", "-c", "trap 'exit 4' USR1; echo up; while :; do sleep 0.1; done"))
        wait_for_log(box, cid, "up")
        box("kill", "-s", sig, cid)
        assert box.wait(cid) == 4
    p = box("kill", "-s", "FOO", cid, ok=False)
    assert "invalid signal: FOO" in p.stderr


def test_remove(box):
    cid = box.up("--name", "rr")
    p = box("rm", "rr", ok=False)
    assert 'cannot remove container "rr": container is running: stop the container before removing or force remove' \
        in p.stderr
    box("rm", "-f", "rr")
    assert "No such container" in box("inspect", cid, ok=False).stderr.replace("No such object", "No such container")


def test_restart_policy(box):
    cid = box.run("-d", "--restart", "on-failure:2", "bb:1", "sh", "-c", "exit 3").stdout.strip()
    assert box.wait(cid) == 3
    while box.inspect(cid)["State"]["Status"] != "exited":
        box.d.api("POST", f"/containers/{cid}/wait")
    i = box.inspect(cid)
    assert i["RestartCount"] == 2 and i["State"]["ExitCode"] == 3
    cid = box.run("-d", "--restart", "always", "bb:1", "sh", "-c", "exit 0").stdout.strip()
    box("stop", cid)
    assert box.inspect(cid)["State"]["Status"] == "exited"


def test_wait_conditions(box):
    assert box.d.api("POST", "/containers/nosuch/wait")[0] == 404
    box.up("--name", "ww", cmd=("sh", "-c", "exit 6"))
    box.wait("ww")
    assert box.d.api("POST", "/containers/ww/wait")[1] == {"StatusCode": 6}
    assert box.d.api("POST", "/containers/ww/wait?condition=bad") == (400, {"message": 'invalid condition: "bad"'})
    c = box.d.connect()
    c.request("POST", "/v1.50/containers/ww/wait?condition=removed")
    r = c.getresponse()  # the head comes at once
    assert r.status == 200
    box("rm", "ww")
    assert json.loads(r.read()) == {"StatusCode": 6}


# ---- attach, logs ----

def test_attach_to_a_running_one(box):
    cid = box.run("-di", "bb:1", "sh", "-c", "read x; echo got $x; exit 2").stdout.strip()
    p = box("attach", cid, input="word\n", ok=False)
    assert p.stdout == "got word\n" and p.returncode == 2


def test_two_attached_see_the_same(box):
    cid = box("create", "-i", *NO_NET, "bb:1", "sh", "-c", "read x; seq 1 1000").stdout.strip()
    p = box.popen("start", "-ai", cid, stdin=subprocess.PIPE)
    while not box.inspect(cid)["State"]["Running"]:
        pass
    ps = [box.popen("attach", "--no-stdin", cid) for _ in range(2)]
    want = "".join("%d\n" % i for i in range(1, 1001)).encode()
    time.sleep(0.3)  # nothing tells when a client is attached
    out, _ = p.communicate(b"go\n", timeout=30)
    outs = [q.communicate(timeout=30)[0] for q in ps]
    assert out == want and outs == [want, want]


def test_logs(box):
    cid = box.up("--name", "ll", cmd=("sh", "-c", "for i in 1 2 3; do echo out$i; echo err$i >&2; done; printf end"))
    box.wait(cid)
    p = box("logs", cid)
    assert p.stdout == "out1\nout2\nout3\nend" and p.stderr == "err1\nerr2\nerr3\n"
    assert box("logs", "--tail", "1", cid).stdout == "end"
    lines = box("logs", "-t", cid).stdout.splitlines()
    assert all(len(l.split(" ")[0]) == 30 and l.split(" ")[0].endswith("Z") for l in lines)
    stamp = lines[1].split(" ")[0]
    assert box("logs", "--since", "2100-01-01T00:00:00Z", cid).stdout == ""
    assert box("logs", "--until", "1h", cid).stdout == ""
    assert "out3" in box("logs", "--since", stamp, cid).stdout
    assert box.d.api("GET", "/containers/ll/logs") == (
        400, {"message": "Bad parameters: you must choose at least one stream"})
    assert Path(box.inspect(cid)["LogPath"]).read_text().count("\n") == 7


def test_logs_follow_until_the_end_across_rotation(box):
    cid = box.run("-di", "--log-opt", "max-size=20k", "--log-opt", "max-file=3", "bb:1", "sh", "-c",
                  "read x; i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done").stdout.strip()
    p = box.popen("logs", "-f", cid)
    a = box.popen("attach", cid, stdin=subprocess.PIPE)
    a.communicate(b"go\n", timeout=60)
    out = p.communicate(timeout=60)[0].decode().split("\n")
    assert out[-1] == "" and out[-2] == "line 2999"
    numbers = [int(l.split()[1]) for l in out[:-1]]
    assert numbers == sorted(numbers)
    assert len(list(Path(box.inspect(cid)["LogPath"]).parent.glob("*-json.log*"))) == 3


def test_logs_of_tty_are_raw(box):
    cid = box.run("-dt", "bb:1", "echo", "hi").stdout.strip()
    box.wait(cid)
    assert box("logs", cid, text=False).stdout == b"hi\r\n"


# ---- exec ----

def test_exec(box):
    cid = box.up("--name", "xx")
    p = box("exec", cid, "sh", "-c", "echo out; echo err >&2; exit 9", ok=False)
    assert (p.stdout, p.stderr, p.returncode) == ("out\n", "err\n", 9)
    assert box("exec", "-i", cid, "cat", input="text").stdout == "text"
    assert box("exec", "-u", "www", cid, "id", "-u").stdout == "33\n"
    box("exec", "-d", cid, "sh", "-c", "echo made >/made")
    for _ in range(100):
        if box("exec", cid, "cat", "/made", ok=False).stdout == "made\n":
            break
    else:
        raise AssertionError("a detached exec did nothing")
    p = box("exec", cid, "nope", ok=False)
    assert p.returncode == 127 and "executable file not found" in p.stdout + p.stderr
    p = box("exec", cid, "/etc/passwd", ok=False)
    assert p.returncode == 126
    box("stop", "-t", "0", cid)
    p = box("exec", cid, "true", ok=False)
    assert "is not running" in p.stderr
    assert box.d.api("GET", "/exec/nosuch/json") == (404, {"message": "No such exec instance: nosuch"})


def test_exec_many_at_once(box):
    cid = box.up()
    ps = [box.popen("exec", cid, "sh", "-c", "echo %d; exit %d" % (i, i)) for i in range(12)]
    for i, p in enumerate(ps):
        assert p.communicate(timeout=60)[0] == b"%d\n" % i and p.returncode == i


# ---- health ----

def test_health(box):
    began = str(time.time())
    cid = box.up("--name", "hh", "--health-cmd", "echo looked; test -e /ok", "--health-interval", "100ms",
                 "--health-retries", "2")
    assert "(health: starting)" in box("ps").stdout

    def until(status):
        deadline = time.monotonic() + 30
        while box.inspect(cid)["State"]["Health"]["Status"] != status:
            assert time.monotonic() < deadline

    until("unhealthy")
    h = box.inspect(cid)["State"]["Health"]
    assert h["FailingStreak"] >= 2 and h["Log"][0]["ExitCode"] == 1 and h["Log"][0]["Output"] == "looked\n"
    box("exec", cid, "touch", "/ok")
    until("healthy")
    assert "(healthy)" in box("ps").stdout and len(box.inspect(cid)["State"]["Health"]["Log"]) <= 5
    assert box("ps", "-q", "--no-trunc", "--filter", "health=healthy").stdout.split() == [cid]
    box("stop", "-t", "0", cid)
    actions = [e["Action"] for e in box.events(began, str(time.time() + 1))]
    assert "health_status: unhealthy" in actions and "health_status: healthy" in actions
    assert actions[-3:] == ["kill", "stop", "die"] or actions[-1] == "die"


def test_health_timeout(box):
    cid = box.up("--health-cmd", "sleep 100", "--health-interval", "50ms", "--health-timeout", "300ms",
                 "--health-retries", "1")
    deadline = time.monotonic() + 30
    while box.inspect(cid)["State"]["Health"]["Status"] != "unhealthy":
        assert time.monotonic() < deadline
    log = box.inspect(cid)["State"]["Health"]["Log"][0]
    assert log["ExitCode"] == -1 and "exceeded timeout" in log["Output"]


# ---- list, inspect ----

def test_ps_and_filters(box):
    a = box.up("--name", "aa", "--label", "k=v", "--label", "only")
    b = box("create", "--name", "bb", "--label", "k=w", *NO_NET, "bb:1").stdout.strip()

    def ids(*f):
        return set(box("ps", "-q", "--no-trunc", *[x for v in f for x in ("--filter", v)]).stdout.split())

    assert ids() == {a}
    assert set(box("ps", "-aq", "--no-trunc").stdout.split()) == {a, b}
    assert ids("status=created") == {b} and ids("status=created", "status=running") == {a, b}
    assert ids("label=k", "status=created", "status=running") == {a, b} and ids("label=k=v") == {a}
    assert ids("label=k", "label=only") == {a} and ids("name=^/a") == {a} and ids("id=" + a[:7]) == {a}
    assert ids("ancestor=bb:1") == {a} and ids("since=aa") == {b} and ids("before=bb") == {a}
    assert ids("network=none") == {a}
    assert "invalid filter 'bogus'" in box("ps", "--filter", "bogus=x", ok=False).stderr
    p = json.loads(box("ps", "-a", "--format", "json", "--filter", "name=aa").stdout)
    assert p["Status"].startswith("Up ") and p["Image"] == "bb:1" and p["Command"] == '"sleep 1000"'
    assert [c["Id"] for c in box.d.api("GET", "/containers/json?limit=1")[1]] == [b]


GOLDEN = {
    "Id": str, "Created": str, "Path": str, "Args": list, "State": dict, "Image": str, "ResolvConfPath": str,
    "HostnamePath": str, "HostsPath": str, "LogPath": str, "Name": str, "RestartCount": int, "Driver": str,
    "Platform": str, "MountLabel": str, "ProcessLabel": str, "AppArmorProfile": str, "ExecIDs": (list, type(None)),
    "HostConfig": dict, "GraphDriver": dict, "Mounts": list, "Config": dict, "NetworkSettings": dict}


def test_inspect(box):
    cid = box.up("--name", "ii", cmd=("sh", "-c", "sleep 100"))
    i = box.inspect(cid)
    for key, kind in GOLDEN.items():
        assert isinstance(i[key], kind), key
    assert (i["Path"], i["Args"]) == ("sh", ["-c", "sleep 100"])
    assert set(i["State"]) >= {"Status", "Running", "Paused", "Restarting", "OOMKilled", "Dead", "Pid", "ExitCode",
                               "Error", "StartedAt", "FinishedAt"}
    assert i["State"]["FinishedAt"] == "0001-01-01T00:00:00Z" and i["Config"]["Image"] == "bb:1"
    assert i["Config"]["Hostname"] == cid[:12] and i["Config"]["Labels"] == {}
    assert Path(i["HostnamePath"]).read_text() == cid[:12] + "\n"
    assert "SizeRw" in box.d.api("GET", "/containers/ii/json?size=1")[1]


def test_prune(box):
    keep = box.up()
    gone = [box.up(cmd=("true",)) for _ in range(3)]
    for g in gone:
        box.wait(g)
    r = box.d.api("POST", "/containers/prune")[1]
    assert sorted(r["ContainersDeleted"]) == sorted(gone) and r["SpaceReclaimed"] >= 0
    assert box("ps", "-aq", "--no-trunc").stdout.split() == [keep]


# ---- processes and figures ----

def test_top(box):
    cid = box.up(cmd=("sh", "-c", "sleep 1000 & sleep 1001; true"))
    out = box("top", cid).stdout.splitlines()
    assert out[0].split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    rows = [l.split(None, 7) for l in out[1:]]
    assert sorted(r[7] for r in rows)[-2:] == ["sleep 1000", "sleep 1001"] and len(rows) == 3
    assert int(rows[0][1]) == box.inspect(cid)["State"]["Pid"] and {r[0] for r in rows} == {"root"}
    assert box("top", cid, "aux").stdout.splitlines()[0].split()[-1] == "COMMAND"
    assert box("top", cid, "-o", "pid,comm").stdout.splitlines()[1].split()[1] == "sh"
    assert "only -ef, aux" in box("top", cid, "-z", ok=False).stderr
    box("stop", "-t", "0", cid)
    assert "is not running" in box("top", cid, ok=False).stderr


def test_stats(box):
    cid = box.up("--name", "figures")
    s = box.d.api("GET", "/containers/figures/stats?stream=0")[1]
    assert s["id"] == cid and s["name"] == "/figures" and not s["preread"].startswith("0001")
    for key in ("cpu_stats", "precpu_stats"):
        assert s[key]["system_cpu_usage"] > 0 and s[key]["online_cpus"] == os.cpu_count()
        assert s[key]["cpu_usage"]["total_usage"] >= 0
    assert s["cpu_stats"]["system_cpu_usage"] > s["precpu_stats"]["system_cpu_usage"]
    s = box.d.api("GET", "/containers/figures/stats?stream=0&one-shot=1")[1]
    assert s["preread"] == "0001-01-01T00:00:00Z"
    assert box("stats", "--no-stream", "--format", "{{.Name}}").stdout == "figures\n"
    box("stop", "-t", "0", cid)
    status, s = box.d.api("GET", "/containers/figures/stats?stream=0")
    assert status == 200 and s["read"] == "0001-01-01T00:00:00Z"


def test_info(box):
    before = box.d.api("GET", "/info")[1]
    for key in GOLDEN_INFO.split():
        assert key in before, key
    a, b = box.up(), box("create", *NO_NET, "bb:1").stdout
    i = json.loads(box("info", "--format", "json").stdout)
    assert [i[k] for k in ("Containers", "ContainersRunning", "ContainersPaused", "ContainersStopped", "Images")] == [
        2, 1, 0, 1, 1]
    assert i["ID"] == before["ID"] and len(i["ID"]) == 36 and a and b
    assert i["NCPU"] == os.cpu_count() and i["DockerRootDir"] == str(box.d.root) and i["Driver"] == "overlay2"


def test_disk_usage(box):
    box.up("-v", "space:/x", "--name", "df")
    d = box.d.api("GET", "/system/df")[1]
    assert [c["Names"] for c in d["Containers"]] == [["/df"]] and d["Containers"][0]["SizeRootFs"] > 1000
    assert d["Images"][0]["RepoTags"] == ["bb:1"] and d["LayersSize"] > 1000 and d["BuildCache"] == []
    assert d["Volumes"][0]["Name"] == "space" and d["Volumes"][0]["UsageData"]["RefCount"] == 1
    assert "Containers" in box("system", "df").stdout
    box("rm", "-f", "df")
    box("volume", "rm", "space")


GOLDEN_INFO = """ID Containers ContainersRunning ContainersPaused ContainersStopped Images Driver DriverStatus Plugins
MemoryLimit SwapLimit KernelMemoryTCP CpuCfsPeriod CpuCfsQuota CPUShares CPUSet PidsLimit IPv4Forwarding Debug NFd
OomKillDisable NGoroutines SystemTime LoggingDriver CgroupDriver CgroupVersion NEventsListener KernelVersion
OperatingSystem OSVersion OSType Architecture IndexServerAddress RegistryConfig NCPU MemTotal GenericResources
DockerRootDir HttpProxy HttpsProxy NoProxy Name Labels ExperimentalBuild ServerVersion Runtimes DefaultRuntime Swarm
LiveRestoreEnabled Isolation InitBinary ContainerdCommit RuncCommit InitCommit SecurityOptions FirewallBackend
CDISpecDirs Containerd Warnings"""


# ---- files ----

def members(data):
    return {m.name: m for m in tarfile.open(fileobj=io.BytesIO(data))}


@pytest.mark.parametrize("running", [True, False])
def test_copy_out(box, tmp_path, running):
    cid = box.up("--name", "cp", "-v", "cpvol:/vol", cmd=(
        "sh", "-c", "mkdir -p /d/sub; echo one >/d/f; ln -s f /d/l; ln -s ../etc/passwd /out; echo v >/vol/v; rm /data/low; "
        "echo ready; exec sleep 1000"))
    wait_for_log(box, cid, "ready")
    if not running:
        box("stop", "-t", "0", cid)
    box("cp", "cp:/d", tmp_path / "got")
    assert (tmp_path / "got" / "f").read_text() == "one\n" and os.readlink(tmp_path / "got" / "l") == "f"
    assert (tmp_path / "got" / "sub").is_dir()
    (tmp_path / "content").mkdir()
    box("cp", "cp:/d/.", tmp_path / "content")
    assert sorted(os.listdir(tmp_path / "content")) == ["f", "l", "sub"]
    box("cp", "cp:/vol/v", tmp_path / "v")
    assert (tmp_path / "v").read_text() == "v\n"
    box("cp", "-L", "cp:/out", tmp_path / "passwd")  # a link is followed inside
    assert (tmp_path / "passwd").read_text().startswith("root:x:0:0") and "www" in (tmp_path / "passwd").read_text()
    assert box("cp", "cp:/d/f", "-", text=False).stdout.startswith(b"f\0")
    assert "Could not find the file /data/low in container cp" in box("cp", "cp:/data/low", tmp_path / "x", ok=False).stderr
    c = box.d.connect()
    c.request("HEAD", "/v1.50/containers/cp/archive?path=/data/")
    st = json.loads(base64.b64decode(c.getresponse().getheader("X-Docker-Container-Path-Stat")))
    assert (st["name"], st["mode"], st["linkTarget"]) == ("data", 1 << 31 | 0o750, "")
    box("rm", "-f", "cp")
    box("volume", "rm", "cpvol")


@pytest.mark.parametrize("running", [True, False])
def test_copy_in(box, tmp_path, running):
    box.up("--name", "cp", "-v", "cpvol:/vol", cmd=("sh", "-c", "[ -d /d ] || { mkdir /d; echo old >/d/f; echo keep >/d/k; }; echo ready; exec sleep 1000"))
    wait_for_log(box, "cp", "ready")
    if not running:
        box("stop", "-t", "0", "cp")
    src = tmp_path / "src"
    (src / "sub").mkdir(parents=True)
    (src / "f").write_text("new\n")
    (src / "sub" / "g").write_text("deep\n")
    (src / "l").symlink_to("f")
    box("cp", f"{src}/.", "cp:/d")
    box("cp", src / "f", "cp:/d/renamed")
    box("cp", src, "cp:/vol")
    p = box("cp", src / "f", "cp:/etc/passwd/x", ok=False)
    assert p.returncode == 1
    status, body = box.d.api("PUT", "/containers/cp/archive?path=/etc/passwd", b"")
    assert (status, body) == (400, {"message": "extraction point is not a directory"})
    assert box.d.api("PUT", "/containers/cp/archive?path=/nosuch", b"")[0] == 404
    assert box.d.api("PUT", "/containers/cp/archive?path=/d", im.tar(im.entry("../../evil", b"x")))[0] == 400
    assert box.d.api("PUT", "/containers/cp/archive?path=/d", b"junk" * 1000)[0] == 400
    if not running:
        box("start", "cp")
    out = box("exec", "cp", "sh", "-c", "cd /d; cat f k sub/g renamed; readlink l; cat /vol/src/f; ls /").stdout
    assert out.split()[:6] == ["new", "keep", "deep", "new", "f", "new"] and "evil" not in out
    box("rm", "-f", "cp")
    box("volume", "rm", "cpvol")


def test_export(box, tmp_path):
    cid = box.up("-v", "exvol:/vol", cmd=("sh", "-c", "rm /data/low; echo new >/etc/new; echo ready; exec sleep 1000"))
    wait_for_log(box, cid, "ready")
    m = members(box("export", cid, text=False).stdout)
    assert "etc/new" in m and "bin/busybox" in m and "data/low" not in m and m["data"].uid == 33
    assert not [n for n in m if ".wh." in n] and m["tmp"].mode == 0o1777
    box("rm", "-f", cid)
    box("volume", "rm", "exvol")


# ---- volumes and binds ----

def test_new_volumes_get_the_images_content(box):
    p = box.run("--rm", "-v", "vol1:/data", "bb:1", "sh", "-c",
                "stat -c '%a %u %g' /data /data/low; cat /data/low; echo; readlink /data/link; ls /data; echo more >/data/new")
    assert p.stdout.split() == ["750", "33", "50", "640", "33", "0", "low", "low", "link", "low"]
    p = box.run("--rm", "-v", "vol1:/data", "bb:1", "ls", "/data")  # a second time it is as it was left
    assert p.stdout.split() == ["link", "low", "new"]
    assert box.run("--rm", "-v", "vol2:/data:nocopy", "bb:1", "ls", "/data").stdout == ""
    assert box("volume", "ls", "-q").stdout.split() == ["vol1", "vol2"]
    box("volume", "rm", "vol1", "vol2")


def test_anonymous_volumes_go_with_their_container(box):
    cid = box.up("-v", "/data", "--name", "anon")
    m = box.inspect("anon")["Mounts"][0]
    assert (m["Type"], m["Destination"], m["Driver"], m["RW"]) == ("volume", "/data", "local", True)
    assert len(m["Name"]) == 64 and Path(m["Source"], "low").read_bytes() == b"low"
    assert box.run("--rm", "--volumes-from", "anon:ro", "bb:1", "sh", "-c",
                   "cat /data/low; echo x >/data/f || echo no").stdout == "lowno\n"
    assert box("volume", "ls", "-q").stdout.split() == [m["Name"]]
    box("rm", "-f", cid)
    assert box("volume", "ls", "-q").stdout.split() == [m["Name"]]  # without -v it stays
    box("volume", "rm", m["Name"])
    box.run("--rm", "-v", "/x", "bb:1", "true")
    box.up("-v", "/x", "--name", "anon")
    box("rm", "-fv", "anon")
    assert box("volume", "ls", "-q").stdout == ""


def test_binds(box, tmp_path):
    (tmp_path / "f").write_text("text")
    p = box.run("--rm", "-v", f"{tmp_path}:/mnt:ro", "-v", f"{tmp_path}/made:/made", "bb:1", "sh", "-c",
                "cat /mnt/f; echo x >/mnt/g || echo ro; echo y >/made/h")
    assert p.stdout == "textro\n" and (tmp_path / "made" / "h").read_text() == "y\n"
    p = box("create", *NO_NET, "--mount", "type=bind,src=/no/such,dst=/x", "bb:1", ok=False)
    assert "bind source path does not exist: /no/such" in p.stderr
    assert box("ps", "-aq").stdout == ""


def test_volumes_in_use_cannot_be_removed(box):
    box.up("-v", "used:/x", "--name", "uu")
    assert "volume is in use" in box("volume", "rm", "used", ok=False).stderr
    box("rm", "-f", "uu")
    box("volume", "rm", "used")


# ---- the daemon goes away ----

def test_containers_outlive_the_daemon(fresh):
    box = fresh()
    cid = box.run("-di", "--name", "survivor", "bb:1", "sh", "-c", "read x; echo got $x; read y; exit 8").stdout.strip()
    plain = box.up(cmd=("sh", "-c", "exit 5"))
    box.wait(plain)
    pid = box.inspect(cid)["State"]["Pid"]
    box.d.restart(signal.SIGKILL)
    i = box.inspect("survivor")
    assert i["State"]["Running"] and i["State"]["Pid"] == pid
    assert box.inspect(plain)["State"]["ExitCode"] == 5
    a = box.popen("attach", cid, stdin=subprocess.PIPE)
    a.stdin.write(b"one\n")
    a.stdin.flush()
    assert a.stdout.readline() == b"got one\n"
    box.d.kill()  # the attach session and the container go on without it
    a.stdin.write(b"two\n")
    a.stdin.flush()
    assert a.stdout.read() == b""
    a.wait()
    box.d.start()
    i = box.inspect("survivor")
    assert (i["State"]["Status"], i["State"]["ExitCode"]) == ("exited", 8)
    assert "got one" in box("logs", cid).stdout
    box("start", cid)
    box("rm", "-f", cid)


def test_daemon_killed_under_load(fresh):
    box = fresh()
    box.up("--name", "steady", cmd=("sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); sleep 0.05; done"))
    pid = box.inspect("steady")["State"]["Pid"]
    stop = threading.Event()

    def load():
        while not stop.is_set():
            box.run("--rm", "bb:1", "true", ok=False)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for t in threads:
        t.start()
    for _ in range(4):
        time.sleep(0.4)  # some work in every stage
        box.d.restart(signal.SIGKILL)
        i = box.inspect("steady")
        assert i["State"]["Running"] and i["State"]["Pid"] == pid
    stop.set()
    for t in threads:
        t.join()
    for cid in box("ps", "-aq").stdout.split():
        box("rm", "-f", cid)
    assert box("ps", "-aq").stdout == ""
    assert [p for p in box.d.run.iterdir() if p.name != "sysctr"] == []


def test_shutdown_ends_containers_and_boot_starts_them(fresh):
    box = fresh()
    box.run("-d", "--restart", "unless-stopped", "--name", "kept", "bb:1", "sh", "-c",
            "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done")
    box.up("--name", "once", "--stop-timeout", "1")
    wait_for_log(box, "kept", "up")
    assert box.d.stop(signal.SIGPWR) == 0
    box.d.start()
    s = box.inspect("once")["State"]
    assert (s["Status"], s["ExitCode"]) == ("exited", 137)
    deadline = time.monotonic() + 30
    while not box.inspect("kept")["State"]["Running"]:  # the daemon answers before every container is up
        assert time.monotonic() < deadline
    assert box("logs", "kept").stdout.startswith("up\nbye\n")
    box("rm", "-f", "kept", "once")


def test_restart_policy_after_a_reboot(fresh):
    box = fresh()
    a = box.up("--restart", "always", "--name", "a1")
    box.up("--restart", "unless-stopped", "--name", "u1")
    box.up("--restart", "unless-stopped", "--name", "u2")
    box.up("--name", "n1")
    box("stop", "-t", "0", "u2")
    pids = [box.inspect(n)["State"]["Pid"] for n in ("a1", "u1", "n1")]
    box.d.kill()
    for p in Path("/proc").iterdir():  # the power goes: monitors first, so that nobody notes anything
        if p.name.isdigit():
            try:
                cmd = (p / "cmdline").read_bytes()
            except OSError:
                continue
            if b"monitor" in cmd and str(box.d.run).encode() in cmd:
                os.kill(int(p.name), signal.SIGKILL)
    for p in pids:
        os.kill(p, signal.SIGKILL)
    subprocess.run(["rm", "-rf", str(box.d.run)], check=True)
    box.d.start()
    deadline = time.monotonic() + 30
    for name in ("a1", "u1"):
        while box.inspect(name)["State"]["Status"] != "running":
            assert time.monotonic() < deadline
    for name in ("u2", "n1"):
        assert box.inspect(name)["State"]["Status"] == "exited"
    box("rm", "-f", "a1", "u1", "u2", "n1")
    assert a
