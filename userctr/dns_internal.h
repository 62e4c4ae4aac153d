/* userctr/dns_internal.h - what the files of the name server share. Not for others.
 *
 *   container ── udp ──► struct dns ──► names of its networks: answered at once
 *             ── tcp ──► struct dns_conn     └── others: struct dns_ask ──► a server of the host
 *
 * Everything is a source of the daemon's loop; each holds its struct dns by a count, so that closing in the middle of a batch is
 * safe.
 */
#ifndef USERCTR_DNS_INTERNAL_H
#define USERCTR_DNS_INTERNAL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/base/ip.h"
#include "lib/base/list.h"
#include "lib/codec/dns.h"
#include "lib/loop/loop.h"
#include "userctr/dns.h"
#include "userctr/net_files.h"

#define DNS_ASKS_MAX	  64  /* questions under way, per container */
#define DNS_ASKS_ALL_MAX  512 /* of all */
#define DNS_CONNS_MAX	  16  /* TCP, per container */
#define DNS_QUERY_MAX	  1024
#define DNS_WAIT_MS	  2000 /* for one server's answer */
#define DNS_TCP_WAIT_MS	  4000
#define DNS_TRIES_MAX	  6
#define DNS_CONN_IDLE_MS  10000
#define DNS_TTL_S	  600
#define DNS_PEERS_MAX	  64 /* addresses of one name */

struct ctr_net;
struct daemon;
struct err;

struct dns {
	struct daemon *d; /* borrowed */
	struct ctr_net *n; /* borrowed; NULL once closed */
	struct source udp, tcp; /* fd owned */
	struct list conns, asks;
	unsigned n_conns, n_asks;
	unsigned live; /* sources that hold us */
};

/* A TCP connection of the container: a message of two bytes of length and the rest, then the answer, then the next. */
struct dns_conn {
	struct list link;
	struct dns *dns;
	struct source s; /* fd owned */
	struct timer idle;
	struct dns_ask *ask; /* at work for us, or NULL */
	bool is_answering;
	size_t have;
	uint8_t in[2 + DNS_QUERY_MAX];
};

/* A question passed on. */
struct dns_ask {
	struct list link;
	struct dns *dns;
	struct source s; /* fd owned */
	struct timer late;
	bool is_tcp, is_connected, is_over;
	struct dns_conn *conn;	   /* TCP: who wants to know; NULL when it went */
	struct sockaddr_in client; /* UDP: likewise */
	struct dns_query q;
	uint16_t id; /* towards the server */
	struct ip servers[RESOLV_SERVERS_MAX];
	size_t n_servers;
	unsigned tries;
	size_t len;
	uint8_t query[2 + DNS_QUERY_MAX]; /* behind its length */
	uint8_t *in;	 /* owned; TCP: the answer so far */
	size_t have;
};

void dns_ref(struct dns *dns);
void dns_unref(struct dns *dns); /* frees with the last one */

/* dns_names.c: answer from the networks of n. Returns the length of the answer, 0 when the name is none of theirs. */
size_t dns_answer_own(const struct ctr_net *n, const uint8_t *query, const struct dns_query *q, uint8_t *out, size_t size);

/* dns_ask.c: pass the query on. conn NULL: by UDP, for client. On failure answers at once. */
void dns_pass_on(struct dns *dns, const uint8_t *query, size_t len, const struct dns_query *q, struct dns_conn *conn,
		 const struct sockaddr_in *client);
void dns_ask_drop(struct dns_ask *a);

/* dns.c: send an answer to who asked. */
void dns_reply_udp(struct dns *dns, const struct sockaddr_in *client, const uint8_t *p, size_t n);
void dns_reply_tcp(struct dns_conn *c, const uint8_t *p, size_t n);

/* dns_redirect.c: what goes to 127.0.0.11:53 in the namespace goes to these ports instead. */
int dns_redirect(int netns, uint16_t udp_port, uint16_t tcp_port, struct err *e);

#endif
