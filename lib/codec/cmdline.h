/* lib/codec/cmdline.h - the kernel command line: arguments, and the keys of ours among them.
 *
 * Words are split and unquoted as the kernel does it (`key="a b"`, `"key=a b"`); "--" ends the line. A value of one of
 * our keys that begins with '[' extends to the next ']', blanks included, as RancherOS had it. Our keys have one of the
 * prefixes "slipway." and "rancher.", which mean the same; in names '-' and '_' are the same character.
 *
 * Nothing is copied: every pointer is into the line.
 */
#ifndef CODEC_CMDLINE_H
#define CODEC_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CMDLINE_MAX 4096 /* bytes of a line worth reading: the kernel's 2048 and as much from the firmware */

struct cmdline_arg {
	const char *key; /* not NUL-ended */
	size_t key_len;
	const char *value; /* not NUL-ended; "" without one */
	size_t value_len;
	bool has_value; /* there was a '=' */
};

struct cmdline_iter {
	const char *at;
	size_t left;
};

struct cmdline_iter cmdline_iter(const char *line, size_t len);
bool cmdline_next(struct cmdline_iter *it, struct cmdline_arg *ret);

/* When a is one of our keys, narrow a->key to the name behind the prefix. Returns whether it is. */
bool cmdline_strip_prefix(struct cmdline_arg *a);

/* Is the key (prefix removed) this name? */
bool cmdline_key_is(const struct cmdline_arg *a, const char *name);

/* The n-th (from 0) argument with our key `name`; key is narrowed to the name. False: there are not so many. */
bool cmdline_nth(const char *line, size_t len, const char *name, unsigned n, struct cmdline_arg *ret);

/* The last argument with our key `name`: the one that counts when a key may be given once. */
bool cmdline_last(const char *line, size_t len, const char *name, struct cmdline_arg *ret);

/* The value of a flag: present without a value or with a true one, the last one counting. */
bool cmdline_flag(const char *line, size_t len, const char *name);

/*
 * Read the value of a flag: none, "true", "1", "yes", "on" or "false", "0", "no", "off".
 *
 * Returns  1, 0, or -1 when it is neither
 */
int cmdline_parse_flag(const struct cmdline_arg *a);

/* Read a decimal number without sign. Returns false when the value is not one or is above max. */
bool cmdline_parse_number(const struct cmdline_arg *a, uint32_t max, uint32_t *ret);

/* Copy the value, NUL-ended. Returns false, and writes "", when it does not fit or holds a control character. */
bool cmdline_copy_value(const struct cmdline_arg *a, char *out, size_t size);

#endif
