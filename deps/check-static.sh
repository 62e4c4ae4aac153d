#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# check-static.sh FILE...: fail unless every ELF program is static and position independent.
set -eu
bad=0
for f in "$@"; do
	head -c 4 "$f" | grep -q ELF || continue
	if readelf -lW "$f" | grep -q INTERP; then
		echo "check-static: '$f' asks for a program interpreter" >&2; bad=1
	fi
	if readelf -dW "$f" | grep -q NEEDED; then
		echo "check-static: '$f' needs a shared library" >&2; bad=1
	fi
	if ! readelf -hW "$f" | grep -q 'Type: *DYN'; then
		echo "check-static: '$f' is not position independent" >&2; bad=1
	fi
done
exit $bad
