#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every #include "..." must be an edge that docs/layers.txt allows, and every third-party header must be
# included by the files named for it only.
set -eu
cd "$(dirname "$0")/../.."
git ls-files -co --exclude-standard '*.c' '*.h' | grep -E '^(lib|sysctr|init|userctr|admin|images)/' |
	awk '
	function folder(path,   p, n) {   # the folder whose rules a file is under
		n = split(path, p, "/")
		return (p[1] == "lib" && n > 2) ? p[1] "/" p[2] : p[1]
	}
	function matches(text, pattern) { # "*" is the only wildcard
		gsub(/[.+]/, "[&]", pattern)
		gsub(/[*]/, "[^/]*", pattern)
		return text ~ ("^" pattern "$")
	}
	function bad(what) { printf "%s:%d: %s\n", file, FNR, what; failed = 1 }

	FILENAME == "docs/layers.txt" {
		sub(/#.*/, "")
		if (NF == 0) next
		key = $1
		sub(/:$/, "", key)
		$1 = ""
		if (key ~ /^</) third[key] = $0
		else allowed[key] = $0 " "
		next
	}
	FILENAME == "-" { files[++n] = $0; next }
	END {
		for (i = 1; i <= n; i++) {
			file = files[i]
			FNR = 0
			while ((getline line < file) > 0) {
				FNR++
				if (line !~ /^[ \t]*#[ \t]*include/) continue
				if (match(line, /"[^"]+"/)) own(substr(line, RSTART + 1, RLENGTH - 2))
				else if (match(line, /<[^>]+>/)) foreign(substr(line, RSTART, RLENGTH))
			}
			close(file)
		}
		exit failed
	}
	function own(header,   from, to, list, mine, k, ok) {
		from = folder(file)
		to = folder(header)
		if (header !~ /\//) { bad("\"" header "\" is not written from the root of the repository"); return }
		# services are strangers to each other, and so are the programs
		if (from == to && from != "images") return
		if (from == "images" && to == "images") {
			split(file, list, "/")
			split(header, mine, "/")
			if (list[2] == mine[2]) return
		}
		split(allowed[from], list, " ")
		for (k in list) if (list[k] == to || list[k] == header) ok = 1
		if (!ok) bad(from " may not include \"" header "\" (docs/layers.txt)")
	}
	function foreign(header,   h, list, k, ok) {
		for (h in third) {
			if (!matches(header, h)) continue
			split(third[h], list, " ")
			for (k in list) if (matches(file, list[k])) ok = 1
			if (!ok) bad(header " is for" third[h] " only (docs/layers.txt)")
			return
		}
	}' docs/layers.txt -
