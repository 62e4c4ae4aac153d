// SPDX-License-Identifier: Apache-2.0
/* wait-online: sleep until network.json says that a link has an address. */
#include "images/network/network.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

static bool is_online(const char *path)
{
	owned_buf struct buf b = BUF_INIT(STATE_MAX);
	struct json_doc *d = NULL;

	if (file_read(AT_FDCWD, path, &b, NULL) < 0 || json_parse(buf_str(&b), b.len, &d, NULL) < 0)
		return false;
	bool yes = json_bool(json_get(json_root(d), "online"), false);
	json_free(d);
	return yes;
}

int online_main(const char *run, int64_t timeout_ms)
{
	char dir[PATH_MAX], path[PATH_MAX + 16], events[4096];
	int64_t due = clock_mono_ms() + timeout_ms;

	(void)snprintf(dir, sizeof(dir), "%s/network", run); /* cut: it is not found */
	(void)snprintf(path, sizeof(path), "%s/network.json", dir);
	owned_fd int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0 || inotify_add_watch(fd, dir, IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR) < 0) {
		log_error(SUB, "watch '%s': %s", dir, strerror(errno));
		return 1;
	}
	for (;;) {
		while (read(fd, events, sizeof(events)) > 0)
			; /* what has happened is asked of the file */
		if (is_online(path))
			return 0;
		int64_t left = timeout_ms < 0 ? -1 : due - clock_mono_ms();
		if (timeout_ms >= 0 && left <= 0)
			break;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		(void)poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left); /* whatever it says, look again */
	}
	log_error(SUB, "still not online");
	return 1;
}
