// SPDX-License-Identifier: Apache-2.0
/* Verbs that do one thing to each named container: stop, kill, restart, rm, pause, rename, wait, update, logs. */
#include "userctr/cli.h"
#include "userctr/human.h"

#include "lib/base/clock.h"
#include "lib/base/owned.h"

#include <stdio.h>
#include <string.h>

/* One of the requests that are under way together. */
struct each {
	struct cli c;
	struct buf path;
	struct cli_request q;
	struct cli_reply r;
	struct err e;
	int sent;
};

static void each_send(struct cli *c, struct each *x, const char *method, const char *prefix, const char *name, const char *suffix)
{
	*x = (struct each){.path = BUF_INIT(65536), .r = {.body = BUF_INIT(65536), .early = BUF_INIT(1)}};
	cli_second(c, &x->c);
	buf_puts(&x->path, prefix);
	cli_encode(&x->path, name + strspn(name, "/"));
	buf_puts(&x->path, suffix);
	x->q = (struct cli_request){.method = method, .path = buf_str(&x->path), .body_fd = -1};
	x->sent = cli_send(&x->c, &x->q, &x->r, &x->e);
}

/* Returns the exit code. */
static int each_finish(struct cli *c, struct each *x, const char *name, int also_ok, bool missing_ok)
{
	int code = 0;

	if (x->sent < 0 || cli_finish(&x->c, &x->e) < 0) {
		cli_say(c, "%s", x->e.msg);
		code = 1;
	} else if ((x->r.status < 200 || x->r.status > 299) && x->r.status != also_ok) {
		cli_say_error(c, &x->r);
		code = missing_ok && x->r.status == 404 ? 0 : 1;
	} else {
		puts(name + strspn(name, "/"));
		(void)fflush(stdout); /* each as it is done */
	}
	cli_reply_release(&x->r);
	buf_release(&x->path);
	cli_close(&x->c);
	return code;
}

int cli_each(struct cli *c, const struct cli_args *a, const char *method, const char *prefix, const char *suffix,
	     int also_ok, bool missing_ok)
{
	static struct each x[16];
	int code = 0;

	for (int i = 0; i < a->argc; i += (int)countof(x)) {
		int n = a->argc - i < (int)countof(x) ? a->argc - i : (int)countof(x);
		for (int k = 0; k < n; k++)
			each_send(c, &x[k], method, prefix, a->argv[i + k], suffix);
		for (int k = 0; k < n; k++)
			code |= each_finish(c, &x[k], a->argv[i + k], also_ok, missing_ok);
	}
	return code;
}

static int stop_like(struct cli *c, struct cli_args *a, const char *verb)
{
	struct buf suffix = BUF_INIT(4096);
	const struct cli_value *t = cli_get(a, "timeout"), *old = cli_get(a, "time");

	buf_puts(&suffix, verb);
	if (cli_text(a, "signal")[0] != '\0')
		cli_query(&suffix, "signal", cli_text(a, "signal"));
	t = old->is_set ? old : t;
	if (t->is_set)
		buf_printf(&suffix, "%ct=%lld", strchr(buf_str(&suffix), '?') != NULL ? '&' : '?', (long long)t->num);
	int code = cli_each(c, a, "POST", "/containers/", buf_str(&suffix), 304, false);
	buf_release(&suffix);
	return code;
}

static int run_stop(struct cli *c, struct cli_args *a)
{
	return stop_like(c, a, "/stop");
}

static int run_restart(struct cli *c, struct cli_args *a)
{
	return stop_like(c, a, "/restart");
}

static int run_kill(struct cli *c, struct cli_args *a)
{
	struct buf suffix = BUF_INIT(4096);

	buf_puts(&suffix, "/kill");
	if (cli_text(a, "signal")[0] != '\0')
		cli_query(&suffix, "signal", cli_text(a, "signal"));
	int code = cli_each(c, a, "POST", "/containers/", buf_str(&suffix), 0, false);
	buf_release(&suffix);
	return code;
}

