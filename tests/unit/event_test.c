// SPDX-License-Identifier: Apache-2.0
/* Events: docker's form field by field, and what filters let through. */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/owned.h"
#include "lib/codec/json.h"
#include "userctr/event.h"
#include "userctr/filters.h"

#include <stdlib.h>
#include <string.h>

#define ID "0141acde845983a89c0a1defbf1fabc74b46540ec4a551384febce6dcba48bae"

static struct json_doc *parse(const char *text)
{
	struct json_doc *doc;

	assert_int_equal(json_parse(text, strlen(text), &doc, NULL), 0);
	return doc;
}

static void line_is(const char *type, const char *action, const char *id, const struct event_attr *attrs, size_t n,
		    const char *labels, const char *want)
{
	struct buf b = BUF_INIT(1 << 20);
	struct json_doc *doc = labels != NULL ? parse(labels) : NULL;

	event_print(&b, type, action, id, attrs, n, json_root(doc), 1795398041860956221);
	assert_string_equal(buf_str(&b), want);
	buf_release(&b);
	json_free(doc);
}

static void test_print(void **state)
{
	(void)state;
	const struct event_attr ctr[] = {{"name", "ev1"}, {"image", "bb:1"}, {"exitCode", "0"}};
	const struct event_attr net[] = {{"name", "bridge"}, {"type", "bridge"}, {"container", ID}};
	const struct event_attr img[] = {{"name", "evt:1"}};

	line_is("container", "die", ID, ctr, 3, "{\"zone\":\"a\",\"b\":\"\",\"name\":\"hidden\",\"n\":1}",
		"{\"status\":\"die\",\"id\":\"" ID "\",\"from\":\"bb:1\",\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"" ID
		"\",\"Attributes\":{\"b\":\"\",\"exitCode\":\"0\",\"image\":\"bb:1\",\"name\":\"ev1\",\"zone\":\"a\"}},\"scope\":\"local\","
		"\"time\":1795398041,\"timeNano\":1795398041860956221}\n");
	line_is("network", "connect", "ea43", net, 3, NULL,
		"{\"Type\":\"network\",\"Action\":\"connect\",\"Actor\":{\"ID\":\"ea43\",\"Attributes\":{\"container\":\"" ID
		"\",\"name\":\"bridge\",\"type\":\"bridge\"}},\"scope\":\"local\",\"time\":1795398041,\"timeNano\":1795398041860956221}\n");
	line_is("image", "tag", "sha256:c9", img, 1, NULL,
		"{\"status\":\"tag\",\"id\":\"sha256:c9\",\"Type\":\"image\",\"Action\":\"tag\",\"Actor\":{\"ID\":\"sha256:c9\","
		"\"Attributes\":{\"name\":\"evt:1\"}},\"scope\":\"local\",\"time\":1795398041,\"timeNano\":1795398041860956221}\n");
}

/* Labels without measure do not make a line without measure. */
static void test_bound(void **state)
{
	(void)state;
	const struct event_attr a[] = {{"image", "i"}};
	struct buf b = BUF_INIT(1 << 20);
	char *labels = malloc(200000);

	strcpy(labels, "{\"k\":\"");
	memset(labels + 6, 'x', 100000);
	strcpy(labels + 100006, "\"}");
	struct json_doc *doc = parse(labels);
	event_print(&b, "container", "start", ID, a, 1, json_root(doc), 1);
	assert_true(b.len > 0 && b.len < 1000);
	json_free(doc);
	free(labels);
	buf_release(&b);
}

static bool matches(const char *filters, const char *type, const char *action)
{
	const struct event_attr a[] = {{"name", "web"}, {"image", "127.0.0.1:5000/lib/bb:1"}};
	struct json_doc *labels = parse("{\"x\":\"1\",\"y\":\"2\"}");
	struct buf b = BUF_INIT(1 << 20);
	struct filters f;

	assert_int_equal(filters_parse(filters, EVENT_FILTERS, &f, NULL), 0);
	event_print(&b, type, action, ID, a, 2, json_root(labels), 1);
	struct json_doc *doc = parse(buf_str(&b));
	bool yes = event_matches(&f, json_root(doc));
	json_free(doc);
	json_free(labels);
	filters_release(&f);
	buf_release(&b);
	return yes;
}

static void test_filters(void **state)
{
	(void)state;
	static const struct {
		const char *filters, *type, *action;
		bool want;
	} cases[] = {
		{"", "container", "start", true},
		{"{\"event\":[\"start\",\"die\"]}", "container", "start", true},
		{"{\"event\":[\"star\"]}", "container", "start", false},
		{"{\"event\":[\"exec_create\"]}", "container", "exec_create: sh -c true", true},
		{"{\"event\":[\"exec_start\"]}", "container", "exec_create: sh -c true", false},
		{"{\"event\":[\"health_status\"]}", "container", "health_status: healthy", true},
		{"{\"event\":[\"health_status: unhealthy\"]}", "container", "health_status: healthy", false},
		{"{\"type\":[\"network\"]}", "container", "start", false},
		{"{\"type\":[\"network\",\"container\"]}", "container", "start", true},
		{"{\"container\":[\"web\"]}", "container", "start", true},
		{"{\"container\":[\"0141acde\"]}", "container", "start", true},
		{"{\"container\":[\"eb\"]}", "container", "start", false},
		{"{\"container\":{\"web\":true},\"event\":{\"die\":true}}", "container", "start", false},
		{"{\"image\":[\"127.0.0.1:5000/lib/bb:1\"]}", "container", "start", true},
		{"{\"image\":[\"127.0.0.1:5000/lib/bb\"]}", "container", "start", true},
		{"{\"image\":[\"127.0.0.1\"]}", "container", "start", false},
		{"{\"image\":[\"web\"]}", "image", "tag", true},
		{"{\"label\":[\"x\",\"y=2\"]}", "container", "start", true},
		{"{\"label\":[\"x\",\"y=3\"]}", "container", "start", false},
		{"{\"scope\":[\"swarm\"]}", "container", "start", false},
		{"{\"scope\":[\"local\"]}", "container", "start", true},
	};

	for (size_t i = 0; i < countof(cases); i++)
		if (matches(cases[i].filters, cases[i].type, cases[i].action) != cases[i].want)
			fail_msg("%s on %s %s", cases[i].filters, cases[i].type, cases[i].action);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
