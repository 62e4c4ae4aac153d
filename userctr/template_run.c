// SPDX-License-Identifier: Apache-2.0
#include "userctr/template.h"
#include "userctr/template_tree.h"
#include "userctr/template_value.h"

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/json.h"

#include <errno.h>
#include <string.h>

enum flow { FLOW_ON = 0, FLOW_BREAK = 1, FLOW_CONTINUE = 2 };

static int eval_pipe(struct tmpl_run *x, const struct tmpl_pipe *p, const struct val *dot, struct val *ret);

int tmpl_fail(struct tmpl_run *x, const struct tmpl_arg *at, const char *what, const char *name, const char *behind)
{
	size_t line = 1, col = at->pos, from = at->pos;

	for (size_t i = 0; i < at->pos; i++)
		if (x->t->text[i] == '\n')
			line++, col = at->pos - i - 1;
	if (at->kind == OP_DOT) /* a chain is shown from its first dot */
		while (from > 0 && strchr(" \t\n({|", x->t->text[from - 1]) == NULL)
			from--;
	return err_say(x->e, E_SPEC, "template: :%zu:%zu: executing \"\" at <%.*s>: %s%s%s", line, col, (int)(at->end - from),
		       x->t->text + from, what, name, behind);
}

static struct val *find_var(struct tmpl_run *x, const char *name)
{
	for (size_t i = x->vars; i-- > 0;)
		if (strcmp(x->var[i].name, name) == 0)
			return &x->var[i].value;
	return NULL;
}

static int missing(struct tmpl_run *x, const struct tmpl_arg *a, const char *name)
{
	if ((x->flags & (TMPL_STRICT | TMPL_HEAD)) != 0)
		return tmpl_fail(x, a, "can't evaluate field ", name, " in a row of this list");
	char quoted[128];
	(void)snprintf(quoted, sizeof(quoted), "\"%.120s\"", name);
	return tmpl_fail(x, a, "map has no entry for key ", quoted, "");
}

static int walk(struct tmpl_run *x, const struct tmpl_arg *a, struct val *v)
{
	for (size_t i = 0; i < a->fields; i++) {
		if (v->kind == VAL_MISSING)
			return missing(x, a, v->text);
		if (v->kind != VAL_JSON || json_type(v->json) != JSON_OBJ)
			return tmpl_fail(x, a, "can't evaluate field ", a->field[i], " in a value that has none");
		const struct json *j = json_get(v->json, a->field[i]);
		if (j == NULL) /* Go's names of fields differ from JSON's in case at times */
			j = json_iget(v->json, a->field[i]);
		*v = j != NULL ? val_json(j) : (struct val){.kind = VAL_MISSING, .text = a->field[i]};
	}
	return 0;
}

static int eval_cmd(struct tmpl_run *x, const struct tmpl_cmd *cmd, const struct val *dot, const struct val *piped,
		    struct val *ret);

static int eval_arg(struct tmpl_run *x, const struct tmpl_arg *a, const struct val *dot, struct val *ret)
{
	const struct val *v;
	int r = 0;

	switch (a->kind) {
	case OP_DOT: *ret = *dot; break;
	case OP_VAR:
		v = find_var(x, a->text);
		if (v == NULL)
			return tmpl_fail(x, a, "undefined variable ", a->text, "");
		*ret = *v;
		break;
	case OP_STRING: *ret = (struct val){.kind = VAL_STR, .text = a->text, .len = a->text_len}; break;
	case OP_INT: *ret = (struct val){.kind = VAL_INT, .num = a->num}; break;
	case OP_BOOL: *ret = (struct val){.kind = VAL_BOOL, .num = a->num}; break;
	case OP_NIL: *ret = (struct val){.kind = VAL_NIL}; break;
	case OP_PIPE: r = eval_pipe(x, a->pipe, dot, ret); break;
	case OP_FUNC: {
		const struct tmpl_cmd one = {.args = &(struct tmpl_arg){.kind = OP_FUNC, .text = a->text, .pos = a->pos, .end = a->end}};
		return eval_cmd(x, &one, dot, NULL, ret);
	}
	}
	return r < 0 ? r : walk(x, a, ret);
}

