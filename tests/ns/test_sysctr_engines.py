# SPDX-License-Identifier: Apache-2.0
"""podman, containerd and dockerd from their Debian packages, with sysctr in the place of runc.

Each runs in mount and network namespaces of its own, with its state in a temporary directory: nothing of the host's engines
is touched. Limits are left out: on a hybrid host they are an error, and test_sysctr_guest.py has them.
"""
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile

import pytest

from test_sysctr import BUSYBOX, SYSCTR

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
APPLETS = ("sh", "cat", "echo", "sleep", "id", "hostname", "ls", "touch", "grep", "true", "tty", "mount")
LIMITS = "--ulimit nofile=1000:1000 --ulimit nproc=1000:1000"  # the defaults may be above what a test's root may set


def needs(*programs):
    missing = [p for p in programs if not shutil.which(p, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {' '.join(missing)}")


def add(t, name, data=None, mode=0o755, link=None):
    i = tarfile.TarInfo(name)
    i.mode = mode
    if link:
        i.type, i.linkname = tarfile.SYMTYPE, link
    elif data is None:
        i.type = tarfile.DIRTYPE
    else:
        i.size = len(data)
    t.addfile(i, io.BytesIO(data) if data else None)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A docker archive of one layer: busybox."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as t:
        for d in ("bin", "proc", "sys", "dev", "tmp", "etc", "run"):
            add(t, d)
        add(t, "bin/busybox", BUSYBOX.read_bytes())
        for a in APPLETS:
            add(t, f"bin/{a}", link="busybox")
        add(t, "etc/passwd", b"root:x:0:0::/:/bin/sh\n", 0o644)
    layer = raw.getvalue()
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"]},
                         "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": name, "RepoTags": ["busy:latest"], "Layers": [f"{digest}/layer.tar"]}]).encode()
    path = tmp_path_factory.mktemp("image") / "busy.tar"
    with tarfile.open(path, "w") as t:
        for n, d in ((name, config), (f"{digest}/layer.tar", layer), ("manifest.json", manifest)):
            add(t, n, d, 0o644)
    return path


def sections(tmp_path, script, **env):
    """Run a script in its namespaces; '== name' lines divide what it prints."""
    (tmp_path / "script").write_text("set -u\nsay() { echo \"== $*\"; }\nmount -t tmpfs tmpfs /run\nip link set lo up\n" + script)
    p = subprocess.run(["unshare", "-m", "-n", "--propagation", "private", "bash", tmp_path / "script"], stdin=subprocess.DEVNULL, timeout=170,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "W": str(tmp_path), "S": str(SYSCTR), **env})
    out = {}
    for part in ("\n" + p.stdout).split("\n== ")[1:]:
        name, _, body = part.partition("\n")
        out[name] = body
    assert "end" in out, p.stdout
    return out


def check(out):
    """What every engine must have shown."""
    assert out["run"].splitlines()[0] == "hello" and "uid=0" in out["run"] and "code 7" in out["run"]
    assert "inside" in out["exec"] and "code 3" in out["exec"]
    assert "Paused" in out["paused"] or "PAUSED" in out["paused"]
    assert "sleep" in out["top"] or out["top"].strip().split()[-2].isdigit()
    assert "code 0" not in out["missing"] and "no such file" in out["missing"].lower()
    assert out["left"].split("\n")[0].strip() == "" or "CONTAINER" in out["left"].split("\n")[0]
    assert "busy" not in out["left"]


@needs("podman", "conmon")
def test_podman(tmp_path, image):
    out = sections(tmp_path, f"""
P="podman --root $W/st --runroot $W/rr --cgroup-manager cgroupfs --storage-driver vfs --events-backend file --runtime $S"
R="--network none --pids-limit 0 {LIMITS}"
$P load -q -i {image} >/dev/null
say run; $P run --rm $R busy /bin/sh -c 'echo hello; id; exit 7'; echo code $?
say detached; $P run -d --name bb $R busy /bin/sh -c 'echo logged; sleep 1000'
say exec; $P exec bb /bin/sh -c 'echo inside; grep Seccomp: /proc/self/status; exit 3'; echo code $?
say terminal; $P exec -t bb /bin/tty
say logs; $P logs bb
say top; $P top bb args
say paused; $P pause bb >/dev/null; $P ps -a --format '{{{{.Status}}}}'; $P unpause bb >/dev/null
say options; $P run --rm $R --read-only --user 5:6 --cap-drop all -v $W:/x:ro --tmpfs /t busy /bin/sh -c 'id -u; grep " /x " /proc/self/mounts; touch /t/y && ls /t; grep CapBnd /proc/self/status'
say removed; $P kill bb >/dev/null; $P wait bb; $P rm bb >/dev/null
say missing; $P run --rm $R busy /bin/nope; echo code $?
say left; $P ps -aq
say end
""")
    check(out)
    assert "logged" in out["logs"] and "/dev/pts/0" in out["terminal"] and "Seccomp:\t2" in out["exec"] and "code 127" in out["missing"]
    assert out["options"].startswith("5\n") and " ro," in out["options"] and "CapBnd:\t0000000000000000" in out["options"]
    assert out["removed"].strip() == "137"


