// SPDX-License-Identifier: Apache-2.0
/* run, create, start, attach, exec: what joins a container with this terminal.
 *
 *   create ──► attach (its own connection) ──► wait (its own; its head must arrive before) ──► start ──► streams ──► code
 */
#include "userctr/cli.h"

#include "lib/base/owned.h"
#include "lib/codec/ref.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BODY_MAX (4u << 20)

/* A container or an exec that this terminal is joined with. */
struct joined {
	struct cli *c;	    /* for requests while the session runs */
	const char *prefix; /* "/containers/ID" or "/exec/ID" */
	bool is_exec;
	struct cli stream, wait; /* connections */
	struct cli_request stream_q, wait_q;
	struct cli_reply stream_r, wait_r;
	char wait_path[256];
};

static void on_resize(void *ctx, unsigned rows, unsigned cols)
{
	struct joined *j = ctx;
	struct cli_reply r;
	struct err e;
	char path[512];

	(void)snprintf(path, sizeof(path), "%.300s/resize?h=%u&w=%u", j->prefix, rows, cols);
	struct cli_request q = {.method = "POST", .path = path, .body_fd = -1};
	if (cli_call(j->c, &q, &r, &e) == 0) /* not running yet or any more: no harm */
		cli_reply_release(&r);
}

static const struct {
	int signo;
	const char *name;
} signal_names[] = {
	{SIGHUP, "HUP"}, {SIGINT, "INT"}, {SIGQUIT, "QUIT"}, {SIGTERM, "TERM"}, {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"},
	{SIGALRM, "ALRM"}, {SIGCONT, "CONT"},
};

static void on_signal(void *ctx, int signo)
{
	struct joined *j = ctx;
	struct cli_reply r;
	struct err e;
	char path[512];

	if (j->is_exec)
		return;
	for (size_t i = 0; i < countof(signal_names); i++) {
		if (signal_names[i].signo != signo)
			continue;
		(void)snprintf(path, sizeof(path), "%.300s/kill?signal=%s", j->prefix, signal_names[i].name);
		struct cli_request q = {.method = "POST", .path = path, .body_fd = -1};
		if (cli_call(j->c, &q, &r, &e) == 0) /* it may have ended meanwhile */
			cli_reply_release(&r);
	}
}

/* Ask for an upgraded stream. Returns 0, or -1 after saying why not. */
static int open_stream(struct joined *j, const char *path, const char *json)
{
	struct err e = {0};

	cli_second(j->c, &j->stream);
	j->stream_q = (struct cli_request){.method = "POST", .path = path, .json = json, .body_fd = -1, .want_upgrade = true};
	if (cli_call(&j->stream, &j->stream_q, &j->stream_r, &e) < 0) {
		cli_say(j->c, "%s", e.msg);
		return -1;
	}
	if (j->stream_r.status == 101)
		return 0;
	if (j->stream_r.status >= 400)
		cli_say_error(j->c, &j->stream_r);
	else
		cli_say(j->c, "unable to upgrade to tcp, received %d", j->stream_r.status);
	cli_reply_release(&j->stream_r);
	return -1;
}

/* Ask for the container's end; returns when the daemon waits. */
static int open_wait(struct joined *j, const char *condition)
{
	struct err e = {0};

	(void)snprintf(j->wait_path, sizeof(j->wait_path), "%.180s/wait%s%s", j->prefix,
		       condition != NULL ? "?condition=" : "", condition != NULL ? condition : "");
	cli_second(j->c, &j->wait);
	j->wait_q = (struct cli_request){.method = "POST", .path = j->wait_path, .body_fd = -1};
	if (cli_begin(&j->wait, &j->wait_q, &j->wait_r, &e) < 0) {
		cli_say(j->c, "%s", e.msg);
		return -1;
	}
	return 0;
}

/* The code of the container; 125 after saying that it cannot be known. */
static int wait_code(struct joined *j)
{
	struct json_doc *d = NULL;
	struct err e = {0};
	int code = 125;

	if (cli_finish(&j->wait, &e) < 0) {
		cli_say(j->c, "error waiting for container: %s", e.msg);
	} else if (j->wait_r.status >= 300) {
		struct cli plain = *j->c;
		plain.is_run = false;
		cli_say(&plain, "Error waiting for container: %s", cli_message(&j->wait_r, &d));
	} else if (json_parse(buf_str(&j->wait_r.body), j->wait_r.body.len, &d, NULL) == 0) {
		const char *why = json_str(json_get(json_get(json_root(d), "Error"), "Message"));
		code = (int)json_int(json_get(json_root(d), "StatusCode"), 125);
		if (why != NULL && why[0] != '\0')
			fprintf(stderr, "Error waiting for container: %s\n", why);
		if (code < 0)
			code = 125;
	}
	json_free(d);
	cli_reply_release(&j->wait_r);
	cli_close(&j->wait);
	return code & 0xff;
}

/* Docker's exit codes come from the text. */
static int start_code(const char *message)
{
	static const char *const not_found[] = {"executable file not found", "no such file or directory", "system cannot find the file"};
	static const char *const not_allowed[] = {"permission denied", "is a directory", "exec format error"};

	for (size_t i = 0; i < countof(not_found); i++)
		if (strcasestr(message, not_found[i]) != NULL)
			return 127;
	for (size_t i = 0; i < 2; i++)
		if (strcasestr(message, not_allowed[i]) != NULL)
			return 126;
	return 125;
}

/* POST start. Returns 0, or the exit code after saying why not. */
static int start(struct cli *c, const char *prefix)
{
	struct cli_reply r;
	struct json_doc *d;
	struct err e = {0};
	char path[512];

	(void)snprintf(path, sizeof(path), "%.300s/start", prefix);
	struct cli_request q = {.method = "POST", .path = path, .body_fd = -1};
	if (cli_call(c, &q, &r, &e) < 0) {
		cli_say(c, "%s", e.msg);
		return 125;
	}
	int code = 0;
	if (r.status >= 400) {
		code = start_code(cli_message(&r, &d));
		json_free(d);
		cli_say_error(c, &r);
	}
	cli_reply_release(&r);
	return code;
}

/* ---- create ---- */

static void print_warnings(const struct json *reply)
{
	struct json_iter it = json_iter(json_get(reply, "Warnings"));

	while (json_next(&it))
		fprintf(stderr, "WARNING: %s\n", json_str_or(it.value, ""));
}

static int check_cidfile(const struct cli *c, const char *path)
{
	struct stat st;

	if (path[0] == '\0' || stat(path, &st) < 0)
		return 0;
	cli_say(c, "container ID file found, make sure the other container isn't running or delete %s", path);
	return -1;
}

static int write_cidfile(const struct cli *c, const char *path, const char *id)
{
	if (path[0] == '\0')
		return 0;
	owned_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || write_all(fd, id, strlen(id)) < 0) {
		cli_say(c, "failed to create the container ID file: open %s: %s", path, strerror(errno));
		return -1;
	}
	return 0;
}

