// SPDX-License-Identifier: Apache-2.0
#include "userctr/cli_spec.h"
#include "userctr/cli.h"
#include "userctr/human.h"

#include "lib/base/ip.h"
#include "lib/base/owned.h"
#include "lib/sys/io.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX (1u << 20)

/* "80" or "80-90", all n characters; ports up to 65535. */
static int range(const char *s, size_t n, unsigned *from, unsigned *to)
{
	unsigned v[2] = {0, 0};
	int k = 0;
	bool has_digit = false;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '-' && k == 0 && has_digit) {
			k = 1;
			has_digit = false;
			continue;
		}
		if (!isdigit((unsigned char)s[i]) || v[k] > 65535)
			return -EINVAL;
		v[k] = v[k] * 10 + (unsigned)(s[i] - '0');
		has_digit = true;
	}
	if (!has_digit || v[0] > 65535 || v[1] > 65535)
		return -EINVAL;
	*from = v[0];
	*to = k == 1 ? v[1] : v[0];
	return *to >= *from ? 0 : -EINVAL;
}

int spec_port(const char *s, struct spec_port *ret, struct err *e)
{
	const char *slash = strrchr(s, '/');
	size_t len = slash != NULL ? (size_t)(slash - s) : strlen(s);
	const char *ctr = s, *host = NULL;
	size_t host_len = 0, ip_len = 0;
	struct ip ip;

	*ret = (struct spec_port){.proto = "tcp"};
	if (slash != NULL) {
		if (slash[1] != '\0' && strcmp(slash + 1, "tcp") != 0 && strcmp(slash + 1, "udp") != 0 &&
		    strcmp(slash + 1, "sctp") != 0)
			return err_say(e, EINVAL, "invalid proto: %s", slash + 1);
		if (slash[1] != '\0')
			(void)snprintf(ret->proto, sizeof(ret->proto), "%s", slash + 1);
	}
	for (size_t i = len; i-- > 0;) {
		if (s[i] != ':')
			continue;
		ctr = s + i + 1;
		size_t k = i;
		while (k > 0 && s[k - 1] != ':')
			k--;
		host = s + k;
		host_len = i - k;
		ip_len = k > 0 ? k - 1 : 0;
		break;
	}
	if ((size_t)(ctr - s) == len)
		return err_say(e, EINVAL, "no port specified: %s<empty>", s);
	if (range(ctr, len - (size_t)(ctr - s), &ret->ctr, &ret->ctr_end) < 0)
		return err_say(e, EINVAL, "invalid containerPort: %.*s", (int)(len - (size_t)(ctr - s)), ctr);
	if (host_len > 0 && range(host, host_len, &ret->host, &ret->host_end) < 0)
		return err_say(e, EINVAL, "invalid hostPort: %.*s", (int)host_len, host);
	const char *text = s;
	if (ip_len > 2 && s[0] == '[' && s[ip_len - 1] == ']') {
		text++;
		ip_len -= 2;
	}
	if (ip_len > 0 && (ip_len >= sizeof(ret->ip) || ip_parse(text, ip_len, &ip) < 0))
		return err_say(e, EINVAL, "invalid IP address: %.*s", (int)ip_len, text);
	memcpy(ret->ip, text, ip_len);
	unsigned n = ret->ctr_end - ret->ctr;
	if (n >= SPEC_PORTS_MAX)
		return err_say(e, EINVAL, "invalid ranges specified for container: more than %d ports: %s", SPEC_PORTS_MAX, s);
	/* a range of host ports for one port means: one of them */
	if (host_len > 0 && n != ret->host_end - ret->host && n != 0)
		return err_say(e, EINVAL, "invalid ranges specified for container and host Ports: %.*s and %.*s",
			       (int)(len - (size_t)(ctr - s)), ctr, (int)host_len, host);
	return 0;
}

