#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Make the initramfs $O/initrd.img: PID 1 and an emergency shell, compressed, and the system image (when there is one) as it
# is, since it is compressed already: the kernel unpacks concatenated archives one after the other.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${O:-build}
export O=$out DEPS=$out/deps/musl

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# each part begins at a multiple of four bytes
pad() { truncate -s %4 "$1"; }

"$here/cpio.py" "$here/manifest.txt" >"$tmp/base.cpio"
zstd -q -19 --no-progress -c "$tmp/base.cpio" >"$tmp/initrd"
pad "$tmp/initrd"
if [ -e "$out/system.erofs" ]; then
	printf '/system.erofs 0100444 0 0 $O/system.erofs\n' >"$tmp/system.txt"
	"$here/cpio.py" "$tmp/system.txt" >>"$tmp/initrd"
fi
mv "$tmp/initrd" "$out/initrd.img"
chmod 644 "$out/initrd.img"
printf '  SIZE  %s %d kB\n' "$out/initrd.img" $(( $(stat -c %s "$out/initrd.img") / 1024 ))
