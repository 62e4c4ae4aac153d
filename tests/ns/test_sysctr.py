"""The runtime on this machine's kernel: real namespaces, mounts and processes, a busybox root."""
import array
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
from pathlib import Path

import pytest

OUT = Path(os.environ.get("O", "build")).resolve()
SYSCTR = OUT / "bin" / "sysctr"
BUSYBOX = OUT / "deps" / "musl" / "bin" / "busybox"
NAMESPACES = ("pid", "network", "ipc", "uts", "mount", "cgroup")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def config(*args, **changes):
    caps = ["CAP_KILL", "CAP_CHOWN"]
    c = {
        "ociVersion": "1.2.0",
        "process": {
            "user": {"uid": 0, "gid": 0}, "args": list(args), "env": ["PATH=/bin"], "cwd": "/",
            "capabilities": {k: caps for k in ("bounding", "effective", "permitted")},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 77, "soft": 77}], "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "box",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro", "nosuid"]},
        ],
        "linux": {"namespaces": [{"type": t} for t in NAMESPACES],
                  "maskedPaths": ["/proc/keys", "/sys/firmware", "/proc/not-there"],
                  "readonlyPaths": ["/proc/sys"]},
    }
    c.update(changes)
    return c


class Box:
    def __init__(self, path):
        self.path, self.root = path, path / "state"
        (path / "rootfs" / "bin").mkdir(parents=True)
        shutil.copy(BUSYBOX, path / "rootfs" / "bin" / "busybox")
        for d in ("proc", "dev", "sys"):
            (path / "rootfs" / d).mkdir()
        for name in ("sh", "cat", "sleep", "id", "mkdir", "ls", "grep", "hostname", "tty", "stty"):
            (path / "rootfs" / "bin" / name).symlink_to("busybox")

    def write(self, c):
        (self.path / "config.json").write_text(c if isinstance(c, str) else json.dumps(c))

    def __call__(self, *args, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([SYSCTR, "--root", self.root, *args], capture_output=True, text=True, timeout=30, **kw)

    def run(self, c, name="t"):
        self.write(c)
        return self("run", "-b", self.path, name)

    def sh(self, script, **changes):
        return self.run(config("/bin/sh", "-c", script, **changes))

    def left(self):
        return sorted(p.name for p in self.root.iterdir() if p.name != ".filters") if self.root.exists() else []


@pytest.fixture
def box(tmp_path):
    b = Box(tmp_path)
    yield b
    for name in b.left():
        b("delete", "-f", name)
    assert b.left() == []
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


def test_run_isolates_and_cleans_up(box):
    r = box.sh("hostname; echo $$; echo $HOME; cat /proc/self/status; ls /proc/self/fd; ulimit -n")
    assert r.returncode == 0, r.stderr
    out = r.stdout.splitlines()
    assert out[:3] == ["box", "1", "/"]
    status = dict(l.split(":\t", 1) for l in out if ":\t" in l)
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0b100001
    assert int(status["CapInh"], 16) == 0 and status["NoNewPrivs"] == "1"
    assert out[-1] == "77"
    assert [l for l in out if l.isdigit()][1:-1] == ["0", "1", "2", "3"]  # 3 is the listing itself
    assert box.left() == []


@pytest.mark.parametrize("script", ["echo x > /f", "echo x > /proc/sys/kernel/domainname", "mkdir /sys/fs/x"])
def test_read_only_places(box, script):
    r = box.sh(script)
    assert r.returncode != 0 and "Read-only" in r.stderr


def test_masked_paths_are_empty(box):
    r = box.sh("cat /proc/keys; ls /sys/firmware; echo done")
    assert r.stdout == "done\n"


def test_exit_codes(box):
    assert box.sh("exit 7").returncode == 7
    assert box.sh("kill -9 $$").returncode == 0  # its own PID 1 is deaf to itself
    r = box.run(config("/bin/nope"))
    assert r.returncode == 1 and 'exec: "/bin/nope": no such file or directory' in r.stderr
    r = box.run(config("nope"))
    assert r.returncode == 1 and 'exec: "nope": executable file not found in $PATH' in r.stderr


def test_seccomp_filter(box):
    c = config("/bin/mkdir", "/dev/x")
    c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                             "syscalls": [{"names": ["mkdir", "mkdirat", "no_such_call"],
                                           "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}
    r = box.run(c)
    assert r.returncode == 1 and "No space left" in r.stderr


def test_overlay_root_with_private_upper(box):
    low = box.path / "low"
    low.mkdir()
    (low / "from-layer").write_text("layer\n")
    c = config("/bin/sh", "-c", "cat /from-layer; echo new > /f; cat /f", root={"path": "rootfs"},
               annotations={"io.slipway.rootfs.lower": f"{low}:{box.path / 'rootfs'}",
                            "io.slipway.rootfs.upper": "tmpfs:16m"})
    r = box.run(c)
    assert (r.returncode, r.stdout) == (0, "layer\nnew\n"), r.stderr
    assert sorted(p.name for p in low.iterdir()) == ["from-layer"]
    # nothing of the host is left: neither in sight nor over the root, where an exec would land
    c["process"]["args"] = ["/bin/cat", "/proc/self/mountinfo"]
    places = [l.split()[4] for l in box.run(c).stdout.splitlines()]
    assert places.count("/") == 1
    assert [p for p in places if not p.startswith(("/proc", "/dev", "/sys")) and p != "/"] == []


def test_bind_mounts(box):
    (box.path / "data").mkdir()
    (box.path / "data" / "f").write_text("hi\n")
    c = config("/bin/sh", "-c", "cat /dev/d/f; echo x > /dev/d/f")
    c["mounts"].append({"destination": "/dev/d", "type": "bind", "source": "data", "options": ["rbind", "ro"]})
    r = box.run(c)
    assert r.stdout == "hi\n" and "Read-only" in r.stderr
    assert (box.path / "data" / "f").read_text() == "hi\n"


def test_mount_target_link_stays_inside(box, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (box.path / "rootfs" / "evil").symlink_to(f"../../../../../../{victim}")
    c = config("/bin/sh", "-c", "echo x > /evil/f", root={"path": "rootfs"})
    c["mounts"].append({"destination": "/evil", "type": "tmpfs", "source": "tmpfs"})
    box.run(c)
    assert list(victim.iterdir()) == []


def test_create_start_kill_delete(box):
    box.write(config("/bin/sleep", "1000"))
    p = subprocess.run([SYSCTR, "--root", box.root, "create", "-b", box.path, "c"], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)
    assert p.returncode == 0
    state = json.loads(box("state", "c").stdout)
    assert state["status"] == "created" and state["id"] == "c"
    assert "container with id exists" in box("create", "-b", box.path, "c").stderr
    assert box("start", "c").returncode == 0
    assert json.loads(box("state", "c").stdout)["status"] == "running"
    r = box("exec", "-e", "A=b", "c", "/bin/sh", "-c", "echo $A; hostname; cat /proc/1/comm; exit 3")
    assert (r.returncode, r.stdout) == (3, "b\nbox\nsleep\n")
    assert "not stopped" in box("delete", "c").stderr
    fd = os.pidfd_open(state["pid"])
    assert box("kill", "c", "KILL").returncode == 0
    select.select([fd], [], [], 10)
    assert json.loads(box("state", "c").stdout)["status"] == "stopped"
    assert box("delete", "c").returncode == 0
    r = box("state", "c")
    assert r.returncode == 1 and "does not exist" in r.stderr


def test_create_tells_of_a_program_that_is_not_there(box):
    for program, text in (("/bin/nope", "no such file"), ("nope", "executable file not found in $PATH"), ("/bin", "permission denied")):
        box.write(config(program))
        r = box("create", "-b", box.path, "c")
        assert r.returncode == 1 and f'exec: "{program}": {text}' in r.stderr and box.left() == []


def test_start_tells_a_failed_exec(box):
    (box.path / "rootfs" / "bin" / "nope").write_text("not a program")
    (box.path / "rootfs" / "bin" / "nope").chmod(0o755)
    box.write(config("/bin/nope"))
    subprocess.run([SYSCTR, "--root", box.root, "create", "-b", box.path, "c"], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30, check=True)
    r = box("start", "c")
    assert r.returncode == 1 and 'exec: "/bin/nope": exec format error' in r.stderr


def service_run(box, name="svc"):
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    p = subprocess.Popen([SYSCTR, "--root", box.root, "service-run", "--fd", str(b.fileno()), "--bundle", box.path, name],
                         pass_fds=[b.fileno()], stdin=subprocess.DEVNULL)
    b.close()
    msg, anc, _, _ = a.recvmsg(1024, socket.CMSG_SPACE(4))
    p.wait(timeout=30)
    assert len(msg) == 512
    magic, code, pid = struct.unpack("=Iii", msg[:12])
    assert magic == 0x31435653
    fds = array.array("i")
    for _, _, data in anc:
        fds.frombytes(data[:4])
    return code, pid, list(fds), msg[12:].rstrip(b"\0").decode()


def test_service_run_makes_our_own_child(box):
    box.write(config("/bin/sleep", "1000"))
    code, pid, fds, text = service_run(box)
    assert (code, text, len(fds)) == (0, "", 1)
    assert int(Path(f"/proc/{pid}/stat").read_text().split()[3]) == os.getpid()
    # a second start takes the place of the first
    code, second, fds2, _ = service_run(box)
    assert code == 0 and os.waitpid(pid, 0) == (pid, signal.SIGKILL)
    signal.pidfd_send_signal(fds2[0], signal.SIGKILL)
    assert os.waitpid(second, 0) == (second, signal.SIGKILL)


def test_service_run_reports_failure(box):
    box.write(config("/bin/nope"))
    code, _, fds, text = service_run(box)
    assert code == 2 and fds == [] and 'exec: "/bin/nope"' in text
    assert box.left() == []
    os.waitpid(-1, 0)  # the stage was our child too


BAD = {
    "not json": ("{", "JSON"),
    "no version": (config("/bin/sh", ociVersion=None), "ociVersion"),
    "no root": (config("/bin/sh", root=None), "root"),
    "missing rootfs": (config("/bin/sh", root={"path": "absent"}), "absent"),
    "no args": (config(), "process.args"),
    "args of numbers": (config("/bin/sh", process={"args": [1], "cwd": "/"}), "process.args[0]"),
    "relative cwd": (config("/bin/sh", process={"args": ["/bin/sh"], "cwd": "x"}), "process.cwd"),
    "unknown capability": (config("/bin/sh", process={"args": ["/bin/sh"], "cwd": "/",
                                                      "capabilities": {"bounding": ["CAP_FLY"]}}), "CAP_FLY"),
    "unknown namespace": (config("/bin/sh", linux={"namespaces": [{"type": "moon"}]}), "linux.namespaces[0].type"),
    "relative mount": (config("/bin/sh", mounts=[{"destination": "x"}]), "mounts[0].destination"),
    "unknown bind option": (config("/bin/sh", mounts=[{"destination": "/dev", "type": "bind", "source": "/dev",
                                                       "options": ["bind", "sideways"]}]), "sideways"),
    "no file system type": (config("/bin/sh", mounts=[{"destination": "/proc"}]), "type is missing"),
    "rlimit out of range": (config("/bin/sh", process={"args": ["/bin/sh"], "cwd": "/", "rlimits": [
        {"type": "RLIMIT_CORE", "soft": -1, "hard": 1}]}), "process.rlimits[0].soft"),
    "deep": ("[" * 100000, "nested deeper"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_bundles_name_the_field_and_leave_nothing(box, name):
    bad, expected = BAD[name]
    r = box.run(bad)
    assert r.returncode == 1
    assert expected in r.stderr and r.stderr.count("\n") == 1, r.stderr
    assert box.left() == []


@pytest.mark.parametrize("name", ["a/b", "..", "", "x" * 2000, "a b"])
def test_bad_ids(box, name):
    box.write(config("/bin/sh"))
    r = box("run", "-b", box.path, name)
    assert r.returncode == 1 and "container id" in r.stderr
