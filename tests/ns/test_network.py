"""The network service: leases with a server that is late, gone, wrong; two links; carriers; what the command line says."""
import os
import signal
import socket
import struct
import subprocess
import time

import pytest

from network_world import *

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
FOREVER = 4294967295


@pytest.fixture
def w(tmp_path):
    w = World(tmp_path)
    yield w
    w.close()


def test_lease(w):
    s = w.serve()
    s.options |= {26: struct.pack(">H", 1400), 42: addrs("10.9.0.7"), 119: b"\x03eng\x07example\x03net\x00\xc0\x04",
                  12: b"berth.example.net"}
    w.start()
    link = w.wait_online()
    assert link["addresses"] == ["10.9.0.50/24"] and link["lease"]["ntp"] == ["10.9.0.7"]
    assert link["lease"]["server"] == "10.9.0.1" and link["lease"]["seconds"] == 3600
    assert 3500 < w.addresses()["10.9.0.50/24"] <= 3600
    assert w.routes() == {("default", "10.9.0.1"), ("10.9.0.0/24", None)}
    w.wait(lambda: w.file("resolv.conf") == "search eng.example.net example.net\nnameserver 10.9.0.1\n")
    assert w.file("hosts").splitlines()[0] == "127.0.0.1\tlocalhost" and "127.0.1.1\tberth\n" in w.file("hosts")
    assert w.hostname() == "berth" and w.file("hostname") == "berth\n"
    assert w.link()["mtu"] == 1400
    d, r = s.wait(DISCOVER), s.wait(REQUEST)
    assert d[61] == b"\x01" + d["mac"] and d[60] == b"slipway" and d["sum_ok"]
    assert 121 in d[55] and 57 in d and r[50] == socket.inet_aton("10.9.0.50")
    assert '"lo"' in w.machine.ip("-j", "link", "show", "up")


def test_ready_without_any_server(w):
    w.cable("eth0", "far0")
    w.start()  # which waits for READY=1
    assert w.state()["online"] is False and w.link()["addresses"] == []


def test_files_keep_their_inode(w):
    s = w.serve()
    s.lease, s.renew = 60, 1
    (w.run / "resolv.conf").write_text("nameserver 192.0.2.1\n" * 20)
    before = os.stat(w.run / "resolv.conf").st_ino
    w.start()
    w.wait(lambda: w.file("resolv.conf") == "search example.net\nnameserver 10.9.0.1\n")
    s.options[6] = addrs("10.9.0.8", "10.9.0.9")
    w.wait(lambda: w.file("resolv.conf") == "search example.net\nnameserver 10.9.0.8\nnameserver 10.9.0.9\n")
    assert os.stat(w.run / "resolv.conf").st_ino == before


def test_server_is_late(w):
    s = w.serve()
    s.is_silent = True
    w.start()
    s.wait(DISCOVER, 1)
    s.is_silent = False
    w.wait_online()


def test_renews_by_unicast_and_keeps_the_address(w):
    s = w.serve()
    s.lease, s.renew = 60, 1
    w.start()
    w.wait_online()
    n = s.count(REQUEST)
    r = s.wait(REQUEST, n)
    assert r["unicast"] and r["client"] == "10.9.0.50" and 50 not in r and 54 not in r
    assert list(w.addresses()) == ["10.9.0.50/24"]


def test_rebinds_by_broadcast_then_expires_and_begins_anew(w):
    s = w.serve()
    s.lease, s.renew, s.rebind = 8, 2, 4
    w.start()
    w.wait_online()
    s.is_silent = True
    w.wait(lambda: w.link()["dhcp"] == "renewing")
    assert list(w.addresses()) == ["10.9.0.50/24"], "the lease lasts while the server is gone"
    w.wait(lambda: w.link()["dhcp"] == "rebinding")
    assert w.wait(lambda: not s.seen[-1]["unicast"]) and list(w.addresses()) == ["10.9.0.50/24"]
    w.wait(lambda: w.addresses() == {} and w.routes() == set())
    w.wait(lambda: w.link()["online"] is False)
    s.is_silent = False
    w.wait_online()
    assert w.routes() == {("default", "10.9.0.1"), ("10.9.0.0/24", None)}


