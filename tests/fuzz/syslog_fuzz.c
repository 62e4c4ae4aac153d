// SPDX-License-Identifier: Apache-2.0
/* Whatever comes is one line of printable UTF-8, and what is sent on is read back as what it was. */
#include "lib/base/buf.h"
#include "lib/codec/syslog.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_slice(const struct syslog_text *t, const uint8_t *data, size_t size)
{
	if (t->len > 0 && (t->p < (const char *)data || t->p + t->len > (const char *)data + size))
		abort();
}

static void check(const struct syslog_msg *m)
{
	struct buf b = BUF_INIT(1 << 20);
	struct syslog_msg again;

	syslog_write(&b, 0, "box", m);
	for (size_t i = 0; i + 1 < b.len; i++)
		if ((unsigned char)b.data[i] < 0x20 || b.data[i] == 0x7f)
			abort();
	if (b.data[b.len - 1] != '\n')
		abort();
	buf_clear(&b);
	syslog_write_5424(&b, 0, "box", m);
	syslog_parse(buf_str(&b), b.len, &again);
	if (again.facility != m->facility || again.severity != m->severity || again.host.len == 0)
		abort();
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct syslog_msg m;
	uint64_t seq, usec;

	syslog_parse((const char *)data, size, &m);
	check_slice(&m.host, data, size);
	check_slice(&m.tag, data, size);
	check_slice(&m.pid, data, size);
	check_slice(&m.text, data, size);
	check(&m);
	if (syslog_parse_kmsg((const char *)data, size, &m, &seq, &usec)) {
		check_slice(&m.text, data, size);
		if (m.facility < 24)
			check(&m);
	}
	return 0;
}
