# Mbed TLS: hashes, signatures, TLS. What is left out is in mbedtls.config; that header is part of
# the ABI, so it is installed as it was built. -O2: hashing and ciphers are what it is for.
files='mbedtls_*.orig.tar.*'
flavours='musl host'
licence='Apache-2.0 OR GPL-2.0-or-later'
licence_files=LICENSE

build() {
	local verb option
	while read -r verb option; do
		case $verb in
		set | unset) python3 scripts/config.py "$verb" "$option" ;;
		esac
	done <"$deps/recipes/mbedtls.config"
	export CFLAGS="${CFLAGS/-Os/-O2}"
	# GEN_FILES is empty: the tarball has the generated sources
	make -s -j"$jobs" lib GEN_FILES=
	mkdir -p "$out/lib"
	cp library/libmbedcrypto.a library/libmbedx509.a library/libmbedtls.a "$out/lib/"
	cp -r include "$out/"
}
