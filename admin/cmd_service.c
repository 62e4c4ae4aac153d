// SPDX-License-Identifier: Apache-2.0
/* slipway service: what runs, and starting and stopping it. Waiting is the client's business: PID 1 answers at once. */
#include "admin/client.h"
#include "admin/verbs.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define LOOK_EVERY_MS 20
#define PATIENCE_MS   90000

struct listing {
	struct ctl_svc *s; /* owned */
	size_t count;
};

static const char *state_text(unsigned state)
{
	static const char *const text[] = {"?",	   "down",    "waiting",  "starting", "running",
					   "ready", "done", "backoff", "stopping", "failed"};

	return state < countof(text) ? text[state] : text[0];
}

static void take(void *ctx, const void *payload, size_t len)
{
	struct listing *l = ctx;

	if (len != sizeof(struct ctl_svc) || l->count == SVCDEF_COUNT_MAX)
		return;
	struct ctl_svc *s = &l->s[l->count++];
	memcpy(s, payload, sizeof(*s));
	s->name[sizeof(s->name) - 1] = s->reason[sizeof(s->reason) - 1] = s->status[sizeof(s->status) - 1] = '\0';
}

static void drop_listing(struct listing *l)
{
	free(l->s);
}

static int get_listing(int fd, struct listing *l, struct err *e)
{
	l->count = 0;
	if (l->s == NULL)
		l->s = calloc(SVCDEF_COUNT_MAX, sizeof(*l->s));
	if (l->s == NULL)
		return err_set(e, ENOMEM, "read the list of services");
	return client_ask(fd, CTL_LIST, NULL, 0, take, l, NULL, e);
}

static const struct ctl_svc *find(const struct listing *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->s[i].name, name) == 0)
			return &l->s[i];
	return NULL;
}

static const char *age(uint64_t since_usec, char out[24])
{
	unsigned long long s = ((uint64_t)clock_mono_usec() - since_usec) / 1000000;

	if (s < 120)
		snprintf(out, 24, "%llu s", s);
	else if (s < 7200)
		snprintf(out, 24, "%llu min", s / 60);
	else if (s < 48 * 3600)
		snprintf(out, 24, "%llu h", s / 3600);
	else
		snprintf(out, 24, "%llu days", s / 86400);
	return out;
}

static const char *last_end(int32_t status, char out[40])
{
	if (status == -1)
		snprintf(out, 40, "never");
	else if (WIFSIGNALED(status))
		snprintf(out, 40, "killed by signal %d", WTERMSIG(status));
	else
		snprintf(out, 40, "exited with status %d", WEXITSTATUS(status));
	return out;
}

static void print_json(const struct ctl_svc *s)
{
	owned_buf struct buf b = BUF_INIT(4096);
	struct json_writer w;

	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "name", s->name);
	jw_kstr(&w, "state", state_text(s->state));
	jw_kint(&w, "pid", s->pid);
	jw_kuint(&w, "starts", s->starts);
	jw_kuint(&w, "since_usec", s->since_usec);
	if (s->last_status != -1)
		jw_kint(&w, "last_status", s->last_status);
	jw_kstr(&w, "reason", s->reason);
	jw_kstr(&w, "status", s->status);
	jw_end_obj(&w);
	puts(buf_str(&b));
}

static void print_table(const struct listing *l)
{
	size_t width = 4;

	for (size_t i = 0; i < l->count; i++)
		if (strlen(l->s[i].name) > width)
			width = strlen(l->s[i].name);
	printf("%-*s  %-9s %8s %7s %8s  %s\n", (int)width, "NAME", "STATE", "SINCE", "PID", "STARTS", "DETAIL");
	for (size_t i = 0; i < l->count; i++) {
		const struct ctl_svc *s = &l->s[i];
		char since[24], pid[16] = "-";
		if (s->pid != 0)
			snprintf(pid, sizeof(pid), "%d", s->pid);
		printf("%-*s  %-9s %8s %7s %8u  %s\n", (int)width, s->name, state_text(s->state), age(s->since_usec, since), pid,
		       s->starts, *s->reason != '\0' ? s->reason : s->status);
	}
}

static int cmd_ls(int argc, char **argv)
{
	static const struct verb self = {.name = "ls", .args = "[-q] [--format json]"};
	__attribute__((cleanup(drop_listing))) struct listing l = {0};
	bool is_quiet = false, is_json = false;
	struct err e;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-q") == 0 || strcmp(argv[i], "--quiet") == 0)
			is_quiet = true;
		else if (strcmp(argv[i], "--format=json") == 0)
			is_json = true;
		else if (strcmp(argv[i], "--format") == 0 && i + 1 < argc && strcmp(argv[i + 1], "json") == 0)
			is_json = i++ > 0;
		else
			return usage("slipway service", &self, "unknown arguments");
	}
	owned_fd int fd = client_open(&e);
	if (fd < 0 || get_listing(fd, &l, &e) < 0)
		return fail(&e);
	if (!is_quiet && !is_json) {
		print_table(&l);
		return 0;
	}
	for (size_t i = 0; i < l.count; i++) {
		if (is_json)
			print_json(&l.s[i]);
		else
			puts(l.s[i].name);
	}
	return 0;
}

static int print_status(const struct ctl_svc *s)
{
	char since[24], ended[40];

	printf("%s\n      state: %s for %s\n", s->name, state_text(s->state), age(s->since_usec, since));
	if (s->pid != 0)
		printf("        pid: %d\n", s->pid);
	printf("     starts: %u\n   last end: %s\n", s->starts, last_end(s->last_status, ended));
	if (*s->status != '\0')
		printf("     status: %s\n", s->status);
	if (*s->reason != '\0')
		printf("     reason: %s\n", s->reason);
	printf("        log: /run/slipway/log/%s.log\n", s->name);
	return s->state == CTL_SVC_RUNNING || s->state == CTL_SVC_READY || s->state == CTL_SVC_DONE ? 0 : EXIT_NOT_RUNNING;
}