/* Create, pulling the image when it is not there. Returns the id in c's memory, or NULL after saying why not. */
static const char *create(struct cli *c, const struct cli_args *a, const char *body)
{
	struct buf path = BUF_INIT(8192);
	const char *pull = cli_text(a, "pull"), *platform = cli_text(a, "platform"), *image = a->argv[0], *id = NULL;
	struct cli_reply r;
	struct json_doc *d = NULL;
	struct err e = {0};
	char shown[REF_TEXT_SIZE];
	struct ref ref;

	if (check_cidfile(c, cli_text(a, "cidfile")) < 0)
		return NULL;
	if (strspn(image, "0123456789abcdef") != 64 && ref_parse(image, strlen(image), &ref, &e) < 0) {
		cli_say(c, "%s", e.msg);
		return NULL;
	}
	buf_puts(&path, "/containers/create");
	if (cli_text(a, "name")[0] != '\0')
		cli_query(&path, "name", cli_text(a, "name"));
	if (platform[0] != '\0')
		cli_query(&path, "platform", platform);
	if (strcmp(pull, "always") == 0 && cli_pull(c, image, platform, cli_on(a, "quiet"), true, false) < 0)
		goto out;
	struct cli_request q = {.method = "POST", .path = buf_str(&path), .json = body, .body_fd = -1};
	int done = cli_call(c, &q, &r, &e);
	if (done == 0 && r.status == 404 && strcmp(pull, "missing") == 0 && strstr(cli_message(&r, &d), "No such image") != NULL &&
	    ref_parse(image, strlen(image), &ref, NULL) == 0) {
		ref_default_tag(&ref);
		if (!cli_on(a, "quiet"))
			fprintf(stderr, "Unable to find image '%s' locally\n", ref_familiar(&ref, shown));
		cli_reply_release(&r);
		if (cli_pull(c, image, platform, cli_on(a, "quiet"), true, false) < 0)
			goto out;
		done = cli_call(c, &q, &r, &e);
	}
	json_free(d);
	d = NULL;
	if (done < 0)
		cli_say(c, "%s", e.msg);
	else if (r.status >= 300)
		cli_say_error(c, &r);
	else if (json_parse(buf_str(&r.body), r.body.len, &d, NULL) == 0) {
		const char *s = json_str(json_get(json_root(d), "Id"));
		print_warnings(json_root(d));
		id = s != NULL ? arena_copy(c->mem, s, strlen(s)) : NULL;
		if (id == NULL)
			cli_say(c, "the daemon's reply has no id");
	}
	cli_reply_release(&r);
out:
	json_free(d);
	buf_release(&path);
	if (id != NULL && write_cidfile(c, cli_text(a, "cidfile"), id) < 0)
		return NULL;
	return id;
}

