# SPDX-License-Identifier: Apache-2.0
"""The runtime specification property by property; docs/sysctr.md names the test of each."""
import array
import json
import os
import resource
import select
import shutil
import socket
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from test_sysctr import NAMESPACES, SYSCTR, config

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
APPLETS = ("sh", "cat", "sleep", "id", "mkdir", "ls", "grep", "hostname", "tty", "stty", "uname", "stat", "echo", "touch", "ip", "taskset",
           "ionice", "chrt", "env", "true", "head", "kill", "readlink", "ps", "dnsdomainname", "wc", "ulimit", "umask", "mount", "chmod",
           "mknod", "tr", "date")


@pytest.fixture
def box(tmp_path):
    from test_sysctr import Box
    b = Box(tmp_path)
    for name in APPLETS:
        link = tmp_path / "rootfs" / "bin" / name
        if not link.is_symlink():
            link.symlink_to("busybox")
    (tmp_path / "rootfs" / "tmp").mkdir()
    (tmp_path / "rootfs" / "mnt").mkdir()
    yield b
    for name in b.left():
        b("delete", "-f", name)
    assert b.left() == []
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


def linux(c, **changes):
    c["linux"].update(changes)
    return c


def process(c, **changes):
    c["process"].update(changes)
    return c


def sh(script, **changes):
    return config("/bin/sh", "-c", script, **changes)


def ok(box, c, *args, prefix=()):
    box.write(c)
    r = subprocess.run([*prefix, SYSCTR, "--root", box.root, "run", "-b", box.path, *args, "t"], capture_output=True, text=True,
                       timeout=30, stdin=subprocess.DEVNULL)
    assert r.returncode == 0, r.stderr + r.stdout
    return r.stdout


def bad(box, c, *expected):
    r = box.run(c)
    assert r.returncode == 1, r.stdout
    for e in expected:
        assert e in r.stderr
    assert r.stderr.count("\n") == 1 and box.left() == []
    return r.stderr


def detached(box, c, name="t"):
    """A running container whose standard streams are not ours to wait for."""
    box.write(c)
    with open(box.path / "err", "w") as err:
        p = subprocess.run([SYSCTR, "--root", box.root, "run", "-d", "-b", box.path, name], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=err, timeout=30)
    assert p.returncode == 0, (box.path / "err").read_text()
    return json.loads(box("state", name).stdout)


def create(box, c, name="t"):
    box.write(c)
    with open(box.path / "err", "w") as err:
        p = subprocess.run([SYSCTR, "--root", box.root, "create", "-b", box.path, name], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=err, timeout=30)
    return p.returncode, (box.path / "err").read_text()


def test_create_and_start_as_another_user(box):
    for c in (process(sh("id -u > /tmp/who"), user={"uid": 5, "gid": 6}), in_userns(process(sh("id -u > /tmp/who"), user={"uid": 5, "gid": 6}))):
        c["mounts"].append({"destination": "/tmp", "type": "bind", "source": str(box.path / "out"), "options": ["bind"]})
        (box.path / "out").mkdir(exist_ok=True)
        (box.path / "out").chmod(0o777)
        assert create(box, c) == (0, "")
        state = json.loads(box("state", "t").stdout)
        fd = os.pidfd_open(state["pid"])
        r = box("start", "t")
        assert r.returncode == 0, r.stderr
        select.select([fd], [], [], 10)
        os.close(fd)
        assert (box.path / "out" / "who").read_text() == "5\n"
        (box.path / "out" / "who").unlink()
        assert box("delete", "t").returncode == 0


# ---- hooks ----

HOOK_KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def hook(box, kind, script="", **more):
    where = "/log" if kind == "startContainer" else box.path / "rootfs" / "log"
    shell = "/bin/sh"
    return {"path": shell, "args": ["sh", "-c", f"echo {kind} $FOO $(cat) >> {where}; {script}"], "env": ["FOO=bar", "PATH=/bin:/usr/bin"],
            **more}


def test_hooks_of_six_kinds_in_order_with_the_state_on_stdin(box):
    c = config("/bin/sleep", "1000", annotations={"a.b": "c"}, root={"path": "rootfs"})
    c["hooks"] = {k: [hook(box, k)] for k in HOOK_KINDS}
    assert create(box, c) == (0, "")
    log = box.path / "rootfs" / "log"
    state = json.loads(box("state", "t").stdout)
    assert [l.split()[0] for l in log.read_text().splitlines()] == ["prestart", "createRuntime", "createContainer"]
    assert box("start", "t").returncode == 0
    assert box("delete", "-f", "t").returncode == 0
    lines = log.read_text().splitlines()
    assert [l.split()[0] for l in lines] == list(HOOK_KINDS)
    told = [json.loads(l.split(" ", 2)[2]) for l in lines]
    assert [t["status"] for t in told] == ["creating", "creating", "creating", "created", "running", "stopped"]
    # in the container's namespaces the process knows itself as 1
    assert [t.get("pid") for t in told] == [state["pid"], state["pid"], 1, 1, state["pid"], None]
    for t in told:
        assert t["id"] == "t" and t["bundle"] == str(box.path) and t["annotations"] == {"a.b": "c"} and t["ociVersion"] == "1.2.0"
    assert all(l.split()[1] == "bar" for l in lines)


def test_hooks_with_run(box):
    c = sh("cat /log", root={"path": "rootfs"})
    c["hooks"] = {k: [hook(box, k)] for k in HOOK_KINDS}
    ok(box, c)
    assert [l.split()[0] for l in (box.path / "rootfs" / "log").read_text().splitlines()] == list(HOOK_KINDS)


