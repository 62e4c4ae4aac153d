# SPDX-License-Identifier: Apache-2.0
"""System images that are broken, and services that are: the object and the reason are named, the console comes."""
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOT_S = 250
CRASH = """
services:
  crash:
    image: busybox:latest
    command: [sh, -c, "echo dying words; exit 3"]
    restart: always
    labels: {io.slipway.restart-limit: 3/1m}
  nocommand:
    image: busybox:latest
    command: [/bin/nosuch]
  gone:
    image: gone
    command: [sh]
  needs:
    image: busybox:latest
    command: [sh]
    depends_on: {nocommand: {condition: service_completed_successfully}}
"""
GONE = "from base\n/gone 0100644 service.yml\n"


@pytest.fixture
def variant(machine, tmp_path):
    """Boot with an initramfs of its own; system(path) may make or spoil $O/system.erofs."""
    out = Path(os.environ.get("O", "build")).resolve()
    for part in ("bin", "deps", "vmlinuz"):
        (tmp_path / part).symlink_to(out / part)

    def boot(system):
        system(tmp_path / "system.erofs", out / "system.erofs")
        env = {**os.environ, "O": str(tmp_path)}
        subprocess.run([ROOT / "rootfs/mkrootfs.sh"], env=env, check=True, timeout=120)
        return machine("kernel", initrd=tmp_path / "initrd.img", memory=256)

    return boot


def test_garbage_for_an_image(variant):
    vm = variant(lambda to, good: to.write_bytes(b"garbage" * 10000))
    vm.expect(r"emergency.*system image.*'/system\.erofs'.*", BOOT_S)
    vm.expect(r"# ", BOOT_S)
    vm.send("echo $((6*7))")
    vm.expect(r"^42", BOOT_S)


def test_truncated_image(variant):
    vm = variant(lambda to, good: to.write_bytes(good.read_bytes()[:200000]))
    vm.expect(r"emergency.*(system image|service table|system\.erofs|services\.tab).*", BOOT_S)
    vm.expect(r"# ", BOOT_S)
    vm.send("echo $((6*7))")
    vm.expect(r"^42", BOOT_S)


def build(to, extra, patch=""):
    env = {**os.environ, "EXTRA": str(extra), "OUT": str(to.parent / "built"), "PATCH": patch}
    subprocess.run([ROOT / "images/build.sh"], env=env, check=True, timeout=300)
    (to.parent / "built/system.erofs").rename(to)


def test_services_that_fail_are_named_and_the_console_comes(variant, tmp_path):
    extra = tmp_path / "extra/faults"
    extra.mkdir(parents=True)
    (extra / "service.yml").write_text(CRASH)
    (tmp_path / "extra/gone").mkdir()
    (tmp_path / "extra/gone/recipe").write_text(GONE.replace("service.yml", "../faults/service.yml"))
    # the layer of one image is lost
    patch = 'cd usr/lib/slipway/images/layers; for d in *; do if [ -e $d/gone ]; then rm -r $d; fi; done'
    vm = variant(lambda to, good: build(to, tmp_path / "extra", patch))
    found = vm.expect(r"ready in [0-9.]+ s, but \d services failed: ([^\r]*)\r", BOOT_S)
    # one that was up for a moment may count as started or as failed
    assert set(found[1].decode().split(", ")) - {"crash"} == {"nocommand", "gone", "needs"}
    vm.wait_prompt(BOOT_S)
    vm.sh("until slipway service status crash | grep -q failed; do usleep 100000; done", BOOT_S)
    reason = {n: vm.sh(f"slipway service status {n}")[0] for n in ("crash", "nocommand", "gone", "needs")}
    assert re.search(r"exited with status 3", reason["crash"])
    assert re.search(r"starts: 3", reason["crash"])
    assert re.search(r'"/bin/nosuch": no such file', reason["nocommand"])
    assert re.search(r"layers/[0-9a-f]{8}", reason["gone"])
    assert re.search(r"'nocommand'", reason["needs"])
    assert vm.sh("cat /run/slipway/log/crash.log", check=True).count("dying words") == 3
    assert vm.sh("ls /sys/fs/cgroup/system | grep -c -e crash -e nocommand -e gone")[0].strip() == "0"


def test_wrong_definitions_are_refused_when_the_image_is_made(tmp_path):
    extra = tmp_path / "bad"
    extra.mkdir()
    (extra / "service.yml").write_text("services:\n  x:\n    image: nosuch\n  y:\n    image: base\n    cap_add: [ROOT]\n"
                                       "  z:\n    image: base\n    command: [sh]\n    depends_on: [x]\n")
    env = {**os.environ, "EXTRA": str(tmp_path), "OUT": str(tmp_path / "built")}
    done = subprocess.run([ROOT / "images/build.sh"], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0 and not (tmp_path / "built").exists()
    told = done.stderr
    assert re.search(r"service\.yml:3: services\.x\.image: expected an image of .*, found 'nosuch'", told)
    assert re.search(r"service\.yml:6: services\.y\.cap_add\[0\]: expected a capability like NET_ADMIN, found 'ROOT'", told)
    assert re.search(r"service\.yml:10: services\.z\.depends_on: .*'x', which was refused", told)
