// SPDX-License-Identifier: Apache-2.0
/* slipway cloud-init: shows what images/cloud-init wrote of its last run. */
#include "admin/verbs.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define STATUS "/run/slipway/cloud-init/status.json"
#define DONE   "/run/slipway/cloud-init/done.json"

static void print_list(const char *title, const struct json *list)
{
	struct json_iter it = json_iter(list);

	while (json_next(&it))
		printf("%-9s %s\n", title, json_str_or(it.value, ""));
}

static int read_json(const char *path, struct buf *b, struct json_doc **ret, struct err *e)
{
	int r = file_read(AT_FDCWD, path, b, e);

	return r < 0 ? r : json_parse(buf_str(b), b->len, ret, e);
}

int cmd_cloud_init(int argc, char **argv)
{
	static const struct verb self = {.name = "cloud-init", .args = "status [--format json]"};
	owned_buf struct buf b = BUF_INIT(1 << 20);
	owned_buf struct buf done = BUF_INIT(1 << 20);
	struct json_doc *d = NULL, *f = NULL;
	struct err e;

	bool is_json = argc == 4 && strcmp(argv[2], "--format") == 0 && strcmp(argv[3], "json") == 0;
	if (argc < 2 || strcmp(argv[1], "status") != 0 || (argc != 2 && !is_json))
		return usage("slipway", &self, "unknown arguments");
	int r = read_json(STATUS, &b, &d, &e);
	if (r == -ENOENT) {
		puts("status    not run yet");
		return 0;
	}
	if (r < 0)
		return fail(&e);
	bool is_done = read_json(DONE, &done, &f, NULL) == 0;
	if (is_json) {
		printf("{\"status\":\"%s\",\"found\":%s,\"applied\":%s}\n", is_done ? "done" : "running", buf_str(&b), is_done ? buf_str(&done) : "null");
	} else {
		const struct json *s = json_root(d), *g = json_root(f);
		printf("status    %s\n", is_done ? "done" : "running");
		printf("source    %s\n", json_str_or(json_get(s, "source"), ""));
		printf("instance  %s\n", json_str_or(json_get(s, "instance"), ""));
		print_list("ignored", json_get(s, "messages"));
		print_list("applied", json_get(g, "applied"));
		print_list("failed", json_get(g, "failed"));
	}
	json_free(d);
	json_free(f);
	return 0;
}
