/* lib/base/log.h - one line per decision: "level subsystem: sentence key=value".
 *
 * Lines go to one descriptor (standard error unless set), in one write each, formatted on the stack: logging never
 * allocates and never fails. Control characters in the sentence are escaped. Libraries log at debug only.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERROR = 1,
	LOG_LEVEL_WARN = 2,
	LOG_LEVEL_INFO = 3,
	LOG_LEVEL_DEBUG = 4,
};

enum log_form {
	LOG_FORM_TEXT = 1, /* "error userctr: ..." */
	LOG_FORM_KMSG = 2, /* "<3>userctr: ..." for /dev/kmsg */
	LOG_FORM_JSON = 3, /* {"level":"error","msg":"...","time":"..."}: runc's --log-format=json */
};

/* Where, how and how much. fd is borrowed for ever. Defaults: fd 2, text, info. */
void log_setup(int fd, enum log_form form, enum log_level level);
void log_set_level(enum log_level level);

void log_at(enum log_level level, const char *subsystem, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(sub, ...) log_at(LOG_LEVEL_ERROR, sub, __VA_ARGS__)
#define log_warn(sub, ...)  log_at(LOG_LEVEL_WARN, sub, __VA_ARGS__)
#define log_info(sub, ...)  log_at(LOG_LEVEL_INFO, sub, __VA_ARGS__)
#define log_debug(sub, ...) log_at(LOG_LEVEL_DEBUG, sub, __VA_ARGS__)

#endif
