// SPDX-License-Identifier: Apache-2.0
/* The check of a compiled service table. PID 1 trusts a table that passed it, so everything it indexes by, prints or
 * signals with is bounded here; what a service means is not judged. */
#include "lib/codec/svcdef.h"

#include "lib/base/err.h"

#include <stdbool.h>
#include <string.h>

#define GRACE_MAX_MS   (60u * 60 * 1000)
#define TIMEOUT_MAX_MS (24u * 60 * 60 * 1000)
#define SIGNAL_MAX     64
#define ALL_FLAGS      (SVCDEF_BOOT | SVCDEF_CREATE_ONLY | SVCDEF_MAY_POWER | SVCDEF_CONSOLE | SVCDEF_ON_DEMAND)

static_assert(sizeof(struct svcdef) == 196, "the record is a format: changing it means a new magic");
static_assert(sizeof(struct svcdef_socket) == 156, "likewise");
static_assert(sizeof(struct svcdef_header) == 24, "the header is a format");

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       c == '.';
}

bool svcdef_name_is_valid(const char *name, size_t len)
{
	if (len == 0 || len >= SVCDEF_NAME_MAX || name[0] == '.' || name[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(name[i]))
			return false;
	return true;
}

static bool is_path(const char *s, size_t size)
{
	size_t len = strnlen(s, size);

	if (len == size || s[0] != '/')
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x21 || s[i] == 0x7f)
			return false;
	return true;
}

static int check_deps(const struct svcdef *d, size_t self, size_t count, struct err *e)
{
	if (d->dep_count > SVCDEF_DEPS_MAX)
		return err_say(e, E_SPEC, "service '%s': dep_count %u is more than %u", d->name, d->dep_count,
			       SVCDEF_DEPS_MAX);
	for (size_t i = 0; i < d->dep_count; i++) {
		const struct svcdef_dep *p = &d->deps[i];
		if (p->index >= count || p->index == self)
			return err_say(e, E_SPEC, "service '%s': dependency %zu has index %u of %zu services", d->name, i,
				       p->index, count);
		if (p->condition < SVCDEF_DEP_STARTED || p->condition > SVCDEF_DEP_COMPLETED || p->required > 1)
			return err_say(e, E_SPEC, "service '%s': dependency %zu has condition %u, required %u", d->name,
				       i, p->condition, p->required);
	}
	return 0;
}

static int check_sockets_of(const struct svcdef *d, size_t sockets, struct err *e)
{
	if (d->socket_count > SVCDEF_SOCKETS_EACH_MAX || (size_t)d->socket_first + d->socket_count > sockets)
		return err_say(e, E_SPEC, "service '%s': sockets %u to %u of %zu", d->name, d->socket_first,
			       d->socket_first + d->socket_count, sockets);
	if ((d->flags & SVCDEF_ON_DEMAND) != 0 && d->socket_count == 0)
		return err_say(e, E_SPEC, "service '%s': started on demand, and no socket", d->name);
	if (d->fdstore_max > SVCDEF_FDSTORE_EACH_MAX)
		return err_say(e, E_SPEC, "service '%s': more than %d stored descriptors", d->name,
			       SVCDEF_FDSTORE_EACH_MAX);
	return 0;
}

static int check_record(const struct svcdef *d, size_t self, size_t count, struct err *e)
{
	size_t len = strnlen(d->name, sizeof(d->name));

	if (!svcdef_name_is_valid(d->name, len))
		return err_say(e, E_SPEC, "service record %zu: name is empty, too long or has a forbidden character",
			       self);
	if (!is_path(d->bundle, sizeof(d->bundle)))
		return err_say(e, E_SPEC, "service '%s': bundle is not an absolute path of at most %d characters", d->name,
			       SVCDEF_BUNDLE_MAX - 1);
	if ((d->flags & ~(uint32_t)ALL_FLAGS) != 0)
		return err_say(e, E_SPEC, "service '%s': unknown flags 0x%x", d->name, d->flags);
	if (d->restart < SVCDEF_RESTART_NO || d->restart > SVCDEF_RESTART_ALWAYS)
		return err_say(e, E_SPEC, "service '%s': unknown restart policy %u", d->name, d->restart);
	if (d->ready < SVCDEF_READY_STARTED || d->ready > SVCDEF_READY_EXIT)
		return err_say(e, E_SPEC, "service '%s': unknown readiness %u", d->name, d->ready);
	if (d->grace_ms > GRACE_MAX_MS)
		return err_say(e, E_SPEC, "service '%s': grace_ms %u is more than an hour", d->name, d->grace_ms);
	if (d->start_timeout_ms > TIMEOUT_MAX_MS || d->restart_window_ms > TIMEOUT_MAX_MS || d->watchdog_ms > TIMEOUT_MAX_MS)
		return err_say(e, E_SPEC, "service '%s': a timeout is more than a day", d->name);
	if (d->stop_signal < 1 || d->stop_signal > SIGNAL_MAX || d->shutdown_signal > SIGNAL_MAX)
		return err_say(e, E_SPEC, "service '%s': signal %u or %u is out of range", d->name, d->stop_signal,
			       d->shutdown_signal);
	return check_deps(d, self, count, e);
}

