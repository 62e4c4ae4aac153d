#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Boot the system in QEMU with its serial console on this terminal (leave with: ctrl-a x).
#
#   RUN=iso      the ISO as a CD, BIOS (default)
#   RUN=uefi     the ISO as a CD, UEFI
#   RUN=disk     the ISO written to a disk, with a state disk beside it
#   RUN=kernel   kernel and initramfs directly
#   MEM=512      memory in MB           CPUS=1      processors
#   PORT=2375    port here for the guest's Docker API; without it a free one from 2375 up
#   STATE=FILE   state disk that stays (made when missing, 1 GB); RUN=disk without it uses a new one
#   APPEND=...   more arguments for the guest
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${O:-build}
kind=${RUN:-iso}
label=SLIPWAY_STATE
ovmf=/usr/share/OVMF

die() { echo "run.sh: $*" >&2; exit 1; }
need() { [ -s "$1" ] || die "'$1' is missing: run make first"; }

# A comma separates QEMU's options; doubled it is a comma.
quote() { printf '%s' "${1//,/,,}"; }

# Is something listening on this port of the loopback address?
taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
	local port
	for ((port = 2375; port < 2475; port++)); do
		taken "$port" || { echo "$port"; return; }
	done
	die "no free port between 2375 and 2474: set PORT"
}

state_disk() {
	local file=$1
	if [ ! -e "$file" ]; then
		truncate -s 1G "$file"
		/sbin/mke2fs -q -t ext4 -L "$label" "$file" || die "cannot make a state disk in '$file'"
	fi
	args+=(-drive "if=none,id=state,format=raw,file=$(quote "$file")"
		-device virtio-blk-pci,drive=state)
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
need "$out/vmlinuz"
if [ -n "${PORT:-}" ]; then
	port=$PORT
	taken "$port" && die "port $port is taken: set another PORT"
else
	port=$(free_port)
fi

accel=$("$here/accel.sh" "$out/vmlinuz")
guest="slipway.docker.host=tcp://0.0.0.0:2375${APPEND:+ $APPEND}"
args=(-M q35 -accel "$accel" -m "${MEM:-512}" -smp "${CPUS:-1}" -nodefaults
	-display none -serial mon:stdio -device virtio-rng-pci
	-netdev "user,id=net,hostfwd=tcp:127.0.0.1:$port-:2375"
	-device virtio-net-pci,netdev=net,romfile=
	# PID 1 takes these as if they stood on the kernel command line.
	-smbios "type=11,value=slipway.cmdline=$(quote "$guest")")
[ "$accel" = kvm ] && args+=(-cpu host)

case $kind in
iso | uefi)
	need "$out/slipway.iso"
	args+=(-cdrom "$out/slipway.iso")
	if [ "$kind" = uefi ]; then
		need "$ovmf/OVMF_CODE_4M.fd"
		cp "$ovmf/OVMF_VARS_4M.fd" "$tmp/vars"
		args+=(-drive "if=pflash,format=raw,readonly=on,file=$ovmf/OVMF_CODE_4M.fd"
			-drive "if=pflash,format=raw,file=$tmp/vars")
	fi
	;;
disk)
	need "$out/slipway.iso"
	cp "$out/slipway.iso" "$tmp/disk"
	args+=(-drive "if=none,id=boot,format=raw,file=$tmp/disk"
		-device virtio-blk-pci,drive=boot,bootindex=0)
	[ -n "${STATE:-}" ] || state_disk "$tmp/state"
	;;
kernel)
	need "$out/initrd.img"
	args+=(-kernel "$out/vmlinuz" -initrd "$out/initrd.img"
		-append "quiet console=ttyS0,115200 slipway.autologin=ttyS0 panic=10")
	;;
*) die "RUN=$kind: must be iso, uefi, disk or kernel" ;;
esac
[ -z "${STATE:-}" ] || state_disk "$STATE"

cat <<-END
	Slipway ($kind, $accel, ${MEM:-512} MB). Leave QEMU with ctrl-a x, shut down with: poweroff
	Docker API:  docker -H tcp://127.0.0.1:$port ps
END
qemu-system-x86_64 "${args[@]}"
