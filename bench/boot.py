#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The boot in figures: boot.py [N]

One run prints the sizes of what is shipped; the boot as a timeline, beside the same kernel with a PID 1 that does nothing
(N boots of each in turn, the fastest counts); the same in instructions (one guest nanosecond is one instruction there, and
two runs differ by less than 1 %); what PID 1 and the whole system hold in memory; and the smallest machine that boots and
runs a container. Needs what 'make all' builds, and QEMU.
"""
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/boot"))
from qemu import OUT, ROOT, Qemu, QemuError  # noqa: E402

ICOUNT = ("-icount", "shift=0,sleep=off")
API = "slipway.docker.host=tcp://0.0.0.0:2375"
HELLO = "docker run --rm busybox echo h''ello"


def sizes():
    print("\nsizes, kB")
    names = ["slipway.iso", "vmlinuz", "initrd.img", "system.erofs"]
    names += [f"bin/{p.name}" for p in sorted((OUT / "bin").iterdir()) if p.is_file()]
    for name in names:
        print(f"  {name:<24} {(OUT / name).stat().st_size / 1024:9.0f}")


def nothing_initrd(folder):
    """An initramfs with the do-nothing PID 1 alone."""
    subprocess.run([OUT / "deps/musl/bin/x86_64-linux-musl-gcc", "-Os", "-s", "-o", folder / "init",
                    ROOT / "bench/nothing.c"], check=True)
    (folder / "list").write_text(f"/dev 040755 0 0 -\n/dev/console 020600 0 0 c:5:1\n/init 0100755 0 0 {folder}/init\n")
    with open(folder / "initrd.img", "wb") as out:
        subprocess.run([ROOT / "rootfs/cpio.py", folder / "list"], check=True, stdout=out)
    return folder / "initrd.img"


def wait_api(vm, seconds=120):
    """Seconds from the start of QEMU until the API answers. A connection is refused or hangs up until then."""
    port, end = vm.port(2375), time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            c.request("GET", "/_ping")
            if c.getresponse().status == 200:
                return time.monotonic() - vm.started
        except (OSError, http.client.HTTPException):
            select_nothing()
    raise QemuError("the API did not answer")


def select_nothing():
    time.sleep(0.005)  # between tries; the figure is coarser than that


def boot_nothing(initrd, extra=()):
    with Qemu("kernel", name="bench-nothing", initrd=initrd, network=False, extra=extra) as vm:
        found = vm.expect(r"nothing: (\d+) (\d+)", 120)
        return {"wall": time.monotonic() - vm.started, "kernel_us": int(found[1]), "tsc": int(found[2])}


def boot_system(kind, extra=(), network=True):
    with Qemu(kind, name=f"bench-{kind}", cmdline=API, ports=[2375] if network else (), network=network, extra=extra) as vm:
        vm.expect(r"slipway: ready in ([0-9.]+) s", 200)
        r = {"ready": time.monotonic() - vm.started}
        if network:
            r["api"] = wait_api(vm)
        vm.wait_prompt(120)
        r["prompt"] = time.monotonic() - vm.started
        r["times"] = [json.loads(x) for x in vm.sh("slipway boot-times --format json", 120, check=True).splitlines()]
        if network:
            info = dict(re.findall(r"^(\w+):\s+(\d+)", vm.sh("cat /proc/meminfo", check=True), re.M))
            r["used_kb"] = int(info["MemTotal"]) - int(info["MemAvailable"])
            r["pid1"] = dict(re.findall(r"^(VmRSS|RssAnon|RssFile|VmHWM):\s+(\d+)", vm.sh("cat /proc/1/status", check=True),
                                        re.M))
        return r


def timeline(times):
    for t in times:
        what = t["what"]
        print(f"  {t['start_usec'] / 1000:9.1f} .. {t['end_usec'] / 1000:9.1f} ms  {what:<9} {t['name']}")


def boots(n):
    with tempfile.TemporaryDirectory() as d:
        initrd = nothing_initrd(Path(d))
        kinds = {"nothing": [], "kernel": [], "iso": []}
        for _ in range(n):
            kinds["nothing"].append(boot_nothing(initrd))
            kinds["kernel"].append(boot_system("kernel"))
            kinds["iso"].append(boot_system("iso"))
        floor = min(b["wall"] for b in kinds["nothing"])
        print(f"\nboots, s from the start of QEMU, fastest of {n}\n  {'':<28}{'PID 1 or ready':>15}{'API':>8}{'prompt':>8}")
        print(f"  {'do-nothing PID 1, direct':<28}{floor:15.2f}")
        for kind in ("kernel", "iso"):
            b = kinds[kind]
            print(f"  {'Slipway, ' + kind:<28}{min(x['ready'] for x in b):15.2f}{min(x['api'] for x in b):8.2f}"
                  f"{min(x['prompt'] for x in b):8.2f}   ready / do-nothing = {min(x['ready'] for x in b) / floor:.2f}")
        best = min(kinds["kernel"], key=lambda x: x["ready"])
        print("\ntimeline of the fastest direct boot, since PID 1's start (the kernel's: since its own)")
        timeline(best["times"])
        iso = min(kinds["iso"], key=lambda x: x["ready"])
        print(f"\nmemory after the boot of the ISO, kB\n  used of the machine's      {iso['used_kb']:8}")
        for k, v in iso["pid1"].items():
            print(f"  PID 1 {k:<20} {v:>8}")
        print("\ninstructions, millions")
        for i in (1, 2):
            none, all_ = boot_nothing(initrd, ICOUNT), boot_system("kernel", ICOUNT, network=False)
            kernel = next(t["end_usec"] for t in all_["times"] if t["what"] == "kernel")
            ready = next(t["end_usec"] for t in all_["times"] if t["what"] == "all ready")
            print(f"  run {i}: do-nothing: kernel {none['kernel_us'] / 1000:.1f}   Slipway: kernel {kernel / 1000:.1f},"
                  f" PID 1 to ready {ready / 1000:.1f}")


def runs_with(memory):
    try:
        with Qemu("iso", name=f"bench-m{memory}", memory=memory, deadline_s=90) as vm:
            vm.wait_ready(60)
            return "hello" in vm.sh(HELLO, 60)[0]
    except QemuError:
        return False


def smallest():
    low, high = 32, 256  # high works
    assert runs_with(high), f"{high} MB should be enough"
    while high - low > 4:
        middle = (low + high) // 8 * 4
        if runs_with(middle):
            high = middle
        else:
            low = middle
    print(f"\nsmallest machine that boots the ISO and runs a container\n  {high} MB")


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    sizes()
    boots(n)
    smallest()
