// SPDX-License-Identifier: Apache-2.0
/* The device rules of a cgroup as a BPF program (BPF_PROG_TYPE_CGROUP_DEVICE). The last matching rule decides; without
 * a match the answer is no. Rules are tested from the last to the first, so that the first match in the program wins. */
#include "sysctr/internal.h"

#include "lib/base/err.h"
#include "lib/base/owned.h"
#include "lib/codec/oci_spec.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include <linux/bpf.h>

#define INSNS_MAX 4096

struct prog {
	struct bpf_insn insn[INSNS_MAX];
	size_t n;
};

static void put(struct prog *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	if (p->n < INSNS_MAX)
		p->insn[p->n] = (struct bpf_insn){.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm};
	p->n++;
}

/* r2 = type, r3 = access, r4 = major, r5 = minor */
static void put_head(struct prog *p)
{
	put(p, BPF_LDX | BPF_MEM | BPF_W, 2, 1, offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	put(p, BPF_ALU | BPF_MOV | BPF_X, 3, 2, 0, 0);
	put(p, BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
	put(p, BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16);
	put(p, BPF_LDX | BPF_MEM | BPF_W, 4, 1, offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	put(p, BPF_LDX | BPF_MEM | BPF_W, 5, 1, offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
}

static void put_exit(struct prog *p, bool allow)
{
	put(p, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, allow);
	put(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Returns whether it matches everything: the verifier refuses what would come behind it as unreachable. */
static bool put_rule(struct prog *p, const struct oci_device_rule *d)
{
	int access = (d->can_read ? BPF_DEVCG_ACC_READ : 0) | (d->can_write ? BPF_DEVCG_ACC_WRITE : 0) |
		     (d->can_mknod ? BPF_DEVCG_ACC_MKNOD : 0);
	bool any_type = d->type == 'a', any_major = d->major == OCI_UNSET || any_type,
	     any_minor = d->minor == OCI_UNSET || any_type;
	bool any_access = access == 7;
	/* instructions between each test and the next rule */
	int left = (any_type ? 0 : 1) + (any_access ? 0 : 3) + (any_major ? 0 : 1) + (any_minor ? 0 : 1) + 2;

	if (!any_type)
		put(p, BPF_JMP | BPF_JNE | BPF_K, 2, 0, (int16_t)--left, d->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (!any_access) {
		/* allowed: every wanted bit is named; denied: some wanted bit is */
		put(p, BPF_ALU | BPF_MOV | BPF_X, 1, 3, 0, 0);
		put(p, BPF_ALU | BPF_AND | BPF_K, 1, 0, 0, d->allow ? ~access & 7 : access);
		left -= 3;
		put(p, BPF_JMP | (d->allow ? BPF_JNE : BPF_JEQ) | BPF_K, 1, 0, (int16_t)left, 0);
	}
	if (!any_major)
		put(p, BPF_JMP | BPF_JNE | BPF_K, 4, 0, (int16_t)--left, (int32_t)d->major);
	if (!any_minor)
		put(p, BPF_JMP | BPF_JNE | BPF_K, 5, 0, (int16_t)--left, (int32_t)d->minor);
	put_exit(p, d->allow);
	return any_type && any_access;
}

/* What every container may do whatever its rules say, as other runtimes have it: make nodes, and use those that the
 * runtime makes in /dev. Behind the configuration's rules, so tested before them. */
static const struct oci_device_rule always[] = {
	{.allow = true, .type = 'c', .major = OCI_UNSET, .minor = OCI_UNSET, .can_mknod = true},
	{.allow = true, .type = 'b', .major = OCI_UNSET, .minor = OCI_UNSET, .can_mknod = true},
	{true, 'c', 1, 3, true, true, true},		/* null */
	{true, 'c', 1, 5, true, true, true},		/* zero */
	{true, 'c', 1, 7, true, true, true},		/* full */
	{true, 'c', 1, 8, true, true, true},		/* random */
	{true, 'c', 1, 9, true, true, true},		/* urandom */
	{true, 'c', 5, 0, true, true, true},		/* tty */
	{true, 'c', 5, 2, true, true, true},		/* ptmx */
	{true, 'c', 136, OCI_UNSET, true, true, true},	/* pts */
};

/* Rules become tests up to the first that lets nothing pass to the next. */
static void put_rules(struct prog *p, const struct oci_resources *res)
{
	for (size_t i = countof(always); i-- > 0;)
		(void)put_rule(p, &always[i]); /* none matches everything */
	for (size_t i = res->device_count; i-- > 0;)
		if (put_rule(p, &res->devices[i]))
			return;
	put_exit(p, /* allow */ false);
}

static int load(const struct prog *p)
{
	union bpf_attr a = {0};

	a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	a.insns = (uint64_t)(uintptr_t)p->insn;
	a.insn_cnt = (uint32_t)p->n;
	a.license = (uint64_t)(uintptr_t) "Apache-2.0";
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	return fd < 0 ? -errno : fd;
}

int cgroup_allow_devices(int dir, const struct oci_resources *res, struct err *e)
{
	static struct prog p;
	union bpf_attr a = {0};

	/* no rules: whoever made the configuration trusts the device nodes it lists */
	if (res->device_count == 0)
		return 0;
	p.n = 0;
	put_head(&p);
	put_rules(&p, res);
	if (p.n > INSNS_MAX)
		return err_set(e, E_LIMIT, "linux.resources.devices: too many rules");
	owned_fd int fd = load(&p);
	if (fd < 0)
		return err_set(e, -fd, "load the device rules");
	a.target_fd = (uint32_t)dir;
	a.attach_bpf_fd = (uint32_t)fd;
	a.attach_type = BPF_CGROUP_DEVICE;
	a.attach_flags = BPF_F_ALLOW_MULTI;
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &a, sizeof(a)) < 0)
		return err_set(e, errno, "attach the device rules");
	return 0;
}
