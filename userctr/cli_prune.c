// SPDX-License-Identifier: Apache-2.0
/* prune of everything. */
#include "userctr/cli.h"
#include "userctr/human.h"

#include "lib/base/owned.h"

#include <stdio.h>
#include <string.h>

bool cli_confirm(const char *question)
{
	char line[16] = "";

	printf("%s\nAre you sure you want to continue? [y/N] ", question);
	(void)fflush(stdout);
	if (fgets(line, sizeof(line), stdin) == NULL)
		(void)puts("");
	return (line[0] == 'y' || line[0] == 'Y') && (line[1] == '\n' || strncasecmp(line, "yes\n", 4) == 0);
}

/* Kinds in the order in which system prune takes them. */
static const struct kind {
	const char *path, *list, *title;
} kinds[] = {
	{"/containers/prune", "ContainersDeleted", "Deleted Containers:"},
	{"/networks/prune", "NetworksDeleted", "Deleted Networks:"},
	{"/volumes/prune", "VolumesDeleted", "Deleted Volumes:"},
	{"/images/prune", "ImagesDeleted", "Deleted Images:"},
	{"/build/prune", "CachesDeleted", "Deleted build cache objects:"},
};
enum { CONTAINERS, NETWORKS, VOLUMES, IMAGES, BUILD };

/* Returns the bytes reclaimed, or -1 after saying why not. */
static int64_t prune(struct cli *c, const struct kind *k, const struct cli_value *filters, const char *more, const char *query)
{
	struct buf path = BUF_INIT(65536);
	struct json_doc *d = NULL;
	struct cli_reply r;
	int64_t bytes = -1;

	buf_puts(&path, k->path);
	cli_query_filters(&path, filters, more);
	if (query != NULL)
		cli_query(&path, query, "1");
	if (cli_ask(c, "POST", buf_str(&path), NULL, 0, &r) >= 0) {
		if (json_parse(buf_str(&r.body), r.body.len, &d, NULL) == 0) {
			const struct json *list = json_get(json_root(d), k->list);
			struct json_iter it = json_iter(list);
			if (json_len(list) > 0)
				puts(k->title);
			while (json_next(&it)) {
				const char *deleted = json_str(json_get(it.value, "Deleted"));
				if (json_type(it.value) != JSON_OBJ)
					puts(json_str_or(it.value, ""));
				else if (deleted != NULL)
					printf("deleted: %s\n", deleted);
				else
					printf("untagged: %s\n", json_str_or(json_get(it.value, "Untagged"), ""));
			}
			if (json_len(list) > 0)
				puts("");
			bytes = json_int(json_get(json_root(d), "SpaceReclaimed"), 0);
		}
		json_free(d);
		cli_reply_release(&r);
	}
	buf_release(&path);
	return bytes;
}

static void say_total(int64_t bytes)
{
	char text[HUMAN_MAX];

	printf("Total reclaimed space: %s\n", human_size((double)bytes, 4, text));
}

static int prune_one(struct cli *c, struct cli_args *a, int kind, const char *warning, const char *more)
{
	if (!cli_on(a, "force") && !cli_confirm(warning)) {
		return 1;
	}
	int64_t bytes = prune(c, &kinds[kind], cli_get(a, "filter"), more, NULL);
	if (bytes >= 0 && kind != NETWORKS)
		say_total(bytes);
	return bytes < 0;
}

static int run_containers(struct cli *c, struct cli_args *a)
{
	return prune_one(c, a, CONTAINERS, "WARNING! This will remove all stopped containers.", NULL);
}

static int run_images(struct cli *c, struct cli_args *a)
{
	if (cli_on(a, "all"))
		return prune_one(c, a, IMAGES, "WARNING! This will remove all images without at least one container associated to them.",
				 "dangling=false");
	return prune_one(c, a, IMAGES, "WARNING! This will remove all dangling images.", "dangling=true");
}

static int run_networks(struct cli *c, struct cli_args *a)
{
	return prune_one(c, a, NETWORKS, "WARNING! This will remove all custom networks not used by at least one container.", NULL);
}

static int run_volumes(struct cli *c, struct cli_args *a)
{
	if (cli_on(a, "all"))
		return prune_one(c, a, VOLUMES, "WARNING! This will remove all local volumes not used by at least one container.",
				 "all=true");
	return prune_one(c, a, VOLUMES, "WARNING! This will remove anonymous local volumes not used by at least one container.", NULL);
}

static int run_system(struct cli *c, struct cli_args *a)
{
	bool is_all = cli_on(a, "all"), has_volumes = cli_on(a, "volumes");
	char warning[512];
	int64_t total = 0;

	(void)snprintf(warning, sizeof(warning),
		       "WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n"
		       "%s%s  - %s build cache\n",
		       has_volumes ? "  - all anonymous volumes not used by at least one container\n" : "",
		       is_all ? "  - all images without at least one container associated to them\n" : "  - all dangling images\n",
		       is_all ? "all" : "unused");
	if (!cli_on(a, "force") && !cli_confirm(warning))
		return 1;
	for (int k = CONTAINERS; k <= BUILD; k++) {
		if (k == VOLUMES && !has_volumes)
			continue;
		const char *more = k != IMAGES ? NULL : is_all ? "dangling=false" : "dangling=true";
		int64_t bytes = prune(c, &kinds[k], cli_get(a, "filter"), more, k == BUILD && is_all ? "all" : NULL);
		if (bytes < 0)
			return 1;
		total += bytes;
	}
	say_total(total);
	return 0;
}

#define FORCE  {"force", 'f', CLI_BOOL, "Do not prompt for confirmation", NULL}
#define FILTER {"filter", 0, CLI_FILTER, "Provide filter values (e.g. \"until=24h\")", NULL}

static const struct cli_flag flags_plain[] = {FILTER, FORCE, {0}};
static const struct cli_flag flags_images[] = {
	{"all", 'a', CLI_BOOL, "Remove all unused images, not just dangling ones", NULL},
	FILTER, FORCE, {0},
};
static const struct cli_flag flags_volumes[] = {
	{"all", 'a', CLI_BOOL, "Remove all unused volumes, not just anonymous ones", NULL},
	FILTER, FORCE, {0},
};
static const struct cli_flag flags_system[] = {
	{"all", 'a', CLI_BOOL, "Remove all unused images not just dangling ones", NULL},
	FILTER, FORCE,
	{"volumes", 0, CLI_BOOL, "Prune anonymous volumes", NULL},
	{0},
};

const struct cli_verb cli_verbs_prune[] = {
	{"container prune", run_containers, "", 0, 0, "Remove all stopped containers", flags_plain, "container prune -f", false, false},
	{"image prune", run_images, "", 0, 0, "Remove unused images", flags_images, "image prune -a", false, false},
	{"network prune", run_networks, "", 0, 0, "Remove all unused networks", flags_plain, "network prune -f", false, false},
	{"volume prune", run_volumes, "", 0, 0, "Remove unused local volumes", flags_volumes, "volume prune -f", false, false},
	{"system prune", run_system, "", 0, 0, "Remove unused data", flags_system, "system prune --volumes", false, false},
	{0},
};