@needs("containerd", "ctr", "containerd-shim-runc-v2")
def test_containerd(tmp_path, image):
    (tmp_path / "config.toml").write_text(f'version = 2\nroot = "{tmp_path}/root"\nstate = "{tmp_path}/state"\n'
                                          f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\n  address = "{tmp_path}/c.sock"\n')
    out = sections(tmp_path, f"""
containerd -c $W/config.toml >$W/log 2>&1 & D=$!
C="timeout 60 ctr -a $W/c.sock"
until $C version >/dev/null 2>&1; do kill -0 $D || exit 1; done
$C image import {image} >/dev/null; I=$($C image ls -q | head -1)
run() {{ $C run --runc-binary $S --snapshotter native "$@"; }}
say run; run --rm $I a /bin/sh -c 'echo hello; id; exit 7'; echo code $?
run -d $I bb /bin/sleep 1000
say exec; $C task exec --exec-id x bb /bin/sh -c 'echo inside; exit 3'; echo code $?
say top; $C task ps bb
say paused; $C task pause bb; $C task ls; $C task resume bb
say metrics; $C task metrics bb
$C events >$W/events 2>/dev/null & E=$!
$C task kill -s KILL bb; until $C task ls | grep -q STOPPED; do :; done; kill $E
$C task rm bb >/dev/null 2>&1; $C container rm bb
say missing; run --rm $I n /bin/nope; echo code $?
$C container rm n >/dev/null 2>&1
say left; $C container ls -q
say end
kill $D; wait $D
""")
    check(out)


@needs("dockerd", "docker", "containerd")
def test_dockerd(tmp_path, image):
    out = sections(tmp_path, f"""
dockerd --data-root $W/root --exec-root $W/x -H unix://$W/d.sock -p $W/pid --iptables=false --ip6tables=false --ip-forward=false \
	--ip-masq=false --bridge=none --storage-driver vfs --add-runtime sysctr=$S --default-runtime sysctr >$W/log 2>&1 & D=$!
C="timeout 60 docker -H unix://$W/d.sock"
until $C version >/dev/null 2>&1; do kill -0 $D || exit 1; done
$C load -q -i {image} >/dev/null
R="run --network none {LIMITS}"
say run; $C $R --rm busy /bin/sh -c 'echo hello; id; exit 7'; echo code $?
$C $R -d --name bb busy /bin/sh -c 'echo logged; sleep 1000' >/dev/null
say exec; $C exec bb /bin/sh -c 'echo inside; exit 3'; echo code $?
say terminal; $C exec -t -u 5 bb /bin/id
say logs; $C logs bb
say top; $C top bb
say paused; $C pause bb >/dev/null; $C ps --format '{{{{.Status}}}}'; $C unpause bb >/dev/null
say options; $C $R --rm --read-only --cap-drop all --tmpfs /t -v $W:/x:ro -w /t --security-opt no-new-privileges busy /bin/sh -c 'touch /a /x/a; touch /t/y && ls /t; grep -E "CapBnd|NoNewPrivs" /proc/self/status'
say update; $C update --pids-limit 10 bb
say removed; $C kill bb >/dev/null; $C wait bb; $C rm bb >/dev/null
say missing; $C $R --rm busy /bin/nope; echo code $?
say denied; $C $R --rm busy /; echo code $?
$C rm -f $($C ps -aq) >/dev/null 2>&1
say left; $C ps -aq
say end
kill $D; wait $D
""", DOCKER_RAMDISK="1")
    check(out)
    assert "logged" in out["logs"] and "uid=5" in out["terminal"] and out["removed"].strip() == "137"
    assert "code 127" in out["missing"] and "code 126" in out["denied"]
    assert out["options"].count("Read-only") == 2 and "CapBnd:\t0000000000000000" in out["options"] and "NoNewPrivs:\t1" in out["options"]
    assert "pids.max" in out["update"] or out["update"].startswith("bb")
