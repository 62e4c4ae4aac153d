// SPDX-License-Identifier: Apache-2.0
/* The rows, and finding one. tests/lint/docs.sh reads the lines that begin with a tab and {". */
#include "lib/config/schema.h"

#include "lib/base/owned.h"
#include "lib/codec/keys.h"

#include <stdio.h>
#include <string.h>

struct row {
	const char *path;
	unsigned types;
	enum schema_use use;
	const char *words, *since, *handler, *help;
	int64_t min, max;
	bool is_secret;
};

#define T SCHEMA_TEXT
#define N SCHEMA_NUMBER
#define B SCHEMA_BOOL
#define L SCHEMA_LIST
#define M SCHEMA_MAP
#define ANY SCHEMA_ANY
#define ENCODINGS "text/plain b64 base64 gz gzip gz+b64 gz+base64 gzip+b64 gzip+base64"

/* clang-format off */
static const struct row table[] = {
	{"bootcmd", L, 0, NULL, "0.1", "run", "commands of every boot, before those of runcmd", 0, 0, 0},
	{"bootcmd.[]", T | L, 0, NULL, "0.1", "run", "a line for the shell, or a list of words", 0, 0, 0},
	{"bootcmd.[].[]", T, 0, NULL, "0.1", "run", "a word", 0, 0, 0},
	{"fqdn", T, 0, NULL, "0.1", "hostname", "name of the machine when 'hostname' is not given; its first label counts", 0, 0, 0},
	{"hostname", T, 0, NULL, "0.1", "hostname", "name of the machine", 0, 0, 0},
	{"mounts", L, 0, NULL, "0.1", "mounts", "file systems to mount in the console, each boot", 0, 0, 0},
	{"mounts.[]", L, 0, NULL, "0.1", "mounts", "device, directory, type, options, and two more that are not used", 0, 0, 0},
	{"mounts.[].[]", T | SCHEMA_NULL, 0, NULL, "0.1", "mounts", "a field as in fstab", 0, 0, 0},
	{"power_state", M, 0, NULL, "0.1", "power", "what to do once everything else is done, once per instance", 0, 0, 0},
	{"power_state.condition", ANY, SCHEMA_LATER, NULL, "0.1", "power", "a command that decides whether it is done", 0, 0, 0},
	{"power_state.delay", T, SCHEMA_ACCEPTED, NULL, "0.1", "power", "it is done at once", 0, 0, 0},
	{"power_state.message", T, 0, NULL, "0.1", "power", "told on the consoles before", 0, 0, 0},
	{"power_state.mode", T, 0, "poweroff reboot halt", "0.1", "power", "what to do", 0, 0, 0},
	{"power_state.timeout", N, SCHEMA_ACCEPTED, NULL, "0.1", "power", "there is nothing to wait for", 0, 0, 0},
	{"runcmd", L, 0, NULL, "0.1", "run", "commands in the console, once per instance; every boot in a document with 'rancher:'", 0, 0, 0},
	{"runcmd.[]", T | L, 0, NULL, "0.1", "run", "a line for the shell, or a list of words", 0, 0, 0},
	{"runcmd.[].[]", T, 0, NULL, "0.1", "run", "a word", 0, 0, 0},
	{"ssh_authorized_keys", L, 0, NULL, "0.1", "keys", "keys of the administrators 'slipway' and 'rancher'", 0, 0, 0},
	{"ssh_authorized_keys.[]", T, 0, NULL, "0.1", "keys", "a line of authorized_keys", 0, 0, 0},
	{"users", L, 0, NULL, "0.1", "users", "accounts in the console; 'default' is the administrator", 0, 0, 0},
	{"users.[]", T | M, 0, NULL, "0.1", "users", "a name, or a map", 0, 0, 0},
	{"users.[].gecos", T, 0, NULL, "0.1", "users", "whose account it is", 0, 0, 0},
	{"users.[].groups", T | L, SCHEMA_ACCEPTED, NULL, "0.1", "users", "there are no groups with rights of their own", 0, 0, 0},
	{"users.[].hashed_passwd", T, 0, NULL, "0.1", "users", "crypt(3) hash of the password", 0, 0, 1},
	{"users.[].homedir", T, 0, NULL, "0.1", "users", "home directory, below /home", 0, 0, 0},
	{"users.[].lock_passwd", B, 0, NULL, "0.1", "users", "no login by password: true unless a hash is given", 0, 0, 0},
	{"users.[].name", T, 0, NULL, "0.1", "users", "name of the account", 0, 0, 0},
	{"users.[].passwd", T, 0, NULL, "0.1", "users", "crypt(3) hash of the password", 0, 0, 1},
	{"users.[].plain_text_passwd", T, SCHEMA_LATER, NULL, "0.1", "users", "give a hash in 'passwd' instead", 0, 0, 1},
	{"users.[].shell", T, 0, NULL, "0.1", "users", "login shell", 0, 0, 0},
	{"users.[].ssh_authorized_keys", L, 0, NULL, "0.1", "keys", "keys of this user", 0, 0, 0},
	{"users.[].ssh_authorized_keys.[]", T, 0, NULL, "0.1", "keys", "a line of authorized_keys", 0, 0, 0},
	{"users.[].sudo", ANY, SCHEMA_ACCEPTED, NULL, "0.1", "users", "only administrators of the console have rights", 0, 0, 0},
	{"users.[].uid", N, 0, NULL, "0.1", "users", "number of the account: the next free one from 1000", 1, 60000, 0},
	{"write_files", L, 0, NULL, "0.1", "files", "files in the console; written at each boot", 0, 0, 0},
	{"write_files.[]", M, 0, NULL, "0.1", "files", "a file", 0, 0, 0},
	{"write_files.[].append", B, 0, NULL, "0.1", "files", "add to a file, unless it ends with the content already", 0, 0, 0},
	{"write_files.[].container", T, SCHEMA_LATER, NULL, "0.1", "files", "another service than the console", 0, 0, 0},
	{"write_files.[].content", T, 0, NULL, "0.1", "files", "what is in it", 0, 0, 1},
	{"write_files.[].defer", B, 0, NULL, "0.1", "files", "write it after users exist", 0, 0, 0},
	{"write_files.[].encoding", T, 0, ENCODINGS, "0.1", "files", "how content is written here", 0, 0, 0},
	{"write_files.[].owner", T, 0, NULL, "0.1", "files", "USER or USER:GROUP, names or numbers", 0, 0, 0},
	{"write_files.[].path", T, 0, NULL, "0.1", "files", "absolute path", 0, 0, 0},
	{"write_files.[].permissions", T | N, 0, NULL, "0.1", "files", "octal: '0644'", 0, 0, 0},
	/* without effect */
	{"disable_root", B, SCHEMA_ACCEPTED, NULL, "0.1", "-", "nobody logs in as root", 0, 0, 0},
	{"final_message", T, SCHEMA_ACCEPTED, NULL, "0.1", "-", "cloud-init's own closing line is logged", 0, 0, 0},
	{"locale", ANY, SCHEMA_ACCEPTED, NULL, "0.1", "-", "there are no messages in other languages", 0, 0, 0},
	{"manage_etc_hosts", ANY, SCHEMA_ACCEPTED, NULL, "0.1", "-", "the network service always writes the machine's name there", 0, 0, 0},
	{"preserve_hostname", B, SCHEMA_ACCEPTED, NULL, "0.1", "-", "leave out 'hostname' instead", 0, 0, 0},
	/* known, not supported yet */
	{"ca_certs", ANY, SCHEMA_LATER, NULL, "0.1", "-", "trusted certificates", 0, 0, 0},
	{"chpasswd", ANY, SCHEMA_LATER, NULL, "0.1", "-", "give a hash in 'users' instead", 0, 0, 1},
	{"disk_setup", ANY, SCHEMA_LATER, NULL, "0.1", "-", "partitions of data disks", 0, 0, 0},
	{"fs_setup", ANY, SCHEMA_LATER, NULL, "0.1", "-", "file systems of data disks", 0, 0, 0},
	{"groups", ANY, SCHEMA_LATER, NULL, "0.1", "-", "groups of users", 0, 0, 0},
	{"growpart", ANY, SCHEMA_LATER, NULL, "0.1", "-", "growth of the state partition", 0, 0, 0},
	{"ntp", ANY, SCHEMA_LATER, NULL, "0.1", "-", "use slipway.ntp.servers", 0, 0, 0},
	{"packages", ANY, SCHEMA_LATER, NULL, "0.1", "-", "there is no package manager; run a container", 0, 0, 0},
	{"package_update", ANY, SCHEMA_LATER, NULL, "0.1", "-", "there is no package manager; run a container", 0, 0, 0},
	{"package_upgrade", ANY, SCHEMA_LATER, NULL, "0.1", "-", "there is no package manager; run a container", 0, 0, 0},
	{"password", ANY, SCHEMA_LATER, NULL, "0.1", "-", "give a hash in 'users' instead", 0, 0, 1},
	{"phone_home", ANY, SCHEMA_LATER, NULL, "0.1", "-", "a request once all is done", 0, 0, 0},
	{"resize_rootfs", ANY, SCHEMA_LATER, NULL, "0.1", "-", "growth of the state partition", 0, 0, 0},
	{"rsyslog", ANY, SCHEMA_LATER, NULL, "0.1", "-", "use slipway.syslog.remote", 0, 0, 0},
	{"ssh_import_id", ANY, SCHEMA_LATER, NULL, "0.1", "-", "keys fetched from a site; give them in ssh_authorized_keys", 0, 0, 0},
	{"ssh_pwauth", ANY, SCHEMA_LATER, NULL, "0.1", "-", "there is no ssh server yet", 0, 0, 0},
	{"swap", ANY, SCHEMA_LATER, NULL, "0.1", "-", "swap space", 0, 0, 0},
	{"timezone", ANY, SCHEMA_LATER, NULL, "0.1", "-", "the machine keeps UTC", 0, 0, 0},
	{"slipway.bootstrap", ANY, SCHEMA_LATER, NULL, "0.1", "-", "services of the early boot", 0, 0, 0},
	{"slipway.cloud_init", ANY, SCHEMA_LATER, NULL, "0.1", "-", "which datasources are asked", 0, 0, 0},
	{"slipway.console", ANY, SCHEMA_LATER, NULL, "0.1", "-", "another console", 0, 0, 0},
	{"slipway.environment", ANY, SCHEMA_LATER, NULL, "0.1", "-", "variables of services", 0, 0, 1},
	{"slipway.modules", ANY, SCHEMA_LATER, NULL, "0.1", "-", "kernel modules", 0, 0, 0},
	{"slipway.registry_auths", ANY, SCHEMA_LATER, NULL, "0.1", "-", "logins of registries", 0, 0, 1},
	{"slipway.repositories", ANY, SCHEMA_LATER, NULL, "0.1", "-", "catalogues of services", 0, 0, 0},
	{"slipway.services", ANY, SCHEMA_LATER, NULL, "0.1", "-", "services and containers to start", 0, 0, 0},
	{"slipway.services_include", ANY, SCHEMA_LATER, NULL, "0.1", "-", "services of a catalogue", 0, 0, 0},
	{"slipway.ssh", ANY, SCHEMA_LATER, NULL, "0.1", "-", "the ssh server", 0, 0, 1},
	{"slipway.sysctl", ANY, SCHEMA_LATER, NULL, "0.1", "-", "kernel parameters", 0, 0, 0},
	{"slipway.upgrade", ANY, SCHEMA_LATER, NULL, "0.1", "-", "where new versions come from", 0, 0, 0},
};
/* clang-format on */