/* Check and build; says what is wrong. The buffer is filled. Returns 0 or -1. */
static int prepare(struct cli *c, const struct cli_args *a, struct buf *body)
{
	const char *pull = cli_text(a, "pull"), *restart = cli_text(a, "restart");
	struct err e = {0};

	if (cli_create_body(a, body, &e) < 0)
		cli_say(c, "%s", e.msg);
	else if (cli_on(a, "rm") && strcmp(restart, "no") != 0 && restart[0] != '\0')
		cli_say(c, "conflicting options: cannot specify both --restart and --rm");
	else if (strcmp(pull, "always") != 0 && strcmp(pull, "missing") != 0 && strcmp(pull, "never") != 0 && pull[0] != '\0')
		cli_say(c, "invalid pull option: '%s': must be one of \"always\", \"missing\" or \"never\"", pull);
	else
		return 0;
	return -1;
}

static int run_create(struct cli *c, struct cli_args *a)
{
	struct buf body = BUF_INIT(BODY_MAX);
	const char *id = NULL;
	int code = 125;

	c->is_run = true; /* what is wrong with the flags is told as run tells it */
	if (prepare(c, a, &body) == 0) {
		c->is_run = false;
		code = 1;
		id = create(c, a, buf_str(&body));
	}
	buf_release(&body);
	if (id == NULL)
		return code;
	puts(id);
	return 0;
}

/* ---- run ---- */

static int attach_path(struct buf *path, const char *prefix, const char *keys, bool in, bool out, bool err)
{
	buf_printf(path, "%s/attach", prefix);
	if (keys[0] != '\0')
		cli_query(path, "detachKeys", keys);
	if (err)
		cli_query(path, "stderr", "1");
	if (in)
		cli_query(path, "stdin", "1");
	if (out)
		cli_query(path, "stdout", "1");
	cli_query(path, "stream", "1");
	return buf_error(path);
}

static bool wants(const struct cli_args *a, const char *stream)
{
	const struct cli_value *v = cli_get(a, "attach");

	for (size_t i = 0; i < v->n; i++)
		if (strcasecmp(v->list[i], stream) == 0)
			return true;
	return v->n == 0 && (strcmp(stream, "stdin") != 0 || cli_on(a, "interactive"));
}

