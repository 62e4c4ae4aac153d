// SPDX-License-Identifier: Apache-2.0
/* Which terminals get a login. Pure. */
#include "images/console/console.h"

#include "lib/codec/cmdline.h"

#include <stdio.h>
#include <string.h>

/* Add once; is_auto stays when it was ever asked for. */
static struct term *add(struct terms *all, const char *name, size_t len, bool (*has_tty)(const char *name))
{
	char text[TERM_NAME_SIZE];

	if (len > 5 && memcmp(name, "/dev/", 5) == 0) {
		name += 5;
		len -= 5;
	}
	if (len == 0 || len >= sizeof(text) || memchr(name, '/', len) != NULL)
		return NULL;
	memcpy(text, name, len);
	text[len] = '\0';
	if (strcmp(text, "tty0") == 0 || strcmp(text, "console") == 0) /* whichever is in front; the first is what one sees */
		memcpy(text, "tty1", sizeof("tty1"));
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->t[i].name, text) == 0)
			return &all->t[i];
	if (all->n == TERMS_MAX || !has_tty(text))
		return NULL;
	struct term *t = &all->t[all->n++];
	*t = (struct term){0};
	memcpy(t->name, text, sizeof(text));
	return t;
}

static void add_autologin(struct terms *all, const struct cmdline_arg *a, bool (*has_tty)(const char *name))
{
	int flag = a->has_value ? cmdline_parse_flag(a) : 1;

	if (flag > 0) { /* without a terminal: on all that there are */
		for (size_t i = 0; i < all->n; i++)
			all->t[i].is_auto = true;
		return;
	}
	struct term *t = flag < 0 ? add(all, a->value, a->value_len, has_tty) : NULL;
	if (t != NULL)
		t->is_auto = true;
}

void terms_find(struct terms *all, const char *cmdline, size_t len, const char *active, bool (*has_tty)(const char *name))
{
	struct cmdline_iter it = cmdline_iter(cmdline, len);
	struct cmdline_arg a;

	all->n = 0;
	while (cmdline_next(&it, &a))
		if (a.key_len == 7 && memcmp(a.key, "console", 7) == 0) {
			const char *comma = memchr(a.value, ',', a.value_len);
			(void)add(all, a.value, comma != NULL ? (size_t)(comma - a.value) : a.value_len, has_tty);
		}
	for (const char *w = active; *w != '\0';) {
		size_t n = strcspn(w, " \n");
		(void)add(all, w, n, has_tty);
		w += n;
		w += strspn(w, " \n");
	}
	for (unsigned i = 0; cmdline_nth(cmdline, len, "autologin", i, &a); i++)
		add_autologin(all, &a, has_tty);
}
