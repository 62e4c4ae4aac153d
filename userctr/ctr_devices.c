// SPDX-License-Identifier: Apache-2.0
/* Devices of a container. The numbers of a device are the host's to tell: here, and only here, paths of it are looked at. */
#include "userctr/ctr_conf_internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DEPTH_MAX 8
#define NODES_MAX 4096

int device_rule_parse(const char *text, char *ret_type, int64_t *ret_major, int64_t *ret_minor, char ret_access[4])
{
	int64_t n[2];
	const char *p = text + 2;

	if (strchr("acb", text[0]) == NULL || text[0] == '\0' || text[1] != ' ')
		return -EINVAL;
	for (int i = 0; i < 2; i++) {
		size_t len = *p == '*' ? 1 : strspn(p, "0123456789");
		if (len == 0 || len > 9 || p[len] != (i == 0 ? ':' : ' '))
			return -EINVAL;
		n[i] = *p == '*' ? -1 : strtoll(p, NULL, 10);
		p += len + 1;
	}
	if (*p == '\0' || strlen(p) > 3 || p[strspn(p, "rwm")] != '\0')
		return -EINVAL;
	*ret_type = text[0];
	*ret_major = n[0];
	*ret_minor = n[1];
	strcpy(ret_access, p);
	return 0;
}

/* One call per node: as an entry of linux.devices, or as a rule of the cgroup. */
struct out {
	struct json_writer *w;
	const char *access; /* NULL: entries are written */
	size_t n;
};

static void rule(struct json_writer *w, bool allow, char type, int64_t major, int64_t minor, const char *access)
{
	char t[2] = {type, '\0'};

	jw_obj(w);
	jw_kbool(w, "allow", allow);
	if (type != 'a')
		jw_kstr(w, "type", t);
	if (major >= 0)
		jw_kint(w, "major", major);
	if (minor >= 0)
		jw_kint(w, "minor", minor);
	jw_kstr(w, "access", access);
	jw_end_obj(w);
}

static void put(struct out *o, const char *inside, const struct stat *st)
{
	char type[2] = {S_ISBLK(st->st_mode) ? 'b' : 'c', '\0'};

	o->n++;
	if (o->access != NULL) {
		rule(o->w, /* allow: */ true, type[0], major(st->st_rdev), minor(st->st_rdev), o->access);
		return;
	}
	jw_obj(o->w);
	jw_kstr(o->w, "path", inside);
	jw_kstr(o->w, "type", type);
	jw_kint(o->w, "major", major(st->st_rdev));
	jw_kint(o->w, "minor", minor(st->st_rdev));
	jw_kint(o->w, "fileMode", st->st_mode & 0777);
	jw_kint(o->w, "uid", st->st_uid);
	jw_kint(o->w, "gid", st->st_gid);
	jw_end_obj(o->w);
}

