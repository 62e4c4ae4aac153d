#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A descriptor is born close-on-exec: calls that make one must ask for it in the same statement. A statement
# that has a reason not to carries the comment 'cloexec: reason'.
set -eu
cd "$(dirname "$0")/../.."
git ls-files -co --exclude-standard '*.c' '*.h' | grep -E '^(lib|sysctr|init|userctr|admin|images)/' |
	awk '
	BEGIN {
		need["open"] = need["openat"] = "O_CLOEXEC"
		need["socket"] = need["socketpair"] = need["accept4"] = "SOCK_CLOEXEC"
		need["pipe2"] = "O_CLOEXEC"
		need["epoll_create1"] = "EPOLL_CLOEXEC"
		need["signalfd"] = "SFD_CLOEXEC"
		need["timerfd_create"] = "TFD_CLOEXEC"
		need["eventfd"] = "EFD_CLOEXEC"
		need["inotify_init1"] = "IN_CLOEXEC"
		need["fanotify_init"] = "FAN_CLOEXEC"
		need["memfd_create"] = "MFD_CLOEXEC"
		need["recvmsg"] = "MSG_CMSG_CLOEXEC"
		need["posix_openpt"] = "O_CLOEXEC"
		need["open_tree"] = need["sys_open_tree"] = "OPEN_TREE_CLOEXEC"
		need["fsopen"] = need["sys_fsopen"] = "FSOPEN_CLOEXEC"
		need["fsmount"] = need["sys_fsmount"] = "FSMOUNT_CLOEXEC"
		need["fopen"] = need["fdopen"] = "\"[rwa+]*e"
		need["mkostemp"] = "O_CLOEXEC"
		split("dup pipe accept epoll_create inotify_init creat mkstemp popen tmpfile openpty", f, " ")
		for (i in f) never[f[i]] = 1
	}
	function flush(   s, name, rest) {
		s = statement
		if (s !~ /cloexec:/) {
			rest = s
			gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ", rest)
			all = rest
			while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
				name = substr(rest, RSTART, RLENGTH)
				before = RSTART > 1 ? substr(rest, RSTART - 1, 1) : ""
				before2 = RSTART > 2 ? substr(rest, RSTART - 2, 2) : ""
				rest = substr(rest, RSTART + RLENGTH)
				sub(/[ \t]*\($/, "", name)
				if (before == "." || before2 == "->") continue   # a member of the same name
				if (name in never) say(name " cannot be close-on-exec from birth")
				else if ((name in need) && all !~ need[name]) say(name " without " need[name])
			}
			if (all ~ /F_DUPFD[^_]/) say("F_DUPFD without _CLOEXEC")
		}
		statement = ""
	}
	function say(what) { printf "%s:%d: %s\n", file, first, what; failed = 1 }
	{
		file = $0
		line = 0
		statement = ""
		comment = 0
		while ((getline text < file) > 0) {
			line++
			if (text ~ /^[ \t]*#/) continue
			if (text ~ /^[ \t]*(\/\/|\*)/) continue
			if (comment) { if (text ~ /\*\//) comment = 0; continue }
			if (text ~ /\/\*/ && text !~ /\*\//) { comment = 1; continue }
			if (statement == "") first = line
			statement = statement " " text
			if (text ~ /[;{}]/) flush()
		}
		close(file)
	}
	END { exit failed }'
