/* userctr/cli.h - the client: docker's verbs over the Docker Engine API. One verb family per file; verbs and flags are tables.
 *
 * Exit codes are docker's: 0, 1 an error of the daemon, 125 run/exec could not be asked for, 126/127 the command could not
 * be invoked / was not found, else the code of the container. A process runs one verb: what it makes lives in cli.mem.
 */
#ifndef USERCTR_CLI_H
#define USERCTR_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/json.h"

/* A connection to the daemon and what every verb needs. */
struct cli {
	const char *host; /* unix:///path or tcp://addr:port; borrowed */
	int fd;		  /* owned; -1 = not connected */
	const char *program; /* "docker" or "userctr" */
	const char *path;    /* the verb as messages name it: "docker container ls" */
	bool is_run;	     /* errors begin with "docker: " and end the verb with 125 */
	struct arena *mem;   /* borrowed; freed when the process ends */
	struct cli_pending *pending; /* a reply whose head alone was read; in mem */
};

/* ---- flags and verbs: cli_flags.c, cli_main.c, cli_help.c ---- */

enum cli_kind {
	CLI_BOOL = 1,
	CLI_STRING,
	CLI_LIST,	/* may be repeated */
	CLI_CSV,	/* a list; commas divide too */
	CLI_INT,
	CLI_BYTES,	/* "64m" */
	CLI_DURATION,	/* "1m30s" */
	CLI_CPUS,	/* decimal, kept in billionths */
	CLI_FILTER,	/* a list of name=value */
	CLI_PAIRS,	/* a list of key=value */
	CLI_MOUNT,	/* a list of mounts, checked when read */
	CLI_ULIMIT,	/* a list of limits, checked when read */
};

struct cli_flag {
	const char *name;
	char letter; /* 0 = none */
	enum cli_kind kind;
	const char *help;
	const char *preset; /* shown as (default ...), and the value when not set; NULL = none */
};

struct cli_value {
	bool is_set, on;
	const char *text; /* the last one given, else the preset, else "" */
	int64_t num;	  /* CLI_INT, CLI_BYTES, CLI_DURATION (ns), CLI_CPUS */
	const char **list;
	size_t n;
};

#define CLI_FLAGS_MAX 112

struct cli_verb;

struct cli_args {
	const struct cli_verb *verb;
	struct cli_value value[CLI_FLAGS_MAX]; /* in the order of the verb's flags */
	char **argv;			       /* positionals */
	int argc;
};

struct cli_verb {
	const char *names; /* all spellings, as help lists them: "container ls, container list, ps" */
	int (*run)(struct cli *c, struct cli_args *a);
	const char *args; /* for usage: "CONTAINER [CONTAINER...]" */
	int min, max;	  /* positionals; max -1 = any number */
	const char *help; /* one line */
	const struct cli_flag *flags; /* ended by an empty entry; NULL = none */
	const char *example;
	bool stops;   /* flags end at the first positional (run, exec) */
	bool is_run;  /* errors are run's: see struct cli */
};

/* Tables of the verb families, each ended by an empty entry; cli_main.c lists them. */
extern const struct cli_verb cli_verbs_run[], cli_verbs_ctr[], cli_verbs_list[], cli_verbs_image[], cli_verbs_transfer[],
	cli_verbs_inspect[], cli_verbs_info[], cli_verbs_network[], cli_verbs_volume[], cli_verbs_system[], cli_verbs_copy[],
	cli_verbs_watch[], cli_verbs_auth[], cli_verbs_prune[];
extern const struct cli_flag cli_flags_create[];

/* The client's main: argv[0] is a program name, global flags, then the verb. */
int cli_main(int argc, char **argv);

/*
 * Read flags and positionals of a verb from argv[0..argc).
 *
 * Returns  0, 1 help was asked for
 * Errors   -EINVAL with the sentence docker has
 */
int cli_args_parse(const struct cli_verb *v, int argc, char **argv, struct arena *mem, struct cli_args *ret,
		   struct err *e);

/* The value of a flag of the verb; a name that is not in its table ends the program: a bug. */
const struct cli_value *cli_get(const struct cli_args *a, const char *name);
bool cli_on(const struct cli_args *a, const char *name);
const char *cli_text(const struct cli_args *a, const char *name);
bool cli_has(const struct cli_args *a, const char *name); /* is there such a flag */

