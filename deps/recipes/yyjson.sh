# yyjson: JSON, numbers kept as written.
files='yyjson_*.orig.tar.*'
flavours='musl host'
licence=MIT
licence_files=LICENSE

build() {
	archive libyyjson.a src/yyjson.c
	install -Dm644 src/yyjson.h "$out/include/yyjson.h"
}
