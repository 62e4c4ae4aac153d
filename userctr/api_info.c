// SPDX-License-Identifier: Apache-2.0
/* /info and /system/df: what this machine can do, and what takes its space. */
#include "userctr/api_info.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/image/store.h"
#include "lib/sys/io.h"
#include "userctr/api_image.h"
#include "userctr/ctr.h"
#include "userctr/ctr_print.h"
#include "userctr/daemon.h"
#include "userctr/ids.h"
#include "userctr/req.h"
#include "userctr/volumes.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#define REPLY_MAX   (64u << 20)
#define CONTROLLERS "/sys/fs/cgroup/cgroup.controllers"

/* ---- facts ---- */

/* A name for this installation that stays: made on first use. */
static void engine_id(struct daemon *d, char out[64])
{
	owned_buf struct buf b = BUF_INIT(64);
	char hex[ID_SIZE];

	owned_fd int dir = open(d->conf.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file_read(dir, "engine-id", &b, NULL) == 0 && b.len >= 36) {
		(void)snprintf(out, 64, "%.36s", buf_str(&b)); /* fits */
		return;
	}
	id_make(hex);
	(void)snprintf(out, 64, "%.8s-%.4s-4%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18); /* fits */
	(void)file_replace(dir, "engine-id", out, strlen(out), 0600, NULL); /* else another one next time */
}

static const char *fs_name(const char *path)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} known[] = {{0xEF53, "extfs"},	   {0x9123683E, "btrfs"},    {0x58465342, "xfs"}, {0x01021994, "tmpfs"},
		     {0xF2F52010, "f2fs"}, {0x794C7630, "overlayfs"}};
	struct statfs st;

	if (statfs(path, &st) == 0)
		for (size_t i = 0; i < countof(known); i++)
			if ((unsigned long)st.f_type == known[i].magic)
				return known[i].name;
	return "unknown";
}

static void os_name(char *out, size_t size)
{
	owned_buf struct buf b = BUF_INIT(8192);

	(void)snprintf(out, size, "Slipway %s", SLIPWAY_VERSION); /* fits */
	if (file_read(AT_FDCWD, "/etc/os-release", &b, NULL) < 0)
		return;
	const char *at = strstr(buf_str(&b), "PRETTY_NAME=\"");
	if (at == NULL)
		return;
	at += 13;
	(void)snprintf(out, size, "%.*s", (int)strcspn(at, "\"\n"), at); /* may cut */
}

static unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	return n > 3 ? n - 3 : 0; /* without ".", ".." and the listing itself */
}

static bool is_on(const char *path)
{
	owned_buf struct buf b = BUF_INIT(64);

	return file_read(AT_FDCWD, path, &b, NULL) == 0 && buf_str(&b)[0] == '1';
}

/* ---- parts ---- */

static void put_strings(struct json_writer *w, const char *key, const char *const *list)
{
	jw_key(w, key);
	jw_arr(w);
	for (; *list != NULL; list++)
		jw_str(w, *list);
	jw_end_arr(w);
}

static void put_raw(struct json_writer *w, const char *key, const char *json)
{
	jw_key(w, key);
	jw_raw(w, json, strlen(json));
}

static void put_counts(struct daemon *d, struct json_writer *w)
{
	unsigned n[CTR_DEAD + 1], images = 0;

	ctrs_count(d, n);
	list_for_each(it, store_images(d->store))
		images++;
	unsigned running = n[CTR_RUNNING] + n[CTR_RESTARTING];
	unsigned stopped = n[CTR_CREATED] + n[CTR_EXITED] + n[CTR_DEAD] + n[CTR_REMOVING];
	jw_kint(w, "Containers", running + n[CTR_PAUSED] + stopped);
	jw_kint(w, "ContainersRunning", running);
	jw_kint(w, "ContainersPaused", n[CTR_PAUSED]);
	jw_kint(w, "ContainersStopped", stopped);
	jw_kint(w, "Images", images);
}

