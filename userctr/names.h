/* userctr/names.h - container names: which are allowed, and made-up ones. Pure. */
#ifndef USERCTR_NAMES_H
#define USERCTR_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* [a-zA-Z0-9][a-zA-Z0-9_.-]+ and less than 256 characters. */
bool name_is_valid(const char *name);

/* "adjective_surname" from a random number; attempts > 0 append a digit of it, as clashes become likely. */
void name_make(uint64_t random, unsigned attempt, char *out, size_t size);

#endif
