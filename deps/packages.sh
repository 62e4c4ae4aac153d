#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# packages.sh [--refresh]: install the packages of packages.txt that are missing; silent when none is.
# --refresh only gets the archive's indexes, for a machine that has none yet.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Run quietly; what the command said is shown only when it fails.
quietly() {
	local log
	log=$(mktemp)
	if ! root env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		echo "packages.sh: '$*' failed" >&2
		exit 1
	fi
	rm -f "$log"
}

if [ "${1:-}" = --refresh ]; then
	quietly apt-get update
	exit
fi

mapfile -t want < <(awk '!/^#/ && NF { print $1 }' "$here/packages.txt")
mapfile -t missing < <(comm -23 <(printf '%s\n' "${want[@]}" | sort) <(
	dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${want[@]}" 2>/dev/null |
		awk '$2 == "installed" { print $1 }' | sort))
[ ${#missing[@]} -gt 0 ] || exit 0

start=$EPOCHREALTIME
quietly apt-get update
quietly apt-get install -y --no-install-recommends "${missing[@]}"
us=$(( ${EPOCHREALTIME/./} - ${start/./} ))
printf '[%4d.%d s] installed %s\n' $((us / 1000000)) $((us / 100000 % 10)) "${missing[*]}"
