// SPDX-License-Identifier: Apache-2.0
/* Verbs of images that answer at once: rmi, tag, commit, prune; and what moves them as archives: load, save, import, export. */
#include "userctr/cli.h"

#include "lib/base/owned.h"
#include "lib/codec/ref.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int run_rmi(struct cli *c, struct cli_args *a)
{
	int code = 0;

	for (int i = 0; i < a->argc; i++) {
		struct buf path = BUF_INIT(65536);
		struct cli_request q = {.method = "DELETE", .body_fd = -1};
		struct json_doc *d = NULL;
		struct cli_reply r;
		struct err e = {0};
		buf_printf(&path, "/images/%s", a->argv[i]);
		if (cli_on(a, "force"))
			cli_query(&path, "force", "1");
		if (cli_on(a, "no-prune"))
			cli_query(&path, "noprune", "1");
		q.path = buf_str(&path);
		int done = strpbrk(a->argv[i], " ?#%\r\n") == NULL ? cli_call(c, &q, &r, &e)
								     : err_say(&e, EINVAL, "invalid reference format");
		if (done < 0) {
			cli_say(c, "%s", e.msg);
			code = 1;
		} else if (r.status >= 300) {
			cli_say_error(c, &r);
			code = r.status == 404 && cli_on(a, "force") ? code : 1;
		} else if (json_parse(buf_str(&r.body), r.body.len, &d, NULL) == 0) {
			struct json_iter it = json_iter(json_root(d));
			while (json_next(&it)) {
				const char *deleted = json_str(json_get(it.value, "Deleted"));
				if (deleted != NULL)
					printf("Deleted: %s\n", deleted);
				else
					printf("Untagged: %s\n", json_str_or(json_get(it.value, "Untagged"), ""));
			}
		}
		json_free(d);
		if (done == 0)
			cli_reply_release(&r);
		buf_release(&path);
	}
	return code;
}

/* repo= and tag= of a reference, as the daemon wants them. Returns 0 or -1 after saying what is wrong. */
static int query_ref(struct cli *c, struct buf *path, const char *text, const char *context)
{
	struct ref ref;
	struct err e = {0};
	char repo[REF_NAME_SIZE];

	if (ref_parse(text, strlen(text), &ref, &e) < 0) {
		if (context[0] != '\0')
			cli_say(c, "Error parsing reference: \"%s\" is not a valid repository/tag: %s", text, e.msg);
		else
			cli_say(c, "%s", e.msg);
		return -1;
	}
	if (ref.has_digest) {
		cli_say(c, "refusing to create a tag with a digest reference");
		return -1;
	}
	ref_default_tag(&ref);
	(void)snprintf(repo, sizeof(repo), "%s", ref.name);
	cli_query(path, "repo", repo);
	cli_query(path, "tag", ref.tag);
	return 0;
}

static int run_tag(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(65536);
	int code = 1;

	if (strpbrk(a->argv[0], " ?#%\r\n") != NULL) {
		cli_say(c, "Error parsing reference: \"%s\" is not a valid repository/tag: invalid reference format", a->argv[0]);
	} else {
		buf_printf(&path, "/images/%s/tag", a->argv[0]);
		if (query_ref(c, &path, a->argv[1], "tag") == 0)
			code = cli_ask(c, "POST", buf_str(&path), NULL, 0, NULL) < 0 ? 1 : 0;
	}
	buf_release(&path);
	return code;
}

static int run_commit(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(1u << 20);
	const struct cli_value *changes = cli_get(a, "change");
	struct json_doc *d = NULL;
	struct cli_reply r;
	int code = 1;

	buf_puts(&path, "/commit");
	cli_query(&path, "author", cli_text(a, "author"));
	for (size_t i = 0; i < changes->n; i++)
		cli_query(&path, "changes", changes->list[i]);
	cli_query(&path, "comment", cli_text(a, "message"));
	cli_query(&path, "container", a->argv[0]);
	if (!cli_on(a, "pause"))
		cli_query(&path, "pause", "0");
	if (a->argc == 1) {
		cli_query(&path, "repo", "");
		cli_query(&path, "tag", "");
	} else if (query_ref(c, &path, a->argv[1], "") < 0) {
		goto out;
	}
	if (cli_ask(c, "POST", buf_str(&path), "{}", 0, &r) < 0)
		goto out;
	if (json_parse(buf_str(&r.body), r.body.len, &d, NULL) == 0) {
		puts(json_str_or(json_get(json_root(d), "Id"), ""));
		code = 0;
	}
	json_free(d);
	cli_reply_release(&r);
out:
	buf_release(&path);
	return code;
}

/* ---- archives in ---- */

