# SPDX-License-Identifier: Apache-2.0
"""The system services on the real kernel: each is a container in a cgroup of its own, and none is lost."""
import re

import pytest

from qemu import Qemu

ONE_SHOT = ["cloud-init", "cloud-init-execute"]  # they end; test_cloud_init.py is theirs
SERVICES = ["acpi", "network", "syslog", "time", "userctr", "console"]  # the console last: this test sits on it


@pytest.fixture(scope="module")
def vm():
    with Qemu("kernel", name="services") as vm:
        vm.wait_ready()
        yield vm


def services(vm):
    """name -> (state, pid, starts)"""
    rows = vm.sh("slipway service ls", check=True).splitlines()[1:]
    out = {}
    for row in rows:
        f = re.split(r"\s{2,}", row.strip())
        out[f[0]] = (f[1], f[3], int(f[4]))
    return out


def wait_service(vm, name, starts):
    """Wait, in the guest, until it was started that often and is ready; its new pid."""
    vm.sh(f"until slipway service ls | grep -E '^{name} +ready .* {starts} *$'; do usleep 20000; done", 60, check=True)
    return services(vm)[name][1]


def make_stray(vm, name):
    """A process in the service's cgroup whose parent has gone, as one that forked twice; its pid."""
    vm.sh(f"(setsid sh -c 'echo $$ >/sys/fs/cgroup/system/{name}/cgroup.procs; echo $$ >/tmp/stray; exec sleep 4242' "
          "</dev/null >/dev/null 2>&1 &)", check=True)
    stray = vm.sh("until grep -q sleep /proc/$(cat /tmp/stray 2>/dev/null)/comm 2>/dev/null; do usleep 20000; done; cat /tmp/stray", check=True).strip()
    vm.sh("rm /tmp/stray")
    assert vm.sh(f"cat /proc/{stray}/cgroup", check=True).strip() == f"0::/system/{name}"
    assert vm.sh(f"grep PPid: /proc/{stray}/status", check=True).split()[1] == "1"
    return stray


def test_every_service_is_a_container_in_its_own_cgroup(vm):
    s = {k: v for k, v in services(vm).items() if k not in ONE_SHOT}
    assert sorted(SERVICES) == sorted(s) and {v[0] for v in s.values()} == {"ready"}
    for name, (_, pid, _) in s.items():
        assert vm.sh(f"cat /proc/{pid}/cgroup", check=True).strip() == f"0::/system/{name}"
        assert f" {pid} " in vm.sh(f"sysctr --root /run/sysctr list | grep '^{name} '", check=True)


@pytest.mark.parametrize("name", SERVICES)
def test_a_killed_service_comes_back_and_leaves_nothing(vm, name):
    _, pid, starts = services(vm)[name]
    stray = make_stray(vm, name)
    if name == "console":
        vm.send(f"kill -9 {pid}")
        vm.expect("autologin|login:|[#$] ", 60)
        vm.wait_prompt()
    else:
        vm.sh(f"kill -9 {pid}")
    assert wait_service(vm, name, starts + 1) != pid
    assert vm.sh(f"[ -e /proc/{stray} ] && cat /proc/{stray}/cmdline")[0] == ""


@pytest.mark.parametrize("name", SERVICES[:-1])
def test_a_killed_double_forked_process_does_no_harm(vm, name):
    before = services(vm)[name]
    stray = make_stray(vm, name)
    vm.sh(f"kill -9 {stray}", check=True)
    vm.sh(f"until [ ! -e /proc/{stray} ]; do usleep 20000; done", check=True)
    assert services(vm)[name] == before


def test_poweroff_from_inside_a_container(vm):
    vm.send("poweroff")
    assert vm.wait_shutdown() == "guest-shutdown"


def test_filters_were_compiled_when_the_image_was_built(machine):
    vm = machine("kernel")
    vm.wait_ready()
    assert vm.sh("docker run --rm busybox grep Seccomp: /proc/self/status", check=True).split()[-1] == "2"
    # what the runtime compiles itself it keeps there
    assert vm.sh("ls -d /run/sysctr/.filters /run/userctr/sysctr/.filters")[1] == 1


def test_the_power_button(machine):
    vm = machine("kernel")
    vm.wait_ready()
    vm.sh("until grep watching /run/slipway/log/acpi.log; do usleep 50000; done", 60, check=True)
    vm.powerdown()
    assert vm.wait_shutdown() == "guest-shutdown"
    assert "power off asked for by the control socket" in vm.text()
