# SPDX-License-Identifier: Apache-2.0
"""What our client does beyond one request and one answer: streams, terminals, signals, pulling, detaching, plain wrongs."""
import base64
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios

import pytest

import fake_docker
from conftest import USERCTR

WAIT = 20


@pytest.fixture
def fake(tmp_path):
    f = fake_docker.Fake(str(tmp_path / "docker.sock"))
    yield f
    f.close()


@pytest.fixture(scope="module")
def docker(tmp_path_factory):
    link = tmp_path_factory.mktemp("bin") / "docker"
    link.symlink_to(USERCTR)
    return str(link)


@pytest.fixture
def run(fake, docker, tmp_path):
    def call(*argv, input=b"", **env):
        return subprocess.run([docker, "-H", fake.host, *argv], input=input, capture_output=True, timeout=WAIT,
                              env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **env})
    return call


def paths(fake):
    return [(q.method, q.path.rsplit("/", 1)[-1]) for q in fake.take_log()]


def test_streams_are_apart_and_the_code_is_the_containers(fake, run):
    fake.exit_code = 7
    p = run("run", "bb:1", "x")
    assert (p.returncode, p.stdout, p.stderr) == (7, b"out\n", b"err\n")
    assert paths(fake) == [("POST", "create"), ("POST", "attach"), ("POST", "wait"), ("POST", "start")]


def test_much_output_in_small_and_large_frames(fake, run):
    big = os.urandom(3 << 20)
    fake.output = [(1, big[i:i + 7000]) for i in range(0, len(big), 7000)] + [(2, b"e" * 200000)]
    p = run("run", "bb:1")
    assert p.stdout == big and p.stderr == b"e" * 200000


def test_input_and_output_at_once_do_not_block_each_other(fake, run):
    fake.echo, fake.output = True, []
    data = os.urandom(8 << 20)
    assert run("run", "-i", "bb:1", input=data).stdout == data


@pytest.mark.parametrize("text, code", [
    ('exec: "nope": executable file not found in $PATH', 127), ("stat /x: no such file or directory", 127),
    ("exec /x: permission denied", 126), ("exec /: is a directory", 126), ("port is already allocated", 125)])
def test_codes_of_what_cannot_start(fake, run, text, code):
    fake.start_error = (400, {"message": text})
    p = run("run", "bb:1", "x")
    assert p.returncode == code
    assert p.stderr.decode() == f"docker: Error response from daemon: {text}\n\nRun 'docker run --help' for more information\n"


def test_a_missing_image_is_pulled(fake, run):
    fake.missing = {"bb"}
    p = run("run", "bb")
    assert p.returncode == 0 and p.stdout == b"out\n"
    assert p.stderr.startswith(b"Unable to find image 'bb:latest' locally\n1: Pulling from lib/bb\n")
    assert paths(fake)[:3] == [("POST", "create"), ("POST", "create"), ("POST", "create")]
    fake.missing = {"bb"}
    p = run("run", "--pull", "never", "bb")
    assert p.returncode == 125 and b"No such image: bb:latest" in p.stderr


