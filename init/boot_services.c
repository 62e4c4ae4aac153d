// SPDX-License-Identifier: Apache-2.0
/* The last steps: the table, the socket for those who ask, and everything that is not create-only wanted at once. */
#include "init/boot.h"
#include "init/pid1.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#define TABLE "/usr/lib/slipway/services.tab"

static int make_dirs(struct err *e)
{
	static const struct {
		const char *path;
		mode_t mode;
	} dirs[] = {{"/run/slipway/notify", 0711}, {"/run/slipway/log", 0750}, {"/run/slipway/network", 0755},
		    {"/run/slipway/syslog", 0755}, {"/run/slipway/time", 0755}};

	for (size_t i = 0; i < countof(dirs); i++)
		if (mkdir(dirs[i].path, dirs[i].mode) < 0 && errno != EEXIST)
			return err_set(e, errno, "make directory '%s'", dirs[i].path);
	/* for those who have this /dev and /run: the console; without it syslog(3) is silent there */
	(void)symlink("/run/slipway/syslog/log", "/dev/log");
	return 0;
}

/* Files that services have mounted before the network service fills them. */
static void make_name_files(void)
{
	struct utsname u;
	static const char hosts[] = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
	static const struct {
		const char *path, *text;
	} files[] = {{"/run/slipway/resolv.conf", ""}, {"/run/slipway/hosts", hosts}, {"/run/slipway/hostname", NULL}};

	for (size_t i = 0; i < countof(files); i++) {
		owned_fd int fd = open(files[i].path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		const char *text = files[i].text;
		int r = fd < 0 ? -errno : 0;
		if (text == NULL)
			text = uname(&u) == 0 ? u.nodename : "slipway";
		if (r == 0)
			r = write_all(fd, text, strlen(text));
		if (r == 0 && files[i].text == NULL)
			r = write_all(fd, "\n", 1);
		if (r < 0)
			log_warn("slipway", "write '%s': %s", files[i].path, strerror(-r));
	}
}

int boot_table(void *ctx, struct err *e)
{
	struct pid1 *p = ctx;
	struct err why;

	int r = make_dirs(e);
	if (r < 0)
		return r;
	make_name_files();
	r = svc_table_load(p, TABLE, e);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < p->svc_count; i++) {
		struct svc *s = &p->svcs[i];
		/* tried again at its start, which fails then */
		if (svc_notify_listen(s, &why) < 0 || svc_sockets_open(s, &why) < 0)
			log_warn("slipway", "service '%s': %s", s->def->name, why.msg);
		svc_sockets_watch(s);
	}
	return 0;
}

int boot_control(void *ctx, struct err *e)
{
	struct err why;

	(void)e;
	/* the system works without it, but nobody can ask it anything: worth a second try */
	if (control_begin(ctx, &why) < 0 && control_begin(ctx, &why) < 0)
		log_error("slipway", "control socket: %s", why.msg);
	return 0;
}

int boot_services(void *ctx, struct err *e)
{
	struct pid1 *p = ctx;

	(void)e;
	for (unsigned i = 0; i < p->svc_count; i++)
		if (!svc_is_by_hand(&p->svcs[i]))
			svc_wish(&p->svcs[i], SVC_WISH_START);
	report_begin(p);
	act_soon(p, WANT_GRAPH);
	return 0;
}
