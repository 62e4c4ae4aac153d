// SPDX-License-Identifier: Apache-2.0
/* The verbs that need no container: spec, features; and the two that are not there. */
#include "sysctr/cli.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_spec.h"
#include "lib/sys/io.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static void words(struct json_writer *w, const char *key, const char *const *list)
{
	jw_key(w, key);
	jw_arr(w);
	for (; *list != NULL; list++)
		jw_str(w, *list);
	jw_end_arr(w);
}

#define WORDS(w, key, ...) words(w, key, (const char *const[]){__VA_ARGS__, NULL})

static void enabled(struct json_writer *w, const char *key, bool is)
{
	jw_key(w, key);
	jw_obj(w);
	jw_kbool(w, "enabled", is);
	jw_end_obj(w);
}

/* ---- spec ---- */

static void one_mount(struct json_writer *w, const char *destination, const char *type, const char *source, const char *const *options)
{
	jw_obj(w);
	jw_kstr(w, "destination", destination);
	jw_kstr(w, "type", type);
	jw_kstr(w, "source", source);
	words(w, "options", options);
	jw_end_obj(w);
}

#define MOUNT(w, to, type, from, ...) one_mount(w, to, type, from, (const char *const[]){__VA_ARGS__, NULL})

static void put_mounts(struct json_writer *w, bool is_rootless)
{
	jw_key(w, "mounts");
	jw_arr(w);
	MOUNT(w, "/proc", "proc", "proc", "nosuid", "noexec", "nodev");
	MOUNT(w, "/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k");
	if (is_rootless)
		MOUNT(w, "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620");
	else
		MOUNT(w, "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5");
	MOUNT(w, "/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k");
	MOUNT(w, "/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev");
	if (is_rootless)
		MOUNT(w, "/sys", "none", "/sys", "rbind", "nosuid", "noexec", "nodev", "ro");
	else
		MOUNT(w, "/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro");
	MOUNT(w, "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro");
	jw_end_arr(w);
}

static void put_process(struct json_writer *w)
{
	jw_key(w, "process");
	jw_obj(w);
	jw_kbool(w, "terminal", true);
	jw_key(w, "user");
	jw_obj(w);
	jw_kint(w, "uid", 0);
	jw_kint(w, "gid", 0);
	jw_end_obj(w);
	WORDS(w, "args", "sh");
	WORDS(w, "env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm");
	jw_kstr(w, "cwd", "/");
	jw_key(w, "capabilities");
	jw_obj(w);
	WORDS(w, "bounding", "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE");
	WORDS(w, "effective", "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE");
	WORDS(w, "permitted", "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE");
	jw_end_obj(w);
	jw_key(w, "rlimits");
	jw_arr(w);
	jw_obj(w);
	jw_kstr(w, "type", "RLIMIT_NOFILE");
	jw_kint(w, "hard", 1024);
	jw_kint(w, "soft", 1024);
	jw_end_obj(w);
	jw_end_arr(w);
	jw_kbool(w, "noNewPrivileges", true);
	jw_end_obj(w);
}

static void put_map(struct json_writer *w, const char *key, unsigned id)
{
	jw_key(w, key);
	jw_arr(w);
	jw_obj(w);
	jw_kint(w, "containerID", 0);
	jw_kint(w, "hostID", id);
	jw_kint(w, "size", 1);
	jw_end_obj(w);
	jw_end_arr(w);
}