static int run_rm(struct cli *c, struct cli_args *a)
{
	struct buf suffix = BUF_INIT(256);
	int code;

	if (cli_on(a, "force"))
		cli_query(&suffix, "force", "1");
	if (cli_on(a, "link"))
		cli_query(&suffix, "link", "1");
	if (cli_on(a, "volumes"))
		cli_query(&suffix, "v", "1");
	code = cli_each(c, a, "DELETE", "/containers/", buf_str(&suffix), 0, cli_on(a, "force")); /* gone is what was wanted */
	buf_release(&suffix);
	return code;
}

static int run_pause(struct cli *c, struct cli_args *a)
{
	return cli_each(c, a, "POST", "/containers/", "/pause", 0, false);
}

static int run_unpause(struct cli *c, struct cli_args *a)
{
	return cli_each(c, a, "POST", "/containers/", "/unpause", 0, false);
}

static int run_rename(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(65536);

	if (a->argv[0][0] == '\0' || a->argv[1][0] == '\0') {
		cli_say(c, "Error: Neither old nor new names may be empty");
		return 1;
	}
	buf_puts(&path, "/containers/");
	cli_encode(&path, a->argv[0]);
	buf_puts(&path, "/rename");
	cli_query(&path, "name", a->argv[1]);
	struct cli_request q = {.method = "POST", .path = buf_str(&path), .body_fd = -1};
	struct cli_reply r;
	struct err e = {0};
	int code = 1;
	if (cli_call(c, &q, &r, &e) < 0) {
		cli_say(c, "%s", e.msg);
	} else if (r.status >= 300) {
		cli_say_error(c, &r);
		fprintf(stderr, "Error: failed to rename container named %s\n", a->argv[0]);
	} else {
		code = 0;
	}
	cli_reply_release(&r);
	buf_release(&path);
	return code;
}

static int run_wait(struct cli *c, struct cli_args *a)
{
	int code = 0;

	for (int i = 0; i < a->argc; i++) {
		struct buf path = BUF_INIT(65536);
		struct cli_reply r;
		struct json_doc *d = NULL;
		buf_puts(&path, "/containers/");
		cli_encode(&path, a->argv[i]);
		buf_puts(&path, "/wait");
		if (cli_ask(c, "POST", buf_str(&path), NULL, 0, &r) < 0) {
			code = 1;
		} else {
			const char *why = NULL;
			if (json_parse(buf_str(&r.body), r.body.len, &d, NULL) == 0)
				why = json_str(json_get(json_get(json_root(d), "Error"), "Message"));
			if (why != NULL && why[0] != '\0') {
				cli_say(c, "%s", why);
				code = 1;
			} else {
				printf("%lld\n", (long long)json_int(json_get(json_root(d), "StatusCode"), 0));
				(void)fflush(stdout);
			}
			cli_reply_release(&r);
		}
		json_free(d);
		buf_release(&path);
	}
	return code;
}

static const struct {
	const char *flag, *key;
} update_members[] = {
	{"blkio-weight", "BlkioWeight"}, {"cpu-period", "CpuPeriod"}, {"cpu-quota", "CpuQuota"},
	{"cpu-rt-period", "CpuRealtimePeriod"}, {"cpu-rt-runtime", "CpuRealtimeRuntime"}, {"cpu-shares", "CpuShares"},
	{"cpus", "NanoCpus"}, {"memory", "Memory"}, {"memory-reservation", "MemoryReservation"},
	{"memory-swap", "MemorySwap"}, {"pids-limit", "PidsLimit"},
};

static int update_body(const struct cli_args *a, struct buf *b, struct err *e)
{
	struct json_writer w;
	int r = 0;

	jw_init(&w, b);
	jw_obj(&w);
	for (size_t i = 0; i < countof(update_members); i++) {
		const struct cli_value *v = cli_get(a, update_members[i].flag);
		if (v->is_set)
			jw_kint(&w, update_members[i].key, v->num);
	}
	if (cli_get(a, "cpuset-cpus")->is_set)
		jw_kstr(&w, "CpusetCpus", cli_text(a, "cpuset-cpus"));
	if (cli_get(a, "cpuset-mems")->is_set)
		jw_kstr(&w, "CpusetMems", cli_text(a, "cpuset-mems"));
	if (cli_get(a, "restart")->is_set)
		r = cli_put_restart(&w, cli_text(a, "restart"), e);
	jw_end_obj(&w);
	return r;
}

