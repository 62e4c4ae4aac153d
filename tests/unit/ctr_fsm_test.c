// SPDX-License-Identifier: Apache-2.0
/* The life of a container, cell by cell; restart policies and back-off. */
#include "tests/unit/test.h"

#include "lib/base/owned.h"
#include "userctr/ctr_fsm.h"
#include "userctr/names.h"

#include <stdio.h>
#include <string.h>

static const char *const phase_code[] = {"", "cr", "st", "ru", "pa", "sp", "bo", "ex", "rm", "de"};
static const char letters[] = "LSKFTBDVUXERZ"; /* in the order of enum ctr_act */
static const char refusals[] = ".=nrpuRxb_";   /* in the order of enum ctr_refusal */

/* One row per phase, one word per event: the next phase and the actions, or the reason of a refusal. Plain containers that
 * have run before, remove without force. */
static const char *const rows[] = {
	/*   START  UP    FAIL   EXIT    STOP   GRACE PAUSE UNPAUSE DUE  REMOVE GONE STUCK */
	"cr: st:L   _     _      _       =      _     n     u      _    rm:VR  _    _",
	"st: b      ru:VU ex:VX  _       b      _     n     u      _    b      _    _",
	"ru: =      _     _      ex:DVE  sp:S   _     pa:FV u      _    r      _    _",
	"pa: p      _     _      ex:DVE  sp:ST  _     p     ru:TV  _    p      _    _",
	"sp: =      _     _      ex:DVE  sp:S   sp:K  b     u      _    r      _    _",
	"bo: st:LD  _     _      _       ex:DV  _     R     u      st:L R      _    _",
	"ex: st:L   _     _      _       =      _     n     u      _    rm:VR  _    _",
	"rm: x      _     _      _       =      _     n     u      _    x      rm:Z de:V",
	"de: x      _     _      _       =      _     n     u      _    rm:R   _    _",
};

static void cell(enum ctr_phase p, enum ctr_event ev, const struct ctr_fsm_in *in, char out[32])
{
	struct ctr_fsm_out o = ctr_fsm_step(p, ev, in);
	char acts[16];
	size_t n = 0;

	if (o.refusal != REFUSE_NONE) {
		assert_int_equal(o.next, p);
		assert_int_equal(o.acts, 0);
		(void)snprintf(out, 32, "%c", refusals[o.refusal]);
		return;
	}
	for (unsigned i = 0; letters[i] != '\0'; i++)
		if ((o.acts & (1u << i)) != 0)
			acts[n++] = letters[i];
	acts[n] = '\0';
	(void)snprintf(out, 32, "%s:%s", phase_code[o.next], acts);
}

static void test_every_cell(void **state)
{
	const struct ctr_fsm_in in = {.has_run = true};

	(void)state;
	assert_int_equal(countof(rows), PHASE_LAST);
	for (unsigned p = 1; p <= PHASE_LAST; p++) {
		char line[256], *save = NULL;
		(void)snprintf(line, sizeof(line), "%s", rows[p - 1]);
		char *word = strtok_r(line, " ", &save);
		assert_memory_equal(word, phase_code[p], 2);
		for (unsigned ev = 1; ev <= CEV_LAST; ev++) {
			char got[32];
			word = strtok_r(NULL, " ", &save);
			assert_non_null(word);
			cell((enum ctr_phase)p, (enum ctr_event)ev, &in, got);
			if (strcmp(got, word) != 0)
				fail_msg("%s, event %u: '%s', not '%s'", phase_code[p], ev, got, word);
		}
	}
}

static void expect(enum ctr_phase p, enum ctr_event ev, struct ctr_fsm_in in, const char *want)
{
	char got[32];

	cell(p, ev, &in, got);
	assert_string_equal(got, want);
}