static void put_linux(struct json_writer *w, bool is_rootless)
{
	static const char *const namespaces[] = {"pid", "network", "ipc", "uts", "mount", "cgroup", "user"};

	jw_key(w, "linux");
	jw_obj(w);
	if (is_rootless) {
		put_map(w, "uidMappings", geteuid());
		put_map(w, "gidMappings", getegid());
	} else {
		jw_key(w, "resources");
		jw_obj(w);
		jw_key(w, "devices");
		jw_arr(w);
		jw_obj(w);
		jw_kbool(w, "allow", false);
		jw_kstr(w, "access", "rwm");
		jw_end_obj(w);
		jw_end_arr(w);
		jw_end_obj(w);
	}
	jw_key(w, "namespaces");
	jw_arr(w);
	for (size_t i = 0; i < countof(namespaces) - !is_rootless; i++) {
		jw_obj(w);
		jw_kstr(w, "type", namespaces[i]);
		jw_end_obj(w);
	}
	jw_end_arr(w);
	WORDS(w, "maskedPaths", "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
	      "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi");
	WORDS(w, "readonlyPaths", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");
	jw_end_obj(w);
}

static int write_new(const char *bundle, const struct buf *b, struct err *e)
{
	owned_fd int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open bundle '%s'", bundle);
	owned_fd int fd = openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(e, errno, "make config.json");
	int r = write_all(fd, buf_str(b), b->len);
	return r < 0 ? err_set(e, -r, "write config.json") : 0;
}

int cli_spec(const struct sysctr_opt *opt, int argc, char **argv)
{
	static const struct option longs[] = {{"bundle", required_argument, NULL, 'b'}, {"rootless", no_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
	struct buf b = BUF_INIT(65536);
	const char *bundle = ".";
	struct err e = {0};
	struct json_writer w;
	bool is_rootless = false;
	int c;

	(void)opt;
	optind = 1;
	while ((c = getopt_long(argc, argv, "b:", longs, NULL)) != -1) {
		switch (c) {
		case 'b': bundle = optarg; break;
		case 'r': is_rootless = true; break;
		default: return cli_usage(argv[0], "has an unknown option");
		}
	}
	if (optind != argc)
		return cli_usage(argv[0], "takes no operand");
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "ociVersion", SYSCTR_SPEC_VERSION);
	put_process(&w);
	jw_key(&w, "root");
	jw_obj(&w);
	jw_kstr(&w, "path", "rootfs");
	jw_kbool(&w, "readonly", true);
	jw_end_obj(&w);
	jw_kstr(&w, "hostname", "sysctr");
	put_mounts(&w, is_rootless);
	put_linux(&w, is_rootless);
	jw_end_obj(&w);
	buf_putc(&b, '\n');
	int r = write_new(bundle, &b, &e);
	buf_release(&b);
	return r < 0 ? cli_fail(&e) : 0;
}

/* ---- features ---- */

static void put_seccomp(struct json_writer *w)
{
	jw_key(w, "seccomp");
	jw_obj(w);
	jw_kbool(w, "enabled", access("/proc/sys/kernel/seccomp", F_OK) == 0);
	WORDS(w, "actions", "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
	      "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP");
	WORDS(w, "operators", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
	      "SCMP_CMP_NE");
	WORDS(w, "archs", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64",
	      "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32",
	      "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64",
	      "SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB", "SCMP_ARCH_PARISC",
	      "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64");
	WORDS(w, "knownFlags", "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	      "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
	WORDS(w, "supportedFlags", "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	      "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
	jw_end_obj(w);
}

static void put_features_linux(struct json_writer *w)
{
	static const char cap_prefix[] = "CAP_";
	char name[40];

	jw_key(w, "linux");
	jw_obj(w);
	WORDS(w, "namespaces", "cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts");
	jw_key(w, "capabilities");
	jw_arr(w);
	for (int i = 0; oci_cap_name(i) != NULL; i++) {
		(void)snprintf(name, sizeof(name), "%s%s", cap_prefix, oci_cap_name(i));
		jw_str(w, name);
	}
	jw_end_arr(w);
	jw_key(w, "cgroup");
	jw_obj(w);
	jw_kbool(w, "v1", false);
	jw_kbool(w, "v2", true);
	jw_kbool(w, "systemd", false);
	jw_kbool(w, "systemdUser", false);
	jw_kbool(w, "rdma", true);
	jw_end_obj(w);
	put_seccomp(w);
	enabled(w, "apparmor", access("/sys/kernel/security/apparmor", F_OK) == 0);
	enabled(w, "selinux", access("/sys/fs/selinux", F_OK) == 0);
	jw_key(w, "intelRdt");
	jw_obj(w);
	jw_kbool(w, "enabled", false);
	jw_kbool(w, "schemata", false);
	jw_kbool(w, "monitoring", false);
	jw_end_obj(w);
	jw_key(w, "memoryPolicy");
	jw_obj(w);
	WORDS(w, "modes", "MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED",
	      "MPOL_PREFERRED_MANY", "MPOL_LOCAL");
	WORDS(w, "flags", "MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES");
	jw_end_obj(w);
	jw_key(w, "mountExtensions");
	jw_obj(w);
	enabled(w, "idmap", true);
	jw_end_obj(w);
	enabled(w, "netDevices", true);
	jw_end_obj(w);
}

int cli_features(const struct sysctr_opt *opt, int argc, char **argv)
{
	struct buf b = BUF_INIT(65536);
	struct json_writer w;

	(void)opt;
	if (argc != 1)
		return cli_usage(argv[0], "takes no operand");
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "ociVersionMin", "1.0.0");
	jw_kstr(&w, "ociVersionMax", SYSCTR_SPEC_VERSION);
	WORDS(&w, "hooks", "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop");
	words(&w, "mountOptions", sysctr_mount_options());
	put_features_linux(&w);
	jw_end_obj(&w);
	puts(buf_str(&b));
	buf_release(&b);
	return 0;
}

/* ---- checkpoint, restore ---- */

int cli_checkpoint(const struct sysctr_opt *opt, int argc, char **argv)
{
	struct err e;

	(void)opt;
	(void)argc;
	(void)err_say(&e, EOPNOTSUPP, "%s: is not supported by this runtime", argv[0]);
	return cli_fail(&e);
}
