// SPDX-License-Identifier: Apache-2.0
/* The set of networks: networks.json, the three that always are, making and removing. */
#include "userctr/nets.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "userctr/daemon.h"
#include "userctr/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_NAME "networks.json"
#define FILE_MAX  ((size_t)NETS_MAX * NETWORK_RECORD_MAX)

static const char *const names[] = {"bridge", "host", "none"};

/* ---- the file ---- */

static int save(struct daemon *d, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(FILE_MAX);
	struct json_writer w;
	owned_fd int dir = open(d->conf.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_set(e, errno, "open '%s'", d->conf.root);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_kint(&w, "version", 1);
	jw_key(&w, "networks");
	jw_arr(&w);
	list_for_each(it, &d->nets->all)
		jw_value(&w, owner_of(it, struct network, link)->record);
	jw_end_arr(&w);
	jw_end_obj(&w);
	int r = buf_error(&b);
	if (r < 0)
		return err_set(e, -r, "write '%s'", FILE_NAME);
	return file_replace(dir, FILE_NAME, buf_str(&b), b.len, 0600, e);
}

static void put_in(struct nets *s, struct network *n)
{
	list_add_tail(&s->all, &n->link);
	s->count++;
	for (size_t i = 0; n->is_predefined && i < countof(names); i++)
		if (strcmp(n->drv.name, names[i]) == 0)
			s->predefined[i] = n;
}

static void take_out(struct nets *s, struct network *n)
{
	list_del(&n->link);
	s->count--;
	network_free(n);
}

/* A record that cannot be read is lost with its network; the others, and the daemon, are not. */
static int load(struct daemon *d, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(FILE_MAX);
	owned_buf struct buf text = BUF_INIT(NETWORK_RECORD_MAX);
	struct json_doc *doc;
	struct err why;
	owned_fd int dir = open(d->conf.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_set(e, errno, "open '%s'", d->conf.root);
	int r = file_read(dir, FILE_NAME, &b, e);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_wrap(e, r, "'%s/%s'", d->conf.root, FILE_NAME);
	if (json_parse(buf_str(&b), b.len, &doc, &why) < 0) {
		/* a bad disk: the containers matter more than their networks, and somebody may want to look at it */
		log_error("net", "'%s/%s' is put aside as '%s.bad': %s", d->conf.root, FILE_NAME, FILE_NAME, why.msg);
		(void)renameat(dir, FILE_NAME, dir, FILE_NAME ".bad"); /* else it is replaced */
		return 0;
	}
	struct json_iter it = json_iter(json_get(json_root(doc), "networks"));
	while (json_next(&it) && d->nets->count < NETS_MAX) {
		struct json_writer w;
		struct network *n;
		buf_clear(&text);
		jw_init(&w, &text);
		jw_value(&w, it.value);
		if (buf_error(&text) < 0 || network_load(buf_str(&text), text.len, &n, &why) < 0)
			log_error("net", "network '%s' is left out: %s", json_str_or(json_get(it.value, "Name"), "?"),
				  why.msg);
		else
			put_in(d->nets, n);
	}
	json_free(doc);
	return 0;
}

/* ---- coming up ---- */

static void now_text(char out[CLOCK_RFC3339_SIZE])
{
	clock_rfc3339(clock_real_ns(), out);
}

/* 172.17.0.0/16 as docker's, unless the host's network is there. */
static int default_subnet(struct daemon *d, char out[IP_PREFIX_TEXT_MAX], struct err *e)
{
	struct ip_prefix p = {.addr = ip4(0xac110000), .len = 16};

	int r = d->nets->bridge != NULL ? net_subnet_pick(d->nets->bridge, &p, e) : 0;
	if (r == 0)
		(void)ip_prefix_text(&p, out);
	return r;
}

static int make_predefined(struct daemon *d, size_t i, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(NETWORK_RECORD_MAX);
	char id[ID_SIZE], created[CLOCK_RFC3339_SIZE], subnet[IP_PREFIX_TEXT_MAX] = "";
	struct network *n;

	int r = i == 0 ? default_subnet(d, subnet, e) : 0;
	if (r < 0)
		return r;
	id_make(id);
	now_text(created);
	network_make_default(names[i], id, created, subnet, &b);
	r = buf_error(&b) < 0 ? err_set(e, ENOMEM, "network '%s'", names[i]) : network_load(buf_str(&b), b.len, &n, e);
	if (r == 0)
		put_in(d->nets, n);
	return r;
}

static int go_up(struct daemon *d, struct network *n, struct err *e)
{
	if (n->kind != NETWORK_BRIDGE || d->nets->bridge == NULL)
		return 0;
	int r = net_up(d->nets->bridge, &n->drv, e);
	for (size_t i = 0; r == 0 && i < n->n_aux; i++)
		r = net_ipam_claim(&n->drv.ipam, &n->aux[i], e);
	if (r < 0)
		(void)net_down(d->nets->bridge, &n->drv, NULL); /* undo */
	return r;
}

int nets_open(struct daemon *d, struct err *e)
{
	struct err why;
	int r = dir_make_all(AT_FDCWD, d->conf.root, 0700, e);

	if (r < 0)
		return r;
	d->nets = calloc(1, sizeof(*d->nets));
	if (d->nets == NULL)
		return err_set(e, ENOMEM, "networks");
	list_init(&d->nets->all);
	if (!d->conf.no_network)
		r = net_bridge_open(&d->nets->bridge, e);
	if (r == 0)
		r = load(d, e);
	bool is_new = false;
	for (size_t i = 0; r == 0 && i < countof(names); i++)
		if (d->nets->predefined[i] == NULL) {
			r = make_predefined(d, i, e);
			is_new = true;
		}
	if (r == 0 && is_new)
		r = save(d, e);
	if (r < 0)
		return r;
	/* One that does not fit the host any more must not keep the others and the daemon from working. */
	list_for_each(it, &d->nets->all) {
		struct network *n = owner_of(it, struct network, link);
		if (go_up(d, n, &why) < 0)
			log_error("net", "network '%s' stays down: %s", n->drv.name, why.msg);
	}
	return 0;
}

int nets_apply(struct daemon *d, struct err *e)
{
	return d->nets->bridge != NULL ? net_bridge_apply(d->nets->bridge, e) : 0;
}

void nets_close(struct daemon *d)
{
	if (d->nets == NULL)
		return;
	net_bridge_close(d->nets->bridge);
	list_for_each_safe(it, &d->nets->all)
		take_out(d->nets, owner_of(it, struct network, link));
	free(d->nets);
	d->nets = NULL;
}

/* ---- finding ---- */

int nets_find(struct daemon *d, const char *name, struct network **ret, struct err *e)
{
	struct network *named = NULL, *prefixed = NULL;
	unsigned matches = 0;

	list_for_each(it, &d->nets->all) {
		struct network *n = owner_of(it, struct network, link);
		if (strcmp(n->drv.id, name) == 0) {
			*ret = n;
			return 0;
		}
		if (strcmp(n->drv.name, name) == 0)
			named = n;
		if (strncmp(n->drv.id, name, strlen(name)) == 0) {
			prefixed = n;
			matches++;
		}
	}
	if (named == NULL && matches > 1 && *name != '\0')
		return err_say(e, EINVAL, "network %s is ambiguous (%u matches found based on ID prefix)", name, matches);
	*ret = named != NULL ? named : prefixed;
	if (*ret == NULL || *name == '\0')
		return err_say(e, ENOENT, "network %.200s not found", name);
	return 0;
}

/* ---- making and removing ---- */

void nets_event(struct daemon *d, const struct network *n, const char *action, const char *container)
{
	struct event_attr attrs[] = {{"name", n->drv.name}, {"type", network_driver(n)}, {"container", container}};

	event_emit(d, EVENT_TYPE_NETWORK, action, n->drv.id, attrs, container != NULL ? 3 : 2, NULL);
}

/* The record of a network whose subnet was picked remembers it: the same one after a restart. */
static int add_picked(struct daemon *d, struct network **n, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(NETWORK_RECORD_MAX);
	struct ip_prefix p = {.addr = ip4(0xac120000), .len = 16};
	char text[IP_PREFIX_TEXT_MAX];
	struct json_writer w;

	int r = d->nets->bridge != NULL ? net_subnet_pick(d->nets->bridge, &p, e) : 0;
	if (r == -ENOSPC)
		return err_say(e, EACCES, "could not find an available, non-overlapping IPv4 address pool among the defaults "
					  "to assign to the network");
	if (r < 0)
		return r;
	jw_init(&w, &b);
	jw_obj(&w);
	struct json_iter it = json_iter((*n)->record);
	while (json_next(&it)) {
		jw_key(&w, it.key);
		jw_value(&w, it.value);
	}
	jw_kstr(&w, "Picked", ip_prefix_text(&p, text));
	jw_end_obj(&w);
	struct network *better;
	r = buf_error(&b) < 0 ? err_set(e, ENOMEM, "network") : network_load(buf_str(&b), b.len, &better, e);
	if (r < 0)
		return r;
	network_free(*n);
	*n = better;
	return 0;
}

static int bring_in(struct daemon *d, struct network *n, struct err *e)
{
	struct err why;

	int r = go_up(d, n, &why);
	if (r == -EADDRINUSE)
		return err_say(e, EACCES, "invalid pool request: Pool overlaps with other one on this address space");
	if (r < 0)
		return err_say(e, r == -EEXIST ? EACCES : -r, "%s", why.msg);
	put_in(d->nets, n);
	r = save(d, e);
	if (r < 0) {
		if (d->nets->bridge != NULL)
			(void)net_down(d->nets->bridge, &n->drv, NULL); /* undo */
		list_del(&n->link);
		d->nets->count--;
	}
	return r;
}

int nets_create(struct daemon *d, const struct json *body, struct network **ret, struct err *e)
{
	owned_buf struct buf b = BUF_INIT(NETWORK_RECORD_MAX);
	char id[ID_SIZE], created[CLOCK_RFC3339_SIZE];
	struct network *n = NULL;

	if (d->nets->count >= NETS_MAX)
		return err_say(e, E_LIMIT, "more than %d networks", NETS_MAX);
	id_make(id);
	now_text(created);
	int r = network_make(body, id, created, &b, e);
	if (r < 0)
		return r;
	const char *name = json_str(json_iget(body, "Name"));
	list_for_each(it, &d->nets->all)
		if (strcmp(owner_of(it, struct network, link)->drv.name, name) == 0)
			return err_say(e, EEXIST, "network with name %s already exists", name);
	r = network_load(buf_str(&b), b.len, &n, e);
	if (r == 0 && !n->has_subnet)
		r = add_picked(d, &n, e);
	if (r == 0)
		r = bring_in(d, n, e);
	if (r < 0) {
		network_free(n);
		return r;
	}
	*ret = n;
	nets_event(d, n, "create", NULL);
	return 0;
}

int nets_remove(struct daemon *d, struct network *n, struct err *e)
{
	owned_buf struct buf who = BUF_INIT(300);

	if (n->is_predefined)
		return err_say(e, EACCES, "%s is a pre-defined network and cannot be removed", n->drv.name);
	list_for_each(it, &n->endpoints) {
		const struct endpoint *ep = owner_of(it, struct endpoint, link);
		buf_printf(&who, "%sname:\"%s\" id:\"%.12s\"", who.len > 0 ? ", " : "", ep->owner->name, ep->id);
	}
	if (!list_is_empty(&n->endpoints))
		return err_say(e, EACCES, "error while removing network: network %s has active endpoints (%s)", n->drv.name,
			       buf_str(&who));
	int r = d->nets->bridge != NULL && n->kind == NETWORK_BRIDGE ? net_down(d->nets->bridge, &n->drv, e) : 0;
	if (r < 0)
		return err_wrap(e, r, "error while removing network");
	list_del(&n->link);
	d->nets->count--;
	r = save(d, e);
	nets_event(d, n, "destroy", NULL);
	network_free(n);
	return r;
}