static void test_ends(void **state)
{
	(void)state;
	static const enum ctr_phase alive[] = {PHASE_RUNNING, PHASE_PAUSED, PHASE_STOPPING};
	for (size_t i = 0; i < countof(alive); i++) {
		expect(alive[i], CEV_EXIT, (struct ctr_fsm_in){.want_again = true, .auto_remove = true}, "st:LDVE");
		expect(alive[i], CEV_EXIT, (struct ctr_fsm_in){.want_restart = true}, "bo:BDVE");
		expect(alive[i], CEV_EXIT, (struct ctr_fsm_in){.auto_remove = true}, "rm:DVER");
	}
	expect(PHASE_STARTING, CEV_FAIL, (struct ctr_fsm_in){.has_run = false}, "cr:VX");
	expect(PHASE_STARTING, CEV_FAIL, (struct ctr_fsm_in){.auto_remove = true}, "rm:VXR");
	expect(PHASE_STARTING, CEV_FAIL, (struct ctr_fsm_in){.want_restart = true, .has_run = true}, "bo:BVX");
}

static void test_force(void **state)
{
	const struct ctr_fsm_in in = {.force = true};

	(void)state;
	expect(PHASE_RUNNING, CEV_REMOVE, in, "sp:K");
	expect(PHASE_PAUSED, CEV_REMOVE, in, "sp:KT");
	expect(PHASE_STOPPING, CEV_REMOVE, in, "sp:K");
	expect(PHASE_BACKOFF, CEV_REMOVE, in, "rm:DVR");
	expect(PHASE_STARTING, CEV_REMOVE, in, "b");
}

static void test_policies(void **state)
{
	(void)state;
	assert_false(ctr_restart_wanted("no", 0, 0, 1, false));
	assert_false(ctr_restart_wanted("", 0, 0, 1, false));
	assert_true(ctr_restart_wanted("always", 0, 9, 0, false));
	assert_false(ctr_restart_wanted("always", 0, 9, 0, true));
	assert_true(ctr_restart_wanted("unless-stopped", 0, 9, 0, false));
	assert_false(ctr_restart_wanted("on-failure", 0, 0, 0, false));
	assert_true(ctr_restart_wanted("on-failure", 0, 99, 1, false));
	assert_true(ctr_restart_wanted("on-failure", 2, 1, 1, false));
	assert_false(ctr_restart_wanted("on-failure", 2, 2, 1, false));
	assert_true(ctr_restart_at_boot("always", false, true));
	assert_false(ctr_restart_at_boot("always", false, false)); /* never started */
	assert_false(ctr_restart_at_boot("unless-stopped", true, true));
	assert_true(ctr_restart_at_boot("unless-stopped", true, false));
	assert_false(ctr_restart_at_boot("no", true, false));
}

static void test_backoff(void **state)
{
	int64_t ms = 0;

	(void)state;
	static const int64_t want[] = {100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000};
	for (size_t i = 0; i < countof(want); i++) {
		ms = ctr_backoff_ms(ms, 10);
		assert_int_equal(ms, want[i]);
	}
	assert_int_equal(ctr_backoff_ms(60000, 9999), 60000);
	assert_int_equal(ctr_backoff_ms(60000, 10000), 100);
}

static void test_names(void **state)
{
	char name[64];

	(void)state;
	static const char *const good[] = {"ab", "a.b", "0-9", "A_b"};
	static const char *const bad[] = {"", "a", "-bad", "a/b", ".x", "a b", "/web", "\xc3\xa4\xc3\xa4"};
	for (size_t i = 0; i < countof(good); i++)
		assert_true(name_is_valid(good[i]));
	for (size_t i = 0; i < countof(bad); i++)
		assert_false(name_is_valid(bad[i]));
	uint64_t r = 1;
	for (unsigned i = 0; i < 20000; i++) {
		r = r * 6364136223846793005u + 1442695040888963407u;
		name_make(r >> 3, i % 5, name, sizeof(name));
		assert_true(name_is_valid(name));
		assert_true(strlen(name) < 32);
		assert_non_null(strchr(name, '_'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cell), cmocka_unit_test(test_ends),	   cmocka_unit_test(test_force),
		cmocka_unit_test(test_policies),   cmocka_unit_test(test_backoff), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
