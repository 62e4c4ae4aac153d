/* lib/config/schema.h - the table of configuration keys: what each may be, who acts on it, since when.
 *
 * The keys of cloud-config are rows of this table; those below "slipway." that the kernel command line has too are rows of
 * lib/codec/keys.c and are shown here in the same form. Validation, `slipway config explain` and the tables of
 * docs/configuration.md come from both.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cfg;
struct key;

#define SCHEMA_PATH_MAX 160

enum schema_type { /* what a value may be; bits */
	SCHEMA_TEXT = 1,   /* a number or truth value is taken as it is written */
	SCHEMA_NUMBER = 2,
	SCHEMA_BOOL = 4,
	SCHEMA_LIST = 8,
	SCHEMA_MAP = 16,
	SCHEMA_NULL = 32,
	SCHEMA_ANY = 63,
};

enum schema_use {
	SCHEMA_USED = 0,
	SCHEMA_ACCEPTED = 1, /* understood and without effect here */
	SCHEMA_LATER = 2,    /* known, not supported by this version; nothing below it is looked at */
	SCHEMA_CMDLINE = 3,  /* counts on the kernel command line only: it is needed before any file can be read */
};

struct schema {
	char path[SCHEMA_PATH_MAX]; /* "write_files.[].path"; '*' stands for any key, "[]" for the entries of a list */
	unsigned types;		    /* enum schema_type */
	enum schema_use use;
	bool is_secret;
	int64_t min, max;    /* of numbers, when max > 0 */
	const char *words;   /* choices, blank-separated; or NULL */
	const char *since;   /* version of Slipway */
	const char *handler; /* the part that acts on it */
	const char *help;    /* one line */
	const struct key *key; /* checks the form of scalars; or NULL */
};

size_t schema_count(void);
void schema_at(size_t i, struct schema *ret);

/* The row for a path of n words. A word above a row that exists is a map without help. Returns whether there is one. */
bool schema_find(const char *const *words, size_t n, struct schema *ret);

/* The same for "a.b.c". */
bool schema_find_path(const char *path, struct schema *ret);

/* The known last word that is most like words[n - 1] below the others; false: none is near. */
bool schema_nearest(const char *const *words, size_t n, char *out, size_t size);

/* "text or list" into out; returns out. */
#define SCHEMA_TYPES_MAX 80
const char *schema_types_text(unsigned types, char out[SCHEMA_TYPES_MAX]);

/* Called with one whole sentence per thing that is wrong, "FILE:LINE: key 'k': expected ..., found ...". */
typedef void schema_say_fn(void *ctx, const char *sentence);

/* Check one file's tree; what is wrong is told of and removed from it, so that the rest counts. Returns how much it was.
 * Unknown keys are told of and stay. */
unsigned schema_check(struct cfg *root, schema_say_fn *say, void *ctx);

/* Remove what is secret (docs: passwords, their hashes, private keys). */
void schema_hide_secrets(struct cfg *root);

#endif
