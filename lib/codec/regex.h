/* lib/codec/regex.h - regular expressions that cannot blow up: time and memory are bounded by the length of the expression
 * times that of the text. Pure.
 *
 * Go's syntax as far as names need it: . [] [^] [[:alpha:]] \d \w \s \D \W \S * + ? {m,n} | () (?:) ^ $ and escaped
 * characters. It works on bytes. The C library's own expands nested repetitions and takes all memory for "a{255}{255}{255}".
 */
#ifndef CODEC_REGEX_H
#define CODEC_REGEX_H

/*
 * Is there a match anywhere in text?
 *
 * Returns  1, 0
 * Errors   -EINVAL malformed, or an element that is not supported   -E2BIG too long for REGEX_CODE_MAX
 */
int regex_match(const char *pattern, const char *text);

#define REGEX_CODE_MAX 2048 /* steps; a character is one, a repetition up to two more */

#endif
