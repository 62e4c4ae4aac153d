# SPDX-License-Identifier: Apache-2.0
"""A small Debian with other engines, booted with our kernel: where their behaviour and ours are seen side by side.

    out = run_in_debian(script, files={"/usr/local/bin/sysctr": OUT / "bin/sysctr"})

The root file system is made once by debootstrap from the archive that this machine uses, and kept in the cache under the
list of its packages. The guest has cgroup v2 with all controllers; what it writes is forgotten.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "boot"))
from qemu import OUT, ROOT, Qemu  # noqa: E402

PACKAGES = "podman crun runc containerd docker.io conmon iptables ca-certificates procps strace uidmap".split()
SUITE = "bookworm"
IMAGE_MB = 1500
CACHE = Path(os.environ.get("SLIPWAY_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway")
# the first process: the script's output goes to the console, between marks
INIT = """#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
mount -t ext4 /dev/vda /new || { echo "no root file system"; poweroff -f; }
cp -a /files/. /new/
for d in proc sys dev; do mount --move /$d /new/$d; done
exec switch_root /new /bin/bash /run-script
"""
RUN = """
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /tmp
mount -t cgroup2 none /sys/fs/cgroup; mkdir -p /dev/mqueue; mount -t mqueue mqueue /dev/mqueue
mkdir /sys/fs/cgroup/init; echo 1 >/sys/fs/cgroup/init/cgroup.procs
for c in $(cat /sys/fs/cgroup/cgroup.controllers); do echo +$c >/sys/fs/cgroup/cgroup.subtree_control; done
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
echo 1 >/proc/sys/kernel/printk
cd /root; echo "<""<script"; bash /script 2>&1; echo "script:$?>"">"; sync; echo o >/proc/sysrq-trigger; sleep 60
"""


def mirror():
    out = subprocess.run(["bash", "-c", '. "$1"; mirrors', "-", ROOT / "deps/common.sh"], check=True, capture_output=True,
                         text=True).stdout
    return out.split()[0]


def root_image():
    """The ext4 image, made when it is not in the cache. Takes a minute then."""
    recipe = " ".join([SUITE, str(IMAGE_MB), *PACKAGES])
    image = CACHE / f"debian-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.ext4"
    if image.exists():
        return image
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="work-debian.") as d:
        debs, root, new = Path(d) / "debs", Path(d) / "root", Path(d) / "image"
        subprocess.run(["/usr/sbin/debootstrap", "--download-only", "--variant=minbase", "--include=" + ",".join(PACKAGES), SUITE,
                        debs, mirror()], check=True, stdout=subprocess.DEVNULL)
        # unpacked, not configured: scripts of packages expect a system that runs
        for part in "bin sbin lib lib64".split():
            (root / "usr" / part).mkdir(parents=True, exist_ok=True)
            (root / part).symlink_to("usr/" + part)
        for deb in sorted((debs / "var/cache/apt/archives").glob("*.deb")):
            subprocess.run(["bash", "-c", 'set -o pipefail; dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"',
                            "-", deb, root], check=True)
        for name in ("passwd", "group"):
            shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
        (root / "etc/alternatives").mkdir(exist_ok=True)
        (root / "usr/sbin/iptables").symlink_to("iptables-nft")
        (root / "etc/containers").mkdir(exist_ok=True)
        (root / "etc/containers/policy.json").write_text('{"default":[{"type":"insecureAcceptAnything"}]}\n')
        with open(new, "wb") as f:
            f.truncate(IMAGE_MB << 20)
        subprocess.run(["/usr/sbin/mke2fs", "-q", "-t", "ext4", "-d", root, new], check=True)
        new.rename(image)
    return image


def initrd(folder, script, files):
    busybox = OUT / "deps/musl/bin/busybox"
    inner = {"/script": script, "/run-script": RUN, **files}
    lines, dirs = [], {"/bin", "/dev", "/proc", "/sys", "/new", "/files"}
    for i, (path, content) in enumerate({"/init": INIT, **{"/files" + p: c for p, c in inner.items()}}.items()):
        if isinstance(content, str):
            (folder / f"f{i}").write_text(content)
            content = folder / f"f{i}"
        dirs.update(str(p) for p in list(Path(path).parents)[:-1])
        lines.append(f"{path} 0100755 0 0 {Path(content).resolve()}")
    head = [f"{d} 040755 0 0 -" for d in sorted(dirs)] + ["/dev/console 020600 0 0 c:5:1", f"/bin/busybox 0100755 0 0 {busybox}"]
    head += [f"/bin/{a} 0120777 0 0 ->busybox" for a in "sh mount cp switch_root poweroff".split()]
    (folder / "list").write_text("\n".join(head + lines) + "\n")
    with open(folder / "initrd", "wb") as out:
        subprocess.run([ROOT / "rootfs/cpio.py", folder / "list"], check=True, stdout=out)
    return folder / "initrd"


def run_in_debian(script, files=None, name="debian", memory=2048, timeout=400, extra=()):
    """Run a bash script in a fresh guest; files maps paths there to files here or texts. Returns what it printed and its
    exit code."""
    with tempfile.TemporaryDirectory() as d:
        disk = ["-drive", f"if=none,id=root,format=raw,file={root_image()},snapshot=on", "-device", "virtio-blk-pci,drive=root"]
        with Qemu("kernel", name=name, memory=memory, network=False, initrd=initrd(Path(d), script, files or {}),
                  extra=[*disk, *extra], deadline_s=timeout + 60) as vm:
            found = vm.expect(r"<<script\r*\n((?:.|\n)*?)script:(\d+)>>", timeout)
            return found[1].decode(errors="replace").replace("\r", ""), int(found[2])
