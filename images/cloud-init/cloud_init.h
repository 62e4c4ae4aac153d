/* images/cloud-init/cloud_init.h - the parts of slipway-cloud-init.
 *
 *   cloud-init          save      finds a datasource, copies its bytes; a child without rights makes the plan; hands keys to
 *                                 services and leaves the plan in /run/slipway/cloud-init
 *   cloud-init-execute  execute   runs `apply` inside the console
 *   console             apply     checks each operation of the plan again and does it
 */
#ifndef IMAGES_CLOUD_INIT_CLOUD_INIT_H
#define IMAGES_CLOUD_INIT_CLOUD_INIT_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct json;
struct json_writer;
struct plan_in;

#define SUB	    "cloud-init"
#define RUN_DIR	    "/run/slipway/cloud-init"
#define STATE_DIR   "/var/lib/slipway/cloud-init"
#define PLAN_FILE   "plan.json"
#define SOURCE_NAME 128

/* Find a datasource and copy what it says. source is "" when there is none.
 * Blocks: 10 s when something says that there must be one, else 2 s. */
void source_find(struct plan_in *in, char source[SOURCE_NAME]);

/* Make the plan in a child without rights. */
int parse_apart(struct plan_in *in, struct buf *out, struct err *e);

/* A line on every console, and in the log. */
void say_on_consoles(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

int do_save(void);
int do_execute(void);
int do_apply(bool is_again);

/* One operation each; what is in it has been checked by nobody. Run in the console. */
int apply_key(const struct json *op, struct err *e);
int apply_user(const struct json *op, struct err *e);
int apply_file(const struct json *op, struct err *e);
int apply_mount(const struct json *op, struct err *e);
int apply_command(const struct json *op, struct err *e);
int apply_script(const struct json *op, struct err *e);

/* The passwd entry of a user of the console: numbers and home. -ENOENT. */
struct account {
	unsigned uid, gid;
	char home[256];
};
int account_find(const char *name, struct account *ret, struct err *e);
bool account_name_ok(const char *name);

/* Run words[0] with the words; its output is ours. Returns its exit code, 128 + signal, or -errno. */
int run_words(const char *const *words, struct err *e);

#endif
