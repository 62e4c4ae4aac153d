// SPDX-License-Identifier: Apache-2.0
/* What may be asked of a container: dockerd's checks with its words, and refusals of what is not there. */
#include "userctr/ctr_conf_internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/signals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)

const char *conf_str(const struct json *doc, const char *key)
{
	return json_str_or(json_get(doc, key), "");
}

int64_t conf_int(const struct json *doc, const char *key)
{
	return json_int(json_get(doc, key), 0);
}

bool conf_bool(const struct json *doc, const char *key)
{
	return json_bool(json_get(doc, key), false);
}

bool conf_is_set(const struct json *doc, const char *key)
{
	const struct json *v = json_get(doc, key);

	return v != NULL && json_type(v) != JSON_NULL;
}

const char *mode_container(const char *mode)
{
	return strncmp(mode, "container:", 10) == 0 ? mode + 10 : NULL;
}

static int check_health(const struct json *h, struct err *e)
{
	static const char *const times[] = {"Interval", "Timeout", "StartPeriod", "StartInterval"};
	const struct json *test = json_get(h, "Test");
	struct json_iter it = json_iter(test);

	for (size_t i = 0; i < countof(times); i++)
		if (conf_int(h, times[i]) != 0 && conf_int(h, times[i]) < MS)
			return err_say(e, EINVAL, "%s in Healthcheck cannot be less than 1ms", times[i]);
	if (conf_int(h, "Retries") < 0)
		return err_say(e, EINVAL, "Retries in Healthcheck cannot be negative");
	if (!json_next(&it))
		return 0;
	const char *kind = json_str_or(it.value, "");
	if (strcmp(kind, "") != 0 && strcmp(kind, "NONE") != 0 && strcmp(kind, "CMD") != 0 && strcmp(kind, "CMD-SHELL") != 0)
		return err_say(e, EINVAL, "Unknown healthcheck type '%.50s' (expected 'CMD')", kind);
	return 0;
}

static int check_ports(const struct json *ports, struct err *e)
{
	struct json_iter it = json_iter(ports);

	while (json_next(&it)) {
		size_t n = strspn(it.key, "0123456789-");
		const char *proto = it.key[n] == '/' ? it.key + n + 1 : "tcp";
		int port = atoi(it.key);
		if (n == 0 || n > 11 || (it.key[n] != '\0' && it.key[n] != '/') || port < 1 || port > 65535)
			return err_say(e, EINVAL, "invalid port specification: \"%.50s\"", it.key);
		if (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0 && strcmp(proto, "sctp") != 0)
			return err_say(e, EINVAL, "invalid proto: %.50s", proto);
	}
	return 0;
}

int conf_check(const struct json *config, const struct json *host, struct err *e)
{
	const char *dir = conf_str(config, "WorkingDir"), *sig = conf_str(config, "StopSignal");
	int unused;

	if (*dir != '\0' && *dir != '/')
		return err_say(e, EINVAL, "the working directory '%.200s' is invalid, it needs to be an absolute path", dir);
	if (*sig != '\0' && signal_parse(sig, &unused, e) < 0)
		return -EINVAL;
	struct json_iter it = json_iter(json_get(config, "Env"));
	while (json_next(&it)) {
		const char *v = json_str_or(it.value, "");
		if (*v == '\0' || *v == '=')
			return err_say(e, EINVAL, "invalid environment variable: %.100s", v);
	}
	/* the kernel's bounds: __NEW_UTS_LEN */
	if (strlen(conf_str(config, "Hostname")) > 64 || strlen(conf_str(config, "Domainname")) > 64)
		return err_say(e, EINVAL, "invalid hostname or domainname: longer than 64 characters");
	if (json_len(json_get(config, "Entrypoint")) == 0 && json_len(json_get(config, "Cmd")) == 0)
		return err_say(e, EINVAL, "no command specified");
	int r = check_health(json_get(config, "Healthcheck"), e);
	if (r == 0)
		r = check_ports(json_get(config, "ExposedPorts"), e);
	return r < 0 ? r : host_check(config, host, e);
}
