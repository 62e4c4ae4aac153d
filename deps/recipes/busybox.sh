# busybox: the userland of the console and of small images. The configuration is busybox.config.
files='busybox_*.orig.tar.* busybox_*.debian.tar.*'
flavours=musl
licence=GPL-2.0-only
licence_files=LICENSE

build() {
	# headers of Linux 6.12 have no CBQ; the other is a guard around x86 code
	patches busybox-1.36.1-no-cbq.patch libbb-sha-add-missing-sha-NI-guard.patch
	local cflags=$CFLAGS ldflags=$LDFLAGS
	unset CC AR RANLIB NM STRIP CFLAGS LDFLAGS
	local want=$deps/recipes/busybox.config
	make -s gen_build_files
	{
		cat "$want"
		find . -name Config.in -exec \
			sed -n 's/^[[:space:]]*\(menu\)\?config[[:space:]]*\([A-Za-z0-9_]*\)$/\2/p' {} + |
			sort -u | grep -vxFf <(sed -n 's/^CONFIG_\([^=]*\)=.*/\1/p' "$want") |
			sed 's/.*/# CONFIG_& is not set/'
	} >.config
	yes '' | make -s CROSS_COMPILE=$triple- oldconfig >/dev/null || true   # yes dies of its pipe
	# what the file names in vain, or should name, is an error and not a default
	diff -u <(grep ^CONFIG "$want" | sort) <(grep ^CONFIG .config | sort)
	make -s -j"$jobs" CROSS_COMPILE=$triple- \
		CONFIG_EXTRA_CFLAGS="$cflags" CONFIG_EXTRA_LDFLAGS="$ldflags" busybox
	install -Dm755 busybox "$out/bin/busybox"
	./busybox --list-full >"$out/bin/busybox.links"
}
