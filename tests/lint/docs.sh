#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docs/configuration.md names the keys of the command line and of cloud-config that there are, docs/docker-api.md the fields of Config and
# HostConfig, and no other.
set -eu
cd "$(dirname "$0")/../.."
diff <(sed -n 's/^\t{"\([a-z0-9_.*]*\)", KEY_.*/\1/p' lib/codec/keys.c | sort) \
	<(sed -n '/^## Keys of cloud-config/q;s/^| `slipway\.\([a-z0-9_.*]*\)` |.*/\1/p' docs/configuration.md | sort) >&2 || {
	echo "docs.sh: '<' is missing in docs/configuration.md, '>' is no key of lib/codec/keys.c" >&2
	exit 1
}
diff <(sed -n 's/^\t{"\([a-z0-9_.*[]*[]a-z0-9_.*[]*\)", .*\(SCHEMA_\|"0\.\).*/\1/p' lib/config/schema.c | sort) \
	<(sed -n '/^## Keys of cloud-config/,$s/^| `\([^`]*\)` |.*/\1/p' docs/configuration.md | sort) >&2 || {
	echo "docs.sh: '<' is missing in docs/configuration.md, '>' is no key of lib/config/schema.c" >&2
	exit 1
}
fields() { # the rows of a table of userctr/ctr_fields.c
	sed -n "/^const struct field $1\[\]/,/^};/s/^\t{\"\([A-Za-z]*\)\".*/\1/p" userctr/ctr_fields.c
}
rows() { # the fields named under a heading
	sed -n "/^## $1\$/,/^## /s/^| \`\([A-Za-z]*\)\` |.*/\1/p" docs/docker-api.md
}
for t in config_fields:Config host_fields:HostConfig; do
	diff <(fields "${t%:*}") <(rows "${t#*:}") >&2 || {
		echo "docs.sh: '<' is missing under '${t#*:}' of docs/docker-api.md, '>' is no field of userctr/ctr_fields.c" >&2
		exit 1
	}
done
