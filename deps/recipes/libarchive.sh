# libarchive: tar archives and layers, over zlib and zstd only.
files='libarchive_*.orig.tar.* libarchive_*.debian.tar.*'
needs='zlib zstd'
flavours='musl host'
licence=BSD-2-Clause
licence_files=COPYING

build() {
	# all of Debian's are fixes of security holes, but for one of spelling
	patches $(grep -v -e '^#' -e '^typos' "$debian/patches/series")
	keep_generated
	configure --disable-bsdtar --disable-bsdcpio --disable-bsdcat --disable-bsdunzip \
		--without-xml2 --without-expat --without-openssl --without-nettle --without-mbedtls \
		--without-cng --without-iconv --without-lz4 --without-lzo2 --without-libb2 \
		--without-bz2lib --without-lzma --with-zlib --with-zstd --disable-acl --enable-xattr
	make -s -j"$jobs" libarchive.la
	make -s install-libLTLIBRARIES install-includeHEADERS
}
