// SPDX-License-Identifier: Apache-2.0
/* The state partition, or memory in its place, said plainly. The probe child finds and mounts; here only descriptors
 * are put where they belong. */
#include "init/boot.h"
#include "init/boot_clock.h"
#include "init/console.h"
#include "init/fsmount.h"
#include "init/pid1.h"
#include "init/state_probe.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/keys.h"
#include "lib/sys/unixsock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static_assert(sizeof(struct state_report) == 512, "one message, one size");
static_assert(STATE_FDS == BOOT_STATE_FDS && STATE_FDS <= UNIXSOCK_MAX_FDS, "they travel in one message");

/* A key whose value has the right form; another is as if it had not been given: the complaint was printed before. */
static bool find(const struct pid1 *p, const char *name, struct cmdline_arg *ret)
{
	const struct key *k = keys_find(name, strlen(name));
	char why[KEYS_WHY_MAX];

	return k != NULL && cmdline_last(p->cmdline, p->cmdline_len, name, ret) && keys_check(k, ret, why) == NULL;
}

static bool get(const struct pid1 *p, const char *name, char *out, size_t size)
{
	struct cmdline_arg a;

	out[0] = '\0';
	return find(p, name, &a) && cmdline_copy_value(&a, out, size);
}

static int64_t get_wait_ms(const struct pid1 *p, bool is_explicit)
{
	struct cmdline_arg a;
	uint32_t seconds;

	/* the default labels are a convenience: nobody said that there is such a disk */
	if (!find(p, "state.wait", &a))
		return is_explicit ? STATE_WAIT_DEFAULT_MS : 0;
	if (a.has_value && cmdline_parse_number(&a, 300, &seconds))
		return (int64_t)seconds * 1000;
	return cmdline_parse_flag(&a) == 0 ? 0 : 3 * STATE_WAIT_DEFAULT_MS;
}

static void read_wish(const struct pid1 *p, struct state_want *w)
{
	*w = (struct state_want){0};
	bool is_explicit = get(p, "state.dev", w->spec, sizeof(w->spec));
	if (!get(p, "state.fstype", w->fstype, sizeof(w->fstype)))
		memcpy(w->fstype, "auto", 5);
	(void)get(p, "state.directory", w->directory, sizeof(w->directory)); /* "" when absent */
	w->is_memory = strcmp(w->spec, "none") == 0;
	w->wait_ms = get_wait_ms(p, is_explicit);
}

static int start_probe(struct pid1 *p, const struct state_want *w, int *ret_sock, struct err *e)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_set(e, errno, "make socket pair");
	owned_fd int ours = ends[0], theirs = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return err_set(e, errno, "start the state probe");
	if (pid == 0)
		state_probe(w, theirs);
	child_watch(p, &p->prober, pid);
	*ret_sock = take_fd(ours);
	return 0;
}

static int probe(struct pid1 *p, const struct state_want *w, struct state_report *m, struct err *e)
{
	owned_fd int sock = -1;
	size_t fds = 0;

	int r = start_probe(p, w, &sock, e);
	if (r == 0)
		r = child_await(p, &p->prober, STATE_TIMEOUT_MS + w->wait_ms, e);
	if (r < 0)
		return r;
	ssize_t n = unixsock_recv(sock, m, sizeof(*m), p->state_fds, STATE_FDS, &fds, MSG_DONTWAIT);
	if (n != (ssize_t)sizeof(*m) || (m->code == 0 && fds != STATE_FDS))
		return err_say(e, EPIPE, "the state probe died (wait status %d)", p->prober.status);
	m->msg[sizeof(m->msg) - 1] = '\0';
	return m->code == 0 ? 0 : err_say(e, m->code, "%s", m->msg);
}

static int use_memory(struct pid1 *p, struct err *e)
{
	struct state_want memory = {.is_memory = true};
	struct state_report m;

	return probe(p, &memory, &m, e);
}

int boot_state(void *ctx, struct err *e)
{
	struct pid1 *p = ctx;
	struct state_want w;
	struct state_report m;
	struct err why;

	read_wish(p, &w);
	int r = w.is_memory ? -ENODEV : probe(p, &w, &m, &why);
	if (r == 0) {
		log_info("slipway", "state is on '%s' (%s)", m.device, m.fstype);
		if (m.msg[0] != '\0')
			say(p, "state partition: %s", m.msg);
		clock_raise(m.stamp_s, "the time of the last shutdown");
		p->is_state_on_disk = true;
		return 0;
	}
	if (r == -ECANCELED && p->power != 0)
		return err_say(e, ECANCELED, "a shutdown was asked for");
	if (!w.is_memory && cmdline_flag(p->cmdline, p->cmdline_len, "state.required"))
		return err_say(e, why.code, "%s, and 'slipway.state.required' is set", why.msg);
	if (w.is_memory)
		say(p, "state is in memory, as 'slipway.state.dev=none' asks: it is lost at shutdown");
	else if (r == -ENODEV && w.spec[0] == '\0')
		say(p, "state is in memory and is lost at shutdown: %s", why.msg);
	else
		say(p, "state partition not used: %s; state is in memory and is lost at shutdown", why.msg);
	return use_memory(p, e);
}

int boot_binds(void *ctx, struct err *e)
{
	struct pid1 *p = ctx;
	char target[PATH_TEXT_MAX];
	int r = fsmount_attach(p->state_fds[0], "/state", e);

	p->is_state_mounted = r == 0;
	for (int i = 0; r == 0 && i < STATE_DIRS; i++) {
		(void)snprintf(target, sizeof(target), "/%s", state_dirs[i].path); /* fits */
		r = fsmount_attach(p->state_fds[1 + i], target, e);
	}
	for (int i = 0; i < STATE_FDS; i++) {
		drop_fd(&p->state_fds[i]);
		p->state_fds[i] = -1;
	}
	return r;
}

/* Runs in a child with a deadline: unmounting writes to the disk. */
void boot_binds_undo(void *ctx)
{
	struct pid1 *p = ctx;
	char path[PATH_TEXT_MAX];

	if (!p->is_state_mounted)
		return;
	/* created or touched: its modification time is the stamp */
	owned_fd int fd = open("/state/" CLOCK_STAMP, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd >= 0)
		(void)futimens(fd, NULL); /* the next boot does without */
	drop_fd(&fd);
	fd = -1;
	for (int i = 0; i < STATE_DIRS; i++) {
		(void)snprintf(path, sizeof(path), "/%s", state_dirs[i].path); /* fits */
		if (umount2(path, 0) < 0)
			(void)umount2(path, MNT_DETACH); /* the read-only remount below is what protects the disk then */
	}
	if (umount2("/state", 0) == 0)
		return;
	log_warn("slipway", "unmount '/state': %s; making it read-only", strerror(errno));
	if (mount(NULL, "/state", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
		log_error("slipway", "make '/state' read-only: %s", strerror(errno));
}
