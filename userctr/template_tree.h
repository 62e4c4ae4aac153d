/* userctr/template_tree.h - the parsed form of a template; between its parser and its evaluator. */
#ifndef USERCTR_TEMPLATE_TREE_H
#define USERCTR_TEMPLATE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TMPL_VARS 32

enum tmpl_operand {
	OP_DOT = 1,	/* ".", then fields */
	OP_VAR,		/* "$x", then fields */
	OP_STRING,
	OP_INT,
	OP_BOOL,
	OP_NIL,
	OP_PIPE,	/* "(...)", then fields */
	OP_FUNC,
};

struct tmpl_pipe;

struct tmpl_arg {
	enum tmpl_operand kind;
	size_t pos, end;    /* in the text: for messages */
	const char *text;   /* the name of a variable or function; a string */
	size_t text_len;
	int64_t num;
	const char **field; /* names, NUL-ended */
	size_t fields;
	struct tmpl_pipe *pipe;
	struct tmpl_arg *next;
};

struct tmpl_cmd {
	struct tmpl_arg *args;
	struct tmpl_cmd *next;
};

struct tmpl_pipe {
	const char *var[2]; /* declared or assigned; NULL */
	bool is_assign;
	struct tmpl_cmd *cmds;
};

enum tmpl_kind {
	NODE_TEXT = 1,
	NODE_ACTION,
	NODE_IF,
	NODE_RANGE,
	NODE_WITH,
	NODE_BREAK,
	NODE_CONTINUE,
};

struct tmpl_node {
	enum tmpl_kind kind;
	const char *text;
	size_t len;
	struct tmpl_pipe *pipe;
	struct tmpl_node *then, *other, *next;
};

struct tmpl {
	const char *text;
	size_t len;
	struct tmpl_node *nodes;
	struct arena *mem;
};

#endif
