// SPDX-License-Identifier: Apache-2.0
/* apply: the plan's operations in their order, inside the console. One that fails does not keep the others from being done.
 *
 * The plan was written by a process that had read what strangers wrote: every operation is checked here as if they had written
 * it. What it may do at worst is what user-data may ask for anyway: files, users and commands of the console. */
#include "images/cloud-init/cloud_init.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/digest.h"
#include "lib/codec/json.h"
#include "lib/config/plan.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define REPORT_MAX ((size_t)1 << 20)

enum turn { TURN_EARLY = 1, TURN_DEFERRED, TURN_LAST };

struct apply {
	bool is_again, is_new_instance;
	struct json_writer applied, failed;
	size_t failed_count;
};

static bool is(const struct json *op, const char *key, const char *value)
{
	return strcmp(json_str_or(json_get(op, key), ""), value) == 0;
}

static const struct {
	const char *name;
	int (*go)(const struct json *op, struct err *e);
	const char *object; /* the member that names what it is about */
	bool is_lost;	    /* with the console's root: done again in a new one */
} kinds[] = {
	{"key", apply_key, "user", true},	{"user", apply_user, "name", true},	 {"file", apply_file, "path", true},
	{"mount", apply_mount, "where", true},	{"command", apply_command, NULL, false}, {"script", apply_script, NULL, false},
};

static enum turn turn_of(const struct json *op)
{
	if (is(op, "op", "file"))
		return json_bool(json_get(op, "defer"), false) ? TURN_DEFERRED : TURN_EARLY;
	if (is(op, "op", "command") || is(op, "op", "script"))
		return is(op, "when", "boot") ? TURN_EARLY : TURN_LAST;
	return is(op, "op", "power") ? 0 : TURN_EARLY;
}

static void report(struct apply *a, const struct json *op, size_t kind, int r, const struct err *e)
{
	char text[ERR_SIZE + 400], what[300];
	const char *object = kinds[kind].object != NULL ? json_str_or(json_get(op, kinds[kind].object), "") :
			     json_str_or(json_get(op, "shown"), "");

	if (strcmp(kinds[kind].name, "command") == 0) { /* its last word is the most telling: "sh -c WHAT" */
		struct json_iter it = json_iter(json_get(op, "words"));
		while (json_next(&it))
			object = json_str_or(it.value, "");
	}
	(void)snprintf(what, sizeof(what), "%s '%.200s'", kinds[kind].name, object); /* cut is fine */
	if (r == 0) {
		jw_str(&a->applied, what);
		log_info(SUB, "%s", what);
		return;
	}
	a->failed_count++;
	if (r < 0)
		(void)snprintf(text, sizeof(text), "%s: %s", what, e->msg);
	else
		(void)snprintf(text, sizeof(text), "%s: ended with %d", what, r);
	jw_str(&a->failed, text);
	log_error(SUB, "%s", text);
}

static void apply_one(struct apply *a, const struct json *op)
{
	struct err e = {0};

	for (size_t i = 0; i < countof(kinds); i++) {
		if (!is(op, "op", kinds[i].name))
			continue;
		if ((a->is_again && !kinds[i].is_lost) || (is(op, "when", "instance") && !a->is_new_instance))
			return;
		int r = kinds[i].go(op, &e);
		report(a, op, i, r, &e);
		return;
	}
	a->failed_count++;
	jw_str(&a->failed, "the plan has an operation that is none");
}

static void apply_turn(struct apply *a, const struct json *ops, enum turn turn)
{
	struct json_iter it = json_iter(ops);

	while (json_next(&it))
		if (turn_of(it.value) == turn)
			apply_one(a, it.value);
}

/* ---- once per instance ----------------------------------------------------------------------------- */

