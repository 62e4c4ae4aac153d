// SPDX-License-Identifier: Apache-2.0
/* exec: a process object from the container's configuration and flags, or from a file. */
#include "sysctr/cli.h"
#include "sysctr/cli_args.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "lib/sys/unixsock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static bool id_parse(const char *text, char **end, uint32_t *ret)
{
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	unsigned long n = strtoul(text, end, 10);
	*ret = (uint32_t)n;
	return errno == 0 && n < UINT32_MAX; /* the last one means "no change" to the kernel */
}

/* "UID" or "UID:GID", numbers only: names are the image's business, and its /etc/passwd may call anybody 1000. */
static bool user_parse(const char *text, uint32_t *uid, uint32_t *gid)
{
	char *end;

	*gid = 0;
	if (!id_parse(text, &end, uid))
		return false;
	return *end == '\0' || (*end == ':' && id_parse(end + 1, &end, gid) && *end == '\0');
}

static bool groups_ok(const struct args *a)
{
	uint32_t id;
	char *end;

	for (size_t i = 0; i < a->group_count; i++)
		if (!id_parse(a->groups[i], &end, &id) || *end != '\0')
			return false;
	return true;
}

/* What flags replace is left out of the copy of the container's own process. */
static bool is_replaced(const struct args *a, const char *key)
{
	static const char *const always[] = {"args", "env", "terminal", "consoleSize", "capabilities", "user"};

	for (size_t i = 0; i < countof(always); i++)
		if (strcmp(key, always[i]) == 0)
			return true;
	return (strcmp(key, "cwd") == 0 && a->cwd != NULL) || (strcmp(key, "noNewPrivileges") == 0 && a->no_new_privs) ||
	       (strcmp(key, "apparmorProfile") == 0 && a->apparmor != NULL) || (strcmp(key, "selinuxLabel") == 0 && a->label != NULL);
}

static void put_user(struct json_writer *w, const struct args *a, const struct json *base)
{
	uint32_t uid = 0, gid = 0;

	jw_key(w, "user");
	if (a->user == NULL && a->group_count == 0 && base != NULL) {
		jw_value(w, base);
		return;
	}
	if (a->user != NULL) {
		(void)user_parse(a->user, &uid, &gid); /* checked by the caller */
	} else {
		uid = (unsigned)json_int(json_get(base, "uid"), 0);
		gid = (unsigned)json_int(json_get(base, "gid"), 0);
	}
	jw_obj(w);
	jw_kuint(w, "uid", uid);
	jw_kuint(w, "gid", gid);
	jw_key(w, "additionalGids");
	jw_arr(w);
	for (size_t i = 0; i < a->group_count; i++)
		jw_uint(w, strtoul(a->groups[i], NULL, 10));
	struct json_iter it = json_iter(a->user == NULL ? json_get(base, "additionalGids") : NULL);
	while (json_next(&it))
		jw_value(w, it.value);
	jw_end_arr(w);
	jw_end_obj(w);
}

static void put_caps(struct json_writer *w, const struct args *a, const struct json *base)
{
	static const char *const sets[] = {"bounding", "effective", "permitted", "inheritable", "ambient"};

	jw_key(w, "capabilities");
	jw_obj(w);
	for (size_t s = 0; s < countof(sets); s++) {
		jw_key(w, sets[s]);
		jw_arr(w);
		struct json_iter it = json_iter(json_get(base, sets[s]));
		while (json_next(&it))
			jw_value(w, it.value);
		for (size_t i = 0; s < 3 && i < a->cap_count; i++)
			jw_str(w, a->caps[i]);
		jw_end_arr(w);
	}
	jw_end_obj(w);
}