/* A request with an archive as body and a progress stream as reply. */
static int send_archive(struct cli *c, const char *path, int fd, bool is_quiet)
{
	static struct cli_progress p;
	struct cli_request q = {.method = "POST", .path = path, .body_fd = fd, .body_type = "application/x-tar",
				.on_body = cli_progress, .ctx = &p};
	struct cli_reply r;
	struct err e = {0};
	int code = 1;

	cli_progress_begin(&p, false);
	p.is_quiet = is_quiet;
	if (cli_call(c, &q, &r, &e) < 0)
		cli_say(c, "%s", e.msg);
	else if (r.status >= 300)
		cli_say_error(c, &r);
	else
		code = 0;
	cli_progress_end(&p);
	cli_reply_release(&r);
	return p.failed ? 1 : code;
}

static int run_load(struct cli *c, struct cli_args *a)
{
	const char *input = cli_text(a, "input");
	struct buf path = BUF_INIT(4096);
	owned_fd int fd = -1;
	int in = 0, code;

	if (input[0] != '\0') {
		fd = in = open(input, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			cli_say(c, "open %s: %s", input, errno == ENOENT ? "no such file or directory" : strerror(errno));
			return 1;
		}
	} else if (isatty(0)) {
		cli_say(c, "requested load from stdin, but stdin is empty");
		return 1;
	}
	buf_puts(&path, "/images/load");
	if (cli_text(a, "platform")[0] != '\0')
		cli_query(&path, "platform", cli_text(a, "platform"));
	cli_query(&path, "quiet", cli_on(a, "quiet") || !isatty(1) ? "1" : "0");
	code = send_archive(c, buf_str(&path), in, cli_on(a, "quiet"));
	buf_release(&path);
	return code;
}

static int run_import(struct cli *c, struct cli_args *a)
{
	const char *source = a->argv[0];
	const struct cli_value *changes = cli_get(a, "change");
	bool is_url = strncmp(source, "http://", 7) == 0 || strncmp(source, "https://", 8) == 0;
	struct buf path = BUF_INIT(1u << 20);
	owned_fd int fd = -1;
	int code = 1, in = -1;

	if (strcmp(source, "-") == 0) {
		in = 0;
	} else if (!is_url) {
		fd = in = open(source, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			cli_say(c, "open %s: %s", source, errno == ENOENT ? "no such file or directory" : strerror(errno));
			return 1;
		}
	}
	buf_puts(&path, "/images/create");
	for (size_t i = 0; i < changes->n; i++)
		cli_query(&path, "changes", changes->list[i]);
	cli_query(&path, "fromSrc", is_url ? source : "-");
	if (cli_text(a, "message")[0] != '\0')
		cli_query(&path, "message", cli_text(a, "message"));
	if (cli_text(a, "platform")[0] != '\0')
		cli_query(&path, "platform", cli_text(a, "platform"));
	if (a->argc == 2) {
		struct ref ref;
		struct err e = {0};
		if (ref_parse(a->argv[1], strlen(a->argv[1]), &ref, &e) < 0) {
			cli_say(c, "%s", e.msg);
			buf_release(&path);
			return 1;
		}
		cli_query(&path, "repo", a->argv[1]);
	}
	code = send_archive(c, buf_str(&path), in, false);
	buf_release(&path);
	return code;
}

/* ---- archives out ---- */

static int write_out(void *ctx, const char *p, size_t n)
{
	return write_all(*(int *)ctx, p, n);
}

/* GET path into a file (complete, or not at all) or standard output. */
static int fetch_archive(struct cli *c, const char *path, const char *output)
{
	char tmp[4096];
	owned_fd int fd = -1;
	int out = 1, code = 1;
	struct cli_reply r;
	struct err e = {0};

	if (output[0] == '\0' && isatty(1)) {
		cli_say(c, "cowardly refusing to save to a terminal. Use the -o flag or redirect");
		return 1;
	}
	if (output[0] != '\0') {
		const char *slash = strrchr(output, '/');
		struct stat st;
		(void)snprintf(tmp, sizeof(tmp), "%.*s", slash == NULL ? 1 : slash == output ? 1 : (int)(slash - output),
			       slash == NULL ? "." : output);
		if (stat(tmp, &st) < 0) {
			cli_say(c, "failed to save image: invalid output path: stat %s: %s", tmp,
				errno == ENOENT ? "no such file or directory" : strerror(errno));
			return 1;
		}
		bool is_file = stat(output, &st) < 0 || S_ISREG(st.st_mode);
		(void)snprintf(tmp, sizeof(tmp), is_file ? "%s.%d.part" : "%s", output, (int)getpid());
		fd = out = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0) {
			cli_say(c, "failed to save image: open %s: %s", output, strerror(errno));
			return 1;
		}
	}
	struct cli_request q = {.method = "GET", .path = path, .body_fd = -1, .on_body = write_out, .ctx = &out};
	if (cli_call(c, &q, &r, &e) < 0)
		cli_say(c, "%s", e.msg);
	else if (r.status >= 300)
		cli_say_error(c, &r);
	else
		code = 0;
	cli_reply_release(&r);
	if (output[0] != '\0' && strcmp(tmp, output) != 0) {
		if (code == 0 && rename(tmp, output) < 0) {
			cli_say(c, "failed to save image: rename %s: %s", output, strerror(errno));
			code = 1;
		}
		if (code != 0)
			(void)unlink(tmp); /* there is nothing better to do */
	}
	return code;
}

