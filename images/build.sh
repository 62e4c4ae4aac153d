#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Make $O/system.erofs, the root of the running system, and $O/images/layout, the same images as an OCI layout with their
# layers as tar files. What is in them is said by */recipe, root.recipe and */service.yml.
#
#   EXTRA=DIR   one more folder of images/-like definitions: for tests of variants
#   PATCH=CMD   run in the root before it is packed; KEEP_GOING=1 goes on without the services that are refused
#   OUT=DIR     where to put both (default $O)
set -euo pipefail
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000}
here=$(cd "$(dirname "$0")" && pwd)
export O=${O:-build}
export DEPS=$O/deps/musl
out=${OUT:-$O}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
umask 022
"$here/build.py" "$here" "$tmp" ${EXTRA:+"$EXTRA"}

if [ -n "${PATCH:-}" ]; then (cd "$tmp/root" && bash -ec "$PATCH"); fi

# Clusters of 32 kB: smaller ones compress badly, larger ones make a page fault slow.
mkfs.erofs --quiet -zlz4hc,12 -C32768 -Eztailpacking -x-1 --all-root -T"$SOURCE_DATE_EPOCH" \
	-U 534c4950-5741-5953-5953-54454d000001 "$tmp/system.erofs" "$tmp/root" >"$tmp/log" 2>&1 ||
	{ cat "$tmp/log" >&2; echo "build.sh: mkfs.erofs failed" >&2; exit 1; }
mkdir -p "$out"
rm -rf "$out/images"
mkdir "$out/images"
mv "$tmp/layout" "$out/images/layout"
mv "$tmp/system.erofs" "$out/system.erofs.new"
mv "$out/system.erofs.new" "$out/system.erofs"
printf '  SIZE  %s %d kB\n' "$out/system.erofs" $(( $(stat -c %s "$out/system.erofs") / 1024 ))
