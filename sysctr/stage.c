// SPDX-License-Identifier: Apache-2.0
/* The child's side: what happens between clone3(2) and execve(2) of the container's first process, as a step table. */
#include "sysctr/internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/base/steps.h"
#include "lib/codec/oci_spec.h"
#include "lib/sys/io.h"
#include "lib/sys/path.h"
#include "lib/sys/syscalls.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <linux/magic.h>

static int go_join(void *ctx, struct err *e)
{
	struct stage *s = ctx;

	/* user first: it gives the right to join the others. The PID namespace was set by the parent. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < s->spec->namespace_count; i++) {
			const struct oci_namespace *n = &s->spec->namespaces[i];
			if (n->path == NULL || n->flag == CLONE_NEWPID || (n->flag == CLONE_NEWUSER) != (pass == 0))
				continue;
			owned_fd int fd = open(n->path, O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				return err_set(e, errno, "open namespace '%s'", n->path);
			if (setns(fd, n->flag) < 0)
				return err_set(e, errno, "join namespace '%s'", n->path);
		}
	return 0;
}

static int go_wait_idmap(void *ctx, struct err *e)
{
	struct stage *s = ctx;
	struct sync_msg m;
	int fd;

	if ((s->ns_new & CLONE_NEWUSER) == 0)
		return 0;
	int r = sync_recv(s->sync, &m, &fd, e);
	if (r <= 0)
		return r < 0 ? r : err_say(e, ECANCELED, "the creating process went away");
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		return err_set(e, errno, "become root of the user namespace");
	return 0;
}

static int go_session(void *ctx, struct err *e)
{
	struct stage *s = ctx;
	char text[24];

	s->procfd = openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	umask(0); /* what is made in the root is made with the mode that is meant */
	(void)setsid(); /* fails only for a leader, which a fresh child is not */
	/* an exec'ed or traced runtime process must not be reachable from inside */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_set(e, errno, "become non-dumpable");
	/* lowering it is the privilege of the parent, where there is a user namespace */
	if (s->spec->process.oom_score_adj != OCI_UNSET && !s->limits_are_set) {
		(void)snprintf(text, sizeof(text), "%lld", (long long)s->spec->process.oom_score_adj);
		int r = file_write_at(AT_FDCWD, "/proc/self/oom_score_adj", text, e);
		if (r < 0)
			return r;
	}
	/* keyctl(KEYCTL_JOIN_SESSION_KEYRING): the caller's keys are not the container's; absent without kernel keys */
	if (!s->no_new_keyring)
		(void)syscall(SYS_keyctl, 1, NULL, 0, 0, 0);
	return 0;
}

static int go_times(void *ctx, struct err *e)
{
	return time_offsets_set(ctx, e);
}

static int go_names(void *ctx, struct err *e)
{
	struct stage *s = ctx;

	if (s->spec->hostname != NULL && *s->spec->hostname != '\0') {
		if ((s->ns_new & CLONE_NEWUTS) == 0)
			return err_set(e, E_SPEC, "hostname: needs a new uts namespace");
		if (sethostname(s->spec->hostname, strlen(s->spec->hostname)) < 0)
			return err_set(e, errno, "set hostname '%s'", s->spec->hostname);
	}
	if (s->spec->domainname != NULL && *s->spec->domainname != '\0' &&
	    setdomainname(s->spec->domainname, strlen(s->spec->domainname)) < 0)
		return err_set(e, errno, "set domainname '%s'", s->spec->domainname);
	return 0;
}