/* Everything after create of a run in the foreground. */
static int run_attached(struct cli *c, const struct cli_args *a, struct joined *j)
{
	struct buf path = BUF_INIT(4096);
	const char *keys = cli_text(a, "detach-keys");
	bool in = wants(a, "stdin"), out = wants(a, "stdout"), err = wants(a, "stderr"), is_tty = cli_on(a, "tty");
	struct cli_session s = {.c = &j->stream, .early = &j->stream_r.early, .is_tty = is_tty, .with_stdin = in,
				.proxies = cli_on(a, "sig-proxy"), .detach_keys = keys[0] != '\0' ? keys : NULL,
				.on_resize = on_resize, .on_signal = on_signal, .ctx = j};
	int code = 125;

	(void)attach_path(&path, j->prefix, keys, in, out, err);
	if (open_stream(j, buf_str(&path), NULL) < 0)
		goto out;
	cli_session_signals(&s);
	if (open_wait(j, cli_on(a, "rm") ? "removed" : "next-exit") < 0)
		goto out;
	code = start(c, j->prefix);
	if (code != 0) {
		cli_close(&j->stream);
		if (cli_on(a, "rm")) /* it goes away by itself: not before we do */
			(void)wait_code(j);
		goto out;
	}
	if (cli_session_run(&s) == 1) {
		code = 0; /* detached: the container lives on */
		goto out;
	}
	code = wait_code(j);
out:
	cli_close(&j->stream);
	cli_close(&j->wait);
	buf_release(&path);
	return code;
}

static int say_plainly(const char *what)
{
	fprintf(stderr, "%s\n", what);
	return 1;
}

static int run_run(struct cli *c, struct cli_args *a)
{
	struct buf body = BUF_INIT(BODY_MAX);
	const char *keys = cli_text(a, "detach-keys");
	unsigned char bytes[16];
	char prefix[128];
	static struct joined j;

	if (cli_on(a, "detach") && cli_get(a, "attach")->n > 0)
		return say_plainly("conflicting options: cannot specify both --attach and --detach");
	if (prepare(c, a, &body) < 0)
		return 125;
	if (keys[0] != '\0' && cli_on(a, "tty") && wants(a, "stdin") && cli_detach_keys(keys, bytes) < 0) {
		cli_say(c, "invalid detach keys (%s)", keys);
		return 125;
	}
	if (!cli_on(a, "detach") && cli_on(a, "tty") && wants(a, "stdin") && !isatty(0))
		return say_plainly("the input device is not a TTY");
	const char *id = create(c, a, buf_str(&body));
	buf_release(&body);
	if (id == NULL)
		return 125;
	(void)snprintf(prefix, sizeof(prefix), "/containers/%.64s", id);
	j = (struct joined){.c = c, .prefix = prefix, .stream.fd = -1, .wait.fd = -1};
	if (!cli_on(a, "detach"))
		return run_attached(c, a, &j);
	int code = start(c, prefix);
	if (code == 0)
		puts(id);
	return code;
}

/* ---- start ---- */

static void name_prefix(const char *name, char *prefix, size_t size)
{
	struct buf path = BUF_INIT(4096);

	buf_puts(&path, "/containers/");
	cli_encode(&path, name);
	(void)snprintf(prefix, size, "%s", buf_str(&path));
	buf_release(&path);
}

static struct json_doc *look(struct cli *c, const char *name, char *prefix, size_t size)
{
	struct buf path = BUF_INIT(4096);

	name_prefix(name, prefix, size);
	buf_printf(&path, "%s/json", prefix);
	struct json_doc *d = cli_fetch(c, buf_str(&path));
	buf_release(&path);
	return d;
}

