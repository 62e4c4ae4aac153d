// SPDX-License-Identifier: Apache-2.0
/* Removing the files of volumes may take long; the loop does not wait for it. A volume is renamed aside at once, which is its end
 * for everybody, and a process of its own removes what lies aside. What a crash leaves is removed at the next start. */
#include "userctr/volumes_internal.h"

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/loop/loop.h"
#include "lib/sys/io.h"
#include "lib/sys/syscalls.h"
#include "userctr/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct sweep {
	struct source s; /* fd owned: pidfd */
};

static void remove_all(int dir)
{
	int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = own >= 0 ? fdopendir(own) : NULL;

	if (list == NULL)
		return;
	for (struct dirent *de; (de = readdir(list)) != NULL;)
		if (strncmp(de->d_name, ".gone-", 6) == 0) {
			(void)tree_remove(dir, de->d_name, NULL); /* again at the next start */
			rewinddir(list);
			if (faccessat(dir, de->d_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
				break; /* it will not go: no use in trying for ever */
		}
	(void)closedir(list);
}

static void sweep_gone(struct source *s)
{
	struct sweep *w = owner_of(s, struct sweep, s);

	drop_fd(&w->s.fd);
	free(w);
}

static void on_end(struct source *s, uint32_t events)
{
	(void)events;
	/* no signal at its end (exit_signal 0), so it is a "clone" child to wait for */
	(void)waitid(P_PIDFD, (id_t)s->fd, &(siginfo_t){0}, WEXITED | WNOHANG | __WALL);
	loop_remove(s);
}

void volumes_sweep(struct daemon *d)
{
	int pidfd = -1;
	struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = 0};
	struct sweep *w = calloc(1, sizeof(*w));
	int pid = w != NULL ? sys_clone3(&args, sizeof(args)) : -1;

	if (pid == 0) {
		/* nothing of the daemon's is kept open by us: a port it gives up is free at once */
		int dir = dup3(d->volumes->dir, 3, O_CLOEXEC) == 3 || d->volumes->dir == 3 ? 3 : -1;
		(void)sys_close_range(4, ~0U, 0); /* only fails on bad arguments */
		remove_all(dir);
		_exit(0);
	}
	if (pid < 0) {
		free(w);
		remove_all(d->volumes->dir); /* rather slow than never */
		return;
	}
	w->s = (struct source){.fd = pidfd, .name = "sweep", .ready = on_end, .gone = sweep_gone};
	if (loop_add(&d->loop, &w->s, EPOLLIN, NULL) < 0)
		sweep_gone(&w->s); /* a zombie until we end */
}