def test_create_container_hooks_see_the_container_s_mounts(box):
    c = sh("true", root={"path": "rootfs"})
    c["hooks"] = {"createContainer": [hook(box, "createContainer", f"/bin/readlink /proc/self/ns/mnt >> {box.path}/rootfs/log")],
                  "createRuntime": [hook(box, "createRuntime", f"/bin/readlink /proc/self/ns/mnt >> {box.path}/rootfs/log")]}
    ok(box, c)
    ns = [l for l in (box.path / "rootfs" / "log").read_text().splitlines() if l.startswith("mnt:")]
    assert ns[0] == os.readlink("/proc/self/ns/mnt") != ns[1]


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer", "startContainer"])
def test_a_failing_hook_stops_the_creation(box, kind):
    c = sh("true", root={"path": "rootfs"})
    c["hooks"] = {kind: [hook(box, kind, "echo because >&2; exit 3")]}
    bad(box, c, f"{kind} hook #0 '/bin/sh': exit status 3: because")


def test_a_hook_has_its_time(box):
    c = sh("true", root={"path": "rootfs"})
    c["hooks"] = {"createRuntime": [hook(box, "createRuntime", "exec sleep 1000", timeout=1)]}
    bad(box, c, "createRuntime hook #0", "still running after 1 s")


def test_a_failing_poststart_hook_stops_the_container(box):
    c = config("/bin/sleep", "1000", root={"path": "rootfs"})
    c["hooks"] = {"poststart": [hook(box, "poststart", "exit 1")]}
    assert create(box, c)[0] == 0
    state = json.loads(box("state", "t").stdout)
    fd = os.pidfd_open(state["pid"])
    r = box("start", "t")
    assert r.returncode == 1 and "poststart hook #0" in r.stderr
    assert select.select([fd], [], [], 10)[0]
    os.close(fd)
    assert json.loads(box("state", "t").stdout)["status"] == "stopped"


def test_every_poststop_hook_runs_and_the_container_goes(box):
    c = sh("true", root={"path": "rootfs"})
    c["hooks"] = {"poststop": [hook(box, "poststop", "exit 1"), hook(box, "poststop")]}
    ok(box, c)
    assert (box.path / "rootfs" / "log").read_text().count("poststop bar") == 2


# ---- namespaces ----

def test_time_namespace(box):
    c = linux(sh("cat /proc/uptime; readlink /proc/self/ns/time"), timeOffsets={"boottime": {"secs": 1000000, "nanosecs": 5},
                                                                               "monotonic": {"secs": 7}})
    c["linux"]["namespaces"] = [{"type": t} for t in (*NAMESPACES, "time")]
    out = ok(box, c).split()
    assert float(out[0]) > 1000000 and out[-1] != os.readlink("/proc/self/ns/time")


def test_exec_joins_the_time_namespace(box):
    c = linux(config("/bin/sleep", "1000"), timeOffsets={"boottime": {"secs": 1000000}})
    c["linux"]["namespaces"] = [{"type": t} for t in (*NAMESPACES, "time")]
    detached(box, c)
    assert float(box("exec", "t", "/bin/cat", "/proc/uptime").stdout.split()[0]) > 1000000


def test_time_offsets_need_a_time_namespace(box):
    bad(box, linux(sh("true"), timeOffsets={"boottime": {"secs": 1}}), "linux.timeOffsets", "time namespace")


@pytest.mark.parametrize("kind", ["network", "ipc", "uts", "pid"])
def test_namespaces_joined_by_path(box, kind):
    short = {"network": "net"}.get(kind, kind)
    with subprocess.Popen(["unshare", "--" + short, *(["--fork"] if kind == "pid" else []), "sleep", "1000"]) as p:
        try:
            # unshare(1) has done it when it has become sleep
            link = f"/proc/{p.pid}/ns/{short if kind != 'pid' else 'pid_for_children'}"
            def is_there():
                try:
                    return os.readlink(link) != os.readlink(f"/proc/self/ns/{short}")
                except FileNotFoundError:  # a PID namespace has no name until its first process
                    return False
            while not is_there():
                assert p.poll() is None
            c = sh(f"readlink /proc/self/ns/{short}", hostname="")
            c["linux"]["namespaces"] = [{"type": t, **({"path": link} if t == kind else {})} for t in NAMESPACES]
            assert ok(box, c).strip() == os.readlink(link)
        finally:
            p.kill()


