// SPDX-License-Identifier: Apache-2.0
/* Networks as docker knows them, with real namespaces and packets: start, stop, adopt after a restart, joining and leaving,
 * ports, names. The parts of the daemon beside them are stand-ins here. */
#include "tests/ns/world.h"

#include "lib/base/buf.h"
#include "lib/codec/dns.h"
#include "lib/codec/json.h"
#include "lib/sys/io.h"
#include "lib/sys/syscalls.h"
#include "userctr/ctr.h"
#include "userctr/daemon.h"
#include "userctr/events.h"
#include "userctr/nets.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* ---- stand-ins ---- */

static struct list all_ctrs = LIST_INIT(all_ctrs);
static char last_event[256];

void event_emit(struct daemon *d, const char *type, const char *action, const char *id, const struct event_attr *attrs,
		size_t n, const struct json *labels)
{
	(void)d, (void)id, (void)labels;
	snprintf(last_event, sizeof(last_event), "%s %s %s", type, action, n > 0 ? attrs[0].value : "");
}

struct list *ctrs_all(struct daemon *d)
{
	(void)d;
	return &all_ctrs;
}

int ctr_find(struct daemon *d, const char *name, struct ctr **ret, struct err *e)
{
	(void)d, (void)ret;
	return err_say(e, ENOENT, "No such container: %s", name);
}

int ctr_save(struct ctr *c, struct err *e)
{
	(void)c, (void)e;
	return 0;
}

/* ---- the daemon and its containers ---- */

struct box {
	struct ctr_conf conf;
	struct ctr_net *net;
	char id[ID_SIZE], name[32];
	pid_t pid;
	int pidfd, ns;
};

struct world {
	struct daemon d;
	char root[64];
	int outside, serve_out;
};

static void open_daemon(struct world *w)
{
	assert_ok(loop_init(&w->d.loop, E));
	assert_ok(nets_open(&w->d, E));
}

static void close_daemon(struct world *w)
{
	nets_close(&w->d);
	assert_ok(loop_once(&w->d.loop, 0, E)); /* buries */
	loop_release(&w->d.loop);
}

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void build(struct world *w)
{
	char path[80];

	memset(w, 0, sizeof(*w));
	strcpy(w->root, "/tmp/ctr_net_test.XXXXXX");
	assert_non_null(mkdtemp(w->root));
	strcpy(w->d.conf.root, w->root);
	assert_int_equal(ns_enter(), 0);
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	snprintf(path, sizeof(path), "%s/resolv.host", w->root);
	put_file(path, "nameserver 127.0.0.1\nsearch example.org\n");
	assert_int_equal(mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL), 0);
	link_up(HOST, "lo", NULL, NULL);
	w->outside = machine("wan0", "192.0.2.1/24", "192.0.2.2/24", "192.0.2.1");
	w->serve_out = serve(w->outside, SOCK_STREAM, 80);
	open_daemon(w);
	assert_ok(nets_apply(&w->d, E));
}

static void tear(struct world *w)
{
	close_daemon(w);
	close(w->outside);
	close(w->serve_out);
	assert_ok(umount("/etc/resolv.conf"));
	assert_ok(tree_remove(AT_FDCWD, w->root, E));
}

static struct json_doc *parse(const char *text)
{
	struct json_doc *doc = NULL;
	struct err e;

	if (json_parse(text, strlen(text), &doc, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return doc;
}

static struct network *make_net(struct world *w, const char *body)
{
	struct json_doc *doc = parse(body);
	struct network *n = NULL;

	assert_ok(nets_create(&w->d, json_root(doc), &n, E));
	json_free(doc);
	return n;
}

static void make_conf(struct box *b, const char *mode, const char *config, const char *host)
{
	b->conf = (struct ctr_conf){.config_doc = parse(config), .host_doc = parse(host), .network_mode = mode};
	b->conf.config = json_root(b->conf.config_doc);
	b->conf.host = json_root(b->conf.host_doc);
}

static void make_box(struct world *w, struct box *b, const char *name, const char *mode, const char *config, const char *host,
		     const char *networking)
{
	struct json_doc *doc = parse(networking);

	memset(b, 0, sizeof(*b));
	strcpy(b->name, name);
	id_make(b->id);
	make_conf(b, mode, config, host);
	assert_ok(ctr_net_make(&w->d, &b->conf, json_root(doc), 51, &b->net, E));
	json_free(doc);
}

/* A process in a network namespace of its own. */
static void spawn(struct box *b)
{
	int ready_pipe[2];
	char c;

	assert_int_equal(pipe2(ready_pipe, O_CLOEXEC), 0);
	b->pid = fork();
	assert_true(b->pid >= 0);
	if (b->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) < 0 || write(ready_pipe[1], "x", 1) != 1)
			_exit(1);
		(void)sys_close_range(3, ~0U, 0); /* the daemon's, which containers never have */
		for (;;)
			pause();
	}
	assert_int_equal(read(ready_pipe[0], &c, 1), 1);
	close(ready_pipe[0]);
	close(ready_pipe[1]);
	b->pidfd = sys_pidfd_open(b->pid, 0);
	assert_true(b->pidfd >= 0);
	b->ns = netns_of_pid(b->pid, NULL);
	assert_true(b->ns >= 0);
}

