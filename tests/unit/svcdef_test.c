// SPDX-License-Identifier: Apache-2.0
/* The checks that let PID 1 trust a service table and a control frame. */
#include "tests/unit/test.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/ctl.h"
#include "lib/codec/svcdef.h"

#include <errno.h>
#include <string.h>

struct table {
	struct svcdef_header h;
	struct svcdef d[2];
	struct svcdef_socket k[2];
};

static struct table good(void)
{
	struct table t = {.h = {.record_size = sizeof(struct svcdef), .count = 2,
				.socket_size = sizeof(struct svcdef_socket), .socket_count = 2}};

	memcpy(t.h.magic, SVCDEF_MAGIC, sizeof(t.h.magic));
	for (int i = 0; i < 2; i++)
		t.d[i] = (struct svcdef){
			.flags = SVCDEF_BOOT,
			.restart = SVCDEF_RESTART_ALWAYS,
			.ready = SVCDEF_READY_STARTED,
			.stop_signal = 15,
			.bundle = "/usr/lib/slipway/services/x",
		};
	strcpy(t.d[0].name, "first");
	strcpy(t.d[1].name, "second-1.x_Y");
	t.d[1].dep_count = 1;
	t.d[1].deps[0] = (struct svcdef_dep){.index = 0, .condition = SVCDEF_DEP_READY, .required = 1};
	t.d[0].flags |= SVCDEF_ON_DEMAND;
	t.d[0].socket_count = 2;
	t.k[0] = (struct svcdef_socket){.name = "api", .type = SVCDEF_SOCKET_STREAM, .family = SVCDEF_UNIX, .mode = 0660,
					.path = "/run/docker.sock"};
	t.k[1] = (struct svcdef_socket){.name = "tcp", .type = SVCDEF_SOCKET_STREAM, .family = SVCDEF_INET6, .port = 22};
	return t;
}

static void expect(const struct table *t, const char *why)
{
	struct err e = {0};
	int r = svcdef_check(t, sizeof(*t), &e);

	if (why == NULL) {
		assert_int_equal(r, 2);
		return;
	}
	assert_int_equal(r, -E_SPEC);
	if (strstr(e.msg, why) == NULL)
		print_error("'%s' does not tell of '%s'\n", e.msg, why);
	assert_non_null(strstr(e.msg, why));
}

#define BREAK(what, why)                                                                                              \
	do {                                                                                                          \
		struct table t = good();                                                                              \
		what;                                                                                                 \
		expect(&t, why);                                                                                      \
	} while (0)

static void test_good(void **state)
{
	(void)state;
	BREAK(, NULL);
	BREAK(t.d[0].grace_ms = 3600000, NULL);
	BREAK(t.d[0].shutdown_signal = 64, NULL);
	BREAK(memset(t.d[0].name, 'x', 31), NULL);
}

static void test_header(void **state)
{
	struct table whole = good();
	struct err e;

	(void)state;
	BREAK(t.h.magic[7] = '1', "does not begin");
	BREAK(t.h.record_size++, "records of 197 and 156 bytes");
	BREAK(t.h.count = 1025, "1025 services");
	BREAK(t.h.socket_size--, "records of 196 and 155 bytes");
	BREAK(t.h.socket_count = 129, "129 sockets");
	BREAK(t.h.count = 1, "has 728 bytes, not 532");
	BREAK(t.h.count = 3, "not 924");
	BREAK(t.h.socket_count = 1, "not 572");
	assert_int_equal(svcdef_check(&whole, sizeof(whole.h) - 1, &e), -E_SPEC);
	assert_int_equal(svcdef_check(&whole, sizeof(whole) - 1, &e), -E_SPEC);
	whole.h.count = whole.h.socket_count = 0;
	assert_int_equal(svcdef_check(&whole, sizeof(whole.h), &e), 0);
}

