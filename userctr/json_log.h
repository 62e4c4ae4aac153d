/* userctr/json_log.h - writes a container's output as docker's json-file records, rotated by size.
 *
 * One record per line: {"log":"text\n","stream":"stdout","time":"RFC3339Nano"}; a line longer than JSON_LOG_LINE is split
 * into several records of which only the last ends in \n; an unterminated last line is written without one.
 * Rotation renames FILE to FILE.1, FILE.1 to FILE.2 ... and keeps `files` in all.
 */
#ifndef USERCTR_JSON_LOG_H
#define USERCTR_JSON_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

struct err;

#define JSON_LOG_LINE	  16384
#define JSON_LOG_PATH_MAX 512

enum log_stream {
	LOG_STREAM_OUT = 0,
	LOG_STREAM_ERR = 1,
};

struct json_log {
	char path[JSON_LOG_PATH_MAX];
	int fd; /* owned; -1 = closed: writing is a no-op */
	int64_t size;
	int64_t max_bytes; /* 0 = never rotate */
	unsigned files;
	uint64_t lost;	   /* records that could not be written (disk full) */
	struct buf part[2]; /* the unfinished line of each stream */
	struct buf out;	   /* records of one call, written together */
};

/*
 * Open or create path for appending; a torn last record (after a crash) is cut off.
 *
 *   max_bytes   rotate before a record would pass this; 0 = never
 *   files       how many are kept in all, at least 1
 */
int json_log_open(struct json_log *l, const char *path, int64_t max_bytes, unsigned files, struct err *e);

/* Take n bytes of a stream. Complete lines are on the file when this returns; what the disk refuses is counted in lost. */
void json_log_put(struct json_log *l, enum log_stream s, const char *p, size_t n);

/* Write the unfinished lines and close. */
void json_log_close(struct json_log *l);

#endif