static void start(struct world *w, struct box *b)
{
	spawn(b);
	assert_ok(ctr_net_start(&w->d, b->net, b->id, b->name, b->pidfd, b->pid, E));
}

static void end_process(struct box *b)
{
	assert_int_equal(kill(b->pid, SIGKILL), 0);
	assert_int_equal(waitpid(b->pid, NULL, 0), b->pid);
	close(b->pidfd);
	close(b->ns);
}

static void stop(struct world *w, struct box *b)
{
	end_process(b);
	ctr_net_stop(&w->d, b->net, b->id);
}

static void drop(struct box *b)
{
	ctr_net_free(b->net);
	json_free(b->conf.config_doc);
	json_free(b->conf.host_doc);
}

static const char *ip_of(const struct box *b, size_t i, char out[IP_TEXT_MAX])
{
	return ip_text(&b->net->eps[i]->at.ip, out);
}

/* ---- networks ---- */

static void refused(struct world *w, const char *body, int code, const char *why)
{
	struct json_doc *doc = parse(body);
	struct network *n;
	struct err e;

	int r = nets_create(&w->d, json_root(doc), &n, &e);
	if (r != -code)
		fail_msg("%s: %d %s", body, r, r < 0 ? e.msg : "made");
	assert_string_equal(e.msg, why);
	json_free(doc);
}

static void test_networks(void **state)
{
	struct world w;
	struct network *n, *m;
	struct err e;
	char id[ID_SIZE], def[ID_SIZE];

	(void)state;
	build(&w);
	assert_int_equal(w.d.nets->count, 3);
	strcpy(def, w.d.nets->predefined[0]->drv.id);
	n = make_net(&w, "{\"Name\":\"auto\",\"Labels\":{\"a\":\"b\"}}");
	assert_string_equal(last_event, "network create auto");
	strcpy(id, n->drv.id);
	make_net(&w, "{\"Name\":\"fixed\",\"Driver\":\"bridge\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.99.0.0/24\","
		     "\"IPRange\":\"10.99.0.128/25\",\"Gateway\":\"10.99.0.9\",\"AuxiliaryAddresses\":{\"x\":\"10.99.0.128\"}}]},"
		     "\"Options\":{\"com.docker.network.bridge.name\":\"br-mine\",\"com.docker.network.driver.mtu\":\"1400\"}}");
	refused(&w, "{\"Name\":\"auto\"}", EEXIST, "network with name auto already exists");
	refused(&w, "{\"Name\":\"bridge\"}", EACCES, "operation is not permitted on predefined bridge network ");
	refused(&w, "{\"Name\":\"\"}", EINVAL, "invalid name: name is empty");
	refused(&w, "{\"Name\":\"x\",\"Driver\":\"nodrv\"}", ENOENT, "plugin \"nodrv\" not found");
	refused(&w, "{\"Name\":\"x\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.99.0.128/25\"}]}}", EACCES,
		"invalid pool request: Pool overlaps with other one on this address space");
	refused(&w, "{\"Name\":\"x\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.98.0.1/24\"}]}}", EINVAL,
		"invalid network config:\ninvalid subnet 10.98.0.1/24: it should be 10.98.0.0/24");
	refused(&w, "{\"Name\":\"x\",\"EnableIPv6\":true}", EINVAL,
		"EnableIPv6: networks of IP version 6 are not supported");
	refused(&w, "{\"Name\":\"x\",\"Options\":{\"com.docker.network.bridge.name\":\"lo\"}}", EACCES,
		"network 'x': link 'lo' is not a bridge: File exists");
	assert_int_equal(w.d.nets->count, 5);

	/* a daemon that comes again knows them all */
	close_daemon(&w);
	open_daemon(&w);
	assert_ok(nets_apply(&w.d, E));
	assert_int_equal(w.d.nets->count, 5);
	assert_string_equal(w.d.nets->predefined[0]->drv.id, def);
	assert_ok(nets_find(&w.d, "auto", &n, E));
	assert_string_equal(n->drv.id, id);
	id[12] = '\0';
	assert_ok(nets_find(&w.d, id, &m, E));
	assert_ptr_equal(n, m);
	assert_int_equal(nets_find(&w.d, "nosuch", &m, &e), -ENOENT);
	assert_string_equal(e.msg, "network nosuch not found");
	assert_int_equal(nets_remove(&w.d, w.d.nets->predefined[1], &e), -EACCES);
	assert_string_equal(e.msg, "host is a pre-defined network and cannot be removed");
	assert_ok(nets_remove(&w.d, n, E));
	assert_string_equal(last_event, "network destroy auto");

	/* one bad record is left out; a bad file is put aside */
	char path[100], bad[110];
	snprintf(path, sizeof(path), "%s/networks.json", w.root);
	snprintf(bad, sizeof(bad), "%s.bad", path);
	close_daemon(&w);
	put_file(path, "{\"version\":1,\"networks\":[{\"Name\":\"x\"},{\"Name\":\"none\",\"Id\":\"00\",\"Created\":\"c\","
		       "\"Driver\":\"null\",\"Predefined\":true}]}");
	open_daemon(&w);
	assert_int_equal(w.d.nets->count, 3);
	assert_string_equal(w.d.nets->predefined[2]->drv.id, "00");
	close_daemon(&w);
	put_file(path, "{\"version\":1,\"netwo");
	open_daemon(&w);
	assert_int_equal(w.d.nets->count, 3);
	assert_int_equal(access(bad, F_OK), 0);
	tear(&w);
}

