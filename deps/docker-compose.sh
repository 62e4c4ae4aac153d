#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker-compose.sh: print the path of docker compose, for the api tests: a pinned Debian package, unpacked into the cache
# and not installed. It runs by itself, and as the client's plugin from $DOCKER_CONFIG/cli-plugins.
. "$(dirname "$0")/common.sh"

package=$("$deps/fetch.sh" 'docker-compose_*.deb')
to=$cache/docker-compose-$(basename "$(dirname "$package")" | cut -c1-16)
if [ ! -e "$to/docker-compose" ]; then
	tmp=$(mktemp -d "$cache/docker-compose.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	dpkg-deb --fsys-tarfile "$package" | tar -x -C "$tmp"
	file=$(find "$tmp" -type f -name docker-compose -perm -100)
	mkdir -p "$to"
	mv "$file" "$to/docker-compose"
fi
echo "$to/docker-compose"
