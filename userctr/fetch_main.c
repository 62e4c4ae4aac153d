// SPDX-License-Identifier: Apache-2.0
/* The verb `userctr fetch`: the helper that talks to registries. It has the network and nothing else: a user of its own, no
 * capability, an empty file system with resolv.conf, hosts and a spool folder, a short list of system calls.
 *
 *   userctr fetch DIR     DIR = ROOT/tmp/<work> (pull), ROOT (push), or any folder to be covered by an empty one
 *     fd 0  the job, JSON (image_fetch.h)   fd 1  the archive (pull)   fd 3  SOCK_SEQPACKET to the daemon (load_msg.h)
 */
#include "userctr/image_helper.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/base/version.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_image.h"
#include "lib/codec/ref.h"
#include "lib/image/confine.h"
#include "lib/image/fetch.h"
#include "lib/image/load_msg.h"
#include "lib/image/push.h"
#include "lib/image/registry.h"
#include "lib/net/http_client.h"
#include "lib/sys/io.h"
#include "lib/sys/syscalls.h"
#include "userctr/image_fetch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HAVE_MAX   ((size_t)16 << 20)
#define CA_MAX	   ((size_t)4 << 20)
#define MEMORY_MAX ((uint64_t)512 << 20)
#define NOBODY	   65534
#define BUILTIN	   "/usr/lib/slipway/images/blobs/sha256"
#define CERTS_DIR  "/etc/docker/certs.d"

struct job {
	struct json_doc *doc; /* owned */
	const char *op, *host;
	struct ref ref;
	struct buf have, ca, cert, key; /* owned */
	int spool, builtin;
};

static struct load_msg out; /* large: not on the stack */
static const int sock = 3;

static int say(const void *text, size_t n)
{
	return load_msg_send(sock, &out, text, n);
}

static void say_failed(const struct err *e, int status)
{
	out = (struct load_msg){.kind = FETCH_FAILED, .a = (uint64_t)e->code, .b = (uint64_t)status};
	(void)say(e->msg, strlen(e->msg)); /* nobody listens: the end tells it too */
}

/* ---- while it is root ---- */

/* Certificates of the system, then those for this registry. None at all is fine: then none is trusted. */
static void read_certs(struct job *j)
{
	static const char *const bundles[] = {"/etc/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt"};
	char path[512];
	struct dirent *de;

	for (size_t i = 0; i < countof(bundles) && j->ca.len == 0; i++)
		(void)file_read(AT_FDCWD, bundles[i], &j->ca, NULL);
	(void)snprintf(path, sizeof(path), CERTS_DIR "/%.255s", j->host); /* fits */
	DIR *d = opendir(path);
	while (d != NULL && (de = readdir(d)) != NULL) {
		size_t n = strlen(de->d_name);
		const char *end = n > 4 ? de->d_name + n - 4 : "";
		struct buf *to = strcmp(end, ".crt") == 0 ? &j->ca : strcmp(de->d_name, "client.cert") == 0 ? &j->cert
				 : strcmp(de->d_name, "client.key") == 0 ? &j->key : NULL;
		if (to == NULL)
			continue;
		buf_putc(to, '\n');
		(void)file_read(dirfd(d), de->d_name, to, NULL); /* what cannot be read is not trusted */
	}
	if (d != NULL)
		closedir(d);
}

static void copy_file(const char *from, int dir, const char *to)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT((size_t)1 << 20);

	if (file_read(AT_FDCWD, from, &b, NULL) < 0)
		return; /* the C library does without */
	owned_fd int fd = openat(dir, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd >= 0)
		(void)write_all(fd, buf_str(&b), b.len); /* likewise */
}

/* A folder of the system that will be seen in the new root. Returns -1 for none, or when it is not there. */
static int take_folder(const char *path, bool is_read_only)
{
	struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
	int fd = path == NULL ? -1 : sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd >= 0 && is_read_only && sys_mount_setattr(fd, "", AT_EMPTY_PATH, &ro, sizeof(ro)) < 0)
		drop_fd(&fd);
	return fd;
}

