// SPDX-License-Identifier: Apache-2.0
/* slipway version */
#include "admin/client.h"
#include "admin/verbs.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/base/version.h"
#include "lib/codec/json.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static int print_json(const char *system, const char *kernel)
{
	owned_buf struct buf b = BUF_INIT(4096);
	struct json_writer w;

	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "client", SLIPWAY_VERSION);
	jw_kstr(&w, "system", *system != '\0' ? system : NULL);
	jw_kstr(&w, "kernel", kernel);
	jw_end_obj(&w);
	puts(buf_str(&b));
	return 0;
}

int cmd_version(int argc, char **argv)
{
	static const struct verb self = {.name = "version", .args = "[--format json]"};
	char system[CTL_FRAME_MAX] = "";
	struct utsname u = {0};
	struct err e;

	bool is_json = argc == 3 && strcmp(argv[1], "--format") == 0 && strcmp(argv[2], "json") == 0;
	if (argc != 1 && !is_json)
		return usage("slipway", &self, "unknown arguments");
	(void)uname(&u); /* cannot fail with a valid pointer */
	owned_fd int fd = client_open(&e);
	if (fd >= 0)
		(void)client_ask(fd, CTL_VERSION, NULL, 0, NULL, NULL, system, &e); /* then it is left out */
	if (is_json)
		return print_json(system, u.release);
	printf("slipway %s\n", SLIPWAY_VERSION);
	if (*system != '\0')
		printf("system  %s\n", system);
	printf("kernel  %s\n", u.release);
	return 0;
}
