# SPDX-License-Identifier: Apache-2.0
"""Run a shell script in a guest with our kernel and cgroup v2, and get back what it printed.

    out, code = guest("cat /sys/fs/cgroup/cgroup.controllers", files={"/bin/sysctr": path, "/x": b"text"})

The guest is QEMU with an initramfs of busybox and the given files; its root is a tmpfs, so pivot_root works.
/proc, /sys, /dev, /sys/fs/cgroup (v2, every controller on) and /run are mounted; the script's shell is ash, its
directory /work. It is gone at the end, or after `seconds`.
"""
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

OUT = Path(os.environ.get("O", "build")).resolve()
KERNEL = OUT / "vmlinuz"
BUSYBOX = OUT / "deps" / "musl" / "bin" / "busybox"
BEGIN, END = "--8<-- begin", "--8<-- end"

INIT = """#!/bin/busybox sh
/bin/busybox mount -t tmpfs -o mode=755 tmpfs /new
/bin/busybox cp -a /bin /work /etc /new 2>/dev/null
/bin/busybox mkdir -p /new/proc /new/sys /new/dev /new/run /new/tmp /new/root
exec /bin/busybox switch_root /new /bin/second
"""

SECOND = f"""#!/bin/busybox sh
export PATH=/bin HOME=/root
for a in $(/bin/busybox --list); do /bin/busybox ln -s busybox /bin/$a 2>/dev/null; done
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
mount -t cgroup2 cgroup2 /sys/fs/cgroup; mount -t tmpfs -o mode=755 run /run; mount -t tmpfs tmp /tmp
mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts
for c in $(cat /sys/fs/cgroup/cgroup.controllers); do echo +$c >/sys/fs/cgroup/cgroup.subtree_control; done
cd /work; echo '{BEGIN}'
sh /bin/script </dev/null 2>&1
echo "{END} $?"
poweroff -f
"""


def entry(name, mode, data, number):
    raw = name.encode() + b"\0"
    head = b"070701" + b"".join(b"%08X" % v for v in (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0))
    out = head + raw
    out += b"\0" * (-len(out) % 4) + data
    return out + b"\0" * (-len(data) % 4)


def cpio(files):
    """files: path -> (mode, bytes); directories of them are made."""
    out, seen = [], set()
    for path, (mode, data) in files.items():
        for parent in list(Path(path).parents)[-2::-1]:
            if str(parent) not in seen:
                seen.add(str(parent))
                out.append(entry(str(parent).lstrip("/"), stat.S_IFDIR | 0o755, b"", len(out) + 1))
        out.append(entry(path.lstrip("/"), mode, data, len(out) + 1))
    out.append(entry("TRAILER!!!", 0, b"", 0))
    return b"".join(out)


def why_not():
    """A reason to skip, or None."""
    if not KERNEL.exists():
        return f"no {KERNEL}: make kernel"
    if not shutil.which("qemu-system-x86_64"):
        return "no qemu-system-x86_64"
    return None


def guest(script, files=None, memory_mb=256, seconds=240, append="", qemu=()):
    tree = {"/init": (0o100755, INIT.encode()), "/bin/second": (0o100755, SECOND.encode()),
            "/bin/script": (0o100644, script.encode()), "/bin/busybox": (0o100755, BUSYBOX.read_bytes()),
            "/new/.": (stat.S_IFDIR | 0o755, b""), "/work/.keep": (0o100644, b""), "/etc/passwd": (0o100644, b"root:x:0:0::/root:/bin/sh\n")}
    tree["/new/.keep"] = (0o100644, b"")
    del tree["/new/."]
    for path, what in (files or {}).items():
        data = what if isinstance(what, bytes) else Path(what).read_bytes()
        is_program = not isinstance(what, bytes) and os.access(what, os.X_OK)
        tree[path] = (0o100755 if is_program else 0o100644, data)
    tree["/dev/console"] = (stat.S_IFCHR | 0o600, b"")
    with tempfile.TemporaryDirectory() as d:
        initrd = Path(d) / "initrd"
        data = cpio({k: v for k, v in tree.items() if k != "/dev/console"})
        initrd.write_bytes(data)
        argv = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", str(memory_mb), "-nodefaults", "-nographic",
                "-no-reboot", "-kernel", str(KERNEL), "-initrd", str(initrd), "-serial", "stdio",
                *qemu, "-append", f"console=ttyS0 quiet loglevel=1 panic=-1 rdinit=/init {append}"]
        p = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
    text = p.stdout.decode(errors="replace").replace("\r\n", "\n")
    if BEGIN not in text or END not in text:
        raise AssertionError(f"the guest did not finish:\n{text[-4000:]}{p.stderr.decode()[-1000:]}")
    body, _, rest = text.split(BEGIN + "\n", 1)[1].rpartition(END)
    return body, int(rest.split()[0])
