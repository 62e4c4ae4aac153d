// SPDX-License-Identifier: Apache-2.0
/* Capabilities of a container. */
#include "userctr/ctr_conf_internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_spec.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CAP_ALL UINT64_MAX

/* Docker's defaults come first and in its order; a reader who compares finds the same text. */
static const char *const cap_names[] = {
	"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
	"NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
	/* the others */
	"DAC_READ_SEARCH", "LINUX_IMMUTABLE", "NET_BROADCAST", "NET_ADMIN", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE",
	"SYS_RAWIO", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME",
	"SYS_TTY_CONFIG", "LEASE", "AUDIT_CONTROL", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM",
	"BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
};
#define N_DEFAULT 14

static uint64_t bit_of(const char *name)
{
	char full[64];

	(void)snprintf(full, sizeof(full), "CAP_%.40s", name);
	int n = oci_cap_by_name(full);
	return n < 0 ? 0 : UINT64_C(1) << n;
}

static int read_list(const struct json *list, const char *field, uint64_t *ret, struct err *e)
{
	struct json_iter it = json_iter(list);

	*ret = 0;
	while (json_next(&it)) {
		char name[64] = "";
		const char *s = json_str_or(it.value, "");
		if (strncasecmp(s, "CAP_", 4) == 0)
			s += 4;
		for (size_t i = 0; s[i] != '\0' && i + 1 < sizeof(name); i++)
			name[i] = (char)toupper((unsigned char)s[i]);
		uint64_t bit = strcmp(name, "ALL") == 0 ? CAP_ALL : bit_of(name);
		if (bit == 0)
			return err_say(e, EINVAL, "invalid %s: unknown capability: \"CAP_%.50s\"", field, name);
		*ret |= bit;
	}
	return 0;
}

int caps_read(const struct json *host, uint64_t *ret, struct err *e)
{
	uint64_t add, drop, all = 0, caps = 0;

	int r = read_list(json_get(host, "CapAdd"), "CapAdd", &add, e);
	if (r == 0)
		r = read_list(json_get(host, "CapDrop"), "CapDrop", &drop, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < countof(cap_names); i++) {
		all |= bit_of(cap_names[i]);
		caps |= i < N_DEFAULT ? bit_of(cap_names[i]) : 0;
	}
	if (conf_bool(host, "Privileged"))
		caps = all;
	else if (add == CAP_ALL)
		caps = all & (drop == CAP_ALL ? 0 : ~drop);
	else
		caps = (caps & ~drop) | add; /* what is added wins over ALL that is dropped */
	*ret = caps & all;
	return 0;
}

void caps_write(struct json_writer *w, uint64_t caps)
{
	static const char *const sets[] = {"bounding", "effective", "permitted"};
	char full[64];

	jw_obj(w);
	for (size_t s = 0; s < countof(sets); s++) {
		jw_key(w, sets[s]);
		jw_arr(w);
		for (size_t i = 0; i < countof(cap_names); i++) {
			if ((caps & bit_of(cap_names[i])) == 0)
				continue;
			(void)snprintf(full, sizeof(full), "CAP_%s", cap_names[i]);
			jw_str(w, full);
		}
		jw_end_arr(w);
	}
	jw_end_obj(w);
}
