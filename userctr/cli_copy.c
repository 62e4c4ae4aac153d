// SPDX-License-Identifier: Apache-2.0
/* cp: archives into and out of containers, as streams. */
#include "userctr/cli.h"

#include "lib/sys/io.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "web:/etc" into container and path; a path that begins with '/' or '.' is one of this machine. */
static bool split(const char *arg, char *ctr, size_t size, const char **ret_path)
{
	const char *colon = strchr(arg, ':');

	if (arg[0] == '/' || arg[0] == '.' || colon == NULL || colon == arg || (size_t)(colon - arg) >= size)
		return false;
	(void)snprintf(ctr, size, "%.*s", (int)(colon - arg), arg);
	*ret_path = colon + 1;
	return true;
}

static int to_stdout(void *ctx, const char *p, size_t n)
{
	(void)ctx;
	return write_all(1, p, n);
}

static void archive_path(struct buf *b, const char *ctr, const char *path)
{
	struct buf abs = BUF_INIT(65536);

	buf_puts(b, "/containers/");
	cli_encode(b, ctr);
	buf_puts(b, "/archive");
	buf_printf(&abs, path[0] == '/' ? "%s" : "/%s", path);
	cli_query(b, "path", buf_str(&abs));
	buf_release(&abs);
}

static int copy(struct cli *c, const char *ctr, const char *path, bool is_out)
{
	struct buf b = BUF_INIT(65536);
	struct cli_reply r;
	struct err e = {0};
	int code = 1;

	archive_path(&b, ctr, path);
	if (!is_out)
		cli_query(&b, "noOverwriteDirNonDir", "true");
	struct cli_request q = {.method = is_out ? "GET" : "PUT", .path = buf_str(&b), .body_fd = is_out ? -1 : 0,
				.body_type = "application/x-tar", .on_body = is_out ? to_stdout : NULL};
	if (cli_call(c, &q, &r, &e) < 0)
		cli_say(c, "%s", e.msg);
	else if (r.status >= 300)
		cli_say_error(c, &r);
	else
		code = 0;
	cli_reply_release(&r);
	buf_release(&b);
	return code;
}

static int run_cp(struct cli *c, struct cli_args *a)
{
	char from[256], to[256];
	const char *from_path = NULL, *to_path = NULL;
	bool is_from = split(a->argv[0], from, sizeof(from), &from_path), is_to = split(a->argv[1], to, sizeof(to), &to_path);

	if (is_from && is_to) {
		cli_say(c, "copying between containers is not supported");
	} else if (!is_from && !is_to) {
		cli_say(c, "must specify at least one container source");
	} else if (is_from && strcmp(a->argv[1], "-") == 0) {
		return copy(c, from, from_path, true);
	} else if (is_to && strcmp(a->argv[0], "-") == 0) {
		return copy(c, to, to_path, false);
	} else if (is_from) {
		cli_say(c, "files of this machine are not read or written here; use: %s cp %s - | tar -x -C DIRECTORY", c->program,
			a->argv[0]);
	} else {
		cli_say(c, "files of this machine are not read or written here; use: tar -c FILE | %s cp - %s", c->program,
			a->argv[1]);
	}
	return 1;
}

static const struct cli_flag flags_cp[] = {
	{"archive", 'a', CLI_BOOL, "Accepted and ignored", NULL},
	{"follow-link", 'L', CLI_BOOL, "Accepted and ignored", NULL},
	{"quiet", 'q', CLI_BOOL, "Accepted and ignored", NULL},
	{0},
};

const struct cli_verb cli_verbs_copy[] = {
	{"container cp, cp", run_cp, "CONTAINER:SRC_PATH - | - CONTAINER:DEST_PATH", 2, 2,
	 "Copy files/folders between a container and a tar archive on the standard streams", flags_cp, "cp web:/etc - | tar -x", false,
	 false},
	{0},
};
