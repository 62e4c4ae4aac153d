"""`userctr monitor` driven directly: a bundle, a socket pair as the daemon, stream sockets as attached clients."""
import array
import json
import os
import select
import shutil
import signal
import socket
import struct
from pathlib import Path

import pytest

OUT = Path(os.environ.get("O", "build")).resolve()
USERCTR = OUT / "bin" / "userctr"
BUSYBOX = OUT / "deps" / "musl" / "bin" / "busybox"
MSG = "<HHiiIq508s4x"
ATTACH, START, RESIZE, QUIT, STATE, CREATED, STARTED, FAILED, EXITED = 1, 2, 3, 4, 16, 17, 18, 19, 20
STDIN, STDOUT, STDERR, RAW = 1, 2, 4, 8
SECONDS = 20

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def process(*args, tty=False):
    return {"user": {"uid": 0, "gid": 0}, "args": list(args), "env": ["PATH=/bin"], "cwd": "/", "terminal": tty}


def config(*args, tty=False):
    return {
        "ociVersion": "1.2.0", "process": process(*args, tty=tty),
        "root": {"path": "rootfs", "readonly": True}, "hostname": "box",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]}],
        "linux": {"namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")]},
    }


class Link:
    """The daemon's end of a connection to a monitor."""

    def __init__(self, sock):
        self.s = sock
        sock.settimeout(SECONDS)

    def send(self, tag, flags=0, a=0, b=0, text=b"", fd=None):
        anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd is not None else []
        self.s.sendmsg([struct.pack(MSG, tag, flags, a, b, 0, 0, text)], anc)

    def recv(self):
        data, anc, _, _ = self.s.recvmsg(1024, 64)
        fds = [f for _, _, d in anc for f in array.array("i", d)]
        for f in fds:
            os.close(f)
        if not data:
            return None
        tag, _, a, b, _, t, text = struct.unpack(MSG, data)
        return {"tag": tag, "a": a, "b": b, "time": t, "text": text.split(b"\0")[0].decode(), "fds": len(fds)}

    def expect(self, tag):
        m = self.recv()
        assert m is not None and m["tag"] == tag, m
        return m

    def attach(self, flags, keys=b""):
        ours, theirs = socket.socketpair()
        self.send(ATTACH, flags, text=keys, fd=theirs.fileno())
        theirs.close()
        ours.settimeout(SECONDS)
        return ours


class Box:
    def __init__(self, path):
        self.path, self.pids = path, []
        (path / "rootfs" / "bin").mkdir(parents=True)
        shutil.copy(BUSYBOX, path / "rootfs" / "bin" / "busybox")
        for d in ("proc", "dev"):
            (path / "rootfs" / d).mkdir()
        for name in ("sh", "cat", "sleep", "echo", "stty", "yes", "head", "wc", "true"):
            (path / "rootfs" / "bin" / name).symlink_to("busybox")

    def monitor(self, doc, *args, where=None):
        d = where or self.path
        d.mkdir(parents=True, exist_ok=True)
        (d / "config.json").write_text(json.dumps(doc))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = [USERCTR, "monitor", "--dir", d, "--id", "t", "--sysctr-root", self.path / "state", *args]
        pid = os.posix_spawn(USERCTR, [str(a) for a in argv], os.environ,
                             file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)])
        theirs.close()
        self.pids.append(pid)
        return Link(ours), pid

    def again(self, d=None):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(str((d or self.path) / "monitor.sock"))
        return Link(s)

    def end(self, pid):
        """Exit code of a monitor that is about to end."""
        fd = os.pidfd_open(pid)
        assert select.select([fd], [], [], SECONDS)[0], "the monitor does not end"
        os.close(fd)
        self.pids.remove(pid)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture
def box(tmp_path):
    b = Box(tmp_path)
    yield b
    for pid in b.pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    state = tmp_path / "state"
    assert not state.exists() or list(state.iterdir()) == [] or b.pids


