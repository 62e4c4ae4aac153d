// SPDX-License-Identifier: Apache-2.0
/* Hooks, and other programs of the host that are run to their end. Input and output are anonymous files: no pipe can
 * fill up, and a hook that reads nothing blocks nobody. */
#include "sysctr/internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "lib/sys/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define TOLD_MAX  (1u << 20)
#define SAID_TAIL 300

void told_json(struct buf *b, const struct oci_spec *spec, const struct told *t)
{
	struct json_writer w;

	jw_init(&w, b);
	jw_obj(&w);
	jw_kstr(&w, "ociVersion", spec->version);
	jw_kstr(&w, "id", t->id);
	jw_kstr(&w, "status", t->status);
	if (t->pid > 0)
		jw_kint(&w, "pid", t->pid);
	jw_kstr(&w, "bundle", t->bundle);
	jw_key(&w, "annotations");
	jw_obj(&w);
	for (size_t i = 0; i < spec->annotation_count; i++)
		jw_kstr(&w, spec->annotations[i].key, spec->annotations[i].value);
	jw_end_obj(&w);
	jw_end_obj(&w);
}

static void be_program(const char *path, const char *const *args, const char *const *env, int in, int out)
{
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail for a valid set */
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		_exit(126);
	(void)execve(path, (char *const *)(uintptr_t)args, (char *const *)(uintptr_t)(env != NULL ? env : (const char *const *)environ));
	dprintf(2, "%s", strerror(errno));
	_exit(127);
}

/* The end of what it printed, on one line. */
static void tail_of(int out, char *text, size_t size)
{
	off_t end = lseek(out, 0, SEEK_END);
	ssize_t n = pread(out, text, size - 1, end > (off_t)size - 1 ? end - (off_t)size + 1 : 0);

	text[n > 0 ? n : 0] = '\0';
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	for (size_t i = strlen(text); i > 0 && text[i - 1] == ' ';)
		text[--i] = '\0';
}

static int wait_program(pid_t pid, int pidfd, int64_t timeout_s, int *ret_status, struct err *e)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int ms = timeout_s < 0 || timeout_s > INT_MAX / 1000 ? -1 : (int)timeout_s * 1000;
	int n;

	while ((n = poll(&p, 1, ms)) < 0 && errno == EINTR)
		;
	if (n <= 0)
		(void)sys_pidfd_send_signal(pidfd, SIGKILL); /* ended meanwhile is as good */
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return err_set(e, errno, "wait for it");
	return n > 0 ? 0 : err_say(e, ETIMEDOUT, "still running after %lld s", (long long)timeout_s);
}

int program_run(const char *path, const char *const *args, const char *const *env, const char *input, size_t len, int64_t timeout_s,
		struct err *e)
{
	char text[SAID_TAIL + 1];
	int status = 0, pidfd = -1;

	owned_fd int in = memfd_create("input", MFD_CLOEXEC);
	owned_fd int out = memfd_create("output", MFD_CLOEXEC);
	if (in < 0 || out < 0)
		return err_set(e, errno, "make its standard streams");
	int r = write_all(in, input, len);
	if (r < 0 || lseek(in, 0, SEEK_SET) < 0)
		return err_set(e, r < 0 ? -r : errno, "write its standard input");
	struct clone_args a = {.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
	pid_t pid = sys_clone3(&a, sizeof(a));
	if (pid == 0)
		be_program(path, args, env, in, out);
	if (pid < 0)
		return err_set(e, errno, "fork");
	owned_fd int fd = pidfd;
	r = wait_program(pid, fd, timeout_s, &status, e);
	if (r < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return r;
	tail_of(out, text, sizeof(text));
	const char *sep = text[0] != '\0' ? ": " : "";
	if (WIFEXITED(status))
		return err_say(e, ECANCELED, "exit status %d%s%s", WEXITSTATUS(status), sep, text);
	return err_say(e, ECANCELED, "killed by signal %d%s%s", WTERMSIG(status), sep, text);
}

int hooks_run(const struct oci_spec *spec, enum oci_hook_kind kind, const struct told *t, struct err *e)
{
	struct buf b = BUF_INIT(TOLD_MAX);
	int r = 0;

	if (spec->hook_counts[kind] == 0)
		return 0;
	told_json(&b, spec, t);
	if (buf_error(&b) < 0)
		r = err_set(e, -buf_error(&b), "state for hooks");
	for (size_t i = 0; r == 0 && i < spec->hook_counts[kind]; i++) {
		const struct oci_hook *h = &spec->hooks[kind][i];
		r = program_run(h->path, h->args, h->env, b.data, b.len, h->timeout_s == OCI_UNSET ? -1 : h->timeout_s, e);
		if (r < 0)
			r = err_wrap(e, r, "%s hook #%zu '%s'", oci_hook_name(kind), i, h->path);
	}
	buf_release(&b);
	return r;
}