def test_another_address_and_gateway(w):
    s = w.serve()
    s.lease, s.renew = 60, 1
    w.start()
    w.wait_online()
    s.give, s.options[3] = "10.9.0.60", addrs("10.9.0.2")
    w.wait(lambda: list(w.addresses()) == ["10.9.0.60/24"])
    w.wait(lambda: w.routes() == {("default", "10.9.0.2"), ("10.9.0.0/24", None)})
    assert "refused by the server" in w.text()


def test_refused_again_and_again_asks_more_rarely(w):
    s = w.serve()
    s.nak = 2
    w.start()
    w.wait(lambda: s.count(REQUEST) == 2)
    w.wait(lambda: w.link()["dhcp"] == "waiting")
    w.wait_online()
    assert s.count(DISCOVER) == 3


def test_classless_routes_replace_the_router(w):
    s = w.serve()
    s.options[121] = (bytes([8, 10]) + addrs("10.9.0.3") + bytes([24, 192, 168, 7]) + addrs("0.0.0.0") +
                      bytes([0]) + addrs("10.9.0.4"))
    w.start()
    w.wait_online()
    assert w.routes() == {("default", "10.9.0.4"), ("10.0.0.0/8", "10.9.0.3"), ("192.168.7.0/24", None),
                          ("10.9.0.0/24", None)}


def test_gateway_outside_of_the_network(w):
    s = w.serve()
    s.options[1] = addrs("255.255.255.255")
    w.start()
    w.wait_online()
    assert ("default", "10.9.0.1") in w.routes()


def test_two_links_with_two_gateways(w):
    a, b = w.serve(), w.serve("eth1", "far1", "10.8.0")
    w.start("slipway.network.interfaces.eth*.dhcp=true rancher.network.interfaces.eth0.dhcp=true "
            "slipway.network.interfaces.eth1.dhcp=true")
    w.wait_online()
    w.wait_online("eth1")
    defaults = json.loads(w.machine.ip("-j", "-4", "route", "show", "default"))
    assert {(r["dev"], r["gateway"]) for r in defaults} == {("eth0", "10.9.0.1"), ("eth1", "10.8.0.1")}
    best = json.loads(w.machine.ip("-j", "route", "get", "192.0.2.1"))[0]
    first = min(w.state()["links"], key=lambda x: x["index"])
    assert best["dev"] == first["name"]
    w.wait(lambda: w.file("resolv.conf").count("nameserver") == 2)
    w.other.ip("link", "set", "far0" if first["name"] == "eth0" else "far1", "down")
    rest = {"eth0", "eth1"} - {first["name"]}
    w.wait(lambda: json.loads(w.machine.ip("-j", "route", "get", "192.0.2.1"))[0]["dev"] in rest)
    assert a and b


def test_carrier(w):
    s = w.serve()
    w.start()
    w.wait_online()
    n = s.count(REQUEST)
    w.other.ip("link", "set", "far0", "down")
    w.wait(lambda: w.link()["carrier"] is False)
    assert ("default", "10.9.0.1") in w.routes(), "not at once"
    w.wait(lambda: ("default", "10.9.0.1") not in w.routes())
    assert list(w.addresses()) == ["10.9.0.50/24"]
    w.other.ip("link", "set", "far0", "up")
    r = s.wait(REQUEST, n)
    assert r[50] == socket.inet_aton("10.9.0.50") and 54 not in r, "it asks whether its lease is still good"
    w.wait_online()
    w.wait(lambda: ("default", "10.9.0.1") in w.routes())


def test_carrier_comes_back_to_another_network(w):
    s = w.serve()
    w.start()
    w.wait_online()
    w.other.ip("link", "set", "far0", "down")
    w.wait(lambda: w.link()["carrier"] is False)
    s.give, s.options[3] = "10.9.0.77", addrs("10.9.0.9")
    w.other.ip("link", "set", "far0", "up")
    w.wait(lambda: list(w.addresses()) == ["10.9.0.77/24"] and ("default", "10.9.0.9") in w.routes())


