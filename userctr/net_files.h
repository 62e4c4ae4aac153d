/* userctr/net_files.h - the texts of a container's /etc/hosts and /etc/resolv.conf. Pure: text in, text out. */
#ifndef USERCTR_NET_FILES_H
#define USERCTR_NET_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/ip.h"

struct buf;
struct json;

#define RESOLV_SERVERS_MAX 8
#define RESOLV_SEARCH_MAX  1024
#define RESOLV_OPTIONS_MAX 512

/* A resolver configuration. */
struct resolv {
	struct ip servers[RESOLV_SERVERS_MAX];
	size_t n_servers;
	char search[RESOLV_SEARCH_MAX]; /* blank separated */
	char options[RESOLV_OPTIONS_MAX];
};

/* Read a resolv.conf; what is malformed, too much or too long is left out. */
void resolv_parse(const char *text, size_t len, struct resolv *ret);

/* --dns, --dns-search ("." means none) and --dns-option take the place of what r says; NULL or empty arrays leave it. */
void resolv_override(struct resolv *r, const struct json *servers, const struct json *search, const struct json *options);

/* Drop servers that a container cannot reach: loopback ones and those of IP version 6. Returns how many are left. */
size_t resolv_filter(struct resolv *r);

/* For a network with names: the server becomes 127.0.0.11, and "ndots:0" is added unless ndots is set. */
void resolv_embed(struct resolv *r);

void resolv_write(const struct resolv *r, struct buf *out);

/* The lines that every hosts file starts with. */
void hosts_begin(struct buf *out);

/* "ADDRESS<tab>NAME..."; names: one or several, blank separated. */
void hosts_add(struct buf *out, const struct ip *ip, const char *names);

/*
 * --add-host: an array of "name:address" ("=" and brackets around the address are allowed).
 *
 *   gateway  what "host-gateway" stands for; IP_NONE leaves such entries out
 */
void hosts_add_extra(struct buf *out, const struct json *extra, const struct ip *gateway);

/* Is "name:address" one? For checking at create. */
bool hosts_extra_is_valid(const char *entry);

#endif
