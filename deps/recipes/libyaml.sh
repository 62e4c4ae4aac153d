# libyaml: YAML events; Debian's tarball has no configure script, and needs none.
files='libyaml_*.orig.tar.*'
flavours='musl host'
licence=MIT
licence_files=License

build() {
	local v
	v=$(basename "${fetched[0]}"); v=${v#libyaml_}; v=${v%.orig*}
	local IFS=.; set -- $v; unset IFS
	archive libyaml.a -Iinclude -DYAML_DECLARE_STATIC -DYAML_VERSION_MAJOR="$1" \
		-DYAML_VERSION_MINOR="$2" -DYAML_VERSION_PATCH="$3" \
		"-DYAML_VERSION_STRING=\"$v\"" src/*.c
	install -Dm644 include/yaml.h "$out/include/yaml.h"
}