static int make_root(const char *root, const char *spool, bool is_push, struct err *e)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return err_set(e, errno, "make namespaces");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(e, errno, "make mounts private");
	owned_fd int from = take_folder(spool, is_push), builtin = is_push ? take_folder(BUILTIN, true) : -1;
	if (spool != NULL && from < 0)
		return err_set(e, errno, "open '%s'", spool);
	owned_fd int random = sys_open_tree(AT_FDCWD, "/dev/urandom", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC); /* for TLS; does not block */
	if (random < 0)
		return err_set(e, errno, "open '/dev/urandom'");
	if (mount("none", root, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4m,mode=0755") < 0)
		return err_set(e, errno, "mount an empty folder");
	owned_fd int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, "etc", 0755) < 0 || mkdirat(dir, "spool", 0755) < 0 ||
	    mkdirat(dir, "builtin", 0755) < 0 ||
	    mkdirat(dir, "dev", 0755) < 0 || mknodat(dir, "dev/random", S_IFREG | 0444, 0) < 0 ||
	    sys_move_mount(random, "", dir, "dev/random", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "make a root");
	copy_file("/etc/resolv.conf", dir, "etc/resolv.conf");
	copy_file("/etc/hosts", dir, "etc/hosts");
	if (from >= 0 && sys_move_mount(from, "", dir, "spool", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "mount the spool folder");
	if (builtin >= 0 && sys_move_mount(builtin, "", dir, "builtin", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "mount the preloaded blobs");
	if (chdir(root) < 0 || sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_set(e, errno, "change the root");
	return 0;
}

static int confine(struct job *j, const char *folder, struct err *e)
{
	char path[512], root[512];
	bool is_pull = strcmp(j->op, "pull") == 0, is_push = strcmp(j->op, "push") == 0;

	(void)snprintf(root, sizeof(root), "%s%s", folder, is_pull ? "/fetch" : is_push ? "/tmp" : ""); /* cut: mkdir will say */
	(void)snprintf(path, sizeof(path), "%s/%s", folder, is_push ? "blobs/sha256" : "spool");
	if (is_pull && (mkdir(root, 0700) < 0 || mkdir(path, 0700) < 0 || chown(path, NOBODY, NOBODY) < 0))
		return err_set(e, errno, "make '%s'", path);
	int r = make_root(root, is_pull || is_push ? path : NULL, is_push, e);
	if (r < 0)
		return r;
	j->spool = open("/spool", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->spool < 0)
		return err_set(e, errno, "open the spool folder");
	j->builtin = open("/builtin", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)umask(077);
	r = confine_limits(MEMORY_MAX, e);
	/* the store's blobs are root's; without capabilities root is nobody much */
	if (r == 0 && !is_push)
		r = confine_user(NOBODY, e);
	if (r == 0)
		r = confine_caps(0, e);
	return r == 0 ? confine_network_syscalls(e) : r;
}

static int read_job(struct job *j, const char *folder, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(FETCH_JOB_MAX);
	char path[512];

	int r = read_all(0, &b);
	if (r < 0)
		return err_set(e, -r, "read the job");
	r = json_parse(buf_str(&b), b.len, &j->doc, e);
	if (r < 0)
		return r;
	j->op = json_str_or(json_get(json_root(j->doc), "op"), "");
	j->host = json_str_or(json_get(json_root(j->doc), "host"), "");
	const char *ref = json_str_or(json_get(json_root(j->doc), "ref"), "");
	if (*ref != '\0' && (r = ref_parse(ref, strlen(ref), &j->ref, e)) < 0)
		return r;
	if (strchr(j->host, '/') != NULL || *j->host == '\0' || *j->host == '.')
		return err_say(e, EINVAL, "'%.100s' is no registry", j->host);
	(void)snprintf(path, sizeof(path), "%s/have", folder); /* cut: is not there */
	if (strcmp(j->op, "pull") == 0 && (r = file_read(AT_FDCWD, path, &j->have, e)) < 0)
		return r;
	read_certs(j);
	return 0;
}

/* ---- what it is told to do ---- */

static int on_resolved(void *ctx, const struct digest *top, const struct digest *manifest, const struct digest *config, size_t n)
{
	(void)ctx, (void)manifest;
	out = (struct load_msg){.kind = FETCH_RESOLVED, .one = *top, .two = *config, .a = n};
	return say(NULL, 0);
}

static int on_layer(void *ctx, size_t i, const struct oci_descriptor *d, bool is_here)
{
	(void)ctx, (void)i;
	out = (struct load_msg){.kind = FETCH_LAYER, .one = d->digest, .a = d->size, .b = is_here};
	return say(NULL, 0);
}

static int on_ready(void *ctx)
{
	(void)ctx;
	out = (struct load_msg){.kind = FETCH_READY};
	return say(NULL, 0);
}

static void on_progress(void *ctx, size_t i, uint64_t bytes)
{
	(void)ctx;
	out = (struct load_msg){.kind = FETCH_PROGRESS, .a = i, .b = bytes};
	(void)say(NULL, 0); /* only for those who watch */
}

static void on_fetched(void *ctx, size_t i)
{
	(void)ctx;
	out = (struct load_msg){.kind = FETCH_FETCHED, .a = i};
	(void)say(NULL, 0); /* likewise */
}

static const char *text_of(const struct job *j, const char *key)
{
	return json_str_or(json_get(json_root(j->doc), key), "");
}

static int pull(struct job *j, struct registry *r, struct err *e)
{
	const struct fetch_sink sink = {on_resolved, on_layer, on_ready, on_progress, on_fetched, NULL};
	const char *variant = text_of(j, "variant");
	struct fetch_job f = {
		.ref = &j->ref,
		.os = text_of(j, "os"),
		.arch = text_of(j, "arch"),
		.variant = *variant != '\0' ? variant : NULL,
		.has_platform = json_bool(json_get(json_root(j->doc), "has_platform"), false),
		.have = buf_str(&j->have),
		.have_n = j->have.len,
		.out = 1,
		.spool = j->spool,
		.parallel = FETCH_PARALLEL,
	};

	return fetch_image(r, &f, &sink, e);
}

static int say_text(const struct buf *b, struct err *e)
{
	int r = buf_error(b);

	for (size_t at = 0; r == 0 && at < b->len; at += LOAD_TEXT_MAX / 2) {
		out = (struct load_msg){.kind = FETCH_TEXT, .a = b->len};
		r = say(buf_str(b) + at, b->len - at < LOAD_TEXT_MAX / 2 ? b->len - at : LOAD_TEXT_MAX / 2);
	}
	return r < 0 ? err_set(e, -r, "tell the daemon") : 0;
}

/* The answer of the API: what the reference means, and for which platforms there is something. */
static int describe(struct job *j, struct registry *r, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT((size_t)1 << 20);
	struct json_writer w;

	jw_init(&w, &b);
	int code = fetch_describe(r, &j->ref, &w, e);
	return code < 0 ? code : say_text(&b, e);
}

static int login(struct registry *r, struct err *e)
{
	struct buf b __attribute__((cleanup(buf_release))) = BUF_INIT(4096);

	int code = registry_login(r, e);
	if (code < 0)
		return code;
	buf_puts(&b, "{\"Status\":\"Login Succeeded\",\"IdentityToken\":\"\"}");
	return say_text(&b, e);
}

static int on_state(void *ctx, size_t layer, enum push_state state)
{
	(void)ctx;
	out = (struct load_msg){.kind = FETCH_PUSH, .a = layer, .b = state};
	return say(NULL, 0);
}

static int on_pushed(void *ctx, const struct digest *manifest, uint64_t size)
{
	(void)ctx;
	out = (struct load_msg){.kind = FETCH_PUSHED, .one = *manifest, .a = size};
	return say(NULL, 0);
}

static int push(struct job *j, struct registry *r, struct err *e)
{
	const struct push_sink sink = {on_state, on_pushed, NULL};
	const char *text = text_of(j, "manifest");
	const int blobs[] = {j->spool, j->builtin};
	struct digest manifest;

	int code = digest_parse(text, strlen(text), &manifest, e);
	if (code < 0)
		return code;
	const struct push_job p = {&j->ref, &manifest, blobs, countof(blobs)};
	return push_image(r, &p, &sink, e);
}

static int work(struct job *j, struct registry *r, struct err *e)
{
	if (strcmp(j->op, "pull") == 0)
		return pull(j, r, e);
	if (strcmp(j->op, "push") == 0)
		return push(j, r, e);
	if (strcmp(j->op, "describe") == 0)
		return describe(j, r, e);
	if (strcmp(j->op, "login") == 0)
		return login(r, e);
	return err_say(e, EINVAL, "no such job");
}

static int run(struct job *j, const char *folder, int *ret_status, struct err *e)
{
	struct registry *r = NULL;
	struct http *h = NULL;

	int code = read_job(j, folder, e);
	if (code == 0)
		code = confine(j, folder, e);
	if (code < 0)
		return code;
	struct http_conf hc = {
		.agent = "slipway/" SLIPWAY_VERSION,
		.ca = buf_str(&j->ca),
		.cert = j->cert.len > 0 ? buf_str(&j->cert) : NULL,
		.key = j->key.len > 0 ? buf_str(&j->key) : NULL,
		.connect_ms = 15000,
		.stall_s = 60,
	};
	struct registry_conf rc = {
		.host = j->host,
		.user = text_of(j, "user"),
		.password = text_of(j, "password"),
		.identity = text_of(j, "identity"),
		.token = text_of(j, "token"),
		.actions = strcmp(j->op, "push") == 0 ? "pull,push" : "pull",
		.is_insecure = json_bool(json_get(json_root(j->doc), "insecure"), false),
	};
	h = http_new(&hc, e);
	code = h == NULL ? -ENOMEM : registry_open(h, &rc, &r, e);
	if (code == 0)
		code = work(j, r, e);
	if (r != NULL)
		*ret_status = registry_status(r);
	registry_free(r);
	http_free(h);
	return code;
}

int fetch_main(int argc, char **argv)
{
	struct job j = {.have = BUF_INIT(HAVE_MAX), .ca = BUF_INIT(CA_MAX), .cert = BUF_INIT(CA_MAX), .key = BUF_INIT(CA_MAX), .spool = -1, .builtin = -1};
	struct err e = {0};
	int status = 500;

	if (argc != 2) {
		fprintf(stderr, "usage: userctr fetch DIR   (started by the daemon)\n");
		return 2;
	}
	(void)sys_close_range(4, ~0U, 0); /* nothing else was meant for us */
	int r = run(&j, argv[1], &status, &e);
	if (r < 0) {
		say_failed(&e, status);
	} else {
		out = (struct load_msg){.kind = FETCH_DONE};
		(void)say(NULL, 0); /* the end tells it too */
	}
	return r < 0;
}
