# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What every script in deps/ shares: where the cache is, where files come from, how to report.
set -euo pipefail
export LC_ALL=C

deps=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${SLIPWAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slipway}
manifest=$deps/manifest
mkdir -p "$cache"

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Sites of the Debian archive that this machine's own apt uses, its main one first. The tree names
# no host; a file of a newer suite lies in the same pool.
mirrors() {
	local fmt='$(ORIGIN) $(LABEL) $(SITE)'
	list() { apt-get indextargets --format "$fmt" 'Created-By: Packages' 2>/dev/null; }
	# ORIGIN is known only once apt has the release files
	list | grep -q '^Debian ' || "$deps/packages.sh" --refresh >&2
	list | awk '$1 == "Debian" { print ($2 == "Debian" ? 0 : 1), $NF }' |
		sort -s -k1,1n | awk '!seen[$2]++ { print $2 }'
}

# Run a command; print how long it took in the form of the whole build, keep its output for a failure.
timed() {
	local what=$1 log=$2 start=$EPOCHREALTIME; shift 2
	if ! "$@" >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		die "$what failed; the whole output is in $log"
	fi
	local us=$(( ${EPOCHREALTIME/./} - ${start/./} ))
	printf '[%4d.%d s] %s\n' $((us / 1000000)) $((us / 100000 % 10)) "$what"
}