def test_restart_drops_nothing(w):
    s = w.serve()
    w.start()
    w.wait_online()
    discovers = s.count(DISCOVER)
    watch = subprocess.Popen(w.machine.argv("ip", "-o", "monitor", "address", "route"), stdout=subprocess.PIPE, text=True)
    assert w.stop() == 0
    assert list(w.addresses()) == ["10.9.0.50/24"] and ("default", "10.9.0.1") in w.routes()
    n = s.count(REQUEST)
    w.start()
    r = s.wait(REQUEST, n)
    assert r[50] == socket.inet_aton("10.9.0.50")
    w.wait(lambda: w.link()["dhcp"] == "bound")
    watch.terminate()
    assert "Deleted" not in watch.communicate()[0]
    assert s.count(DISCOVER) == discovers


def test_killed_and_restarted_while_the_server_is_gone(w):
    s = w.serve()
    w.start()
    w.wait_online()
    w.stop(signal.SIGKILL)
    s.is_silent = True
    w.start()
    n = s.count(REQUEST)
    s.wait(REQUEST, n)
    assert w.link()["online"] and ("default", "10.9.0.1") in w.routes()
    assert w.file("resolv.conf").endswith("nameserver 10.9.0.1\n")


def test_restart_without_state_asks_for_the_address_on_the_link(w):
    s = w.serve()
    w.start()
    w.wait_online()
    w.stop()
    (w.run / "network" / "network.json").unlink()
    n = s.count(REQUEST)
    w.start()
    assert s.wait(REQUEST, n)[50] == socket.inet_aton("10.9.0.50")
    w.wait_online()


def test_static(w):
    w.cable("eth0", "far0")
    w.other.ip("link", "set", "far0", "up")
    w.start("slipway.network.interfaces.eth0.address=192.168.1.10/24 slipway.network.interfaces.eth0.gateway=192.168.1.1 "
            "slipway.network.interfaces.eth0.mtu=1400 slipway.network.dns.nameservers=[192.168.1.1,192.168.1.2] "
            "rancher.network.dns.search=[a.example,b.example] slipway.hostname=box")
    w.wait_online()
    assert w.addresses() == {"192.168.1.10/24": FOREVER}
    assert ("default", "192.168.1.1") in w.routes() and w.link()["mtu"] == 1400 and w.link()["dhcp"] == "no"
    assert w.file("resolv.conf") == ("search a.example b.example\nnameserver 192.168.1.1\nnameserver 192.168.1.2\n")
    assert w.hostname() == "box"


def test_static_two_families_by_mac(w):
    w.cable("eth0", "far0")
    w.other.ip("link", "set", "far0", "up")
    w.machine.ip("link", "set", "eth0", "address", "02:00:00:00:00:aa")
    key = "slipway.network.interfaces.mac=02:00:00:00:00:AA"
    w.start(f"{key}.addresses=[10.1.0.2/24,fd00::2/64] {key}.gateway=10.1.0.1 {key}.gateway_ipv6=fd00::1")
    w.wait_online()
    assert list(w.addresses()) == ["10.1.0.2/24"] and ("default", "10.1.0.1") in w.routes()
    assert "default via fd00::1" in w.machine.ip("-6", "route")
    assert "fd00::2/64" in w.machine.ip("-6", "addr")


def test_own_name_servers_before_the_leases(w):
    w.serve()
    w.start("slipway.network.interfaces.eth0.dhcp=true slipway.network.dns.nameservers=1.1.1.1")
    w.wait_online()
    assert w.file("resolv.conf") == "search example.net\nnameserver 1.1.1.1\n"


