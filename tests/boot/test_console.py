# SPDX-License-Identifier: Apache-2.0
"""The system as it is shipped: from firmware to a prompt, services in containers, and the end from inside one."""
import re

import pytest

import qemu

BOOT_S = 250  # a loaded machine emulates slowly
SERVICES = {"console", "network", "syslog", "userctr"}


def services(vm):
    """name -> state, of those that are there."""
    lines = vm.sh("slipway service ls", check=True).splitlines()[1:]
    return {f[0]: f[1] for f in map(str.split, lines)}


def check_prompt(vm):
    assert vm.sh("id", check=True).startswith("uid=0(root)")
    assert vm.sh("echo $USER $HOME $TERM; pwd", check=True).split() == ["slipway", "/home/slipway", "vt220", "/home/slipway"]
    assert vm.sh("tty", check=True).strip() == "/dev/ttyS0"


@pytest.mark.parametrize("kind", ["iso", "uefi", "disk", "kernel"])
def test_boots_to_a_prompt_and_powers_off(machine, kind):
    vm = machine(kind, memory=256)
    assert vm.wait_ready(BOOT_S) < 60
    check_prompt(vm)
    vm.send("poweroff")
    assert vm.wait_shutdown(BOOT_S) == "guest-shutdown"


@pytest.fixture
def vm(machine):
    vm = machine("kernel", memory=256)
    vm.wait_ready(BOOT_S)
    return vm


def test_every_service_is_a_container_in_its_cgroup(vm):
    running = services(vm)
    assert SERVICES <= set(running)
    listed = vm.sh("sysctr --root /run/sysctr list", check=True).splitlines()[1:]
    pids = {f[0]: f[1] for f in map(str.split, listed) if f[2] == "running"}
    # one-shot services come and go meanwhile
    assert {n for n in pids if not n.startswith("cloud-init")} == {n for n, state in running.items() if state == "ready"}
    for name, pid in pids.items():
        assert vm.sh(f"cat /proc/{pid}/cgroup", check=True).strip() == f"0::/system/{name}"
        assert vm.sh(f"grep PPid /proc/{pid}/status", check=True).split() == ["PPid:", "1"]
        own = vm.sh(f"[ $(readlink /proc/{pid}/ns/mnt) != $(readlink /proc/1/ns/mnt) ] && echo own")[0]
        assert own.strip() == "own"


def test_services_have_no_more_than_they_need(vm):
    listed = vm.sh("sysctr --root /run/sysctr list", check=True).splitlines()[1:]
    for name, pid in (f.split()[:2] for f in listed):
        if name in ("console", "userctr"):  # privileged, see docs/services.md
            continue
        status = vm.sh(f"cat /proc/{pid}/status", check=True)
        caps = int(re.search(r"CapBnd:\s*([0-9a-f]+)", status)[1], 16)
        assert bin(caps).count("1") <= 5, f"{name} may {caps:x}"
        assert re.search(r"NoNewPrivs:\s*1", status) and re.search(r"Seccomp:\s*2", status), name


def test_a_container_runs_from_the_preloaded_image(machine):
    vm = machine("iso", memory=256, network=False)
    vm.wait_ready(BOOT_S)
    assert vm.sh("docker run --rm busybox echo hello", BOOT_S, check=True).strip() == "hello"


def test_the_end_of_a_shell_brings_a_new_login(vm):
    vm.send("cd /tmp; MARK=1; exit")
    vm.expect(r"Slipway \d")  # the greeting
    vm.wait_prompt(BOOT_S)
    assert vm.sh("echo [$MARK]; pwd", check=True).split() == ["[]", "/home/slipway"]


def test_job_control(vm):
    vm.send("sh -c 'echo g\"\"o; exec sleep 1000'")
    vm.expect(r"^go")  # from here on the terminal is the command's, not the shell's
    vm.write("\x1a")  # ctrl-z
    vm.expect(r"Stopped")
    vm.wait_prompt()
    vm.send("fg")
    vm.expect(r"^sh -c .*")  # what fg tells, just before it waits
    vm.write("\x03")  # ctrl-c
    vm.wait_prompt()
    assert vm.sh("jobs; stty size", check=True).strip() == "24 80"


def test_home_outlives_the_console_and_nothing_else_does(vm):
    vm.sh("touch /home/slipway/stays /root/goes; sync", check=True)
    vm.send("slipway service restart --no-wait console")
    vm.expect(r"Slipway \d", BOOT_S)
    vm.wait_prompt(BOOT_S)
    assert vm.sh("ls /home/slipway /root | cat", check=True).split() == ["/home/slipway:", "stays", "/root:"]


def test_home_is_on_the_state_disk(machine, state_disk):
    first = machine("kernel", memory=256, disks=[state_disk])
    first.wait_ready(BOOT_S)
    first.sh("echo kept >/home/slipway/note", check=True)
    first.send("poweroff")
    first.wait_shutdown(BOOT_S)
    second = machine("kernel", memory=256, disks=[state_disk])
    second.wait_ready(BOOT_S)
    assert second.sh("cat /home/slipway/note", check=True) == "kept\n"


def test_login_by_password(machine):
    vm = machine("iso", memory=256, entry="login", cmdline="slipway.password=s3cret")
    vm.expect(qemu.READY, BOOT_S)
    vm.send()
    vm.expect(r"login: $", BOOT_S)
    vm.send("slipway")
    vm.expect(r"Password:")
    vm.send("wrong")
    vm.expect(r"incorrect", BOOT_S)
    vm.expect(r"login: $", BOOT_S)
    vm.send("rancher")
    vm.expect(r"Password:")
    vm.send("s3cret")
    vm.expect(qemu.PROMPT, BOOT_S)
    assert vm.sh("echo $USER", check=True).strip() == "rancher"


def test_without_a_password_nobody_logs_in_and_is_told_why(machine):
    vm = machine("iso", memory=256, entry="login")
    vm.expect(r"No password is set: slipway\.password=", BOOT_S)
    vm.expect(r"login: $", BOOT_S)
    vm.send("slipway")
    vm.expect(r"Password:")
    vm.send("")
    vm.expect(r"incorrect", BOOT_S)


def test_reboot_from_inside(vm):
    vm.send("reboot")
    assert vm.wait_shutdown(BOOT_S) == "guest-reset"


def test_malformed_keys_are_named_and_harmless(machine):
    vm = machine("kernel", memory=256, cmdline="slipway.hostnmae=x rancher.state.wait=soon slipway.docker.host=nonsense")
    vm.wait_ready(BOOT_S)
    said = vm.text()
    assert re.search(r"slipway\.hostnmae.*hostname", said)
    assert re.search(r"state\.wait", said)
    check_prompt(vm)


def test_corrupt_state_partition_is_said(machine, tmp_path):
    disk = qemu.make_disk(tmp_path / "state")
    with open(disk, "r+b") as f:  # the label stays, what is behind it goes
        f.seek(2048)
        f.write(b"\xff" * (4 << 20))
    vm = machine("kernel", memory=256, disks=[disk])
    vm.expect(r"state partition not used: .*", BOOT_S)
    vm.wait_ready(BOOT_S)
    check_prompt(vm)