/* ---- a container's life ---- */

static void assert_text(const char *got, const char *part)
{
	if (strstr(got, part) == NULL)
		fail_msg("'%s' is not in:\n%s", part, got);
}

#define WEB "{\"Hostname\":\"web\",\"ExposedPorts\":{\"80/tcp\":{},\"81/tcp\":{}}}"
#define PORTS "{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]},\"ExtraHosts\":[\"up:host-gateway\"]}"

static void test_default_bridge(void **state)
{
	struct world w;
	struct box b;
	struct buf out = BUF_INIT(65536);
	struct json_writer jw;

	(void)state;
	build(&w);
	make_box(&w, &b, "web", "bridge", WEB, PORTS, "{}");
	jw_init(&jw, &out);
	ctr_net_print(b.net, &jw, false);
	assert_text(buf_str(&out), "\"Ports\":{}");
	assert_text(buf_str(&out), w.d.nets->predefined[0]->drv.id);
	start(&w, &b);
	assert_string_equal(last_event, "network connect bridge");
	int server = serve(b.ns, SOCK_STREAM, 80);
	assert_reaches(w.outside, "192.0.2.1", 8080, server, "192.0.2.2");
	assert_reaches(HOST, "127.0.0.1", 8080, server, NULL);

	buf_clear(&out);
	ctr_net_hosts(&w.d, b.net, &b.conf, &out);
	assert_text(buf_str(&out), "127.0.0.1\tlocalhost\n");
	assert_text(buf_str(&out), "172.17.0.1\tup\n");
	assert_text(buf_str(&out), "172.17.0.2\tweb\n");
	buf_clear(&out);
	ctr_net_resolv(&w.d, b.net, &b.conf, &out);
	assert_text(buf_str(&out), "nameserver 8.8.8.8\n"); /* the host's is a loopback one */
	assert_text(buf_str(&out), "search example.org\n");
	buf_clear(&out);
	jw_init(&jw, &out);
	ctr_net_print(b.net, &jw, true);
	assert_text(buf_str(&out), "\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"8080\"}],\"81/tcp\":null");
	assert_text(buf_str(&out), "\"IPAddress\":\"172.17.0.2\",\"IPPrefixLen\":16");

	/* restart of the daemon: the record is all that is left */
	buf_clear(&out);
	jw_init(&jw, &out);
	ctr_net_save(b.net, &jw);
	ctr_net_free(b.net);
	close_daemon(&w);
	open_daemon(&w);
	struct json_doc *saved = parse(buf_str(&out));
	assert_ok(ctr_net_load(&w.d, &b.conf, json_root(saved), &b.net, E));
	json_free(saved);
	assert_ok(ctr_net_adopt(&w.d, b.net, b.id, b.name, b.pidfd, b.pid, E));
	assert_ok(nets_apply(&w.d, E));
	assert_reaches(w.outside, "192.0.2.1", 8080, server, "192.0.2.2");

	struct box c;
	struct err e;
	make_box(&w, &c, "late", "bridge", WEB, PORTS, "{}");
	spawn(&c);
	assert_int_equal(ctr_net_start(&w.d, c.net, c.id, c.name, c.pidfd, c.pid, &e), -EADDRINUSE);
	assert_text(e.msg, "failed to set up container networking: driver failed programming external connectivity on endpoint late");
	assert_text(e.msg, "Bind for 0.0.0.0:8080 failed: port is already allocated");
	assert_false(c.net->is_started);
	end_process(&c);

	stop(&w, &b);
	assert_string_equal(last_event, "network disconnect bridge");
	assert_refused(w.outside, "192.0.2.1", 8080);
	assert_true(list_is_empty(&w.d.nets->predefined[0]->endpoints));
	/* everything was given back: the next one gets both */
	spawn(&c);
	assert_ok(ctr_net_start(&w.d, c.net, c.id, c.name, c.pidfd, c.pid, E));
	char ip[IP_TEXT_MAX];
	assert_string_equal(ip_of(&c, 0, ip), "172.17.0.2");
	stop(&w, &c);
	drop(&b);
	drop(&c);
	close(server);
	buf_release(&out);
	tear(&w);
}

