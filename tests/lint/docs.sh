#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docs/configuration.md names the keys of the command line that there are, and no other.
set -eu
cd "$(dirname "$0")/../.."
diff <(sed -n 's/^\t{"\([a-z0-9_.*]*\)", KEY_.*/\1/p' lib/codec/keys.c | sort) \
	<(sed -n 's/^| `slipway\.\([a-z0-9_.*]*\)` |.*/\1/p' docs/configuration.md | sort) >&2 || {
	echo "docs.sh: '<' is missing in docs/configuration.md, '>' is no key of lib/codec/keys.c" >&2
	exit 1
}
