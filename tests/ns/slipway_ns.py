"""/init as PID 1 of its own namespaces, with its own initramfs, system image, console and kernel log.

The program is the one that is shipped. Around it are a PID, mount, network, IPC, UTS and cgroup namespace; /dev is a
tmpfs whose kmsg is a file of the test and whose ttyT is a pseudo-terminal, /proc/cmdline is the test's, the clock cannot be set.
"""
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

OUT = Path(os.environ.get("O", "build")).resolve()
INIT = OUT / "bin" / "init"
BUSYBOX = OUT / "deps" / "musl" / "bin" / "busybox"
FAKE = OUT / "bin" / "fixtures" / "fake_sysctr"
SECONDS = 30

NO, ON_FAILURE, ALWAYS = 1, 2, 3
STARTED, NOTIFY, EXIT = 1, 2, 3
BOOT, CREATE_ONLY, MAY_POWER, CONSOLE, ON_DEMAND = 1, 2, 4, 8, 16
DEP_STARTED, DEP_READY, DEP_COMPLETED = 1, 2, 3
LIST, START, STOP, RESTART, POWER, TIMES, VERSION = range(1, 8)
STATES = ("", "down", "waiting", "starting", "running", "ready", "done", "backoff", "stopping", "failed")
APPLETS = ("sh", "sleep", "cat", "echo", "touch", "kill", "setsid", "true", "false", "ls", "mkdir", "head", "yes",
           "reboot", "dd", "seq", "trap", "ps")

SETUP = r"""
set -e
mount -t tmpfs tmpfs "$R"
cp -a "$FILES/." "$R"
mkdir -p "$R/proc" "$R/dev" "$R/bin"
mount -t proc proc "$R/proc"
mount --bind "$W/cmdline" "$R/proc/cmdline"
mount --bind "$R/proc/sys" "$R/proc/sys" && mount -o remount,bind,ro "$R/proc/sys"
mount -t tmpfs -o mode=755 dev "$R/dev"
for n in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 loop-control:10:237; do
	IFS=: read -r name major minor <<<"$n"; mknod -m 666 "$R/dev/$name" c "$major" "$minor"
done
for i in $(seq 0 31); do mknod "$R/dev/loop$i" b 7 "$i"; done
touch "$R/dev/kmsg" "$R/dev/ttyT" "$R/dev/console"
mount --bind "$W/kmsg" "$R/dev/kmsg"
mount --bind "$TTY" "$R/dev/ttyT"; mount --bind "$TTY" "$R/dev/console"
eval "$EXTRA"
if [ -e "$W/gate" ]; then read -r _ <"$W/gate"; fi
exec setpriv --bounding-set=-sys_time,-syslog,-sys_module chroot "$R" /init <"$TTY" >"$TTY" 2>&1
"""


def service(name, behaviour, flags=BOOT, grace_ms=2000, start_timeout_ms=0, restart_max=0, restart=NO, ready=STARTED,
            window_ms=60000, log_bytes=0, stop=15, shutdown=0, deps=(),
            watchdog_ms=0, fdstore=0, sockets=()):
    return dict(locals())


def table(services, magic=b"SLIPSVC2"):
    names = [s["name"] for s in services]
    sockets = [k for s in services for k in s["sockets"]]  # (name, type, path) or (name, type, port)
    out = struct.pack("<8sIIII", magic, 196, len(services), 156, len(sockets))
    first = 0
    for s in services:
        deps = [(names.index(d[0]), d[1] if len(d) > 1 else DEP_READY, d[2] if len(d) > 2 else 1) for d in s["deps"]]
        out += struct.pack("<32s96sIIIHBBIIBBBB", s["name"].encode(),
                           f"/usr/lib/slipway/services/{s['name']}".encode(), s["flags"], s["grace_ms"],
                           s["start_timeout_ms"], s["restart_max"], s["restart"], s["ready"], s["window_ms"],
                           s["log_bytes"], s["stop"], s["shutdown"], len(deps), 0)
        for d in deps + [(0, 0, 0)] * (8 - len(deps)):
            out += struct.pack("<HBB", *d)
        out += struct.pack("<IHBB", s["watchdog_ms"], first, len(s["sockets"]), s["fdstore"])
        first += len(s["sockets"])
    for name, kind, where in sockets:
        is_unix = isinstance(where, str)
        out += struct.pack("<24sBBHHHII16s100s", name.encode(), kind, 1 if is_unix else 2, 0 if is_unix else where, 0o600, 0,
                           0, 0, bytes(16), where.encode() if is_unix else b"")
    return out