def test_signals_reach_the_container(fake, docker):
    fake.echo = True  # the stream ends when we end it
    p = subprocess.Popen([docker, "-H", fake.host, "run", "-i", "bb:1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert fake.started.wait(WAIT)
    p.stdin.write(b"x")
    p.stdin.flush()
    assert p.stdout.read(1) == b"x"  # it runs now
    p.send_signal(signal.SIGTERM)
    fake.wait_for("/kill")
    p.stdin.close()
    assert p.wait(WAIT) == 0
    kill = [q for q in fake.take_log() if q.path.endswith("/kill")]
    assert [q.query for q in kill] == [{"signal": "TERM"}]


class Terminal:
    def __init__(self, docker, fake, *argv):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
        self.p = subprocess.Popen([docker, "-H", fake.host, *argv], stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)

    def read_until(self, what):
        out = b""
        while what not in out:
            assert select.select([self.master], [], [], WAIT)[0], out
            out += os.read(self.master, 4096)
        return out

    def end(self):
        code = self.p.wait(WAIT)
        os.close(self.master)
        return code


def test_terminal_size_raw_bytes_and_detaching(fake, docker):
    fake.tty = fake.echo = True
    t = Terminal(docker, fake, "run", "-it", "bb:1")
    fake.wait_for("/resize")  # the terminal is raw before it tells its size
    os.write(t.master, b"a\x03\r")  # neither a signal nor a newline
    t.read_until(b"a\x03\r")
    os.write(t.master, b"\x10x")
    t.read_until(b"\x10x")  # half of the keys is input
    os.write(t.master, b"\x10\x11")
    assert t.end() == 0
    log = fake.take_log()
    assert [q.query for q in log if q.path.endswith("/resize")][0] == {"h": "33", "w": "99"}
    assert [q.json()["HostConfig"]["ConsoleSize"] for q in log if q.path.endswith("/create")] == [[33, 99]]


def test_own_detach_keys(fake, docker):
    fake.tty = fake.echo = True
    t = Terminal(docker, fake, "exec", "-it", "--detach-keys", "ctrl-a,d", "c1", "sh")
    fake.wait_for("/resize")
    os.write(t.master, b"\x10\x11")
    t.read_until(b"\x10\x11")
    os.write(t.master, b"\x01d")
    t.read_until(b"read escape sequence")
    assert t.end() == 1


def test_progress_moves_on_a_terminal_only(fake, docker, run):
    assert b"\x1b" not in run("pull", "bb:1").stdout
    t = Terminal(docker, fake, "pull", "bb:1")
    out = t.read_until(b"Status: Downloaded")
    assert b"\x1b[1A\x1b[2K" in out and b"[=========================>" in out
    assert t.end() == 0


def test_load_streams_a_file_and_standard_input(fake, run, tmp_path):
    (tmp_path / "a.tar").write_bytes(b"x" * 300000)
    for argv, data in ((("-i", str(tmp_path / "a.tar")), b""), ((), b"x" * 300000)):
        p = run("load", *argv, input=data)
        assert (p.returncode, p.stdout) == (0, b"Loaded image: bb:1\n")
        assert [len(q.body) for q in fake.take_log()] == [300000]


def test_save_is_whole_or_not_there(fake, run, tmp_path):
    assert run("save", "-o", str(tmp_path / "s.tar"), "bb:1").returncode == 0
    assert (tmp_path / "s.tar").read_bytes() == b"archive" * 1000
    fake.script[("GET", "/images/get")] = (404, {"message": "No such image: nope"})
    assert run("save", "-o", str(tmp_path / "t.tar"), "nope").returncode == 1
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix != ".sock") == ["s.tar"]


def test_names_from_outside_do_not_drive_the_terminal(fake, run):
    evil = [dict(fake_docker.CONTAINERS[0], Names=["/a\x1b[2Jb\nc"], Image="i\x9b\x07")]
    fake.script[("GET", "/containers/json")] = (200, evil)
    p = run("ps", "--format", "{{.Names}} {{.Image}}")
    assert b"\x1b" not in p.stdout and b"\x07" not in p.stdout and b"a\\x1b[2Jb" in p.stdout
    fake.script[("GET", "/containers/json")] = (500, {"message": "bad\x1b]0;x\x07"})
    assert b"\x1b" not in run("ps").stderr


def test_login_keeps_what_else_the_file_says(fake, run, tmp_path):
    (tmp_path / ".docker").mkdir()
    conf = tmp_path / ".docker" / "config.json"
    conf.write_text('{"auths": {"other": {"auth": "eDp5"}}, "psFormat": "x"}')
    assert run("login", "-u", "me", "--password-stdin", "reg.example", input=b"secret\n").returncode == 0
    d = json.loads(conf.read_text())
    assert d == {"auths": {"other": {"auth": "eDp5"}, "reg.example": {"auth": "bWU6c2VjcmV0"}}, "psFormat": "x"}
    assert conf.stat().st_mode & 0o777 == 0o600
    fake.take_log()
    run("pull", "reg.example/x:1")
    header = fake.take_log()[0].headers["x-registry-auth"]
    assert json.loads(base64.urlsafe_b64decode(header)) == {
        "username": "me", "password": "secret", "serveraddress": "reg.example"}
    assert run("logout", "reg.example").returncode == 0
    assert list(json.loads(conf.read_text())["auths"]) == ["other"]


def test_copies_are_archives_on_the_standard_streams(fake, run):
    fake.script[("GET", "/containers/c1/archive")] = (200, b"tar", "application/x-tar")
    fake.script[("PUT", "/containers/c1/archive")] = (200, None)
    assert run("cp", "c1:etc", "-").stdout == b"tar"
    assert run("cp", "-", "c1:/x", input=b"in").returncode == 0
    assert [(q.method, q.query["path"], q.body) for q in fake.take_log()] == [("GET", "/etc", b""), ("PUT", "/x", b"in")]
    assert run("cp", "c1:/a", "b").returncode == 1


@pytest.mark.parametrize("argv, code, text", [
    (("compose", "up"), 1, "'compose' is not supported here: it is a plugin"),
    (("swarm", "init"), 1, "'swarm' is not supported here"),
    (("--tlsverify", "ps"), 1, "TLS is not supported here"),
    (("--context", "other", "ps"), 1, 'context "other": context not found'),
    (("run", "--gpus", "all", "bb"), 125, "--gpus is not supported here"),
    (("inspect", "--type", "foo", "x"), 1, 'unknown type: "foo"'),
])
def test_refusals_say_why(run, argv, code, text):
    p = run(*argv)
    assert p.returncode == code and text in p.stderr.decode()


def test_no_daemon(docker, tmp_path):
    p = subprocess.run([docker, "-H", f"unix://{tmp_path}/nobody", "ps"], capture_output=True, text=True, timeout=WAIT)
    assert p.returncode == 1
    assert p.stderr == f"Cannot connect to the Docker daemon at unix://{tmp_path}/nobody. Is the docker daemon running?\n"


def test_dial_stdio_joins_the_socket(fake, run):
    p = run("system", "dial-stdio", input=b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
    assert p.returncode == 0 and p.stdout.startswith(b"HTTP/1.1 200") and p.stdout.endswith(b"OK")


def test_every_verb_has_help(run):
    top = run("--help").stdout.decode()
    verbs = [line.split()[0] for line in top.split("Commands:\n")[1].split("\n\n")[0].splitlines()]
    assert len(verbs) >= 39
    for v in verbs:
        p = run(v, "--help")
        assert p.returncode == 0 and p.stdout.decode().startswith(f"Usage:  docker {v}") and "Example:\n" in p.stdout.decode()
