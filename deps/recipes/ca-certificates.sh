# The certificates that the system trusts: Mozilla's, as Debian has them, in one file.
files='ca-certificates_*_all.deb'
flavours=musl
licence='MPL-2.0'
licence_files=usr/share/doc/ca-certificates/copyright

build() {
	dpkg-deb --fsys-tarfile "${fetched[0]}" | tar x --no-same-owner
	mkdir -p "$out/lib"
	find usr/share/ca-certificates/mozilla -name '*.crt' | LC_ALL=C sort | xargs cat >"$out/lib/cert.pem"
	# one that ends without a line feed would spoil the next
	[ "$(grep -c -e '^-----BEGIN CERTIFICATE-----$' "$out/lib/cert.pem")" -gt 100 ]
	[ "$(grep -c -e '^-----BEGIN' "$out/lib/cert.pem")" = "$(grep -c -e '^-----END CERTIFICATE-----$' "$out/lib/cert.pem")" ]
}
