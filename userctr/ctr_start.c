// SPDX-License-Identifier: Apache-2.0
/* From a record to a running process: files, configuration, monitor, network; and taking over monitors that are there. */
#include "userctr/ctr_internal.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/store.h"
#include "lib/sys/io.h"
#include "lib/sys/syscalls.h"
#include "sysctr/sysctr.h"
#include "userctr/child.h"
#include "userctr/ctr_health.h"
#include "userctr/ctr_mon.h"
#include "userctr/ctr_net.h"
#include "userctr/daemon.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define CONFIG_MAX (4u << 20)
#define TEXT_MAX   (256u << 10)
#define LOWER_MAX  (256u << 10)

/* ---- clients that attached before the start ---- */

struct ctr_pending {
	struct list link;
	struct source s;
	struct ctr *c;
	unsigned flags;
	char keys[MON_TEXT_MAX];
};

static void pending_gone(struct source *s)
{
	struct ctr_pending *p = owner_of(s, struct ctr_pending, s);

	close(s->fd);
	free(p);
}

static void pending_end(struct ctr_pending *p)
{
	if (p->c == NULL)
		return;
	list_del(&p->link);
	p->c->life->n_pending--;
	p->c = NULL;
	loop_remove(&p->s);
}

/* Only hang-ups are watched: the client went before there was anything to see. */
static void pending_ready(struct source *s, uint32_t events)
{
	(void)events;
	pending_end(owner_of(s, struct ctr_pending, s));
}

void ctr_pending_drop(struct ctr *c)
{
	list_for_each_safe(it, &c->life->pending)
		pending_end(owner_of(it, struct ctr_pending, link));
}

static int hand_over(struct ctr *c, int fd, unsigned flags, const char *keys, struct err *e)
{
	struct mon_msg msg = {.tag = MON_ATTACH, .flags = (uint16_t)flags};

	(void)snprintf(msg.text, sizeof(msg.text), "%s", keys); /* keys are short */
	return mon_say(c->life->mon, &msg, fd, e);
}

int ctr_attach(struct ctr *c, int fd, unsigned flags, const char *keys, struct err *e)
{
	struct ctr_life *l = c->life;
	owned_fd int own = fd;

	if (l->mon != NULL && (l->phase == PHASE_RUNNING || l->phase == PHASE_STOPPING || l->phase == PHASE_PAUSED))
		return hand_over(c, own, flags, keys, e);
	if (l->n_pending >= CTR_PENDING_MAX)
		return err_say(e, E_LIMIT, "container %s: too many clients are attached", c->id);
	struct ctr_pending *p = calloc(1, sizeof(*p));
	if (p == NULL)
		return err_set(e, ENOMEM, "attach");
	p->s = (struct source){.fd = own, .name = "attach", .ready = pending_ready, .gone = pending_gone};
	p->c = c;
	p->flags = flags;
	(void)snprintf(p->keys, sizeof(p->keys), "%s", keys); /* as above */
	int r = loop_add(&c->d->loop, &p->s, 0, e);
	if (r < 0) {
		free(p);
		return r;
	}
	(void)take_fd(own);
	list_add_tail(&l->pending, &p->link);
	l->n_pending++;
	return 0;
}

/* ---- files ---- */

