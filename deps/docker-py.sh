#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker-py.sh: print the folder that has docker's Python library, for the api tests: a pinned Debian package, unpacked into
# the cache. What it imports, python3-requests, is a package of the build host.
. "$(dirname "$0")/common.sh"

package=$("$deps/fetch.sh" 'python3-docker_*.deb')
to=$cache/docker-py-$(basename "$(dirname "$package")" | cut -c1-16)
if [ ! -e "$to/docker" ]; then
	tmp=$(mktemp -d "$cache/docker-py.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	dpkg-deb --fsys-tarfile "$package" | tar -x -C "$tmp" ./usr/lib/python3/dist-packages/docker
	mkdir -p "$to"
	mv "$tmp/usr/lib/python3/dist-packages/docker" "$to/docker"
fi
echo "$to"