static void test_port_ranges(void **state)
{
	struct world w;
	struct box a, b;

	(void)state;
	build(&w);
	static const char range[] = "{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"9000-9001\"}],\"53/udp\":[{\"HostPort\":\"\"}]}}";
	make_box(&w, &a, "a", "bridge", "{}", range, "{}");
	make_box(&w, &b, "b", "bridge", "{}", range, "{}");
	start(&w, &a);
	start(&w, &b);
	assert_int_equal(a.net->n_published, 2);
	assert_int_equal(a.net->published[0].host_port, 32768);
	assert_int_equal(a.net->published[1].host_port, 9000);
	assert_int_equal(b.net->published[1].host_port, 9001);
	stop(&w, &a);
	stop(&w, &b);
	drop(&a);
	drop(&b);
	tear(&w);
}

static void test_host_none(void **state)
{
	struct world w;
	struct box b;
	struct link l;
	struct nl nl;

	(void)state;
	build(&w);
	make_box(&w, &b, "quiet", "none", "{}", "{}", "{}");
	assert_true(ctr_net_is_private(b.net));
	start(&w, &b);
	assert_string_equal(last_event, "network connect none");
	open_route(b.ns, &nl);
	assert_ok(link_get(&nl, "lo", &l, E));
	assert_true((l.flags & IFF_UP) != 0);
	assert_int_equal(link_get(&nl, "eth0", &l, NULL), -ENODEV);
	nl_close(&nl);
	stop(&w, &b);
	drop(&b);
	make_box(&w, &b, "h", "host", "{}", PORTS, "{}");
	assert_false(ctr_net_is_private(b.net));
	assert_int_equal(b.net->ports.n, 0);
	drop(&b);
	tear(&w);
}

/* ---- several networks ---- */

static int see_default(const struct route *r, void *arg)
{
	if (r->to.len == 0)
		(void)ip_text(&r->via, arg);
	return 0;
}

static const char *way_out(const struct box *b)
{
	static char via[IP_TEXT_MAX];
	struct nl nl;

	via[0] = '\0';
	open_route(b->ns, &nl);
	assert_ok(route_each(&nl, IP_V4, see_default, via, E));
	nl_close(&nl);
	return via;
}