static int put_file(const struct ctr *c, const char *name, const char *text, size_t n, struct err *e)
{
	char path[PATH_MAX];

	/* in place: it is bound into the container already */
	owned_fd int fd = open(ctr_dir(c, name, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	int r = fd < 0 ? -errno : write_all(fd, text, n);
	return r < 0 ? err_set(e, -r, "write '%s'", path) : 0;
}

static int put_hostname(struct ctr *c, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(1024);
	const char *domain = json_str_or(json_get(c->conf.config, "Domainname"), "");

	buf_printf(&b, "%s%s%s\n", json_str_or(json_get(c->conf.config, "Hostname"), ""), domain[0] != '\0' ? "." : "",
		   domain);
	int r = put_file(c, "hostname", buf_str(&b), b.len, e);
	if (r == 0)
		r = put_file(c, "hosts", "", 0, e);
	return r < 0 ? r : put_file(c, "resolv.conf", "", 0, e);
}

/* What is only known once it is connected. */
static int put_network_files(struct ctr *c, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(TEXT_MAX);

	ctr_net_hosts(c->d, c->net, &c->conf, &b);
	int r = buf_error(&b) < 0 ? err_set(e, -buf_error(&b), "hosts of '%s'", c->name)
				  : put_file(c, "hosts", buf_str(&b), b.len, e);
	buf_clear(&b);
	if (r < 0)
		return r;
	ctr_net_resolv(c->d, c->net, &c->conf, &b);
	return buf_error(&b) < 0 ? err_set(e, -buf_error(&b), "resolv.conf of '%s'", c->name)
				 : put_file(c, "resolv.conf", buf_str(&b), b.len, e);
}

/* ---- the configuration ---- */

/* Everything that ctr_facts borrows from. */
struct prepared {
	struct buf lower;
	struct ctr_user user;
	char cgroup[PATH_MAX], upper[PATH_MAX], work[PATH_MAX], hostname[PATH_MAX], hosts[PATH_MAX], resolv[PATH_MAX];
	char netns[64], ipcns[64], pidns[64], self[PATH_MAX], shm[PATH_MAX];
};

/* "container:x": the namespace of x's process. */
static int peer_ns(struct ctr *c, const char *mode, const char *what, char out[64], struct ctr **ret, struct err *e)
{
	struct ctr *peer = NULL;

	if (strncmp(mode, "container:", 10) != 0)
		return 0;
	int r = ctr_find(c->d, mode + 10, &peer, e);
	if (r < 0)
		return r;
	if (peer->pid == 0)
		return err_say(e, EBUSY, "cannot join %s namespace of a non running container: %s", what, peer->id);
	(void)snprintf(out, 64, "/proc/%d/ns/%s", peer->pid, what); /* fits */
	if (ret != NULL)
		*ret = peer;
	return 0;
}

/* What we may not give, a container cannot have. */
void ctr_facts_rights(struct ctr_facts *f)
{
	struct rlimit files;

	for (unsigned cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			f->caps_have |= 1ULL << cap;
	if ((f->caps_have & (1ULL << 24 /* CAP_SYS_RESOURCE */)) == 0 && getrlimit(RLIMIT_NOFILE, &files) == 0)
		f->nofile_max = files.rlim_max;
}

/* /dev/shm of a shareable container is a folder of ours, which others are given too. */
static int prepare_shm(struct ctr *c, struct ctr *ipc, struct prepared *p, struct ctr_facts *f, struct err *e)
{
	if (ipc == c && strcmp(json_str_or(json_get(c->conf.host, "IpcMode"), ""), "shareable") != 0)
		return 0;
	f->shm_path = ctr_run_dir(ipc, "shm", p->shm);
	if (ipc == c && (mkdir(p->shm, 0) < 0 || chmod(p->shm, 01777) < 0))
		return err_set(e, errno, "make '%s'", p->shm);
	return 0;
}

static int prepare_namespaces(struct ctr *c, struct prepared *p, struct ctr_facts *f, struct err *e)
{
	struct ctr *peer = c, *ipc = c;

	int r = peer_ns(c, c->conf.network_mode, "net", p->netns, &peer, e);
	if (r == 0)
		r = peer_ns(c, json_str_or(json_get(c->conf.host, "IpcMode"), ""), "ipc", p->ipcns, &ipc, e);
	if (r == 0)
		r = peer_ns(c, json_str_or(json_get(c->conf.host, "PidMode"), ""), "pid", p->pidns, NULL, e);
	if (r == 0)
		r = prepare_shm(c, ipc, p, f, e);
	if (r < 0)
		return r;
	ctr_facts_rights(f);
	f->netns_path = p->netns[0] != '\0' ? p->netns : NULL;
	f->ipcns_path = p->ipcns[0] != '\0' ? p->ipcns : NULL;
	f->pidns_path = p->pidns[0] != '\0' ? p->pidns : NULL;
	/* who shares a network shares its names */
	f->hostname_path = ctr_dir(peer, "hostname", p->hostname);
	f->hosts_path = ctr_dir(peer, "hosts", p->hosts);
	f->resolv_path = ctr_dir(peer, "resolv.conf", p->resolv);
	return 0;
}

static int prepare_root(struct ctr *c, struct prepared *p, struct ctr_facts *f, struct err *e)
{
	char id[DIGEST_TEXT_SIZE];
	struct image *image = NULL;

	int r = store_find(c->d->store, digest_text(&c->image, id), &image, e);
	if (r == 0)
		r = store_lower(c->d->store, image, &p->lower, e);
	if (r == 0)
		r = ctr_user_of(c, buf_str(&p->lower), json_str_or(json_get(c->conf.config, "User"), ""), &p->user, e);
	if (r < 0)
		return r;
	f->lower = buf_str(&p->lower);
	f->upper = ctr_dir(c, "diff", p->upper);
	f->work = ctr_dir(c, "work", p->work);
	f->uid = p->user.uid;
	f->gid = p->user.gid;
	f->groups = p->user.groups;
	f->n_groups = p->user.n_groups;
	f->home = p->user.home[0] != '\0' ? p->user.home : NULL;
	return 0;
}

static void prepare_cgroup(const struct ctr *c, struct prepared *p)
{
	const char *parent = json_str_or(json_get(c->conf.host, "CgroupParent"), "");

	if (parent[0] == '\0')
		parent = "/docker";
	(void)snprintf(p->cgroup, sizeof(p->cgroup), "%s%.1000s/%s", parent[0] == '/' ? "" : "/", parent, c->id); /* fits */
}

static int write_config(struct ctr *c, struct err *e)
{
	struct prepared *p = calloc(1, sizeof(*p));
	struct ctr_facts f = {.id = c->id, .mounts = c->mounts, .n_mounts = c->n_mounts};
	owned_buf struct buf b = BUF_INIT(CONFIG_MAX);
	char path[PATH_MAX];

	if (p == NULL)
		return err_set(e, ENOMEM, "start '%s'", c->name);
	buf_init(&p->lower, LOWER_MAX);
	prepare_cgroup(c, p);
	f.cgroup = p->cgroup;
	ssize_t n = readlink("/proc/self/exe", p->self, sizeof(p->self) - 1);
	if (n > 0 && json_bool(json_get(c->conf.host, "Init"), false))
		f.init_path = p->self; /* one more life of this program */
	int r = prepare_root(c, p, &f, e);
	if (r == 0)
		r = prepare_namespaces(c, p, &f, e);
	if (r == 0)
		r = ctr_spec_write(&b, &c->conf, &f, e);
	if (r == 0 && buf_error(&b) < 0)
		r = err_set(e, -buf_error(&b), "configuration of '%s'", c->name);
	buf_release(&p->lower);
	free(p);
	if (r < 0)
		return r;
	owned_fd int fd = open(ctr_run_dir(c, "config.json", path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : write_all(fd, b.data, b.len);
	return r < 0 ? err_set(e, -r, "write '%s'", path) : 0;
}

/* ---- what the monitor says ---- */

/* A failure of execve(2) is the asker's mistake (400), and Go's spelling of errno decides docker's exit code. */
static void translate(const struct mon_msg *msg, struct err *e)
{
	char text[sizeof(msg->text)];
	const char *exec = strstr(msg->text, "exec: \""); /* after the stage at which the runtime found it out */
	bool is_exec = exec != NULL;

	(void)snprintf(text, sizeof(text), "%s", is_exec ? exec : msg->text); /* no longer than it was */
	char *at = is_exec ? strrchr(text, ':') : NULL;
	if (at != NULL && at[1] == ' ')
		at[2] = (char)tolower((unsigned char)at[2]);
	(void)err_say(e, is_exec ? EINVAL : EIO, "failed to create task for container: %s%s",
		      is_exec ? "unable to start container process: " : "", text);
}

static int on_created(struct ctr *c, const struct mon_msg *msg, struct err *e)
{
	struct ctr_life *l = c->life;

	c->pid = msg->a;
	int r = ctr_net_start(c->d, c->net, c->id, c->name, c->pidfd, c->pid, e);
	if (r < 0)
		return r;
	l->net_up = true;
	r = put_network_files(c, e);
	list_for_each_safe(it, &l->pending) {
		struct ctr_pending *p = owner_of(it, struct ctr_pending, link);
		if (r == 0)
			(void)hand_over(c, p->s.fd, p->flags, p->keys, NULL); /* one client's trouble only */
		pending_end(p);
	}
	const struct mon_msg start = {.tag = MON_START};
	return r < 0 ? r : mon_say(l->mon, &start, -1, e);
}

static void on_started(struct ctr *c, const struct mon_msg *msg)
{
	c->life->has_run = true;
	c->life->went_down = false;
	c->started_ns = msg->time;
	c->finished_ns = 0;
	c->exit_code = 0;
	c->oom_killed = false;
	c->error[0] = '\0';
	(void)ctr_fire(c, CEV_UP, /* force */ false, NULL); /* nothing else can have happened meanwhile */
}

static void said(struct mon *m, const struct mon_msg *msg, int fd)
{
	struct ctr *c = m->ctx;
	owned_fd int got = fd;
	struct err e = {0};

	switch ((enum mon_tag)msg->tag) {
	case MON_CREATED:
		if (c->pidfd >= 0)
			close(c->pidfd);
		c->pidfd = take_fd(got);
		if (c->life->phase == PHASE_STARTING && on_created(c, msg, &e) < 0)
			ctr_start_failed(c, &e); /* the monitor gives up when we go */
		break;
	case MON_STARTED: on_started(c, msg); break;
	case MON_FAILED:
		translate(msg, &e);
		ctr_start_failed(c, &e);
		break;
	case MON_EXITED: ctr_ended(c, msg->a, msg->b != 0, msg->time); break;
	case MON_STATE:
	case MON_ATTACH:
	case MON_START:
	case MON_RESIZE:
	case MON_QUIT: break;
	}
}

/* The exit record that a monitor leaves. */
static bool read_exit(const struct ctr *c, int *ret_status, int *ret_oom, int64_t *ret_ns)
{
	owned_buf struct buf b = BUF_INIT(256);
	char path[PATH_MAX];
	long long ns;

	if (file_read(AT_FDCWD, ctr_run_dir(c, "exit", path), &b, NULL) < 0 ||
	    sscanf(buf_str(&b), "%d %d %lld", ret_status, ret_oom, &ns) != 3)
		return false;
	*ret_ns = ns;
	return true;
}

/* No monitor any more: what became of the container? */
static void monitor_gone(struct ctr *c)
{
	char root[PATH_MAX], path[PATH_MAX];
	const struct sysctr_opt opt = {.root = ctr_sysctr_root(c->d, root)};
	int status = 255 << 8, oom = 0;
	int64_t ns = clock_real_ns();

	if (!read_exit(c, &status, &oom, &ns) && access(ctr_run_dir(c, NULL, path), F_OK) == 0) {
		/* somebody killed it: nobody reads the output any more, and the exit code will not be known */
		log_error("userctr", "container '%s': its monitor is gone, it is killed", c->name);
		(void)sysctr_delete(&opt, c->id, /* force */ true, NULL); /* also nothing may be left of it */
		status = 137 << 8;
		(void)snprintf(c->error, sizeof(c->error), "its monitor was lost"); /* fits */
	}
	ctr_ended(c, status, oom != 0, ns);
}

static void lost(struct mon *m)
{
	struct ctr *c = m->ctx;
	char path[PATH_MAX], words[256];
	struct err e;

	c->life->mon = NULL; /* it frees itself after this */
	if (c->life->phase != PHASE_STARTING) {
		monitor_gone(c);
		return;
	}
	mon_last_words(ctr_run_dir(c, NULL, path), words, sizeof(words));
	(void)err_say(&e, EIO, "failed to create task for container: the monitor ended: %s", words);
	ctr_start_failed(c, &e);
}

/* ---- starting ---- */

static int start_monitor(struct ctr *c, struct err *e)
{
	char dir[PATH_MAX], root[PATH_MAX], log[PATH_MAX], size[32], files[16];
	const char *argv[CHILD_ARGS_MAX] = {"userctr", "monitor", "--dir", ctr_run_dir(c, NULL, dir), "--id", c->id,
					    "--sysctr-root", ctr_sysctr_root(c->d, root)};
	size_t n = 8;

	if (strcmp(c->conf.log_driver, "none") != 0) {
		(void)snprintf(size, sizeof(size), "%lld", (long long)c->conf.log_max_bytes); /* numbers fit */
		(void)snprintf(files, sizeof(files), "%u", c->conf.log_max_files);
		argv[n++] = "--log";
		argv[n++] = ctr_log_path(c, log);
		argv[n++] = "--log-size";
		argv[n++] = size;
		argv[n++] = "--log-files";
		argv[n++] = files;
	}
	if (c->conf.want_tty)
		argv[n++] = "--tty";
	if (c->conf.want_stdin)
		argv[n++] = "--stdin";
	if (c->conf.stdin_once)
		argv[n++] = "--stdin-once";
	int r = mon_start(c->d, dir, argv, &c->life->mon, e);
	if (r < 0)
		return r;
	c->life->mon->ctx = c;
	c->life->mon->said = said;
	c->life->mon->lost = lost;
	return 0;
}

int ctr_launch(struct ctr *c, struct err *e)
{
	char path[PATH_MAX];

	if (c->life->is_written) /* one layer under two mounts is undefined behaviour of overlayfs */
		return err_say(e, EBUSY, "files are being copied into container %s", c->id);

	(void)tree_remove(AT_FDCWD, ctr_run_dir(c, NULL, path), NULL); /* of an earlier life; making it tells */
	int r = dir_make_all(AT_FDCWD, ctr_run_dir(c, NULL, path), 0700, e);
	if (r == 0)
		r = ctr_mounts_ready(c, e);
	if (r == 0)
		r = put_hostname(c, e);
	if (r == 0)
		r = write_config(c, e);
	return r < 0 ? r : start_monitor(c, e);
}

/* ---- after a restart of the daemon ---- */

static bool was_alive(const struct ctr *c)
{
	enum ctr_phase p = c->life->phase;

	return p == PHASE_RUNNING || p == PHASE_PAUSED || p == PHASE_STOPPING;
}

static void take_over(struct ctr *c, const struct mon_msg *state)
{
	struct err e;

	if (!was_alive(c)) { /* we were ended before its start was noted */
		c->life->has_run = true;
		c->started_ns = state->time;
	}
	if (c->life->phase != PHASE_PAUSED)
		c->life->phase = PHASE_RUNNING;
	ctr_show_phase(c);
	c->life->mon->ctx = c;
	c->life->mon->said = said;
	c->life->mon->lost = lost;
	if (state->b != MON_PHASE_RUNNING)
		return; /* its end is the next message */
	c->pid = state->a;
	c->pidfd = sys_pidfd_open(c->pid, 0); /* its monitor has not reaped it, or will tell us that it has */
	c->life->net_up = true;
	if (ctr_net_adopt(c->d, c->net, c->id, c->name, c->pidfd, c->pid, &e) < 0)
		log_warn("userctr", "container '%s': %s", c->name, e.msg);
	ctr_health_start(c);
}

void ctr_adopt(struct ctr *c)
{
	struct ctr_life *l = c->life;
	char path[PATH_MAX];
	struct mon_msg state;
	struct err e;

	int r = mon_connect(c->d, ctr_run_dir(c, NULL, path), &state, &l->mon, &e);
	if (r == 0 && (state.b == MON_PHASE_RUNNING || state.b == MON_PHASE_EXITED)) {
		take_over(c, &state);
		return;
	}
	if (r < 0 && r != -ENOENT && r != -ECONNREFUSED)
		log_warn("userctr", "container '%s': %s", c->name, e.msg);
	mon_close(take_ptr(l->mon)); /* not started: it gives up without us */
	if (was_alive(c)) {
		l->phase = PHASE_RUNNING;
		monitor_gone(c);
	} else if (l->phase == PHASE_BACKOFF) {
		l->phase = PHASE_EXITED;
		(void)ctr_fire(c, CEV_START, /* force */ false, NULL); /* where it fails it is said */
	} else if (l->phase == PHASE_EXITED &&
		   ctr_restart_at_boot(c->conf.restart_name, l->went_down, l->manual_stop)) {
		l->manual_stop = false;
		(void)ctr_fire(c, CEV_START, /* force */ false, NULL); /* likewise */
	}
}
