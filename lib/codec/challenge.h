/* lib/codec/challenge.h - what a registry asks for with 401: the header WWW-Authenticate (RFC 9110, RFC 6750).
 *
 *   Bearer realm="https://auth.example/token",service="registry.example",scope="repository:me/web:pull"
 *
 * Pure. Of several challenges the first Bearer one counts, else the first Basic one; other schemes and parameters are skipped.
 */
#ifndef CODEC_CHALLENGE_H
#define CODEC_CHALLENGE_H

#include <stddef.h>

struct err;

enum challenge_kind {
	CHALLENGE_NONE = 1, /* no scheme that we know */
	CHALLENGE_BASIC,
	CHALLENGE_BEARER,
};

struct challenge {
	enum challenge_kind kind;
	char realm[1024]; /* "" when absent, like the others; printable ASCII only */
	char service[256];
	char scope[1024];
	char error[64];
};

/*
 * Parse n bytes: one header, or several joined by ", ".
 *
 * Errors   -E_SPEC malformed   -E_LIMIT a parameter that matters is too long
 */
int challenge_parse(const char *text, size_t n, struct challenge *ret, struct err *e);

#endif