static int start_attached(struct cli *c, const struct cli_args *a)
{
	static struct joined j;
	struct buf path = BUF_INIT(4096);
	char prefix[256];
	const char *keys = cli_text(a, "detach-keys");
	struct json_doc *d = look(c, a->argv[0], prefix, sizeof(prefix));
	int code = 1;

	if (d == NULL)
		return 1;
	const char *id = json_str(json_get(json_root(d), "Id"));
	if (id != NULL)
		(void)snprintf(prefix, sizeof(prefix), "/containers/%.64s", id);
	const struct json *conf = json_get(json_root(d), "Config");
	bool in = cli_on(a, "interactive") && json_bool(json_get(conf, "OpenStdin"), false);
	bool is_tty = json_bool(json_get(conf, "Tty"), false);
	bool removes = json_bool(json_get(json_get(json_root(d), "HostConfig"), "AutoRemove"), false);
	j = (struct joined){.c = c, .prefix = prefix, .stream.fd = -1, .wait.fd = -1};
	struct cli_session s = {.c = &j.stream, .early = &j.stream_r.early, .is_tty = is_tty, .with_stdin = in, .proxies = !is_tty,
				.detach_keys = keys[0] != '\0' ? keys : NULL, .on_resize = on_resize,
				.on_signal = on_signal, .ctx = &j};
	(void)attach_path(&path, prefix, keys, in, true, true);
	if (open_stream(&j, buf_str(&path), NULL) == 0) {
		cli_session_signals(&s);
		if (open_wait(&j, removes ? "removed" : "next-exit") == 0 && (code = start(c, prefix)) == 0)
			code = cli_session_run(&s) == 1 ? 0 : wait_code(&j);
		else
			code = 1;
	}
	cli_close(&j.stream);
	cli_close(&j.wait);
	buf_release(&path);
	json_free(d);
	return code;
}

static int run_start(struct cli *c, struct cli_args *a)
{
	if (!cli_on(a, "attach") && !cli_on(a, "interactive")) {
		int code = cli_each(c, a, "POST", "/containers/", "/start", 304, false);
		if (code != 0) {
			struct buf b = BUF_INIT(65536);
			for (int i = 0; i < a->argc; i++)
				buf_printf(&b, "%s%s", i > 0 ? ", " : "", a->argv[i]);
			fprintf(stderr, "Error: failed to start containers: %s\n", buf_str(&b));
			buf_release(&b);
		}
		return code;
	}
	if (a->argc > 1)
		return say_plainly("you cannot start and attach multiple containers at once");
	return start_attached(c, a);
}

/* ---- attach ---- */

static const char *not_attachable(const struct json *state)
{
	if (!json_bool(json_get(state, "Running"), false))
		return "cannot attach to a stopped container, start it first";
	if (json_bool(json_get(state, "Paused"), false))
		return "cannot attach to a paused container, unpause it first";
	if (json_bool(json_get(state, "Restarting"), false))
		return "cannot attach to a restarting container, wait until it is running";
	return NULL;
}

static int run_attach(struct cli *c, struct cli_args *a)
{
	static struct joined j;
	struct buf path = BUF_INIT(4096);
	char prefix[256];
	const char *keys = cli_text(a, "detach-keys");
	int code = 1;

	name_prefix(a->argv[0], prefix, sizeof(prefix));
	j = (struct joined){.c = c, .prefix = prefix, .stream.fd = -1, .wait.fd = -1};
	/* first: it may end while we look; what is wrong with the name is told by looking */
	if (open_wait(&j, NULL) < 0)
		return 1;
	struct json_doc *d = look(c, a->argv[0], prefix, sizeof(prefix));
	if (d == NULL)
		goto out;
	const struct json *conf = json_get(json_root(d), "Config");
	const char *why = not_attachable(json_get(json_root(d), "State"));
	bool is_tty = json_bool(json_get(conf, "Tty"), false);
	bool in = !cli_on(a, "no-stdin") && json_bool(json_get(conf, "OpenStdin"), false);
	struct cli_session s = {.c = &j.stream, .early = &j.stream_r.early, .is_tty = is_tty, .with_stdin = in,
				.proxies = cli_on(a, "sig-proxy") && !is_tty, .detach_keys = keys[0] != '\0' ? keys : NULL,
				.on_resize = on_resize, .on_signal = on_signal, .ctx = &j};
	(void)attach_path(&path, prefix, keys, in, true, true);
	if (why != NULL)
		code = say_plainly(why);
	else if (is_tty && in && !isatty(0))
		code = say_plainly("the input device is not a TTY");
	else if (open_stream(&j, buf_str(&path), NULL) == 0)
		code = cli_session_run(&s) == 1 ? say_plainly("read escape sequence") : wait_code(&j);
out:
	cli_close(&j.stream);
	cli_close(&j.wait);
	buf_release(&path);
	json_free(d);
	return code;
}