static void test_records(void **state)
{
	(void)state;
	BREAK(t.d[0].name[0] = '\0', "record 0: name");
	BREAK(memset(t.d[1].name, 'x', 32), "record 1: name");
	BREAK(strcpy(t.d[0].name, "../x"), "name");
	BREAK(strcpy(t.d[0].name, "a/b"), "name");
	BREAK(strcpy(t.d[0].name, "-a"), "name");
	BREAK(strcpy(t.d[0].name, "a b"), "name");
	BREAK(strcpy(t.d[1].name, "first"), "records 0 and 1");
	BREAK(t.d[0].bundle[0] = 'x', "'first': bundle");
	BREAK(memset(t.d[0].bundle, '/', 96), "bundle");
	BREAK(t.d[0].bundle[3] = '\n', "bundle");
	BREAK(t.d[0].flags = 1u << 31, "flags 0x80000000");
	BREAK(t.d[0].restart = 0, "restart policy 0");
	BREAK(t.d[0].restart = 4, "restart policy 4");
	BREAK(t.d[0].ready = 0, "readiness 0");
	BREAK(t.d[0].ready = 4, "readiness 4");
	BREAK(t.d[0].grace_ms = 3600001, "grace_ms");
	BREAK(t.d[0].start_timeout_ms = 86400001, "timeout");
	BREAK(t.d[0].restart_window_ms = 86400001, "timeout");
	BREAK(t.d[0].stop_signal = 0, "signal 0");
	BREAK(t.d[0].stop_signal = 65, "signal 65");
	BREAK(t.d[0].shutdown_signal = 65, "65");
}

static void test_dependencies(void **state)
{
	(void)state;
	BREAK(t.d[1].dep_count = 9, "dep_count 9");
	BREAK(t.d[1].deps[0].index = 1, "index 1 of 2");
	BREAK(t.d[1].deps[0].index = 2, "index 2 of 2");
	BREAK(t.d[1].deps[0].condition = 0, "condition 0");
	BREAK(t.d[1].deps[0].condition = 4, "condition 4");
	BREAK(t.d[1].deps[0].required = 2, "required 2");
	/* what is behind dep_count is not looked at */
	BREAK(t.d[1].deps[7].index = 999, NULL);
}

static void test_sockets(void **state)
{
	(void)state;
	BREAK(t.d[0].socket_count = 9, "sockets 0 to 9 of 2");
	BREAK(t.d[1].socket_first = 2, NULL); /* none */
	BREAK(t.d[1].socket_first = 3, "sockets 3 to 3 of 2");
	BREAK(t.d[0].socket_count = 0, "on demand, and no socket");
	BREAK(t.d[0].fdstore_max = 129, "stored descriptors");
	BREAK(t.d[0].watchdog_ms = 86400001, "timeout");
	BREAK(strcpy(t.k[0].name, "a:b"), "socket record 0");
	BREAK(memset(t.k[0].name, 'x', SVCDEF_SOCKET_NAME_MAX), "socket record 0");
	BREAK(t.k[0].type = 0, "'api': unknown type 0");
	BREAK(t.k[0].type = 4, "'api': unknown type 4");
	BREAK(t.k[0].family = 4, "'api': unknown family 4");
	BREAK(t.k[0].path[0] = 'x', "'api': no absolute path");
	BREAK(memset(t.k[0].path, '/', SVCDEF_SOCKET_PATH_MAX), "'api': no absolute path");
	BREAK(t.k[0].mode = 01777, "'api': no absolute path or no mode");
	BREAK(t.k[1].port = 0, "'tcp': port 0");
	BREAK(t.k[1].type = SVCDEF_SOCKET_SEQPACKET, "'tcp': port 22, type 3");
}

static int ask(enum ctl_tag tag, const char *payload, size_t n)
{
	unsigned char frame[CTL_FRAME_MAX];
	const unsigned char *p;
	size_t len;

	return ctl_parse_request(frame, ctl_frame(frame, tag, 0, 0, payload, n), &p, &len);
}

