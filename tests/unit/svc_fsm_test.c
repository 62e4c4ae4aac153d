// SPDX-License-Identifier: Apache-2.0
/* The life of a service, cell by cell, and what its policy makes of an end. */
#include "tests/unit/test.h"

#include "init/svc_fsm.h"
#include "lib/base/owned.h"
#include "lib/codec/svcdef.h"

#include <stdio.h>
#include <string.h>

/* In the order of enum svc_state. */
static const char *const state_code[] = {"",   "dn", "wt", "st", "ru", "rd", "do", "bo",
					 "sp", "fa", "sa", "cd", "cn", "cb", "cf", "ca"};

/* One row per state, one word per event: the next state, then the actions (L launch, S signal, K kill, P pause,
 * F forgive). Drawn like this in docs/boot.md. */
static const char *const rows[] = {
	/*   START STOP RESTART DEPS_MET LOST STARTED READY DONE RETRY FAIL GRACE EMPTY PAUSE */
	"dn: wtF  dn   wtF   dn   dn   dn   dn   dn   dn   dn   dn   dn   dn",
	"wt: wt   dn   wt    stL  fa   wt   wt   wt   wt   wt   wt   wt   wt",
	"st: st   cdK  caKF  st   st   ru   st   cnK  cbK  cfK  st   st   st",
	"ru: ru   spS  saSF  ru   ru   ru   rd   cnK  cbK  cfK  ru   ru   ru",
	"rd: rd   spS  saSF  rd   rd   rd   rd   cnK  cbK  cfK  rd   rd   rd",
	"do: wtF  dn   wtF   do   do   do   do   do   do   do   do   do   do",
	"bo: wtF  dn   wtF   bo   bo   bo   bo   bo   bo   bo   bo   bo   wt",
	"sp: saF  sp   saF   sp   sp   sp   sp   cdK  cdK  cdK  cdK  sp   sp",
	"fa: wtF  dn   wtF   fa   fa   fa   fa   fa   fa   fa   fa   fa   fa",
	"sa: saF  sp   saF   sa   sa   sa   sa   caK  caK  caK  caK  sa   sa",
	"cd: caF  cd   caF   cd   cd   cd   cd   cd   cd   cd   cd   dn   cd",
	"cn: caF  cd   caF   cn   cn   cn   cn   cn   cn   cn   cn   do   cn",
	"cb: caF  cd   caF   cb   cb   cb   cb   cb   cb   cb   cb   boP  cb",
	"cf: caF  cd   caF   cf   cf   cf   cf   cf   cf   cf   cf   fa   cf",
	"ca: caF  cd   caF   ca   ca   ca   ca   ca   ca   ca   ca   wt   ca",
};

static void cell(enum svc_state state, enum svc_event event, char out[16])
{
	struct svc_step s = svc_step(state, event);

	snprintf(out, 16, "%s%s%s%s%s%s", state_code[s.state], (s.actions & SVC_ACT_LAUNCH) != 0 ? "L" : "",
		 (s.actions & SVC_ACT_SIGNAL) != 0 ? "S" : "", (s.actions & SVC_ACT_KILL) != 0 ? "K" : "",
		 (s.actions & SVC_ACT_PAUSE) != 0 ? "P" : "", (s.actions & SVC_ACT_FORGIVE) != 0 ? "F" : "");
}

static void test_every_cell(void **state)
{
	unsigned cells = 0;

	(void)state;
	assert_int_equal(countof(rows), SVC_STATE_LAST);
	for (unsigned s = SVC_STATE_FIRST; s <= SVC_STATE_LAST; s++) {
		char row[128], *save = NULL;
		snprintf(row, sizeof(row), "%s", rows[s - 1]);
		char *word = strtok_r(row, " :", &save);
		assert_string_equal(word, state_code[s]);
		for (unsigned ev = SVC_EV_FIRST; ev <= SVC_EV_LAST; ev++) {
			char got[16];
			word = strtok_r(NULL, " ", &save);
			assert_non_null(word);
			cell(s, ev, got);
			if (strcmp(got, word) != 0)
				print_error("state %s event %u\n", state_code[s], ev);
			assert_string_equal(got, word);
			cells++;
		}
		assert_null(strtok_r(NULL, " ", &save));
	}
	assert_int_equal(cells, 15 * 13);
}

static void test_unknown_numbers_change_nothing(void **state)
{
	(void)state;
	assert_int_equal(svc_step(SVC_READY, (enum svc_event)99).state, SVC_READY);
	assert_int_equal(svc_step((enum svc_state)77, SVC_EV_START).state, 77);
	assert_int_equal(svc_step((enum svc_state)77, SVC_EV_START).actions, 0);
}