/* "target=80,published=8080,protocol=udp" is the long spelling of --publish. */
static int long_port(const char *s, struct spec_port *ret, struct err *e)
{
	char field[128];

	if (strchr(s, '=') == NULL)
		return spec_port(s, ret, e);
	*ret = (struct spec_port){.proto = "tcp"};
	while (spec_csv(&s, field, sizeof(field))) {
		char *v = strchr(field, '=');
		if (v == NULL)
			return err_say(e, EINVAL, "invalid field %s", field);
		*v++ = '\0';
		if (strcmp(field, "target") == 0 && range(v, strlen(v), &ret->ctr, &ret->ctr_end) == 0)
			continue;
		if (strcmp(field, "published") == 0 && range(v, strlen(v), &ret->host, &ret->host_end) == 0)
			continue;
		if (strcmp(field, "protocol") == 0 && strlen(v) < sizeof(ret->proto)) {
			(void)snprintf(ret->proto, sizeof(ret->proto), "%.7s", v);
			continue;
		}
		if (strcmp(field, "mode") == 0)
			continue;
		return err_say(e, EINVAL, "invalid field %s=%s", field, v);
	}
	return ret->ctr > 0 ? 0 : err_say(e, EINVAL, "invalid publish: target is required");
}

static void put_exposed(struct json_writer *w, const struct spec_port *p)
{
	char key[32];

	for (unsigned k = p->ctr; k <= p->ctr_end; k++) {
		(void)snprintf(key, sizeof(key), "%u/%s", k, p->proto);
		jw_key(w, key);
		jw_obj(w);
		jw_end_obj(w);
	}
}

int spec_exposed(struct json_writer *w, const struct cli_value *publish, const struct cli_value *expose, struct err *e)
{
	struct spec_port p;
	int r = 0;

	for (size_t i = 0; r == 0 && i < publish->n; i++)
		if ((r = long_port(publish->list[i], &p, e)) == 0)
			put_exposed(w, &p);
	for (size_t i = 0; r == 0 && i < expose->n; i++) {
		const char *s = expose->list[i];
		if (strchr(s, ':') != NULL)
			return err_say(e, EINVAL, "invalid port format for --expose: %s", s);
		if (spec_port(s, &p, NULL) < 0)
			return err_say(e, EINVAL, "invalid range format for --expose: %s", s);
		put_exposed(w, &p);
	}
	return r;
}

static void put_binding(struct json_writer *w, const struct spec_port *p, unsigned offset)
{
	char port[32] = "";

	if (p->host > 0 && p->ctr == p->ctr_end && p->host_end > p->host)
		(void)snprintf(port, sizeof(port), "%u-%u", p->host, p->host_end);
	else if (p->host > 0)
		(void)snprintf(port, sizeof(port), "%u", p->host + offset);
	jw_obj(w);
	jw_kstr(w, "HostIp", p->ip);
	jw_kstr(w, "HostPort", port);
	jw_end_obj(w);
}

/* Members of one container port together: it may be published several times. */
int spec_bindings(struct json_writer *w, const struct cli_value *publish, struct err *e)
{
	struct spec_port p, q;
	char key[32];

	for (size_t i = 0; i < publish->n; i++) {
		int r = long_port(publish->list[i], &p, e);
		if (r < 0)
			return r;
		for (unsigned k = p.ctr; k <= p.ctr_end; k++) {
			bool is_first = true;
			for (size_t j = 0; j < i; j++)
				if (long_port(publish->list[j], &q, NULL) == 0 && strcmp(q.proto, p.proto) == 0 && k >= q.ctr &&
				    k <= q.ctr_end)
					is_first = false;
			if (!is_first)
				continue;
			(void)snprintf(key, sizeof(key), "%u/%s", k, p.proto);
			jw_key(w, key);
			jw_arr(w);
			for (size_t j = i; j < publish->n; j++)
				if (long_port(publish->list[j], &q, NULL) == 0 && strcmp(q.proto, p.proto) == 0 && k >= q.ctr &&
				    k <= q.ctr_end)
					put_binding(w, &q, k - q.ctr);
			jw_end_arr(w);
		}
	}
	return 0;
}

