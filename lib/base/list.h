/* lib/base/list.h - an intrusive doubly linked ring; the head is a node that belongs to no object. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name) { &(name), &(name) }

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline void list_add_tail(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Also right for a node that is in no list but was initialised; afterwards it is in none. */
static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = node->prev = node;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

#define list_for_each(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)

/* The body may remove `it`. */
#define list_for_each_safe(it, head)                                                               \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                 \
	     it = it##_next, it##_next = it->next)

#endif
