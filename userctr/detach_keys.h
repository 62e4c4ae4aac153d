/* userctr/detach_keys.h - the keys that end an attach session. Pure. */
#ifndef USERCTR_DETACH_KEYS_H
#define USERCTR_DETACH_KEYS_H

/* "ctrl-p,ctrl-q" or "a,b" to bytes in out (at most size - 1, NUL-ended). Returns 0, or -1 when it is malformed. */
int detach_keys_parse(const char *text, char *out, unsigned size);

#endif
