#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# update.sh [NAME...]: move the pins of deps/manifest (all, or those of the packages named) to the newest
# version that Debian's suites have. The suite is the last word of each line. Look at the difference, build,
# test, and commit it.
#
# The chain of trust is apt's: signed release file, index, SHA-256 of the file. Indexes of suites that the
# machine does not use come through an apt configuration of our own in the cache.
. "$(dirname "$0")/common.sh"

apt=$cache/apt
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
export APT_CONFIG=$apt/apt.conf

indexes() {
	local main security suite site
	main=$(APT_CONFIG='' mirrors | sed -n 1p)
	security=$(APT_CONFIG='' mirrors | grep -e security | sed -n 1p)
	mkdir -p "$apt"/lists/partial "$apt"/cache/archives/partial
	cat >"$apt/apt.conf" <<-C
	Dir::Etc::sourcelist "$apt/sources.list";
	Dir::Etc::sourceparts "-";
	Dir::State::lists "$apt/lists";
	Dir::State::status "/dev/null";
	Dir::Cache "$apt/cache";
	APT::Architecture "amd64";
	APT::Architectures "amd64";
	C
	: >"$apt/sources.list"
	for suite in $(awk '!/^#/ { print $5 }' "$manifest" | sort -u); do
		site=$main
		case $suite in *-security) site=$security ;; esac
		echo "deb [signed-by=$keyring] $site $suite main"
		echo "deb-src [signed-by=$keyring] $site $suite main"
	done >"$apt/sources.list"
	timed "indexes of Debian" "$apt/log" apt-get update
}

# Every file of every version of what is pinned: "suite package version pool sha256 size name"
files() {
	local suite kind file
	apt-get indextargets --format '$(RELEASE) $(CREATED_BY) $(FILENAME)' |
		while read -r suite kind file; do
			[ "$kind" = Packages ] || [ "$kind" = Sources ] || continue
			/usr/lib/apt/apt-helper cat-file "$file" | awk -v suite="$suite" '
				FILENAME == ARGV[1] {
					if ($1 !~ /^#/) { p = $3; sub(/_.*/, "", p); want[p] = 1 }
					next
				}
				/^Package: /  { p = $2 }
				/^Version: /  { v = $2 }
				/^Directory: / { dir = $2 }
				/^Filename: / { path = $2 }
				/^SHA256: /   { sum = $2 }
				/^Size: /     { size = $2 }
				/^[A-Z]/      { block = ($1 == "Checksums-Sha256:") }
				/^ / && block { list[++n] = $1 " " $2 " " $3 }
				/^$/ { flush() }
				END { flush() }
				function flush(   i, name, d) {
					if (p in want) {
						for (i = 1; i <= n; i++) print suite, p, v, dir, list[i]
						if (path != "") {
							name = d = path
							sub(/.*\//, "", name)
							sub(/\/[^\/]*$/, "", d)
							print suite, p, v, d, sum, size, name
						}
					}
					p = path = ""
					n = 0
				}' "$manifest" -
		done
}

indexes
all=$(files)
moved=0
new=$(mktemp "$deps/.manifest.XXXXXX")
while IFS= read -r line; do
	read -r sum size name pool suite <<<"$line"
	package=${name%%_*}
	if [[ $line == '#'* || -z $line ]] || { [ $# -gt 0 ] && [[ " $* " != *" $package "* ]]; }; then
		echo "$line"
		continue
	fi
	case $name in
	*.orig.tar.*) kind='[.]orig[.]tar[.][a-z0-9]*$' ;;
	*.debian.tar.*) kind='[.]debian[.]tar[.][a-z0-9]*$' ;;
	*) kind='[.]deb$' ;;
	esac
	best=$(awk -v s="$suite" -v p="$package" -v k="$kind" \
		'$1 == s && $2 == p && $7 ~ k { print $3, $5, $6, $7, $4 }' <<<"$all" | sort -V | tail -n 1)
	if [ -z "$best" ]; then
		echo "$package: not found in $suite; the pin stays" >&2
		echo "$line"
		continue
	fi
	read -r _ nsum nsize nname npool <<<"$best"
	if [ "$nsum" != "$sum" ]; then
		echo "$name -> $nname" >&2
		moved=$((moved + 1))
	fi
	echo "$nsum $nsize $nname $npool $suite"
done <"$manifest" >"$new"
chmod 644 "$new"
mv "$new" "$manifest"
echo "$moved pins moved"