bool spec_csv(const char **at, char *out, size_t size)
{
	const char *s = *at;
	size_t n = 0;
	bool is_quoted = *s == '"';

	if (*s == '\0')
		return false;
	if (is_quoted)
		s++;
	for (; *s != '\0' && (is_quoted || *s != ','); s++) {
		if (is_quoted && *s == '"') {
			if (s[1] != '"') {
				is_quoted = false;
				continue;
			}
			s++;
		}
		if (n + 1 < size)
			out[n++] = *s;
	}
	out[n] = '\0';
	*at = *s == ',' ? s + 1 : s;
	return true;
}

/* The options of --mount that are not its type, source and target. */
enum mount_member { M_BIND = 1, M_VOLUME, M_TMPFS, M_IMAGE };
struct mount {
	char type[32], source[4096], target[4096], consistency[32];
	bool read_only;
	char propagation[32], recursive[32];
	bool nonrecursive, create_source;
	bool nocopy;
	char subpath[1024], driver[256], image_subpath[1024];
	char labels[16][256], options[16][512];
	size_t n_labels, n_options;
	int64_t tmpfs_size;
	unsigned tmpfs_mode;
	bool has_size, has_mode, has_volume, has_bind, has_tmpfs;
};

static bool truth(const char *v, bool *ret)
{
	if (strcmp(v, "1") == 0 || strcasecmp(v, "true") == 0 || strcmp(v, "") == 0 || strcasecmp(v, "t") == 0)
		return *ret = true;
	if (strcmp(v, "0") == 0 || strcasecmp(v, "false") == 0 || strcasecmp(v, "f") == 0)
		return *ret = false, true;
	return false;
}

static int mount_flag(struct mount *m, const char *key, const char *v, bool *ret_known, struct err *e)
{
	static const struct {
		const char *key;
		size_t at;
	} flags[] = {
		{"readonly", offsetof(struct mount, read_only)}, {"ro", offsetof(struct mount, read_only)},
		{"volume-nocopy", offsetof(struct mount, nocopy)},
		{"bind-nonrecursive", offsetof(struct mount, nonrecursive)},
		{"bind-create-src", offsetof(struct mount, create_source)},
	};

	for (size_t i = 0; i < countof(flags); i++)
		if (strcmp(key, flags[i].key) == 0) {
			*ret_known = true;
			if (!truth(v, (bool *)((char *)m + flags[i].at)))
				return err_say(e, EINVAL, "invalid value for %s: %s", key, v);
		}
	return 0;
}

static int mount_text(struct mount *m, const char *key, const char *v, bool *ret_known, struct err *e)
{
	static const struct {
		const char *key;
		size_t at, size;
	} texts[] = {
#define TEXT(name, member) {name, offsetof(struct mount, member), sizeof(((struct mount *)0)->member)}
		TEXT("type", type), TEXT("source", source), TEXT("src", source), TEXT("target", target),
		TEXT("dst", target), TEXT("destination", target), TEXT("consistency", consistency),
		TEXT("bind-propagation", propagation), TEXT("bind-recursive", recursive),
		TEXT("volume-subpath", subpath), TEXT("volume-driver", driver), TEXT("image-subpath", image_subpath),
#undef TEXT
	};

	for (size_t i = 0; i < countof(texts); i++) {
		if (strcmp(key, texts[i].key) != 0)
			continue;
		*ret_known = true;
		if (strlen(v) >= texts[i].size)
			return err_say(e, EINVAL, "invalid value for %s: too long", key);
		memcpy((char *)m + texts[i].at, v, strlen(v) + 1);
	}
	return 0;
}

