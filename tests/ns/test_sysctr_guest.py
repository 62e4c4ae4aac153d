# SPDX-License-Identifier: Apache-2.0
"""The runtime where every controller is on cgroup v2: in a guest, since a test's host may be a hybrid one."""
import copy
import json

import pytest

from qemu_guest import guest, why_not
from test_sysctr import SYSCTR, config

pytestmark = pytest.mark.skipif(bool(why_not()), reason=str(why_not()))

LIMITS = {
    "memory": {"limit": 33554432, "reservation": 16777216, "swap": 67108864},
    "cpu": {"shares": 1024, "quota": 50000, "period": 100000, "burst": 20000, "cpus": "0", "mems": "0"},
    "pids": {"limit": 7},
    "hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}],
    "unified": {"memory.high": "30000000"},
    "devices": [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}],
}

# Each '== name' begins a section of the answer.
SCRIPT = r"""
mkdir -p /b; cd /b; mkdir -p rootfs/bin rootfs/proc rootfs/dev rootfs/sys; cp /bin/busybox rootfs/bin/
for a in sh sleep cat ls mknod id head dd true tr; do ln -s busybox rootfs/bin/$a; done
use() { cp /work/$1.json config.json; }
C=/sys/fs/cgroup
use limits; sysctr run -d a || echo FAILED
echo "== limits"; for f in memory.max memory.low memory.swap.max cpu.weight cpu.max cpu.max.burst cpuset.cpus cpuset.mems pids.max \
	hugetlb.2MB.max memory.high; do [ -f $C/t/a/$f ] && echo "$f $(cat $C/t/a/$f)"; done
echo "== devices"
sysctr exec --cap CAP_MKNOD a /bin/sh -c 'cat /dev/null && echo null; head -c1 /dev/zero >/dev/null && echo zero
	mknod /dev/kmsg2 c 1 11 && echo made; echo x >/dev/kmsg2 && echo written; mknod /dev/m c 1 1 && echo made; cat /dev/m && echo memory' 2>&1
echo "== pids"; sysctr exec a /bin/sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done' 2>&1 | head -1
echo "== update"; echo '{"memory":{"limit":50331648,"swap":50331648},"pids":{"limit":20},"cpu":{"shares":2048,"idle":0}}' | sysctr update -r - a
for f in memory.max memory.swap.max pids.max cpu.weight cpu.max; do [ -f $C/t/a/$f ] && echo "$f $(cat $C/t/a/$f)"; done
echo '{"memory":{"limit":4096,"checkBeforeUpdate":true}}' | sysctr update -r - a; echo "code $?"
sysctr update --cpu-quota 30000 --cpu-period 200000 --pids-limit 33 --memory-reservation 4096 a; echo "code $?"
cat $C/t/a/cpu.max $C/t/a/pids.max $C/t/a/memory.low
echo "== pause"; sysctr pause a; sysctr state a | grep status; cat $C/t/a/cgroup.events; sysctr resume a; sysctr state a | grep status
echo "== events"; sysctr events --stats a
echo "== ps"; sysctr ps a; sysctr ps -f json a
echo "== delete"; sysctr delete -f a; echo "code $?"; ls -d --color=never $C/t/* 2>&1; ls /run/sysctr
use idle; sysctr run -d i; echo "== idle"; cat $C/t/i/cpu.idle; sysctr delete -f i
use oom; echo "== oom"; sysctr run -d --pid-file /b/pid o; while kill -0 $(cat /b/pid) 2>/dev/null; do :; done; cat $C/t/o/memory.events | grep oom_kill; sysctr delete -f o
dd if=/dev/zero of=/tmp/img bs=1M count=1 2>/dev/null; losetup -f /tmp/img; mdev -s 2>/dev/null; use blkio; echo "== io"; sysctr run -d d; cat $C/t/d/io.weight $C/t/d/io.bfq.weight $C/t/d/io.max 2>/dev/null; sysctr delete -f d
use rdma; echo "== rdma"; sysctr run -d r; echo "code $?"; ls -d --color=never $C/t/r 2>&1
use view; echo "== cgroup view"; sysctr run v
use noview; echo "== no cgroup namespace"; sysctr run v
use systemd; echo "== systemd path"; sysctr --systemd-cgroup run -d s; ls -d --color=never $C/user.slice/user-1.slice/pod-x.scope; sysctr delete -f s
echo "== default path"; use plain; sysctr run -d p; ls -d --color=never $C/sysctr/p; sysctr delete -f p; ls -d --color=never $C/sysctr/p 2>&1
echo "== end"
"""


def with_resources(resources, *args, **changes):
    c = config(*(args or ("/bin/sleep", "1000")), **changes)
    c["process"]["capabilities"] = {k: ["CAP_MKNOD"] for k in ("bounding", "effective", "permitted")}
    c["linux"]["resources"] = resources
    return c


