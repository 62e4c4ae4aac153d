/* userctr/image_changes.h - the lines of a Dockerfile that docker import and docker commit take. */
#ifndef USERCTR_IMAGE_CHANGES_H
#define USERCTR_IMAGE_CHANGES_H

struct err;
struct json;
struct json_writer;
struct req;

/*
 * Write the config object: what base has, changed by every `changes` of the query: CMD ENTRYPOINT ENV EXPOSE LABEL ONBUILD
 * STOPSIGNAL USER VOLUME WORKDIR.
 *
 *   base   config object of an image, or NULL
 *
 * Errors  -EINVAL the line is named
 */
int image_changes(const struct req *q, const struct json *base, struct json_writer *w, struct err *e);

#endif