static void test_join_and_leave(void **state)
{
	struct world w;
	struct box a, b;
	struct err e;
	char ip[IP_TEXT_MAX];

	(void)state;
	build(&w);
	struct network *one = make_net(&w, "{\"Name\":\"one\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.1.0.0/24\"}]}}");
	struct network *two = make_net(&w, "{\"Name\":\"two\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.2.0.0/24\"}]}}");
	make_box(&w, &a, "a", "one", "{\"Hostname\":\"ha\"}", "{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"8081\"}]}}",
		 "{\"EndpointsConfig\":{\"one\":{\"IPAMConfig\":{\"IPv4Address\":\"10.1.0.77\"},\"Aliases\":[\"al\"],"
		 "\"MacAddress\":\"02:00:00:00:00:77\"}}}");
	make_box(&w, &b, "b", "two", "{}", "{}", "{}");
	start(&w, &a);
	start(&w, &b);
	assert_string_equal(ip_of(&a, 0, ip), "10.1.0.77");
	int server = serve(a.ns, SOCK_STREAM, 80);
	assert_reaches(w.outside, "192.0.2.1", 8081, server, "192.0.2.2");
	assert_dropped(b.ns, "10.1.0.77", 80);

	assert_ok(ctr_net_connect(&w.d, a.net, two, NULL, E));
	assert_string_equal(last_event, "network connect two");
	assert_string_equal(a.net->eps[1]->at.ifname, "eth1");
	assert_string_equal(way_out(&a), "10.1.0.1");
	assert_reaches(b.ns, ip_of(&a, 1, ip), 80, server, NULL);
	assert_int_equal(ctr_net_connect(&w.d, a.net, two, NULL, &e), -EACCES);
	assert_string_equal(e.msg, "endpoint with name a already exists in network two");
	assert_int_equal(nets_remove(&w.d, one, &e), -EACCES);
	assert_text(e.msg, "error while removing network: network one has active endpoints (name:\"a\" id:\"");
	assert_int_equal(ctr_net_connect(&w.d, a.net, w.d.nets->predefined[1], NULL, &e), -EINVAL);
	assert_text(e.msg, "cannot connect container to host network");

	/* the way out and the ports move to the network that is left */
	assert_ok(ctr_net_disconnect(&w.d, a.net, one, E));
	assert_string_equal(last_event, "network disconnect one");
	assert_reaches(w.outside, "192.0.2.1", 8081, server, "192.0.2.2");
	assert_reaches(a.ns, "192.0.2.2", 80, w.serve_out, "192.0.2.1");
	assert_string_equal(way_out(&a), "10.2.0.1");
	/* one that is to be the way out becomes it, also with its number given anew */
	struct json_doc *first = parse("{\"GwPriority\":10}");
	assert_ok(ctr_net_connect(&w.d, a.net, one, json_root(first), E));
	json_free(first);
	assert_string_equal(a.net->eps[1]->at.ifname, "eth0");
	assert_string_equal(way_out(&a), "10.1.0.1");
	assert_true(ip_equal(&a.net->published[0].ip, &a.net->eps[1]->at.ip));
	assert_reaches(w.outside, "192.0.2.1", 8081, server, "192.0.2.2");
	assert_ok(ctr_net_disconnect(&w.d, a.net, one, E));
	assert_int_equal(ctr_net_disconnect(&w.d, a.net, one, &e), -ENOTCONN);
	assert_text(e.msg, "is not connected to network one");
	assert_ok(nets_remove(&w.d, one, E));
	stop(&w, &a);
	stop(&w, &b);
	drop(&a);
	drop(&b);
	close(server);
	tear(&w);
}

static void refuse_make(struct world *w, const char *mode, const char *host, const char *networking, int code, const char *why)
{
	struct json_doc *doc = parse(networking);
	struct box b = {0};
	struct err e;

	make_conf(&b, mode, "{}", host);
	int r = ctr_net_make(&w->d, &b.conf, json_root(doc), 51, &b.net, &e);
	if (r != -code)
		fail_msg("%s %s: %d %s", mode, networking, r, r < 0 ? e.msg : "made");
	assert_text(e.msg, why);
	json_free(doc);
	drop(&b);
}

static void test_refused_at_create(void **state)
{
	struct world w;

	(void)state;
	build(&w);
	make_net(&w, "{\"Name\":\"auto\"}");
	refuse_make(&w, "nosuch", "{}", "{}", ENOENT, "network nosuch not found");
	refuse_make(&w, "bridge", "{}", "{\"EndpointsConfig\":{\"bridge\":{\"IPAMConfig\":{\"IPv4Address\":\"172.17.0.9\"}}}}", EINVAL,
		    "invalid config for network bridge: invalid endpoint settings:\nuser specified IP address is supported on user "
		    "defined networks only");
	refuse_make(&w, "auto", "{}", "{\"EndpointsConfig\":{\"auto\":{\"IPAMConfig\":{\"IPv4Address\":\"172.18.0.9\"}}}}", EINVAL,
		    "supported only when connecting to networks with user configured subnets");
	refuse_make(&w, "bridge", "{}", "{\"EndpointsConfig\":{\"bridge\":{\"Aliases\":[\"x\"]}}}", EINVAL,
		    "network-scoped alias is supported only for containers in user defined networks");
	refuse_make(&w, "bridge", "{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"x\"}]}}", "{}", EINVAL,
		    "invalid port specification: \"x\"");
	refuse_make(&w, "container:a", "{\"PortBindings\":{\"80/tcp\":[]}}", "{}", EINVAL,
		    "conflicting options: port publishing and the container type network mode");
	refuse_make(&w, "bridge", "{\"ExtraHosts\":[\"bad\"]}", "{}", EINVAL, "bad format for add-host: \"bad\"");
	tear(&w);
}