/* The instance's name goes into a path: what is not plain is hashed. */
static void instance_path(const char *instance, char out[128])
{
	char hex[DIGEST_HEX_SIZE];
	struct digest d;
	bool plain = instance[0] != '\0' && instance[0] != '.' && strlen(instance) <= 64 &&
		     strspn(instance, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(instance);

	if (!plain)
		digest_of(instance, strlen(instance), &d);
	(void)snprintf(out, 128, STATE_DIR "/instances/%s", plain ? instance : instance[0] == '\0' ? "none" : digest_hex(&d, hex)); /* fits */
}

static bool is_done(const char *path)
{
	char done[160];

	(void)snprintf(done, sizeof(done), "%s/done", path); /* fits */
	return access(done, F_OK) == 0;
}

static int mark_done(const char *path, struct err *e)
{
	int r = dir_make_all(AT_FDCWD, path, 0700, e);

	if (r < 0)
		return r;
	owned_fd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? err_set(e, errno, "open '%s'", path) : file_replace(dir, "done", "", 0, 0600, e);
}

static void power(const struct json *ops)
{
	static const char *const modes[] = {"poweroff", "reboot", "halt"};
	struct json_iter it = json_iter(ops);
	struct err e;

	while (json_next(&it)) {
		if (!is(it.value, "op", "power"))
			continue;
		for (size_t i = 0; i < countof(modes); i++) {
			const char *words[] = {"/bin/slipway", modes[i], NULL};
			if (!is(it.value, "mode", modes[i]))
				continue;
			say_on_consoles("%s: %s", modes[i], json_str_or(json_get(it.value, "message"), "as power_state asks"));
			if (run_words(words, &e) != 0)
				log_error(SUB, "'%s' failed", modes[i]);
		}
	}
}

static int write_done(struct apply *a, struct buf *applied, struct buf *failed, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(2 * REPORT_MAX);
	struct json_writer w;

	jw_end_arr(&a->applied);
	jw_end_arr(&a->failed);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_key(&w, "applied");
	jw_raw(&w, buf_str(applied), applied->len);
	jw_key(&w, "failed");
	jw_raw(&w, buf_str(failed), failed->len);
	jw_end_obj(&w);
	owned_fd int run = open(RUN_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run < 0 || buf_error(&b) < 0)
		return err_set(e, run < 0 ? errno : ENOMEM, "write '" RUN_DIR "/done.json'");
	return file_replace(run, "done.json", b.data, b.len, 0600, e);
}

static int apply_plan(const struct json *plan, bool is_again, struct err *e)
{
	owned_buf struct buf applied = BUF_INIT(REPORT_MAX);
	owned_buf struct buf failed = BUF_INIT(REPORT_MAX);
	const struct json *ops = json_get(plan, "operations");
	struct apply a = {.is_again = is_again};
	char path[128];

	instance_path(json_str_or(json_get(plan, "instance"), ""), path);
	a.is_new_instance = !is_again && !is_done(path);
	jw_init(&a.applied, &applied);
	jw_init(&a.failed, &failed);
	jw_arr(&a.applied);
	jw_arr(&a.failed);
	for (enum turn t = TURN_EARLY; t <= TURN_LAST; t++)
		apply_turn(&a, ops, t);
	if (is_again)
		return 0;
	/* behind the commands: a power cut in them means that they run again, not that they never ran */
	bool has_source = json_str_or(json_get(plan, "source"), "")[0] != '\0';
	int r = has_source && a.is_new_instance ? mark_done(path, e) : 0;
	int r2 = write_done(&a, &applied, &failed, r == 0 ? e : NULL);
	if (a.failed_count > 0)
		say_on_consoles("%zu operations failed: 'slipway cloud-init status' shows them", a.failed_count);
	if (r == 0 && r2 == 0 && has_source && a.is_new_instance)
		power(ops);
	return r < 0 ? r : r2;
}

int do_apply(bool is_again)
{
	owned_buf struct buf b = BUF_INIT(PLAN_MAX);
	struct json_doc *d = NULL;
	struct err e;
	int r = file_read(AT_FDCWD, RUN_DIR "/" PLAN_FILE, &b, &e);

	if (r == -ENOENT && is_again)
		return 0;
	if (r == 0)
		r = json_parse(buf_str(&b), b.len, &d, &e);
	if (r == 0)
		r = apply_plan(json_root(d), is_again, &e);
	json_free(d);
	if (r < 0)
		say_on_consoles("%s", e.msg);
	return r < 0;
}
