/* lib/codec/yaml_scalar.h - the core schema's types of scalars. Private to lib/codec/yaml*.c. */
#ifndef CODEC_YAML_SCALAR_H
#define CODEC_YAML_SCALAR_H

#include <stdbool.h>

struct yaml_node;

/*
 * Set type, truth and number of a scalar from its text.
 *
 *   tag          as the library resolved it, or NULL
 *   is_implicit  plain and without a tag: the text decides
 *
 * Returns  NULL, or why the tag does not fit ("is not an integer")
 */
const char *yaml_scalar_type(struct yaml_node *n, const char *tag, bool is_implicit);

#endif
