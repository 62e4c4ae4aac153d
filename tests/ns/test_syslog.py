"""The log service: what comes in by its sockets and the kernel's log, what is written, what happens when it cannot be."""
import fcntl
import os
import re
import signal
import socket
import subprocess
import termios
from pathlib import Path

import pytest

from network_world import wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
OUT = Path(os.environ.get("O", "build")).resolve()
PROGRAM = OUT / "bin" / "slipway-syslog"
SECONDS = 30
LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ (.*)$")


class Log:
    def __init__(self, path):
        self.dir = path
        for d in ("run", "log"):
            (path / d).mkdir()
        (path / "run" / "cmdline").write_text("")
        os.mkfifo(path / "kmsg")
        self.kmsg = os.open(path / "kmsg", os.O_RDWR)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(path / "notify"))
        self.notify.settimeout(SECONDS)
        self.proc, self.sockets = None, []

    def start(self, *argv, disk="4m", passed=(), cmdline=None):
        if cmdline is not None:
            (self.dir / "run" / "cmdline").write_text(cmdline)
        if not any(a == "--kmsg" for a in argv):
            argv = ("--kmsg", str(self.dir / "kmsg"), *argv)
        mount = f"mount -t tmpfs -o size={disk} log {self.dir}/log && " if disk else ""
        env = {"NOTIFY_SOCKET": str(self.dir / "notify"), "PATH": os.environ["PATH"]}

        def pass_on():
            for i, fd in enumerate(passed):
                os.dup2(fd, 3 + i)
        if passed:
            env["LISTEN_FDS"] = str(len(passed))
        self.out = open(self.dir / "err", "ab")
        self.proc = subprocess.Popen(
            ["unshare", "--mount", "--uts", "sh", "-c", mount + 'hostname box && exec "$@"', "-", "setpriv",
             "--bounding-set=-all,+syslog", str(PROGRAM), "--run", str(self.dir / "run"), "--dir", str(self.dir / "log"),
             *argv], env=env, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out,
            preexec_fn=pass_on if passed else None, close_fds=not passed)
        assert self.notify.recv(100) == b"READY=1"
        return self

    def path(self, name="messages"):
        return Path(f"/proc/{self.proc.pid}/root{self.dir}/log/{name}")

    def text(self, name="messages"):
        p = self.path(name)
        return p.read_text() if p.exists() else ""

    def lines(self, name="messages"):
        """What each line says behind time and host, which every line must have."""
        return [LINE.match(x).group(1) for x in self.text(name).splitlines()]

    def wait(self, text, seconds=SECONDS):
        wait_for(lambda: text in self.lines(), seconds, lambda: f"{text!r} is not in\n{self.text()}\n--\n{self.err()}")

    def err(self):
        return (self.dir / "err").read_text()

    def dgram(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.connect(str(self.dir / "run" / "syslog" / "log"))
        self.sockets.append(s)
        return s

    def stream(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(str(self.dir / "run" / "syslog" / "stream"))
        self.sockets.append(s)
        return s

    def stop(self, sig=signal.SIGTERM):
        self.proc.send_signal(sig)
        code = self.proc.wait(SECONDS)
        self.proc = None
        return code

    def close(self):
        if self.proc is not None:
            self.proc.kill()
            self.proc.wait()
        for s in self.sockets:
            s.close()
        os.close(self.kmsg)
        self.notify.close()


@pytest.fixture
def log(tmp_path):
    log = Log(tmp_path)
    yield log
    log.close()


def test_what_programs_send(log):
    log.start()
    s = log.dgram()
    for m in (b"<30>Nov 25 13:07:07 sshd[12]: Accepted for root", b"<13>plain text", b"no priority",
              b"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog 77 ID47 [ex iut=\"3\"] An event",
              b"<0>kernel: not by me", b"<30>a: \x1b[31mred\nsecond\x00\xff\xc3\xa4", b"", b"\n"):
        s.send(m)
    s.send(b"<14>end: ")
    log.wait("end: ")
    text = log.text().splitlines()
    host = [t.split(" ", 2)[1:] for t in text]
    assert host == [["box", "sshd[12]: Accepted for root"], ["box", "plain text"], ["box", "no priority"],
                    ["mymachine.example.com", 'evntslog[77]: [ex iut="3"] An event'], ["box", "kernel: not by me"],
                    ["box", "a: \\x1b[31mred\\x0asecond\\x00\\xff\u00e4"], ["box", "end: "]]


def test_streams(log):
    log.start()
    s = log.stream()
    s.send(b"<14>a: one\0<14>a: two\n<14>a: th")
    s.send(b"ree\0")
    log.wait("a: three")
    s.send(b"<14>a: without an end")
    s.close()
    log.wait("a: without an end")
    assert log.lines() == ["a: one", "a: two", "a: three", "a: without an end"]
    t = log.stream()
    t.sendall(b"x" * 20000 + b"\0")
    wait_for(lambda: sum(x.count("x") for x in log.lines()) == 20000)
    many = [log.stream() for _ in range(40)]
    many[-1].send(b"<14>a: the last of many\0")
    log.wait("a: the last of many")
    assert many[0].recv(1) == b"", "the oldest has made room"


def test_kernel(log):
    log.start()
    os.write(log.kmsg, b"6,0,1000,-;Linux version\n SUBSYSTEM=x\n")
    log.wait("kernel: Linux version")
    os.write(log.kmsg, b"14,1,2000,-;slipway: ready in 0.4 s\n")
    log.wait("slipway: ready in 0.4 s")
    os.write(log.kmsg, b"4,5,3000,-;after a gap\n")
    log.wait("kernel: after a gap")
    log.wait("syslog: 3 records of the kernel were overwritten before they were read")


def test_kernel_records_once_over_restarts(log, tmp_path):
    log.start(disk=None)
    os.write(log.kmsg, b"6,0,1000,-;one\n")
    log.wait("kernel: one")
    assert log.stop() == 0
    log.start(disk=None)
    os.write(log.kmsg, b"6,0,1000,-;one\n")
    wait_for(lambda: fcntl.ioctl(log.kmsg, termios.FIONREAD, b"\0" * 4) == b"\0" * 4)  # it has read that
    os.write(log.kmsg, b"6,1,1000,-;two\n")
    log.wait("kernel: two")
    assert log.lines().count("kernel: one") == 1


def test_real_kernel_log(log):
    try:
        fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        record = os.read(fd, 8192)
        os.close(fd)
    except OSError:
        pytest.skip("no kernel log here")
    log.start("--kmsg", "/dev/kmsg")
    first = record.split(b";", 1)[1].split(b"\n")[0].decode(errors="replace")[:40]
    wait_for(lambda: first in log.text())


def test_rotates_by_size(log):
    log.start("--size", "4096", "--files", "3", "--burst", "0")
    s = log.dgram()
    for i in range(400):
        s.send(b"<14>a: line %04d " % i + b"x" * 40)
    s.send(b"<14>a: end")
    log.wait("a: end")
    # a look may fall between the renames of one rotation
    wait_for(lambda: sorted(p.name for p in log.path().parent.iterdir()) == ["messages", "messages.1", "messages.2"])
    all_lines = log.lines("messages.2") + log.lines("messages.1") + log.lines()
    numbers = [int(x.split()[2]) for x in all_lines if "line" in x]
    assert numbers == list(range(numbers[0], 400)), "the newest, without a gap"
    assert log.path("messages.1").stat().st_size > 0


def test_limits_a_tag_that_floods(log):
    log.start("--burst", "10")
    s = log.dgram()
    for i in range(50):
        s.send(b"<14>loud: %d" % i)
    s.send(b"<14>calm: heard")
    log.wait("calm: heard")
    assert sum(x.startswith("loud: ") for x in log.lines()) == 10
    log.wait("syslog: 40 messages of 'loud' were dropped: more than 10 within 5 s")


def test_survives_a_full_disk(log):
    log.start(disk="64k")
    s = log.dgram()
    s.send(b"<14>a: before")
    log.wait("a: before")
    filler = log.path("filler")
    with open(filler, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass
    for i in range(200):
        s.send(b"<14>a: lost %d " % i + b"y" * 100)
    wait_for(lambda: "lines are lost" in log.err())
    filler.unlink()
    s.send(b"<14>a: after")
    log.wait("a: after")
    lines = log.text().splitlines()
    told = next(i for i, x in enumerate(lines) if "lines were lost: No space left on device" in x)
    count = int(re.search(r"(\d+) lines were lost", lines[told]).group(1))
    kept = sum("a: lost" in x and x.endswith("y" * 100) for x in lines)
    assert count > 0 and count + kept == 200
    assert lines[-1].endswith("a: after") and told < len(lines) - 1


def test_sockets_of_pid_1_lose_nothing_over_a_restart(log):
    path = log.dir / "log.sock"
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(str(path))
    c = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    c.connect(str(path))
    log.start(disk=None, passed=[s.fileno()])
    c.send(b"<14>a: one")
    log.wait("a: one")
    log.stop(signal.SIGKILL)
    c.send(b"<14>a: nobody there")
    log.start(disk=None, passed=[s.fileno()])
    log.wait("a: nobody there")


def test_stop_writes_what_was_sent(log):
    log.start(disk=None)
    s = log.dgram()
    log.proc.send_signal(signal.SIGSTOP)
    for i in range(5):
        s.send(b"<14>a: %d" % i)
    log.proc.send_signal(signal.SIGTERM)
    log.proc.send_signal(signal.SIGCONT)
    assert log.proc.wait(SECONDS) == 0
    log.proc = None
    assert (log.dir / "log" / "messages").read_text().count(" a: ") == 5


def test_remote_udp(log):
    r = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    r.bind(("127.0.0.1", 0))
    r.settimeout(SECONDS)
    log.start(cmdline=f"slipway.syslog.remote=udp://127.0.0.1:{r.getsockname()[1]}")
    log.dgram().send(b"<30>sshd[12]: hello")
    m = r.recv(2000)
    assert re.fullmatch(rb"<30>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z box sshd 12 - - hello", m), m
    log.dgram().send(b"<165>1 - host app - ID [a b=\"c\"] text")
    assert r.recv(2000).endswith(b' host app - - [a b="c"] text')
    r.close()


def read_frame(f):
    n = b""
    while (c := f.read(1)) != b" ":
        assert c, "closed"
        n += c
    return f.read(int(n))


def test_remote_tcp_waits_and_comes_back(log):
    r = socket.socket()
    r.bind(("127.0.0.1", 0))
    port = r.getsockname()[1]
    log.start(cmdline=f"slipway.syslog.remote=tcp://127.0.0.1:{port}")
    s = log.dgram()
    s.send(b"<14>a: before anybody listens")
    log.wait("a: before anybody listens")
    r.listen()
    r.settimeout(SECONDS)
    c, _ = r.accept()
    c.settimeout(SECONDS)
    f = c.makefile("rb")
    assert read_frame(f).endswith(b"a - - - before anybody listens")
    s.send(b"<14>a: now")
    assert read_frame(f).endswith(b"a - - - now")
    f.close()
    c.close()
    c, _ = r.accept()
    c.settimeout(SECONDS)
    s.send(b"<14>a: again")
    assert read_frame(c.makefile("rb")).endswith(b"a - - - again")
    c.close()
    r.close()


def test_remote_that_takes_nothing_costs_bounded_memory(log):
    log.start("--burst", "0", cmdline="slipway.syslog.remote=tcp://127.0.0.1:1")
    s = log.dgram()
    for i in range(3000):
        s.send(b"<14>a: %d " % i + b"z" * 200)
    s.send(b"<14>a: end")
    log.wait("a: end")
    assert sum("z" * 200 in x for x in log.lines()) == 3000
    rss = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{log.proc.pid}/status").read_text()).group(1))
    assert rss < 4000


def test_wrong_remote_is_told(log):
    log.start(cmdline="slipway.syslog.remote=udp://log.example")
    assert "wants udp://ADDRESS" in log.err()
    log.dgram().send(b"<14>a: still there")
    log.wait("a: still there")
