# libseccomp: system call filters.
files='libseccomp_*.orig.tar.* libseccomp_*.debian.tar.*'
flavours='musl host'
licence=LGPL-2.1-only
licence_files=LICENSE

build() {
	# the first was seen to matter on musl
	patches api_fix_seccomp_export_bpf_mem_out-of-bounds_read.patch \
		hash_fix_strict_aliasing_UB_in_MurMur_hash_implementation.patch
	keep_generated
	# the table that gperf would make is in the tarball
	touch src/syscalls.perf src/syscalls.perf.c
	GPERF=false configure --disable-python
	make -s -j"$jobs" -C include
	make -s -j"$jobs" -C src
	make -s -C include install
	make -s -C src install
}
