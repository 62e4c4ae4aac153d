#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# check.sh CONFIG: does a kernel configuration (plain or gzip, /proc/config.gz too) have everything
# that required.txt asks for? Names each option that it lacks.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: ${0##*/} CONFIG" >&2; exit 2; }
config=$1 required=$(dirname "$0")/required.txt

zcat -f -- "$config" | awk -v config="$config" '
	FILENAME == "-" {
		if (/^CONFIG_[A-Za-z0-9_]+=/) {
			eq = index($0, "=")
			have[substr($0, 8, eq - 8)] = substr($0, eq + 1)
			known++
		}
		next
	}
	/^#/ { next }
	{
		for (i = 1; i <= NF; i++) {
			option = $i; want = "y"; asked++
			if (sub(/^!/, "", option))
				want = "n"
			else if (eq = index(option, "=")) {
				want = substr(option, eq + 1)
				option = substr(option, 1, eq - 1)
			}
			is = (option in have) ? have[option] : "n"
			if (is == want)
				continue
			printf "%s: CONFIG_%s is %s, must be %s (%s:%d)\n",
				config, option, is, want, FILENAME, FNR
			lacking++
		}
	}
	END {
		if (known == 0)
			print config ": not a kernel configuration"
		exit (known == 0 || asked == 0 || lacking > 0)
	}' - "$required" >&2