def everything(sock):
    out = b""
    while True:
        d = sock.recv(65536)
        if not d:
            return out
        out += d


def frames(data):
    out = {1: b"", 2: b""}
    while data:
        kind, n = struct.unpack(">BxxxI", data[:8])
        out[kind] += data[8:8 + n]
        data = data[8 + n:]
    return out


def run(box, script, *args, tty=False, flags=STDIN | STDOUT | STDERR):
    link, pid = box.monitor(config("/bin/sh", "-c", script, tty=tty), *args)
    m = link.expect(CREATED)
    assert m["a"] > 0 and m["fds"] == 1
    client = link.attach(flags)
    link.send(START)
    assert link.expect(STARTED)["time"] > 0
    return link, pid, client


def finish(box, link, pid):
    m = link.expect(EXITED)
    status = (box.path / "exit").read_text().split()
    assert int(status[0]) == m["a"] and int(status[2]) == m["time"]
    link.send(QUIT)
    assert box.end(pid) == 0
    return m


def test_streams_log_and_exit_code(box):
    log = box.path / "log"
    link, pid, client = run(box, "echo out; echo err >&2; exit 7", "--log", log)
    client.shutdown(socket.SHUT_WR)  # as docker does without stdin: the output must come all the same
    assert frames(everything(client)) == {1: b"out\n", 2: b"err\n"}
    assert finish(box, link, pid)["a"] == 7 << 8
    records = [json.loads(l) for l in log.read_text().splitlines()]
    assert sorted((r["stream"], r["log"]) for r in records) == [("stderr", "err\n"), ("stdout", "out\n")]


def test_exit_record_comes_before_the_clients_end(box):
    link, pid, client = run(box, "exit 3")
    assert everything(client) == b""
    assert (box.path / "exit").read_text().startswith("768 ")
    finish(box, link, pid)


def test_stdin_reaches_the_process_and_closes(box):
    link, pid, client = run(box, "cat; echo end", "--stdin", "--stdin-once")
    client.sendall(b"hello\n")
    client.shutdown(socket.SHUT_WR)
    assert frames(everything(client))[1] == b"hello\nend\n"
    finish(box, link, pid)


def test_stdin_stays_open_without_once(box):
    link, pid, client = run(box, "read a; read b; echo $a $b", "--stdin")
    client.sendall(b"one\n")
    client.shutdown(socket.SHUT_WR)
    second = link.attach(STDIN | STDOUT)
    second.sendall(b"two\n")
    assert frames(everything(second))[1] == b"one two\n"
    assert frames(everything(client))[1] == b"one two\n"
    finish(box, link, pid)


def test_much_stdin(box):
    link, pid, client = run(box, "wc -c", "--stdin", "--stdin-once")
    data = b"x" * (3 << 20)  # many times what the monitor holds: it makes the client wait, and listens again
    client.sendall(data)
    client.shutdown(socket.SHUT_WR)
    assert int(frames(everything(client))[1]) == len(data)
    finish(box, link, pid)


def test_unread_stdin_does_not_cost_output(box):
    link, pid, client = run(box, "yes | head -c 100000; exit 4", "--stdin")
    client.sendall(b"never read\n" * 4000)
    assert len(frames(everything(client))[1]) == 100000
    client.close()
    assert finish(box, link, pid)["a"] == 4 << 8


def test_terminal(box):
    link, pid = box.monitor(config("/bin/sh", "-c", "stty size; read x; stty size; echo got $x", tty=True), "--tty",
                            "--stdin")
    link.expect(CREATED)
    client = link.attach(STDIN | STDOUT | RAW)
    link.send(RESIZE, a=33, b=99)
    link.send(START)
    link.expect(STARTED)
    got = b""
    while b"33 99\r\n" not in got:
        got += client.recv(4096)
    link.send(RESIZE, a=40, b=120)
    client.sendall(b"word\r")
    got += everything(client)
    assert b"40 120\r\n" in got and b"got word\r\n" in got
    finish(box, link, pid)