size_t schema_count(void)
{
	return countof(table) + keys_count();
}

static bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static unsigned key_types(const struct key *k)
{
	unsigned t = SCHEMA_TEXT | (k->is_repeatable ? SCHEMA_LIST : 0);

	switch (k->form) {
	case KEY_FLAG: return SCHEMA_BOOL;
	case KEY_NUMBER: return SCHEMA_NUMBER;
	case KEY_SECONDS: return SCHEMA_NUMBER | SCHEMA_BOOL;
	case KEY_FLAG_OR_TEXT: return t | SCHEMA_BOOL;
	case KEY_TEXT:
	case KEY_DEVICE:
	case KEY_CHOICE:
	case KEY_SUBDIR:
	case KEY_HOSTNAME: break;
	}
	return t;
}

/* Keys that services read are handed to them; what PID 1 needs, it needs before there are files. */
static void from_key(const struct key *k, struct schema *s)
{
	static const struct {
		const char *prefix, *handler;
	} services[] = {{"network.", "network"}, {"hostname", "network"}, {"ntp.", "time"}, {"syslog.", "syslog"}, {"docker.host", "userctr"}};

	*s = (struct schema){.types = key_types(k), .use = SCHEMA_CMDLINE, .min = k->min, .max = k->max, .words = k->words,
			     .since = "0.1", .handler = "init", .help = k->help, .key = k};
	(void)snprintf(s->path, sizeof(s->path), "slipway.%s", k->name); /* names are short */
	s->is_secret = strcmp(k->name, "password") == 0;
	for (size_t i = 0; i < countof(services); i++)
		if (has_prefix(k->name, services[i].prefix)) {
			s->handler = services[i].handler;
			s->use = SCHEMA_USED;
		}
}