static void put_storage(struct daemon *d, struct json_writer *w)
{
	const char *const status[][2] = {{"Backing Filesystem", fs_name(d->conf.root)}, {"Supports d_type", "true"},
					 {"Using metacopy", "false"}, {"Native Overlay Diff", "true"},
					 {"userxattr", "false"}};

	jw_kstr(w, "Driver", "overlay2");
	jw_key(w, "DriverStatus");
	jw_arr(w);
	for (size_t i = 0; i < countof(status); i++) {
		jw_arr(w);
		jw_str(w, status[i][0]);
		jw_str(w, status[i][1]);
		jw_end_arr(w);
	}
	jw_end_arr(w);
	put_raw(w, "Plugins",
		"{\"Volume\":[\"local\"],\"Network\":[\"bridge\",\"host\",\"null\"],\"Authorization\":null,"
		"\"Log\":[\"json-file\",\"local\"]}");
}

/* What the kernel's controllers allow; what they do not is said in the warnings. */
static void put_limits(struct json_writer *w, const char *controllers, const char *warnings[8])
{
	const struct {
		const char *key;
		const char *controller;
		const char *warning;
	} limits[] = {
		{"MemoryLimit", "memory", "WARNING: No memory limit support"},
		{"SwapLimit", "memory", NULL},
		{"CpuCfsPeriod", "cpu ", "WARNING: No cpu cfs period support"},
		{"CpuCfsQuota", "cpu ", NULL},
		{"CPUShares", "cpu ", NULL},
		{"CPUSet", "cpuset", "WARNING: No cpuset support"},
		{"PidsLimit", "pids", "WARNING: No pids limit support"},
	};
	size_t n = 0;

	for (size_t i = 0; i < countof(limits); i++) {
		bool has = strstr(controllers, limits[i].controller) != NULL;
		jw_kbool(w, limits[i].key, has);
		if (!has && limits[i].warning != NULL)
			warnings[n++] = limits[i].warning;
	}
	jw_kbool(w, "KernelMemoryTCP", false);
	jw_kbool(w, "OomKillDisable", false);
	warnings[n] = NULL;
}

static void put_system(struct daemon *d, struct json_writer *w)
{
	char when[CLOCK_RFC3339_SIZE], os[256];
	struct utsname u = {0};
	struct sysinfo si = {0};

	(void)uname(&u);   /* neither fails with a valid pointer */
	(void)sysinfo(&si);
	os_name(os, sizeof(os));
	jw_kbool(w, "IPv4Forwarding", is_on("/proc/sys/net/ipv4/ip_forward"));
	jw_kbool(w, "Debug", d->conf.want_debug);
	jw_kint(w, "NFd", count_fds());
	jw_kint(w, "NGoroutines", 1); /* threads */
	clock_rfc3339(clock_real_ns(), when);
	jw_kstr(w, "SystemTime", when);
	jw_kstr(w, "LoggingDriver", "json-file");
	jw_kint(w, "NEventsListener", 0);
	jw_kstr(w, "KernelVersion", u.release);
	jw_kstr(w, "OperatingSystem", os);
	jw_kstr(w, "OSVersion", SLIPWAY_VERSION);
	jw_kstr(w, "OSType", "linux");
	jw_kstr(w, "Architecture", u.machine);
	jw_kint(w, "NCPU", sysconf(_SC_NPROCESSORS_ONLN));
	jw_kint(w, "MemTotal", (int64_t)si.totalram * si.mem_unit);
	jw_kstr(w, "Name", u.nodename);
}

