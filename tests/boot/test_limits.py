# SPDX-License-Identifier: Apache-2.0
"""Limits and devices of a container on the real kernel: what was asked of docker is what its cgroup holds."""
import pytest

from qemu import Qemu


@pytest.fixture(scope="module")
def vm():
    with Qemu("kernel", name="limits") as vm:
        vm.wait_ready()
        yield vm


def run(vm, options, script):
    """Output of a container, lines; the kernel's own lines on the console left out."""
    out, _ = vm.sh(f"docker run --rm --network none {options} busybox sh -c '{script}' 2>&1")
    return [line for line in out.splitlines() if not line.startswith("[")]


def test_limits_reach_the_cgroup(vm):
    files = "memory.max memory.swap.max memory.low pids.max cpu.max cpu.weight"
    out = run(vm, "--memory 64m --memory-reservation 32m --pids-limit 50 --cpus 0.5 --cpu-shares 512", f"cd /sys/fs/cgroup; cat {files}")
    assert out == ["67108864", "67108864", "33554432", "50", "50000 100000", "59"]
    assert run(vm, "", f"cd /sys/fs/cgroup; cat {files}") == ["max", "max", "0", "max", "max 100000", "100"]


def test_update(vm):
    vm.sh("docker run -d --name upd --network none --memory 64m busybox sleep 1000", check=True)
    vm.sh("docker update --memory 32m --memory-swap 64m --pids-limit 9 upd", check=True)
    read = "docker exec upd sh -c 'cd /sys/fs/cgroup; cat memory.max memory.swap.max pids.max'"
    assert vm.sh(read, check=True).split() == ["33554432", "33554432", "9"]
    vm.sh("docker update --pids-limit -1 upd", check=True)
    assert vm.sh(read, check=True).split()[2] == "max"
    vm.sh("docker rm -f upd", check=True)


def test_limits_hold(vm):
    assert vm.sh("docker run --rm --network none --memory 32m busybox tail /dev/zero >/dev/null 2>&1; echo $?", check=True).split()[-1] == "137"
    assert "can't fork" in " ".join(run(vm, "--pids-limit 5", "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait"))


def test_devices(vm):
    make = "mknod /tmp/l c 10 237; "
    assert "Operation not permitted" in run(vm, "", make + ": </tmp/l")[0]
    assert run(vm, "--device /dev/loop-control", ": </dev/loop-control && echo opened") == ["opened"]
    out = run(vm, "--device-cgroup-rule \"c 10:237 r\"", make + "(: </tmp/l) && echo read; (: >/tmp/l) && echo written")
    assert out[0] == "read" and "Operation not permitted" in out[1]
    assert run(vm, "--privileged", make + ": </tmp/l && echo opened; mkdir /sys/fs/cgroup/x && echo made") == ["opened", "made"]


def test_cgroup_namespace(vm):
    assert run(vm, "", "cat /proc/self/cgroup") == ["0::/"]
    assert run(vm, "--cgroupns host", "cat /proc/self/cgroup")[0].startswith("0::/docker/")
    assert "Read-only" in run(vm, "", "mkdir /sys/fs/cgroup/x")[0]
    # as buildx asks for its builder
    vm.sh("docker run -d --name builder --network none --cgroup-parent /docker/buildx --memory 32m busybox sleep 1000", check=True)
    assert vm.sh("cat /sys/fs/cgroup/docker/buildx/*/memory.max", check=True).strip() == "33554432"
    vm.sh("docker rm -f builder", check=True)
    assert vm.sh("ls -d /sys/fs/cgroup/docker/buildx/*/ 2>/dev/null | wc -l", check=True).strip() == "0"


def test_filters_are_compiled_once(vm):
    # the usual one is in the system image; this one is not
    count = "ls /run/userctr/sysctr/.filters 2>/dev/null | wc -l"
    run(vm, "--cap-add SYS_PTRACE", "true")
    before = vm.sh(count, check=True)
    run(vm, "--cap-add SYS_PTRACE", "true")
    assert vm.sh(count, check=True) == before and int(before) >= 1
