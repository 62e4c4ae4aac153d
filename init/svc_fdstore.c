// SPDX-License-Identifier: Apache-2.0
/* Descriptors that a service left with PID 1 (FDSTORE=1) and gets back, behind its sockets, at its next start. They are
 * kept by name; a name may be kept several times. */
#include "init/pid1.h"
#include "init/svc.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"

#include <string.h>

static void drop(struct stored *k)
{
	drop_fd(&k->fd);
	*k = (struct stored){.fd = -1};
}

static unsigned kept(const struct svc *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < countof(s->p->stored); i++)
		n += s->p->stored[i].svc == s;
	return n;
}

void svc_fdstore_put(struct svc *s, int fd, const char *name, size_t len)
{
	if (kept(s) >= s->def->fdstore_max) {
		log_warn("slipway", "service '%s': a descriptor '%.*s' is more than the %u that are kept for it", s->def->name,
			 (int)len, name, s->def->fdstore_max);
		close(fd);
		return;
	}
	for (unsigned i = 0; i < countof(s->p->stored); i++) {
		struct stored *k = &s->p->stored[i];
		if (k->svc != NULL)
			continue;
		*k = (struct stored){.svc = s, .fd = fd};
		memcpy(k->name, name, len < sizeof(k->name) ? len : sizeof(k->name) - 1);
		return;
	}
	log_warn("slipway", "service '%s': no room to keep a descriptor", s->def->name);
	close(fd);
}

void svc_fdstore_remove(struct svc *s, const char *name, size_t len)
{
	for (unsigned i = 0; i < countof(s->p->stored); i++) {
		struct stored *k = &s->p->stored[i];
		if (k->svc == s && strlen(k->name) == len && memcmp(k->name, name, len) == 0)
			drop(k);
	}
}

void svc_fdstore_clear(struct svc *s)
{
	for (unsigned i = 0; i < countof(s->p->stored); i++)
		if (s->p->stored[i].svc == s)
			drop(&s->p->stored[i]);
}

const struct stored *svc_fdstore_next(const struct svc *s, const struct stored *after)
{
	const struct stored *k = after == NULL ? s->p->stored : after + 1;

	for (; k < s->p->stored + countof(s->p->stored); k++)
		if (k->svc == s)
			return k;
	return NULL;
}