def cgroup2():
    for line in open("/proc/mounts"):
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    return None


def wait_for(what, seconds=SECONDS):
    """Wait until what() is true; the condition is the event."""
    due = time.monotonic() + seconds
    while True:
        r = what()
        if r:
            return r
        assert time.monotonic() < due, f"not within {seconds} s: {what}"
        time.sleep(0.005)


class Machine:
    def __init__(self, path):
        self.dir, self.proc, self.cgroup = path, None, None
        self.files, self.image, self.root = path / "files", path / "image", path / "root"
        for d in (self.files / "bin", self.image / "bin", self.root):
            d.mkdir(parents=True)
        (path / "kmsg").touch()
        self.master, self.slave = os.openpty()  # the slave stays open: a console does not hang up
        os.set_blocking(self.master, False)
        self.seen = b""
        shutil.copy(INIT, self.files / "init")
        for root in (self.files, self.image):
            shutil.copy(BUSYBOX, root / "bin" / "busybox")
        for a in APPLETS:
            (self.image / "bin" / a).symlink_to("busybox")
        shutil.copy(FAKE, self.image / "bin" / "sysctr")
        for d in "proc sys dev run tmp state var/lib/slipway var/lib/userctr var/log home opt usr/lib/slipway".split():
            (self.image / d).mkdir(parents=True)

    def services(self, *services):
        lib = self.image / "usr/lib/slipway"
        lib.joinpath("services.tab").write_bytes(table(services))
        for s in services:
            (lib / "services" / s["name"]).mkdir(parents=True)
            if s["behaviour"] is not None:
                (lib / "services" / s["name"] / "behaviour").write_text(s["behaviour"])

    def boot(self, cmdline="", extra="", make_image=True, env=None, before=None):
        if make_image:
            subprocess.run(["mkfs.erofs", "-T0", self.files / "system.erofs", self.image], check=True,
                           capture_output=True)
        (self.dir / "cmdline").write_text(f"console=ttyT {cmdline}\n")
        self.cgroup = cgroup2() / f"slipway-test-{os.getpid()}"
        self.cgroup.mkdir()
        env = {**os.environ, "R": str(self.root), "W": str(self.dir), "FILES": str(self.files), "EXTRA": extra,
               "TTY": os.ttyname(self.slave)}
        inner = 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"'
        self.proc = subprocess.Popen(
            ["bash", "-c", inner, "-", str(self.cgroup), "unshare", "--mount", "--pid", "--net", "--ipc", "--uts",
             "--cgroup", "--fork", "--kill-child", "bash", "-c", SETUP], env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=open(self.dir / "setup.err", "wb"), start_new_session=True)
        if before:
            before()
        self.pid = wait_for(self._find_init)
        return self

    def fail_call(self, n, error):
        """To be used as boot(before=...): the n-th system call of PID 1 fails. What failcall prints comes later."""
        kids = f"/proc/{self.proc.pid}/task/{self.proc.pid}/children"
        pid = int(wait_for(lambda: Path(kids).read_text().split() or None)[0])
        self.failer = subprocess.Popen([OUT / "bin/fixtures/failcall", str(pid), "init", str(n), str(error)],
                                       stdout=subprocess.PIPE, text=True)
        assert self.failer.stdout.readline() == "attached\n"
        (self.dir / "gate").write_text("go\n")

    def _find_init(self):
        assert self.proc.poll() is None, (self.dir / "setup.err").read_text()
        kids = Path(f"/proc/{self.proc.pid}/task/{self.proc.pid}/children").read_text().split()
        if kids and Path(f"/proc/{kids[0]}/comm").read_text() == "init\n":
            return int(kids[0])
        return None

    # what it says

    def tty(self):
        try:
            while more := os.read(self.master, 65536):
                self.seen += more
        except BlockingIOError:
            pass
        return self.seen.decode(errors="replace").replace("\r\n", "\n")

    def type(self, text):
        os.write(self.master, text.encode())

    def kmsg(self):
        return (self.dir / "kmsg").read_text(errors="replace")

    def wait_tty(self, text, seconds=SECONDS):
        try:
            wait_for(lambda: text in self.tty(), seconds)
        except AssertionError:
            raise AssertionError(f"{text!r} is not on the console:\n{self.tty()}\n--\n{self.kmsg()}") from None
        return self.tty()

    def wait_kmsg(self, text, seconds=SECONDS):
        try:
            wait_for(lambda: text in self.kmsg(), seconds)
        except AssertionError:
            raise AssertionError(f"{text!r} is not in the log:\n{self.kmsg()}") from None

    # its inside

    def path(self, inside):
        return Path(f"/proc/{self.pid}/root") / inside.lstrip("/")

    def log(self, name):
        p = self.path(f"/run/slipway/log/{name}.log")
        return p.read_text() if p.exists() else ""

    def connect(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(SECONDS)

        def is_there():
            try:
                s.connect(str(self.path("/run/slipway/control.sock")))
                return True
            except (FileNotFoundError, ConnectionRefusedError):
                assert self.proc.poll() is None, f"PID 1 has ended:\n{self.tty()}\n{self.kmsg()}"
                return False
        wait_for(is_there)
        return s

    def ask(self, tag, payload=b"", sock=None):
        """(code, payloads, text)"""
        s = sock or self.connect()
        s.send(struct.pack("<HBBHH", 0x4c54, tag, 0, len(payload), 0) + payload)
        out = []
        while True:
            f = s.recv(1024)
            assert f, "hung up on"
            magic, rtag, flags, n, code = struct.unpack("<HBBHH", f[:8])
            assert (magic, rtag, n) == (0x4c54, tag, len(f) - 8)
            if flags & 1:
                return code, out, f[8:].decode()
            out.append(f[8:])

    def list(self):
        out = {}
        for b in self.ask(LIST)[1]:
            name, state, pid, starts, status, since, reason, text = struct.unpack("<32sB3xiIiQ128s64s", b)
            z = lambda x: x.split(b"\0")[0].decode()
            out[z(name)] = dict(state=STATES[state], pid=pid, starts=starts, status=status, reason=z(reason),
                                text=z(text))
        return out

    def wait_state(self, name, state, **more):
        want = dict(state=state, **more)
        try:
            return wait_for(lambda: (lambda s: s if all(s[k] == v for k, v in want.items()) else None)(
                self.list()[name]))
        except AssertionError:
            raise AssertionError(f"{name}: {self.list()[name]} is not {want}\n{self.kmsg()}") from None

    def procs(self, name):
        f = self.cgroup / "system" / name / "cgroup.procs"
        return [int(x) for x in f.read_text().split()] if f.exists() else []

    def kill(self, sig):
        os.kill(self.pid, sig)

    def wait_end(self, seconds=SECONDS):
        """How PID 1 ended, as its parent sees it: the signal that reboot(2) makes of it."""
        self.proc.wait(seconds)
        return self.proc.returncode

    def close(self):
        if self.proc and self.proc.poll() is None:
            os.killpg(self.proc.pid, signal.SIGKILL)
            self.proc.wait()
        if self.cgroup and self.cgroup.exists():
            (self.cgroup / "cgroup.kill").write_text("1")
            wait_for(lambda: "populated 0" in (self.cgroup / "cgroup.events").read_text())
            for d, _, _ in os.walk(self.cgroup, topdown=False):
                os.rmdir(d)
        os.close(self.master)
        os.close(self.slave)