static int run_update(struct cli *c, struct cli_args *a)
{
	struct buf body = BUF_INIT(65536);
	struct err e = {0};
	int code = 0;
	bool is_any = false;

	for (size_t i = 0; a->verb->flags[i].name != NULL; i++)
		is_any = is_any || a->value[i].is_set;
	if (!is_any) {
		cli_say(c, "you must provide one or more flags when using this command");
		return 1;
	}
	if (update_body(a, &body, &e) < 0) {
		cli_say(c, "%s", e.msg);
		code = 1;
	}
	for (int i = 0; code == 0 && i < a->argc; i++) {
		struct buf path = BUF_INIT(65536);
		struct json_doc *d = NULL;
		struct cli_reply r;
		buf_puts(&path, "/containers/");
		cli_encode(&path, a->argv[i]);
		buf_puts(&path, "/update");
		if (cli_ask(c, "POST", buf_str(&path), buf_str(&body), 0, &r) < 0) {
			code = 1;
		} else {
			puts(a->argv[i]);
			if (json_parse(buf_str(&r.body), r.body.len, &d, NULL) == 0) {
				struct json_iter it = json_iter(json_get(json_root(d), "Warnings"));
				while (json_next(&it))
					fprintf(stderr, "%s\n", json_str_or(it.value, ""));
			}
			cli_reply_release(&r);
		}
		json_free(d);
		buf_release(&path);
	}
	buf_release(&body);
	return code;
}

/* A time flag in the daemon's form. Returns 0 or -1 after saying what is wrong. */
static int query_time(struct cli *c, struct buf *path, const char *name, const char *text)
{
	char out[HUMAN_MAX];

	if (text[0] == '\0')
		return 0;
	if (human_parse_moment(text, clock_real_ns(), out) < 0) {
		cli_say(c, "invalid value for \"%s\": failed to parse value as time or duration: \"%s\"", name, text);
		return -1;
	}
	cli_query(path, name, out);
	return 0;
}

static int run_logs(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(65536);
	struct cli_demux demux = {0};
	struct cli_reply r;
	struct err e = {0};
	int code = 1;

	buf_puts(&path, "/containers/");
	cli_encode(&path, a->argv[0]);
	size_t base = path.len;
	buf_puts(&path, "/json");
	struct json_doc *d = cli_fetch(c, buf_str(&path));
	if (d == NULL)
		goto out;
	demux.is_raw = json_bool(json_get(json_get(json_root(d), "Config"), "Tty"), false);
	const char *id = json_str(json_get(json_root(d), "Id"));
	if (id != NULL) {
		buf_clear(&path);
		buf_printf(&path, "/containers/%s", id);
	} else {
		path.len = base;
	}
	buf_puts(&path, "/logs");
	if (cli_on(a, "details"))
		cli_query(&path, "details", "1");
	if (cli_on(a, "follow"))
		cli_query(&path, "follow", "1");
	if (query_time(c, &path, "since", cli_text(a, "since")) < 0)
		goto out;
	cli_query(&path, "stderr", "1");
	cli_query(&path, "stdout", "1");
	cli_query(&path, "tail", cli_text(a, "tail"));
	if (cli_on(a, "timestamps"))
		cli_query(&path, "timestamps", "1");
	if (query_time(c, &path, "until", cli_text(a, "until")) < 0)
		goto out;
	struct cli_request q = {.method = "GET", .path = buf_str(&path), .body_fd = -1, .on_body = cli_demux, .ctx = &demux};
	if (cli_call(c, &q, &r, &e) < 0)
		cli_say(c, "%s", e.msg);
	else if (r.status >= 300)
		cli_say_error(c, &r);
	else
		code = 0;
	cli_reply_release(&r);
out:
	json_free(d);
	buf_release(&path);
	return code;
}

#define TIMEOUT_FLAGS                                                                           \
	{"signal", 's', CLI_STRING, "Signal to send to the container", NULL},                   \
	{"timeout", 't', CLI_INT, "Seconds to wait before killing the container", NULL},        \
	{"time", 0, CLI_INT, "As --timeout", NULL}

