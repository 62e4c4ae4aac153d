/* userctr/dns.h - the name server of a container in networks that have names: 127.0.0.11 in its namespace, answered by the
 * daemon. docs/network.md says what it answers and what it asks further.
 */
#ifndef USERCTR_DNS_H
#define USERCTR_DNS_H

struct ctr_net;
struct daemon;
struct err;

/* Serve n (started) from now on; its names are looked up as they are at the time. netns is borrowed for the call. */
int dns_open(struct daemon *d, struct ctr_net *n, int netns, struct err *e);

/* Also when there is none. */
void dns_close(struct ctr_net *n);

#endif
