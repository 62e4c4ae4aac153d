#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# headers.sh COMPILER FLAG...: every header must compile alone and have a guard named after its path.
set -u
cd "$(dirname "$0")/../.."
mapfile -t headers < <(git ls-files -co --exclude-standard '*.h' | grep -E '^(lib|sysctr|init|userctr|admin|images)/')
alone() {
	header=$1; shift
	printf '#include "%s"\n' "$header" |
		"$@" -Wno-unused -x c -fsyntax-only - || { echo "$header: does not compile alone"; return 1; }
	guard=$(echo "${header%.h}" | sed 's|^lib/||' | tr 'a-z/-' 'A-Z__')_H
	grep -q "^#ifndef ${guard}\$" "$header" || {
		# lib/base/err.h may be BASE_ERR_H or LIB_BASE_ERR_H
		grep -q "^#ifndef LIB_${guard}\$" "$header" || { echo "$header: has no guard '$guard'"; return 1; }
	}
}
export -f alone
[ ${#headers[@]} -eq 0 ] || printf '%s\n' "${headers[@]}" |
	xargs -P 2 -I{} bash -c 'alone "$@"' - {} "$@"
