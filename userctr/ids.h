/* userctr/ids.h - random identifiers. */
#ifndef USERCTR_IDS_H
#define USERCTR_IDS_H

#include <stdbool.h>
#include <stddef.h>

#define ID_SIZE 65 /* 64 hex digits and NUL */

/* 64 random hex digits; never one whose first twelve are all decimal (such a short id would be taken for a number). */
void id_make(char out[ID_SIZE]);

/* Exactly 64 lower-case hex digits? */
bool id_is_full(const char *s);

#endif
