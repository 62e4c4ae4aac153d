// SPDX-License-Identifier: Apache-2.0
/* save: from the datasource to the plan in /run, and keys to the services that they are for. */
#include "images/cloud-init/cloud_init.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/cmdline.h"
#include "lib/codec/json.h"
#include "lib/config/layers.h"
#include "lib/config/plan.h"
#include "lib/config/userdata.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CONSOLE_LINES 8

void say_on_consoles(const char *fmt, ...)
{
	owned_buf struct buf active = BUF_INIT(1024);
	char text[400], line[480];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut is fine */
	va_end(ap);
	log_warn(SUB, "%s", text);
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?'; /* no escape sequences of strangers on a terminal */
	(void)snprintf(line, sizeof(line), "\r\nslipway: cloud-init: %s\r\n", text); /* fits */
	if (file_read(AT_FDCWD, "/sys/class/tty/console/active", &active, NULL) < 0)
		return;
	for (char *save = NULL, *t = strtok_r(active.data, " \n", &save); t != NULL; t = strtok_r(NULL, " \n", &save)) {
		char path[64];
		if ((size_t)snprintf(path, sizeof(path), "/dev/%s", t) >= sizeof(path))
			continue;
		owned_fd int fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && write(fd, line, strlen(line)) < 0)
			log_debug(SUB, "write to '%s': %s", path, strerror(errno));
	}
}

static void say_layer(void *ctx, const char *sentence)
{
	(void)ctx;
	log_warn(SUB, "%s", sentence);
}

/* The line of the kernel and the firmware, of which there is a copy once ours has been put before it. */
static int original_cmdline(int run, struct buf *b, struct err *e)
{
	int r = file_read(run, "cmdline", b, e);

	if (r != -ENOENT)
		return r;
	r = file_read(AT_FDCWD, "/run/slipway/cmdline", b, e);
	return r < 0 ? r : file_replace(run, "cmdline", buf_str(b), b->len, 0600, e);
}

/* The file is mounted into services one by one: it is rewritten in place, first the new text, then the end. */
static int hand_arguments(int run, const char *arguments, bool *ret_changed, struct err *e)
{
	owned_buf struct buf line = BUF_INIT(CMDLINE_MAX);
	owned_buf struct buf now = BUF_INIT(CMDLINE_MAX + 1);
	owned_buf struct buf old = BUF_INIT(CMDLINE_MAX + 1);

	int r = original_cmdline(run, &old, e);
	if (r < 0)
		return r;
	buf_puts(&line, arguments);
	buf_puts(&line, buf_str(&old));
	if (buf_error(&line) < 0)
		return err_say(e, E_LIMIT, "the keys for services and the command line are longer than %d bytes together", CMDLINE_MAX);
	*ret_changed = file_read(AT_FDCWD, "/run/slipway/cmdline", &now, NULL) < 0 || strcmp(buf_str(&now), buf_str(&line)) != 0;
	if (!*ret_changed)
		return 0;
	owned_fd int fd = open("/run/slipway/cmdline", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || write_all(fd, line.data, line.len) < 0 || ftruncate(fd, (off_t)line.len) < 0)
		return err_set(e, errno, "write '/run/slipway/cmdline'");
	return 0;
}

static void restart_services(const struct json *list)
{
	static const char *const allowed[] = {"network", "time", "syslog", "userctr"};
	struct json_iter it = json_iter(list);
	struct err e;

	while (json_next(&it)) {
		const char *name = json_str_or(it.value, "");
		for (size_t i = 0; i < countof(allowed); i++) {
			const char *words[] = {"/bin/slipway", "service", "restart", allowed[i], NULL};
			if (strcmp(name, allowed[i]) == 0 && run_words(words, &e) != 0)
				log_warn(SUB, "service '%s' was not restarted", name);
		}
	}
}

