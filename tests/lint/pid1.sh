#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pid1.sh OUT OBJECT...: the objects of init/ and the linked program must be free of what pid1-deny.txt names.
set -eu
out=$1; shift
here=$(cd "$(dirname "$0")" && pwd)
check() {  # kind, what, list of symbols on stdin
	awk -v kind="$1" -v what="$2" '
		FILENAME ~ /pid1-deny/ { if ($1 == "all" || $1 == kind) { s = $2; $1 = $2 = ""; why[s] = $0 } next }
		$1 in why { printf "%s: uses %s:%s\n", what, $1, why[$1]; bad = 1 }
		END { exit bad }' "$here/pid1-deny.txt" -
}
code=0
for o in "$@"; do
	nm -u "$o" | awk '{ print $NF }' | check obj "${o#"$out"/rel/}" || code=1
done
if [ $# -gt 0 ]; then
	# what the linker kept; local symbols are of other files' own
	nm "$out/debug/init" | awk '$2 ~ /[TW]/ { print $3 }' | check all "the linked init" || code=1
fi
exit $code