static void put_fixed(struct daemon *d, struct json_writer *w)
{
	static const char *const security[] = {"name=seccomp,profile=builtin", "name=cgroupns", NULL};

	jw_kstr(w, "IndexServerAddress", "https://index.docker.io/v1/");
	put_raw(w, "RegistryConfig",
		"{\"IndexConfigs\":{\"docker.io\":{\"Mirrors\":[],\"Name\":\"docker.io\",\"Official\":true,\"Secure\":true}},"
		"\"InsecureRegistryCIDRs\":[\"::1/128\",\"127.0.0.0/8\"],\"Mirrors\":null}");
	put_raw(w, "GenericResources", "null");
	jw_kstr(w, "DockerRootDir", d->conf.root);
	jw_kstr(w, "HttpProxy", "");
	jw_kstr(w, "HttpsProxy", "");
	jw_kstr(w, "NoProxy", "");
	put_raw(w, "Labels", "[]");
	jw_kbool(w, "ExperimentalBuild", false);
	jw_kstr(w, "ServerVersion", SLIPWAY_VERSION);
	/* by the name that clients ask for */
	put_raw(w, "Runtimes", "{\"io.containerd.runc.v2\":{\"path\":\"sysctr\"},\"runc\":{\"path\":\"sysctr\"}}");
	jw_kstr(w, "DefaultRuntime", "runc");
	put_raw(w, "Swarm",
		"{\"NodeID\":\"\",\"NodeAddr\":\"\",\"LocalNodeState\":\"inactive\",\"ControlAvailable\":false,\"Error\":\"\","
		"\"RemoteManagers\":null}");
	jw_kbool(w, "LiveRestoreEnabled", true); /* containers outlive the daemon */
	jw_kstr(w, "Isolation", "");
	jw_kstr(w, "InitBinary", "docker-init");
	put_raw(w, "ContainerdCommit", "{\"ID\":\"\"}");
	put_raw(w, "RuncCommit", "{\"ID\":\"\"}");
	put_raw(w, "InitCommit", "{\"ID\":\"\"}");
	put_strings(w, "SecurityOptions", security);
	put_raw(w, "FirewallBackend", "{\"Driver\":\"nftables\"}");
	put_raw(w, "CDISpecDirs", "[]");
	put_raw(w, "Containerd", "{\"Address\":\"\",\"Namespaces\":{\"Containers\":\"\",\"Plugins\":\"\"}}");
}

void api_info(struct req *q)
{
	struct buf b = BUF_INIT(REPLY_MAX);
	owned_buf struct buf controllers = BUF_INIT(4096);
	const char *warnings[8] = {NULL};
	struct daemon *d = q->d;
	struct json_writer w;
	char id[64];

	bool is_v2 = file_read(AT_FDCWD, CONTROLLERS, &controllers, NULL) == 0;
	engine_id(d, id);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "ID", id);
	put_counts(d, &w);
	put_storage(d, &w);
	put_limits(&w, buf_str(&controllers), warnings);
	put_system(d, &w);
	jw_kstr(&w, "CgroupDriver", is_v2 ? "cgroupfs" : "none");
	jw_kstr(&w, "CgroupVersion", "2");
	put_fixed(d, &w);
	if (warnings[0] != NULL) {
		put_strings(&w, "Warnings", warnings);
	} else {
		jw_key(&w, "Warnings");
		jw_null(&w);
	}
	jw_end_obj(&w);
	reply_json(q, 200, &b);
}

/* ---- disk usage ---- */

/* Without `type` everything is wanted. */
static bool is_wanted(struct req *q, const char *type)
{
	bool any = false;

	for (size_t i = 0; i < q->query.n; i++) {
		if (strcmp(q->query.pair[i].name, "type") != 0)
			continue;
		any = true;
		if (strcmp(q->query.pair[i].value, type) == 0)
			return true;
	}
	return !any;
}

void api_df(struct req *q)
{
	struct buf b = BUF_INIT(REPLY_MAX);
	struct json_writer w;

	jw_init(&w, &b);
	jw_obj(&w);
	jw_kint(&w, "LayersSize", is_wanted(q, "image") ? (int64_t)store_layers_size(q->d->store) : 0);
	jw_key(&w, "Images");
	jw_arr(&w);
	if (is_wanted(q, "image"))
		list_for_each(it, store_images(q->d->store))
			image_print_summary(q->d, &w, owner_of(it, struct image, link), true, true);
	jw_end_arr(&w);
	jw_key(&w, "Containers");
	jw_arr(&w);
	if (is_wanted(q, "container"))
		list_for_each(it, ctrs_all(q->d))
			ctr_print_summary(owner_of(it, struct ctr, link), &w, true);
	jw_end_arr(&w);
	jw_key(&w, "Volumes");
	if (is_wanted(q, "volume")) {
		volumes_print_usage(q->d, &w);
	} else {
		jw_arr(&w);
		jw_end_arr(&w);
	}
	put_raw(&w, "BuildCache", "[]");
	jw_end_obj(&w);
	reply_json(q, 200, &b);
}