/* From every state a stop, however the instance answers, ends in DOWN with nothing left to do. */
static void test_stop_always_arrives(void **state)
{
	(void)state;
	for (unsigned s = SVC_STATE_FIRST; s <= SVC_STATE_LAST; s++) {
		enum svc_state now = svc_step(s, SVC_EV_STOP).state;
		if (now == SVC_STOPPING)
			now = svc_step(now, SVC_EV_GRACE_OVER).state;
		if (now != SVC_DOWN) {
			assert_int_equal(now, SVC_CLEAN_DOWN);
			now = svc_step(now, SVC_EV_EMPTY).state;
		}
		assert_int_equal(now, SVC_DOWN);
		assert_true(svc_is_settled(now));
	}
}

static enum svc_event judge(enum svcdef_restart restart, enum svcdef_ready ready, bool ok, bool was_ready, bool limit,
			    bool permanent)
{
	struct svcdef d = {.restart = (uint8_t)restart, .ready = (uint8_t)ready};
	struct svc_end end = {.is_success = ok, .was_ready = was_ready, .is_limit_hit = limit, .is_permanent = permanent};

	return svc_judge(&d, &end);
}

static void test_judge(void **state)
{
	enum { NO = SVCDEF_RESTART_NO, FAILURE = SVCDEF_RESTART_ON_FAILURE, ALWAYS = SVCDEF_RESTART_ALWAYS };
	enum { STARTED = SVCDEF_READY_STARTED, NOTIFY = SVCDEF_READY_NOTIFY, ONCE = SVCDEF_READY_EXIT };
	static const struct {
		unsigned char restart, ready, ok, was_ready, limit, permanent, want;
	} t[] = {
		/* a one-shot that did its work is done whatever the policy */
		{NO, ONCE, 1, 0, 0, 0, SVC_EV_DONE},
		{FAILURE, ONCE, 1, 0, 1, 0, SVC_EV_DONE},
		{ALWAYS, ONCE, 1, 0, 0, 0, SVC_EV_DONE},
		{NO, ONCE, 0, 0, 0, 0, SVC_EV_FAIL},
		{FAILURE, ONCE, 0, 0, 0, 0, SVC_EV_RETRY},
		/* a daemon that ends well has ended, unless it is to run for ever */
		{NO, STARTED, 1, 1, 0, 0, SVC_EV_DONE},
		{FAILURE, STARTED, 1, 1, 0, 0, SVC_EV_DONE},
		{ALWAYS, STARTED, 1, 1, 0, 0, SVC_EV_RETRY},
		{ALWAYS, STARTED, 0, 1, 0, 0, SVC_EV_RETRY},
		{FAILURE, STARTED, 0, 1, 0, 0, SVC_EV_RETRY},
		{NO, STARTED, 0, 1, 0, 0, SVC_EV_FAIL},
		/* one that never said it was ready has failed, even with status 0 */
		{FAILURE, NOTIFY, 1, 0, 0, 0, SVC_EV_RETRY},
		{NO, NOTIFY, 1, 0, 0, 0, SVC_EV_FAIL},
		{FAILURE, NOTIFY, 1, 1, 0, 0, SVC_EV_DONE},
		{ALWAYS, NOTIFY, 1, 1, 0, 0, SVC_EV_RETRY},
		/* limits */
		{ALWAYS, STARTED, 0, 1, 1, 0, SVC_EV_FAIL},
		{ALWAYS, STARTED, 1, 1, 1, 0, SVC_EV_FAIL},
		{ALWAYS, STARTED, 0, 0, 0, 1, SVC_EV_FAIL},
	};

	(void)state;
	for (size_t i = 0; i < countof(t); i++) {
		enum svc_event got = judge(t[i].restart, t[i].ready, t[i].ok, t[i].was_ready, t[i].limit, t[i].permanent);
		if (got != t[i].want)
			print_error("case %zu\n", i);
		assert_int_equal(got, t[i].want);
	}
}

static void test_states_told(void **state)
{
	(void)state;
	for (unsigned s = SVC_DOWN; s <= SVC_FAILED; s++)
		assert_int_equal(svc_state_told(s), s);
	for (unsigned s = SVC_STOP_AGAIN; s <= SVC_CLEAN_AGAIN; s++)
		assert_int_equal(svc_state_told(s), CTL_SVC_STOPPING);
	assert_string_equal(svc_state_name(SVC_READY), "ready");
	assert_string_equal(svc_state_name(SVC_CLEAN_DONE), "stopping");
	assert_string_equal(svc_state_name(SVC_BACKOFF), "backoff");
	for (unsigned s = SVC_STATE_FIRST; s <= SVC_STATE_LAST; s++)
		assert_int_equal(svc_is_settled(s), s == SVC_DOWN || s == SVC_DONE || s == SVC_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cell),	    cmocka_unit_test(test_unknown_numbers_change_nothing),
		cmocka_unit_test(test_stop_always_arrives), cmocka_unit_test(test_judge),
		cmocka_unit_test(test_states_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
