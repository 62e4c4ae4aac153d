// SPDX-License-Identifier: Apache-2.0
/* Frames of the control socket. A frame that passes ctl_parse_request() needs no further check of form. */
#include "lib/codec/ctl.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

static_assert(sizeof(struct ctl_head) == 8, "the head is a format");
static_assert(sizeof(struct ctl_head) + sizeof(struct ctl_svc) <= CTL_FRAME_MAX, "one service, one frame");
static_assert(sizeof(struct ctl_head) + sizeof(struct ctl_time) <= CTL_FRAME_MAX, "one time, one frame");

static bool payload_is_allowed(enum ctl_tag tag, const unsigned char *p, size_t len)
{
	switch (tag) {
	case CTL_LIST:
	case CTL_TIMES:
	case CTL_VERSION: return len == 0;
	case CTL_START:
	case CTL_STOP:
	case CTL_RESTART: return svcdef_name_is_valid((const char *)p, len);
	case CTL_POWER: return len == 1 && p[0] >= CTL_POWER_OFF && p[0] <= CTL_POWER_HALT;
	}
	return false; /* a tag that is none of ours */
}

int ctl_parse_request(const void *frame, size_t n, const unsigned char **ret_payload, size_t *ret_len)
{
	struct ctl_head h;

	if (n < sizeof(h) || n > CTL_FRAME_MAX)
		return -EPROTO;
	memcpy(&h, frame, sizeof(h));
	const unsigned char *p = (const unsigned char *)frame + sizeof(h);
	if (h.magic != CTL_MAGIC || h.flags != 0 || h.code != 0 || h.len != n - sizeof(h) ||
	    !payload_is_allowed(h.tag, p, h.len))
		return -EPROTO;
	*ret_payload = p;
	*ret_len = h.len;
	return h.tag;
}

int ctl_parse_reply(const void *frame, size_t n, enum ctl_tag tag, struct ctl_head *ret,
		    const unsigned char **ret_payload)
{
	struct ctl_head h;

	if (n < sizeof(h) || n > CTL_FRAME_MAX)
		return -EPROTO;
	memcpy(&h, frame, sizeof(h));
	if (h.magic != CTL_MAGIC || h.tag != tag || (h.flags & ~(unsigned)CTL_LAST) != 0 || h.len != n - sizeof(h))
		return -EPROTO;
	*ret = h;
	*ret_payload = (const unsigned char *)frame + sizeof(h);
	return 0;
}

size_t ctl_frame(void *buf, enum ctl_tag tag, unsigned flags, unsigned code, const void *payload, size_t len)
{
	if (len > CTL_FRAME_MAX - sizeof(struct ctl_head))
		len = CTL_FRAME_MAX - sizeof(struct ctl_head);
	struct ctl_head h = {
		.magic = CTL_MAGIC,
		.tag = (uint8_t)tag,
		.flags = (uint8_t)flags,
		.len = (uint16_t)len,
		.code = (uint16_t)code,
	};
	memcpy(buf, &h, sizeof(h));
	if (len > 0)
		memcpy((unsigned char *)buf + sizeof(h), payload, len);
	return sizeof(h) + len;
}
