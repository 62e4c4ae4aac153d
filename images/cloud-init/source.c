// SPDX-License-Identifier: Apache-2.0
/* Where configuration comes from: a seed folder, a volume labelled cidata or config-2, what was there the last time. Copies
 * bytes and looks into none of them but the device's label. */
#include "images/cloud-init/cloud_init.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/cmdline.h"
#include "lib/codec/volume.h"
#include "lib/config/plan.h"
#include "lib/config/userdata.h"
#include "lib/sys/io.h"
#include "lib/sys/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define SEED_DIR      STATE_DIR "/seed/nocloud"
#define LAST_DIR      STATE_DIR "/last"
#define HINTED_MS     10000
#define UNHINTED_MS   2000
#define LOOK_EVERY_MS 200
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

struct hint {
	bool is_there; /* something says that there is a datasource */
	char seed[256], id[128], name[128];
};

static void read_file(int dir, const char *path, struct buf *b)
{
	owned_fd int fd = path_open_in(dir, path, O_RDONLY | O_NONBLOCK, 0, NULL);
	struct stat st;
	struct err e;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	buf_clear(b);
	int r = read_all(fd, b);
	if (r < 0) {
		(void)err_set(&e, -r, "read '%s'", path);
		log_warn(SUB, "%s", e.msg);
		buf_clear(b);
	}
}

static bool read_nocloud(struct plan_in *in, int dir)
{
	read_file(dir, "user-data", &in->user_data);
	read_file(dir, "meta-data", &in->meta_data);
	read_file(dir, "vendor-data", &in->vendor_data);
	read_file(dir, "network-config", &in->network_config);
	return in->user_data.len + in->meta_data.len > 0;
}

static bool read_configdrive(struct plan_in *in, int dir)
{
	read_file(dir, "openstack/latest/user_data", &in->user_data);
	read_file(dir, "openstack/latest/meta_data.json", &in->meta_data);
	return in->user_data.len + in->meta_data.len > 0;
}

static bool try_folder(struct plan_in *in, const char *path, char source[SOURCE_NAME], const char *kind)
{
	owned_fd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || !read_nocloud(in, dir))
		return false;
	(void)snprintf(source, SOURCE_NAME, "%s '%.90s'", kind, path); /* for messages */
	return true;
}

/* ---- volumes --------------------------------------------------------------------------------------- */

static bool is_device(const char *name)
{
	static const char *const not[] = {"loop", "ram", "zram", "nbd", "fd", "dm-", "md"};

	for (size_t i = 0; i < countof(not); i++)
		if (strncmp(name, not[i], strlen(not[i])) == 0)
			return false;
	return name[0] != '.' && strpbrk(name, "!/") == NULL;
}

static bool read_label(const char *device, struct volume *ret)
{
	owned_mem char *head = malloc(VOLUME_BYTES);
	owned_fd int fd = open(device, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || head == NULL)
		return false;
	ssize_t n = read_full(fd, head, VOLUME_BYTES);
	return n > 0 && volume_parse(head, (size_t)n, ret);
}

