// SPDX-License-Identifier: Apache-2.0
/* The processes of a container, as ps(1) shows them. Nothing is executed: /proc is read. */
#include "userctr/api_container.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "userctr/ctr_cgroup.h"
#include "userctr/ctr_internal.h"
#include "userctr/daemon.h"
#include "userctr/req.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <time.h>

#define COLUMNS_MAX 32
#define PROCS_MAX   32768
#define TICKS	    100 /* USER_HZ of every Linux */

struct proc {
	int pid, ppid, tty;
	unsigned uid;
	char state, comm[64];
	uint64_t ticks, start_ticks, vsize, rss_kb;
	struct buf args;
	int64_t up_s; /* of the machine */
	int64_t mem_kb;
};

/* ---- columns ---- */

static void put_user(const struct proc *p, char *out, size_t n)
{
	if (p->uid == 0)
		(void)snprintf(out, n, "root"); /* all of these fit */
	else
		(void)snprintf(out, n, "%u", p->uid);
}

static void put_uid(const struct proc *p, char *out, size_t n)
{
	(void)snprintf(out, n, "%u", p->uid); /* all of these fit */
}

static void put_pid(const struct proc *p, char *out, size_t n)
{
	(void)snprintf(out, n, "%d", p->pid);
}

static void put_ppid(const struct proc *p, char *out, size_t n)
{
	(void)snprintf(out, n, "%d", p->ppid);
}

static int64_t age_s(const struct proc *p)
{
	int64_t s = p->up_s - (int64_t)(p->start_ticks / TICKS);

	return s > 0 ? s : 0;
}

/* per mille of one processor over its life */
static unsigned usage(const struct proc *p)
{
	int64_t age = age_s(p);

	return age == 0 ? 0 : (unsigned)(p->ticks * 1000 / TICKS / (uint64_t)age);
}

static void put_c(const struct proc *p, char *out, size_t n)
{
	(void)snprintf(out, n, "%u", usage(p) / 10);
}

static void put_cpu(const struct proc *p, char *out, size_t n)
{
	(void)snprintf(out, n, "%u.%u", usage(p) / 10, usage(p) % 10);
}

static void put_mem(const struct proc *p, char *out, size_t n)
{
	unsigned m = p->mem_kb > 0 ? (unsigned)(p->rss_kb * 1000 / (uint64_t)p->mem_kb) : 0;

	(void)snprintf(out, n, "%u.%u", m / 10, m % 10);
}

static void put_vsz(const struct proc *p, char *out, size_t n)
{
	(void)snprintf(out, n, "%llu", (unsigned long long)(p->vsize / 1024));
}

static void put_rss(const struct proc *p, char *out, size_t n)
{
	(void)snprintf(out, n, "%llu", (unsigned long long)p->rss_kb);
}

static void put_tty(const struct proc *p, char *out, size_t n)
{
	unsigned major_no = (unsigned)(p->tty >> 8) & 0xfff, minor_no = (unsigned)(p->tty & 0xff);

	if (p->tty == 0)
		(void)snprintf(out, n, "?");
	else if (major_no >= 136 && major_no <= 143)
		(void)snprintf(out, n, "pts/%u", minor_no + (major_no - 136) * 256);
	else
		(void)snprintf(out, n, "tty%u", minor_no);
}

static void put_stat(const struct proc *p, char *out, size_t n)
{
	(void)snprintf(out, n, "%c", p->state);
}

static void put_stime(const struct proc *p, char *out, size_t n)
{
	time_t at = (time_t)(clock_real_ns() / 1000000000 - age_s(p));
	struct tm tm;

	(void)gmtime_r(&at, &tm);
	out[0] = '\0';
	(void)strftime(out, n, age_s(p) < 86400 ? "%H:%M" : "%b%d", &tm); /* fits */
}

