#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Build the kernel from the fragments beside this script: $O/vmlinuz and $O/kernel.config.
#
# The result is kept in the cache under the hash of everything it is made from. The build happens in
# the source tree itself and with fixed names and dates, so that no path of this machine gets into
# the image. KEEP=1 leaves the tree in the cache for looking at.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../deps/common.sh"
out=${O:-build}
fragments=(base containers virt baremetal)

# Requests that Kconfig did not grant: a misspelt name, an unmet dependency, an option that is gone.
# They would otherwise vanish without a word.
unmet() {
	awk '
		!/^(# )?CONFIG_/ { next }
		/^# / { name = $2; value = "n" }
		!/^# / { eq = index($0, "="); name = substr($0, 1, eq - 1); value = substr($0, eq + 1) }
		FILENAME == ARGV[1] { have[name] = value; next }
		{ is = (name in have) ? have[name] : "n" }
		is != value { printf "%s asks for %s=%s, got %s\n", FILENAME, name, value, is; bad = 1 }
		END { exit bad }' "$@" >&2
}

configure() {
	cat "${files[@]}" >"$1/slipway.merged"
	KCONFIG_ALLCONFIG=slipway.merged make -C "$1" -s allnoconfig
	unmet "$1/.config" "${files[@]}" ||
		die "the kernel's configuration does not grant the options above"
	"$here/check.sh" "$1/.config" || die "the configuration lacks what required.txt names"
}

compile() {
	# The release date of the source package: the same for everyone who builds this version.
	export KBUILD_BUILD_TIMESTAMP=$(date -u -d "@$(stat -c %Y "$1/Makefile")" '+%F %T UTC')
	export KBUILD_BUILD_USER=slipway KBUILD_BUILD_HOST=slipway KBUILD_BUILD_VERSION=1
	make -C "$1" -s -j"${JOBS:-$(nproc)}" bzImage
}

build_into() {
	local dest=$1 deb tmp=$1.tmp
	deb=$("$here/../deps/fetch.sh" "$pattern")
	[ -n "${KEEP:-}" ] || trap "rm -rf '$tmp'" EXIT
	rm -rf "$tmp" && mkdir -p "$tmp/linux"
	dpkg-deb --fsys-tarfile "$deb" | tar -xO "./usr/src/${deb_source}" |
		tar -xJ -C "$tmp/linux" --strip-components=1
	# Nothing of the caller's environment takes part in the build.
	unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS LDFLAGS CC LD ARCH CROSS_COMPILE KCFLAGS O V
	configure "$tmp/linux"
	timed "compile the kernel" "$tmp/log" compile "$tmp/linux"
	mkdir "$tmp/done"
	cp "$tmp/linux/arch/x86/boot/bzImage" "$tmp/done/vmlinuz"
	cp "$tmp/linux/.config" "$tmp/done/kernel.config"
	cp "$tmp/linux/System.map" "$tmp/log" "$tmp/done/"
	mv "$tmp/done" "$dest"
}

files=("${fragments[@]/#/$here/}")
files=("${files[@]/%/.config}")
pattern=$(grep -v '^#' "$here/version")
deb_source=${pattern%%_*}.tar.xz
pin=$(while read -r line; do
	read -r _ _ name _ <<<"$line"
	# shellcheck disable=SC2053  # the right side is a pattern
	[[ $name == $pattern ]] && echo "$line"
done <"$manifest")
[ -n "$pin" ] || die "'$pattern' of kernel-config/version is not in deps/manifest"

key=$({ echo "$pin"; cat "${files[@]}" "${BASH_SOURCE[0]}"; gcc --version; ld --version; } | sha256sum)
dest=$cache/kernel-${key:0:16}
exec 9>"$dest.lock"
flock 9
[ -e "$dest/vmlinuz" ] || build_into "$dest"
# Also for a cached kernel: required.txt is not part of the key.
"$here/check.sh" "$dest/kernel.config" || die "the configuration lacks what required.txt names"
mkdir -p "$out"
for f in vmlinuz kernel.config; do
	cmp -s "$dest/$f" "$out/$f" || install -m 644 "$dest/$f" "$out/$f"
done