static void put_lists(struct json_writer *w, const struct args *a, const struct json *base, char **argv)
{
	jw_key(w, "args");
	jw_arr(w);
	for (; *argv != NULL; argv++)
		jw_str(w, *argv);
	jw_end_arr(w);
	jw_key(w, "env");
	jw_arr(w);
	struct json_iter it = json_iter(base);
	while (json_next(&it))
		jw_value(w, it.value);
	if (base == NULL)
		jw_str(w, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	for (size_t i = 0; i < a->env_count; i++)
		jw_str(w, a->env[i]);
	jw_end_arr(w);
}

/* base: the container's process, NULL when its configuration is gone. */
static void process_json(const struct args *a, const struct json *base, char **argv, struct buf *b)
{
	struct json_writer w;

	jw_init(&w, b);
	jw_obj(&w);
	jw_kbool(&w, "terminal", a->tty);
	put_user(&w, a, json_get(base, "user"));
	put_lists(&w, a, json_get(base, "env"), argv);
	/* without an object in the configuration the container has every capability, and so has this */
	if (base == NULL || json_get(base, "capabilities") != NULL)
		put_caps(&w, a, json_get(base, "capabilities"));
	if (a->cwd != NULL || json_get(base, "cwd") == NULL)
		jw_kstr(&w, "cwd", a->cwd != NULL ? a->cwd : "/");
	if (a->no_new_privs)
		jw_kbool(&w, "noNewPrivileges", true);
	if (a->apparmor != NULL)
		jw_kstr(&w, "apparmorProfile", a->apparmor);
	if (a->label != NULL)
		jw_kstr(&w, "selinuxLabel", a->label);
	struct json_iter it = json_iter(base);
	while (json_next(&it))
		if (!is_replaced(a, it.key)) {
			jw_key(&w, it.key);
			jw_value(&w, it.value);
		}
	jw_end_obj(&w);
}

/* The configuration as the bundle has it now; a document that lives as long as *ret_doc. */
static const struct json *base_process(const struct sysctr_opt *opt, const char *id, struct json_doc **ret_doc)
{
	struct buf b = BUF_INIT(CONFIG_MAX);
	struct sysctr_state st;

	if (sysctr_state(opt, id, &st, NULL) < 0)
		return NULL; /* said by sysctr_exec() */
	owned_fd int dir = open(st.bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && file_read(dir, "config.json", &b, NULL) == 0)
		(void)json_parse(buf_str(&b), b.len, ret_doc, NULL); /* no document: no base */
	buf_release(&b);
	return *ret_doc != NULL ? json_get(json_root(*ret_doc), "process") : NULL;
}

int cli_exec(const struct sysctr_opt *opt, int argc, char **argv)
{
	struct buf b = BUF_INIT(CONFIG_MAX);
	struct json_doc *doc = NULL;
	struct sysctr_child child;
	struct err e = {0};
	struct args a;
	int pty = -1;

	int at = args_parse(&a, argc, argv);
	if (at < 0 || at >= argc || (a.process == NULL && at + 1 >= argc))
		return cli_usage(argv[0], "needs a container id and a command");
	uint32_t uid, gid;
	if (a.user != NULL && !user_parse(a.user, &uid, &gid))
		return cli_usage(argv[0], "--user wants UID or UID:GID");
	if (!groups_ok(&a))
		return cli_usage(argv[0], "--additional-gids wants numbers");
	int r = 0;
	if (a.process != NULL)
		r = file_read(AT_FDCWD, a.process, &b, &e);
	else
		process_json(&a, base_process(opt, argv[at], &doc), argv + at + 1, &b);
	json_free(doc);
	if (r < 0)
		return cli_fail(&e);
	owned_fd int console = a.console_socket != NULL ? unixsock_connect(a.console_socket, SOCK_STREAM, &e) : -1;
	if (a.console_socket != NULL && console < 0)
		return cli_fail(&e);
	struct sysctr_exec x = {.json = buf_str(&b), .len = b.len, .cgroup = a.cgroup,
				.io = {.fds = {0, 1, 2}, .console_socket = console, .ret_pty = a.detach ? NULL : &pty, .preserve_fds = a.preserve_fds}};
	r = sysctr_exec(opt, argv[at], &x, &child, &e);
	buf_release(&b);
	if (r < 0)
		return cli_fail(&e);
	if (args_write_pid(a.pid_file, child.pid, &e) < 0 || args_send_pidfd(a.pidfd_socket, child.pidfd, &e) < 0)
		return cli_fail(&e);
	return a.detach ? 0 : args_foreground(opt, NULL, &child, pty);
}

