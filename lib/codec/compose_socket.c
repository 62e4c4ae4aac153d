// SPDX-License-Identifier: Apache-2.0
/* The label io.slipway.listen: sockets that PID 1 opens for a service, blank-separated, each
 *   NAME=unix|unixgram|unixpacket:/PATH[,mode=0660][,uid=0][,gid=0]     NAME=tcp|udp:ADDRESS:PORT */
#include "lib/codec/compose_in.h"

#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/base/owned.h"
#include "lib/codec/svcdef.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool take_number(const char *text, size_t len, int base, unsigned long max, unsigned long *ret)
{
	char copy[16], *end;

	if (len == 0 || len >= sizeof(copy) || text[0] < '0' || text[0] > '9')
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	*ret = strtoul(copy, &end, base);
	return *end == '\0' && *ret <= max;
}

static bool take_unix(const char *p, struct svcdef_socket *k)
{
	size_t len = strcspn(p, ",");
	unsigned long n;

	if (p[0] != '/' || len >= sizeof(k->path))
		return false;
	k->family = SVCDEF_UNIX;
	k->mode = 0660;
	memcpy(k->path, p, len);
	for (p += len; *p == ','; p += len) {
		p++;
		len = strcspn(p, ",");
		if (strncmp(p, "mode=", 5) == 0 && take_number(p + 5, len - 5, 8, 0777, &n))
			k->mode = (uint16_t)n;
		else if (strncmp(p, "uid=", 4) == 0 && take_number(p + 4, len - 4, 10, UINT32_MAX - 1, &n))
			k->uid = (uint32_t)n;
		else if (strncmp(p, "gid=", 4) == 0 && take_number(p + 4, len - 4, 10, UINT32_MAX - 1, &n))
			k->gid = (uint32_t)n;
		else
			return false;
	}
	return *p == '\0';
}

static bool take_inet(const char *p, struct svcdef_socket *k)
{
	const char *colon = strrchr(p, ':');
	unsigned long port;
	struct ip ip;

	if (colon == NULL || !take_number(colon + 1, strlen(colon + 1), 10, 65535, &port) || port == 0)
		return false;
	size_t len = (size_t)(colon - p);
	bool is_six = p[0] == '[' && len > 2 && p[len - 1] == ']';
	if (ip_parse(is_six ? p + 1 : p, is_six ? len - 2 : len, &ip) < 0 || (ip.family == IP_V6) != is_six)
		return false;
	k->family = is_six ? SVCDEF_INET6 : SVCDEF_INET;
	k->port = (uint16_t)port;
	memcpy(k->addr, ip.b, is_six ? 16 : 4);
	return true;
}

static bool take_socket(const char *text, struct svcdef_socket *k)
{
	static const struct {
		const char *word;
		uint8_t type;
		bool is_inet;
	} kinds[] = {{"unix:", SVCDEF_SOCKET_STREAM, false}, {"unixgram:", SVCDEF_SOCKET_DGRAM, false},
		     {"unixpacket:", SVCDEF_SOCKET_SEQPACKET, false}, {"tcp:", SVCDEF_SOCKET_STREAM, true},
		     {"udp:", SVCDEF_SOCKET_DGRAM, true}};
	size_t len = strcspn(text, "=");

	*k = (struct svcdef_socket){0};
	if (text[len] != '=' || len >= sizeof(k->name) || !svcdef_name_is_valid(text, len))
		return false;
	memcpy(k->name, text, len);
	text += len + 1;
	for (size_t i = 0; i < countof(kinds); i++)
		if (strncmp(text, kinds[i].word, strlen(kinds[i].word)) == 0) {
			k->type = kinds[i].type;
			text += strlen(kinds[i].word);
			return kinds[i].is_inet ? take_inet(text, k) : take_unix(text, k);
		}
	return false;
}

int take_listen(struct compose_in *in, const char *key, const struct yaml_node *v, struct compose_service *s)
{
	const char **words = NULL;
	size_t n = 0;

	int r = take_words(in, key, v, &words);
	if (r < 0)
		return r;
	while (words[n] != NULL)
		n++;
	if (n > SVCDEF_SOCKETS_EACH_MAX)
		return compose_bad_text(in, v->line, key, "at most 8 sockets", "more");
	s->sockets = arena_array(in->memory, n + 1, sizeof(*s->sockets));
	if (s->sockets == NULL)
		return err_set(in->e, ENOMEM, "%s: %s", in->file, in->at);
	for (s->socket_count = 0; s->socket_count < n; s->socket_count++)
		if (!take_socket(words[s->socket_count], &s->sockets[s->socket_count]))
			return compose_bad_text(in, v->line, key, "NAME=unix:/PATH[,mode=0660] or NAME=tcp:ADDRESS:PORT",
						words[s->socket_count]);
	return 0;
}
