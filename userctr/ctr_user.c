// SPDX-License-Identifier: Apache-2.0
/* Users and groups of a container, looked up in the text of its passwd and group: bytes of the image, trusted in nothing. */
#include "userctr/ctr_conf.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/ctr_conf_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 7
#define ID_MAX	   ((int64_t)INT32_MAX) /* as docker has it */

struct slice {
	const char *p;
	size_t n;
};

static bool is_text(const struct slice *s, const char *text)
{
	return strlen(text) == s->n && memcmp(s->p, text, s->n) == 0;
}

/* A number all of whose characters are digits; -1 otherwise. */
static int64_t number(const char *p, size_t n)
{
	int64_t v = 0;

	if (n == 0 || n > 10)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

/* The next line as fields between colons; false at the end of the text. Comments and empty lines have no fields. */
static bool next_line(const char **at, const char *end, struct slice f[FIELDS_MAX], size_t *ret_n)
{
	size_t n = 0;

	if (*at >= end)
		return false;
	const char *nl = memchr(*at, '\n', (size_t)(end - *at));
	const char *stop = nl != NULL ? nl : end, *p = *at;
	*at = nl != NULL ? nl + 1 : end;
	while (p < stop && (*p == ' ' || *p == '\t'))
		p++;
	while (stop > p && (stop[-1] == ' ' || stop[-1] == '\t' || stop[-1] == '\r'))
		stop--;
	while (p < stop && *p != '#' && n < FIELDS_MAX) {
		const char *colon = memchr(p, ':', (size_t)(stop - p));
		const char *e = colon != NULL ? colon : stop;
		f[n++] = (struct slice){p, (size_t)(e - p)};
		p = colon != NULL ? colon + 1 : stop;
		/* "a:" has an empty second field */
		if (colon != NULL && p == stop && n < FIELDS_MAX)
			f[n++] = (struct slice){p, 0};
	}
	*ret_n = n;
	return true;
}

/* By name, or (name NULL) by number. *ret_name is the user's name in the file. */
static bool find_user(const char *text, const char *passwd, size_t len, int64_t id, struct ctr_user *u, struct slice *ret_name)
{
	const char *at = passwd, *end = passwd + len;
	struct slice f[FIELDS_MAX];
	size_t n;

	while (passwd != NULL && next_line(&at, end, f, &n)) {
		if (n < 4)
			continue;
		int64_t uid = number(f[2].p, f[2].n), gid = number(f[3].p, f[3].n);
		if (uid < 0 || gid < 0 || uid > ID_MAX || gid > ID_MAX || f[0].n == 0)
			continue;
		if (!is_text(&f[0], text) && uid != id)
			continue;
		u->uid = (uid_t)uid;
		u->gid = (gid_t)gid;
		/* a folder that could not be one is none */
		if (n > 5 && f[5].n > 0 && f[5].n < sizeof(u->home) && f[5].p[0] == '/' && memchr(f[5].p, '\0', f[5].n) == NULL) {
			memcpy(u->home, f[5].p, f[5].n);
			u->home[f[5].n] = '\0';
		}
		*ret_name = f[0];
		return true;
	}
	return false;
}

static bool is_member(const struct slice *list, const struct slice *name)
{
	const char *p = list->p, *end = list->p + list->n;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *e = comma != NULL ? comma : end;
		if ((size_t)(e - p) == name->n && memcmp(p, name->p, name->n) == 0)
			return true;
		p = comma != NULL ? comma + 1 : end;
	}
	return false;
}

static void add_group(struct ctr_user *u, int64_t gid)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == (gid_t)gid)
			return;
	if (u->n_groups < countof(u->groups))
		u->groups[u->n_groups++] = (gid_t)gid;
}

static void add_memberships(struct ctr_user *u, const struct slice *name, const char *group, size_t len)
{
	const char *at = group, *end = group + len;
	struct slice f[FIELDS_MAX];
	size_t n;

	while (group != NULL && next_line(&at, end, f, &n)) {
		int64_t gid = n >= 4 ? number(f[2].p, f[2].n) : -1;
		if (gid >= 0 && gid <= ID_MAX && is_member(&f[3], name))
			add_group(u, gid);
	}
}

/* A group's number by name, or a number as such. -1: not there. */
static int64_t find_group(const char *text, const char *group, size_t len)
{
	const char *at = group, *end = group + len;
	struct slice f[FIELDS_MAX];
	size_t n;

	while (group != NULL && next_line(&at, end, f, &n)) {
		int64_t gid = n >= 3 ? number(f[2].p, f[2].n) : -1;
		if (gid >= 0 && gid <= ID_MAX && f[0].n > 0 && is_text(&f[0], text))
			return gid;
	}
	return number(text, strlen(text));
}

int ctr_user_find(const char *text, const char *passwd, size_t passwd_len, const char *group, size_t group_len,
		  struct ctr_user *ret, struct err *e)
{
	struct ctr_user u = {.home = "/"};
	const char *colon = strchr(text, ':');
	struct slice name = {0};
	char user[256];

	size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
	if (len >= sizeof(user))
		return err_say(e, EINVAL, "unable to find user %.100s...: the name is too long", text);
	memcpy(user, text, len);
	user[len] = '\0';
	int64_t id = len == 0 ? 0 : number(user, len);
	bool found = find_user(user, passwd, passwd_len, id, &u, &name);
	if (id > ID_MAX)
		return err_say(e, EINVAL, "uids and gids must be in range 0-2147483647");
	if (!found && id < 0)
		return err_say(e, EINVAL, "unable to find user %s: no matching entries in passwd file", user);
	if (!found)
		u.uid = (uid_t)id;
	if (colon != NULL && colon[1] != '\0') {
		int64_t gid = find_group(colon + 1, group, group_len);
		if (gid < 0)
			return err_say(e, EINVAL, "unable to find group %.100s: no matching entries in group file", colon + 1);
		if (gid > ID_MAX)
			return err_say(e, EINVAL, "uids and gids must be in range 0-2147483647");
		u.gid = (gid_t)gid;
	} else if (found) {
		add_memberships(&u, &name, group, group_len);
	}
	*ret = u;
	return 0;
}

int ctr_user_add_groups(struct ctr_user *u, const struct ctr_conf *c, const char *group, size_t group_len, struct err *e)
{
	struct json_iter it = json_iter(json_get(c->host, "GroupAdd"));

	while (json_next(&it)) {
		const char *name = json_str_or(it.value, "");
		int64_t gid = find_group(name, group, group_len);
		if (gid < 0)
			return err_say(e, EINVAL, "Unable to find group %.100s", name);
		if (gid > ID_MAX)
			return err_say(e, EINVAL, "uids and gids must be in range 0-2147483647");
		add_group(u, gid);
	}
	return 0;
}
