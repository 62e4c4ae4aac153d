/* lib/codec/keys.h - the table of our keys on the kernel command line: name, form, one line of help.
 *
 * The names are those behind "slipway." or "rancher."; docs/configuration.md is checked against this table.
 */
#ifndef CODEC_KEYS_H
#define CODEC_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cmdline_arg;

enum key_form {
	KEY_FLAG = 1,	 /* no value, or a truth value */
	KEY_TEXT = 2,	 /* at least one character */
	KEY_NUMBER = 3,	 /* min..max */
	KEY_SECONDS = 4, /* min..max; a bare flag means the default */
	KEY_DEVICE = 5,	 /* LABEL=, UUID=, /dev/..., none */
	KEY_CHOICE = 6,	 /* one of the words in `words` */
	KEY_SUBDIR = 7,	 /* relative path without ".." */
	KEY_HOSTNAME = 8,
	KEY_FLAG_OR_TEXT = 9, /* no value means "all" */
};

struct key {
	const char *name;
	enum key_form form;
	bool is_repeatable;
	uint32_t min, max; /* numbers, seconds */
	const char *words; /* choices, blank separated */
	const char *help;
};

size_t keys_count(void);
const struct key *keys_at(size_t i);

/* The key of this name (prefix removed, '-' taken as '_'), or NULL. */
const struct key *keys_find(const char *name, size_t len);

/* The known key that is most like name, or NULL when none is near. */
const struct key *keys_nearest(const char *name, size_t len);

/* NULL when a's value has the form of k; else what is expected ("a number from 0 to 300"), written to why. */
#define KEYS_WHY_MAX 96
const char *keys_check(const struct key *k, const struct cmdline_arg *a, char why[KEYS_WHY_MAX]);

#endif
