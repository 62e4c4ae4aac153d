// SPDX-License-Identifier: Apache-2.0
/* slipway config explain: the table of keys, for people and for docs/configuration.md. */
#include "admin/cmd_config.h"
#include "admin/verbs.h"

#include "lib/config/schema.h"
#include "lib/config/tree.h"

#include <stdio.h>
#include <string.h>

static const char *value_text(const struct schema *s, char *out, size_t size)
{
	char types[SCHEMA_TYPES_MAX];

	if (s->words != NULL)
		(void)snprintf(out, size, "one of: %s", s->words); /* cut is fine */
	else if ((s->types & SCHEMA_NUMBER) != 0 && s->max > 0)
		(void)snprintf(out, size, "%s, %lld to %lld", schema_types_text(s->types, types), (long long)s->min, (long long)s->max);
	else
		(void)snprintf(out, size, "%s", schema_types_text(s->types, types));
	return out;
}

static const char *use_text(enum schema_use use)
{
	switch (use) {
	case SCHEMA_USED: return "";
	case SCHEMA_ACCEPTED: return "accepted without effect: ";
	case SCHEMA_LATER: return "not supported yet: ";
	case SCHEMA_CMDLINE: return "kernel command line only: ";
	}
	return "";
}

static void explain(const struct schema *s, const char *name)
{
	char value[256];

	printf("%s\n  %s%s\n  value    %s\n  since    %s\n  used by  %s\n", name, use_text(s->use), s->help,
	       value_text(s, value, sizeof(value)), s->since, s->handler);
	if (s->is_secret)
		puts("  secret   left out of 'config export' without -p");
}

/* The rows that docs/configuration.md shows; keys of the command line have a table of their own there. */
static int print_table(void)
{
	char value[256];

	for (size_t i = 0; i < schema_count(); i++) {
		struct schema s;
		schema_at(i, &s);
		if (s.key == NULL)
			printf("| `%s` | %s | %s%s |\n", s.path, value_text(&s, value, sizeof(value)), use_text(s.use), s.help);
	}
	return 0;
}

static bool is_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && path[n] == '.';
}

int cmd_config_explain(int argc, char **argv)
{
	static const struct verb self = {.name = "explain", .args = "[KEY|--table]"};
	char name[SCHEMA_PATH_MAX];
	struct schema s;
	bool found = false;

	if (argc == 2 && strcmp(argv[1], "--table") == 0)
		return print_table();
	if (argc > 2)
		return usage("slipway config", &self, "expected one key");
	if (argc == 2) {
		bool is_rancher = strncmp(argv[1], "rancher", 7) == 0 && (argv[1][7] == '.' || argv[1][7] == '\0');
		(void)snprintf(name, sizeof(name), "%s%s", is_rancher ? "slipway" : "", argv[1] + (is_rancher ? 7 : 0)); /* cut is not found */
		found = schema_find_path(name, &s);
		if (found)
			explain(&s, name);
	}
	for (size_t i = 0; i < schema_count(); i++) {
		struct schema row;
		schema_at(i, &row);
		if (argc == 2 && !is_below(row.path, name))
			continue;
		printf("  %-44s %s%s\n", row.path, use_text(row.use), row.help);
		found = true;
	}
	if (!found) {
		const char *word = name;
		char near[64];
		fprintf(stderr, "slipway: unknown key '%s'", name);
		if (strchr(name, '.') == NULL && schema_nearest(&word, 1, near, sizeof(near)))
			fprintf(stderr, "; did you mean '%s'?", near);
		fputc('\n', stderr);
	}
	return found ? 0 : 1;
}
