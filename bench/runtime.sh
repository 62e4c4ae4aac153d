#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench/runtime.sh [N]: `run` of a do-nothing program in a bundle with all namespaces and usual mounts, sysctr beside crun
# (Debian's package) and the floor, a fixed list of system calls with the same isolation (floor.c), N times each in turn. The
# last column is the ratio of CPU time to the last row's. "ro" is sysctr on a read-only file system, where it need not protect
# its own file. The second table has Docker's kind of bundle: a seccomp profile of 300 calls and three bind mounts.
# Needs root and strace.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
n=${1:-200}
out=$(realpath "${O:-build}")
command -v crun >/dev/null || { echo "runtime.sh: install Debian's package crun first" >&2; exit 1; }

# crun wants cgroup v2 alone: on another host both get a mount namespace of their own that looks like one
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ] && [ -z "${BENCH_INSIDE:-}" ]; then
	export BENCH_INSIDE=1
	exec unshare -m --propagation private bash -c 'mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' - "$here/runtime.sh" "$n"
fi

tmp=$(mktemp -d)
trap 'umount "$tmp/ro" 2>/dev/null || true; rm -rf "$tmp"' EXIT
mkdir -p "$tmp/bundle/rootfs"/{proc,dev,sys} "$tmp/s" "$tmp/c"
# small and static: a child is charged with the memory of what it was forked from
"$out/deps/musl/bin/x86_64-linux-musl-gcc" -O2 -D_GNU_SOURCE -static -o "$tmp/interleave" "$here/interleave.c"
# the payload costs nothing: what is left is the runtime
printf '.globl _start\n_start: mov $60,%%eax\n xor %%edi,%%edi\n syscall\n' |
	gcc -x assembler -nostdlib -static -s -o "$tmp/bundle/rootfs/true" -
cat >"$tmp/bundle/config.json" <<'JSON'
{"ociVersion": "1.0.2",
 "process": {"args": ["/true"], "env": ["PATH=/"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "noNewPrivileges": true,
  "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]},
  "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}]},
 "root": {"path": "rootfs", "readonly": true}, "hostname": "box",
 "mounts": [
  {"destination": "/proc", "type": "proc", "source": "proc"},
  {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
  {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
  {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
  {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
  {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]}],
 "linux": {
  "namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}, {"type": "cgroup"}],
  "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
  "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]}}
JSON
"$out/deps/musl/bin/x86_64-linux-musl-gcc" -Os -D_GNU_SOURCE -static -o "$tmp/floor" "$here/floor.c"
mkdir "$tmp/ro"
cp "$out/bin/sysctr" "$tmp/ro/sysctr"
ro() { mount --bind "$tmp/ro" "$tmp/ro" && mount -o remount,bind,ro "$tmp/ro"; }
ro
"$tmp/interleave" "$n" \
	"floor=$tmp/floor $tmp/bundle/rootfs /true" \
	"sysctr-ro=$tmp/ro/sysctr --root $tmp/s run -b $tmp/bundle r{i}" \
	"sysctr=$out/bin/sysctr --root $tmp/s run -b $tmp/bundle x{i}" \
	"crun=crun --root $tmp/c --cgroup-manager=disabled run -b $tmp/bundle x{i}"
# the same with seccomp and binds
profile=/usr/share/containers/seccomp.json
if [ -e "$profile" ]; then
	mkdir -p "$tmp/docker"
	cp -a "$tmp/bundle/rootfs" "$tmp/docker/rootfs"
	touch "$tmp/docker"/{hosts,hostname,resolv.conf}
	mkdir -p "$tmp/docker/rootfs/etc"
	jq -c --slurpfile p "$profile" --arg d "$tmp/docker" '
		.linux.seccomp = {defaultAction: $p[0].defaultAction, architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
			syscalls: [$p[0].syscalls[] | select(((.includes.caps // []) | length) == 0 and ((.includes.arches // ["amd64"]) | index("amd64")) != null
				and ((.excludes.arches // []) | index("amd64")) == null) | {names, action} + (if (.args // []) | length > 0 then {args} else {} end)]} |
		.mounts += [("hosts", "hostname", "resolv.conf") | {destination: ("/etc/" + .), type: "bind", source: ($d + "/" + .), options: ["rbind", "rprivate"]}]' \
		"$tmp/bundle/config.json" >"$tmp/docker/config.json"
	echo 'with seccomp and three binds:'
	"$tmp/interleave" "$n" \
		"sysctr-ro=$tmp/ro/sysctr --root $tmp/s run -b $tmp/docker r{i}" \
		"sysctr=$out/bin/sysctr --root $tmp/s run -b $tmp/docker x{i}" \
		"crun=crun --root $tmp/c --cgroup-manager=disabled run -b $tmp/docker x{i}"
fi
printf 'system calls of one run: '
for cmd in "$tmp/ro/sysctr --root $tmp/s" "$out/bin/sysctr --root $tmp/s" "crun --root $tmp/c --cgroup-manager=disabled"; do
	strace -f -c -o "$tmp/calls" $cmd run -b "$tmp/bundle" calls </dev/null
	awk -v what="${cmd%% *}" '$NF == "total" { n = split(what, part, "/"); printf "%s %d  ", part[n - 1] "/" part[n], $4 }' "$tmp/calls"
done
echo
