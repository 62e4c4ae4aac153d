/* userctr/api_container.h - the handlers of containers, which are spread over several files. */
#ifndef USERCTR_API_CONTAINER_H
#define USERCTR_API_CONTAINER_H

#include <stdbool.h>

struct ctr;
struct req;

/* The container that the path names; NULL after a 404 or 400 was replied. */
struct ctr *api_ctr(struct req *q);

/* api_container_list.c */
void api_containers_list(struct req *q);
void api_containers_prune(struct req *q);
void api_container_inspect(struct req *q);

/* api_container_io.c */
void api_container_attach(struct req *q);
void api_container_resize(struct req *q);
void api_container_logs(struct req *q);

/* h and w of a resize. Returns false after having replied. */
bool api_size(struct req *q, unsigned *ret_rows, unsigned *ret_cols);

/* detachKeys of the query, decoded. Returns false after having replied. */
bool api_detach_keys(struct req *q, const char *fallback, char *out, unsigned size);

/* api_container_archive.c */
void api_container_export(struct req *q);
void api_container_changes(struct req *q);
void api_container_archive(struct req *q);

/* api_container_extract.c */
void api_container_extract(struct req *q);

/* api_container_proc.c, api_container_stats.c */
void api_container_top(struct req *q);
void api_container_stats(struct req *q);

#endif