def test_detach_keys(box):
    link, pid, client = run(box, "read x; echo got $x; read y", "--stdin")
    keyed = link.attach(STDIN | STDOUT, b"\x10\x11")
    keyed.sendall(b"a\x10b\n")
    seen = b""
    while b"got a\x10b" not in seen:
        seen += keyed.recv(4096)
    keyed.sendall(b"\x10\x11")
    assert everything(keyed) == b""
    client.sendall(b"z\n")
    everything(client)
    finish(box, link, pid)


def test_daemon_gone_and_back(box):
    link, pid, client = run(box, "echo one; read x; echo $x; exit 5", "--stdin")
    link.s.close()
    link = box.again()
    m = link.expect(STATE)
    assert m["a"] > 0 and m["b"] == 3
    client.sendall(b"two\n")
    assert frames(everything(client))[1] == b"one\ntwo\n"
    assert finish(box, link, pid)["a"] == 5 << 8


def test_daemon_gone_at_the_end(box):
    link, pid, client = run(box, "read x; exit 6", "--stdin")
    link.s.close()
    client.sendall(b"\n")
    everything(client)
    client.close()
    assert box.end(pid) == 0
    assert (box.path / "exit").read_text().startswith("1536 0 ")


def test_daemon_gone_between_create_and_start(box):
    link, pid = box.monitor(config("/bin/sh", "-c", "true"))
    link.expect(CREATED)
    link.s.close()
    assert box.end(pid) == 0
    assert list((box.path / "state").iterdir()) == []


@pytest.mark.parametrize("args, text", [
    (("nope",), "executable file not found in $PATH"), (("/bin/nope",), "no such file"), (("/proc",), "denied")])
def test_failed_start_leaves_nothing(box, args, text):
    link, pid = box.monitor(config(*args))
    m = link.recv()
    if m["tag"] == CREATED:
        link.send(START)
        m = link.recv()
    assert m["tag"] == FAILED and text in m["text"], m
    assert box.end(pid) in (0, 1)
    assert list((box.path / "state").iterdir()) == []


def test_exec(box):
    link, pid, client = run(box, "read x", "--stdin")
    d = box.path / "exec" / "e1"
    x, xpid = box.monitor(process("/bin/sh", "-c", "echo $$ hi; cat; exit 9"), "--exec", "e1", "--stdin",
                          "--stdin-once", where=d)
    assert x.expect(CREATED)["a"] > 0
    c = x.attach(STDIN | STDOUT | STDERR)
    x.send(START)
    x.expect(STARTED)
    c.sendall(b"in\n")
    c.shutdown(socket.SHUT_WR)
    out = frames(everything(c))[1]
    assert out.endswith(b" hi\nin\n")
    assert x.expect(EXITED)["a"] == 9 << 8
    x.send(QUIT)
    assert box.end(xpid) == 0
    client.sendall(b"\n")
    everything(client)
    finish(box, link, pid)


def test_quick_exec_loses_nothing(box):
    link, pid, client = run(box, "read x", "--stdin")
    for i in range(5):
        x, xpid = box.monitor(process("/bin/echo", str(i)), "--exec", "e%d" % i, where=box.path / "exec" / str(i))
        x.expect(CREATED)
        c = x.attach(STDOUT)
        x.send(START)
        x.expect(STARTED)
        assert frames(everything(c))[1] == b"%d\n" % i
        assert x.expect(EXITED)["a"] == 0
        x.send(QUIT)
        assert box.end(xpid) == 0
    client.sendall(b"\n")
    everything(client)
    finish(box, link, pid)


def test_stalled_client_is_dropped(box):
    link, pid, client = run(box, "yes | head -c 8000000; exit 0")
    other = link.attach(STDOUT)
    assert len(everything(other)) > 0  # reads: gets on
    m = finish(box, link, pid)  # client never read
    assert m["a"] == 0
    client.close()