static int go_sysctl(void *ctx, struct err *e)
{
	struct stage *s = ctx;
	struct statfs fs;

	if (s->spec->sysctl_count == 0)
		return 0;
	owned_fd int proc = path_open_in(s->rootfd, "/proc/sys", O_PATH | O_DIRECTORY, 0, e);
	if (proc < 0)
		return proc;
	/* a write meant for /proc/sys must land there and nowhere else (CVE-2025-52881) */
	if (fstatfs(proc, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return err_set(e, EINVAL, "'/proc' of the container is not procfs");
	for (size_t i = 0; i < s->spec->sysctl_count; i++) {
		char path[256];
		const struct oci_pair *p = &s->spec->sysctl[i];
		size_t n = strlen(p->key);
		if (n == 0 || n >= sizeof(path))
			return err_set(e, E_SPEC, "linux.sysctl: '%.40s' is not a name", p->key);
		memcpy(path, p->key, n + 1);
		for (char *c = path; *c != '\0'; c++)
			if (*c == '.')
				*c = '/';
		owned_fd int fd = path_open_in(proc, path, O_WRONLY, 0, e);
		if (fd < 0)
			return err_wrap(e, fd, "sysctl '%s'", p->key);
		if (write(fd, p->value, strlen(p->value)) < 0)
			return err_set(e, errno, "sysctl '%s' = '%.40s'", p->key, p->value);
	}
	return 0;
}

static int go_mounts_root(void *ctx, struct err *e)
{
	struct stage *s = ctx;

	if ((s->ns_new & CLONE_NEWNS) == 0)
		return err_set(e, E_SPEC, "linux.namespaces: a new mount namespace is required");
	return mounts_root(s, e);
}

static int go_mounts(void *ctx, struct err *e)
{
	return mounts_all(ctx, e);
}

static int go_devices(void *ctx, struct err *e)
{
	return devices_make(ctx, e);
}

static int go_console(void *ctx, struct err *e)
{
	return console_open(ctx, e);
}

static int go_hooks(void *ctx, struct err *e)
{
	struct stage *s = ctx;
	struct told t = {.id = s->id, .status = "creating", .bundle = s->cfg->bundle};
	struct sync_msg m;
	int fd;

	/* network devices come with the hooks of the outside: both before anything of the container runs */
	if (s->spec->hook_counts[OCI_HOOK_PRESTART] + s->spec->hook_counts[OCI_HOOK_CREATE_RUNTIME] + s->spec->net_device_count > 0) {
		int r = sync_send(s->sync, SYNC_HOOKS, 0, NULL, -1);
		if (r == 0)
			r = sync_recv(s->sync, &m, &fd, e);
		if (r <= 0)
			return r < 0 ? r : err_say(e, ECANCELED, "the creating process went away");
	}
	if (s->spec->hook_counts[OCI_HOOK_CREATE_CONTAINER] == 0)
		return 0;
	t.pid = getpid();
	return hooks_run(s->spec, OCI_HOOK_CREATE_CONTAINER, &t, e);
}

static int go_paths(void *ctx, struct err *e)
{
	return mounts_paths(ctx, e);
}

static int go_enter(void *ctx, struct err *e)
{
	return mounts_enter(ctx, e);
}

/* ---- the process ---- */

static int set_stdio(const struct stage *s, struct err *e)
{
	for (int i = 0; i < 3; i++) {
		int from = s->tty >= 0 ? s->tty : s->io->fds[i];
		owned_fd int null = from < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
		if (from < 0)
			from = null;
		if (from < 0) /* an image without /dev: the runtime's own stream is better than a closed one */
			continue;
		if (from != i && dup3(from, i, 0) < 0)
			return err_set(e, errno, "set up standard stream %d", i);
	}
	if (s->tty >= 0 && ioctl(0, TIOCSCTTY, 0) < 0)
		return err_set(e, errno, "make the terminal the controlling one");
	return 0;
}

/* Everything but the standard streams, the passed ones and the few that are still needed is closed now: process.cwd must not
 * find a way through one (CVE-2024-21626), and what is below a mask is behind some. The few close on exec. */
static int close_others(const struct stage *s, struct err *e)
{
	int keep[] = {s->sync, s->gate, s->procfd};
	unsigned from = 3 + (unsigned)(s->io->preserve_fds > 0 ? s->io->preserve_fds : 0);

	for (unsigned fd = 3; fd < from; fd++)
		if (fcntl((int)fd, F_SETFD, 0) < 0)
			return err_set(e, errno, "descriptor %u to be passed on", fd);
	for (;;) {
		int next = INT_MAX;
		for (size_t i = 0; i < countof(keep); i++)
			if (keep[i] >= (int)from && keep[i] < next)
				next = keep[i];
		unsigned to = next == INT_MAX ? ~0U : (unsigned)next - 1;
		if (next > (int)from && sys_close_range(from, to, 0) < 0)
			return err_set(e, errno, "close descriptors");
		if (next == INT_MAX)
			return 0;
		from = (unsigned)next + 1;
	}
}

static const char *env_get(const char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; *env != NULL; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

static int enter_cwd(const char *cwd, struct err *e)
{
	char now[PATH_MAX];

	if (chdir(cwd) < 0)
		return err_set(e, errno, "enter process.cwd '%s'", cwd);
	/* a directory outside the root shows as "(unreachable)..." (CVE-2024-21626) */
	if (getcwd(now, sizeof(now)) == NULL || now[0] != '/')
		return err_say(e, EPERM, "process.cwd '%s' is outside the container's root", cwd);
	return 0;
}

/* docker and podman tell by the words whether a program is not there (127) or cannot be run (126), and theirs are Go's. */
static int exec_error(const char *name, int why, struct err *e)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%s", err_text(why));
	text[0] = (char)tolower((unsigned char)text[0]);
	return err_say(e, why, "exec: \"%.200s\": %s", name, text);
}

/* args[0] as execve(2) wants it, in path. A file that may not be run is remembered, but a later directory may have a good
 * one. With is_checked, a name with a slash is looked at too. */
static int find_program(const struct oci_process *p, bool is_checked, char *path, struct err *e)
{
	const char *name = p->args[0], *dirs = env_get(p->env, "PATH");
	bool has_slash = strchr(name, '/') != NULL;
	struct stat st;
	int why = ENOENT;

	if (dirs == NULL)
		dirs = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	if (has_slash)
		dirs = "";
	do {
		size_t n = strcspn(dirs, ":");
		int len = has_slash ? snprintf(path, PATH_MAX, "%s", name) : snprintf(path, PATH_MAX, "%.*s/%s", (int)n, dirs, name);
		if (len < 0 || len >= PATH_MAX)
			return err_set(e, ENAMETOOLONG, "exec: \"%.80s\"", name);
		if (has_slash && !is_checked)
			return 0;
		bool is_looked_at = has_slash || n > 0;
		if (is_looked_at && access(path, X_OK) == 0 && stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
			return 0;
		if (is_looked_at && access(path, F_OK) == 0)
			why = EACCES;
		dirs += n + (dirs[n] == ':');
	} while (*dirs != '\0');
	if (why == ENOENT && !has_slash)
		return err_say(e, ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
	return exec_error(name, why, e);
}

static int exec_now(const struct stage *s, const char *path, struct err *e)
{
	const struct oci_process *p = &s->spec->process;

	execve(path, (char *const *)(uintptr_t)p->args, (char *const *)(uintptr_t)p->env);
	return exec_error(p->args[0], errno, e);
}

/* HOME from the container's /etc/passwd, read inside, in a bounded piece; nothing found means "/". */
static void find_home(uid_t uid, char *home, size_t size)
{
	static char text[65536];
	char *save = NULL;

	(void)snprintf(home, size, "HOME=/");
	owned_fd int fd = open("/etc/passwd", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read_full(fd, text, sizeof(text) - 1) : 0;
	text[len > 0 ? len : 0] = '\0';
	for (char *line = len > 0 ? strtok_r(text, "\n", &save) : NULL; line != NULL; line = strtok_r(NULL, "\n", &save)) {
		char *field[6] = {line};
		for (int i = 1; i < 6 && field[i - 1] != NULL; i++)
			if ((field[i] = strchr(field[i - 1], ':')) != NULL)
				*field[i]++ = '\0';
		if (field[5] == NULL)
			continue;
		field[5][strcspn(field[5], ":")] = '\0';
		char *end;
		unsigned long n = strtoul(field[2], &end, 10);
		if (*end == '\0' && end != field[2] && n == uid && field[5][0] == '/') {
			(void)snprintf(home, size, "HOME=%s", field[5]);
			return;
		}
	}
}

/* The configuration's environment, and what the runtime adds: HOME, passed descriptors, the notify socket. */
static int fill_env(struct stage *s, struct err *e)
{
	static char home[PATH_MAX + 8], listen[32];
	struct oci_process *p = (struct oci_process *)(uintptr_t)&s->spec->process;
	size_t n = 0;

	while (p->env[n] != NULL)
		n++;
	const char **env = calloc(n + 6, sizeof(*env));
	if (env == NULL)
		return err_set(e, ENOMEM, "process.env");
	memcpy(env, p->env, n * sizeof(*env));
	if (env_get(p->env, "HOME") == NULL) {
		find_home(p->uid, home, sizeof(home));
		env[n++] = home;
	}
	if (s->listen_fds > 0) {
		(void)snprintf(listen, sizeof(listen), "LISTEN_FDS=%d", s->listen_fds);
		env[n++] = listen;
		env[n++] = "LISTEN_PID=1";
		if (s->listen_names != NULL)
			env[n++] = s->listen_names;
	}
	if (s->cfg != NULL && s->cfg->notify_socket != NULL)
		env[n++] = "NOTIFY_SOCKET=" NOTIFY_INSIDE;
	p->env = env;
	return 0;
}

static int run_start_hooks(struct stage *s, struct err *e)
{
	if (s->spec->hook_counts[OCI_HOOK_START_CONTAINER] == 0)
		return 0;
	struct told t = {.id = s->id, .status = "created", .bundle = s->cfg != NULL ? s->cfg->bundle : "", .pid = getpid()};

	return hooks_run(s->spec, OCI_HOOK_START_CONTAINER, &t, e);
}

/* Handlers end with execve(2), ignoring does not. Which are ignored is told by one small file, where 64 calls would. */
static void reset_signals(const struct stage *s)
{
	uint64_t ignored = ~UINT64_C(0), blocked = 1;
	char text[1024];
	sigset_t none;

	owned_fd int fd = s->procfd >= 0 ? openat(s->procfd, "self/stat", O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
	text[n > 0 ? n : 0] = '\0';
	const char *p = strrchr(text, ')'); /* the name before may hold anything; fields 32 and 33 are the masks */
	for (int field = 2; p != NULL && field < 32; field++)
		p = strchr(p + 1, ' ');
	if (p != NULL) {
		char *next;
		blocked = strtoull(p, &next, 10);
		ignored = strtoull(next, NULL, 10);
	}
	for (int sig = 1; sig < NSIG; sig++)
		if ((ignored >> (sig - 1) & 1) != 0)
			(void)signal(sig, SIG_DFL); /* fails for the two that cannot be changed */
	if (blocked == 0)
		return;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail for a valid set */
}

int finish_process(struct stage *s, struct err *e)
{
	const struct oci_process *p = &s->spec->process;
	char program[PATH_MAX];

	int r = set_stdio(s, e);
	if (r == 0)
		r = close_others(s, e);
	if (r < 0)
		return r;
	reset_signals(s);
	r = fill_env(s, e);
	if (r < 0)
		return r;
	bool is_root = p->cwd[1] == '\0'; /* where we are */
	if (!is_root && access(p->cwd, F_OK) < 0 && errno == ENOENT)
		(void)dir_make_all(AT_FDCWD, p->cwd, 0755, NULL); /* enter_cwd() tells when it did not help */
	r = labels_set(s, e);
	if (r == 0)
		r = placement_set(s->spec, e);
	if (r == 0)
		r = creds_set(s, e);
	if (r == 0 && !is_root)
		r = enter_cwd(p->cwd, e);
	if (r < 0)
		return r;
	/* a created container tells about a program that is not there before it is started, as other runtimes do */
	r = find_program(p, s->gate >= 0, program, e);
	if (r < 0)
		return r;
	if (s->gate < 0) {
		r = run_start_hooks(s, e);
		return r < 0 ? r : exec_now(s, program, e);
	}
	/* Opening for writing waits until somebody opens the other end: that is the gate. From then on errors go there. */
	struct err why = {0};
	r = sync_send(s->sync, SYNC_READY, 0, NULL, -1);
	if (r < 0)
		_exit(126); /* the creating process is gone: nobody will open the gate */
	close(s->sync);
	owned_fd int gate = openat(s->gate, "gate", O_WRONLY | O_CLOEXEC);
	if (gate < 0)
		_exit(126);
	r = run_start_hooks(s, &why);
	if (r == 0)
		r = exec_now(s, program, &why);
	(void)write_all(gate, &why, sizeof(why)); /* nobody else to tell */
	_exit(r == -ENOENT ? 127 : 126);
}

/* Order: joined namespaces before anything is looked at; the terminal after devpts and before the root is left; read-only
 * and masked paths last of the mounts, since earlier ones may be made below them. */
static const struct step stage_steps[] = {
	{"join namespaces", go_join, NULL},
	{"id maps", go_wait_idmap, NULL},
	{"session", go_session, NULL},
	{"clocks", go_times, NULL},
	{"names", go_names, NULL},
	{"root file system", go_mounts_root, NULL},
	{"mounts", go_mounts, NULL},
	{"devices", go_devices, NULL},
	{"terminal", go_console, NULL},
	{"hooks", go_hooks, NULL},
	{"sysctl", go_sysctl, NULL},
	{"paths", go_paths, NULL},
	{"enter the root", go_enter, NULL},
};

void stage_run(struct stage *s)
{
	struct err e = {0};

	s->rootfd = s->tty = s->procfd = -1;
	int r = steps_run(stage_steps, countof(stage_steps), s, &e);
	if (r == 0)
		r = finish_process(s, &e);
	(void)sync_send(s->sync, SYNC_FAILED, 0, &e, -1); /* the parent sees the end otherwise */
	_exit(r == -ENOENT ? 127 : 126);
}
