// SPDX-License-Identifier: Apache-2.0
/* The verb `userctr unpack`: a helper of the daemon that turns an archive into files. Two processes: the parser has no privilege
 * but what writing a tree takes; the keeper sets what needs more (one attribute), makes all durable, and reads no archive.
 *
 *   userctr unpack load|import DIR     DIR = ROOT/tmp/<work>, becomes the whole world
 *     fd 0  the archive        fd 3  SOCK_SEQPACKET to the daemon (lib/image/load_msg.h)
 *   userctr unpack pack DIR            writes the layer that an overlay's upper folder is, to fd 1
 *   userctr unpack sweep ROOT          deletes what the store has put aside
 */
#include "userctr/image_helper.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/image/confine.h"
#include "lib/image/load.h"
#include "lib/image/load_msg.h"
#include "lib/image/pack.h"
#include "lib/image/store.h"
#include "lib/image/tar_write.h"
#include "lib/stream/stream.h"
#include "lib/sys/io.h"
#include "lib/sys/path.h"
#include "lib/sys/syscalls.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define MEMORY_MAX ((uint64_t)1 << 30)
#define HAVE_MAX   ((size_t)16 << 20)
#define CAP(x)	   ((uint64_t)1 << (x))

#define PARSER_CAPS (CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FOWNER) | CAP(CAP_FSETID) | CAP(CAP_MKNOD) | CAP(CAP_SETFCAP))
#define KEEPER_CAPS (CAP(CAP_SYS_ADMIN) | CAP(CAP_DAC_OVERRIDE)) /* trusted.* attributes; folders of any mode */

static struct load_msg out; /* large: not on the stack */

static void say_failed(int fd, const struct err *e)
{
	out = (struct load_msg){.kind = LOAD_FAILED, .a = (uint64_t)e->code};
	(void)load_msg_send(fd, &out, e->msg, strlen(e->msg)); /* nobody listens: the end tells it too */
}

/* ---- the parser ---- */

static int on_opaque(void *ctx, const char *path, struct err *e)
{
	out = (struct load_msg){.kind = LOAD_OPAQUE};
	int r = load_msg_send(*(int *)ctx, &out, path, strlen(path));
	return r < 0 ? err_set(e, -r, "tell of an opaque directory") : 0;
}

static int on_image(void *ctx, const struct digest *manifest, const char *const *names, size_t n, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(LOAD_TEXT_MAX - 1);

	for (size_t i = 0; i < n; i++)
		buf_put(&b, names[i], strlen(names[i]) + 1);
	out = (struct load_msg){.kind = LOAD_IMAGE, .one = *manifest};
	int r = buf_error(&b);
	if (r == 0)
		r = load_msg_send(*(int *)ctx, &out, buf_str(&b), b.len);
	return r < 0 ? err_set(e, -r, "tell of an image") : 0;
}

static void on_layer(void *ctx, const struct digest *blob)
{
	out = (struct load_msg){.kind = LOAD_MEMBER, .one = *blob};
	(void)load_msg_send(*(int *)ctx, &out, NULL, 0); /* only for those who watch */
}

static int import_layer(int *sock, int work, const struct load_sink *sink, struct err *e)
{
	struct digest blob, diff_id;
	struct load_layer l = {.blob = &blob, .diff_id = &diff_id};

	int r = load_layer(stream_fd(0, false), work, &load_limits, sink, &l, e);
	if (r < 0)
		return r;
	out = (struct load_msg){.kind = LOAD_LAYER, .one = diff_id, .two = blob, .a = l.blob_size, .b = (uint64_t)l.coding};
	r = load_msg_send(*sock, &out, NULL, 0);
	return r < 0 ? err_set(e, -r, "tell of a layer") : 0;
}

static int parse(const char *mode, int sock, struct err *e)
{
	struct buf have __attribute__((cleanup(buf_release))) = BUF_INIT(HAVE_MAX);
	struct load_sink sink = {.opaque = on_opaque, .image = on_image, .layer = on_layer, .ctx = &sock};

	owned_fd int work = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (work < 0)
		return err_set(e, errno, "open the work folder");
	int r = file_read(work, "have", &have, e);
	if (r < 0 && r != -ENOENT)
		return r;
	if ((r = confine_limits(MEMORY_MAX, e)) < 0 || (r = confine_caps(PARSER_CAPS, e)) < 0 || (r = confine_syscalls(e)) < 0)
		return r;
	if (strcmp(mode, "import") == 0)
		return import_layer(&sock, work, &sink, e);
	return load_archive(stream_fd(0, false), work, buf_str(&have), have.len, &load_limits, &sink, e);
}

/* ---- the keeper ---- */

/* The path is the parser's: whatever it says, the attribute lands on a directory of the work folder, reached without links. */
static int set_opaque(int work, const char *path, struct err *e)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};

	owned_fd int fd = sys_openat2(work, path, &how, sizeof(how));
	if (fd < 0 || fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
		return err_set(e, errno, "hide what lower layers have in '%.200s'", path);
	return 0;
}

