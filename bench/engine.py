#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Engines side by side: ours, dockerd with containerd, podman, as Debian ships those, in one guest, one run.

    bench/engine.py [RUNS [CONTAINERS [ENGINE...]]]      10 20 docker podman

Medians of RUNS, wall clock by bash's clock, and memory as the sum of PSS of the engine's processes and helpers without the
containers' own. Where KVM is missing the guest is emulated: only the ratios mean something there. Ours is measured with docker's
client (the same as dockerd's) and with our own. Emulated, ten runs of all engines take an hour.
"""
import re
import statistics
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOP / "tests/peers"), str(TOP / "tests/api")]
from debian import OUT, run_in_debian  # noqa: E402
from image import docker_archive  # noqa: E402

SCRIPT = r"""
runs=%(runs)d containers=%(containers)d
ms() { # NAME COMMAND...
    local name=$1 i s; shift
    "$@" >/dev/null 2>/tmp/err || { echo "!$name: $(tail -n 1 /tmp/err)"; return; }
    for ((i = 0; i < runs; i++)); do
        s=$EPOCHREALTIME; "$@" >/dev/null 2>&1; echo "=$engine $name $((${EPOCHREALTIME/./} - ${s/./}))"
    done
}
pss() { # NAME PROGRAM...: kB
    local name=$1 sum=0 n=0 p exe; shift
    for p in /proc/[0-9]*; do
        exe=$(readlink $p/exe) || continue
        for x in "$@"; do
            [ "${exe##*/}" = "$x" ] && { n=$((n + 1)); sum=$((sum + $(grep ^Pss: $p/smaps_rollup | tr -dc 0-9))); }
        done
    done
    echo "=$engine $name $sum"; echo "=$engine $name-processes $n"
}
measure() { # IMAGE CLIENT... ; $programs
    local image=$1 i; shift
    ms run-none "$@" run --rm --network none $image true
    [ "$engine" = podman ] || ms run-bridge "$@" run --rm $image true
    "$@" run -d --network none --name base $image sleep 100000 >/dev/null
    ms exec "$@" exec base true
    [ -z "$programs" ] || for ((i = 1; i < containers; i++)); do
        "$@" run -d --network none $image sleep 100000 >/dev/null
    done
    ms ps "$@" ps
    [ -z "$programs" ] || pss pss-loaded $programs
    "$@" rm -f $("$@" ps -aq) >/dev/null 2>&1
}
ip link set lo up
mkdir -p /var/lib/userctr /opt/bin; ln -s /usr/local/bin/userctr /opt/bin/docker

engine=ours programs="userctr sysctr"
userctr daemon -H unix:///run/ours.sock >/tmp/ours.log 2>&1 &
until docker -H unix:///run/ours.sock version >/dev/null 2>&1; do kill -0 $! || { cat /tmp/ours.log; break; }; done
docker -H unix:///run/ours.sock load -q -i /img.tar
pss pss-idle $programs
measure bb:1 docker -H unix:///run/ours.sock
engine=ours-own-client programs=
measure bb:1 /opt/bin/docker -H unix:///run/ours.sock
kill %%1; wait %%1

if [[ "%(engines)s" = *docker* ]]; then
engine=docker programs="dockerd containerd containerd-shim-runc-v2 docker-proxy"
dockerd --iptables=false --ip-masq=false --storage-driver overlay2 >/tmp/dockerd.log 2>&1 &
until docker version >/dev/null 2>&1; do kill -0 $! || { tail -n 5 /tmp/dockerd.log; break; }; done
docker load -q -i /img.tar
pss pss-idle $programs
measure bb:1 docker
kill %%2; wait %%2
fi

if [[ "%(engines)s" = *podman* ]]; then
engine=podman programs=conmon
mkdir -p /etc/containers; printf '[storage]\ndriver = "overlay"\nrunroot = "/run/c"\ngraphroot = "/var/lib/c"\n' >/etc/containers/storage.conf
podman() { command podman --cgroup-manager cgroupfs --events-backend file --log-level error "$@"; }
podman load -q -i /img.tar
measure localhost/bb:1 podman
fi
echo done
"""


def main():
    runs, containers = [int(x) for x in (sys.argv[1:3] + ["10", "20"][len(sys.argv[1:3]):])]
    others = sys.argv[3:] or ["docker", "podman"]
    with tempfile.TemporaryDirectory() as d:
        archive = docker_archive(Path(d) / "img.tar", OUT / "deps/musl/bin/busybox")
        files = {"/usr/local/bin/" + n: OUT / "bin" / n for n in ("userctr", "sysctr")}
        out, _ = run_in_debian(SCRIPT % {"runs": runs, "containers": containers, "engines": " ".join(others)}, {**files, "/img.tar": archive}, name="engine",
                               timeout=3000)
    found = {}
    for engine, name, value in re.findall(r"^=(\S+) (\S+) (\d+)$", out, re.M):
        found.setdefault(name, {}).setdefault(engine, []).append(int(value))
    bad = re.findall(r"^!.*$", out, re.M)
    if bad or "done" not in out.split():
        print(out if not bad else "\n".join(bad), file=sys.stderr)
    engines = ["ours-own-client", "ours", "docker", "podman"]
    print(f"{'':24}" + "".join(f"{e:>24}" for e in engines))
    for name, by in found.items():
        mid = {e: statistics.median(v) for e, v in by.items()}
        base = mid.get("ours")
        unit, div = ("ms", 1000) if not name.startswith("pss") else ("kB", 1) if "processes" not in name else ("", 1)
        cells = [f"{mid[e] / div:.1f} {unit} ({mid[e] / base:.2f})" if e in mid and base else "-" for e in engines]
        print(f"{name:24}" + "".join(f"{c:>24}" for c in cells))


if __name__ == "__main__":
    main()
