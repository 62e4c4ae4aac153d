# zlib: deflate.
files='zlib_*.orig.tar.*'
flavours='musl host'
licence=Zlib
licence_files=LICENSE

build() {
	CHOST=${host_opt#--host=} ./configure --static --prefix="$out"
	make -s -j"$jobs" libz.a
	make -s install
	rm -rf "$out/share"
}