static int run_save(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(1u << 20);

	buf_puts(&path, "/images/get");
	for (int i = 0; i < a->argc; i++)
		cli_query(&path, "names", a->argv[i]);
	if (cli_text(a, "platform")[0] != '\0')
		cli_query(&path, "platform", cli_text(a, "platform"));
	int code = fetch_archive(c, buf_str(&path), cli_text(a, "output"));
	buf_release(&path);
	return code;
}

static int run_export(struct cli *c, struct cli_args *a)
{
	struct buf path = BUF_INIT(65536);

	buf_puts(&path, "/containers/");
	cli_encode(&path, a->argv[0]);
	buf_puts(&path, "/export");
	int code = fetch_archive(c, buf_str(&path), cli_text(a, "output"));
	buf_release(&path);
	return code;
}

static const struct cli_flag flags_rmi[] = {
	{"force", 'f', CLI_BOOL, "Force removal of the image", NULL},
	{"no-prune", 0, CLI_BOOL, "Do not delete untagged parents", NULL},
	{0},
};
static const struct cli_flag flags_commit[] = {
	{"author", 'a', CLI_STRING, "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")", NULL},
	{"change", 'c', CLI_LIST, "Apply Dockerfile instruction to the created image", NULL},
	{"message", 'm', CLI_STRING, "Commit message", NULL},
	{"pause", 'p', CLI_BOOL, "Pause container during commit", "true"},
	{0},
};
static const struct cli_flag flags_load[] = {
	{"input", 'i', CLI_STRING, "Read from tar archive file, instead of STDIN", NULL},
	{"platform", 0, CLI_STRING, "Load only the given platform variant", NULL},
	{"quiet", 'q', CLI_BOOL, "Suppress the load output", NULL},
	{0},
};
static const struct cli_flag flags_import[] = {
	{"change", 'c', CLI_LIST, "Apply Dockerfile instruction to the created image", NULL},
	{"message", 'm', CLI_STRING, "Set commit message for imported image", NULL},
	{"platform", 0, CLI_STRING, "Set platform if server is multi-platform capable", NULL},
	{0},
};
static const struct cli_flag flags_save[] = {
	{"output", 'o', CLI_STRING, "Write to a file, instead of STDOUT", NULL},
	{"platform", 0, CLI_STRING, "Save only the given platform variant", NULL},
	{0},
};
static const struct cli_flag flags_export[] = {
	{"output", 'o', CLI_STRING, "Write to a file, instead of STDOUT", NULL},
	{0},
};

const struct cli_verb cli_verbs_image[] = {
	{"image rm, image remove, rmi", run_rmi, "IMAGE [IMAGE...]", 1, -1, "Remove one or more images", flags_rmi, "rmi busybox", false,
	 false},
	{"image tag, tag", run_tag, "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", 2, 2,
	 "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE", NULL, "tag busybox mine:1", false, false},
	{"image load, load", run_load, "", 0, 0, "Load an image from a tar archive or STDIN", flags_load, "load -i busybox.tar.gz", false,
	 false},
	{"image save, save", run_save, "IMAGE [IMAGE...]", 1, -1,
	 "Save one or more images to a tar archive (streamed to STDOUT by default)", flags_save, "save -o busybox.tar busybox", false,
	 false},
	{"image import, import", run_import, "file|URL|- [REPOSITORY[:TAG]]", 1, 2,
	 "Import the contents from a tarball to create a filesystem image", flags_import, "import rootfs.tar mine:1", false, false},
	{"container export, export", run_export, "CONTAINER", 1, 1, "Export a container's filesystem as a tar archive", flags_export,
	 "export -o web.tar web", false, false},
	{"container commit, commit", run_commit, "CONTAINER [REPOSITORY[:TAG]]", 1, 2, "Create a new image from a container's changes",
	 flags_commit, "commit -m 'with tools' web mine:2", false, false},
	{0},
};
