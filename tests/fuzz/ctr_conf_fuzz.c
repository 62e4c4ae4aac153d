// SPDX-License-Identifier: Apache-2.0
/* Any create request: one that is accepted is a record that loads again, and a spec that the runtime's parser takes. */
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_spec.h"
#include "lib/image/store.h"
#include "userctr/ctr_conf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(struct buf *b, const struct json *v)
{
	struct json_writer w;

	jw_init(&w, b);
	jw_value(&w, v);
}

static void check_record(const struct ctr_conf *c)
{
	struct buf config = BUF_INIT(16 << 20), host = BUF_INIT(16 << 20);
	struct ctr_conf again;

	print(&config, c->config);
	print(&host, c->host);
	if (ctr_conf_load(config.data, config.len, host.data, host.len, &again, NULL) < 0)
		abort();
	ctr_conf_release(&again);
	buf_release(&config);
	buf_release(&host);
}

static void check_spec(const struct ctr_conf *c)
{
	static const char id[] = "60fc0b58141aada65e3fabd249f8f908aa2f81e9aba91cb67a9a788cb498b297";
	struct buf out = BUF_INIT(32 << 20);
	struct ctr_mount *m;
	size_t n;
	struct err e = {0};

	if (ctr_conf_mounts(c, &m, &n, &e) < 0)
		abort(); /* it was checked */
	for (size_t i = 0; i < n; i++)
		if (m[i].destination[0] != '/' || m[i].destination[1] == '\0' || strstr(m[i].destination, "/../") != NULL)
			abort();
	struct ctr_facts f = {.id = id, .cgroup = "/docker/x", .lower = "/l", .hosts_path = "/h", .mounts = m, .n_mounts = n,
			      .init_path = "/init"};
	if (ctr_spec_write(&out, c, &f, &e) == 0) {
		struct oci_spec *spec;
		/* what a request can hold and the runtime has bounds for, it refuses by name */
		if (oci_spec_parse(out.data, out.len, &spec, &e) == 0)
			oci_spec_free(spec);
		else if (e.code != E_SPEC && e.code != E_LIMIT)
			abort();
	}
	ctr_mounts_free(m, n);
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_doc *doc = NULL;
	struct ctr_conf c;
	struct err e = {0};

	if (json_parse((const char *)data, size, &doc, NULL) < 0)
		return 0;

	if (ctr_conf_make(json_root(doc), NULL, "60fc0b58141a", 50, &c, NULL, &e) < 0) {
		if (e.msg[0] == '\0')
			abort();
	} else {
		check_record(&c);
		check_spec(&c);
		(void)ctr_conf_update(&c, json_iget(json_root(doc), "HostConfig"), NULL);
		check_record(&c);
		ctr_conf_release(&c);
	}
	json_free(doc);
	return 0;
}
