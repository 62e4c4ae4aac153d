// SPDX-License-Identifier: Apache-2.0
/* interleave N NAME=COMMAND...: run commands in turn N times each, so that load on the machine meets all of them alike, and print
 * per command: failures, least and median wall time, least and median CPU time of the whole waited tree, peak memory.
 * Words of a command are split at spaces; {i} becomes a number that is never the same twice. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 16
#define WORDS_MAX    64
#define WARM_UP	     3

struct command {
	char *name, *text;
	double *wall_ms, *cpu_ms;
	long peak_kb;
	int failed;
};

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* exists on every Linux */
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void words(const char *text, char *store, size_t size, char *argv[WORDS_MAX])
{
	static unsigned serial;
	size_t at = 0;
	int n = 0;

	serial++;
	while (*text != '\0' && at + 24 < size) {
		if (strncmp(text, "{i}", 3) == 0) {
			at += (size_t)snprintf(store + at, size - at, "%d-%u", getpid(), serial);
			text += 3;
		} else {
			store[at++] = *text++;
		}
	}
	store[at] = '\0';
	for (char *w = strtok(store, " "); w != NULL && n < WORDS_MAX - 1; w = strtok(NULL, " "))
		argv[n++] = w;
	argv[n] = NULL;
}

static void once(struct command *c, int round)
{
	char store[4096], *argv[WORDS_MAX];
	struct rusage ru;
	int status;

	words(c->text, store, sizeof(store), argv);
	double start = now_ms();
	pid_t pid = vfork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		for (int i = 0; i < 3; i++)
			(void)dup2(null, i);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &ru) < 0 || round < 0)
		return;
	c->wall_ms[round] = now_ms() - start;
	c->cpu_ms[round] = ms(ru.ru_utime) + ms(ru.ru_stime);
	c->peak_kb = ru.ru_maxrss > c->peak_kb ? ru.ru_maxrss : c->peak_kb;
	c->failed += status != 0;
}

int main(int argc, char **argv)
{
	struct command c[COMMANDS_MAX];
	int rounds = argc > 1 ? atoi(argv[1]) : 0, n = argc - 2;

	if (rounds <= 0 || n <= 0 || n > COMMANDS_MAX) {
		fprintf(stderr, "usage: interleave N NAME=COMMAND...\n");
		return 2;
	}
	for (int i = 0; i < n; i++) {
		char *eq = strchr(argv[i + 2], '=');
		if (eq == NULL)
			return 2;
		*eq = '\0';
		c[i] = (struct command){.name = argv[i + 2], .text = eq + 1};
		c[i].wall_ms = calloc((size_t)rounds, sizeof(double));
		c[i].cpu_ms = calloc((size_t)rounds, sizeof(double));
		if (c[i].wall_ms == NULL || c[i].cpu_ms == NULL)
			return 1;
	}
	for (int r = -WARM_UP; r < rounds; r++)
		for (int i = 0; i < n; i++)
			once(&c[i], r);
	printf("%-16s %6s %9s %9s %9s %9s %9s %7s\n", "name", "failed", "wall min", "wall p50", "cpu min", "cpu p50", "peak kB",
	       "ratio");
	for (int i = 0; i < n; i++) {
		qsort(c[i].wall_ms, (size_t)rounds, sizeof(double), by_value);
		qsort(c[i].cpu_ms, (size_t)rounds, sizeof(double), by_value);
		printf("%-16s %6d %9.3f %9.3f %9.3f %9.3f %9ld %7.2f\n", c[i].name, c[i].failed, c[i].wall_ms[0],
		       c[i].wall_ms[rounds / 2], c[i].cpu_ms[0], c[i].cpu_ms[rounds / 2], c[i].peak_kb,
		       c[i].cpu_ms[0] / c[n - 1].cpu_ms[0]);
	}
	return 0;
}
