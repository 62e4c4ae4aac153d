// SPDX-License-Identifier: Apache-2.0
/* --help, made from the tables of verbs and flags. */
#include "userctr/cli.h"

#include "lib/base/owned.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 79

static const struct {
	const char *name, *help;
} groups[] = {
	{"container", "Manage containers"}, {"image", "Manage images"},	  {"network", "Manage networks"},
	{"system", "Manage Docker"},	    {"volume", "Manage volumes"},
};

static const char *type_name(enum cli_kind k)
{
	switch (k) {
	case CLI_BOOL: return "";
	case CLI_STRING: return " string";
	case CLI_LIST: return " list";
	case CLI_CSV: return " strings";
	case CLI_INT: return " int";
	case CLI_BYTES: return " bytes";
	case CLI_DURATION: return " duration";
	case CLI_CPUS: return " decimal";
	case CLI_FILTER: return " filter";
	case CLI_PAIRS: return " map";
	case CLI_MOUNT: return " mount";
	case CLI_ULIMIT: return " ulimit";
	}
	return "";
}

void cli_usage_line(const struct cli *c, const struct cli_verb *v, char *out, size_t size)
{
	bool has_flags = v->flags != NULL && v->flags[0].name != NULL;

	(void)snprintf(out, size, "%s%s%s%s", c->path, has_flags ? " [OPTIONS]" : "", v->args[0] != '\0' ? " " : "", v->args);
}

/* Words of text from column `at` on, wrapped to column `indent`. */
static void print_wrapped(const char *text, size_t indent)
{
	size_t at = indent;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");
		if (at > indent && at + 1 + n > WIDTH) {
			printf("\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			putchar(' ');
			at++;
		}
		printf("%.*s", (int)n, text);
		at += n;
		text += n;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static void print_flags(const struct cli_flag *f)
{
	size_t widest = 0;
	char head[96], help[512];

	for (size_t i = 0; f[i].name != NULL; i++) {
		size_t n = strlen(f[i].name) + strlen(type_name(f[i].kind));
		widest = n > widest ? n : widest;
	}
	printf("\nOptions:\n");
	for (size_t i = 0; f[i].name != NULL; i++) {
		bool is_text = f[i].kind == CLI_STRING;
		(void)snprintf(head, sizeof(head), "--%s%s", f[i].name, type_name(f[i].kind));
		(void)snprintf(help, sizeof(help), f[i].preset == NULL ? "%s" : is_text ? "%s (default \"%s\")" : "%s (default %s)",
			       f[i].help, f[i].preset);
		if (f[i].letter != 0)
			printf("  -%c, %-*s", f[i].letter, (int)widest + 5, head);
		else
			printf("      %-*s", (int)widest + 5, head);
		print_wrapped(help, widest + 11);
	}
}

void cli_help_verb(const struct cli *c, const struct cli_verb *v)
{
	char usage[256];

	cli_usage_line(c, v, usage, sizeof(usage));
	printf("Usage:  %s\n\n%s\n", usage, v->help);
	if (strchr(v->names, ',') != NULL) {
		const char *names = v->names;
		printf("\nAliases:\n  ");
		while (*names != '\0') {
			size_t n = strcspn(names, ",");
			printf("%s %.*s%s", c->program, (int)n, names, names[n] != '\0' ? ", " : "\n");
			names += n;
			names += strspn(names, ", ");
		}
	}
	if (v->flags != NULL && v->flags[0].name != NULL)
		print_flags(v->flags);
	if (v->example != NULL)
		printf("\nExample:\n  %s %s\n", c->program, v->example);
}

/* The last name without a group, or NULL. */
static const char *top_name(const struct cli_verb *v, char out[32])
{
	const char *last = strrchr(v->names, ',');

	last = last != NULL ? last + 2 : v->names;
	if (strchr(last, ' ') != NULL)
		return NULL;
	(void)snprintf(out, 32, "%s", last);
	return out;
}

static int by_names(const void *a, const void *b)
{
	const struct cli_verb *const *x = a, *const *y = b;
	return strcmp((*x)->names, (*y)->names);
}

bool cli_help_group(const char *program, const char *group, FILE *out)
{
	const struct cli_verb *found[64];
	const char *help = NULL;
	size_t len = strlen(group), n = 0;

	for (size_t i = 0; i < countof(groups); i++)
		if (strcmp(groups[i].name, group) == 0)
			help = groups[i].help;
	if (help == NULL)
		return false;
	fprintf(out, "Usage:  %s %s COMMAND\n\n%s\n\nCommands:\n", program, group, help);
	for (const struct cli_verb *const *t = cli_tables(); *t != NULL; t++)
		for (const struct cli_verb *v = *t; v->names != NULL; v++)
			if (strncmp(v->names, group, len) == 0 && v->names[len] == ' ' && n < countof(found))
				found[n++] = v;
	if (n > 0)
		qsort(found, n, sizeof(found[0]), by_names);
	for (size_t i = 0; i < n; i++) {
		const char *name = found[i]->names + len + 1;
		fprintf(out, "  %-11.*s %s\n", (int)strcspn(name, ","), name, found[i]->help);
	}
	fprintf(out, "\nRun '%s %s COMMAND --help' for more information on a command.\n", program, group);
	return true;
}

void cli_help_program(const char *program)
{
	char name[32];

	printf("Usage:  %s [OPTIONS] COMMAND\n\nThe client of the container daemon\n\nCommands:\n", program);
	for (const struct cli_verb *const *t = cli_tables(); *t != NULL; t++)
		for (const struct cli_verb *v = *t; v->names != NULL; v++)
			if (top_name(v, name) != NULL)
				printf("  %-11s %s\n", name, v->help);
	printf("\nManagement Commands:\n");
	for (size_t i = 0; i < countof(groups); i++)
		printf("  %-11s %s\n", groups[i].name, groups[i].help);
	printf("\nGlobal Options:\n"
	       "      --config string   Location of client config files (default \"~/.docker\")\n"
	       "  -H, --host list       Daemon socket to connect to (DOCKER_HOST, else unix:///var/run/docker.sock)\n"
	       "  -v, --version         Print version information and quit\n"
	       "\nRun '%s COMMAND --help' for more information on a command.\n", program);
}
