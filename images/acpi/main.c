// SPDX-License-Identifier: Apache-2.0
/* slipway-acpi: the machine's buttons. A power key that is pressed, on the case, on a keyboard or by a hypervisor, asks
 * PID 1 for what it says; nothing else of what is typed is looked at. */
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/owned.h"
#include "lib/codec/ctl.h"
#include "lib/loop/loop.h"
#include "lib/loop/service.h"
#include "lib/sys/unixsock.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

#define INPUTS_MAX 64
#define DIR_INPUT  "/dev/input"

static const struct {
	unsigned short code;
	enum ctl_power power;
	const char *name;
} keys[] = {
	{KEY_POWER, CTL_POWER_OFF, "power"},
	{KEY_POWER2, CTL_POWER_OFF, "power"},
	{KEY_RESTART, CTL_POWER_REBOOT, "restart"},
};

struct input {
	struct source s; /* fd owned until gone(); -1: a free place */
	char name[32];
};

struct buttons {
	struct loop loop;
	struct source signals, news;
	struct input inputs[INPUTS_MAX];
};

static void ask(enum ctl_power power)
{
	unsigned char frame[CTL_FRAME_MAX], payload = (unsigned char)power;
	const unsigned char *text;
	struct ctl_head h;
	struct err e;

	owned_fd int fd = unixsock_connect(CTL_SOCKET, SOCK_SEQPACKET, &e);
	if (fd < 0) {
		log_error("acpi", "%s", e.msg);
		return;
	}
	size_t n = ctl_frame(frame, CTL_POWER, 0, 0, &payload, 1);
	if (unixsock_send(fd, frame, n, NULL, 0, 0) < 0) {
		log_error("acpi", "ask PID 1: %s", strerror(errno));
		return;
	}
	ssize_t got = unixsock_recv(fd, frame, sizeof(frame), NULL, 0, NULL, 0);
	if (got <= 0 || ctl_parse_reply(frame, (size_t)got, CTL_POWER, &h, &text) < 0)
		log_error("acpi", "PID 1 does not answer");
	else if (h.code != 0)
		log_error("acpi", "PID 1 refuses: %.*s", (int)h.len, (const char *)text);
}

static void on_input(struct source *s, uint32_t events)
{
	struct input_event ev[16];

	(void)events;
	ssize_t n = read(s->fd, ev, sizeof(ev));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		loop_remove(s); /* pulled out */
		return;
	}
	for (size_t i = 0; i < (size_t)n / sizeof(ev[0]); i++)
		for (size_t k = 0; k < countof(keys); k++)
			if (ev[i].type == EV_KEY && ev[i].value == 1 && ev[i].code == keys[k].code) {
				log_info("acpi", "the %s button was pressed", keys[k].name);
				ask(keys[k].power);
			}
}

static void on_input_gone(struct source *s)
{
	close(s->fd);
	s->fd = -1;
}

static bool has_button(int fd)
{
	unsigned char bits[KEY_MAX / 8 + 1] = {0};

	if (ioctl(fd, EVIOCGBIT(EV_KEY, sizeof(bits)), bits) < 0)
		return false;
	for (size_t k = 0; k < countof(keys); k++)
		if ((bits[keys[k].code / 8] >> (keys[k].code % 8) & 1) != 0)
			return true;
	return false;
}

/* An input device, when it has one of the keys and is not watched yet. */
static void watch(struct buttons *b, const char *name)
{
	struct input *room = NULL;
	char path[64];
	struct err e;

	if (strncmp(name, "event", 5) != 0 || strlen(name) >= sizeof(room->name))
		return;
	for (size_t i = 0; i < INPUTS_MAX; i++) {
		if (b->inputs[i].s.fd < 0)
			room = &b->inputs[i];
		else if (strcmp(b->inputs[i].name, name) == 0)
			return;
	}
	(void)snprintf(path, sizeof(path), DIR_INPUT "/%s", name); /* fits */
	owned_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || !has_button(fd))
		return;
	if (room == NULL) {
		log_warn("acpi", "'%s' is not watched: there are %d already", path, INPUTS_MAX);
		return;
	}
	*room = (struct input){.s = {.fd = fd, .name = "input", .ready = on_input, .gone = on_input_gone}};
	strcpy(room->name, name);
	if (loop_add(&b->loop, &room->s, EPOLLIN, &e) < 0) {
		room->s.fd = -1;
		log_error("acpi", "%s", e.msg);
		return;
	}
	(void)take_fd(fd);
	log_info("acpi", "watching '%s'", path);
}

static void watch_all(struct buttons *b)
{
	DIR *d = opendir(DIR_INPUT);

	if (d == NULL)
		return; /* none yet */
	for (const struct dirent *it; (it = readdir(d)) != NULL;)
		watch(b, it->d_name);
	closedir(d);
}

/* A device came, or its permissions did. */
static void on_news(struct source *s, uint32_t events)
{
	_Alignas(struct inotify_event) char raw[4096];

	(void)events;
	while (read(s->fd, raw, sizeof(raw)) > 0)
		;
	watch_all(owner_of(s, struct buttons, news));
}

static int watch_news(struct buttons *b, struct err *e)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "watch for devices");
	/* the folder itself comes with the first device */
	if (inotify_add_watch(fd, DIR_INPUT, IN_CREATE | IN_ATTRIB) < 0 && inotify_add_watch(fd, "/dev", IN_CREATE) < 0)
		return err_set(e, errno, "watch '/dev'");
	b->news = (struct source){.fd = fd, .name = "devices", .ready = on_news};
	return loop_add(&b->loop, &b->news, EPOLLIN, e);
}

int main(int argc, char **argv)
{
	static struct buttons b;
	struct err e;

	(void)argv;
	if (argc != 1) {
		fprintf(stderr, "usage: slipway-acpi\n\nPower and restart keys of " DIR_INPUT " ask PID 1 to power off or reboot.\n");
		return 2;
	}
	for (size_t i = 0; i < INPUTS_MAX; i++)
		b.inputs[i].s.fd = -1;
	int r = loop_init(&b.loop, &e);
	if (r == 0)
		r = service_end_by_signal(&b.loop, &b.signals, &e);
	if (r == 0)
		r = watch_news(&b, &e);
	if (r == 0) {
		watch_all(&b);
		r = loop_run(&b.loop, &e);
	}
	if (r < 0)
		log_error("acpi", "%s", e.msg);
	return r < 0;
}
