// SPDX-License-Identifier: Apache-2.0
/* compile-filters: what a system image carries so that its first containers need not compile their filter: those of its
 * services' bundles, and the one of a container that asked for nothing special. */
#include "sysctr/cli.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/seccomp_default.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>

#define CONFIG_MAX ((size_t)4 << 20)
#define USUAL_CAPS UINT64_C(0xa80425fb) /* what the Docker Engine API gives a container by default */

static int compile_bundle(const char *bundle, int out, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(CONFIG_MAX);
	owned_fd int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_set(e, errno, "bundle '%s'", bundle);
	int r = file_read(dir, "config.json", &b, e);
	if (r == 0)
		r = sysctr_compile_filter(buf_str(&b), b.len, out, e);
	return r < 0 ? err_wrap(e, r, "bundle '%s'", bundle) : 0;
}

static int compile_usual(int out, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(CONFIG_MAX);
	struct json_writer w;

	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "ociVersion", SYSCTR_SPEC_VERSION);
	jw_key(&w, "process");
	jw_obj(&w);
	jw_kstr(&w, "cwd", "/");
	jw_key(&w, "args");
	jw_arr(&w);
	jw_str(&w, "sh");
	jw_end_arr(&w);
	jw_end_obj(&w);
	jw_key(&w, "root");
	jw_obj(&w);
	jw_kstr(&w, "path", "rootfs");
	jw_end_obj(&w);
	jw_key(&w, "linux");
	jw_obj(&w);
	jw_key(&w, "seccomp");
	seccomp_default_write(&w, USUAL_CAPS);
	jw_end_obj(&w);
	jw_end_obj(&w);
	return buf_error(&b) < 0 ? err_set(e, ENOMEM, "write the usual filter") : sysctr_compile_filter(buf_str(&b), b.len, out, e);
}

int cli_compile_filters(const struct sysctr_opt *opt, int argc, char **argv)
{
	struct err e;

	(void)opt;
	if (argc < 2)
		return cli_usage(argv[0], "needs a directory to write to");
	owned_fd int out = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = out < 0 ? err_set(&e, errno, "open '%s'", argv[1]) : compile_usual(out, &e);
	for (int i = 2; r == 0 && i < argc; i++)
		r = compile_bundle(argv[i], out, &e);
	return r < 0 ? cli_fail(&e) : 0;
}
