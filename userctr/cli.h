/* userctr/cli.h - the client: docker's verbs over the Docker Engine API. One entry per verb, one verb family per file.
 *
 * Exit codes are docker's: 0, 1 an error of the daemon, 125 run/exec could not be asked for, 126/127 the command could not
 * be invoked / was not found, else the code of the container.
 */
#ifndef USERCTR_CLI_H
#define USERCTR_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"

struct err;
struct json;
struct json_doc;

/* A connection to the daemon and what every verb needs. */
struct cli {
	const char *host; /* unix:///path or tcp://addr:port; borrowed */
	int fd;		  /* owned; -1 = not connected */
	bool want_color;
};

struct cli_verb {
	const char *name;
	int (*run)(struct cli *c, int argc, char **argv);
	const char *args; /* for usage: "[OPTIONS] CONTAINER [CONTAINER...]" */
	const char *help; /* one line */
};

/* Tables of the verb families, each ended by an empty entry. */
extern const struct cli_verb cli_verbs_container[];
extern const struct cli_verb cli_verbs_image[];
extern const struct cli_verb cli_verbs_system[];

/* The client's main: argv[0] is a program name, global flags -H/--host, -v/--version, --help, then the verb. */
int cli_main(int argc, char **argv);

/* ---- cli_http.c ---- */

struct cli_request {
	const char *method;
	const char *path; /* with query, already encoded, without the version */
	const char *json; /* body, or NULL */
	int body_fd;	  /* body streamed chunked from here when >= 0 and json is NULL; set to -1 */
	const char *body_type;
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

/* cli_call() with a JSON body or none, a collected reply, and an error said on standard error ("Error response from daemon: ...")
 * unless 2xx or `also_ok`. Returns the status, or -1 after saying what is wrong. r may be NULL. */
int cli_ask(struct cli *c, const char *method, const char *path, const char *json, int also_ok, struct cli_reply *r);

void cli_reply_release(struct cli_reply *r);

/* Say the daemon's error: its "message". */
void cli_say_error(const struct cli_reply *r);

/* The message of an error reply, or a sentence that there is none. Borrowed from *ret_doc, which the caller frees. */
const char *cli_message(const struct cli_reply *r, struct json_doc **ret_doc);

/* A second connection of the same kind. */
void cli_second(const struct cli *c, struct cli *ret);

/* Append percent-encoded. */
void cli_encode(struct buf *b, const char *s);

/* ---- cli_stream.c ---- */

/*
 * Join an upgraded connection with this process' standard streams until its end.
 *
 *   is_tty     raw bytes, terminal in raw mode; else docker's frames are split into stdout and stderr
 *   with_stdin copy standard input, half-close at its end
 *   on_resize  called with the terminal's size at the start and on SIGWINCH when is_tty; may be NULL
 *
 * Returns  0 the stream ended, 1 detached by ctrl-p ctrl-q
 */
int cli_stream(struct cli *c, struct buf *early, bool is_tty, bool with_stdin,
	       void (*on_resize)(void *ctx, unsigned rows, unsigned cols), void *ctx);

/* Splits frames of a non-upgraded body (logs) onto stdout and stderr; zero-initialise. */
struct cli_demux {
	unsigned char head[8];
	size_t have, left;
	bool is_raw;
};
int cli_demux(void *ctx, const char *p, size_t n); /* an on_body callback; ctx: struct cli_demux */

/* ---- cli_format.c ---- */

#define CLI_COLS_MAX 12
#define CLI_CELL_MAX 160

struct cli_table {
	const char *title[CLI_COLS_MAX]; /* column heads, "CONTAINER ID" */
	const char *field[CLI_COLS_MAX]; /* their names in templates, "ID" */
	size_t cols;
	char (*cells)[CLI_COLS_MAX][CLI_CELL_MAX]; /* owned */
	size_t rows;
};

/* A new row; cells are filled with snprintf by the caller. NULL without memory. */
char (*cli_table_row(struct cli_table *t))[CLI_CELL_MAX];

/* Print as table, or by a Go-like template ("{{.ID}}\t{{.Names}}", "table {{.ID}}", "json", "{{json .}}").
 * Returns 0, or -1 after naming what is wrong with the template. */
int cli_table_print(const struct cli_table *t, size_t visible_cols, const char *format);
void cli_table_release(struct cli_table *t);

/* "3 minutes", "About an hour": docker's wording of a duration. */
void cli_duration(long long seconds, char *out, size_t size);
/* "4.26MB": decimal units as docker prints sizes. */
void cli_size(long long bytes, char *out, size_t size);

#endif
