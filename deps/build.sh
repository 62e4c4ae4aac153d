#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh FLAVOUR VIEW [NAME...]: build third-party libraries (all recipes of that flavour unless
# named) and make VIEW a tree of links to the results: VIEW/{bin,include,lib,licences}.
# build.sh --path FLAVOUR NAME: build one and print where its result is.
#
# A result is kept in the cache under NAME-FLAVOUR-KEY; the key covers the recipe, its files, the
# pinned sources, what it needs, and the compiler. Nothing is built twice, in whatever tree.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
. "$deps/rules.sh"

jobs=${JOBS:-$(nproc)}
cc_id=$(gcc --version | head -n 1; ld --version | head -n 1)
declare -A result   # NAME-FLAVOUR -> directory

pin() {  # print the manifest line of a glob, without fetching
	awk -v IFS=' ' '!/^#/ { print $1, $3 }' "$manifest" | while read -r sum name; do
		# shellcheck disable=SC2053
		if [[ $name == $1 ]]; then echo "$sum"; fi
	done
}

load() {
	files= needs= flavours= licence= licence_files= toolchain=
	unset -f build prepare
	[ -e "$deps/recipes/$1.sh" ] || die "no recipe '$1'"
	. "$deps/recipes/$1.sh"
}

# Unpack, patch and build in a fresh folder; runs in a subshell with the recipe loaded.
make_result() {
	local name=$1 flavour=$2 work=$3; shift 3
	out=$work/out debian=$work/debian need_dirs=("$@")
	mkdir -p "$work/src" "$out"
	cd "$work/src"
	if [ "${fetched[0]##*.}" != deb ]; then
		tar xf "${fetched[0]}" --no-same-owner
		# some tarballs have their files in one folder, some have not
		local top=(*)
		if [ ${#top[@]} -eq 1 ] && [ -d "${top[0]}" ]; then cd "${top[0]}"; fi
	fi
	local f
	for f in "${fetched[@]}"; do
		case $f in *.debian.tar.*) tar xf "$f" --no-same-owner -C "$work" ;; esac
	done
	flags "$flavour" "$work"
	set -x
	build
	set +x
	mkdir -p "$out/licences/$name"
	for f in $licence_files; do cp "$f" "$out/licences/$name/"; done
	echo "$licence" >"$out/licences/$name/SPDX"
	find "$out" \( -name '*.la' -o -name pkgconfig -o -name '*.so' -o -name '*.so.*' \) \
		-prune -exec rm -rf {} +
	if [ "$flavour" = musl ] && [ -z "$toolchain" ] && [ -d "$out/bin" ]; then
		"$deps/check-static.sh" "$out"/bin/*
	fi
}

# want NAME FLAVOUR: see that the result exists; result[NAME-FLAVOUR] says where.
want() {
	local name=$1 flavour=$2 id=$1-$2 n dirs=() f
	[ -z "${result[$id]:-}" ] || return 0
	load "$name"
	local need=$needs glob sums=
	[ -n "$toolchain" ] || [ "$flavour" != musl ] || need="musl $need"
	for n in $need; do
		want "$n" "$flavour"
		dirs+=("${result[$n-$flavour]}")
	done
	load "$name"
	for glob in $files; do sums+="$(pin "$glob") "; done
	local key
	key=$( { cat "$deps/rules.sh" "$deps/recipes/$name".*; echo "$flavour $sums $cc_id ${dirs[*]##*/}"
		} | sha256sum)
	local dir=$cache/$id-${key:0:16}
	result[$id]=$dir
	[ ! -e "$dir/.done" ] || return 0

	mkdir -p "$cache/lock"
	exec 9>"$cache/lock/$id-${key:0:16}"
	flock 9
	[ ! -e "$dir/.done" ] || return 0
	local paths
	set -f; paths=$("$deps/fetch.sh" $files); set +f
	mapfile -t fetched <<<"$paths"
	local work
	work=$(mktemp -d "$cache/work-$id.XXXXXX")
	timed "$name ($flavour)" "$work/log" bash -euc \
		'. "$1"; inside "${@:2}"' - "$deps/build.sh" "$name" "$flavour" "$work" "$dir" \
		"${dirs[*]}" "${fetched[@]}"
	rm -rf "$work"
	exec 9>&-
}

# The building itself is a process of its own, so that 'set -e' holds in a recipe.
inside() {
	local name=$1 flavour=$2 work=$3 dir=$4 needed=($5)
	fetched=("${@:6}")
	load "$name"
	make_result "$name" "$flavour" "$work" "${needed[@]}"
	rm -rf "$dir"
	mv "$work/out" "$dir"
	if declare -F finish >/dev/null; then finish "$dir"; fi
	touch "$dir/.done"
}

# Sourced by the process that timed() started: only the functions above are wanted.
[ "${BASH_SOURCE[0]}" = "$0" ] || return 0

if [ "$1" = --path ]; then
	want "$3" "$2" >&2
	echo "${result[$3-$2]}"
	exit
fi

flavour=$1 view=$2; shift 2
if [ $# -eq 0 ]; then
	for r in "$deps"/recipes/*.sh; do
		name=$(basename "$r" .sh)
		load "$name"
		case " $flavours " in *" $flavour "*) set -- "$@" "$name" ;; esac
	done
fi
for name in "$@"; do want "$name" "$flavour"; done

rm -rf "$view"
mkdir -p "$view"/{bin,include,lib,licences}
for name in "$@"; do
	for part in bin include lib licences; do
		# the sysroot's headers and libc are found by its compiler, not through the view
		[ "$name-$part" != musl-include ] && [ "$name-$part" != musl-lib ] || continue
		[ -d "${result[$name-$flavour]}/$part" ] || continue
		cp -rs "${result[$name-$flavour]}/$part" "$view/"
	done
done
[ -z "${result[musl-$flavour]:-}" ] || ln -s "${result[musl-$flavour]}" "$view/sysroot"
