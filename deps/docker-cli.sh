#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker-cli.sh: print the path of docker's own client, for the api tests on a machine that has none. It is a pinned Debian
# package, unpacked into the cache and not installed: the daemon that a package of the host would bring is not wanted.
. "$(dirname "$0")/common.sh"

package=$("$deps/fetch.sh" 'docker-cli_*.deb')
to=$cache/docker-cli-$(basename "$(dirname "$package")" | cut -c1-16)
if [ ! -e "$to/docker" ]; then
	tmp=$(mktemp -d "$cache/docker-cli.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	dpkg-deb --fsys-tarfile "$package" | tar -x -C "$tmp" ./usr/bin/docker
	mkdir -p "$to"
	mv "$tmp/usr/bin/docker" "$to/docker"
fi
echo "$to/docker"
