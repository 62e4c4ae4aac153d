// SPDX-License-Identifier: Apache-2.0
/* A tree as YAML that reads back as the same tree, and as JSON. */
#include "lib/base/buf.h"
#include "lib/codec/json.h"
#include "lib/config/tree.h"

#include <string.h>
#include <strings.h>

/* Text that any YAML reader takes for a string without quotes. */
static bool is_plain(const char *s, size_t len)
{
	static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"};
	bool has_letter = false;
	unsigned dots = 0;

	/* a number has one dot at most, an address three */
	for (size_t i = 0; i < len; i++)
		dots += s[i] == '.';
	if (dots > 1 && strspn(s, "0123456789.") == len)
		return true;
	for (size_t i = 0; i < len; i++) {
		char c = s[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/';
		if (!letter && (i == 0 || strchr("0123456789.@+=-", c) == NULL || c == '\0'))
			return false;
		has_letter |= letter;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == len && strncasecmp(words[i], s, len) == 0)
			return false;
	return has_letter;
}

static void put_text(struct buf *out, const char *s, size_t len)
{
	struct json_writer w;

	if (is_plain(s, len)) {
		buf_put(out, s, len);
		return;
	}
	jw_init(&w, out);
	jw_strn(&w, s, len);
}

static void put_scalar(struct buf *out, const struct cfg *n)
{
	if (n->type == YAML_STR)
		put_text(out, n->text, n->len);
	else if (n->type == YAML_NULL)
		buf_puts(out, "null");
	else
		buf_put(out, n->text, n->len);
}

static void indent(struct buf *out, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		buf_puts(out, "  ");
}

static bool is_nested(const struct cfg *n)
{
	return (n->type == YAML_MAP || n->type == YAML_LIST) && n->first != NULL;
}

/* at_line: the cursor stands behind "- ", where the first entry goes. */
static void put_block(struct buf *out, const struct cfg *n, unsigned depth, bool at_line)
{
	for (const struct cfg *c = n->first; c != NULL; c = c->next) {
		if (!at_line)
			indent(out, depth);
		at_line = false;
		if (n->type == YAML_MAP) {
			put_text(out, c->key, strlen(c->key));
			buf_puts(out, is_nested(c) ? ":\n" : ": ");
		} else {
			buf_puts(out, "- ");
		}
		if (is_nested(c))
			put_block(out, c, depth + 1, n->type == YAML_LIST);
		else if (c->type == YAML_MAP || c->type == YAML_LIST)
			buf_puts(out, c->type == YAML_MAP ? "{}\n" : "[]\n");
		else {
			put_scalar(out, c);
			buf_putc(out, '\n');
		}
	}
}

void cfg_write_yaml(struct buf *out, const struct cfg *n)
{
	if (n->type == YAML_MAP || n->type == YAML_LIST) {
		if (n->first == NULL)
			buf_puts(out, n->type == YAML_MAP ? "{}\n" : "[]\n");
		put_block(out, n, 0, false);
		return;
	}
	buf_put(out, n->text, n->len);
	buf_putc(out, '\n');
}

void cfg_write_json(struct json_writer *w, const struct cfg *n)
{
	switch (n->type) {
	case YAML_NULL: jw_null(w); break;
	case YAML_BOOL: jw_bool(w, n->truth); break;
	case YAML_INT: jw_int(w, n->number); break;
	case YAML_FLOAT:
	case YAML_STR: jw_strn(w, n->text, n->len); break;
	case YAML_LIST:
		jw_arr(w);
		for (const struct cfg *c = n->first; c != NULL; c = c->next)
			cfg_write_json(w, c);
		jw_end_arr(w);
		break;
	case YAML_MAP:
		jw_obj(w);
		for (const struct cfg *c = n->first; c != NULL; c = c->next) {
			jw_key(w, c->key);
			cfg_write_json(w, c);
		}
		jw_end_obj(w);
		break;
	}
}