/* {{.Label "key"}}: the rows' "Labels" is "a=b,c=d". */
static int label_of(struct tmpl_run *x, const struct tmpl_arg *key, const struct val *dot, struct val *ret)
{
	struct val k;
	int r = eval_arg(x, key, dot, &k);

	if (r < 0)
		return r;
	*ret = (x->flags & TMPL_HEAD) != 0 ? k : (struct val){.kind = VAL_STR, .text = ""};
	if (k.kind != VAL_STR || dot->kind != VAL_JSON || (x->flags & TMPL_HEAD) != 0)
		return 0;
	const char *s = json_str_or(json_get(dot->json, "Labels"), "");
	while (*s != '\0') {
		size_t n = strcspn(s, ",");
		if (n > k.len && memcmp(s, k.text, k.len) == 0 && s[k.len] == '=')
			*ret = (struct val){.kind = VAL_STR, .text = s + k.len + 1, .len = n - k.len - 1};
		s += n + (s[n] == ',');
	}
	return 0;
}

static int eval_cmd(struct tmpl_run *x, const struct tmpl_cmd *cmd, const struct val *dot, const struct val *piped,
		    struct val *ret)
{
	struct val args[TMPL_ARGS];
	size_t n = 0;

	if (cmd->args->kind == OP_DOT && cmd->args->next != NULL)
		return label_of(x, cmd->args->next, dot, ret);
	if (cmd->args->kind != OP_FUNC) {
		if (piped != NULL)
			return tmpl_fail(x, cmd->args, "can't give argument to non-function", "", "");
		return eval_arg(x, cmd->args, dot, ret);
	}
	for (const struct tmpl_arg *a = cmd->args->next; a != NULL; a = a->next) {
		if (n == TMPL_ARGS - 1)
			return tmpl_fail(x, cmd->args, "too many arguments", "", "");
		int r = eval_arg(x, a, dot, &args[n++]);
		if (r < 0)
			return r;
	}
	if (piped != NULL)
		args[n++] = *piped;
	bool may_miss = strcmp(cmd->args->text, "and") == 0 || strcmp(cmd->args->text, "or") == 0 ||
			strcmp(cmd->args->text, "not") == 0;
	for (size_t i = 0; i < n && !may_miss; i++)
		if (args[i].kind == VAL_MISSING)
			return missing(x, cmd->args->next != NULL ? cmd->args->next : cmd->args, args[i].text);
	return tmpl_call(x, cmd->args, args, n, ret);
}

static int set_var(struct tmpl_run *x, const char *name, bool is_assign, const struct val *v)
{
	struct val *old = is_assign ? find_var(x, name) : NULL;

	if (old != NULL) {
		*old = *v;
		return 0;
	}
	if (x->vars == TMPL_VARS)
		return err_say(x->e, E_LIMIT, "template: more than %d variables", TMPL_VARS);
	x->var[x->vars].name = name;
	x->var[x->vars++].value = *v;
	return 0;
}

static int eval_pipe(struct tmpl_run *x, const struct tmpl_pipe *p, const struct val *dot, struct val *ret)
{
	struct val v = {.kind = VAL_NIL}, before;
	int r = 0;

	for (const struct tmpl_cmd *c = p->cmds; c != NULL && r == 0; c = c->next) {
		before = v;
		if (c != p->cmds && before.kind == VAL_MISSING)
			return missing(x, p->cmds->args, before.text);
		r = eval_cmd(x, c, dot, c != p->cmds ? &before : NULL, &v);
	}
	*ret = v;
	return r;
}

static int run_list(struct tmpl_run *x, const struct tmpl_node *n, const struct val *dot, enum flow *flow);

static int run_once(struct tmpl_run *x, const struct tmpl_node *n, const struct val *key, const struct val *item,
		    enum flow *flow)
{
	size_t vars = x->vars;
	int r = 0;

	if (n->pipe->var[0] != NULL)
		r = set_var(x, n->pipe->var[0], false, n->pipe->var[1] != NULL ? key : item);
	if (r == 0 && n->pipe->var[1] != NULL)
		r = set_var(x, n->pipe->var[1], false, item);
	if (r == 0)
		r = run_list(x, n->then, item, flow);
	x->vars = vars;
	if (*flow == FLOW_CONTINUE)
		*flow = FLOW_ON;
	return r;
}