static bool try_device(struct plan_in *in, const char *name, char source[SOURCE_NAME])
{
	char device[300];
	struct volume v;

	(void)snprintf(device, sizeof(device), "/dev/%s", name); /* fits */
	if (!read_label(device, &v))
		return false;
	bool is_cidata = strcasecmp(v.label, "cidata") == 0, is_config = strcasecmp(v.label, "config-2") == 0;
	if (!is_cidata && !is_config)
		return false;
	if (mount(device, "/mnt", v.fstype, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW, NULL) < 0) {
		log_error(SUB, "mount '%s': %s", device, strerror(errno));
		return false;
	}
	owned_fd int dir = open("/mnt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = dir >= 0 && (is_cidata ? read_nocloud(in, dir) : read_configdrive(in, dir));
	drop_fd(&dir);
	dir = -1;
	(void)umount2("/mnt", MNT_DETACH); /* gone with the service otherwise */
	if (!ok)
		log_warn(SUB, "volume '%s' with the label '%s' has no data for cloud-init", device, v.label);
	else
		(void)snprintf(source, SOURCE_NAME, "%s '%.90s'", is_cidata ? "nocloud" : "configdrive", device); /* for messages */
	return ok;
}

static bool try_devices(struct plan_in *in, char source[SOURCE_NAME])
{
	struct dirent **d = NULL;
	int n = scandir("/sys/class/block", &d, NULL, alphasort);
	bool found = false;

	for (int i = 0; i < n; i++) {
		found = found || (is_device(d[i]->d_name) && try_device(in, d[i]->d_name, source));
		free(d[i]);
	}
	free(d);
	return found;
}

/* Devices come when they come: look again whenever /dev changes. */
static bool wait_for_device(struct plan_in *in, char source[SOURCE_NAME], int64_t patience_ms)
{
	owned_fd int news = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int64_t end = clock_mono_ms() + patience_ms, left;
	char drop[4096];

	if (news >= 0)
		(void)inotify_add_watch(news, "/dev", IN_CREATE); /* without it there is the timeout */
	for (;;) {
		if (try_devices(in, source))
			return true;
		left = end - clock_mono_ms();
		if (left <= 0)
			return false;
		struct pollfd p = {.fd = news, .events = POLLIN};
		/* a medium may come into a drive that was there before */
		(void)poll(&p, 1, (int)(left < LOOK_EVERY_MS ? left : LOOK_EVERY_MS));
		while (news >= 0 && read(news, drop, sizeof(drop)) > 0)
			;
	}
}

/* ---- hints ----------------------------------------------------------------------------------------- */

/* "nocloud;s=/path/;i=id;h=name", also "nocloud-net" */
static void take_hint(struct hint *h, const char *s, size_t n)
{
	char text[512];

	if (n >= sizeof(text) || n < 7 || strncasecmp(s, "nocloud", 7) != 0)
		return;
	memcpy(text, s, n);
	text[n] = '\0';
	h->is_there = true;
	for (char *save = NULL, *w = strtok_r(text, ";", &save); w != NULL; w = strtok_r(NULL, ";", &save)) {
		char *to = w[0] == 's' ? h->seed : w[0] == 'i' ? h->id : h->name;
		size_t size = w[0] == 's' ? sizeof(h->seed) : sizeof(h->id);
		if (strchr("sih", w[0]) != NULL && w[1] == '=')
			(void)snprintf(to, size, "%s", w + 2); /* what is cut is not found */
	}
}

static void find_hints(struct hint *h)
{
	owned_buf struct buf serial = BUF_INIT(4096);
	owned_buf struct buf line = BUF_INIT(CMDLINE_MAX + 1);
	struct cmdline_arg a;

	if (file_read(AT_FDCWD, "/sys/class/dmi/id/product_serial", &serial, NULL) == 0 && strncmp(buf_str(&serial), "ds=", 3) == 0)
		take_hint(h, serial.data + 3, strcspn(serial.data + 3, "\n"));
	if (file_read(AT_FDCWD, "/run/slipway/cmdline", &line, NULL) < 0)
		return;
	for (struct cmdline_iter it = cmdline_iter(buf_str(&line), line.len); cmdline_next(&it, &a);)
		if (a.key_len == 2 && memcmp(a.key, "ds", 2) == 0)
			take_hint(h, a.value, a.value_len);
}

static bool is_word(const char *s)
{
	return s[0] != '\0' && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(s);
}

/* What the hint itself says is as if it stood at the end of meta-data. */
static void add_hint(struct plan_in *in, const struct hint *h)
{
	if (in->meta_data.len > 0)
		return;
	if (is_word(h->id))
		buf_printf(&in->meta_data, "instance-id: \"%s\"\n", h->id);
	if (is_word(h->name))
		buf_printf(&in->meta_data, "local-hostname: \"%s\"\n", h->name);
}

static void keep_last(const struct plan_in *in)
{
	static const char *const names[] = {"user-data", "meta-data", "vendor-data", "network-config"};
	const struct buf *b[] = {&in->user_data, &in->meta_data, &in->vendor_data, &in->network_config};
	struct err e;

	if (dir_make_all(AT_FDCWD, LAST_DIR, 0700, &e) < 0) {
		log_warn(SUB, "%s", e.msg);
		return;
	}
	owned_fd int dir = open(LAST_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; dir >= 0 && i < countof(names); i++)
		if (file_replace(dir, names[i], buf_str(b[i]), b[i]->len, 0600, &e) < 0)
			log_warn(SUB, "%s", e.msg);
}

void source_find(struct plan_in *in, char source[SOURCE_NAME])
{
	struct hint h = {0};
	bool found = false;

	source[0] = '\0';
	find_hints(&h);
	const char *seed = strncmp(h.seed, "file://", 7) == 0 ? h.seed + 7 : h.seed;
	if (seed[0] == '/')
		found = try_folder(in, seed, source, "nocloud");
	else if (seed[0] != '\0')
		say_on_consoles("seed '%s' is ignored: only paths are supported", seed);
	if (!found)
		found = try_folder(in, SEED_DIR, source, "nocloud");
	if (!found)
		found = wait_for_device(in, source, h.is_there ? HINTED_MS : UNHINTED_MS);
	if (found)
		keep_last(in);
	else if (try_folder(in, LAST_DIR, source, "as before, from"))
		log_info(SUB, "no datasource now: what the last one said still counts");
	else if (h.is_there)
		say_on_consoles("no volume with the label 'cidata' or 'config-2', though the machine says that there is one");
	if (source[0] != '\0' || is_word(h.id) || is_word(h.name))
		add_hint(in, &h);
}