static void tell_messages(const struct json *plan)
{
	const struct json *m = json_get(plan, "messages");
	struct json_iter it = json_iter(m);

	for (size_t i = 0; json_next(&it); i++)
		if (i < CONSOLE_LINES)
			say_on_consoles("%s", json_str_or(it.value, ""));
		else
			log_warn(SUB, "%s", json_str_or(it.value, ""));
	if (json_len(m) > CONSOLE_LINES)
		say_on_consoles("%zu more: 'slipway cloud-init status' shows them", json_len(m) - CONSOLE_LINES);
}

static int write_status(int run, const struct json *plan, const char *problem, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(PLAN_MAX);
	struct json_writer w;

	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "source", json_str_or(json_get(plan, "source"), ""));
	jw_kstr(&w, "instance", json_str_or(json_get(plan, "instance"), ""));
	jw_key(&w, "messages");
	jw_arr(&w);
	if (problem != NULL)
		jw_str(&w, problem);
	struct json_iter it = json_iter(json_get(plan, "messages"));
	while (json_next(&it))
		jw_str(&w, json_str_or(it.value, ""));
	jw_end_arr(&w);
	jw_end_obj(&w);
	return buf_error(&b) < 0 ? err_set(e, -buf_error(&b), "write the status") : file_replace(run, "status.json", b.data, b.len, 0600, e);
}

static void keep_config(const struct json *plan)
{
	const char *config = json_str(json_get(plan, "config"));
	owned_fd int dir = open(STATE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e;

	if (config != NULL && dir >= 0 && file_replace(dir, "datasource.yml", config, strlen(config), 0600, &e) < 0)
		log_warn(SUB, "%s", e.msg);
}

static int use_plan(int run, struct buf *text, struct err *e)
{
	struct json_doc *d = NULL;
	bool changed = false;
	struct err why;
	int r = json_parse(buf_str(text), text->len, &d, e);

	if (r < 0)
		return err_wrap(e, r, "the plan");
	const struct json *plan = json_root(d);
	const char *arguments = json_str_or(json_get(plan, "arguments"), "");
	const char *problem = NULL;
	if (strpbrk(arguments, "\n\r") != NULL)
		r = err_say(&why, E_SPEC, "the plan's arguments are none");
	else
		r = hand_arguments(run, arguments, &changed, &why);
	if (r < 0) {
		problem = why.msg;
		say_on_consoles("%s", why.msg);
	}
	keep_config(plan);
	tell_messages(plan);
	r = file_replace(run, PLAN_FILE, text->data, text->len, 0600, e);
	if (r == 0)
		r = write_status(run, plan, problem, e);
	if (changed)
		restart_services(json_get(plan, "services"));
	json_free(d);
	return r;
}

static int save(struct err *e)
{
	owned_layers struct layers l = {0};
	owned_buf struct buf plan = BUF_INIT(PLAN_MAX);
	char source[SOURCE_NAME];
	struct plan_in in = {.layers = &l, .source = source};
	struct buf *const inputs[] = {&in.user_data, &in.vendor_data, &in.meta_data, &in.network_config};

	for (size_t i = 0; i < countof(inputs); i++)
		buf_init(inputs[i], USERDATA_MAX);
	int r = dir_make_all(AT_FDCWD, RUN_DIR, 0700, e);
	if (r < 0 || (r = dir_make_all(AT_FDCWD, STATE_DIR, 0700, e)) < 0)
		return r;
	owned_fd int run = open(RUN_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	owned_fd int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run < 0 || root < 0)
		return err_set(e, errno, "open '" RUN_DIR "'");
	source_find(&in, source);
	log_info(SUB, "datasource: %s", source[0] != '\0' ? source : "none");
	layers_read(&l, root, /* with_datasource= */ false, say_layer, NULL);
	r = parse_apart(&in, &plan, e);
	if (r == 0)
		r = use_plan(run, &plan, e);
	else
		(void)write_status(run, NULL, e->msg, NULL); /* what went wrong is reported either way */
	for (size_t i = 0; i < countof(inputs); i++)
		buf_release(inputs[i]);
	return r;
}

int do_save(void)
{
	struct err e;

	if (save(&e) == 0)
		return 0;
	say_on_consoles("%s; nothing of it is used", e.msg);
	return 1;
}
