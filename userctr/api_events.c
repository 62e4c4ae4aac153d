// SPDX-License-Identifier: Apache-2.0
/* GET /events. */
#include "userctr/daemon.h"
#include "userctr/event.h"
#include "userctr/events.h"
#include "userctr/filters.h"
#include "userctr/req.h"
#include "userctr/route.h"

#include "lib/base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "1700000000" or "1700000000.123456789"; absent and "" are 0. */
static int read_time(struct req *q, const char *name, int64_t *ret_ns, struct err *e)
{
	const char *v = req_query(q, name);
	char digits[10] = "000000000";

	*ret_ns = 0;
	if (v == NULL || *v == '\0')
		return 0;
	size_t n = strspn(v, "0123456789"), m = v[n] == '.' ? strspn(v + n + 1, "0123456789") : 0;
	if (n == 0 || n > 10 || m > 9 || v[n + (v[n] == '.') + m] != '\0')
		return err_say(e, EINVAL, "strconv.ParseInt: parsing \"%.100s\": invalid syntax", v);
	memcpy(digits, v + n + 1, m);
	int64_t sec = strtoll(v, NULL, 10);
	if (sec > INT64_MAX / 1000000000 - 1)
		return err_say(e, EINVAL, "strconv.ParseInt: parsing \"%.100s\": value out of range", v);
	*ret_ns = sec * 1000000000 + strtoll(digits, NULL, 10);
	return 0;
}

static void get_events(struct req *q)
{
	struct filters f;
	struct err e;
	int64_t since, until;

	int r = read_time(q, "since", &since, &e);
	if (r == 0)
		r = read_time(q, "until", &until, &e);
	if (r == 0 && since > 0 && until > 0 && since > until)
		r = err_say(&e, EINVAL, "`since` time (%s) cannot be after `until` time (%s)", req_query(q, "since"),
			    req_query(q, "until"));
	if (r == 0)
		r = filters_parse(req_query(q, "filters"), EVENT_FILTERS, &f, &e);
	if (r < 0)
		reply_err(q, &e);
	else
		events_follow(q, since, until, &f);
}

const struct route routes_events[] = {
	{"GET", "/events", get_events, 0, 0, 0},
	{0},
};