void cli_help_program(const char *program);
bool cli_help_group(const char *program, const char *group, FILE *out); /* false: no such group */
void cli_help_verb(const struct cli *c, const struct cli_verb *v);
void cli_usage_line(const struct cli *c, const struct cli_verb *v, char *out, size_t size);
const struct cli_verb *const *cli_tables(void); /* ended by NULL */

/* ---- cli_http.c ---- */

struct cli_request {
	const char *method;
	const char *path; /* with query, already encoded, without the version */
	const char *json; /* body, or NULL */
	int body_fd;	  /* body streamed chunked from here when >= 0 and json is NULL */
	const char *body_type;
	const char *header; /* more header lines, each ended by \r\n; NULL = none */
	bool want_upgrade;
	/* the reply's body as it arrives (2xx only); NULL collects it into reply */
	int (*on_body)(void *ctx, const char *p, size_t n);
	void *ctx;
};

struct cli_reply {
	int status;
	struct buf body;      /* caller releases */
	struct buf early;     /* bytes of an upgraded stream that came with its head */
	char content_type[64];
};

/*
 * One request and its reply over the client's connection.
 *
 * Returns  0, also for replies of 4xx and 5xx
 * Errors   -ECONNREFUSED, -ENOENT, -EACCES no daemon, with docker's sentence; -EPROTO
 * Blocks   yes, until the reply is complete
 */
int cli_call(struct cli *c, const struct cli_request *q, struct cli_reply *r, struct err *e);

/* cli_call() in two halves, for a reply that is complete only after something else was asked (wait): returns once the
 * head has arrived. q and r stay in use until cli_finish(), which reads the rest. */
int cli_begin(struct cli *c, const struct cli_request *q, struct cli_reply *r, struct err *e);
int cli_finish(struct cli *c, struct err *e);

/* As cli_begin(), returning once the request is sent: several daemon answers are waited for at once. */
int cli_send(struct cli *c, const struct cli_request *q, struct cli_reply *r, struct err *e);

/* cli_call() with a JSON body or none, a collected reply, and an error said on standard error unless 2xx or `also_ok`.
 * Returns the status, or -1 after saying what is wrong. r may be NULL. */
int cli_ask(struct cli *c, const char *method, const char *path, const char *json, int also_ok, struct cli_reply *r);

/* GET path and parse the reply. NULL after saying what is wrong. The caller frees the document. */
struct json_doc *cli_fetch(struct cli *c, const char *path);

void cli_reply_release(struct cli_reply *r);

