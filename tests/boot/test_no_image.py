# SPDX-License-Identifier: Apache-2.0
"""A system without its image (none is built, or the initramfs lost it): a console, the reason, and orderly power.

Booted from an initramfs made here of PID 1 and busybox alone, whatever else was built.
"""
import os
import subprocess
from pathlib import Path

import pytest


ROOT = Path(__file__).resolve().parents[2]
BOOT_S = 250  # a loaded machine emulates slowly


@pytest.fixture
def bare(machine, tmp_path):
    out = Path(os.environ.get("O", "build")).resolve()
    for part in ("bin", "deps"):
        (tmp_path / part).symlink_to(out / part)
    subprocess.run([ROOT / "rootfs" / "mkrootfs.sh"], env={**os.environ, "O": str(tmp_path)}, check=True, timeout=60)

    def boot(cmdline=""):
        return machine("kernel", initrd=tmp_path / "initrd.img", memory=128, cmdline=cmdline)

    return boot


def test_emergency_console_names_the_image(bare):
    vm = bare()
    vm.expect(r"emergency.*system image.*/system\.erofs", timeout=BOOT_S)
    vm.expect(r"# ", timeout=BOOT_S)
    vm.send("echo $((6*7)); cat /proc/1/comm")
    vm.expect(r"42\s+init", timeout=BOOT_S)


def test_unknown_keys_are_named_with_the_nearest(bare):
    vm = bare("slipway.state.devv=x rancher.nonsense slipway.log_level=")
    vm.expect(r"slipway\.state\.devv.*state\.dev", timeout=BOOT_S)
    vm.expect(r"slipway\.nonsense", timeout=BOOT_S)  # both spellings are one key
    vm.expect(r"emergency console", timeout=BOOT_S)


def test_power_off_by_signal(bare):
    vm = bare()
    vm.expect(r"emergency console", timeout=BOOT_S)
    vm.expect(r"# ", timeout=BOOT_S)
    vm.send("kill -USR2 1")
    vm.wait_event("SHUTDOWN", timeout=BOOT_S)


def test_power_off_by_command(bare):
    vm = bare()
    vm.expect(r"emergency console", timeout=BOOT_S)
    vm.expect(r"# ", timeout=BOOT_S)
    vm.send("poweroff")
    vm.wait_event("SHUTDOWN", timeout=BOOT_S)


def test_ctrl_alt_del_reboots(bare):
    vm = bare()
    vm.expect(r"emergency console", timeout=BOOT_S)
    vm.expect(r"# ", timeout=BOOT_S)
    vm.ctrl_alt_del()
    vm.expect(r"reboot asked for by ctrl-alt-del", timeout=BOOT_S)
    vm.wait_event("SHUTDOWN", timeout=BOOT_S)  # the machine is run so that a reset ends it


def test_missing_state_partition_is_said(bare):
    vm = bare("slipway.state.dev=LABEL=NOWHERE")
    vm.expect(r"state partition not used:.*NOWHERE", timeout=BOOT_S)
    vm.expect(r"emergency console", timeout=BOOT_S)