static int cmd_status(int argc, char **argv)
{
	static const struct verb self = {.name = "status", .args = "NAME..."};
	__attribute__((cleanup(drop_listing))) struct listing l = {0};
	struct err e;
	int code = 0;

	if (argc < 2)
		return usage("slipway service", &self, "no service given");
	owned_fd int fd = client_open(&e);
	if (fd < 0 || get_listing(fd, &l, &e) < 0)
		return fail(&e);
	for (int i = 1; i < argc; i++) {
		const struct ctl_svc *s = find(&l, argv[i]);
		if (s == NULL)
			fprintf(stderr, "slipway: no such service: %s\n", argv[i]);
		int one = s == NULL ? EXIT_NO_SUCH : print_status(s);
		if (one > code)
			code = one;
	}
	return code;
}

/* Has what was asked for come about? 1 yes, 0 not yet, -1 it will not. */
static int outcome(enum ctl_tag tag, const struct ctl_svc *s, uint32_t starts_before)
{
	if (tag == CTL_STOP)
		return s->state == CTL_SVC_DOWN || s->state == CTL_SVC_FAILED || s->state == CTL_SVC_DONE;
	if (s->state == CTL_SVC_READY || s->state == CTL_SVC_DONE)
		return tag == CTL_START || s->starts != starts_before;
	if (s->state == CTL_SVC_FAILED || s->state == CTL_SVC_BACKOFF || s->state == CTL_SVC_DOWN)
		return -1;
	return 0;
}

static int wait_for(int fd, enum ctl_tag tag, const char *name, uint32_t starts_before, struct err *e)
{
	__attribute__((cleanup(drop_listing))) struct listing l = {0};
	int64_t due = clock_mono_ms() + PATIENCE_MS;

	for (;;) {
		int r = get_listing(fd, &l, e);
		const struct ctl_svc *s = r < 0 ? NULL : find(&l, name);
		if (s == NULL)
			return r < 0 ? r : err_say(e, ENOENT, "no such service: %s", name);
		r = outcome(tag, s, starts_before);
		if (r > 0)
			return 0;
		if (r < 0)
			return err_say(e, EIO, "service '%s' is %s: %s", name, state_text(s->state), s->reason);
		if (clock_mono_ms() >= due)
			return err_say(e, ETIMEDOUT, "service '%s' is still %s", name, state_text(s->state));
		(void)poll(NULL, 0, LOOK_EVERY_MS); /* an early look is no harm */
	}
}

static int change(const struct verb *self, enum ctl_tag tag, int argc, char **argv)
{
	__attribute__((cleanup(drop_listing))) struct listing l = {0};
	bool is_waiting = true;
	struct err e;
	int code = 0, first = 1;

	if (argc > 1 && strcmp(argv[1], "--no-wait") == 0) {
		is_waiting = false;
		first = 2;
	}
	if (argc <= first)
		return usage("slipway service", self, "no service given");
	owned_fd int fd = client_open(&e);
	if (fd < 0 || get_listing(fd, &l, &e) < 0)
		return fail(&e);
	for (int i = first; i < argc; i++) {
		const struct ctl_svc *s = find(&l, argv[i]);
		int r = s == NULL ? err_say(&e, ENOENT, "no such service: %s", argv[i])
				  : client_ask(fd, tag, argv[i], strlen(argv[i]), NULL, NULL, NULL, &e);
		if (r == 0 && is_waiting)
			r = wait_for(fd, tag, argv[i], s->starts, &e);
		if (r == 0)
			puts(argv[i]);
		else
			code = fail(&e) != 0 && s == NULL ? EXIT_NO_SUCH : 1;
	}
	return code;
}

static int cmd_start(int argc, char **argv)
{
	static const struct verb self = {.name = "start", .args = "[--no-wait] NAME..."};

	return change(&self, CTL_START, argc, argv);
}

static int cmd_stop(int argc, char **argv)
{
	static const struct verb self = {.name = "stop", .args = "[--no-wait] NAME..."};

	return change(&self, CTL_STOP, argc, argv);
}

static int cmd_restart(int argc, char **argv)
{
	static const struct verb self = {.name = "restart", .args = "[--no-wait] NAME..."};

	return change(&self, CTL_RESTART, argc, argv);
}

static const struct verb verbs[] = {
	{"ls", cmd_ls, "[-q] [--format json]", "list services", "slipway service ls --format json"},
	{"status", cmd_status, "NAME...", "what is known of a service; 3 = not running, 4 = no such service",
	 "slipway service status userctr"},
	{"start", cmd_start, "[--no-wait] NAME...", "start services and what they need", "slipway service start syslog"},
	{"stop", cmd_stop, "[--no-wait] NAME...", "stop services", "slipway service stop syslog"},
	{"restart", cmd_restart, "[--no-wait] NAME...", "stop and start services", "slipway service restart network"},
	{"compile", cmd_service_compile, SERVICE_COMPILE_ARGS, "make the service table and configurations from service.yml files",
	 "slipway service compile --out /tmp/services service.yml"},
};

int cmd_service(int argc, char **argv)
{
	return verbs_run("slipway service", "System services: containers that PID 1 starts and supervises.", verbs,
			 countof(verbs), argc, argv);
}
