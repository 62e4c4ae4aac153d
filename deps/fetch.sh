#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# fetch.sh GLOB...: print the paths of pinned files, fetching what the cache lacks.
#
# A glob names files of the manifest ('musl_*.orig.tar.*') and must match exactly one line, so that a
# recipe carries no version. The hash in the manifest decides; where a file came from does not matter.
# DEPS_MIRROR may name a directory with copies of the files.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Fetch name into file, or fail; the hash is checked by the caller's tool in every case.
from_archive() {
	local sum=$1 name=$2 pool=$3 file=$4 site
	local url=${pool%/}/${name//+/%2b}
	for site in $(mirrors); do
		/usr/lib/apt/apt-helper -qq download-file "${site%/}/${url//\~/%7e}" "$file" \
			"SHA256:$sum" >>"$file.log" 2>&1 && return 0
	done
	return 1
}

fetch() {
	local sum=$1 size=$2 name=$3 pool=$4
	local dir=$cache/dl/$sum file=$cache/dl/$sum/$name
	[ -e "$file" ] && { echo "$file"; return; }

	mkdir -p "$dir"
	exec 8>"$dir/lock"
	flock 8
	[ -e "$file" ] && { echo "$file"; return; }

	local tmp=$dir/partial start=$EPOCHREALTIME
	rm -f "$tmp" "$tmp.log"
	if [ -n "${DEPS_MIRROR:-}" ] && [ -e "$DEPS_MIRROR/$name" ]; then
		cp "$DEPS_MIRROR/$name" "$tmp"
		echo "$sum  $tmp" | sha256sum -c --status ||
			die "'$DEPS_MIRROR/$name' is not the pinned file: its SHA-256 differs"
	elif ! from_archive "$sum" "$name" "$pool" "$tmp"; then
		grep -v "^W:" "$tmp.log" >&2
		die "cannot fetch '$name'.
  If Debian has replaced it by a newer version, move the pin with:  make deps-update
  If you have a copy, put it into a directory and set:  DEPS_MIRROR=<that directory>"
	fi
	mv "$tmp" "$file"
	rm -f "$tmp.log"
	local us=$(( ${EPOCHREALTIME/./} - ${start/./} ))
	printf '[%4d.%d s] fetch %s (%d kB)\n' $((us / 1000000)) $((us / 100000 % 10)) \
		"$name" $((size / 1024)) >&2
	echo "$file"
}

for glob in "$@"; do
	n=0
	while read -r sum size name pool _; do
		case $sum in '' | '#'*) continue ;; esac
		# shellcheck disable=SC2053  # the right side is meant as a pattern
		[[ $name == $glob ]] || continue
		n=$((n + 1))
		[ $n -eq 1 ] && pick=("$sum" "$size" "$name" "$pool")
	done <"$manifest"
	[ $n -eq 1 ] || die "'$glob' matches $n lines of deps/manifest, not one"
	fetch "${pick[@]}"
done
