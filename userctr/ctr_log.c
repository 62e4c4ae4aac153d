// SPDX-License-Identifier: Apache-2.0
/* LogConfig: which drivers there are and what they can be told. */
#include "userctr/ctr_conf_internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/ctr_conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Unlike docker, which fills the disk: a log is bounded unless somebody says otherwise. */
#define LOG_BYTES ((int64_t)10 * 1000 * 1000)
#define LOG_FILES 3
#define FILES_MAX 1000

/* "10m", "1.5GB", "100": decimal units. Returns bytes or -1. */
static int64_t size_of(const char *s)
{
	static const char units[] = "bkmgtp";
	char *end;

	if (strchr("0123456789.", *s) == NULL || *s == '\0')
		return -1;
	double n = strtod(s, &end);
	if (end[0] == ' ')
		end++;
	const char *u = *end != '\0' ? strchr(units, *end | 0x20) : units;
	if (end == s || u == NULL)
		return -1;
	for (; u > units; u--)
		n *= 1000;
	if (*end != '\0' && strchr(units, *end | 0x20) != units)
		end++;
	if (*end == 'b' || *end == 'B')
		end++;
	return *end == '\0' && n < 9e18 ? (int64_t)n : -1;
}

static int read_size(const char *v, struct ctr_conf *c, struct err *e)
{
	int64_t n = strcmp(v, "-1") == 0 ? 0 : size_of(v);

	if (n < 0 || (n == 0 && strcmp(v, "-1") != 0))
		return err_say(e, EINVAL, "invalid value for log opt 'max-size': invalid size: '%.50s'", v);
	c->log_max_bytes = n;
	return 0;
}

static int read_files(const char *v, struct ctr_conf *c, struct err *e)
{
	size_t n = strspn(v, "0123456789");

	if (n == 0 || n > 6 || v[n] != '\0')
		return err_say(e, EINVAL, "invalid value for log opt 'max-file': '%.50s'", v);
	if (atoi(v) < 1)
		return err_say(e, EINVAL, "max-file cannot be less than 1");
	if (atoi(v) > FILES_MAX)
		return err_say(e, EINVAL, "max-file cannot be more than %d", FILES_MAX);
	c->log_max_files = (unsigned)atoi(v);
	return 0;
}

static int read_option(const char *driver, const char *k, const char *v, struct ctr_conf *c, struct err *e)
{
	static const char *const later[] = {"compress", "env", "env-regex", "labels", "labels-regex", "max-buffer-size", "mode", "tag"};
	/* what these say by default is what happens */
	if ((strcmp(k, "compress") == 0 && strcmp(v, "false") == 0) || (strcmp(k, "mode") == 0 && strcmp(v, "blocking") == 0))
		return 0;
	if (strcmp(k, "max-size") == 0)
		return read_size(v, c, e);
	if (strcmp(k, "max-file") == 0)
		return read_files(v, c, e);
	for (size_t i = 0; i < countof(later); i++)
		if (strcmp(k, later[i]) == 0)
			return err_say(e, EINVAL, "log opt '%s=%.50s' is not supported", k, v);
	return err_say(e, EINVAL, "unknown log opt '%.100s' for %s log driver", k, driver);
}

int conf_log(const struct json *log, struct ctr_conf *c, struct err *e)
{
	static const char *const drivers[] = {"json-file", "local", "none"};
	const char *driver = conf_str(log, "Type");
	struct json_iter it = json_iter(json_get(log, "Config"));
	size_t i = 0;

	while (i < countof(drivers) && strcmp(driver, drivers[i]) != 0)
		i++;
	if (i == countof(drivers))
		return err_say(e, EINVAL, "logger: no log driver named '%.100s' is registered", driver);
	c->log_driver = drivers[i];
	c->log_max_bytes = LOG_BYTES;
	c->log_max_files = LOG_FILES;
	while (json_next(&it)) {
		if (strcmp(driver, "none") == 0)
			return err_say(e, EINVAL, "unknown log opt '%.100s' for none log driver", it.key);
		int r = read_option(driver, it.key, json_str_or(it.value, ""), c, e);
		if (r < 0)
			return r;
	}
	return 0;
}
