/* init/console.h - the terminals that people look at, and short lines for them. */
#ifndef INIT_CONSOLE_H
#define INIT_CONSOLE_H

struct pid1;

/* Collect the consoles: what the kernel writes to, and every console= of the command line. */
void console_find(struct pid1 *p);

/* Write "slipway: ..." to each console and to the kernel log. Never blocks, never fails. */
void say(struct pid1 *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Leave the consoles to us: kernel messages below "warning" go to the log only, unless debugging was asked for. */
void console_quiet_kernel(struct pid1 *p);

#endif