static int mount_field(struct mount *m, const char *key, const char *v, bool has_value, struct err *e)
{
	bool is_known = false;
	char *end;
	int r = mount_flag(m, key, v, &is_known, e);

	if (r < 0 || is_known)
		return r;
	if (!has_value)
		return err_say(e, EINVAL, "invalid field '%s' must be a key=value pair", key);
	r = mount_text(m, key, v, &is_known, e);
	if (r < 0 || is_known)
		return r;
	if (strcmp(key, "volume-label") == 0 && m->n_labels < countof(m->labels)) {
		(void)snprintf(m->labels[m->n_labels++], sizeof(m->labels[0]), "%s", v);
	} else if (strcmp(key, "volume-opt") == 0 && m->n_options < countof(m->options)) {
		(void)snprintf(m->options[m->n_options++], sizeof(m->options[0]), "%s", v);
	} else if (strcmp(key, "tmpfs-size") == 0) {
		m->has_size = true;
		if (human_parse_bytes(v, &m->tmpfs_size) < 0)
			return err_say(e, EINVAL, "invalid value for %s: %s", key, v);
	} else if (strcmp(key, "tmpfs-mode") == 0) {
		m->has_mode = true;
		m->tmpfs_mode = (unsigned)strtoul(v, &end, 8);
		if (*end != '\0' || m->tmpfs_mode > 07777)
			return err_say(e, EINVAL, "invalid value for %s: %s", key, v);
	} else {
		return err_say(e, EINVAL, "unexpected key '%s' in '%s=%s'", key, key, v);
	}
	return 0;
}

static void put_pairs(struct json_writer *w, const char *name, const char *list, size_t size, size_t n)
{
	if (n == 0)
		return;
	jw_key(w, name);
	jw_obj(w);
	for (size_t i = 0; i < n; i++) {
		char key[512];
		const char *s = list + i * size, *eq = strchr(s, '=');
		(void)snprintf(key, sizeof(key), "%.*s", (int)(eq != NULL ? eq - s : (long)strlen(s)), s);
		jw_kstr(w, key, eq != NULL ? eq + 1 : "");
	}
	jw_end_obj(w);
}

static void put_mount_volume(struct json_writer *w, const struct mount *m)
{
	jw_key(w, "VolumeOptions");
	jw_obj(w);
	if (m->nocopy)
		jw_kbool(w, "NoCopy", true);
	if (m->subpath[0] != '\0')
		jw_kstr(w, "Subpath", m->subpath);
	put_pairs(w, "Labels", m->labels[0], sizeof(m->labels[0]), m->n_labels);
	if (m->driver[0] != '\0' || m->n_options > 0) {
		jw_key(w, "DriverConfig");
		jw_obj(w);
		if (m->driver[0] != '\0')
			jw_kstr(w, "Name", m->driver);
		put_pairs(w, "Options", m->options[0], sizeof(m->options[0]), m->n_options);
		jw_end_obj(w);
	}
	jw_end_obj(w);
}

static int put_mount_bind(struct json_writer *w, const struct mount *m, struct err *e)
{
	jw_key(w, "BindOptions");
	jw_obj(w);
	if (m->propagation[0] != '\0')
		jw_kstr(w, "Propagation", m->propagation);
	if (m->create_source)
		jw_kbool(w, "CreateMountpoint", true);
	if (m->nonrecursive || strcmp(m->recursive, "disabled") == 0)
		jw_kbool(w, "NonRecursive", true);
	else if (strcmp(m->recursive, "writable") == 0)
		jw_kbool(w, "ReadOnlyNonRecursive", true);
	else if (strcmp(m->recursive, "readonly") == 0)
		jw_kbool(w, "ReadOnlyForceRecursive", true);
	else if (m->recursive[0] != '\0' && strcmp(m->recursive, "enabled") != 0)
		return err_say(e, EINVAL, "invalid value for bind-recursive: %s (must be \"enabled\", \"disabled\", \"writable\", or "
			       "\"readonly\")", m->recursive);
	jw_end_obj(w);
	return 0;
}

static int put_mount(struct json_writer *w, const struct mount *m, struct err *e)
{
	int r = 0;

	jw_obj(w);
	jw_kstr(w, "Type", m->type);
	if (m->source[0] != '\0')
		jw_kstr(w, "Source", m->source);
	jw_kstr(w, "Target", m->target);
	if (m->read_only)
		jw_kbool(w, "ReadOnly", true);
	if (m->consistency[0] != '\0')
		jw_kstr(w, "Consistency", m->consistency);
	if (m->propagation[0] != '\0' || m->recursive[0] != '\0' || m->nonrecursive || m->create_source)
		r = put_mount_bind(w, m, e);
	if (m->nocopy || m->subpath[0] != '\0' || m->driver[0] != '\0' || m->n_labels + m->n_options > 0)
		put_mount_volume(w, m);
	if (m->has_size || m->has_mode) {
		jw_key(w, "TmpfsOptions");
		jw_obj(w);
		if (m->has_size)
			jw_kint(w, "SizeBytes", m->tmpfs_size);
		if (m->has_mode)
			jw_kint(w, "Mode", m->tmpfs_mode);
		jw_end_obj(w);
	}
	if (m->image_subpath[0] != '\0') {
		jw_key(w, "ImageOptions");
		jw_obj(w);
		jw_kstr(w, "Subpath", m->image_subpath);
		jw_end_obj(w);
	}
	jw_end_obj(w);
	return r;
}

