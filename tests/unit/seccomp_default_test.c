// SPDX-License-Identifier: Apache-2.0
/* The default filter: what it decides per call and capability, and that the runtime's compiler takes it. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "lib/codec/oci_spec.h"
#include "lib/codec/seccomp_default.h"
#include "sysctr/internal.h"

#include <stdlib.h>
#include <string.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#define DOCKER_CAPS UINT64_C(0xa80425fb)
#define ALL_CAPS    UINT64_C(0x1ffffffffff)
#define CAP(n)	    (UINT64_C(1) << (n))

#define ALLOW  SECCOMP_RET_ALLOW
#define EPERM_ (SECCOMP_RET_ERRNO | 1)
#define NOSYS  (SECCOMP_RET_ERRNO | 38)

/* A classic BPF machine for what libseccomp makes. */
static uint32_t bpf_run(const struct sock_fprog *p, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < p->len; pc++) {
		const struct sock_filter *f = &p->filter[pc];
		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS: memcpy(&a, (const char *)d + f->k, 4); break;
		case BPF_ALU | BPF_AND | BPF_K: a &= f->k; break;
		case BPF_JMP | BPF_JA: pc += f->k; break;
		case BPF_JMP | BPF_JEQ | BPF_K: pc += a == f->k ? f->jt : f->jf; break;
		case BPF_JMP | BPF_JGT | BPF_K: pc += a > f->k ? f->jt : f->jf; break;
		case BPF_JMP | BPF_JGE | BPF_K: pc += a >= f->k ? f->jt : f->jf; break;
		case BPF_RET | BPF_K: return f->k;
		default: fail_msg("instruction %#x", f->code);
		}
	}
	fail_msg("the filter does not end");
	return 0;
}

static struct sock_fprog compile(uint64_t caps)
{
	struct buf b = BUF_INIT(65536);
	struct json_writer w;
	struct json_doc *doc;
	struct sock_fprog prog;
	unsigned flags;

	jw_init(&w, &b);
	seccomp_default_write(&w, caps);
	assert_int_equal(buf_error(&b), 0);
	assert_int_equal(json_parse(b.data, b.len, &doc, NULL), 0);
	struct oci_spec spec = {.seccomp = json_root(doc)};
	assert_int_equal(filter_compile(&spec, &prog, &flags, NULL), 0);
	json_free(doc);
	buf_release(&b);
	return prog;
}

static uint32_t decide(const struct sock_fprog *p, int nr, uint64_t arg)
{
	struct seccomp_data d = {.nr = nr, .arch = AUDIT_ARCH_X86_64, .args = {arg}};

	return bpf_run(p, &d);
}

static void test_default(void **state)
{
	(void)state;
	static const int allowed[] = {SYS_read, SYS_execve, SYS_chroot, SYS_ptrace, SYS_process_vm_readv, SYS_arch_prctl,
				      SYS_modify_ldt, SYS_fork, SYS_wait4, 462 /* mseal */, 452 /* fchmodat2 */, 451 /* cachestat */,
				      SYS_openat2, SYS_clock_adjtime, SYS_name_to_handle_at, SYS_setgroups};
	static const int refused[] = {SYS_mount, SYS_umount2, SYS_unshare, SYS_setns, SYS_bpf, SYS_reboot, SYS_init_module, SYS_acct,
				      SYS_kcmp, SYS_iopl, SYS_settimeofday, SYS_clock_settime, SYS_vhangup, SYS_mbind, SYS_syslog,
				      SYS_perf_event_open, SYS_open_by_handle_at, SYS_io_uring_setup, SYS_keyctl, SYS_add_key,
				      SYS_userfaultfd, SYS_kexec_load, SYS_pivot_root, SYS_swapon, SYS_quotactl, SYS_nfsservctl};
	struct sock_fprog p = compile(DOCKER_CAPS);

	for (size_t i = 0; i < countof(allowed); i++)
		if (decide(&p, allowed[i], 0) != ALLOW)
			fail_msg("call %d is refused", allowed[i]);
	for (size_t i = 0; i < countof(refused); i++)
		if (decide(&p, refused[i], 0) != EPERM_)
			fail_msg("call %d is allowed", refused[i]);
	free(p.filter);
}

