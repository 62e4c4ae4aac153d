// SPDX-License-Identifier: Apache-2.0
/* Streams of progress records: one JSON document per line. */
#include "userctr/cli.h"
#include "userctr/human.h"

#include "lib/base/owned.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define RECORD_MAX (1u << 20)

void cli_progress_begin(struct cli_progress *p, bool to_stderr)
{
	*p = (struct cli_progress){.to_stderr = to_stderr, .is_terminal = isatty(to_stderr ? 2 : 1) != 0,
				   .line = BUF_INIT(RECORD_MAX)};
}

void cli_progress_end(struct cli_progress *p)
{
	buf_release(&p->line);
}

/* "[====>      ]  1.2MB/3MB" */
static void put_bar(struct buf *b, const struct json *detail)
{
	int64_t current = json_int(json_get(detail, "current"), 0), total = json_int(json_get(detail, "total"), 0);
	char have[HUMAN_MAX], all[HUMAN_MAX];

	if (current <= 0 && total <= 0)
		return;
	(void)human_size((double)current, 4, have);
	if (total <= 0 || current > total) {
		buf_printf(b, "%8s", have);
		return;
	}
	int done = (int)((double)current / (double)total * 50);
	buf_putc(b, '[');
	for (int i = 0; i < done; i++)
		buf_putc(b, '=');
	buf_printf(b, ">%*s]  %8s/%s", 50 - done, "", have, human_size((double)total, 4, all));
}

static void put_status(struct cli_progress *p, struct buf *b, const struct json *d)
{
	const char *id = json_str_or(json_get(d, "id"), ""), *status = json_str_or(json_get(d, "status"), "");
	const char *progress = json_str_or(json_get(d, "progress"), "");

	if (id[0] != '\0')
		cli_put_safe(b, id, strlen(id)), buf_puts(b, ": ");
	cli_put_safe(b, status, strlen(status));
	if (!p->is_terminal)
		return;
	if (json_get(d, "progressDetail") != NULL && json_len(json_get(d, "progressDetail")) > 0) {
		buf_putc(b, ' ');
		put_bar(b, json_get(d, "progressDetail"));
	} else if (progress[0] != '\0') {
		buf_putc(b, ' ');
		cli_put_safe(b, progress, strlen(progress));
	}
}

/* How many lines up the line of an id is; 0 for a new one at the bottom. */
static size_t place_of(struct cli_progress *p, const char *id)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->shown[i].id, id) == 0)
			return p->n - i;
	if (p->n < countof(p->shown))
		(void)snprintf(p->shown[p->n++].id, sizeof(p->shown[0].id), "%.63s", id);
	return 0;
}

static void show(struct cli_progress *p, FILE *f, const struct json *d)
{
	struct buf b = BUF_INIT(RECORD_MAX);
	const char *id = json_str_or(json_get(d, "id"), ""), *stream = json_str(json_get(d, "stream"));
	bool moves = json_len(json_get(d, "progressDetail")) > 0 || json_str_or(json_get(d, "progress"), "")[0] != '\0';

	if (stream != NULL) {
		cli_put_safe(&b, stream, strlen(stream));
		fputs(buf_str(&b), f);
	} else if (!p->is_terminal) {
		if (!moves) { /* bars are for terminals */
			put_status(p, &b, d);
			fprintf(f, "%s\n", buf_str(&b));
		}
	} else if (id[0] != '\0' && json_get(d, "progressDetail") != NULL) {
		size_t up = place_of(p, id);
		struct winsize ws;
		put_status(p, &b, d);
		size_t width = ioctl(fileno(f), TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0 ? ws.ws_col : 80;
		if (up > 0)
			fprintf(f, "\x1b[%zuA", up);
		fprintf(f, "\x1b[2K\r%.*s\n", (int)width, buf_str(&b));
		if (up > 1)
			fprintf(f, "\x1b[%zuB", up - 1);
	} else {
		p->n = 0; /* lines above are not touched any more */
		put_status(p, &b, d);
		fprintf(f, "%s\n", buf_str(&b));
	}
	(void)fflush(f);
	buf_release(&b);
}

static void take_record(struct cli_progress *p, const char *s, size_t n)
{
	struct json_doc *doc = NULL;
	FILE *f = p->to_stderr ? stderr : stdout;

	if (json_parse(s, n, &doc, NULL) < 0)
		return; /* not a record: nothing to show */
	const struct json *d = json_root(doc), *aux = json_get(d, "aux");
	const char *why = json_str(json_get(json_get(d, "errorDetail"), "message"));
	if (why == NULL)
		why = json_str(json_get(d, "error"));
	const char *id = json_str_or(json_get(aux, "ID"), json_str_or(json_get(aux, "Digest"), ""));
	if (id[0] != '\0')
		(void)snprintf(p->aux_id, sizeof(p->aux_id), "%.79s", id);
	if (why != NULL) {
		struct buf b = BUF_INIT(RECORD_MAX);
		cli_put_safe(&b, why, strlen(why));
		(void)fflush(stdout);
		fprintf(stderr, "%s\n", buf_str(&b));
		buf_release(&b);
		p->failed = true;
	} else if (aux == NULL && !p->is_quiet) {
		show(p, f, d);
	}
	json_free(doc);
}

int cli_progress(void *ctx, const char *in, size_t n)
{
	struct cli_progress *p = ctx;

	for (size_t i = 0; i < n; i++) {
		if (in[i] != '\n') {
			buf_putc(&p->line, in[i]);
			continue;
		}
		if (p->line.len > 0 && buf_error(&p->line) == 0)
			take_record(p, buf_str(&p->line), p->line.len);
		buf_clear(&p->line);
	}
	return 0;
}
