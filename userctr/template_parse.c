// SPDX-License-Identifier: Apache-2.0
#include "userctr/template.h"
#include "userctr/template_tree.h"

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 64

struct parser {
	const char *text;
	size_t len, at;
	size_t end; /* of the action being read */
	struct arena *mem;
	struct err *e;
	unsigned depth;
	unsigned loops;
};

enum stop { STOP_EOF = 1, STOP_END, STOP_ELSE, STOP_ELSE_IF };

static int fail(struct parser *p, const char *what, const char *detail, size_t n)
{
	unsigned line = 1;

	for (size_t i = 0; i < p->at && i < p->len; i++)
		line += p->text[i] == '\n';
	return err_say(p->e, E_SPEC, "template: :%u: %s%.*s", line, what, (int)n, detail);
}

static int no_memory(struct parser *p)
{
	return err_set(p->e, ENOMEM, "template");
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static void skip_blanks(struct parser *p)
{
	while (p->at < p->end && isspace((unsigned char)p->text[p->at]))
		p->at++;
}

static char peek(const struct parser *p)
{
	return p->at < p->end ? p->text[p->at] : '\0';
}

static size_t word_len(const struct parser *p)
{
	size_t n = 0;

	while (p->at + n < p->end && is_word(p->text[p->at + n]))
		n++;
	return n;
}

static bool take_word(struct parser *p, const char *word)
{
	size_t n = word_len(p);

	if (n != strlen(word) || memcmp(p->text + p->at, word, n) != 0)
		return false;
	p->at += n;
	return true;
}

static int parse_pipe(struct parser *p, char closer, struct tmpl_pipe **ret);

/* A quoted string with Go's escapes, or a raw one between backquotes. */
static int parse_string(struct parser *p, struct tmpl_arg *a)
{
	char quote = p->text[p->at++];
	struct buf b = BUF_INIT(TMPL_TEXT_MAX);

	while (peek(p) != quote) {
		char c = peek(p);
		if (p->at >= p->end || (c == '\n' && quote == '"')) {
			buf_release(&b);
			return fail(p, quote == '"' ? "unterminated quoted string" : "unterminated raw quoted string", "", 0);
		}
		p->at++;
		if (c == '\\' && quote != '`' && p->at < p->end) {
			static const char from[] = "ntr\\\"'abfv", to[] = "\n\t\r\\\"'\a\b\f\v";
			char k = p->text[p->at++];
			const char *hit = strchr(from, k);
			if (k == 'x' && p->at + 1 < p->end && isxdigit((unsigned char)p->text[p->at]) &&
			    isxdigit((unsigned char)p->text[p->at + 1])) {
				char hex[3] = {p->text[p->at], p->text[p->at + 1], '\0'};
				c = (char)strtoul(hex, NULL, 16);
				p->at += 2;
			} else if (k == '\0' || hit == NULL) {
				buf_release(&b);
				return fail(p, "invalid syntax", "", 0);
			} else {
				c = to[hit - from];
			}
		}
		buf_putc(&b, c);
	}
	p->at++;
	a->kind = quote == '\'' ? OP_INT : OP_STRING;
	a->num = (unsigned char)buf_str(&b)[0];
	a->text = arena_copy(p->mem, buf_str(&b), b.len);
	a->text_len = b.len;
	buf_release(&b);
	return a->text != NULL ? 0 : no_memory(p);
}

static int parse_number(struct parser *p, struct tmpl_arg *a)
{
	char num[32];
	size_t n = 0;

	while (p->at + n < p->end && n + 1 < sizeof(num) && (is_word(p->text[p->at + n]) || strchr("+-.", p->text[p->at + n])))
		n++;
	memcpy(num, p->text + p->at, n);
	num[n] = '\0';
	char *end;
	errno = 0;
	a->kind = OP_INT;
	a->num = strtoll(num, &end, 0);
	if (*end != '\0' || end == num || errno != 0)
		return fail(p, "bad number syntax: ", num, n);
	p->at += n;
	return 0;
}

static int parse_fields(struct parser *p, struct tmpl_arg *a)
{
	while (peek(p) == '.' && p->at + 1 < p->end && is_word(p->text[p->at + 1])) {
		size_t from = p->at++;
		size_t n = word_len(p);
		if (a->field == NULL)
			a->field = arena_array(p->mem, FIELDS_MAX, sizeof(*a->field));
		if (a->fields == FIELDS_MAX)
			return fail(p, "too many fields", "", 0);
		if (a->fields == 1 && a->kind == OP_DOT)
			a->pos = from; /* where messages point */
		char *name = arena_copy(p->mem, p->text + p->at, n);
		if (a->field == NULL || name == NULL)
			return no_memory(p);
		a->field[a->fields++] = name;
		p->at += n;
	}
	return 0;
}

static int parse_operand(struct parser *p, struct tmpl_arg **ret)
{
	struct tmpl_arg *a = arena_alloc(p->mem, sizeof(*a));
	char c = peek(p);
	size_t start = p->at, n;
	int r = 0;

	if (a == NULL)
		return no_memory(p);
	a->pos = start;
	if (c == '"' || c == '`' || c == '\'') {
		r = parse_string(p, a);
	} else if (isdigit((unsigned char)c) || c == '-' || c == '+') {
		r = parse_number(p, a);
	} else if (c == '(') {
		p->at++;
		a->kind = OP_PIPE;
		r = parse_pipe(p, ')', &a->pipe);
		if (r == 0)
			r = parse_fields(p, a);
	} else if (c == '.') {
		a->kind = OP_DOT;
		r = parse_fields(p, a);
		if (r == 0 && a->fields == 0)
			p->at++;
	} else if (c == '$') {
		p->at++;
		n = word_len(p);
		a->kind = OP_VAR;
		a->text = arena_copy(p->mem, p->text + p->at - 1, n + 1);
		p->at += n;
		r = a->text != NULL ? parse_fields(p, a) : no_memory(p);
	} else if ((n = word_len(p)) > 0) {
		a->kind = OP_FUNC;
		a->text = arena_copy(p->mem, p->text + p->at, n);
		if (a->text == NULL)
			return no_memory(p);
		if (strcmp(a->text, "true") == 0 || strcmp(a->text, "false") == 0)
			a->kind = OP_BOOL, a->num = a->text[0] == 't';
		else if (strcmp(a->text, "nil") == 0)
			a->kind = OP_NIL;
		p->at += n;
	} else {
		return fail(p, "unexpected character in command: ", &p->text[p->at], p->at < p->end ? 1 : 0);
	}
	a->end = p->at;
	*ret = a;
	return r;
}

/* "$k, $v := " or "$v = " at the beginning of a pipe; leaves the place alone when there is none. */
static int parse_declaration(struct parser *p, struct tmpl_pipe *pipe)
{
	size_t start = p->at;
	int n = 0;

	while (n < 2 && peek(p) == '$') {
		size_t from = p->at++;
		p->at += word_len(p);
		pipe->var[n] = arena_copy(p->mem, p->text + from, p->at - from);
		if (pipe->var[n++] == NULL)
			return no_memory(p);
		skip_blanks(p);
		if (peek(p) != ',')
			break;
		p->at++;
		skip_blanks(p);
	}
	if (n > 0 && peek(p) == ':' && p->at + 1 < p->end && p->text[p->at + 1] == '=') {
		p->at += 2;
	} else if (n == 1 && peek(p) == '=') {
		p->at++;
		pipe->is_assign = true;
	} else {
		p->at = start;
		pipe->var[0] = pipe->var[1] = NULL;
	}
	skip_blanks(p);
	return 0;
}

static int parse_cmd(struct parser *p, char closer, struct tmpl_cmd *cmd)
{
	struct tmpl_arg **tail = &cmd->args;

	for (;;) {
		skip_blanks(p);
		char c = peek(p);
		if (c == '|' || c == '\0' || (closer != '\0' && c == closer))
			break;
		int r = parse_operand(p, tail);
		if (r < 0)
			return r;
		c = peek(p);
		if (c != '\0' && c != '|' && c != ')' && !isspace((unsigned char)c))
			return fail(p, "unexpected ", &p->text[p->at], 1);
		tail = &(*tail)->next;
	}
	if (cmd->args == NULL)
		return fail(p, "missing value for command", "", 0);
	/* the one method that rows have */
	bool is_method = cmd->args->kind == OP_DOT && cmd->args->fields > 0 &&
			 strcmp(cmd->args->field[cmd->args->fields - 1], "Label") == 0;
	if (cmd->args->next != NULL && cmd->args->kind != OP_FUNC && !is_method)
		return fail(p, "can't give argument to non-function ", p->text + cmd->args->pos,
			    cmd->args->end - cmd->args->pos);
	return 0;
}

static int parse_pipe(struct parser *p, char closer, struct tmpl_pipe **ret)
{
	struct tmpl_pipe *pipe = arena_alloc(p->mem, sizeof(*pipe));

	if (pipe == NULL)
		return no_memory(p);
	if (++p->depth > TMPL_DEPTH)
		return err_say(p->e, E_LIMIT, "template: nested too deep");
	skip_blanks(p);
	int r = closer == '\0' ? parse_declaration(p, pipe) : 0;
	struct tmpl_cmd **tail = &pipe->cmds;
	while (r == 0) {
		*tail = arena_alloc(p->mem, sizeof(**tail));
		if (*tail == NULL)
			return no_memory(p);
		r = parse_cmd(p, closer, *tail);
		if (r < 0)
			return r;
		tail = &(*tail)->next;
		if (peek(p) != '|')
			break;
		p->at++;
	}
	if (r == 0 && closer != '\0') {
		if (peek(p) != closer)
			return fail(p, "unclosed left paren", "", 0);
		p->at++;
	}
	p->depth--;
	*ret = pipe;
	return r;
}

/* Place p at the inside of the action that begins at p->at ("{{"), find its end. *ret_next is behind "}}". */
static int open_action(struct parser *p, size_t *ret_next, bool *ret_trim_right, bool *ret_comment)
{
	p->at += 2;
	if (p->at + 1 < p->len && p->text[p->at] == '-' && isspace((unsigned char)p->text[p->at + 1]))
		p->at += 2;
	size_t i = p->at;
	*ret_comment = i + 1 < p->len && p->text[i] == '/' && p->text[i + 1] == '*';
	for (char quote = '\0'; i + 1 < p->len; i++) {
		char c = p->text[i];
		if (*ret_comment) {
			if (c == '*' && p->text[i + 1] == '/')
				*ret_comment = false, i++;
			if (!*ret_comment && i + 2 < p->len) { /* only the end may follow */
				*ret_comment = true;
				i++;
				while (i < p->len && (isspace((unsigned char)p->text[i]) || p->text[i] == '-'))
					i++;
				if (i + 1 < p->len && p->text[i] == '}' && p->text[i + 1] == '}')
					break;
				return fail(p, "comment ends before closing delimiter", "", 0);
			}
			continue;
		}
		if (quote != '\0') {
			if (c == '\\' && quote != '`')
				i++;
			else if (c == quote)
				quote = '\0';
		} else if (c == '"' || c == '`' || c == '\'') {
			quote = c;
		} else if (c == '}' && p->text[i + 1] == '}') {
			break;
		}
	}
	if (i + 1 >= p->len)
		return fail(p, "unclosed action", "", 0);
	*ret_trim_right = i >= p->at + 2 && p->text[i - 1] == '-' && isspace((unsigned char)p->text[i - 2]);
	p->end = *ret_trim_right ? i - 1 : i;
	*ret_next = i + 2;
	return 0;
}

static int parse_list(struct parser *p, struct tmpl_node **ret, enum stop *ret_stop);

static int end_action(struct parser *p, size_t next, bool trim)
{
	skip_blanks(p);
	if (p->at < p->end)
		return fail(p, "unexpected ", p->text + p->at, 1);
	p->at = next;
	while (trim && p->at < p->len && isspace((unsigned char)p->text[p->at]))
		p->at++;
	return 0;
}

static int parse_block(struct parser *p, enum tmpl_kind kind, struct tmpl_node *n, size_t next, bool trim)
{
	enum stop stop;

	n->kind = kind;
	if (++p->depth > TMPL_DEPTH)
		return err_say(p->e, E_LIMIT, "template: nested too deep");
	int r = parse_pipe(p, '\0', &n->pipe);
	if (r == 0)
		r = end_action(p, next, trim);
	p->loops += kind == NODE_RANGE;
	if (r == 0)
		r = parse_list(p, &n->then, &stop);
	p->loops -= kind == NODE_RANGE;
	if (r == 0 && stop == STOP_ELSE_IF) { /* the inner one takes the end of both; parse_list left its node */
		n->other = arena_alloc(p->mem, sizeof(*n->other));
		size_t inner_next = 0;
		bool inner_trim = false, is_comment;
		if (n->other == NULL)
			return no_memory(p);
		r = open_action(p, &inner_next, &inner_trim, &is_comment);
		skip_blanks(p);
		(void)take_word(p, "else");
		skip_blanks(p);
		enum tmpl_kind inner = take_word(p, "if") ? NODE_IF : NODE_WITH;
		if (inner == NODE_WITH)
			(void)take_word(p, "with");
		r = r < 0 ? r : parse_block(p, inner, n->other, inner_next, inner_trim);
		p->depth--;
		return r;
	}
	if (r == 0 && stop == STOP_ELSE) {
		r = parse_list(p, &n->other, &stop);
		if (r == 0 && stop == STOP_ELSE)
			r = fail(p, "unexpected {{else}}", "", 0);
	}
	if (r == 0 && stop != STOP_END)
		r = fail(p, "unexpected EOF", "", 0);
	p->depth--;
	return r;
}

static int parse_keyword(struct parser *p, struct tmpl_node *n, size_t next, bool trim, enum stop *ret_stop, size_t start)
{
	if (take_word(p, "if"))
		return parse_block(p, NODE_IF, n, next, trim);
	if (take_word(p, "range"))
		return parse_block(p, NODE_RANGE, n, next, trim);
	if (take_word(p, "with"))
		return parse_block(p, NODE_WITH, n, next, trim);
	if (take_word(p, "end")) {
		*ret_stop = STOP_END;
		return end_action(p, next, trim);
	}
	if (take_word(p, "else")) {
		skip_blanks(p);
		size_t n2 = word_len(p);
		if ((n2 == 2 && memcmp(p->text + p->at, "if", 2) == 0) || (n2 == 4 && memcmp(p->text + p->at, "with", 4) == 0)) {
			*ret_stop = STOP_ELSE_IF;
			p->at = start;
			return 0;
		}
		*ret_stop = STOP_ELSE;
		return end_action(p, next, trim);
	}
	bool is_break = take_word(p, "break");
	if (is_break || take_word(p, "continue")) {
		n->kind = is_break ? NODE_BREAK : NODE_CONTINUE;
		return p->loops > 0 ? end_action(p, next, trim)
				    : fail(p, is_break ? "{{break}} outside {{range}}" : "{{continue}} outside {{range}}", "", 0);
	}
	n->kind = NODE_ACTION;
	int r = parse_pipe(p, '\0', &n->pipe);
	return r < 0 ? r : end_action(p, next, trim);
}

/* Text up to the next action; blanks before "{{- " go. */
static void take_text(struct parser *p, struct tmpl_node *n)
{
	const char *hit = memmem(p->text + p->at, p->len - p->at, "{{", 2);
	size_t stop = hit != NULL ? (size_t)(hit - p->text) : p->len, end = stop;

	if (hit != NULL && stop + 3 < p->len && hit[2] == '-' && isspace((unsigned char)hit[3]))
		while (end > p->at && isspace((unsigned char)p->text[end - 1]))
			end--;
	n->kind = NODE_TEXT;
	n->text = p->text + p->at;
	n->len = end - p->at;
	p->at = stop;
}

static int parse_list(struct parser *p, struct tmpl_node **ret, enum stop *ret_stop)
{
	struct tmpl_node **tail = ret;

	*ret_stop = STOP_EOF;
	while (p->at < p->len) {
		struct tmpl_node *n = arena_alloc(p->mem, sizeof(*n));
		if (n == NULL)
			return no_memory(p);
		if (p->len - p->at < 2 || memcmp(p->text + p->at, "{{", 2) != 0) {
			take_text(p, n);
		} else {
			size_t next = 0, start = p->at;
			bool trim = false, is_comment = false;
			int r = open_action(p, &next, &trim, &is_comment);
			if (r == 0 && is_comment) {
				p->at = p->end;
				r = end_action(p, next, trim);
				n->kind = NODE_TEXT;
			} else if (r == 0) {
				skip_blanks(p);
				r = parse_keyword(p, n, next, trim, ret_stop, start);
			}
			if (r < 0 || *ret_stop != STOP_EOF)
				return r;
		}
		*tail = n;
		tail = &n->next;
	}
	return 0;
}

int tmpl_parse(struct arena *mem, const char *text, size_t n, struct tmpl **ret, struct err *e)
{
	struct err own;
	struct parser p = {.len = n, .mem = mem, .e = e != NULL ? e : &own};
	struct tmpl *t = arena_alloc(mem, sizeof(*t));
	enum stop stop;

	if (n > TMPL_TEXT_MAX)
		return err_say(e, E_LIMIT, "template: longer than %d bytes", TMPL_TEXT_MAX);
	p.text = arena_copy(mem, text, n);
	if (t == NULL || p.text == NULL)
		return err_set(e, ENOMEM, "template");
	*t = (struct tmpl){.text = p.text, .len = n, .mem = mem};
	int r = parse_list(&p, &t->nodes, &stop);
	if (r == 0 && stop != STOP_EOF)
		r = fail(&p, stop == STOP_END ? "unexpected {{end}}" : "unexpected {{else}}", "", 0);
	if (r == 0)
		*ret = t;
	return r;
}