/* Names are looked up by clients; two of one name would make one of them unreachable. */
static int check_unique(const unsigned char *records, size_t self, const char *name, struct err *e)
{
	for (size_t i = 0; i < self; i++) {
		const char *other = (const char *)records + i * sizeof(struct svcdef) + offsetof(struct svcdef, name);
		if (strncmp(other, name, SVCDEF_NAME_MAX) == 0)
			return err_say(e, E_SPEC, "service '%s': records %zu and %zu have this name", name, i, self);
	}
	return 0;
}

/* A name without ':', which separates them in LISTEN_FDNAMES. */
static bool is_socket_name(const char *name)
{
	size_t len = strnlen(name, SVCDEF_SOCKET_NAME_MAX);

	return len < SVCDEF_SOCKET_NAME_MAX && svcdef_name_is_valid(name, len);
}

static int check_socket(const struct svcdef_socket *k, size_t self, struct err *e)
{
	if (!is_socket_name(k->name))
		return err_say(e, E_SPEC, "socket record %zu: name is empty, too long or has a forbidden character", self);
	if (k->type < SVCDEF_SOCKET_STREAM || k->type > SVCDEF_SOCKET_SEQPACKET)
		return err_say(e, E_SPEC, "socket '%s': unknown type %u", k->name, k->type);
	if (k->family < SVCDEF_UNIX || k->family > SVCDEF_INET6)
		return err_say(e, E_SPEC, "socket '%s': unknown family %u", k->name, k->family);
	if (k->family == SVCDEF_UNIX && (!is_path(k->path, sizeof(k->path)) || k->mode > 0777))
		return err_say(e, E_SPEC, "socket '%s': no absolute path or no mode", k->name);
	if (k->family != SVCDEF_UNIX && (k->port == 0 || k->type == SVCDEF_SOCKET_SEQPACKET))
		return err_say(e, E_SPEC, "socket '%s': port %u, type %u", k->name, k->port, k->type);
	return 0;
}

static int check_header(const struct svcdef_header *h, size_t len, struct err *e)
{
	if (memcmp(h->magic, SVCDEF_MAGIC, sizeof(h->magic)) != 0)
		return err_say(e, E_SPEC, "service table does not begin with '%s'", SVCDEF_MAGIC);
	if (h->record_size != sizeof(struct svcdef) || h->socket_size != sizeof(struct svcdef_socket))
		return err_say(e, E_SPEC, "service table has records of %u and %u bytes, not %zu and %zu", h->record_size,
			       h->socket_size, sizeof(struct svcdef), sizeof(struct svcdef_socket));
	if (h->count > SVCDEF_COUNT_MAX || h->socket_count > SVCDEF_SOCKETS_MAX)
		return err_say(e, E_SPEC, "service table has %u services and %u sockets, more than %d and %d", h->count,
			       h->socket_count, SVCDEF_COUNT_MAX, SVCDEF_SOCKETS_MAX);
	size_t want = sizeof(*h) + h->count * sizeof(struct svcdef) + h->socket_count * sizeof(struct svcdef_socket);
	if (len != want)
		return err_say(e, E_SPEC, "service table of %u services and %u sockets has %zu bytes, not %zu", h->count,
			       h->socket_count, len, want);
	return 0;
}

int svcdef_check(const void *bytes, size_t len, struct err *e)
{
	struct svcdef_header h;

	if (len < sizeof(h))
		return err_say(e, E_SPEC, "service table of %zu bytes has no header", len);
	memcpy(&h, bytes, sizeof(h));
	int r = check_header(&h, len, e);
	if (r < 0)
		return r;
	const unsigned char *records = (const unsigned char *)bytes + sizeof(h);
	for (size_t i = 0; i < h.count; i++) {
		struct svcdef d; /* copied: the table may be anywhere in memory */
		memcpy(&d, records + i * sizeof(d), sizeof(d));
		r = check_record(&d, i, h.count, e);
		if (r == 0)
			r = check_sockets_of(&d, h.socket_count, e);
		if (r == 0)
			r = check_unique(records, i, d.name, e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < h.socket_count; i++) {
		struct svcdef_socket k;
		memcpy(&k, records + h.count * sizeof(struct svcdef) + i * sizeof(k), sizeof(k));
		r = check_socket(&k, i, e);
		if (r < 0)
			return r;
	}
	return (int)h.count;
}