/* ---- exec ---- */

static int exec_body(const struct cli_args *a, struct buf *out, struct err *e)
{
	struct json_writer w;
	bool is_detached = cli_on(a, "detach");

	jw_init(&w, out);
	jw_obj(&w);
	jw_kstr(&w, "User", cli_text(a, "user"));
	jw_kbool(&w, "Privileged", cli_on(a, "privileged"));
	jw_kbool(&w, "Tty", cli_on(a, "tty"));
	jw_kbool(&w, "AttachStdin", !is_detached && cli_on(a, "interactive"));
	jw_kbool(&w, "AttachStderr", !is_detached);
	jw_kbool(&w, "AttachStdout", !is_detached);
	jw_kbool(&w, "Detach", is_detached);
	jw_kstr(&w, "DetachKeys", cli_text(a, "detach-keys"));
	int r = cli_put_env(&w, a, e);
	jw_kstr(&w, "WorkingDir", cli_text(a, "workdir"));
	jw_key(&w, "Cmd");
	jw_arr(&w);
	for (int i = 1; i < a->argc; i++)
		jw_str(&w, a->argv[i]);
	jw_end_arr(&w);
	jw_end_obj(&w);
	return r < 0 ? r : buf_error(out) < 0 ? err_set(e, -buf_error(out), "the request") : 0;
}

/* Returns the code of the ended command. */
static int exec_code(struct cli *c, const char *prefix)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%.200s/json", prefix);
	struct json_doc *d = cli_fetch(c, path);
	int code = d != NULL ? (int)json_int(json_get(json_root(d), "ExitCode"), 1) : 1;
	json_free(d);
	return code & 0xff;
}

static int exec_joined(struct cli *c, const struct cli_args *a, const char *id)
{
	static struct joined j;
	char prefix[128], path[160], body[64];
	bool is_tty = cli_on(a, "tty");
	const char *keys = cli_text(a, "detach-keys");

	(void)snprintf(prefix, sizeof(prefix), "/exec/%.64s", id);
	(void)snprintf(path, sizeof(path), "%s/start", prefix);
	(void)snprintf(body, sizeof(body), "{\"Detach\":%s,\"Tty\":%s}", cli_on(a, "detach") ? "true" : "false",
		       is_tty ? "true" : "false");
	if (cli_on(a, "detach"))
		return cli_ask(c, "POST", path, body, 0, NULL) < 0 ? 1 : 0;
	j = (struct joined){.c = c, .prefix = prefix, .is_exec = true, .stream.fd = -1, .wait.fd = -1};
	struct cli_session s = {.c = &j.stream, .early = &j.stream_r.early, .is_tty = is_tty,
				.with_stdin = cli_on(a, "interactive"), .detach_keys = keys[0] != '\0' ? keys : NULL,
				.on_resize = on_resize, .on_signal = on_signal, .ctx = &j};
	if (open_stream(&j, path, body) < 0)
		return 1;
	if (cli_session_run(&s) == 1)
		return say_plainly("read escape sequence");
	return exec_code(c, prefix);
}