/* Say the daemon's error: its "message". */
void cli_say_error(const struct cli *c, const struct cli_reply *r);
/* Say an error of our own in the verb's form. */
void cli_say(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The message of an error reply, or a sentence that there is none. Borrowed from *ret_doc, which the caller frees. */
const char *cli_message(const struct cli_reply *r, struct json_doc **ret_doc);

/* A second connection of the same kind. */
void cli_second(const struct cli *c, struct cli *ret);
void cli_close(struct cli *c);

/* Connect when not connected. Errors: as cli_call(). */
int cli_dial(struct cli *c, struct err *e);

/* Append percent-encoded. */
void cli_encode(struct buf *b, const char *s);

/* "?a=1&b=x%20y" piece by piece: append "?" or "&", name, "=", the encoded value. */
void cli_query(struct buf *path, const char *name, const char *value);

/* Append filters=... when there are any; `more` is a name=value of the verb itself, or NULL. */
void cli_query_filters(struct buf *path, const struct cli_value *filters, const char *more);

/* ---- cli_stream.c ---- */

/* How a session is joined with this process' standard streams. */
struct cli_session {
	struct cli *c; /* its connection becomes the stream; closed at the end */
	struct buf *early;
	bool is_tty;	  /* raw bytes, terminal in raw mode; else docker's frames are split */
	bool with_stdin;  /* copy standard input, half-close at its end */
	bool proxies;	  /* pass signals on through on_signal instead of dying of them */
	const char *detach_keys; /* "ctrl-p,ctrl-q"; NULL = docker's default */
	void (*on_resize)(void *ctx, unsigned rows, unsigned cols); /* at the start and on SIGWINCH; may be NULL */
	void (*on_signal)(void *ctx, int signo);
	void *ctx;
};

/* Block what a session handles; before the first request whose session signals may concern. */
void cli_session_signals(const struct cli_session *s);

/* Returns 0 the stream ended, 1 detached by its keys. */
int cli_session_run(struct cli_session *s);

/* Splits frames of a non-upgraded body (logs) onto stdout and stderr; zero-initialise. */
struct cli_demux {
	unsigned char head[8];
	size_t have, left;
	bool is_raw;
};
int cli_demux(void *ctx, const char *p, size_t n); /* an on_body callback; ctx: struct cli_demux */

/* "ctrl-p,ctrl-q" to bytes. Returns their number, or -1. */
int cli_detach_keys(const char *text, unsigned char out[16]);

/* ---- cli_table.c ---- */

struct cli_col {
	const char *field; /* in templates: "ID" */
	const char *head;  /* "CONTAINER ID" */
};

/*
 * Print rows as a table or by a template ("{{.ID}}\t{{.Names}}", "table {{.ID}}", "json").
 *
 *   rows     a JSON array of objects with a string per field
 *   table    the template of the plain table
 *   cols     ended by an empty entry
 *
 * Returns 0, or -1 after naming what is wrong with the template.
 */
int cli_print_rows(struct cli *c, const struct buf *rows, const struct cli_col *cols, const char *format,
		   const char *table);

/* Align tab-divided cells, 3 apart. */
void cli_align(const char *text, size_t n, size_t narrowest, struct buf *out);

/* Write a buffer to standard output. Returns 0 or -1. */
int cli_out(const struct buf *b);

/* Append text from outside with its control characters spelt out. */
void cli_put_safe(struct buf *b, const char *s, size_t n);

/* Print a value with an indentation of four, as inspect does. */
void cli_indent(struct buf *out, const struct json *v, unsigned depth);

/* ---- cli_progress.c ---- */

/* A stream of progress records; on a terminal lines are updated in place. An on_body callback. */
struct cli_progress {
	bool is_terminal, is_quiet;
	bool failed;	   /* a record said so */
	bool to_stderr;
	char aux_id[80];   /* the last aux.ID / aux.Digest */
	struct buf line;   /* what has arrived of a record */
	struct {
		char id[64];
	} shown[128];
	size_t n;
};
void cli_progress_begin(struct cli_progress *p, bool to_stderr);
int cli_progress(void *ctx, const char *p, size_t n);
void cli_progress_end(struct cli_progress *p);

/* ---- between families ---- */

/* Append the body of POST /containers/create. positionals[0] is the image. Returns 0 or -EINVAL. */
int cli_create_body(const struct cli_args *a, struct buf *out, struct err *e);

/* Members of a request that several verbs have. */
int cli_put_env(struct json_writer *w, const struct cli_args *a, struct err *e);
int cli_put_restart(struct json_writer *w, const char *s, struct err *e);

/* "3 days ago" of unix seconds. Returns out (48 bytes). */
const char *cli_ago(int64_t sec, char *out);
/* "Labels": "a=b,c=d" */
void cli_put_labels(struct json_writer *w, const struct json *labels);
/* A container of the list as a row of ps. */
void cli_put_ctr(struct json_writer *w, struct arena *mem, const struct json *ctr, bool is_whole, bool with_virtual);

/* The elements of a list by their Name, in the arena. */
const struct json **cli_sorted(struct arena *mem, const struct json *list, size_t *ret_n);
/* A member with "a=b" flags as an object; none without flags. */
void cli_put_pairs(struct json_writer *w, const char *key, const struct cli_value *v);

/* Pull an image to standard error or output. Returns 0, or -1 after saying why not. */
int cli_pull(struct cli *c, const char *image, const char *platform, bool is_quiet, bool to_stderr, bool all_tags);

/* The header line with credentials for the registry of an image, from the config file; "" = none. */
int cli_auth_header(struct cli *c, const char *image, struct buf *out);

/* One request per positional, all at once: METHOD prefix + name + suffix; says the name when it went well, in order.
 * With missing_ok an unknown name is told but no failure. Returns the exit code. */
int cli_each(struct cli *c, const struct cli_args *a, const char *method, const char *prefix, const char *suffix,
	     int also_ok, bool missing_ok);

/* Ask on standard input; true for y/yes. */
bool cli_confirm(const char *question);

#endif
