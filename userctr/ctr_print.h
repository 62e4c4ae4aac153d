/* userctr/ctr_print.h - containers as JSON: what inspect and the list show. */
#ifndef USERCTR_CTR_PRINT_H
#define USERCTR_CTR_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr;
struct json_writer;

/* The whole object of inspect. with_size: blocks while the upper layer is measured. */
void ctr_print_inspect(struct ctr *c, struct json_writer *w, bool with_size);

/* An object of the list. */
void ctr_print_summary(struct ctr *c, struct json_writer *w, bool with_size);

/* Bytes in the upper layer. */
int64_t ctr_size_rw(const struct ctr *c);

/* An instant of CLOCK_REALTIME; 0 is docker's zero time. */
void print_time(struct json_writer *w, const char *key, int64_t ns);

#endif
