# musl and the kernel's headers: the sysroot, with a compiler driver that can link nothing but static-pie.
# Debian's own musl-gcc makes dynamic programs silently, and has no kernel headers.
files='musl_*.orig.tar.* musl_*.debian.tar.* linux-libc-dev_*.deb'
flavours=musl
toolchain=yes
licence='MIT AND (GPL-2.0-only WITH Linux-syscall-note)'
licence_files=COPYRIGHT

flags() {  # this one is built with the compiler of the machine
	CC=gcc
	CFLAGS="-O2 -fstack-protector-strong -ffile-prefix-map=$2=/b"
}

build() {
	patches $(grep -v '^#' "$debian/patches/series")
	./configure --prefix="$out" --syslibdir="$out/lib" --disable-shared \
		--enable-wrapper=gcc CC=gcc CFLAGS="$CFLAGS"
	make -s -j"$jobs"
	make -s install

	mkdir "$work/kernel"
	dpkg-deb -x "${fetched[2]}" "$work/kernel"
	local d k=$work/kernel/usr/include
	for d in asm-generic drm linux misc mtd rdma scsi sound video xen; do
		# musl has scsi/ headers of its own, which win
		cp -rLn "$k/$d" "$out/include/"
	done
	cp -rL "$k/x86_64-linux-gnu/asm" "$out/include/"
}

# Paths are known only where the result stays.
finish() {
	local dir=$1 tool
	sed -i "s|$work/out|$dir|g" "$dir/lib/musl-gcc.specs"
	cat >"$dir/lib/static.specs" <<-SPECS
	%include <$dir/lib/musl-gcc.specs>

	*self_spec:
	+ %{!shared:%{!r:%{!no-pie:%{!c:%{!S:%{!E:%<static %<all-static -static-pie}}}}}}

	SPECS
	rm -f "$dir/bin/musl-gcc"
	mkdir -p "$dir/bin"
	printf '#!/bin/sh\nexec gcc "$@" -specs "%s"\n' "$dir/lib/static.specs" >"$dir/bin/$triple-gcc"
	chmod +x "$dir/bin/$triple-gcc"
	for tool in ar nm ranlib; do ln -s "$(command -v gcc-$tool)" "$dir/bin/$triple-$tool"; done
	for tool in ld strip objcopy readelf; do ln -s "$(command -v $tool)" "$dir/bin/$triple-$tool"; done
}