void schema_at(size_t i, struct schema *ret)
{
	if (i >= countof(table)) {
		from_key(keys_at(i - countof(table)), ret);
		return;
	}
	const struct row *r = &table[i];
	*ret = (struct schema){.types = r->types, .use = r->use, .is_secret = r->is_secret, .min = r->min, .max = r->max,
			       .words = r->words, .since = r->since, .handler = r->handler, .help = r->help};
	(void)snprintf(ret->path, sizeof(ret->path), "%s", r->path); /* paths are short */
}

enum fit { FIT_NONE, FIT_ABOVE, FIT_WHOLE };

/* Does the pattern name these words, or something below them? */
static enum fit fit(const char *pattern, const char *const *words, size_t n)
{
	const char *p = pattern;

	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(p, ".");
		bool any = len == 1 && *p == '*' && strcmp(words[i], "[]") != 0;
		if (len == 0 || (!any && (strlen(words[i]) != len || memcmp(p, words[i], len) != 0)))
			return FIT_NONE;
		p += len + (p[len] == '.');
	}
	return *p == '\0' ? FIT_WHOLE : FIT_ABOVE;
}

bool schema_find(const char *const *words, size_t n, struct schema *ret)
{
	bool is_above = false;

	for (size_t i = 0; i < schema_count(); i++) {
		struct schema s;
		schema_at(i, &s);
		switch (fit(s.path, words, n)) {
		case FIT_WHOLE: *ret = s; return true;
		case FIT_ABOVE: is_above = true; break;
		case FIT_NONE: break;
		}
	}
	if (is_above)
		*ret = (struct schema){.types = SCHEMA_MAP, .since = "0.1", .handler = "-", .help = "the keys below it"};
	return is_above;
}

