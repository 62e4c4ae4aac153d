/* userctr/log_reader.h - reads what json_log.h wrote, across rotated files, while it is being written. */
#ifndef USERCTR_LOG_READER_H
#define USERCTR_LOG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "userctr/json_log.h"

struct err;
struct json_doc;

struct log_record {
	enum log_stream stream;
	const char *text; /* borrowed until the next call; len bytes, with its newline if it has one */
	size_t len;
	const char *time; /* RFC 3339, nine fraction digits */
	int64_t time_ns;
};

struct log_reader {
	char path[JSON_LOG_PATH_MAX];
	int fd; /* owned; -1: nothing is there yet */
	struct buf in;	      /* read, from `at` not yet taken */
	size_t at;
	struct json_doc *doc; /* owned; of the last record */
};

/*
 * Open the log at its oldest record, or so that `tail` records are left.
 *
 *   tail   -1 = all
 *
 * A log that is not there is empty.
 */
int log_reader_open(struct log_reader *r, const char *path, int64_t tail, struct err *e);

/* Returns 1 with *ret, 0 when there is nothing more for now, -errno. Damaged records are skipped. */
int log_reader_next(struct log_reader *r, struct log_record *ret, struct err *e);

void log_reader_release(struct log_reader *r);

/* "2026-11-23T01:34:09.658398871Z" to nanoseconds; -1 when it is none. Pure. */
int64_t log_time_parse(const char *s);

#endif
