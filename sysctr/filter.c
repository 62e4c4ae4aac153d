// SPDX-License-Identifier: Apache-2.0
/* A compiled seccomp filter: loaded, kept for the processes that are added later, and its listener given to an agent. */
#include "sysctr/internal.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "lib/sys/unixsock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#define FILE_NAME  "seccomp"
#define FILTER_MAX ((size_t)BPF_MAXINSNS * sizeof(struct sock_filter))

int filter_load(const struct sock_fprog *prog, unsigned flags, struct err *e)
{
	if (prog == NULL || prog->filter == NULL)
		return 0;
	int r = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, prog);
	return r < 0 ? err_set(e, errno, "load the seccomp filter") : r;
}

int filter_save(int dir, const struct sock_fprog *prog, unsigned flags, struct err *e)
{
	if (prog->filter == NULL)
		return 0;
	owned_fd int fd = openat(dir, FILE_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : write_all(fd, &flags, sizeof(flags));
	if (r == 0)
		r = write_all(fd, prog->filter, prog->len * sizeof(*prog->filter));
	return r < 0 ? err_set(e, -r, "keep the seccomp filter") : 0;
}

int filter_restore(int dir, struct sock_fprog *ret, unsigned *ret_flags, struct err *e)
{
	struct buf b = BUF_INIT(FILTER_MAX + sizeof(*ret_flags));

	*ret = (struct sock_fprog){0};
	int r = file_read(dir, FILE_NAME, &b, e);
	if (r == 0 && (b.len < sizeof(*ret_flags) || (b.len - sizeof(*ret_flags)) % sizeof(*ret->filter) != 0))
		r = err_set(e, EINVAL, "kept seccomp filter");
	if (r == 0) {
		memcpy(ret_flags, b.data, sizeof(*ret_flags));
		size_t n = b.len - sizeof(*ret_flags);
		ret->filter = malloc(n);
		ret->len = (unsigned short)(n / sizeof(*ret->filter));
		if (ret->filter != NULL)
			memcpy(ret->filter, b.data + sizeof(*ret_flags), n);
		else
			r = err_set(e, ENOMEM, "kept seccomp filter");
	}
	buf_release(&b);
	return r == -ENOENT ? 0 : r; /* a container without one */
}

int listener_send(const struct oci_spec *spec, const struct told *t, int fd, struct err *e)
{
	struct buf b = BUF_INIT(1u << 20);
	struct json_writer w;

	owned_fd int listener = fd;
	const char *path = json_str_or(json_get(spec->seccomp, "listenerPath"), "");
	owned_fd int sock = unixsock_connect(path, SOCK_STREAM, e);
	if (sock < 0)
		return err_wrap(e, sock, "linux.seccomp.listenerPath");
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "ociVersion", spec->version);
	jw_key(&w, "fds");
	jw_arr(&w);
	jw_str(&w, "seccompFd");
	jw_end_arr(&w);
	jw_kint(&w, "pid", t->pid);
	if (json_get(spec->seccomp, "listenerMetadata") != NULL)
		jw_kstr(&w, "metadata", json_str_or(json_get(spec->seccomp, "listenerMetadata"), ""));
	jw_key(&w, "state");
	struct buf state = BUF_INIT(1u << 20);
	told_json(&state, spec, t);
	jw_raw(&w, buf_str(&state), state.len);
	jw_end_obj(&w);
	int r = buf_error(&b) < 0 ? buf_error(&b) : (int)unixsock_send(sock, b.data, b.len, &listener, 1, 0);
	buf_release(&state);
	buf_release(&b);
	return r < 0 ? err_set(e, -r, "hand the seccomp listener to '%s'", path) : 0;
}