def test_leaves_alone_what_is_not_its_own(w):
    w.cable("veth1", "far0")
    w.machine.ip("link", "add", "docker0", "type", "bridge")
    w.machine.ip("link", "add", "br-1", "type", "bridge")
    w.start("slipway.network.interfaces.*.dhcp=true")
    assert w.state()["links"] == []
    assert '"UP"' not in w.machine.ip("-j", "link", "show", "dev", "docker0")


def test_link_appears_and_goes(w):
    w.start()
    s = w.serve()
    w.wait_online()
    w.machine.ip("link", "del", "eth0")
    w.wait(lambda: w.link() is None)
    s.close()
    w.servers.remove(s)
    w.serve()
    w.wait_online()


def test_becomes_the_port_of_a_bridge(w):
    w.serve()
    w.start()
    w.wait_online()
    w.machine.ip("link", "add", "b0", "type", "bridge")
    w.machine.ip("link", "set", "eth0", "master", "b0")
    w.wait(lambda: w.link() is None)
    assert w.addresses() == {}


def test_garbage_does_not_disturb(w):
    s = w.serve()
    s.is_silent = True
    w.start()
    o = s.wait(DISCOVER)
    good = s.message(o, OFFER)
    bad = [packet("10.9.0.1", "255.255.255.255", good, udp_sum=0x1234),
           packet("10.9.0.1", "255.255.255.255", good, total=4000),
           packet("10.9.0.1", "255.255.255.255", good, udp_len=4000),
           packet("10.9.0.1", "255.255.255.255", good, udp_len=3),
           packet("10.9.0.1", "255.255.255.255", good, sport=1067),
           packet("10.9.0.1", "255.255.255.255", good[:200]),
           packet("10.9.0.1", "255.255.255.255", good[:245] + b"\xff" * 3),
           packet("10.9.0.1", "255.255.255.255", s.message(o, OFFER, xid=b"abcd")),
           packet("10.9.0.1", "255.255.255.255", s.message(o, OFFER, mac=b"\x02\0\0\0\0\1")),
           packet("10.9.0.1", "255.255.255.255", s.message(o, OFFER, options={51: b"\0\0\0\0"})),
           packet("10.9.0.1", "255.255.255.255", s.message(o, ACK)),
           packet("10.9.0.1", "255.255.255.255", s.message(o, NAK)), b"\x45", b"\x4f" * 60, os.urandom(1400)]
    for b in bad:
        s.raw(b)
    n = s.count(DISCOVER)
    s.wait(DISCOVER, n)
    assert s.count(REQUEST) == 0 and w.addresses() == {}
    s.is_silent = False
    w.wait_online()


def test_names_from_the_server_are_checked(w):
    s = w.serve()
    s.options |= {12: b"a\nb", 15: b"x.example\nnameserver 6.6.6.6", 119: b"\x05a b;c\x00"}
    w.start()
    w.wait_online()
    assert w.file("resolv.conf") == "nameserver 10.9.0.1\n" and w.hostname() == "slipway"


def wait_online(w, *argv):
    return subprocess.run([PROGRAM, "wait-online", "--run", w.run, *argv], capture_output=True).returncode


def test_wait_online(w):
    s = w.serve()
    s.is_silent = True
    w.start()
    assert wait_online(w, "--timeout", "0") == 1
    p = subprocess.Popen([PROGRAM, "wait-online", "--run", w.run, "--timeout", "30"])
    s.is_silent = False
    assert p.wait(SECONDS) == 0
    assert wait_online(w) == 0
    assert wait_online(w, "--timeout", "x") == 2


def test_what_the_command_line_gets_wrong(w):
    w.cable("eth0", "far0")
    w.start("slipway.network.interfaces.eth0.adress=1.2.3.4/24 slipway.network.interfaces.eth0.mtu=9 "
            "slipway.network.dns.nameservers=dns.example")
    t = w.text()
    assert "'slipway.network.interfaces.eth0.adress' wants one of .dhcp" in t
    assert "'slipway.network.interfaces.eth0.mtu' wants a number from 68" in t
    assert "'slipway.network.dns.nameservers' wants addresses" in t
