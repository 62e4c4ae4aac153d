// SPDX-License-Identifier: Apache-2.0
/* Any service.yml: definitions that can be compiled to what PID 1 and the runtime accept, or sentences. */
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/codec/compose.h"
#include "lib/codec/oci_image.h"
#include "lib/codec/oci_spec.h"
#include "lib/codec/service_spec.h"
#include "lib/codec/svcdef.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_refused(void *ctx, const char *name, const struct err *why)
{
	(void)ctx;
	if (name == NULL || why->code <= 0 || why->msg[0] == '\0')
		abort();
}

static void compile(const struct compose_service *s, const struct oci_config *image)
{
	owned_buf struct buf b = BUF_INIT(1u << 20);
	struct oci_spec *spec = NULL;
	struct svcdef d;
	struct err e = {0};

	int r = service_spec_write(s, image, "/l", &b, &e);
	if (r < 0 && e.msg[0] == '\0')
		abort();
	if (r < 0 || service_record(s, image, "/b", &d, &e) < 0)
		return;
	/* what is written can be read: else the service would fail at boot instead of here */
	if (oci_spec_parse(buf_str(&b), b.len, &spec, &e) < 0)
		abort();
	oci_spec_free(spec);
	struct svcdef_header h = {.magic = SVCDEF_MAGIC, .record_size = sizeof(d), .count = 1,
				  .socket_size = sizeof(struct svcdef_socket), .socket_count = (uint32_t)s->socket_count};
	owned_buf struct buf table = BUF_INIT(1u << 16);
	buf_put(&table, &h, sizeof(h));
	buf_put(&table, &d, sizeof(d));
	buf_put(&table, s->sockets, s->socket_count * sizeof(*s->sockets));
	if (svcdef_check(table.data, table.len, &e) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] = "{\"config\":{\"Cmd\":[\"x\"],\"Env\":[\"A=1\"]},\"rootfs\":{\"type\":\"layers\"}}";
	struct compose_file *f = NULL;
	struct oci_config image;
	struct err e = {0};

	if (size > 16384)
		return 0;
	if (compose_parse((const char *)data, size, "f", on_refused, NULL, &f, &e) < 0) {
		if (e.code <= 0 || e.msg[0] == '\0')
			abort();
		return 0;
	}
	if (oci_config_parse(text, sizeof(text) - 1, "image", &image, &e) < 0)
		abort();
	for (size_t i = 0; i < f->count; i++)
		compile(&f->services[i], &image);
	oci_config_release(&image);
	compose_free(f);
	return 0;
}
