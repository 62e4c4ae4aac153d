/* lib/base/err.h - an error is a value: a code and a sentence, never an allocation.
 *
 * Fallible functions return 0 or a positive result, or -errno; their last parameter is a struct err *e, which
 * may be NULL when the caller wants only the code. *e is written only on failure. A message reads
 * "outer: inner: errno text", lower case, objects in quotes, no full stop.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <assert.h>
#include <stdarg.h>

#define ERR_SIZE 512 /* = _POSIX_PIPE_BUF: one write() to a pipe is atomic */

struct err {
	int code; /* positive errno or E_*; 0 means "nothing went wrong" */
	char msg[ERR_SIZE - sizeof(int)]; /* truncated, always NUL-ended */
};
static_assert(sizeof(struct err) == ERR_SIZE, "a child must be able to send it atomically");

/* Project codes, beside errno. */
enum {
	E_DIGEST = 1024, /* content does not have the digest or size it was said to have */
	E_SPEC = 1025,	 /* a document breaks its specification; the message names the field */
	E_REGISTRY = 1026, /* a registry answered with an error */
	E_LIMIT = 1027,	 /* a hard maximum was reached */
};

/* Text of an errno or E_* code; static string, never NULL. */
const char *err_text(int code);

/* Set *e to "sentence: errno text". Returns -code, so failing is one line:
 *   return err_set(e, errno, "open '%s'", p);
 * code <= 0 is a bug and becomes EINVAL. For E_SPEC and E_LIMIT no code text is appended: the sentence is whole. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set() without the code's text: the sentence says it all ("no such container: web"). */
int err_say(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Put "outer: " before the message of *e. r is the failing result (negative) and is returned. */
int err_wrap(struct err *e, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
