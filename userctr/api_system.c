// SPDX-License-Identifier: Apache-2.0
/* What the daemon says of itself: ping, version, info, and the answers for what a single machine does not have. */
#include "userctr/api_info.h"
#include "userctr/daemon.h"
#include "userctr/req.h"
#include "userctr/route.h"

#include "lib/codec/json.h"

#include <string.h>
#include <sys/utsname.h>

#define NO_SWARM                                                                                              \
	"This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this " \
	"node to swarm and try again."

static void get_ping(struct req *q)
{
	reply_header(q, "Cache-Control", "no-cache, no-store, must-revalidate");
	reply_header(q, "Pragma", "no-cache");
	reply_header(q, "Swarm", "inactive");
	reply_text(q, 200, "text/plain; charset=utf-8", "OK");
}

static void head_ping(struct req *q)
{
	reply_header(q, "Cache-Control", "no-cache, no-store, must-revalidate");
	reply_header(q, "Pragma", "no-cache");
	reply_header(q, "Swarm", "inactive");
	reply_text(q, 200, "text/plain; charset=utf-8", "");
}

static void get_version(struct req *q)
{
	struct buf b = BUF_INIT(65536);
	struct utsname u = {0};
	struct json_writer w;

	(void)uname(&u); /* cannot fail with a valid pointer */
	jw_init(&w, &b);
	jw_obj(&w);
	jw_key(&w, "Platform");
	jw_obj(&w);
	jw_kstr(&w, "Name", "Slipway");
	jw_end_obj(&w);
	jw_key(&w, "Components");
	jw_arr(&w);
	jw_obj(&w);
	jw_kstr(&w, "Name", "Engine");
	jw_kstr(&w, "Version", SLIPWAY_VERSION);
	jw_key(&w, "Details");
	jw_obj(&w);
	jw_kstr(&w, "ApiVersion", "1.51");
	jw_kstr(&w, "Arch", "amd64");
	jw_kstr(&w, "Experimental", "false");
	jw_kstr(&w, "KernelVersion", u.release);
	jw_kstr(&w, "MinAPIVersion", "1.24");
	jw_kstr(&w, "Os", "linux");
	jw_end_obj(&w);
	jw_end_obj(&w);
	jw_end_arr(&w);
	jw_kstr(&w, "Version", SLIPWAY_VERSION);
	jw_kstr(&w, "ApiVersion", "1.51");
	jw_kstr(&w, "MinAPIVersion", "1.24");
	jw_kstr(&w, "GitCommit", "");
	jw_kstr(&w, "GoVersion", "");
	jw_kstr(&w, "Os", "linux");
	jw_kstr(&w, "Arch", "amd64");
	jw_kstr(&w, "KernelVersion", u.release);
	jw_end_obj(&w);
	reply_json(q, 200, &b);
}

static void no_swarm(struct req *q)
{
	reply_error(q, 503, "%s", NO_SWARM);
}

static void no_plugins(struct req *q)
{
	struct buf b = BUF_INIT(16);

	buf_puts(&b, "[]");
	reply_json(q, 200, &b);
}

static void prune_build(struct req *q)
{
	struct buf b = BUF_INIT(128);

	buf_puts(&b, "{\"CachesDeleted\":null,\"SpaceReclaimed\":0}");
	reply_json(q, 200, &b);
}

const struct route routes_system[] = {
	{"HEAD", "/_ping", head_ping, 0, 0, 0},
	{"GET", "/_ping", get_ping, 0, 0, 0},
	{"GET", "/version", get_version, 0, 0, 0},
	{"GET", "/info", api_info, 0, 0, 0},
	{"GET", "/system/df", api_df, 0, 25, 0},
	{"GET", "/swarm", no_swarm, 0, 0, 0},
	{"GET", "/services", no_swarm, 0, 0, 0},
	{"GET", "/nodes", no_swarm, 0, 0, 0},
	{"GET", "/tasks", no_swarm, 0, 0, 0},
	{"GET", "/secrets", no_swarm, 0, 0, 0},
	{"GET", "/configs", no_swarm, 0, 0, 0},
	{"GET", "/plugins", no_plugins, 0, 0, 0},
	{"POST", "/build/prune", prune_build, 0, 0, 0},
	{0},
};
