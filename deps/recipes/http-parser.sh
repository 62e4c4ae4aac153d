# http-parser: request and response heads, strict.
files='http-parser_*.orig.tar.*'
flavours='musl host'
licence=MIT
licence_files=LICENSE-MIT

build() {
	archive libhttp_parser.a -DHTTP_PARSER_STRICT=1 http_parser.c
	install -Dm644 http_parser.h "$out/include/http_parser.h"
}
