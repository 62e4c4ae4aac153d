/* lib/codec/oci_image.h - the documents an image is made of: index, manifest, image config, and docker's manifest.json.
 *
 * Strict: what breaks the specification is -E_SPEC with the field named; sizes are bounded (OCI_DOC_MAX, and the
 * counts below: -E_LIMIT). OCI and Docker schema 2 media types are the same kinds here. Structs own their document and
 * arrays; strings and JSON values inside are borrowed from it. Release with the matching call; a struct that failed to
 * parse needs none.
 */
#ifndef CODEC_OCI_IMAGE_H
#define CODEC_OCI_IMAGE_H

#include "lib/codec/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct json;
struct json_doc;

#define OCI_DOC_MAX	 ((size_t)4 << 20) /* bytes of any of these documents */
#define OCI_LAYERS_MAX	 500 /* what one overlay mount can have below it */
#define OCI_ENTRIES_MAX	 1024 /* manifests of an index, images of an archive */
#define OCI_CONTENT_MAX	 ((uint64_t)1 << 40) /* bytes a descriptor may announce */

enum oci_kind {
	OCI_UNKNOWN = 1, /* a media type that is none of these */
	OCI_INDEX,
	OCI_MANIFEST,
	OCI_CONFIG,
	OCI_LAYER,	/* tar, uncompressed */
	OCI_LAYER_GZIP,
	OCI_LAYER_ZSTD,
	OCI_LAYER_FOREIGN, /* to be fetched from elsewhere: never supported */
};

#define OCI_MEDIA_INDEX	     "application/vnd.oci.image.index.v1+json"
#define OCI_MEDIA_MANIFEST   "application/vnd.oci.image.manifest.v1+json"
#define OCI_MEDIA_CONFIG     "application/vnd.oci.image.config.v1+json"
#define OCI_MEDIA_LAYER	     "application/vnd.oci.image.layer.v1.tar"
#define OCI_MEDIA_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define OCI_MEDIA_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"

enum oci_kind oci_kind_of(const char *media_type); /* NULL is OCI_UNKNOWN */

struct oci_descriptor {
	enum oci_kind kind;
	const char *media_type; /* as written; "" when absent */
	struct digest digest;
	uint64_t size;
	const struct json *platform;	/* object or NULL */
	const struct json *annotations; /* object of strings or NULL */
};

/* An annotation's value, or NULL. */
const char *oci_annotation(const struct oci_descriptor *d, const char *key);

/* Whether the platform of d is the one asked for. No platform at all is a match; variant NULL matches any. */
bool oci_platform_is(const struct oci_descriptor *d, const char *os, const char *arch, const char *variant);

struct oci_index {
	struct json_doc *doc;		  /* owned */
	struct oci_descriptor *manifests; /* owned */
	size_t n;
};

struct oci_manifest {
	struct json_doc *doc; /* owned */
	struct oci_descriptor config;
	struct oci_descriptor *layers; /* owned; bottom first */
	size_t n;
};

struct oci_config {
	struct json_doc *doc; /* owned */
	const struct json *root;
	const char *os, *architecture; /* never NULL */
	const char *variant, *created, *author, *comment; /* NULL when absent */
	const struct json *config;  /* object or NULL: Env, Cmd, ... with the types of its fields checked */
	const struct json *history; /* array of objects or NULL */
	struct digest *diff_ids;    /* owned; bottom first */
	size_t n;
};

/* One image of a docker archive's manifest.json. */
struct docker_image {
	const char *config;  /* path in the archive, normal: relative, without "." and ".." */
	const char **layers; /* owned array; the same kind of paths, bottom first */
	size_t n_layers;
	const char **tags; /* owned array; "name:tag", not yet parsed */
	size_t n_tags;
};

struct docker_archive {
	struct json_doc *doc;	     /* owned */
	struct docker_image *images; /* owned */
	size_t n;
};

/*
 *   what   what the message calls the document: "manifest sha256:..."
 *
 * Errors   -E_SPEC the field is named   -E_LIMIT   -ENOMEM
 */
int oci_index_parse(const char *p, size_t n, const char *what, struct oci_index *ret, struct err *e);
int oci_manifest_parse(const char *p, size_t n, const char *what, struct oci_manifest *ret, struct err *e);
int oci_config_parse(const char *p, size_t n, const char *what, struct oci_config *ret, struct err *e);
int docker_archive_parse(const char *p, size_t n, struct docker_archive *ret, struct err *e);

void oci_index_release(struct oci_index *i);
void oci_manifest_release(struct oci_manifest *m);
void oci_config_release(struct oci_config *c);
void docker_archive_release(struct docker_archive *a);

/* Which of index and manifest a document is: OCI_INDEX, OCI_MANIFEST, or OCI_UNKNOWN when it is neither - or both, which
 * makes one digest mean two images. */
enum oci_kind oci_document_kind(const struct json *root);

/* Append a manifest made from its parts: what an archive without one gets. Always the same bytes for the same parts. */
void oci_manifest_print(struct buf *out, const struct oci_descriptor *config, const struct oci_descriptor *layers,
			size_t n);

#endif