static int run_range(struct tmpl_run *x, const struct tmpl_node *n, const struct val *v, const struct val *dot,
		     enum flow *flow)
{
	int64_t count = 0;
	int r = 0;

	if (v->kind == VAL_LIST || v->kind == VAL_INT) {
		int64_t max = v->kind == VAL_INT ? v->num : (int64_t)v->len;
		for (; r == 0 && count < max && *flow == FLOW_ON; count++) {
			struct val key = {.kind = VAL_INT, .num = count};
			struct val item = v->kind == VAL_INT ? key : v->items[count];
			r = run_once(x, n, &key, &item, flow);
		}
	} else if (v->kind == VAL_JSON) {
		struct json_pairs all;
		r = val_sorted(x, v->json, &all);
		for (size_t i = 0; r == 0 && i < all.n && *flow == FLOW_ON; i++, count++) {
			struct val key = all.key != NULL ? (struct val){.kind = VAL_STR, .text = all.key[i].s, .len = all.key[i].n}
							 : (struct val){.kind = VAL_INT, .num = (int64_t)i};
			struct val item = val_json(all.value[i]);
			r = run_once(x, n, &key, &item, flow);
		}
	}
	if (*flow == FLOW_BREAK)
		*flow = FLOW_ON;
	if (r == 0 && count == 0)
		r = run_list(x, n->other, dot, flow);
	return r;
}

static int run_node(struct tmpl_run *x, const struct tmpl_node *n, const struct val *dot, enum flow *flow)
{
	struct val v;
	int r;

	if (n->kind == NODE_TEXT) {
		buf_put(x->out, n->text, n->len);
		return 0;
	}
	if (n->kind == NODE_BREAK || n->kind == NODE_CONTINUE) {
		*flow = n->kind == NODE_BREAK ? FLOW_BREAK : FLOW_CONTINUE;
		return 0;
	}
	r = eval_pipe(x, n->pipe, dot, &v);
	if (r < 0)
		return r;
	size_t vars = x->vars;
	if (n->pipe->var[0] != NULL && n->kind != NODE_RANGE)
		r = set_var(x, n->pipe->var[0], n->pipe->is_assign, &v);
	if (r < 0)
		return r;
	if (n->kind == NODE_ACTION) {
		if (n->pipe->var[0] != NULL)
			return 0;
		if (v.kind == VAL_MISSING)
			return missing(x, n->pipe->cmds->args, v.text);
		return val_print(x, &v, x->out);
	}
	if (n->kind == NODE_RANGE)
		r = run_range(x, n, &v, dot, flow);
	else
		r = val_is_true(&v) ? run_list(x, n->then, n->kind == NODE_WITH ? &v : dot, flow)
				    : run_list(x, n->other, dot, flow);
	x->vars = vars;
	return r;
}

static int run_list(struct tmpl_run *x, const struct tmpl_node *n, const struct val *dot, enum flow *flow)
{
	size_t vars = x->vars;
	int r = 0;

	for (; n != NULL && r == 0 && *flow == FLOW_ON; n = n->next) {
		r = run_node(x, n, dot, flow);
		if (r == 0)
			r = buf_error(x->out); /* full: an endless loop of ranges ends here */
		if (++x->steps > TMPL_STEPS)
			r = err_say(x->e, E_LIMIT, "template: takes too long");
	}
	x->vars = vars;
	return r;
}

int tmpl_run(const struct tmpl *t, const struct json *root, unsigned flags, struct buf *out, struct err *e)
{
	struct err own;
	struct tmpl_run x = {.t = t, .flags = flags, .out = out, .e = e != NULL ? e : &own};
	struct val dot = val_json(root);
	enum flow flow = FLOW_ON;

	x.var[x.vars].name = "$";
	x.var[x.vars++].value = dot;
	int r = run_list(&x, t->nodes, &dot, &flow);
	if (r == -E_LIMIT || r == -ENOMEM)
		r = err_say(x.e, -r, "template: %s", r == -ENOMEM ? "no memory" : "too much output");
	return r;
}