static void put_time(const struct proc *p, char *out, size_t n)
{
	unsigned long long s = p->ticks / TICKS;

	(void)snprintf(out, n, "%02llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
}

static void put_bsdtime(const struct proc *p, char *out, size_t n)
{
	unsigned long long s = p->ticks / TICKS;

	(void)snprintf(out, n, "%llu:%02llu", s / 60, s % 60);
}

static void put_etime(const struct proc *p, char *out, size_t n)
{
	long long s = age_s(p);

	if (s >= 86400)
		(void)snprintf(out, n, "%lld-%02lld:%02lld:%02lld", s / 86400, s / 3600 % 24, s / 60 % 60, s % 60);
	else if (s >= 3600)
		(void)snprintf(out, n, "%02lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
	else
		(void)snprintf(out, n, "%02lld:%02lld", s / 60, s % 60);
}

static void put_comm(const struct proc *p, char *out, size_t n)
{
	(void)snprintf(out, n, "%s", p->comm);
}

static void put_args(const struct proc *p, char *out, size_t n)
{
	if (p->args.len > 0)
		(void)snprintf(out, n, "%s", buf_str(&p->args)); /* may cut */
	else
		(void)snprintf(out, n, "[%s]", p->comm);
}

struct column {
	const char *name, *title;
	void (*put)(const struct proc *p, char *out, size_t n);
};

static const struct column columns[] = {
	{"uid", "UID", put_uid},	 {"user", "USER", put_user},   {"euser", "EUSER", put_user}, {"pid", "PID", put_pid},
	{"ppid", "PPID", put_ppid},	 {"c", "C", put_c},	       {"pcpu", "%CPU", put_cpu},    {"%cpu", "%CPU", put_cpu},
	{"pmem", "%MEM", put_mem},	 {"%mem", "%MEM", put_mem},    {"vsz", "VSZ", put_vsz},      {"rss", "RSS", put_rss},
	{"tty", "TT", put_tty},		 {"tname", "TTY", put_tty},    {"stat", "STAT", put_stat},   {"s", "S", put_stat},
	{"stime", "STIME", put_stime},	 {"start", "STARTED", put_stime}, {"time", "TIME", put_time}, {"etime", "ELAPSED", put_etime},
	{"comm", "COMMAND", put_comm},	 {"ucmd", "CMD", put_comm},    {"args", "COMMAND", put_args}, {"command", "COMMAND", put_args},
	{"cmd", "CMD", put_args},
};

static const struct column full[] = {{"", "UID", put_user},    {"", "PID", put_pid}, {"", "PPID", put_ppid},
				     {"", "C", put_c},	       {"", "STIME", put_stime}, {"", "TTY", put_tty},
				     {"", "TIME", put_time}, {"", "CMD", put_args}};
static const struct column bsd[] = {{"", "USER", put_user}, {"", "PID", put_pid},   {"", "%CPU", put_cpu}, {"", "%MEM", put_mem},
				    {"", "VSZ", put_vsz},   {"", "RSS", put_rss},   {"", "TTY", put_tty},  {"", "STAT", put_stat},
				    {"", "START", put_stime}, {"", "TIME", put_bsdtime}, {"", "COMMAND", put_args}};

/* "-o pid,comm", "o pid", "-eo pid -o args" */
static int parse_list(const char *p, struct column *out, size_t *n, struct err *e)
{
	while (*p != '\0') {
		size_t len = strcspn(p, ", ="), i = 0;
		while (i < countof(columns) &&
		       (strlen(columns[i].name) != len || strncmp(columns[i].name, p, len) != 0))
			i++;
		if (i == countof(columns) || *n == COLUMNS_MAX)
			return err_say(e, EINVAL, "ps: unknown user-defined format specifier \"%.*s\"", (int)len, p);
		out[(*n)++] = columns[i];
		p += len;
		if (*p == '=')
			p += strcspn(p, " ");
		p += strspn(p, ", ");
		if (*p == '-' || (*p == 'o' && p[1] == ' '))
			p += strcspn(p, " ") + strspn(p + strcspn(p, " "), " ");
	}
	return *n > 0 ? 0 : err_say(e, EINVAL, "ps: no columns");
}

static int parse_args(const char *args, struct column *out, size_t *n, struct err *e)
{
	const struct column *fixed = full;
	size_t n_fixed = countof(full);
	const char *o;

	*n = 0;
	if (args == NULL || args[0] == '\0')
		args = "-ef";
	o = strstr(args, "o ");
	if (o != NULL && (o == args || o[-1] == '-' || o[-1] == 'e' || o[-1] == 'a' || o[-1] == 'x'))
		return parse_list(o + 1 + strspn(o + 1, " "), out, n, e);
	if (args[0] != '-' && strspn(args, "aux") == strlen(args) && strchr(args, 'u') != NULL) {
		fixed = bsd;
		n_fixed = countof(bsd);
	} else if (strspn(args, "-aefAwx ") != strlen(args)) {
		return err_say(e, EINVAL, "ps: only -ef, aux and -o with a list of columns are supported, not '%s'", args);
	}
	memcpy(out, fixed, n_fixed * sizeof(*out));
	*n = n_fixed;
	return 0;
}

/* ---- /proc ---- */

static bool read_stat(int dir, struct proc *p)
{
	owned_buf struct buf b = BUF_INIT(4096);
	unsigned long long ut, st, start, vsize;
	long long rss;

	if (file_read(dir, "stat", &b, NULL) < 0)
		return false;
	const char *open_at = strchr(buf_str(&b), '('), *close_at = strrchr(buf_str(&b), ')');
	if (open_at == NULL || close_at == NULL)
		return false;
	(void)snprintf(p->comm, sizeof(p->comm), "%.*s", (int)(close_at - open_at - 1), open_at + 1); /* may cut */
	int n = sscanf(close_at + 2, "%c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu %llu %lld",
		       &p->state, &p->ppid, &p->tty, &ut, &st, &start, &vsize, &rss);
	p->ticks = ut + st;
	p->start_ticks = start;
	p->vsize = vsize;
	p->rss_kb = rss > 0 ? (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE) / 1024 : 0;
	return n == 8;
}

static bool read_proc(int pid, struct proc *p)
{
	char path[32];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d", pid); /* fits */
	owned_fd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0 || !read_stat(dir, p))
		return false;
	p->pid = pid;
	p->uid = st.st_uid;
	buf_clear(&p->args);
	owned_fd int fd = openat(dir, "cmdline", O_RDONLY | O_CLOEXEC);
	char *at = buf_reserve(&p->args, 4096);
	ssize_t n = fd < 0 || at == NULL ? 0 : read(fd, at, 4096);
	for (ssize_t i = 0; i + 1 < n; i++)
		if (at[i] == '\0')
			at[i] = ' ';
	if (n > 0) {
		at[n - 1] = '\0';
		p->args.len = strlen(at);
	}
	return true;
}

static void put_row(const struct proc *p, const struct column *cols, size_t n, struct json_writer *w)
{
	char text[4200];

	jw_arr(w);
	for (size_t i = 0; i < n; i++) {
		cols[i].put(p, text, sizeof(text));
		jw_str(w, text);
	}
	jw_end_arr(w);
}

void api_container_top(struct req *q)
{
	struct column cols[COLUMNS_MAX];
	struct buf b = BUF_INIT(16u << 20);
	struct ctr *c = api_ctr(q);
	struct proc p = {0};
	struct sysinfo si = {0};
	struct json_writer w;
	size_t n_cols = 0, n_pids = 0;
	int *pids = NULL;
	struct err e;

	if (c == NULL)
		return;
	if (c->pid == 0) {
		reply_error(q, 409, "container %s is not running", c->id);
		return;
	}
	if (parse_args(req_query(q, "ps_args"), cols, &n_cols, &e) < 0 || ctr_pids(c, &pids, &n_pids, &e) < 0) {
		reply_err(q, &e);
		return;
	}
	(void)sysinfo(&si); /* cannot fail */
	p.up_s = si.uptime;
	p.mem_kb = (int64_t)(si.totalram * si.mem_unit / 1024);
	buf_init(&p.args, 8192);
	jw_init(&w, &b);
	jw_obj(&w);
	jw_key(&w, "Processes");
	jw_arr(&w);
	for (size_t i = 0; i < n_pids; i++)
		if (read_proc(pids[i], &p)) /* else it has ended meanwhile */
			put_row(&p, cols, n_cols, &w);
	jw_end_arr(&w);
	jw_key(&w, "Titles");
	jw_arr(&w);
	for (size_t i = 0; i < n_cols; i++)
		jw_str(&w, cols[i].title);
	jw_end_arr(&w);
	jw_end_obj(&w);
	buf_release(&p.args);
	free(pids);
	ctr_event(c, "top", NULL, NULL);
	reply_json(q, 200, &b);
}