static int run_exec(struct cli *c, struct cli_args *a)
{
	struct buf body = BUF_INIT(BODY_MAX);
	struct err e = {0};
	char prefix[256], path[300];
	int code = 1;

	if (exec_body(a, &body, &e) < 0) {
		cli_say(c, "%s", e.msg);
		buf_release(&body);
		return 1;
	}
	/* the container is looked at first: a wrong name is told before a wrong terminal */
	struct json_doc *d = look(c, a->argv[0], prefix, sizeof(prefix));
	if (d != NULL && !cli_on(a, "detach") && cli_on(a, "tty") && cli_on(a, "interactive") && !isatty(0)) {
		code = say_plainly("the input device is not a TTY");
	} else if (d != NULL) {
		struct cli_reply r;
		struct json_doc *made = NULL;
		(void)snprintf(path, sizeof(path), "%s/exec", prefix);
		if (cli_ask(c, "POST", path, buf_str(&body), 0, &r) >= 0) {
			if (json_parse(buf_str(&r.body), r.body.len, &made, NULL) == 0 && json_str(json_get(json_root(made), "Id")) != NULL)
				code = exec_joined(c, a, json_str(json_get(json_root(made), "Id")));
			else
				cli_say(c, "exec ID empty");
			cli_reply_release(&r);
			json_free(made);
		}
	}
	json_free(d);
	buf_release(&body);
	return code;
}

static const struct cli_flag flags_start[] = {
	{"attach", 'a', CLI_BOOL, "Attach STDOUT/STDERR and forward signals", NULL},
	{"detach-keys", 0, CLI_STRING, "Override the key sequence for detaching a container", NULL},
	{"interactive", 'i', CLI_BOOL, "Attach container's STDIN", NULL},
	{0},
};
static const struct cli_flag flags_attach[] = {
	{"detach-keys", 0, CLI_STRING, "Override the key sequence for detaching a container", NULL},
	{"no-stdin", 0, CLI_BOOL, "Do not attach STDIN", NULL},
	{"sig-proxy", 0, CLI_BOOL, "Proxy all received signals to the process", "true"},
	{0},
};
static const struct cli_flag flags_exec[] = {
	{"detach", 'd', CLI_BOOL, "Detached mode: run command in the background", NULL},
	{"detach-keys", 0, CLI_STRING, "Override the key sequence for detaching a container", NULL},
	{"env", 'e', CLI_LIST, "Set environment variables", NULL},
	{"env-file", 0, CLI_LIST, "Read in a file of environment variables", NULL},
	{"interactive", 'i', CLI_BOOL, "Keep STDIN open even if not attached", NULL},
	{"privileged", 0, CLI_BOOL, "Give extended privileges to the command", NULL},
	{"tty", 't', CLI_BOOL, "Allocate a pseudo-TTY", NULL},
	{"user", 'u', CLI_STRING, "Username or UID (format: \"<name|uid>[:<group|gid>]\")", NULL},
	{"workdir", 'w', CLI_STRING, "Working directory inside the container", NULL},
	{0},
};

const struct cli_verb cli_verbs_run[] = {
	{"container run, run", run_run, "IMAGE [COMMAND] [ARG...]", 1, -1, "Create and run a new container from an image",
	 cli_flags_create, "run --rm -it -v data:/data busybox sh", true, true},
	{"container create, create", run_create, "IMAGE [COMMAND] [ARG...]", 1, -1, "Create a new container", cli_flags_create,
	 "create --name web -p 8080:80 nginx", true, false},
	{"container exec, exec", run_exec, "CONTAINER COMMAND [ARG...]", 2, -1, "Execute a command in a running container",
	 flags_exec, "exec -it web sh", true, false},
	{"container start, start", run_start, "CONTAINER [CONTAINER...]", 1, -1, "Start one or more stopped containers",
	 flags_start, "start -a web", false, false},
	{"container attach, attach", run_attach, "CONTAINER", 1, 1,
	 "Attach local standard input, output, and error streams to a running container", flags_attach, "attach web", false,
	 false},
	{0},
};
