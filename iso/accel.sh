#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# accel.sh VMLINUZ: print 'kvm' when this machine's KVM really runs that kernel, else 'tcg'.
#
# That /dev/kvm exists and opens says little: in nested or filtered virtualization a guest may hang
# at its first instructions. So the kernel is booted once, without an initramfs, until it complains
# about that. The answer is kept until the machine reboots or the kernel changes.
set -euo pipefail
kernel=$1
cache=${SLIPWAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slipway}
deadline_s=3

[ -n "${SLIPWAY_ACCEL:-}" ] && { echo "$SLIPWAY_ACCEL"; exit; }
[ -r /dev/kvm ] && [ -w /dev/kvm ] || { echo tcg; exit; }

boot=$(cat /proc/sys/kernel/random/boot_id)
answer=$cache/accel-${boot:0:8}-$(sha256sum <"$kernel" | cut -c1-16)
if [ ! -s "$answer" ]; then
	mkdir -p "$cache"
	rm -f "$cache"/accel-*
	console=$(mktemp)
	trap 'rm -f "$console"' EXIT
	# The guest ends by itself: it panics for lack of a root and may not reboot.
	{ timeout -s KILL "$deadline_s" qemu-system-x86_64 -accel kvm -cpu host -M q35 -m 256 \
		-nodefaults -display none -no-reboot -serial "file:$console" \
		-kernel "$kernel" -append "console=ttyS0 panic=-1" || true; } >/dev/null 2>&1
	if grep -q 'Kernel panic - not syncing' "$console"; then echo kvm; else echo tcg; fi >"$answer.$$"
	mv "$answer.$$" "$answer"
fi
cat "$answer"
