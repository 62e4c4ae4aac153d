// SPDX-License-Identifier: Apache-2.0
/* Device nodes, the usual links in /dev, and the container's terminal. */
#include "sysctr/internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/oci_spec.h"
#include "lib/sys/path.h"
#include "lib/sys/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

static const struct oci_device defaults[] = {
	{"/dev/null", S_IFCHR, 1, 3, 0666, 0, 0}, {"/dev/zero", S_IFCHR, 1, 5, 0666, 0, 0},
	{"/dev/full", S_IFCHR, 1, 7, 0666, 0, 0}, {"/dev/random", S_IFCHR, 1, 8, 0666, 0, 0},
	{"/dev/urandom", S_IFCHR, 1, 9, 0666, 0, 0}, {"/dev/tty", S_IFCHR, 5, 0, 0666, 0, 0},
};

static const struct {
	const char *name, *target;
} links[] = {
	{"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
	{"ptmx", "pts/ptmx"},
};

/* mknod is refused in a user namespace: the host's node is bound instead. */
static int bind_node(struct stage *s, const struct oci_device *d, struct err *e)
{
	stage_fd int tree = sys_open_tree(AT_FDCWD, d->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return err_set(e, errno, "device '%s'", d->path);
	stage_fd int target = path_touch_in(s->rootfd, d->path, 0644, e);
	if (target < 0)
		return target;
	if (sys_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(e, errno, "bind device '%s'", d->path);
	return 0;
}

/* The umask is 0 in the stage: a node is born with its mode. */
static int make_in(int dir, const char *name, const struct oci_device *d, struct err *e)
{
	struct stat st;

	if (mknodat(dir, name, d->type | d->mode, makedev(d->major, d->minor)) < 0) {
		/* a /dev bound from the host has it already; anything else in its place is refused */
		int why = errno;
		if (why != EEXIST || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    (st.st_mode & S_IFMT) != d->type || (d->type != S_IFIFO && st.st_rdev != makedev(d->major, d->minor)))
			return err_set(e, why, "make device '%s'", d->path);
		return 0;
	}
	if ((d->uid != 0 || d->gid != 0) && fchownat(dir, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "set owner of device '%s'", d->path);
	return 0;
}

static int make_one(struct stage *s, const struct oci_device *d, struct err *e)
{
	char name[NAME_MAX + 1], parent[PATH_MAX];

	if (s->has_userns)
		return bind_node(s, d, e);
	const char *slash = strrchr(d->path, '/');
	size_t len = (size_t)(slash - d->path);
	if (len >= sizeof(parent) || strlen(slash + 1) > NAME_MAX || slash[1] == '\0')
		return err_set(e, E_SPEC, "device '%.80s': not a path of a file", d->path);
	memcpy(parent, d->path, len);
	parent[len] = '\0';
	strcpy(name, slash + 1);
	stage_fd int dir = path_mkdir_in(s->rootfd, parent, 0755, e);
	return dir < 0 ? dir : make_in(dir, name, d, e);
}

static bool binds_dev(const struct oci_spec *spec)
{
	for (size_t i = 0; i < spec->mount_count; i++)
		if (strcmp(spec->mounts[i].destination, "/dev") == 0 && spec->mounts[i].type != NULL &&
		    strcmp(spec->mounts[i].type, "tmpfs") != 0)
			return true;
	return false;
}

static bool has_dev(const struct oci_spec *spec)
{
	for (size_t i = 0; i < spec->mount_count; i++)
		if (strcmp(spec->mounts[i].destination, "/dev") == 0)
			return true;
	return false;
}

int devices_make(struct stage *s, struct err *e)
{
	int r = 0;

	/* a /dev that is the host's, or a read-only image's, is left as it is */
	if (has_dev(s->spec) && !binds_dev(s->spec)) {
		stage_fd int dev = path_open_in(s->rootfd, "/dev", O_PATH | O_DIRECTORY, 0, e);
		if (dev < 0)
			return dev;
		for (size_t i = 0; r == 0 && i < countof(defaults); i++)
			r = s->has_userns ? bind_node(s, &defaults[i], e) : make_in(dev, defaults[i].path + sizeof("/dev"), &defaults[i], e);
		if (r < 0)
			return r;
		for (size_t i = 0; i < countof(links); i++)
			if (symlinkat(links[i].target, dev, links[i].name) < 0 && errno != EEXIST)
				return err_set(e, errno, "make link '/dev/%s'", links[i].name);
	}
	for (size_t i = 0; r == 0 && i < s->spec->device_count; i++)
		/* docker's privileged containers name every node of the host; this one is the link to the container's own */
		if (strcmp(s->spec->devices[i].path, "/dev/ptmx") != 0)
			r = make_one(s, &s->spec->devices[i], e);
	return r;
}

/* A terminal of the container's own devpts. The slave is opened through the master (TIOCGPTPEER), never by name: a name can
 * be swapped (CVE-2025-52565). */
int console_open(struct stage *s, struct err *e)
{
	const struct oci_process *p = &s->spec->process;
	int unlock = 0;

	if (!p->terminal)
		return 0;
	owned_fd int master = -1;
	if (s->rootfd >= 0)
		master = path_open_in(s->rootfd, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0, e);
	else
		master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0)
		return err_set(e, errno == 0 ? ENOTTY : errno, "open a terminal of the container's /dev/pts");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_set(e, errno, "unlock the terminal");
	s->tty = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s->tty < 0)
		return err_set(e, errno, "open the terminal's other end");
	if (p->rows > 0 || p->columns > 0) {
		struct winsize ws = {.ws_row = (unsigned short)p->rows, .ws_col = (unsigned short)p->columns};
		(void)ioctl(s->tty, TIOCSWINSZ, &ws); /* a size is a hint */
	}
	if (fchown(s->tty, p->uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
		return err_set(e, errno, "hand over the terminal");
	if (s->rootfd >= 0 && has_dev(s->spec) && !binds_dev(s->spec)) {
		stage_fd int target = path_touch_in(s->rootfd, "/dev/console", 0600, e);
		if (target < 0)
			return target;
		stage_fd int tree = sys_open_tree(s->tty, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
		if (tree < 0 || sys_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
			return err_set(e, errno, "bind '/dev/console'");
	}
	int r = sync_send(s->sync, SYNC_PTY, 0, NULL, master);
	return r < 0 ? err_set(e, -r, "hand over the terminal") : 0;
}
