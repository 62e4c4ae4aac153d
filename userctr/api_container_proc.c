// SPDX-License-Identifier: Apache-2.0
/* The processes of a container and what they use. */
#include "userctr/api_container.h"

#include "userctr/req.h"

void api_container_top(struct req *q)
{
	reply_error(q, 501, "top is not implemented yet");
}

void api_container_stats(struct req *q)
{
	reply_error(q, 501, "stats is not implemented yet");
}
