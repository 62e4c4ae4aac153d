// SPDX-License-Identifier: Apache-2.0
/* Records of progress, byte for byte as dockerd writes them. */
#include "userctr/image_progress.h"

#include "lib/base/buf.h"
#include "lib/codec/digest.h"
#include "lib/codec/json.h"
#include "lib/codec/ref.h"
#include "userctr/human.h"
#include "userctr/req.h"

#include <stdio.h>
#include <string.h>

#define BAR 50

static void put_record(struct req *q, struct buf *b)
{
	buf_puts(b, "\r\n");
	stream_put(q, buf_str(b), b->len);
	buf_release(b);
}

/* "[=====>     ]  1.2MB/3.4MB", as docker's clients draw it when they have no terminal. */
static void put_bar(struct json_writer *w, uint64_t now, uint64_t all)
{
	char bar[BAR + 2], text[BAR + 2 * HUMAN_MAX + 16], have[HUMAN_MAX], total[HUMAN_MAX];
	int done = all > 0 ? (int)(now * 100 / all) / 2 : 0;

	done = done < BAR ? done : BAR;
	memset(bar, '=', (size_t)done);
	bar[done] = '>';
	memset(bar + done + 1, ' ', (size_t)(BAR - done));
	(void)snprintf(text, sizeof(text), "[%.*s] %8s/%s", BAR + 1, bar, human_size((double)now, 4, have),
		       human_size((double)all, 4, total)); /* fits */
	jw_kstr(w, "progress", text);
}

void progress_layer(struct req *q, const struct digest *id, const char *status, uint64_t now, uint64_t all)
{
	struct buf b = BUF_INIT(4096);
	struct json_writer w;
	char hex[DIGEST_HEX_SIZE];
	bool has_bar = now != PROGRESS_NO_BAR;

	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "status", status);
	jw_key(&w, "progressDetail");
	jw_obj(&w);
	if (has_bar) {
		jw_kuint(&w, "current", now);
		jw_kuint(&w, "total", all);
	}
	jw_end_obj(&w);
	if (has_bar)
		put_bar(&w, now, all);
	digest_hex(id, hex);
	hex[12] = '\0';
	jw_kstr(&w, "id", hex);
	jw_end_obj(&w);
	put_record(q, &b);
}

void progress_status(struct req *q, const char *id, const char *fmt, const char *text)
{
	struct buf b = BUF_INIT(4096);
	char line[REF_TEXT_SIZE + 64];
	struct json_writer w;

	(void)snprintf(line, sizeof(line), fmt, text); /* fits */
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kstr(&w, "status", line);
	if (id != NULL)
		jw_kstr(&w, "id", id);
	jw_end_obj(&w);
	put_record(q, &b);
}

void progress_error(struct req *q, const char *msg)
{
	struct buf b = BUF_INIT(4096);
	struct json_writer w;

	jw_init(&w, &b);
	jw_obj(&w);
	jw_key(&w, "errorDetail");
	jw_obj(&w);
	jw_kstr(&w, "message", msg);
	jw_end_obj(&w);
	jw_kstr(&w, "error", msg);
	jw_end_obj(&w);
	put_record(q, &b);
}