USERNS = {"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}], "gidMappings": [{"containerID": 0, "hostID": 200000, "size": 65536}]}


def in_userns(c, **changes):
    c["linux"]["namespaces"] = [{"type": t} for t in (*NAMESPACES, "user")]
    return linux(c, **USERNS, **changes)


def test_user_namespace(box):
    # the bundle is below a directory that the mapped root cannot enter
    c = in_userns(sh("id -u; cat /proc/self/uid_map /proc/self/gid_map; stat -c %u /bin/busybox; echo x >/dev/null && head -c2 /dev/zero | wc -c;"
                     "cat /proc/self/oom_score_adj; ls -l /dev/null"))
    process(c, oomScoreAdj=500, rlimits=[{"type": "RLIMIT_NOFILE", "hard": 2000, "soft": 1000}])
    out = ok(box, c).split("\n")
    assert out[0] == "0" and out[1].split() == ["0", "100000", "65536"] and out[2].split() == ["0", "200000", "65536"]
    assert out[3:6] == ["65534", "2", "500"]


def test_user_namespace_needs_maps(box):
    c = sh("true")
    c["linux"]["namespaces"].append({"type": "user"})
    bad(box, c, "linux.uidMappings")


def test_exec_in_a_user_namespace(box):
    c = in_userns(config("/bin/sleep", "1000"))
    detached(box, c)
    r = box("exec", "t", "/bin/sh", "-c", "id -u; cat /proc/self/uid_map")
    assert r.stdout.split() == ["0", "0", "100000", "65536"], r.stderr


# ---- mounts ----

def bind(source, options, **more):
    return {"destination": "/mnt", "type": "bind", "source": str(source), "options": options, **more}


def with_mount(c, *mounts):
    c["mounts"] += mounts
    return c


def test_idmapped_mount_with_its_own_maps(box):
    (box.path / "data").mkdir()
    (box.path / "data" / "f").write_text("x")
    m = bind("data", ["bind"], uidMappings=[{"containerID": 0, "hostID": 1000, "size": 1000}],
             gidMappings=[{"containerID": 0, "hostID": 2000, "size": 1000}])
    assert ok(box, with_mount(sh("stat -c '%u %g' /mnt/f"), m)) == "1000 2000\n"


def test_idmapped_mount_with_the_container_s_maps(box):
    (box.path / "data").mkdir()
    (box.path / "data" / "f").write_text("x")
    c = with_mount(in_userns(sh("stat -c '%u %g' /mnt/f")), bind("data", ["rbind", "idmap"]))
    assert ok(box, c) == "0 0\n"
    assert os.stat(box.path / "data" / "f").st_uid == 0


IN_MOUNTS = ("unshare", "-m", "--propagation", "private", "sh", "-ec")


def test_recursive_idmap_and_options_reach_what_is_below(box):
    (box.path / "data" / "sub").mkdir(parents=True)
    maps = {k: [{"containerID": 0, "hostID": 1000, "size": 1000}] for k in ("uidMappings", "gidMappings")}
    look = "stat -c %u /mnt/sub; grep ' /mnt' /proc/self/mountinfo; touch /mnt/sub/x"
    for options, expected in ((["rbind", "ridmap"], "1000"), (["rbind", "idmap"], "0")):
        box.write(with_mount(sh(look), bind("data", options, **maps)))
        r = subprocess.run([*IN_MOUNTS, f"mount -t tmpfs t {box.path}/data/sub; exec {SYSCTR} --root {box.root} run -b {box.path} t"],
                           capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)
        assert r.stdout.splitlines()[0] == expected, r.stderr
    for option, word in (("rro", "ro,"), ("rnosuid", "nosuid"), ("rnodev", "nodev"), ("rnoexec", "noexec"), ("rnoatime", "noatime"),
                         ("rnodiratime", "nodiratime"), ("rnosymfollow", "nosymfollow")):
        box.write(with_mount(sh(look), bind("data", ["rbind", option])))
        r = subprocess.run([*IN_MOUNTS, f"mount -t tmpfs t {box.path}/data/sub; exec {SYSCTR} --root {box.root} run -b {box.path} t"],
                           capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)
        lines = [l for l in r.stdout.splitlines() if "/mnt" in l]
        assert len(lines) == 2 and all(word in l.split()[5] + "," for l in lines), (option, r.stdout, r.stderr)
        assert ("Read-only" in r.stderr) == (option == "rro")
    # without the r only the top
    box.write(with_mount(sh(look), bind("data", ["rbind", "ro"])))
    r = subprocess.run([*IN_MOUNTS, f"mount -t tmpfs t {box.path}/data/sub; exec {SYSCTR} --root {box.root} run -b {box.path} t"],
                       capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)
    assert "Read-only" not in r.stderr and r.returncode == 0


def test_an_id_map_needs_a_bind_mount(box):
    bad(box, with_mount(sh("true"), {"destination": "/mnt", "type": "tmpfs", "options": ["idmap"]}), "mount '/mnt'", "id map")


@pytest.mark.parametrize("option,word", [("ro", "ro"), ("nosuid", "nosuid"), ("nodev", "nodev"), ("noexec", "noexec"), ("noatime", "noatime"),
                                         ("nodiratime", "nodiratime"), ("nosymfollow", "nosymfollow"), ("relatime", "relatime")])
@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_mount_options(box, option, word, kind):
    (box.path / "data").mkdir()
    m = bind("data", ["bind", option]) if kind == "bind" else {"destination": "/mnt", "type": "tmpfs", "options": [option]}
    line = ok(box, with_mount(sh("grep ' /mnt ' /proc/self/mountinfo"), m))
    assert word in line.split()[5].split(","), line


@pytest.mark.parametrize("option", ["defaults", "rw", "suid", "dev", "exec", "async", "sync", "dirsync", "atime", "diratime", "norelatime",
                                    "strictatime", "nostrictatime", "silent", "loud", "lazytime", "nolazytime", "iversion", "noiversion",
                                    "symfollow", "nomand"])
def test_mount_options_that_are_taken(box, option):
    ok(box, with_mount(sh("true"), {"destination": "/mnt", "type": "tmpfs", "options": [option]}))


def test_sync_and_strictatime_reach_the_kernel(box):
    line = ok(box, with_mount(sh("grep ' /mnt ' /proc/self/mountinfo"), {"destination": "/mnt", "type": "tmpfs",
                                                                        "options": ["sync", "strictatime", "size=1m", "mode=700"]}))
    assert "relatime" not in line and "sync" in line and "size=1024k" in line and "mode=700" in line


@pytest.mark.parametrize("option,sign", [("private", None), ("rprivate", None), ("shared", "shared:"), ("rshared", "shared:"), ("slave", None),
                                         ("rslave", None), ("unbindable", "unbindable"), ("runbindable", "unbindable")])
def test_propagation(box, option, sign):
    line = ok(box, with_mount(sh("grep ' /mnt ' /proc/self/mountinfo"), {"destination": "/mnt", "type": "tmpfs", "options": [option]}))
    flags = line.split(" - ")[0].split()[6:]
    assert (flags == []) if sign is None else any(f.startswith(sign) for f in flags), line


@pytest.mark.parametrize("kind,sign", [("private", None), ("slave", None), ("shared", "shared:"), ("unbindable", "unbindable"), ("rslave", None)])
def test_rootfs_propagation(box, kind, sign):
    line = ok(box, linux(sh("grep ' / / ' /proc/self/mountinfo || cat /proc/self/mountinfo"), rootfsPropagation=kind))
    top = [l for l in line.splitlines() if l.split()[4] == "/"][-1]
    flags = top.split(" - ")[0].split()[6:]
    assert (not any(f.startswith(("shared", "unbindable")) for f in flags)) if sign is None else any(f.startswith(sign) for f in flags), line
    assert str(box.path) + "/rootfs/proc" not in Path("/proc/self/mounts").read_text()


def test_unknown_rootfs_propagation(box):
    bad(box, linux(sh("true"), rootfsPropagation="sideways"), "linux.rootfsPropagation", "sideways")


def test_tmpcopyup(box):
    src = box.path / "rootfs" / "srv"
    (src / "d").mkdir(parents=True)
    (src / "d" / "f").write_text("text\n")
    os.chown(src / "d" / "f", 5, 6)
    os.chmod(src / "d" / "f", 0o4755)
    (src / "l").symlink_to("/etc/passwd")
    os.mkfifo(src / "p", 0o600)
    c = with_mount(sh("cat /srv/d/f; stat -c '%a %u %g' /srv/d/f; readlink /srv/l; stat -c %F /srv/p; echo new > /srv/new && ls /srv"),
                   {"destination": "/srv", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "mode=755", "nosuid"]})
    assert ok(box, c).splitlines() == ["text", "4755 5 6", "/etc/passwd", "fifo", "d", "l", "new", "p"]
    assert not (src / "new").exists()


