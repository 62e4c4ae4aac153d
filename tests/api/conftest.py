# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the api tests: a daemon in namespaces of its own, and docker's own client to drive it.

    def test_x(docker):                 one daemon for the whole file, without network
        out = docker("version")         a completed process; a failing command fails the test
        docker("rmi", "nope", ok=False)

    def test_y(make_daemon):            a daemon of one's own
        d = make_daemon("--debug")
        d.docker("info"); d.api("GET", "/_ping"); d.restart(); d.kill()
"""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
OUT = TOP / os.environ.get("O", "build")
USERCTR = OUT / "bin" / "userctr"
WAIT = 30


def docker_client():
    """The docker client: $DOCKER, the one installed, or the pinned package of the cache."""
    found = os.environ.get("DOCKER") or shutil.which("docker")
    if not found:
        found = subprocess.run([TOP / "deps" / "docker-cli.sh"], check=True, stdout=subprocess.PIPE,
                               text=True).stdout.strip()
    return found


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=WAIT)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WAIT)
        self.sock.connect(self.path)


class Daemon:
    """`userctr daemon` with a root of its own, in a mount namespace of its own."""

    def __init__(self, folder, *options, setup="", network=False, namespaces=("--mount",)):
        self.folder = Path(folder)
        self.root, self.run = self.folder / "root", self.folder / "run"
        self.sock = str(self.folder / "docker.sock")
        self.host = "unix://" + self.sock
        self.log = self.folder / "daemon.log"
        self.options = list(options) + ([] if network else ["--no-network"])
        self.setup = setup  # shell, run inside the namespaces before the daemon
        self.namespaces = namespaces
        self.process = None

    def start(self):
        """Start it and wait until it says that it is ready."""
        path = str(self.folder / "notify")
        if os.path.exists(path):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, open(self.log, "ab") as log:
            notify.bind(path)
            self.process = subprocess.Popen(
                ["unshare", *self.namespaces, "--propagation", "private", "sh", "-c",
                 self.setup + '\nexec "$@"', "sh", str(USERCTR), "daemon", "--root", str(self.root),
                 "--run", str(self.run), "-H", self.host, *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "NOTIFY_SOCKET": path})
            notify.settimeout(0.2)
            for _ in range(WAIT * 5):
                try:
                    assert b"READY=1" in notify.recv(1024)
                    return self
                except socket.timeout:
                    assert self.process.poll() is None, "the daemon ended:\n" + self.text()
            raise AssertionError("the daemon is not ready:\n" + self.text())

    def stop(self, sig=signal.SIGTERM):
        if self.process is None:
            return None
        self.process.send_signal(sig)
        code = self.process.wait(WAIT)
        self.process = None
        return code

    def kill(self):
        return self.stop(signal.SIGKILL)

    def restart(self, sig=signal.SIGTERM):
        self.stop(sig)
        return self.start()

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def inside(self, *argv, **options):
        """Run a program in the daemon's mount namespace."""
        return subprocess.run(["nsenter", "-t", str(self.process.pid), "-m", *argv], check=True,
                              capture_output=True, text=True, timeout=WAIT, **options)

    def docker(self, *argv, ok=True, text=True, timeout=2 * WAIT, **options):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "DOCKER_CONFIG": str(self.folder),
               "DOCKER_CLI_HINTS": "false"}
        p = subprocess.run([docker_client(), "-H", self.host, *map(str, argv)], capture_output=True,
                           text=text, timeout=timeout, env=env,
                           **({"stdin": subprocess.DEVNULL} if "input" not in options
                              and "stdin" not in options else {}), **options)
        assert not ok or p.returncode == 0, (
            f"docker {' '.join(map(str, argv))}: exit {p.returncode}\n{p.stdout}\n{p.stderr}\n"
            f"daemon:\n{self.text()[-4000:]}")
        return p

    def connect(self):
        return UnixConnection(self.sock)

    def api(self, method, path, body=None, headers=None, version="1.50"):
        """One request; returns status and body (parsed when it is one JSON document)."""
        c = self.connect()
        h = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            h.setdefault("Content-Type", "application/json")
        c.request(method, (f"/v{version}" if version else "") + path, body, h)
        r = c.getresponse()
        data = r.read()
        c.close()
        if r.getheader("Content-Type", "").startswith("application/json"):
            try:
                return r.status, json.loads(data)
            except ValueError:
                pass
        return r.status, data


def _daemons(where):
    made = []

    def make(*options, **more):
        d = Daemon(tempfile.mkdtemp(prefix="slipway-api-", dir=where), *options, **more)
        made.append(d)
        return d.start()

    return make, made


def _end(made):
    for d in made:
        d.kill()
        shutil.rmtree(d.folder, ignore_errors=True)


@pytest.fixture
def make_daemon():
    """Make daemons that end with the test."""
    make, made = _daemons(None)
    yield make
    _end(made)


@pytest.fixture(scope="module")
def daemon():
    """One daemon for the tests of a file."""
    make, made = _daemons(None)
    yield make()
    _end(made)


@pytest.fixture(scope="module")
def docker(daemon):
    return daemon.docker