static void test_arguments(void **state)
{
	(void)state;
	struct sock_fprog p = compile(DOCKER_CAPS);

	for (uint64_t f = 0; f < 64; f++)
		for (uint64_t high = 0; high < 2; high++)
			assert_int_equal(decide(&p, SYS_socket, high << 32 | f), f == 38 || f == 40 ? EPERM_ : ALLOW);
	for (uint64_t f = 64; f < 0x100000000; f = f * 2 + 40)
		assert_int_equal(decide(&p, SYS_socket, f), EPERM_);
	assert_int_equal(decide(&p, SYS_personality, 0), ALLOW);
	assert_int_equal(decide(&p, SYS_personality, 8), ALLOW);
	assert_int_equal(decide(&p, SYS_personality, 0x20000), ALLOW);
	assert_int_equal(decide(&p, SYS_personality, 0x20008), ALLOW);
	assert_int_equal(decide(&p, SYS_personality, 0xffffffff), ALLOW);
	assert_int_equal(decide(&p, SYS_personality, 0x40000), EPERM_);
	assert_int_equal(decide(&p, SYS_clone, 0x11), ALLOW);
	for (int bit = 0; bit < 32; bit++)
		assert_int_equal(decide(&p, SYS_clone, CAP(bit)), (0x7e020000u >> bit & 1) != 0 ? EPERM_ : ALLOW);
	assert_int_equal(decide(&p, SYS_clone3, 0), NOSYS);
	free(p.filter);
}

/* What each capability opens; nothing else does. */
static void test_capabilities(void **state)
{
	(void)state;
	static const struct {
		int cap, nr;
	} gates[] = {
		{2, SYS_open_by_handle_at}, {21, SYS_mount}, {21, SYS_setns}, {21, SYS_bpf}, {21, SYS_clone3}, {21, SYS_syslog},
		{21, SYS_perf_event_open}, {21, SYS_fanotify_init}, {21, SYS_quotactl}, {21, SYS_sethostname}, {22, SYS_reboot},
		{18, SYS_chroot}, {16, SYS_init_module}, {16, SYS_finit_module}, {20, SYS_acct}, {19, SYS_kcmp}, {19, SYS_pidfd_getfd},
		{17, SYS_iopl}, {17, SYS_ioperm}, {25, SYS_settimeofday}, {25, SYS_clock_settime}, {26, SYS_vhangup}, {23, SYS_mbind},
		{23, SYS_set_mempolicy}, {34, SYS_syslog}, {39, SYS_bpf}, {38, SYS_perf_event_open},
	};
	struct sock_fprog none = compile(0), all = compile(ALL_CAPS);

	for (size_t i = 0; i < countof(gates); i++) {
		struct sock_fprog p = compile(CAP(gates[i].cap));
		if (decide(&none, gates[i].nr, 0) == ALLOW || decide(&all, gates[i].nr, 0) != ALLOW ||
		    decide(&p, gates[i].nr, 0) != ALLOW)
			fail_msg("call %d under capability %d", gates[i].nr, gates[i].cap);
		free(p.filter);
	}
	assert_int_equal(decide(&all, SYS_clone, 0x7e020000), ALLOW);
	assert_int_equal(decide(&all, SYS_io_uring_setup, 0), EPERM_);
	assert_int_equal(decide(&all, SYS_kexec_load, 0), EPERM_);
	free(none.filter);
	free(all.filter);
}

/* How many calls of amd64 the default opens without looking at arguments: a slip in the long list shows. */
static void test_count(void **state)
{
	(void)state;
	struct sock_fprog p = compile(DOCKER_CAPS);
	int n = 0;

	for (int nr = 0; nr < 512; nr++)
		n += decide(&p, nr, UINT64_MAX) == ALLOW;
	assert_int_equal(n, 306);
	free(p.filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
