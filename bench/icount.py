#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions of one `sysctr run`, kernel and program: bench/runtime.sh's bundle in a guest where a nanosecond of processor
time is an instruction (QEMU -icount shift=0). The milliseconds of the table are millions. Other load does not change them."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = Path(os.environ.get("O", "build"))
OUT = OUT if OUT.is_absolute() else ROOT / OUT
os.environ["O"] = str(OUT)
sys.path.insert(0, str(ROOT / "tests/ns"))
from qemu_guest import guest  # noqa: E402

config = re.search(r"<<'JSON'\n(.*?)\nJSON", (ROOT / "bench/runtime.sh").read_text(), re.S).group(1)
with tempfile.TemporaryDirectory() as d:
    cc = [OUT / "deps/musl/bin/x86_64-linux-musl-gcc", "-Os", "-D_GNU_SOURCE", "-static", "-o"]
    for name in ("interleave", "floor"):
        subprocess.run([*cc, f"{d}/{name}", ROOT / f"bench/{name}.c"], check=True)
    subprocess.run(["gcc", "-x", "assembler", "-nostdlib", "-static", "-s", "-o", f"{d}/true", "-"], check=True,
                   input=b".globl _start\n_start: mov $60,%eax\n xor %edi,%edi\n syscall\n")
    out, _ = guest("""mkdir -p /b/rootfs/proc /b/rootfs/dev /b/rootfs/sys /ro; cp /work/true /b/rootfs/true; cp /work/config.json /b
cp /bin/sysctr /ro; mount --bind /ro /ro; mount -o remount,bind,ro /ro
interleave 15 'floor=/bin/floor /b/rootfs /true' 'sysctr-ro=/ro/sysctr --root /run/s run -b /b r{i}' \
	'sysctr=/bin/sysctr --root /run/s run -b /b x{i}'""",
                   files={"/bin/sysctr": OUT / "bin/sysctr", "/bin/interleave": f"{d}/interleave", "/bin/floor": f"{d}/floor",
                          "/work/true": f"{d}/true", "/work/config.json": config.encode()}, qemu=("-icount", "shift=0"))
    print(out, end="")