/* ---- names ---- */

static size_t put_query(uint8_t *p, const char *name, enum dns_type type)
{
	static const uint8_t head[DNS_HEAD] = {0x12, 0x34, 1, 0, 0, 1};
	size_t at = DNS_HEAD;

	memcpy(p, head, DNS_HEAD);
	for (const char *s = name; *s != '\0';) {
		size_t n = strcspn(s, ".");
		p[at++] = (uint8_t)n;
		memcpy(p + at, s, n);
		at += n;
		s += n + (s[n] == '.');
	}
	const uint8_t tail[5] = {0, 0, (uint8_t)type, 0, 1};
	memcpy(p + at, tail, 5);
	return at + 5;
}

/* The daemon at work until fd is readable. */
static bool serve_until(struct world *w, int fd)
{
	for (int i = 0; i < 60; i++) {
		if (ready(fd, POLLIN, 0))
			return true;
		assert_ok(loop_once(&w->d.loop, 100, E));
	}
	return false;
}

/* Ask a server in ns. Returns the response code; out: the first address, "" when there is none. */
static int resolves(struct world *w, int ns, int type, const char *server, const char *name, enum dns_type want, char *out)
{
	struct sockaddr_in a = to(server, 53);
	uint8_t buf[600];
	int fd = sock(ns, type);
	struct dns_query q;

	out[0] = '\0';
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		assert_int_equal(errno, EINPROGRESS);
	size_t n = put_query(buf + 2, name, want), skip = type == SOCK_STREAM ? 0 : 2;
	buf[0] = 0;
	buf[1] = (uint8_t)n;
	assert_true(ready(fd, POLLOUT, SOON));
	assert_int_equal(write(fd, buf + skip, n + 2 - skip), (ssize_t)(n + 2 - skip));
	if (!serve_until(w, fd))
		fail_msg("no answer for %s", name);
	ssize_t got = read(fd, buf + skip, sizeof(buf) - skip);
	assert_true(got >= (ssize_t)DNS_HEAD);
	uint8_t *p = buf + 2;
	assert_int_equal(p[0] << 8 | p[1], 0x1234);
	assert_true((p[2] & 0x80) != 0);
	p[2] &= 0x7f;
	assert_ok(dns_query_parse(p, (size_t)got, &q, E));
	if (p[7] > 0 && want == DNS_A)
		snprintf(out, IP_TEXT_MAX, "%u.%u.%u.%u", p[q.end + 12], p[q.end + 13], p[q.end + 14], p[q.end + 15]);
	else if (p[7] > 0)
		snprintf(out, IP_TEXT_MAX, "%.*s", p[q.end + 12], (char *)p + q.end + 13); /* first label */
	close(fd);
	return p[3] & 15;
}

/* A server of the host, in a process of its own: answers 192.0.2.53 to everything, UDP and TCP. */
static pid_t upstream(void)
{
	int udp = serve(HOST, SOCK_DGRAM, 53), tcp = serve(HOST, SOCK_STREAM, 53);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0) {
		close(udp);
		close(tcp);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		struct pollfd p[2] = {{.fd = udp, .events = POLLIN}, {.fd = tcp, .events = POLLIN}};
		uint8_t in[2 + 600], out[2 + DNS_UDP_MAX];
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		struct ip ip = ip4(0xc0000235);
		struct dns_query q;
		(void)poll(p, 2, -1);
		ssize_t n = recvfrom(udp, in + 2, 600, 0, (struct sockaddr *)&from, &len);
		int c = n < 0 ? accept(tcp, NULL, NULL) : -1;
		if (c >= 0)
			n = read(c, in, sizeof(in)) - 2;
		if (n <= 0 || dns_query_parse(in + 2, (size_t)n, &q, NULL) < 0)
			continue;
		size_t size = dns_put_ip4(in + 2, &q, &ip, 1, 1, out + 2, DNS_UDP_MAX);
		out[0] = 0;
		out[1] = (uint8_t)size;
		if (c >= 0 ? write(c, out, size + 2) < 0 : sendto(udp, out + 2, size, 0, (struct sockaddr *)&from, len) < 0)
			_exit(1);
	}
}