static bool is_skipped(const char *name)
{
	static const char *const names[] = {".", "..", "pts", "ptmx", "shm", "fd", "mqueue", "console", ".lxc", ".lxd-mounts", ".udev"};

	for (size_t i = 0; i < countof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Every node below a folder, links left out. */
static int walk(struct out *o, int fd, const char *inside, int depth)
{
	char path[PATH_MAX];
	struct stat st;
	DIR *d = fdopendir(fd);

	if (d == NULL) {
		close(fd);
		return -errno;
	}
	for (struct dirent *de; (de = readdir(d)) != NULL && o->n < NODES_MAX;) {
		int n = snprintf(path, sizeof(path), "%s/%s", inside, de->d_name);
		if (n < 0 || (size_t)n >= sizeof(path) || is_skipped(de->d_name) ||
		    fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			put(o, path, &st);
		if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
			continue;
		int sub = openat(dirfd(d), de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			(void)walk(o, sub, path, depth + 1); /* a folder that went away has no devices */
	}
	closedir(d);
	return 0;
}

static int from_host(struct out *o, const char *path, const char *inside, struct err *e)
{
	struct stat st;
	int r = stat(path, &st) < 0 ? -errno : 0;

	if (r == 0 && S_ISDIR(st.st_mode)) {
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		size_t before = o->n;
		r = fd < 0 ? -errno : walk(o, fd, inside, 0);
		if (r == 0 && o->n == before)
			r = -ENODEV;
	} else if (r == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))) {
		put(o, inside, &st);
	} else if (r == 0) {
		return err_say(e, EINVAL, "error gathering device information while adding custom device \"%.200s\": not a device node", path);
	}
	if (r < 0)
		return err_say(e, -r, "error gathering device information while adding custom device \"%.200s\": %s", path,
			       r == -ENOENT ? "no such file or directory" : err_text(-r));
	return 0;
}

int devices_write(struct json_writer *w, const struct json *host, struct err *e)
{
	struct json_iter it = json_iter(json_get(host, "Devices"));
	struct out o = {.w = w};
	int r = 0;

	if (!conf_bool(host, "Privileged") && json_len(json_get(host, "Devices")) == 0)
		return 0;
	jw_key(w, "devices");
	jw_arr(w);
	if (conf_bool(host, "Privileged"))
		r = from_host(&o, "/dev", "/dev", e);
	while (r == 0 && json_next(&it)) {
		const char *path = conf_str(it.value, "PathOnHost"), *inside = conf_str(it.value, "PathInContainer");
		/* all of /dev is there already; another name for one of it is not */
		if (conf_bool(host, "Privileged") && (*inside == '\0' || strcmp(inside, path) == 0))
			continue;
		r = from_host(&o, path, *inside != '\0' ? inside : path, e);
	}
	jw_end_arr(w);
	return r;
}

int device_rules_write(struct json_writer *w, const struct json *host, struct err *e)
{
	static const unsigned char allowed[][2] = {{1, 5}, {1, 3}, {1, 9}, {1, 8}, {5, 0}, {5, 1}};
	struct json_iter it = json_iter(json_get(host, "Devices"));
	char type, access[4];
	int64_t major_nr, minor_nr;
	int r = 0;

	jw_arr(w);
	rule(w, /* allow: */ false, 'a', -1, -1, "rwm");
	for (size_t i = 0; i < countof(allowed); i++)
		rule(w, /* allow: */ true, 'c', allowed[i][0], allowed[i][1], "rwm");
	rule(w, /* allow: */ false, 'c', 10, 229, "rwm"); /* fuse */
	if (conf_bool(host, "Privileged"))
		rule(w, /* allow: */ true, 'a', -1, -1, "rwm");
	while (r == 0 && !conf_bool(host, "Privileged") && json_next(&it)) {
		const char *path = conf_str(it.value, "PathOnHost"), *perm = conf_str(it.value, "CgroupPermissions");
		struct out o = {.w = w, .access = *perm != '\0' ? perm : "rwm"};
		r = from_host(&o, path, path, e);
	}
	it = json_iter(json_get(host, "DeviceCgroupRules"));
	while (r == 0 && json_next(&it))
		if (device_rule_parse(json_str_or(it.value, ""), &type, &major_nr, &minor_nr, access) == 0)
			rule(w, /* allow: */ true, type, major_nr, minor_nr, access);
	jw_end_arr(w);
	return r;
}

int block_io_write(struct json_writer *w, const struct json *host, struct err *e)
{
	static const struct {
		const char *docker, *oci, *unit, *docker_unit;
	} lists[] = {
		{"BlkioWeightDevice", "weightDevice", "weight", "Weight"},
		{"BlkioDeviceReadBps", "throttleReadBpsDevice", "rate", "Rate"},
		{"BlkioDeviceWriteBps", "throttleWriteBpsDevice", "rate", "Rate"},
		{"BlkioDeviceReadIOps", "throttleReadIOPSDevice", "rate", "Rate"},
		{"BlkioDeviceWriteIOps", "throttleWriteIOPSDevice", "rate", "Rate"},
	};
	bool is_wanted = conf_int(host, "BlkioWeight") > 0;

	for (size_t i = 0; i < countof(lists); i++)
		is_wanted |= json_len(json_get(host, lists[i].docker)) > 0;
	if (!is_wanted)
		return 0;
	jw_key(w, "blockIO");
	jw_obj(w);
	if (conf_int(host, "BlkioWeight") > 0)
		jw_kint(w, "weight", conf_int(host, "BlkioWeight"));
	for (size_t i = 0; i < countof(lists); i++) {
		struct json_iter it = json_iter(json_get(host, lists[i].docker));
		if (json_len(json_get(host, lists[i].docker)) == 0)
			continue;
		jw_key(w, lists[i].oci);
		jw_arr(w);
		while (json_next(&it)) {
			struct stat st;
			const char *path = conf_str(it.value, "Path");
			if (stat(path, &st) < 0)
				return err_say(e, errno, "%s: stat %.200s: %s", lists[i].docker, path,
					       errno == ENOENT ? "no such file or directory" : err_text(errno));
			if (!S_ISBLK(st.st_mode))
				return err_say(e, EINVAL, "%s: '%.200s' is not a block device", lists[i].docker, path);
			jw_obj(w);
			jw_kint(w, "major", major(st.st_rdev));
			jw_kint(w, "minor", minor(st.st_rdev));
			jw_kint(w, lists[i].unit, conf_int(it.value, lists[i].docker_unit));
			jw_end_obj(w);
		}
		jw_end_arr(w);
	}
	jw_end_obj(w);
	return 0;
}