/* Pass on what the parser says. Returns 1 when it said how it failed. */
static int relay(int from, int to, int work, struct err *e)
{
	static struct load_msg m;
	int r;

	while ((r = load_msg_recv(from, &m, 0)) > 0) {
		switch (m.kind) {
		case LOAD_OPAQUE:
			r = set_opaque(work, m.text, e);
			if (r < 0)
				return r;
			break;
		case LOAD_PROGRESS:
		case LOAD_IMAGE:
		case LOAD_LAYER:
		case LOAD_MEMBER:
		case LOAD_FAILED:
			r = load_msg_send(to, &m, m.text, m.text_len);
			if (r < 0 || m.kind == LOAD_FAILED)
				return r < 0 ? err_set(e, -r, "tell the daemon") : 1;
			break;
		default: return err_set(e, EPROTO, "message %u of the parser", m.kind);
		}
	}
	return r < 0 ? err_set(e, -r, "hear the parser") : 0;
}

static int keep(pid_t pid, int from, int to, struct err *e)
{
	int status = 0;

	owned_fd int work = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = work < 0 ? err_set(e, errno, "open the work folder") : confine_caps(KEEPER_CAPS, e);
	if (r == 0)
		r = relay(from, to, work, e);
	if (r != 0)
		(void)kill(pid, SIGKILL); /* ours, and not yet waited for: whatever it still does is of no use */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r != 0)
		return r;
	if (WIFSIGNALED(status))
		return err_say(e, EIO, "the process that reads the archive was ended by signal %d (%s)", WTERMSIG(status),
			       strsignal(WTERMSIG(status)));
	if (status != 0)
		return err_say(e, EIO, "the process that reads the archive failed");
	/* once for everything: a sync per file would cost seconds for a layer of small ones */
	if (syncfs(work) < 0)
		return err_set(e, errno, "sync");
	out = (struct load_msg){.kind = LOAD_DONE};
	r = load_msg_send(to, &out, NULL, 0);
	return r < 0 ? err_set(e, -r, "tell the daemon") : 0;
}

static int run(const char *mode, const char *dir, int daemon, struct err *e)
{
	int pair[2];

	(void)sys_close_range(4, ~0U, 0); /* nothing else was meant for us */
	(void)umask(0);
	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* names of pax headers are UTF-8; without it only ASCII ones are read */
	int r = confine_place(dir, e);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "make a socket pair");
	pid_t pid = fork();
	if (pid < 0)
		return err_set(e, errno, "fork");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* without it the end of its socket ends it a little later */
		close(pair[0]);
		close(daemon);
		r = parse(mode, pair[1], e);
		if (r < 0)
			say_failed(pair[1], e);
		_exit(r < 0);
	}
	close(pair[1]);
	close(0);
	return keep(pid, pair[0], daemon, e);
}

/* ---- the packer ---- */

#define PACKER_CAPS (CAP(CAP_SYS_ADMIN) | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_DAC_READ_SEARCH)) /* trusted.* attributes; all files */

static int put_out(void *ctx, const void *p, size_t n, struct err *e)
{
	(void)ctx;
	int r = write_all(1, p, n);
	return r < 0 ? err_set(e, -r, "write") : 0;
}

static int pack(const char *tree, struct err *e)
{
	struct pack_sink sink = {put_out, NULL};

	int r = confine_place(tree, e);
	if (r == 0)
		r = confine_caps(PACKER_CAPS, e);
	if (r < 0)
		return r;
	owned_fd int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? err_set(e, errno, "open the folder") : pack_tree(root, PACK_UPPER, &sink, e);
}

/* An archive that just ends would be taken for a whole one; what follows no one takes for an entry. */
static int pack_life(const char *tree)
{
	char junk[TAR_RECORD];
	struct err e;

	if (pack(tree, &e) == 0)
		return 0;
	log_error("images", "pack '%s': %s", tree, e.msg);
	memset(junk, '?', sizeof(junk));
	(void)write_all(1, junk, sizeof(junk)); /* nobody reads: the same */
	return 1;
}

int unpack_main(int argc, char **argv)
{
	struct err e = {0};

	if (argc == 3 && strcmp(argv[1], "pack") == 0)
		return pack_life(argv[2]);
	if (argc == 3 && strcmp(argv[1], "sweep") == 0) {
		if (store_sweep(argv[2], &e) < 0)
			log_warn("images", "%s", e.msg);
		return e.code != 0;
	}
	if (argc != 3 || (strcmp(argv[1], "load") != 0 && strcmp(argv[1], "import") != 0)) {
		fprintf(stderr, "usage: userctr unpack load|import DIR | pack DIR | sweep ROOT   (started by the daemon)\n");
		return 2;
	}
	int r = run(argv[1], argv[2], 3, &e);
	if (r < 0)
		say_failed(3, &e);
	return r != 0;
}