def test_remount(box):
    c = with_mount(sh("touch /mnt/x"), {"destination": "/mnt", "type": "tmpfs"}, {"destination": "/mnt", "options": ["remount", "ro"]})
    r = box.run(c)
    assert "Read-only" in r.stderr


def test_bind_of_a_file_makes_its_target(box):
    (box.path / "f").write_text("hello\n")
    c = sh("cat /mnt/deep/er/f", root={"path": "rootfs"})
    assert ok(box, with_mount(c, {"destination": "/mnt/deep/er/f", "source": "f", "options": ["bind"]})) == "hello\n"


def test_mount_label_without_selinux(box):
    if os.path.exists("/sys/fs/selinux/enforce"):
        pytest.skip("this kernel has SELinux")
    bad(box, linux(sh("true"), mountLabel="system_u:object_r:container_file_t:s0"), "mount")


# ---- process ----

def test_capabilities_of_five_sets(box):
    c = process(sh("grep Cap /proc/self/status"), user={"uid": 7, "gid": 8}, noNewPrivileges=False,
                capabilities={"bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
                              "effective": ["CAP_CHOWN"], "inheritable": ["CAP_CHOWN", "CAP_KILL"], "ambient": ["CAP_KILL"]})
    caps = {l.split()[0]: int(l.split()[1], 16) for l in ok(box, c).splitlines()}
    assert caps == {"CapInh:": 0b100001, "CapPrm:": 0b100000, "CapEff:": 0b100000, "CapBnd:": 0b10000000100001, "CapAmb:": 0b100000}


def test_user_groups_and_umask(box):
    c = process(sh("id -u; id -g; grep Groups /proc/self/status; umask"), user={"uid": 4294967294, "gid": 12, "additionalGids": [5, 77], "umask": 0o27})
    out = ok(box, c).split("\n")
    assert out[:2] == ["4294967294", "12"] and out[2].split() == ["Groups:", "5", "77"] and out[3] == "0027"


def test_every_rlimit(box):
    names = ("AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK").split()
    big = {"AS", "DATA", "STACK", "RSS", "FSIZE", "CPU", "RTTIME"}
    most = lambda n: resource.prlimit(0, getattr(resource, f"RLIMIT_{n}", {"LOCKS": 10}.get(n)))[1]
    limits = []
    for i, n in enumerate(names):
        soft, hard = ((1 << 30) + i, (1 << 31) + i) if n in big else (1000 + i, 2000 + i)
        hard = hard if most(n) == -1 else min(hard, most(n))  # raising one takes a privilege that not every test has
        limits.append({"type": f"RLIMIT_{n}", "soft": min(soft, hard), "hard": hard})
    out = ok(box, process(sh("cat /proc/self/limits"), rlimits=limits))
    got = {tuple(map(int, l[26:].split()[:2])) for l in out.splitlines()[1:]}
    assert got == {(l["soft"], l["hard"]) for l in limits}


def test_oom_score_and_names(box):
    c = process(sh("cat /proc/self/oom_score_adj; hostname; cat /proc/sys/kernel/domainname"), oomScoreAdj=123)
    c["domainname"] = "example.org"
    assert ok(box, c).split() == ["123", "box", "example.org"]


@pytest.mark.parametrize("scheduler,shown", [({"policy": "SCHED_BATCH", "nice": 5}, ("3", "5")), ({"policy": "SCHED_IDLE"}, ("5", "0")),
                                             ({"policy": "SCHED_OTHER", "nice": -3}, ("0", "-3"))])
def test_scheduler(box, scheduler, shown):
    fields = ok(box, process(sh("cat /proc/self/stat"), scheduler=scheduler)).rpartition(")")[2].split()
    assert (fields[38], fields[16]) == shown


def test_scheduler_with_priority_or_a_clear_error(box):
    box.write(process(sh("cat /proc/self/stat"), scheduler={"policy": "SCHED_RR", "priority": 7, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}))
    r = box("run", "-b", box.path, "t")
    # a cgroup v1 cpu controller without real-time budget refuses every real-time policy
    assert (r.returncode == 1 and "process.scheduler" in r.stderr) or r.stdout.rpartition(")")[2].split()[38] in ("2", "0")