static const struct cli_flag flags_stop[] = {TIMEOUT_FLAGS, {0}};
static const struct cli_flag flags_kill[] = {
	{"signal", 's', CLI_STRING, "Signal to send to the container", NULL},
	{0},
};
static const struct cli_flag flags_rm[] = {
	{"force", 'f', CLI_BOOL, "Force the removal of a running container (uses SIGKILL)", NULL},
	{"link", 'l', CLI_BOOL, "Remove the specified link", NULL},
	{"volumes", 'v', CLI_BOOL, "Remove anonymous volumes associated with the container", NULL},
	{0},
};
static const struct cli_flag flags_logs[] = {
	{"details", 0, CLI_BOOL, "Show extra details provided to logs", NULL},
	{"follow", 'f', CLI_BOOL, "Follow log output", NULL},
	{"since", 0, CLI_STRING, "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)", NULL},
	{"tail", 'n', CLI_STRING, "Number of lines to show from the end of the logs", "all"},
	{"timestamps", 't', CLI_BOOL, "Show timestamps", NULL},
	{"until", 0, CLI_STRING, "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)", NULL},
	{0},
};
static const struct cli_flag flags_update[] = {
	{"blkio-weight", 0, CLI_INT, "Block IO (relative weight), between 10 and 1000, or 0 to disable", NULL},
	{"cpu-period", 0, CLI_INT, "Limit CPU CFS (Completely Fair Scheduler) period", NULL},
	{"cpu-quota", 0, CLI_INT, "Limit CPU CFS (Completely Fair Scheduler) quota", NULL},
	{"cpu-rt-period", 0, CLI_INT, "Limit the CPU real-time period in microseconds", NULL},
	{"cpu-rt-runtime", 0, CLI_INT, "Limit the CPU real-time runtime in microseconds", NULL},
	{"cpu-shares", 'c', CLI_INT, "CPU shares (relative weight)", NULL},
	{"cpus", 0, CLI_CPUS, "Number of CPUs", NULL},
	{"cpuset-cpus", 0, CLI_STRING, "CPUs in which to allow execution (0-3, 0,1)", NULL},
	{"cpuset-mems", 0, CLI_STRING, "MEMs in which to allow execution (0-3, 0,1)", NULL},
	{"memory", 'm', CLI_BYTES, "Memory limit", NULL},
	{"memory-reservation", 0, CLI_BYTES, "Memory soft limit", NULL},
	{"memory-swap", 0, CLI_BYTES, "Swap limit equal to memory plus swap: -1 to enable unlimited swap", NULL},
	{"pids-limit", 0, CLI_INT, "Tune container pids limit (set -1 for unlimited)", NULL},
	{"restart", 0, CLI_STRING, "Restart policy to apply when a container exits", NULL},
	{0},
};

#define SOME "CONTAINER [CONTAINER...]"

const struct cli_verb cli_verbs_ctr[] = {
	{"container logs, logs", run_logs, "CONTAINER", 1, 1, "Fetch the logs of a container", flags_logs, "logs -f --tail 20 web",
	 false, false},
	{"container stop, stop", run_stop, SOME, 1, -1, "Stop one or more running containers", flags_stop, "stop -t 30 web", false,
	 false},
	{"container kill, kill", run_kill, SOME, 1, -1, "Kill one or more running containers", flags_kill, "kill -s HUP web", false,
	 false},
	{"container restart, restart", run_restart, SOME, 1, -1, "Restart one or more containers", flags_stop, "restart web", false,
	 false},
	{"container rm, container remove, rm", run_rm, SOME, 1, -1, "Remove one or more containers", flags_rm, "rm -f web", false,
	 false},
	{"container pause, pause", run_pause, SOME, 1, -1, "Pause all processes within one or more containers", NULL, "pause web",
	 false, false},
	{"container unpause, unpause", run_unpause, SOME, 1, -1, "Unpause all processes within one or more containers", NULL,
	 "unpause web", false, false},
	{"container rename, rename", run_rename, "CONTAINER NEW_NAME", 2, 2, "Rename a container", NULL, "rename web old-web", false,
	 false},
	{"container wait, wait", run_wait, SOME, 1, -1, "Block until one or more containers stop, then print their exit codes", NULL,
	 "wait web", false, false},
	{"container update, update", run_update, SOME, 1, -1, "Update configuration of one or more containers", flags_update,
	 "update -m 256m web", false, false},
	{0},
};
