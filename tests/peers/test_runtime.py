# SPDX-License-Identifier: Apache-2.0
"""podman, containerd and dockerd, as Debian ships them, with sysctr in the place of their runtime."""
import re

import pytest

from debian import OUT, run_in_debian
from image import docker_archive

SETUP = {
    "podman": r"""
podman() { command podman --runtime /usr/local/bin/sysctr --cgroup-manager cgroupfs --storage-driver vfs \
    --events-backend file --log-level warn "$@"; }
podman load -q -i /img.tar
""",
    "ctr": r"""
containerd >/tmp/containerd.log 2>&1 &
until ctr version >/dev/null 2>&1; do :; done
ctr images import /img.tar
run() { ctr run --runc-binary /usr/local/bin/sysctr "$@"; }
I=docker.io/library/bb:1
""",
    "docker": r"""
dockerd --bridge none --iptables=false --add-runtime sysctr=/usr/local/bin/sysctr --default-runtime sysctr \
    --storage-driver vfs >/tmp/dockerd.log 2>&1 &
until docker version >/dev/null 2>&1; do :; done
docker load -q -i /img.tar
""",
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return docker_archive(tmp_path_factory.mktemp("image") / "img.tar", OUT / "deps/musl/bin/busybox")


@pytest.fixture
def guest(archive, request):
    def run(engine, *commands):
        """Run commands; a list of (output, exit code), one for each."""
        script = SETUP[engine] + "".join(f"\necho '@@'{i}; {{ {c}\n}}; c=$?; echo; echo \"@=$c\"" for i, c in enumerate(commands))
        out, _ = run_in_debian(script, {"/usr/local/bin/sysctr": OUT / "bin/sysctr", "/img.tar": archive},
                               name=request.node.name)
        found = re.findall(r"^@@\d+\n((?:.|\n)*?)^@=(\d+)$", out, re.M)
        assert len(found) == len(commands), out
        return [(t.strip(), int(c)) for t, c in found]
    return run


def test_podman(guest):
    b = "--network none localhost/bb:1"
    r = guest("podman", f"podman run --rm {b} echo hi", f"podman run -d --name web {b} sh -c 'echo out; sleep 1000' >/dev/null",
              "podman exec web sh -c 'echo in; exit 3'", "podman logs web",
              "podman pause web >/dev/null; podman ps -a --format '{{.Status}}'; podman unpause web >/dev/null",
              "podman update --memory 50m web >/dev/null; podman exec web cat /sys/fs/cgroup/memory.max",
              "podman top web args | tail -n 1", "podman stop -t 0 web >/dev/null 2>&1; podman inspect web --format '{{.State.ExitCode}}'",
              "podman rm web", f"podman run --rm {b} nosuch", f"podman run --rm -t {b} sh -c 'test -t 0 && echo tty'",
              f"podman run --rm --memory 32m --cpus 0.5 --pids-limit 20 {b} sh -c 'cd /sys/fs/cgroup; cat memory.max cpu.max pids.max'",
              f"podman run --rm --user www --read-only {b} sh -c 'id -u; touch /x'",
              f"podman run --rm --user 5:6 --cap-drop all -v /root:/x:ro --tmpfs /t {b} sh -c 'id -u; grep \" /x \" /proc/self/mounts; "
              "touch /t/y && ls /t; grep CapBnd /proc/self/status'", "podman ps -aq")
    assert r[0] == ("hi", 0)
    assert r[1][1] == 0 and r[2] == ("in", 3) and r[3] == ("out", 0)
    assert r[4][0] == "Paused" and r[5] == ("52428800", 0) and "sleep 1000" in r[6][0]
    assert r[7] == ("137", 0) and r[8][1] == 0
    assert r[9][1] == 127 and "nosuch" in r[9][0]
    assert r[10] == ("tty", 0)
    assert r[11] == ("33554432\n50000 100000\n20", 0)
    assert r[12][0].startswith("33\n") and "Read-only file system" in r[12][0] and r[12][1] == 1
    assert r[13][0].startswith("5\n") and " ro," in r[13][0] and "\ny\n" in r[13][0] and "CapBnd:\t0000000000000000" in r[13][0]
    assert r[14] == ("", 0)


def test_containerd(guest):
    r = guest("ctr", "run --rm $I c1 echo hi", "run -d $I c2 sleep 1000", "ctr task exec --exec-id e1 c2 sh -c 'echo in; exit 3'",
              "ctr task pause c2; ctr task ls | tail -n 1; ctr task resume c2", "ctr task ps c2 | tail -n 1", "ctr task metrics c2",
              "ctr task kill -s KILL c2; until ctr task ls | grep STOPPED; do :; done; ctr task rm c2; ctr c rm c2",
              "run --rm $I c3 nosuch", "find /sys/fs/cgroup/default -mindepth 1 -type d")
    assert r[0] == ("hi", 0) and r[1][1] == 0 and r[2] == ("in", 3)
    assert "PAUSED" in r[3][0] and re.match(r"\d+", r[4][0]) and "pids.current" in r[5][0]
    assert r[7][1] != 0 and "nosuch" in r[7][0]
    assert r[8][0] == ""  # no container's cgroup stays; what is above them is containerd's


def test_dockerd(guest):
    b = "--network none bb:1"
    r = guest("docker", f"docker run --rm {b} echo hi", f"docker run -d --name web {b} sh -c 'echo out; sleep 1000' >/dev/null",
              "docker exec web sh -c 'echo in; exit 3'", "docker logs web",
              "docker pause web >/dev/null; docker ps --format '{{.Status}}'; docker unpause web >/dev/null",
              "docker update --memory 50m --memory-swap 60m web >/dev/null; docker exec web cat /sys/fs/cgroup/memory.max",
              "docker top web | tail -n 1", "docker stats --no-stream --format '{{.PIDs}}' web", "docker rm -f web",
              f"docker run --rm {b} nosuch", f"docker run --rm -t {b} sh -c 'test -t 0 && echo tty'",
              f"docker run --rm --memory 32m --cpus 0.5 --pids-limit 20 {b} sh -c 'cd /sys/fs/cgroup; cat memory.max cpu.max pids.max'",
              f"docker run --rm {b} grep -E 'Seccomp:|NoNewPrivs|CapEff' /proc/self/status",
              f"docker run --rm --privileged {b} grep -E 'Seccomp:|CapBnd' /proc/self/status",
              f"docker run --rm --memory 16m {b} sh -c 'head -c 200m /dev/zero | tr \"\\0\" a | grep b'",
              f"docker run --rm {b} /",
              f"docker run --rm --read-only --cap-drop all --tmpfs /t -v /root:/x:ro -w /t --security-opt no-new-privileges {b} "
              "sh -c 'touch /a /x/a; touch /t/y && ls /t; grep -E \"CapBnd|NoNewPrivs\" /proc/self/status'",
              f"docker run -d --name two {b} sleep 1000 >/dev/null; docker exec -t -u 5 two sh -c 'id -u; test -t 0 && echo tty'",
              "docker update --pids-limit 10 two >/dev/null; docker exec two cat /sys/fs/cgroup/pids.max; docker kill two >/dev/null; "
              "docker wait two; docker rm two >/dev/null", "docker ps -aq")
    assert r[0] == ("hi", 0) and r[1][1] == 0 and r[2] == ("in", 3) and r[3] == ("out", 0)
    assert "(Paused)" in r[4][0] and r[5] == ("52428800", 0) and "sleep 1000" in r[6][0] and r[7] == ("1", 0)
    assert r[9][1] == 127 and "executable file not found in $PATH" in r[9][0]
    assert r[10] == ("tty", 0) and r[11] == ("33554432\n50000 100000\n20", 0)
    assert "Seccomp:\t2" in r[12][0] and "00000000a80425fb" in r[12][0]
    assert "Seccomp:\t0" in r[13][0]
    assert r[14][1] == 137
    assert r[15][1] == 126
    assert r[16][0].count("Read-only") == 2 and "y" in r[16][0].split("\n")
    assert "CapBnd:\t0000000000000000" in r[16][0] and "NoNewPrivs:\t1" in r[16][0]
    assert r[17][0].split() == ["5", "tty"] and r[18][0].split() == ["10", "137"] and r[19] == ("", 0)