@pytest.mark.parametrize("klass,shown", [("IOPRIO_CLASS_BE", "best-effort: prio 6"), ("IOPRIO_CLASS_IDLE", "idle"), ("IOPRIO_CLASS_RT", "realtime: prio 6")])
def test_io_priority(box, klass, shown):
    c = process(config("/bin/ionice"), ioPriority={"class": klass, "priority": 0 if "IDLE" in klass else 6})
    assert ok(box, c).strip().startswith(shown.split(":")[0])


def test_exec_cpu_affinity(box):
    if (os.cpu_count() or 1) < 2:
        pytest.skip("needs two processors")
    detached(box, config("/bin/sleep", "1000"))
    p = {"args": ["/bin/grep", "Cpus_allowed_list", "/proc/self/status"], "cwd": "/", "execCPUAffinity": {"initial": "0", "final": "1"}}
    (box.path / "p.json").write_text(json.dumps(p))
    r = box("exec", "-p", box.path / "p.json", "t")
    assert r.stdout.split()[-1] == "1", r.stderr


def test_personality(box):
    assert ok(box, linux(sh("uname -m"), personality={"domain": "LINUX32"})).strip() == "i686"
    assert ok(box, linux(sh("uname -m"), personality={"domain": "LINUX"})).strip() == "x86_64"


