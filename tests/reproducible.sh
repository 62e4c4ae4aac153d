#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# reproducible.sh OUT: build the tree twice, in folders of different names and depths, and compare what comes out.
# Both builds share the cache of downloads and results; COLD=1 gives the second one only the downloads.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$1/reproducible
products=(bin/init bin/sysctr bin/userctr bin/slipway vmlinuz system.erofs initrd.img slipway.iso)
rm -rf "$out"
export SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 1700000000)
unset O MAKEFLAGS MFLAGS
for d in one another/folder/deeper; do
	mkdir -p "$out/$d"
	git ls-files -co --exclude-standard -z | tar c --null -T - | tar x -C "$out/$d"
done
make -C "$out/one" all
if [ -n "${COLD:-}" ]; then
	mkdir -p "$out/cache"
	ln -s "$SLIPWAY_CACHE/dl" "$out/cache/dl"
	export SLIPWAY_CACHE=$out/cache
fi
# other things that must not matter
umask 077
TZ=Asia/Kolkata LANG=C.UTF-8 make -C "$out/another/folder/deeper" all

code=0
for p in "${products[@]}"; do
	a=$out/one/build/$p b=$out/another/folder/deeper/build/$p
	[ -e "$a" ] || [ -e "$b" ] || continue
	if cmp "$a" "$b"; then
		printf '  same  %s %s\n' "$p" "$(sha256sum <"$a" | cut -c1-16)"
	else
		code=1
	fi
done
exit $code