bool schema_find_path(const char *path, struct schema *ret)
{
	char copy[SCHEMA_PATH_MAX];
	const char *words[32];
	size_t n = 0;

	if ((size_t)snprintf(copy, sizeof(copy), "%s%s", has_prefix(path, "rancher.") ? "slipway" : "",
			     has_prefix(path, "rancher.") ? path + 7 : path) >= sizeof(copy))
		return false;
	for (char *save = NULL, *w = strtok_r(copy, ".", &save); w != NULL && n < countof(words); w = strtok_r(NULL, ".", &save))
		words[n++] = w;
	return n > 0 && schema_find(words, n, ret);
}

#define WORD_MAX 40

/* Edits (insert, remove, replace one character) between two words of at most WORD_MAX. */
static unsigned distance(const char *a, size_t alen, const char *b, size_t blen)
{
	unsigned row[WORD_MAX + 1];

	for (unsigned j = 0; j <= blen; j++)
		row[j] = j;
	for (unsigned i = 1; i <= alen; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= blen; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1] ? 1u : 0u);
			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			row[j] = best;
		}
	}
	return row[blen];
}

bool schema_nearest(const char *const *words, size_t n, char *out, size_t size)
{
	const char *want = words[n - 1];
	unsigned least = 4; /* more edits than three is another word */

	if (strlen(want) > WORD_MAX)
		return false;
	for (size_t i = 0; i < schema_count(); i++) {
		struct schema s;
		const char *p = s.path;
		schema_at(i, &s);
		if (n > 1 && fit(s.path, words, n - 1) != FIT_ABOVE)
			continue;
		for (size_t k = 1; k < n; k++)
			p = strchr(p, '.') + 1; /* it has more words than n - 1 */
		size_t len = strcspn(p, ".");
		unsigned d = len <= WORD_MAX && *p != '*' && *p != '[' ? distance(want, strlen(want), p, len) : 99;
		if (d < least && d * 2 < len && len < size) {
			least = d;
			(void)snprintf(out, size, "%.*s", (int)len, p);
		}
	}
	return least < 4;
}

const char *schema_types_text(unsigned types, char out[SCHEMA_TYPES_MAX])
{
	static const char *const names[] = {"a text", "a number", "true or false", "a list", "a map", "nothing"};
	size_t used = 0;

	out[0] = '\0';
	if (types == SCHEMA_ANY)
		return strcpy(out, "anything");
	for (size_t i = 0; i < countof(names); i++)
		if ((types & (1u << i)) != 0)
			used += (size_t)snprintf(out + used, SCHEMA_TYPES_MAX - used, "%s%s", used > 0 ? " or " : "", names[i]);
	return out;
}
