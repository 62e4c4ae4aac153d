// SPDX-License-Identifier: Apache-2.0
/* Types of scalars by the core schema of YAML 1.2: "no" and "010" are what they look like. */
#include "lib/codec/yaml_scalar.h"

#include "lib/codec/yaml.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool is_one_of(const char *s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(s, list[i]) == 0)
			return true;
	return false;
}

static bool is_null(const char *s)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	return is_one_of(s, words, COUNT(words));
}

static bool is_bool(const char *s, bool *ret)
{
	static const char *const yes[] = {"true", "True", "TRUE"}, *const no[] = {"false", "False", "FALSE"};

	*ret = is_one_of(s, yes, COUNT(yes));
	return *ret || is_one_of(s, no, COUNT(no));
}

static bool is_int(const char *s, bool *ret_fits, int64_t *ret)
{
	const char *digits = s;
	int base = 10;

	if (s[0] == '0' && (s[1] == 'o' || s[1] == 'x')) {
		base = s[1] == 'o' ? 8 : 16;
		digits = s + 2;
	} else if (s[0] == '-' || s[0] == '+') {
		digits = s + 1;
	}
	const char *allowed = base == 8 ? "01234567" : base == 16 ? "0123456789abcdefABCDEF" : "0123456789";
	if (*digits == '\0' || digits[strspn(digits, allowed)] != '\0')
		return false;
	errno = 0;
	*ret = strtoll(base == 10 ? s : digits, NULL, base);
	*ret_fits = errno == 0;
	return true;
}

static bool is_float(const char *s)
{
	static const char *const odd[] = {".nan", ".NaN", ".NAN"}, *const inf[] = {".inf", ".Inf", ".INF"};

	if (is_one_of(s, odd, COUNT(odd)))
		return true;
	if (*s == '-' || *s == '+')
		s++;
	if (is_one_of(s, inf, COUNT(inf)))
		return true;
	size_t whole = strspn(s, "0123456789"), part = 0;
	s += whole;
	if (*s == '.') {
		part = strspn(++s, "0123456789");
		s += part;
	}
	if (whole + part == 0)
		return false;
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '-' || *s == '+';
		size_t power = strspn(s, "0123456789");
		if (power == 0)
			return false;
		s += power;
	}
	return *s == '\0';
}

static enum yaml_type guess(struct yaml_node *n)
{
	bool fits = false;

	if (is_null(n->text))
		return YAML_NULL;
	if (is_bool(n->text, &n->truth))
		return YAML_BOOL;
	if (is_int(n->text, &fits, &n->number))
		return fits ? YAML_INT : YAML_FLOAT;
	return is_float(n->text) ? YAML_FLOAT : YAML_STR;
}

const char *yaml_scalar_type(struct yaml_node *n, const char *tag, bool is_implicit)
{
	static const struct {
		const char *name;
		enum yaml_type type;
		const char *why;
	} tags[] = {
		{"null", YAML_NULL, "is not a null"},
		{"bool", YAML_BOOL, "is not a truth value"},
		{"int", YAML_INT, "is not an integer of 64 bits"},
		{"float", YAML_FLOAT, "is not a number"},
	};
	static const char core[] = "tag:yaml.org,2002:";

	n->type = YAML_STR;
	if (tag == NULL || strcmp(tag, "!") == 0) {
		if (is_implicit && tag == NULL)
			n->type = guess(n);
		return NULL;
	}
	const char *name = strncmp(tag, core, sizeof(core) - 1) == 0 ? tag + sizeof(core) - 1 : "";
	if (strcmp(name, "str") == 0)
		return NULL;
	for (size_t i = 0; i < COUNT(tags); i++) {
		if (strcmp(name, tags[i].name) != 0)
			continue;
		enum yaml_type type = guess(n);
		n->type = tags[i].type;
		return type == n->type || (n->type == YAML_FLOAT && type == YAML_INT) ? NULL : tags[i].why;
	}
	return "has a tag that is not of the core schema";
}

const char *yaml_type_name(enum yaml_type type)
{
	switch (type) {
	case YAML_NULL: return "nothing";
	case YAML_BOOL: return "a truth value";
	case YAML_INT: return "a number";
	case YAML_FLOAT: return "a fraction";
	case YAML_STR: return "a string";
	case YAML_LIST: return "a list";
	case YAML_MAP: return "a map";
	}
	return "something else";
}
