// SPDX-License-Identifier: Apache-2.0
/* floor ROOTFS PROGRAM: what the isolation of bench/runtime.sh's bundle costs at least. The same namespaces, mounts, nodes, masks
 * and rights as a fixed list of system calls, nothing read, nothing checked, nothing kept. No program to run anything with. */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(long r, const char *what)
{
	if (r < 0) {
		perror(what);
		_exit(1);
	}
}

static void mount_all(void)
{
	static const struct {
		const char *to, *type, *data;
		unsigned long flags;
	} m[] = {
		{"proc", "proc", NULL, 0},
		{"dev", "tmpfs", "mode=755,size=65536k", MS_NOSUID | MS_STRICTATIME},
		{"dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC},
		{"dev/shm", "tmpfs", "mode=1777,size=65536k", MS_NOSUID | MS_NOEXEC | MS_NODEV},
		{"dev/mqueue", "mqueue", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV},
		{"sys", "sysfs", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY},
	};

	for (size_t i = 0; i < sizeof(m) / sizeof(m[0]); i++) {
		if (i >= 2 && i <= 4)
			must(mkdir(m[i].to, 0755), m[i].to);
		must(mount(m[i].type, m[i].to, m[i].type, m[i].flags, m[i].data), m[i].to);
	}
}

static void make_dev(void)
{
	static const struct {
		const char *name;
		unsigned major, minor;
	} n[] = {{"dev/null", 1, 3}, {"dev/zero", 1, 5}, {"dev/full", 1, 7}, {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
	static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"}, {"/proc/self/fd/0", "dev/stdin"}, {"/proc/self/fd/1", "dev/stdout"},
					       {"/proc/self/fd/2", "dev/stderr"}, {"pts/ptmx", "dev/ptmx"}};

	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++)
		must(mknod(n[i].name, S_IFCHR | 0666, makedev(n[i].major, n[i].minor)), n[i].name);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		must(symlink(links[i][0], links[i][1]), links[i][1]);
}

/* Some kernels lack some of these: as in the runtimes, what is not there needs no hiding. */
static void hide(void)
{
	static const char *const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};
	static const char *const files[] = {"proc/kcore", "proc/keys", "proc/latency_stats", "proc/timer_list", "proc/timer_stats",
					    "proc/sched_debug"};
	static const char *const dirs[] = {"proc/acpi", "proc/asound", "sys/firmware", "proc/scsi"};
	struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};

	for (size_t i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++) {
		int fd = (int)syscall(SYS_open_tree, AT_FDCWD, read_only[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
		if (fd < 0)
			continue;
		must(syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &ro, sizeof(ro)), read_only[i]);
		must(syscall(SYS_move_mount, fd, "", AT_FDCWD, read_only[i], MOVE_MOUNT_F_EMPTY_PATH), read_only[i]);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		(void)mount("dev/null", files[i], NULL, MS_BIND, NULL);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		(void)mount("tmpfs", dirs[i], "tmpfs", MS_RDONLY, "nr_inodes=1,size=4k");
	must(syscall(SYS_mount_setattr, AT_FDCWD, ".", 0, &ro, sizeof(ro)), "read-only root");
}

static void give_up_rights(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{1u << CAP_KILL, 1u << CAP_KILL, 0}, {0, 0, 0}};
	struct rlimit files = {1024, 1024};

	must(setrlimit(RLIMIT_NOFILE, &files), "limit");
	for (int c = 0; c <= CAP_LAST_CAP; c++)
		if (c != CAP_KILL)
			must(prctl(PR_CAPBSET_DROP, c, 0, 0, 0), "bounding set");
	must(syscall(SYS_setgroups, 0, NULL), "groups");
	must(syscall(SYS_setresgid, 0, 0, 0), "group");
	must(syscall(SYS_setresuid, 0, 0, 0), "user");
	must(syscall(SYS_capset, &h, d), "capabilities");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

static void child(const char *root, char *program)
{
	umask(0);
	must(setsid(), "session");
	must(sethostname("box", 3), "host name");
	must(mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL), "propagation");
	must(mount(root, root, NULL, MS_BIND | MS_REC, NULL), root);
	must(chdir(root), root);
	mount_all();
	make_dev();
	hide();
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "old root");
	give_up_rights();
	must(execve(program, (char *[]){program, NULL}, (char *[]){(char[]){"PATH=/"}, NULL}), program);
}

int main(int argc, char **argv)
{
	struct clone_args a = {.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWCGROUP,
			       .exit_signal = SIGCHLD};
	int status;

	if (argc != 3)
		return 2;
	pid_t pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
	if (pid == 0)
		child(argv[1], argv[2]);
	must(pid, "clone3");
	must(waitpid(pid, &status, 0), "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