def test_memory_policy(box):
    c = linux(sh("head -1 /proc/self/numa_maps"), memoryPolicy={"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]})
    if os.path.exists("/proc/self/numa_maps"):
        assert "bind=static:0" in ok(box, c)
    else:
        bad(box, c, "linux.memoryPolicy")


@pytest.mark.parametrize("field,value", [("apparmorProfile", "docker-default"), ("selinuxLabel", "system_u:system_r:container_t:s0")])
def test_labels_without_their_module_are_an_error(box, field, value):
    if os.path.exists("/sys/kernel/security/apparmor") or os.path.exists("/sys/fs/selinux/enforce"):
        pytest.skip("this kernel has one of them")
    bad(box, process(sh("true"), **{field: value}), f"process.{field}", "does not have it, or not")
    ok(box, process(sh("true"), apparmorProfile="", selinuxLabel=""))


def test_no_new_privileges_off(box):
    assert ok(box, process(sh("grep NoNewPrivs /proc/self/status"), noNewPrivileges=False)).split()[1] == "0"


def test_annotations_are_in_the_state(box):
    state = detached(box, config("/bin/sleep", "1000", annotations={"org.x": "y"}))
    assert state["annotations"] == {"org.x": "y"} and state["ociVersion"].startswith("1.")


# ---- linux ----

def test_sysctl(box):
    c = linux(sh("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax"), sysctl={"net.ipv4.ip_forward": "1", "kernel.msgmax": "4096"})
    c["linux"]["readonlyPaths"] = ["/proc/sys"]
    assert ok(box, c).split() == ["1", "4096"]
    bad(box, linux(sh("true"), sysctl={"no.such.thing": "1"}), "sysctl 'no.such.thing'")


def test_devices(box):
    devices = [{"path": "/dev/a/b", "type": "c", "major": 1, "minor": 7, "fileMode": 0o640, "uid": 3, "gid": 4},
               {"path": "/dev/blk", "type": "b", "major": 7, "minor": 200}, {"path": "/dev/fifo", "type": "p", "fileMode": 0o600},
               {"path": "/dev/un", "type": "u", "major": 1, "minor": 3}]
    c = linux(sh("stat -c '%n %F %a %u %g %t:%T' /dev/a/b /dev/blk /dev/fifo /dev/un; ls /dev"), devices=devices)
    out = ok(box, c).splitlines()
    assert out[:4] == ["/dev/a/b character special file 640 3 4 1:7", "/dev/blk block special file 666 0 0 7:c8", "/dev/fifo fifo 600 0 0 0:0",
                       "/dev/un character special file 666 0 0 1:3"]
    assert {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "fd", "stdin", "stdout", "stderr", "pts"} <= set(out[4:])


def test_masked_and_readonly_paths(box):
    c = linux(sh("cat /proc/interrupts | wc -c; ls /sys/firmware | wc -l; echo 1 > /proc/sys/kernel/msgmax; cat /proc/self/mountinfo"),
              maskedPaths=["/proc/interrupts", "/sys/firmware", "/nowhere"], readonlyPaths=["/proc/sys", "/proc/bus", "/nowhere"])
    box.write(c)
    r = box("run", "-b", box.path, "t")
    assert "Read-only" in r.stderr and r.stdout.split()[0] == "0", r.stdout
    assert len([l for l in r.stdout.splitlines() if " /proc/interrupts " in l or " /sys/firmware " in l]) == 2


def test_intel_rdt_is_a_clear_error(box):
    bad(box, linux(sh("true"), intelRdt={"closID": "x"}), "linux.intelRdt: is not supported")


def test_network_devices_move_with_their_addresses(box):
    c = linux(sh("ip -o addr show eth7; ip -o link show eth7"), netDevices={"slip0": {"name": "eth7"}})
    box.write(c)
    script = (f"ip link add slip0 type veth peer name slip1 && ip addr add 10.99.0.2/24 dev slip0 && ip -6 addr add fd00:9::2/64 dev slip0 nodad;"
              f"{SYSCTR} --root {box.root} run -b {box.path} t; ip link show slip0")
    r = subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    assert "inet 10.99.0.2/24" in r.stdout and "fd00:9::2/64" in r.stdout and "UP" in r.stdout, r.stderr
    bad(box, c, "linux.netDevices.slip0")
    c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "network"]
    bad(box, c, "linux.netDevices: needs a network namespace")


def test_limits_that_this_host_cannot_apply_are_an_error(box):
    if Path("/sys/fs/cgroup/cgroup.controllers").exists() and "pids" in Path("/sys/fs/cgroup/cgroup.controllers").read_text():
        pytest.skip("this host has cgroup v2 with controllers")
    c = linux(sh("true"), resources={"pids": {"limit": 5}})
    bad(box, c, "linux.resources")
    ok(box, linux(sh("true"), resources={"pids": {"limit": 0}, "memory": {"disableOOMKiller": False}, "cpu": {"shares": 0}, "blockIO": {}}))


@pytest.mark.parametrize("resources,field", [({"memory": {"swappiness": 5}}, "memory.swappiness"), ({"memory": {"kernel": 5}}, "memory.kernel"),
                                             ({"memory": {"disableOOMKiller": True}}, "memory.disableOOMKiller"),
                                             ({"cpu": {"realtimeRuntime": 5}}, "cpu.realtimeRuntime"), ({"network": {"classID": 5}}, "network.classID"),
                                             ({"network": {"priorities": [{"name": "a", "priority": 1}]}}, "network.priorities"),
                                             ({"blockIO": {"leafWeight": 5}}, "blockIO.leafWeight"), ({"blockIO": {"weight": 5}}, "blockIO.weight"),
                                             ({"hugepageLimits": [{"pageSize": "2", "limit": 1}]}, "hugepageLimits[0].pageSize")])
def test_what_cgroup_v2_does_not_have_is_an_error(box, resources, field):
    bad(box, linux(sh("true"), resources=resources), f"linux.resources.{field}")


# ---- seccomp ----

def seccomp(c, action, names=("mkdir", "mkdirat"), default="SCMP_ACT_ALLOW", **more):
    rule = {"names": list(names), "action": action}
    for k in ("args", "errnoRet"):
        if k in more:
            rule[k] = more.pop(k)
    c["linux"]["seccomp"] = {"defaultAction": default, "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
                             "syscalls": [rule], **more}
    return c


@pytest.mark.parametrize("action,code,text", [("SCMP_ACT_ERRNO", 1, "Operation not permitted"), ("SCMP_ACT_KILL_PROCESS", 159, ""),
                                              ("SCMP_ACT_KILL", 159, ""), ("SCMP_ACT_KILL_THREAD", 159, ""), ("SCMP_ACT_TRAP", 159, ""),
                                              ("SCMP_ACT_TRACE", 1, "not implemented"), ("SCMP_ACT_LOG", 0, ""), ("SCMP_ACT_ALLOW", 0, "")])
def test_seccomp_actions(box, action, code, text):
    r = box.run(seccomp(sh("/bin/mkdir /dev/x; exit $?"), action))
    assert r.returncode == code and text in r.stderr, (r.returncode, r.stderr)


@pytest.mark.parametrize("op,value,two,hit", [("EQ", 0o777, 0, True), ("EQ", 1, 0, False), ("NE", 1, 0, True), ("LT", 0o1000, 0, True), ("LE", 0o777, 0, True),
                                              ("GE", 0o777, 0, True), ("GT", 0o777, 0, False), ("MASKED_EQ", 0o700, 0o700, True),
                                              ("MASKED_EQ", 0o700, 0, False)])
def test_seccomp_arguments(box, op, value, two, hit):
    r = box.run(seccomp(sh("/bin/mkdir /dev/x"), "SCMP_ACT_ERRNO", errnoRet=28,
                        args=[{"index": 1, "value": value, "valueTwo": two, "op": f"SCMP_CMP_{op}"}]))
    assert ("No space left" in r.stderr) == hit


@pytest.mark.parametrize("flags", [["SECCOMP_FILTER_FLAG_LOG"], ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"], ["SECCOMP_FILTER_FLAG_TSYNC"], []])
def test_seccomp_flags(box, flags):
    assert "not permitted" in box.run(seccomp(sh("/bin/mkdir /dev/x"), "SCMP_ACT_ERRNO", flags=flags)).stderr
    bad(box, seccomp(sh("true"), "SCMP_ACT_ERRNO", flags=["SECCOMP_FILTER_FLAG_MOON"]), "linux.seccomp.flags")


@pytest.mark.parametrize("broken,field", [({"defaultAction": "X"}, "defaultAction"), ({"defaultAction": "SCMP_ACT_NOTIFY"}, "defaultAction"),
                                          ({"architectures": ["ARM"]}, "architectures"), ({"syscalls": 3}, "syscalls"),
                                          ({"syscalls": [{"action": "SCMP_ACT_ERRNO"}]}, "syscalls[0].names"),
                                          ({"syscalls": [{"names": ["mkdir"], "action": "Y"}]}, "syscalls"),
                                          ({"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}, "listenerPath"),
                                          ({"syscalls": [{"names": ["sendmsg"], "action": "SCMP_ACT_NOTIFY"}], "listenerPath": "/x"}, "sendmsg")])
def test_bad_seccomp(box, broken, field):
    bad(box, linux(sh("true"), seccomp={"defaultAction": "SCMP_ACT_ALLOW", **broken}), "linux.seccomp", field)


def test_an_exec_ed_process_has_the_filter_too(box):
    detached(box, seccomp(config("/bin/sleep", "1000"), "SCMP_ACT_ERRNO", errnoRet=28))
    assert "No space left" in box("exec", "t", "/bin/mkdir", "/dev/x").stderr


class Agent:
    """Takes a listener and lets every notified call go on (or fail with an errno)."""
    RECV, SEND = 0xc0502100, 0xc0182101

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        self.sock.listen(4)
        self.states, self.seen = [], []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            conn, _ = self.sock.accept()
            msg, anc, _, _ = conn.recvmsg(65536, socket.CMSG_SPACE(4))
            fds = array.array("i")
            fds.frombytes(anc[0][2][:4])
            self.states.append(json.loads(msg))
            threading.Thread(target=self.answer, args=(fds[0],), daemon=True).start()

    def answer(self, fd):
        import fcntl
        while select.select([fd], [], [])[0]:
            req = bytearray(80)
            try:
                fcntl.ioctl(fd, self.RECV, req)
            except OSError:
                return
            ident, pid, _, nr = struct.unpack_from("=QIIi", req)
            self.seen.append((pid, nr))
            fcntl.ioctl(fd, self.SEND, struct.pack("=QqiI", ident, 0, -95, 0))


def test_seccomp_notify_listener(box):
    agent = Agent(box.path / "agent")
    c = seccomp(config("/bin/sleep", "1000"), "SCMP_ACT_NOTIFY", listenerPath=str(box.path / "agent"), listenerMetadata="meta",
                flags=["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"])
    c["annotations"] = {"k": "v"}
    state = detached(box, c)
    s = agent.states[0]
    assert s["fds"] == ["seccompFd"] and s["metadata"] == "meta" and s["pid"] == state["pid"]
    assert s["state"]["id"] == "t" and s["state"]["status"] == "creating" and s["state"]["annotations"] == {"k": "v"}
    r = box("exec", "t", "/bin/mkdir", "/dev/x")
    assert "Not supported" in r.stderr and len(agent.states) == 2 and agent.seen


def test_seccomp_listener_before_privileges_are_given_up(box):
    agent = Agent(box.path / "agent")
    c = seccomp(sh("/bin/mkdir /dev/x"), "SCMP_ACT_NOTIFY", listenerPath=str(box.path / "agent"))
    r = box.run(process(c, noNewPrivileges=False))
    assert "Not supported" in r.stderr and agent.seen


def test_a_listener_that_is_not_there(box):
    bad(box, seccomp(sh("true"), "SCMP_ACT_NOTIFY", listenerPath="/no/such/agent"), "linux.seccomp.listenerPath")


# ---- terminal, descriptors, notify ----

def test_console_socket_and_size(box):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(box.path / "console"))
    sock.listen(1)
    c = process(sh("stty size; tty; ls -l /dev/console"), terminal=True, consoleSize={"height": 33, "width": 101})
    box.write(c)
    p = subprocess.run([SYSCTR, "--root", box.root, "run", "-d", "-b", box.path, "--console-socket", box.path / "console", "t"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=30)
    assert p.returncode == 0, p.stderr
    conn, _ = sock.accept()
    _, anc, _, _ = conn.recvmsg(100, socket.CMSG_SPACE(4))
    fds = array.array("i")
    fds.frombytes(anc[0][2][:4])
    out = b""
    while True:
        try:
            piece = os.read(fds[0], 4096)
        except OSError:
            break
        if not piece:
            break
        out += piece
    assert out.split(b"\r\n")[:2] == [b"33 101", b"/dev/pts/0"], out


def test_a_terminal_nobody_takes_is_an_error(box):
    box.write(process(sh("true"), terminal=True))
    r = box("create", "-b", box.path, "t")
    assert r.returncode == 1 and "process.terminal" in r.stderr and box.left() == []


def test_listen_fds_are_passed_on(box):
    r, w = os.pipe()
    os.write(w, b"hello")
    os.close(w)
    box.write(sh("cat <&3; env | grep LISTEN"))
    out = subprocess.run(["bash", "-c", f"exec 3<&{r}; exec {SYSCTR} --root {box.root} run -b {box.path} t"], pass_fds=[r], capture_output=True,
                         text=True, env={**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"}, stdin=subprocess.DEVNULL, timeout=30)
    os.close(r)
    assert out.stdout.startswith("hello") and {"LISTEN_FDS=1", "LISTEN_PID=1", "LISTEN_FDNAMES=web"} <= set(out.stdout[5:].split()), out.stderr


def test_a_descriptor_that_is_not_there_is_an_error(box):
    box.write(sh("true"))
    r = box("run", "--preserve-fds", "2", "-b", box.path, "t")
    assert r.returncode == 1 and "descriptor 3" in r.stderr and box.left() == []


def test_notify_socket_is_mounted(box):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(box.path / "notify"))
    (box.path / "rootfs" / "run").mkdir()
    box.write(sh("echo $NOTIFY_SOCKET; stat -c %F $NOTIFY_SOCKET"))
    r = box("run", "-b", box.path, "t", env={**os.environ, "NOTIFY_SOCKET": str(box.path / "notify")})
    assert r.stdout.split("\n")[:2] == ["/run/notify", "socket"], r.stderr


def test_no_pivot(box):
    assert ok(box, sh("ls / | head -1; cat /proc/self/mountinfo | wc -l"), "--no-pivot").split()[0] == "bin"


# ---- exec ----

def test_exec_takes_user_groups_and_environment_of_the_container(box):
    c = process(config("/bin/sleep", "1000"), user={"uid": 5, "gid": 6, "additionalGids": [9]}, env=["PATH=/bin", "X=y"], cwd="/tmp",
                capabilities={"bounding": ["CAP_CHOWN"], "inheritable": []})
    detached(box, c)
    r = box("exec", "t", "/bin/sh", "-c", "id -u; id -g; echo $X; pwd; grep -E 'CapBnd|CapInh|NoNewPrivs|Groups' /proc/self/status")
    out = r.stdout.split("\n")
    assert out[:4] == ["5", "6", "y", "/tmp"], r.stderr
    status = dict(l.split(":\t") for l in out[4:] if l)
    assert int(status["CapBnd"], 16) == 1 and int(status["CapInh"], 16) == 0 and status["NoNewPrivs"] == "1" and status["Groups"].split() == ["9"]


def test_exec_flags(box):
    detached(box, process(config("/bin/sleep", "1000"), noNewPrivileges=False))
    r = box("exec", "--user", "7:8", "-g", "3", "--cwd", "/mnt", "-e", "A=b", "--cap", "CAP_NET_RAW", "--no-new-privs", "t", "/bin/sh", "-c",
            "id -u; id -g; pwd; echo $A; grep -E 'CapBnd|NoNewPrivs|Groups' /proc/self/status")
    out = r.stdout.split("\n")
    assert out[:4] == ["7", "8", "/mnt", "b"], r.stderr
    status = dict(l.split(":\t") for l in out[4:] if l)
    assert int(status["CapBnd"], 16) == 0b10000000100001 and status["NoNewPrivs"] == "1" and status["Groups"].split() == ["3"]
    p = subprocess.run([SYSCTR, "--root", box.root, "exec", "-d", "--pid-file", box.path / "pid", "t", "/bin/sleep", "1000"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)
    assert p.returncode == 0 and Path(f"/proc/{(box.path / 'pid').read_text()}/comm").read_text() == "sleep\n"


def test_exec_failures(box):
    detached(box, config("/bin/sleep", "1000"))
    for user in ("1000:x", "x", "-1", "99999999999", ""):
        r = box("exec", "--user", user, "t", "/bin/id")
        assert r.returncode == 1 and "--user" in r.stderr, user
    r = box("exec", "t", "/bin/none")
    assert r.returncode != 0 and "no such file" in r.stderr
    r = box("exec", "nobody", "/bin/id")
    assert r.returncode == 1 and "does not exist" in r.stderr


# ---- rootless ----

def test_rootless(box):
    uid = 61234
    home = box.path / "home"
    shutil.copytree(box.path / "rootfs", home / "rootfs", symlinks=True)
    for p in (home, *home.rglob("*")):
        os.lchown(p, uid, uid)
    for p in list(home.parents)[:3]:
        os.chmod(p, os.stat(p).st_mode | 0o011)
    as_user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "env", f"XDG_RUNTIME_DIR={home}"]
    run = lambda *a: subprocess.run([*as_user, SYSCTR, *a], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)
    r = run("spec", "--rootless", "-b", home)
    assert r.returncode == 0, r.stderr
    c = json.loads((home / "config.json").read_text())
    c["process"]["terminal"] = False
    c["process"]["args"] = ["/bin/sh", "-c", "id -u; cat /proc/self/uid_map; hostname; echo x > /dev/null; ls /sys | head -1; touch /y"]
    (home / "config.json").unlink()
    (home / "config.json").write_text(json.dumps(c))
    r = run("run", "-b", home, "r")
    assert r.stdout.split()[:5] == ["0", "0", str(uid), "1", "sysctr"] and "Read-only" in r.stderr, r.stderr + r.stdout
    assert not list((home / "sysctr").iterdir())


# ---- command line ----

def test_spec_writes_a_configuration_that_runs(box):
    assert box("spec", "-b", box.path).returncode == 0
    r = box("spec", "-b", box.path)
    assert r.returncode == 1 and "config.json" in r.stderr
    c = json.loads((box.path / "config.json").read_text())
    c["process"].update(terminal=False, args=["/bin/hostname"])
    c["linux"]["resources"] = {}
    assert ok(box, c) == "sysctr\n"


def test_features(box):
    f = json.loads(box("features").stdout)
    assert f["ociVersionMin"] == "1.0.0" and set(f["hooks"]) == set(HOOK_KINDS)
    assert {"ro", "rro", "ridmap", "tmpcopyup", "rslave"} <= set(f["mountOptions"])
    assert "time" in f["linux"]["namespaces"] and "CAP_BPF" in f["linux"]["capabilities"] and "SCMP_ACT_NOTIFY" in f["linux"]["seccomp"]["actions"]


def test_list_and_ps(box):
    state = detached(box, config("/bin/sleep", "1000"))
    assert box("list", "-q").stdout == "t\n"
    assert json.loads(box("list", "-f", "json").stdout)[0]["id"] == "t"
    assert box("list").stdout.splitlines()[1].split()[:3] == ["t", str(state["pid"]), "running"]
    assert json.loads(box("ps", "-f", "json", "t").stdout) == [state["pid"]]
    assert "/bin/sleep 1000" in box("ps", "t").stdout and str(state["pid"]) in box("ps", "t", "-ef").stdout


def test_kill_all(box):
    state = detached(box, sh("sleep 1000 & sleep 1000 & wait"))
    fd = os.pidfd_open(state["pid"])
    assert box("kill", "--all", "t", "9").returncode == 0
    assert select.select([fd], [], [], 10)[0]
    os.close(fd)
    r = box("kill", "t", "TERM")
    assert r.returncode == 1 and "not running" in r.stderr
    assert "unknown signal" in box("kill", "t", "NOPE").stderr


def test_log_formats(box):
    r = box("--log", box.path / "log", "--log-format", "json", "state", "none")
    entry = json.loads((box.path / "log").read_text())
    assert entry["level"] == "error" and "does not exist" in entry["msg"] and "time" in entry and "does not exist" in r.stderr
    assert box("--log-format", "xml", "list").returncode == 1


@pytest.mark.parametrize("verb", ["checkpoint", "restore"])
def test_checkpoint_says_that_it_is_not_there(box, verb):
    r = box(verb, "t")
    assert r.returncode == 1 and "not supported" in r.stderr


def test_help_of_every_verb(box):
    verbs = [l.split()[0] for l in box("--help").stdout.split("Verbs:\n")[1].split("\n\n")[0].splitlines()]
    for v in verbs:
        r = box(v, "--help")
        assert r.returncode == 0 and "Example:" in r.stdout
    assert {"create", "start", "run", "exec", "kill", "delete", "state", "list", "ps", "pause", "resume", "update", "events", "spec", "features"} <= set(verbs)