int spec_mount(struct json_writer *w, const char *s, struct err *e)
{
	owned_mem struct mount *m = calloc(1, sizeof(*m));
	char field[8192];

	if (m == NULL)
		return err_set(e, ENOMEM, "mount");
	(void)snprintf(m->type, sizeof(m->type), "volume");
	while (spec_csv(&s, field, sizeof(field))) {
		char *v = strchr(field, '=');
		if (v != NULL)
			*v = '\0';
		for (char *k = field; *k != '\0'; k++)
			*k = (char)tolower((unsigned char)*k);
		int r = mount_field(m, field, v != NULL ? v + 1 : "", v != NULL, e);
		if (r < 0)
			return r;
	}
	if (m->target[0] == '\0')
		return err_say(e, EINVAL, "target is required");
	bool is_volume = strcmp(m->type, "volume") == 0, is_bind = strcmp(m->type, "bind") == 0;
	if (!is_volume && (m->nocopy || m->driver[0] != '\0' || m->n_labels > 0 || m->n_options > 0))
		return err_say(e, EINVAL, "cannot mix 'volume-*' options with mount type '%s'", m->type);
	if (!is_bind && (m->propagation[0] != '\0' || m->recursive[0] != '\0' || m->nonrecursive))
		return err_say(e, EINVAL, "cannot mix 'bind-*' options with mount type '%s'", m->type);
	if (strcmp(m->type, "tmpfs") != 0 && (m->has_size || m->has_mode))
		return err_say(e, EINVAL, "cannot mix 'tmpfs-*' options with mount type '%s'", m->type);
	if (is_bind && m->source[0] == '.') { /* relative to here; the daemon is elsewhere */
		owned_mem char *abs = realpath(m->source, NULL);
		if (abs != NULL && strlen(abs) < sizeof(m->source))
			memcpy(m->source, abs, strlen(abs) + 1);
	}
	return put_mount(w, m, e);
}

static bool device_mode(const char *s)
{
	return *s != '\0' && strspn(s, "rwm") == strlen(s) && strlen(s) <= 3;
}

int spec_device(struct json_writer *w, const char *s, struct err *e)
{
	char part[3][1024] = {"", "", ""};
	int n = 0;
	const char *mode = "rwm", *inside;

	for (const char *at = s; n < 3; n++) {
		size_t len = strcspn(at, ":");
		if (len >= sizeof(part[0]))
			return err_say(e, EINVAL, "bad format for path: %s", s);
		memcpy(part[n], at, len);
		if (at[len] == '\0') {
			n++;
			break;
		}
		at += len + 1;
		if (n == 2)
			return err_say(e, EINVAL, "bad format for path: %s", s);
	}
	inside = part[0];
	if (n == 2 && device_mode(part[1]))
		mode = part[1];
	else if (n >= 2)
		inside = part[1];
	if (n == 3)
		mode = part[2];
	if (part[0][0] == '\0' || !device_mode(mode))
		return err_say(e, EINVAL, "bad format for path: %s", s);
	jw_obj(w);
	jw_kstr(w, "PathOnHost", part[0]);
	jw_kstr(w, "PathInContainer", inside);
	jw_kstr(w, "CgroupPermissions", mode);
	jw_end_obj(w);
	return 0;
}