def configs():
    out = {"limits": with_resources(LIMITS), "idle": with_resources({"cpu": {"idle": 1, "shares": 5}}),
           "oom": with_resources({"memory": {"limit": 8388608, "swap": 8388608}}, "/bin/sh", "-c",
                                 "x=$(dd if=/dev/zero bs=1M count=64 | tr '\\0' x)"),
           "blkio": with_resources({"blockIO": {"weight": 500, "throttleReadBpsDevice": [{"major": 7, "minor": 0, "rate": 1048576}],
                                                "throttleWriteIOPSDevice": [{"major": 7, "minor": 0, "rate": 100}]}}),
           "rdma": with_resources({"rdma": {"mlx5_1": {"hcaHandles": 3}}}), "plain": config("/bin/sleep", "1000")}
    for name, path in dict(limits="a", idle="i", oom="o", blkio="d", rdma="r").items():
        out[name]["linux"]["cgroupsPath"] = f"/t/{path}"
    del out["oom"]["process"]["capabilities"]
    view = config("/bin/sh", "-c", "cat /proc/self/cgroup; ls /sys/fs/cgroup | head -3; echo 1 > /sys/fs/cgroup/cgroup.freeze")
    view["mounts"].append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
                           "options": ["ro", "nosuid", "nodev", "noexec", "relatime"]})
    view["linux"]["cgroupsPath"] = "/t/v"
    out["view"] = view
    out["noview"] = copy.deepcopy(view)
    out["noview"]["process"]["args"][2] = "cat /sys/fs/cgroup/cgroup.procs; ls -d --color=never /sys/fs/cgroup/t; echo 1 > /sys/fs/cgroup/cgroup.freeze"
    out["noview"]["linux"]["namespaces"] = [n for n in view["linux"]["namespaces"] if n["type"] != "cgroup"]
    out["systemd"] = config("/bin/sleep", "1000")
    out["systemd"]["linux"]["cgroupsPath"] = "user-1.slice:pod:x"
    out["systemd"]["linux"]["cgroupsPath"] = "user-1.slice:pod:x"
    return out


@pytest.fixture(scope="module")
def answer():
    files = {f"/work/{k}.json": json.dumps(v).encode() for k, v in configs().items()}
    out, _ = guest(SCRIPT, files={"/bin/sysctr": SYSCTR, **files})
    sections = {}
    for part in ("\n" + out).split("\n== ")[1:]:
        name, _, body = part.partition("\n")
        sections[name] = body
    assert "end" in sections, out
    return sections


def test_limits(answer):
    assert dict(l.split(" ", 1) for l in answer["limits"].splitlines()) == {
        "memory.max": "33554432", "memory.low": "16777216", "cpu.weight": "100",
        "cpu.max": "50000 100000", "cpu.max.burst": "20000", "cpuset.cpus": "0", "cpuset.mems": "0", "pids.max": "7",
        "hugetlb.2MB.max": "4194304", "memory.high": "29999104",
        **({"memory.swap.max": "33554432"} if "memory.swap.max" in answer["limits"] else {})}


def test_devices(answer):
    out = answer["devices"]
    assert "null\nzero\nmade\n" in out and "written" not in out and "memory" not in out
    assert out.count("made") == 2 and "Operation not permitted" in out


def test_pids(answer):
    assert "can't fork" in answer["pids"]


def test_update(answer):
    out = answer["update"].splitlines()
    assert "memory.max 50331648" in out and "pids.max 20" in out and "cpu.max 50000 100000" in out
    assert any(l.startswith("cpu.weight 1") and l != "cpu.weight 100" for l in out)
    assert any("memory.limit: 4096 is below what is used" in l for l in out)
    assert out[-5:] == ["code 1", "code 0", "30000 200000", "33", "4096"]


def test_pause(answer):
    assert answer["pause"].split("\n")[0].count("paused") == 1 and "frozen 1" in answer["pause"] and "running" in answer["pause"]


def test_events(answer):
    e = json.loads(answer["events"])
    assert e["type"] == "stats" and e["id"] == "a"
    d = e["data"]
    assert d["pids"]["limit"] == 33 and d["pids"]["current"] >= 1
    assert d["memory"]["usage"]["limit"] == 50331648 and d["memory"]["usage"]["usage"] > 0
    assert d["cpu"]["usage"]["total"] > 0 and "throttling" in d["cpu"]


def test_ps(answer):
    *table, last = answer["ps"].strip().splitlines()
    pids = json.loads(last)
    assert pids and any(str(pids[0]) in l for l in table)


def test_delete_leaves_nothing(answer):
    assert answer["delete"].startswith("code 0") and "/t/a" not in answer["delete"].replace("/t/*", "")


def test_idle(answer):
    assert answer["idle"].strip() == "1"


def test_oom(answer):
    assert int(answer["oom"].split()[-1]) >= 1, answer["oom"]


def test_io(answer):
    assert answer["io"].splitlines()[-2:] == ["default 500", "7:0 rbps=1048576 wbps=max riops=max wiops=100"]


def test_a_device_that_is_not_there_is_an_error(answer):
    assert "linux.resources.rdma.mlx5_1" in answer["rdma"] and "code 1" in answer["rdma"] and "No such file" in answer["rdma"]


def test_cgroup_mount(answer):
    assert "0::/\n" in answer["cgroup view"] and "Read-only" in answer["cgroup view"]


def test_without_a_cgroup_namespace_only_the_own_cgroup_shows(answer):
    out = answer["no cgroup namespace"]
    assert out.startswith("1") and "/sys/fs/cgroup/t: No such file" in out and "Read-only" in out


def test_systemd_path(answer):
    assert answer["systemd path"].strip() == "/sys/fs/cgroup/user.slice/user-1.slice/pod-x.scope"


def test_default_path(answer):
    first, second = answer["default path"].strip().splitlines()
    assert first == "/sys/fs/cgroup/sysctr/p" and "No such file" in second
