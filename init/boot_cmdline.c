// SPDX-License-Identifier: Apache-2.0
/* The effective command line: the kernel's, and what the firmware's OEM string "slipway.cmdline=" adds (the way to
 * pass keys to a boot from an ISO). Keys of ours that are unknown or malformed are named and otherwise ignored. */
#include "init/boot.h"
#include "init/console.h"
#include "init/pid1.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/keys.h"
#include "lib/codec/smbios.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static void append(struct pid1 *p, const char *text, size_t len)
{
	if (p->cmdline_len > 0 && p->cmdline_len < sizeof(p->cmdline))
		p->cmdline[p->cmdline_len++] = ' ';
	if (len > sizeof(p->cmdline) - p->cmdline_len)
		len = sizeof(p->cmdline) - p->cmdline_len;
	for (size_t i = 0; i < len; i++)
		p->cmdline[p->cmdline_len++] = (unsigned char)text[i] < 0x20 ? ' ' : text[i];
}

static void append_firmware(struct pid1 *p)
{
	const char *extra;
	size_t len;

	owned_fd int fd = open("/sys/firmware/dmi/tables/DMI", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* no firmware tables */
	/* the service table's place is not in use yet */
	ssize_t n = read_full(fd, p->table, sizeof(p->table));
	if (n > 0 && smbios_oem_string(p->table, (size_t)n, "slipway.cmdline=", &extra, &len))
		append(p, extra, len);
}

static int tell_services(struct pid1 *p, struct err *e)
{
	if (mkdir("/run/slipway", 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "make directory '/run/slipway'");
	/* not for everybody: it may hold a password */
	owned_fd int fd = open("/run/slipway/cmdline", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "create '/run/slipway/cmdline'");
	int r = write_all(fd, p->cmdline, p->cmdline_len);
	if (r == 0)
		r = write_all(fd, "\n", 1);
	return r < 0 ? err_set(e, -r, "write '/run/slipway/cmdline'") : 0;
}

int boot_cmdline(void *ctx, struct err *e)
{
	struct pid1 *p = ctx;
	char line[CMDLINE_MAX];

	owned_fd int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open '/proc/cmdline'");
	ssize_t n = read_full(fd, line, sizeof(line));
	if (n < 0)
		return err_set(e, (int)-n, "read '/proc/cmdline'");
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == ' '))
		n--;
	append(p, line, (size_t)n);
	append_firmware(p);
	return tell_services(p, e);
}

static void complain(struct pid1 *p, const struct cmdline_arg *a, const struct key *k)
{
	char why[KEYS_WHY_MAX];
	int key_len = a->key_len < 48 ? (int)a->key_len : 48, value_len = a->value_len < 48 ? (int)a->value_len : 48;

	if (k == NULL) {
		const struct key *near = keys_nearest(a->key, a->key_len);
		if (near != NULL)
			say(p, "command line: unknown key 'slipway.%.*s' (did you mean 'slipway.%s'?), ignored", key_len,
			    a->key, near->name);
		else
			say(p, "command line: unknown key 'slipway.%.*s', ignored", key_len, a->key);
	} else if (keys_check(k, a, why) != NULL) {
		say(p, "command line: key 'slipway.%s' wants %s, not '%.*s', ignored", k->name, why, value_len, a->value);
	}
}

static void apply_log_level(struct pid1 *p)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	struct cmdline_arg a;

	if (cmdline_flag(p->cmdline, p->cmdline_len, "debug"))
		log_set_level(LOG_LEVEL_DEBUG);
	if (!cmdline_last(p->cmdline, p->cmdline_len, "log_level", &a))
		return;
	for (size_t i = 0; i < countof(names); i++)
		if (a.value_len == strlen(names[i]) && memcmp(a.value, names[i], a.value_len) == 0)
			log_set_level(LOG_LEVEL_ERROR + (enum log_level)i);
}

static void apply_hostname(struct pid1 *p)
{
	const struct key *k = keys_find("hostname", 8);
	char name[64] = "slipway", why[KEYS_WHY_MAX];
	struct cmdline_arg a;

	if (cmdline_last(p->cmdline, p->cmdline_len, "hostname", &a) && keys_check(k, &a, why) == NULL)
		(void)cmdline_copy_value(&a, name, sizeof(name)); /* the check bounds it */
	if (sethostname(name, strlen(name)) < 0)
		log_warn("slipway", "set hostname '%s': %s", name, strerror(errno));
}

int boot_consoles(void *ctx, struct err *e)
{
	struct pid1 *p = ctx;
	struct cmdline_iter it = cmdline_iter(p->cmdline, p->cmdline_len);
	struct cmdline_arg a;

	(void)e;
	console_find(p);
	console_quiet_kernel(p);
	apply_log_level(p);
	apply_hostname(p);
	while (cmdline_next(&it, &a))
		if (cmdline_strip_prefix(&a))
			complain(p, &a, keys_find(a.key, a.key_len));
	watchdog_begin(p);
	return 0;
}

int boot_recovery(void *ctx, struct err *e)
{
	struct pid1 *p = ctx;

	if (!cmdline_flag(p->cmdline, p->cmdline_len, "recovery"))
		return 0;
	return err_say(e, ECANCELED, "asked for by 'slipway.recovery'");
}
