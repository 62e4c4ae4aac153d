# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What recipes are written with. This file is part of the key of every result: a change rebuilds all.
#
# A recipe (deps/recipes/NAME.sh) sets
#   files      manifest globs; the first is the source tarball, a *.debian.tar.* holds patches
#   needs      recipes whose result must be in view
#   flavours   musl (static, for the system), host (glibc, for unit tests and fuzzers)
#   licence    SPDX expression;  licence_files  what to carry with a build
# and defines build(), which runs in the unpacked and patched source, compiles with $CC $CFLAGS, and
# installs into $out/{include,lib,bin}. Who may include a library's headers is in docs/layers.txt.

triple=x86_64-linux-musl
export SOURCE_DATE_EPOCH=1700000000 KBUILD_BUILD_TIMESTAMP=@1700000000 TZ=UTC
# a library of the machine must never leak into a result
export PKG_CONFIG=false
# nor the options of a make that runs this one
unset MAKEFLAGS MFLAGS MAKEOVERRIDES

# flags FLAVOUR WORKDIR: the environment to compile in
flags() {
	local map="-ffile-prefix-map=$2=/b -ffile-prefix-map=$cache=/c"
	case $1 in
	musl)
		CC=$triple-gcc AR=$triple-ar RANLIB=$triple-ranlib NM=$triple-nm STRIP=strip
		host_opt=--host=$triple
		CFLAGS="-Os -fPIE -ffunction-sections -fdata-sections -fstack-protector-strong"
		CFLAGS+=" -fno-asynchronous-unwind-tables -fno-unwind-tables $map"
		LDFLAGS="-Wl,--gc-sections -Wl,--build-id=none -Wl,-z,relro,-z,now"
		;;
	host)
		CC=gcc AR=ar RANLIB=ranlib NM=nm STRIP=strip host_opt=
		CFLAGS="-O1 -g -fPIC -fno-omit-frame-pointer $map"
		LDFLAGS=
		;;
	esac
	local d
	CPPFLAGS=
	for d in "${need_dirs[@]}"; do
		[ -d "$d/include" ] && CPPFLAGS+=" -I$d/include"
		[ -d "$d/lib" ] && LDFLAGS+=" -L$d/lib"
		[ -d "$d/bin" ] && PATH=$d/bin:$PATH
	done
	export CC AR RANLIB NM STRIP CFLAGS CPPFLAGS LDFLAGS PATH
}

# Compile sources one by one into a library: archive NAME.a [-flag...] source...
archive() {
	local lib=$1 extra=() objs=() src; shift
	while [ "${1:0:1}" = - ]; do extra+=("$1"); shift; done
	mkdir -p o "$out/lib"
	for src in "$@"; do
		$CC $CFLAGS $CPPFLAGS "${extra[@]}" -c "$src" -o "o/$(basename "$src" .c).o"
		objs+=("o/$(basename "$src" .c).o")
	done
	rm -f "$out/lib/$lib"
	$AR rcsD "$out/lib/$lib" "${objs[@]}"
}

# Patch configure.ac and automake wants to run; the generated files are good as they are.
keep_generated() {
	find . -name aclocal.m4 -exec touch {} +
	sleep 1   # make compares whole seconds on some file systems
	find . \( -name configure -o -name Makefile.in -o -name '*config.h.in' \) -exec touch {} +
}

# configure OPTION...: autoconf's script, static only
configure() {
	./configure $host_opt --prefix="$out" --disable-shared --enable-static \
		--disable-dependency-tracking --disable-silent-rules "$@"
}

# patches NAME...: apply these of Debian's patches, in this order, without fuzz
patches() {
	local p
	for p in "$@"; do
		patch -p1 -F0 -s <"$debian/patches/$p"
	done
}
