# libcurl: HTTP and HTTPS of the registry client, over Mbed TLS. Nothing else of what it can do: no other protocol, no
# cookies, no files read on its own, no threads (names are resolved by the C library, in helpers that may wait).
# Debian's patches are not applied: their archive could not be had from the mirrors when this was pinned.
files='curl_*.orig.tar.*'
needs='zlib mbedtls'
flavours='musl host'
licence=curl
licence_files=COPYING

build() {
	keep_generated
	local mbedtls=${need_dirs[-1]}
	configure --with-mbedtls="$mbedtls" --without-zlib --without-libpsl --without-brotli --without-zstd \
		--without-libidn2 --without-librtmp --without-libssh2 --without-libgsasl --without-nghttp2 \
		--without-ca-bundle --without-ca-path --disable-ftp --disable-file --disable-ldap --disable-ldaps \
		--disable-rtsp --disable-dict --disable-telnet --disable-tftp --disable-pop3 --disable-imap \
		--disable-smb --disable-smtp --disable-gopher --disable-mqtt --disable-ipfs --disable-manual \
		--disable-docs --disable-ntlm --disable-negotiate-auth --disable-kerberos-auth --disable-aws \
		--disable-bearer-auth --disable-digest-auth --disable-doh --disable-alt-svc --disable-hsts \
		--disable-dateparse --disable-netrc --disable-tls-srp --disable-libcurl-option --disable-unix-sockets \
		--disable-ares --disable-threaded-resolver --disable-websockets --disable-progress-meter \
		--disable-mime --disable-form-api --disable-bindlocal --disable-sspi --disable-cookies \
		--disable-largefile-check --disable-maintainer-mode
	make -s -j"$jobs" -C lib libcurl.la
	mkdir -p "$out/lib" "$out/include"
	cp lib/.libs/libcurl.a "$out/lib/"
	cp -r include/curl "$out/include/"
	rm -f "$out"/include/curl/Makefile*
}