static void end_upstream(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_names(void **state)
{
	struct world w;
	struct box a, b;
	char got[IP_TEXT_MAX], ip[IP_TEXT_MAX], short_id[13];
	static const char S[] = "127.0.0.11";

	(void)state;
	build(&w);
	make_net(&w, "{\"Name\":\"gnet\"}");
	make_box(&w, &a, "web", "gnet", "{\"Hostname\":\"h1\"}", "{}", "{\"EndpointsConfig\":{\"gnet\":{\"Aliases\":[\"www\"]}}}");
	make_box(&w, &b, "cli", "gnet", "{\"Hostname\":\"h2\"}", "{}",
		 "{\"EndpointsConfig\":{\"gnet\":{\"Links\":[\"web:db\"]}}}");
	start(&w, &a);
	start(&w, &b);
	snprintf(short_id, sizeof(short_id), "%.12s", a.id);
	ip_of(&a, 0, ip);
	const char *names[] = {"web", "WEB", "www", "h1", short_id, "web.gnet", "db"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(resolves(&w, b.ns, SOCK_DGRAM, S, names[i], DNS_A, got), DNS_OK);
		assert_string_equal(got, ip);
	}
	assert_int_equal(resolves(&w, b.ns, SOCK_STREAM, S, "web", DNS_A, got), DNS_OK);
	assert_string_equal(got, ip);
	assert_int_equal(resolves(&w, b.ns, SOCK_DGRAM, S, "web", DNS_AAAA, got), DNS_OK);
	assert_string_equal(got, "");
	char ptr[64];
	unsigned v[4];
	assert_int_equal(sscanf(ip, "%u.%u.%u.%u", &v[0], &v[1], &v[2], &v[3]), 4);
	snprintf(ptr, sizeof(ptr), "%u.%u.%u.%u.in-addr.arpa", v[3], v[2], v[1], v[0]);
	assert_int_equal(resolves(&w, b.ns, SOCK_DGRAM, S, ptr, DNS_PTR, got), DNS_OK);
	assert_string_equal(got, "web");
	/* the link is of b alone; nobody is there to ask further */
	assert_int_equal(resolves(&w, a.ns, SOCK_DGRAM, S, "db", DNS_A, got), DNS_FAILED);

	struct buf out = BUF_INIT(65536);
	ctr_net_resolv(&w.d, b.net, &b.conf, &out);
	assert_text(buf_str(&out), "nameserver 127.0.0.11\nsearch example.org\noptions ndots:0\n");
	buf_release(&out);

	pid_t up = upstream();
	assert_int_equal(resolves(&w, b.ns, SOCK_DGRAM, S, "elsewhere.example", DNS_A, got), DNS_OK);
	assert_string_equal(got, "192.0.2.53");
	assert_int_equal(resolves(&w, b.ns, SOCK_STREAM, S, "elsewhere.example", DNS_A, got), DNS_OK);
	assert_string_equal(got, "192.0.2.53");
	end_upstream(up);

	stop(&w, &a);
	assert_int_equal(resolves(&w, b.ns, SOCK_DGRAM, S, "web", DNS_A, got), DNS_FAILED); /* ours no more */
	assert_int_equal(w.d.nets->dns_asks, 0);
	stop(&w, &b);
	drop(&a);
	drop(&b);
	tear(&w);
}

static void test_names_inside_only(void **state)
{
	struct world w;
	struct box a;
	char got[IP_TEXT_MAX];

	(void)state;
	build(&w);
	make_net(&w, "{\"Name\":\"in\",\"Internal\":true}");
	make_box(&w, &a, "web", "in", "{}", "{}", "{}");
	start(&w, &a);
	pid_t up = upstream();
	assert_int_equal(resolves(&w, a.ns, SOCK_DGRAM, "127.0.0.11", "elsewhere.example", DNS_A, got), DNS_NO_NAME);
	end_upstream(up);
	stop(&w, &a);
	drop(&a);
	tear(&w);
}

/* A server that says nothing, then one that says the wrong thing: asked again, then given up; nothing of it stays. */
static void test_names_unanswered(void **state)
{
	struct world w;
	struct box a;
	char got[IP_TEXT_MAX];

	(void)state;
	build(&w);
	make_net(&w, "{\"Name\":\"gnet\"}");
	make_box(&w, &a, "web", "gnet", "{}", "{}", "{}");
	start(&w, &a);
	int silent = serve(HOST, SOCK_DGRAM, 53);
	assert_int_equal(resolves(&w, a.ns, SOCK_DGRAM, "127.0.0.11", "elsewhere.example", DNS_A, got), DNS_FAILED);
	assert_int_equal(w.d.nets->dns_asks, 0);
	uint8_t first[600], second[600];
	struct sockaddr_in from, again;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(silent, first, sizeof(first), 0, (struct sockaddr *)&from, &len);
	assert_true(n > DNS_HEAD);
	assert_int_equal(recvfrom(silent, second, sizeof(second), 0, (struct sockaddr *)&again, &len), n);
	assert_true(from.sin_port != again.sin_port); /* a new socket each time */

	/* a forged answer: right but for its id */
	int client = sock(a.ns, SOCK_DGRAM);
	struct sockaddr_in to_us = to("127.0.0.11", 53);
	n = (ssize_t)put_query(first, "other.example", DNS_A);
	assert_int_equal(sendto(client, first, (size_t)n, 0, (struct sockaddr *)&to_us, sizeof(to_us)), n);
	assert_true(serve_until(&w, silent));
	n = recvfrom(silent, second, sizeof(second), 0, (struct sockaddr *)&from, &len);
	second[2] |= 0x80;
	second[1] ^= 1;
	assert_int_equal(sendto(silent, second, (size_t)n, 0, (struct sockaddr *)&from, sizeof(from)), n);
	assert_ok(loop_once(&w.d.loop, 500, E));
	assert_false(ready(client, POLLIN, 0));
	second[1] ^= 1;
	assert_int_equal(sendto(silent, second, (size_t)n, 0, (struct sockaddr *)&from, sizeof(from)), n);
	assert_true(serve_until(&w, client));
	/* stopping with a question under way */
	assert_int_equal(sendto(client, first, (size_t)n, 0, (struct sockaddr *)&to_us, sizeof(to_us)), n);
	assert_true(serve_until(&w, silent));
	assert_int_equal(w.d.nets->dns_asks, 1);
	close(client);
	stop(&w, &a);
	assert_int_equal(w.d.nets->dns_asks, 0);
	close(silent);
	drop(&a);
	tear(&w);
}

/* A container that is a name server itself, and a restart of the daemon. */
static void test_name_server_inside(void **state)
{
	struct world w;
	struct box a;
	char got[IP_TEXT_MAX], ip[IP_TEXT_MAX];
	struct buf out = BUF_INIT(65536);
	struct json_writer jw;

	(void)state;
	build(&w);
	make_net(&w, "{\"Name\":\"gnet\"}");
	make_box(&w, &a, "hole", "gnet", "{\"ExposedPorts\":{\"53/udp\":{}}}", "{}", "{}");
	start(&w, &a);
	int own_udp = serve(a.ns, SOCK_DGRAM, 53), own_tcp = serve(a.ns, SOCK_STREAM, 53); /* on every address */
	for (int round = 0; round < 2; round++) {
		assert_int_equal(resolves(&w, a.ns, SOCK_DGRAM, "127.0.0.11", "hole", DNS_A, got), DNS_OK);
		assert_string_equal(got, ip_of(&a, 0, ip));
		assert_int_equal(resolves(&w, a.ns, SOCK_STREAM, "127.0.0.11", "hole", DNS_A, got), DNS_OK);
		if (round == 1)
			break;
		buf_clear(&out);
		jw_init(&jw, &out);
		ctr_net_save(a.net, &jw);
		ctr_net_free(a.net);
		close_daemon(&w);
		open_daemon(&w);
		struct json_doc *saved = parse(buf_str(&out));
		assert_ok(ctr_net_load(&w.d, &a.conf, json_root(saved), &a.net, E));
		json_free(saved);
		assert_ok(ctr_net_adopt(&w.d, a.net, a.id, a.name, a.pidfd, a.pid, E));
		assert_ok(nets_apply(&w.d, E));
	}
	close(own_udp);
	close(own_tcp);
	stop(&w, &a);
	drop(&a);
	buf_release(&out);
	tear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks),	  cmocka_unit_test(test_default_bridge),
		cmocka_unit_test(test_port_ranges),	  cmocka_unit_test(test_host_none),
		cmocka_unit_test(test_join_and_leave),	  cmocka_unit_test(test_refused_at_create),
		cmocka_unit_test(test_names),		  cmocka_unit_test(test_names_inside_only),
		cmocka_unit_test(test_names_unanswered),  cmocka_unit_test(test_name_server_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
