/* userctr/signals.h - signals by name or number, as docker takes them. Pure. */
#ifndef USERCTR_SIGNALS_H
#define USERCTR_SIGNALS_H

struct err;

/* "15", "TERM", "SIGTERM", "sigrtmin+3". Errors: -EINVAL "invalid signal: x" */
int signal_parse(const char *text, int *ret, struct err *e);

#endif
