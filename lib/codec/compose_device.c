// SPDX-License-Identifier: Apache-2.0
/* devices and device_cgroup_rules of a service.yml. Compiled where the device is not: its number must be a fixed one. */
#include "lib/codec/compose_in.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	char type;
	unsigned major, minor;
} fixed[] = {
	{"/dev/mem", 'c', 1, 1},      {"/dev/null", 'c', 1, 3},	  {"/dev/zero", 'c', 1, 5},	  {"/dev/full", 'c', 1, 7},
	{"/dev/random", 'c', 1, 8},   {"/dev/urandom", 'c', 1, 9}, {"/dev/kmsg", 'c', 1, 11},	  {"/dev/tty0", 'c', 4, 0},
	{"/dev/tty", 'c', 5, 0},      {"/dev/console", 'c', 5, 1}, {"/dev/ptmx", 'c', 5, 2},	  {"/dev/net/tun", 'c', 10, 200},
	{"/dev/fuse", 'c', 10, 229},  {"/dev/watchdog", 'c', 10, 130}, {"/dev/loop-control", 'c', 10, 237},
	{"/dev/snapshot", 'c', 10, 231}, {"/dev/rfkill", 'c', 10, 242}, {"/dev/kvm", 'c', 10, 232},
};

static bool number_after(const char *name, const char *prefix, unsigned max, unsigned *ret)
{
	size_t n = strlen(prefix);
	char *end;

	if (strncmp(name, prefix, n) != 0 || name[n] < '0' || name[n] > '9')
		return false;
	unsigned long k = strtoul(name + n, &end, 10);
	*ret = (unsigned)k;
	return *end == '\0' && k <= max;
}

static bool find(const char *name, struct compose_device *ret)
{
	unsigned k;

	for (size_t i = 0; i < countof(fixed); i++)
		if (strcmp(name, fixed[i].name) == 0) {
			*ret = (struct compose_device){.type = fixed[i].type, .major = fixed[i].major, .minor = fixed[i].minor};
			return true;
		}
	if (number_after(name, "/dev/ttyS", 191, &k))
		*ret = (struct compose_device){.type = 'c', .major = 4, .minor = 64 + k};
	else if (number_after(name, "/dev/tty", 63, &k))
		*ret = (struct compose_device){.type = 'c', .major = 4, .minor = k};
	else if (number_after(name, "/dev/loop", 255, &k))
		*ret = (struct compose_device){.type = 'b', .major = 7, .minor = k};
	else
		return false;
	return true;
}

static bool is_access(const char *s)
{
	return *s != '\0' && s[strspn(s, "rwm")] == '\0';
}

int take_devices(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	const char **texts = NULL;
	char name[64];

	int r = take_texts(in, "devices", v, &texts);
	if (r < 0)
		return r;
	s->devices = arena_array(in->memory, v->count + 1, sizeof(*s->devices));
	if (s->devices == NULL)
		return err_set(in->e, ENOMEM, "%s: %s", in->file, in->at);
	for (size_t i = 0; i < v->count; i++) {
		struct compose_device *d = &s->devices[s->device_count++];
		char *source = arena_copy(in->memory, texts[i], strcspn(texts[i], ":"));
		const char *rest = texts[i] + strcspn(texts[i], ":");
		(void)snprintf(name, sizeof(name), "devices[%zu]", i);
		if (source == NULL)
			return err_set(in->e, ENOMEM, "%s: %s", in->file, in->at);
		if (!find(source, d))
			return compose_bad(in, name, v->items[i],
					   "a device with a fixed number (others: a volume, and device_cgroup_rules)");
		d->path = source;
		d->access = "rwm";
		if (*rest == ':' && rest[1] == '/') {
			size_t len = strcspn(rest + 1, ":");
			d->path = arena_copy(in->memory, rest + 1, len);
			rest += 1 + len;
		}
		if (*rest == ':')
			d->access = rest + 1;
		if (d->path == NULL || !is_access(d->access))
			return compose_bad(in, name, v->items[i], "/dev/NAME[:/dev/NAME][:rwm]");
	}
	return 0;
}

static bool number_or_all(const char **p, int64_t *ret)
{
	char *end;

	*ret = COMPOSE_UNSET;
	if (**p == '*') {
		(*p)++;
		return true;
	}
	if (**p < '0' || **p > '9')
		return false;
	*ret = strtol(*p, &end, 10);
	*p = end;
	return *ret <= 1048575;
}

int take_rules(struct compose_in *in, const struct yaml_node *v, struct compose_service *s)
{
	const char **texts = NULL;
	char name[64];

	int r = take_texts(in, "device_cgroup_rules", v, &texts);
	if (r < 0)
		return r;
	s->rules = arena_array(in->memory, v->count + 1, sizeof(*s->rules));
	if (s->rules == NULL)
		return err_set(in->e, ENOMEM, "%s: %s", in->file, in->at);
	for (size_t i = 0; i < v->count; i++) {
		struct compose_rule *d = &s->rules[s->rule_count++];
		const char *p = texts[i];
		d->type = *p;
		bool ok = *p != '\0' && strchr("abc", *p) != NULL && p[1] == ' ';
		p += ok ? 2 : 0;
		ok = ok && number_or_all(&p, &d->major) && *p++ == ':' && number_or_all(&p, &d->minor) && *p++ == ' ' && is_access(p);
		d->access = p;
		(void)snprintf(name, sizeof(name), "device_cgroup_rules[%zu]", i);
		if (!ok)
			return compose_bad(in, name, v->items[i], "TYPE MAJOR:MINOR ACCESS, like 'c 4:* rw'");
	}
	return 0;
}