int spec_ulimit(struct json_writer *w, const char *s, struct err *e)
{
	const char *eq = strchr(s, '=');
	char name[32], *end;

	if (eq == NULL || (size_t)(eq - s) >= sizeof(name) || eq == s)
		return err_say(e, EINVAL, "invalid ulimit argument: %s", s);
	memcpy(name, s, (size_t)(eq - s));
	name[eq - s] = '\0';
	long long soft = strtoll(eq + 1, &end, 10), hard = soft;
	if (end != eq + 1 && *end == ':') {
		const char *at = end + 1;
		hard = strtoll(at, &end, 10);
		if (end == at)
			return err_say(e, EINVAL, "invalid ulimit argument: %s", s);
	}
	if (end == eq + 1 || *end != '\0')
		return err_say(e, EINVAL, "invalid ulimit argument: %s", s);
	if (hard != -1 && (soft == -1 || soft > hard))
		return err_say(e, EINVAL, "ulimit soft limit must be less than or equal to hard limit: %lld > %lld", soft, hard);
	jw_obj(w);
	jw_kstr(w, "Name", name);
	jw_kint(w, "Hard", hard);
	jw_kint(w, "Soft", soft);
	jw_end_obj(w);
	return 0;
}

int spec_throttle(struct json_writer *w, const char *s, bool is_weight, bool is_bytes, struct err *e)
{
	const char *colon = strchr(s, ':');
	char path[1024], *end;
	int64_t v;

	if (colon == NULL || strncmp(s, "/dev/", 5) != 0 || (size_t)(colon - s) >= sizeof(path))
		return err_say(e, EINVAL, "bad format: %s", s);
	memcpy(path, s, (size_t)(colon - s));
	path[colon - s] = '\0';
	if (is_bytes) {
		if (human_parse_bytes(colon + 1, &v) < 0 || v < 0)
			return err_say(e, EINVAL, "invalid rate for device: %s. The correct format is <device-path>:<number>[<unit>]. "
				       "Number must be a positive integer. Unit is optional and can be kb, mb, or gb", s);
	} else {
		v = strtoll(colon + 1, &end, 10);
		if (end == colon + 1 || *end != '\0' || v < 0)
			return err_say(e, EINVAL, "invalid rate for device: %s. The correct format is <device-path>:<number>. Number "
				       "must be a positive integer", s);
	}
	jw_obj(w);
	jw_kstr(w, "Path", path);
	jw_kint(w, is_weight ? "Weight" : "Rate", v);
	jw_end_obj(w);
	return 0;
}

bool spec_volume_has_source(const char *s, bool *ret_is_path)
{
	*ret_is_path = s[0] == '/' || s[0] == '.' || s[0] == '~';
	return strchr(s, ':') != NULL && s[0] != ':';
}

int spec_env_file(const char *path, bool is_env, int (*add)(void *ctx, const char *line, size_t n), void *ctx,
		  struct err *e)
{
	struct buf b = BUF_INIT(FILE_MAX);
	owned_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_say(e, errno, "open %s: %s", path, errno == ENOENT ? "no such file or directory" : strerror(errno));
	r = read_all(fd, &b);
	if (r < 0)
		r = err_say(e, -r, "invalid env file (%s): read %s: %s", path, path, err_text(-r));
	const char *s = buf_str(&b);
	while (r == 0 && *s != '\0') {
		size_t n = strcspn(s, "\n"), skip = strspn(s, " \t");
		const char *line = s;
		s += n + (s[n] == '\n');
		n -= n > 0 && line[n - 1] == '\r';
		skip = skip > n ? n : skip;
		line += skip;
		n -= skip;
		if (n == 0 || line[0] == '#')
			continue;
		const char *eq = memchr(line, '=', n);
		size_t name = eq != NULL ? (size_t)(eq - line) : n;
		size_t blank = strcspn(line, " \t\n");
		if (is_env && blank < name)
			r = err_say(e, EINVAL, "invalid env file (%s): variable '%.*s' contains whitespaces", path, (int)name, line);
		else if (name == 0)
			r = err_say(e, EINVAL, "invalid env file (%s): no variable name on line '%.*s'", path, (int)n, line);
		else
			r = add(ctx, line, n);
	}
	buf_release(&b);
	return r;
}