static void test_requests(void **state)
{
	(void)state;
	assert_int_equal(ask(CTL_LIST, NULL, 0), CTL_LIST);
	assert_int_equal(ask(CTL_LIST, "x", 1), -EPROTO);
	assert_int_equal(ask(CTL_TIMES, NULL, 0), CTL_TIMES);
	assert_int_equal(ask(CTL_VERSION, NULL, 0), CTL_VERSION);
	assert_int_equal(ask(CTL_START, "network", 7), CTL_START);
	assert_int_equal(ask(CTL_START, "", 0), -EPROTO);
	assert_int_equal(ask(CTL_STOP, "a/b", 3), -EPROTO);
	assert_int_equal(ask(CTL_STOP, "a\0b", 3), -EPROTO);
	assert_int_equal(ask(CTL_RESTART, "0123456789012345678901234567890", 31), CTL_RESTART);
	assert_int_equal(ask(CTL_RESTART, "01234567890123456789012345678901", 32), -EPROTO);
	assert_int_equal(ask(CTL_POWER, "\1", 1), CTL_POWER);
	assert_int_equal(ask(CTL_POWER, "\3", 1), CTL_POWER);
	assert_int_equal(ask(CTL_POWER, "\4", 1), -EPROTO);
	assert_int_equal(ask(CTL_POWER, "\0", 1), -EPROTO);
	assert_int_equal(ask(CTL_POWER, "\1\1", 2), -EPROTO);
	assert_int_equal(ask((enum ctl_tag)0, NULL, 0), -EPROTO);
	assert_int_equal(ask((enum ctl_tag)8, NULL, 0), -EPROTO);
}

static void test_malformed_frames(void **state)
{
	unsigned char frame[CTL_FRAME_MAX + 1], bad[sizeof(frame)];
	const unsigned char *p;
	size_t len, n = ctl_frame(frame, CTL_START, 0, 0, "abc", 3);

	(void)state;
	assert_int_equal(ctl_parse_request(frame, n, &p, &len), CTL_START);
	assert_int_equal(len, 3);
	assert_memory_equal(p, "abc", 3);
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(ctl_parse_request(frame, cut, &p, &len), -EPROTO);
	assert_int_equal(ctl_parse_request(frame, n + 1, &p, &len), -EPROTO);
	assert_int_equal(ctl_parse_request(frame, CTL_FRAME_MAX + 1, &p, &len), -EPROTO);
	static const size_t heads[] = {0, 1, 3, 4, 5, 6, 7}; /* every byte of the head but the tag */
	for (size_t i = 0; i < countof(heads); i++) {
		memcpy(bad, frame, n);
		bad[heads[i]] ^= 1;
		assert_int_equal(ctl_parse_request(bad, n, &p, &len), -EPROTO);
	}
}

static void test_replies(void **state)
{
	unsigned char frame[CTL_FRAME_MAX], big[CTL_FRAME_MAX] = {0};
	const unsigned char *p;
	struct ctl_head h;

	(void)state;
	size_t n = ctl_frame(frame, CTL_STOP, CTL_LAST, ENOENT, "why", 3);
	assert_int_equal(ctl_parse_reply(frame, n, CTL_STOP, &h, &p), 0);
	assert_int_equal(h.code, ENOENT);
	assert_int_equal(h.flags, CTL_LAST);
	assert_int_equal(h.len, 3);
	assert_memory_equal(p, "why", 3);
	assert_int_equal(ctl_parse_reply(frame, n, CTL_START, &h, &p), -EPROTO);
	assert_int_equal(ctl_parse_reply(frame, n - 1, CTL_STOP, &h, &p), -EPROTO);
	n = ctl_frame(frame, CTL_LIST, 0, 0, big, sizeof(big));
	assert_int_equal(n, CTL_FRAME_MAX);
	assert_int_equal(ctl_parse_reply(frame, n, CTL_LIST, &h, &p), 0);
	assert_int_equal(h.len, CTL_FRAME_MAX - sizeof(h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	     cmocka_unit_test(test_header),	   cmocka_unit_test(test_records),
		cmocka_unit_test(test_dependencies), cmocka_unit_test(test_requests),	   cmocka_unit_test(test_malformed_frames),
		cmocka_unit_test(test_replies),	     cmocka_unit_test(test_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
