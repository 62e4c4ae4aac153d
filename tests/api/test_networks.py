# SPDX-License-Identifier: Apache-2.0
"""Networks, driven by docker's own client; the daemon has a network namespace of its own for a host."""
import json
import re
import subprocess
import time

import pytest

from conftest import WAIT, _daemons, _end
from test_containers import BUSYBOX, Box

HOST = """
ip link set lo up
ip link add wan0 type veth peer name far0
ip addr add 192.0.2.1/24 dev wan0
ip link set wan0 up
ip link set far0 up
echo up
exec sleep 100000
"""
# the daemon comes back into the same network; its mounts are new each time, as a service's
SETUP = """
printf 'nameserver 127.0.0.1\\nsearch example.org\\n' >{etc}/resolv.conf
mount --bind {etc}/resolv.conf /etc/resolv.conf
set -- nsenter --net=/proc/{pid}/ns/net "$@"
"""


@pytest.fixture(scope="module")
def host():
    """A process that is a host's network."""
    p = subprocess.Popen(["unshare", "--net", "sh", "-c", HOST], stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"up\n"
    yield p
    p.kill()
    p.wait()


@pytest.fixture(scope="module")
def box(host, tmp_path_factory):
    make, made = _daemons(None)
    b = Box(make(network=True, setup=SETUP.format(etc=tmp_path_factory.mktemp("etc"), pid=host.pid)))
    b.host = host.pid
    yield b
    _end(made)


@pytest.fixture(autouse=True)
def clean(box):
    yield
    ids = box("ps", "-aq").stdout.split()
    if ids:
        box("rm", "-fv", *ids)
    box("network", "prune", "-f")


def on_host(box, *argv, ok=True):
    """Run a program in the daemon's network."""
    return subprocess.run(["nsenter", "-t", str(box.host), "-n", *map(str, argv)], check=ok, capture_output=True,
                          text=True, timeout=WAIT)


def up(box, *argv, cmd=("sleep", "1000")):
    return box("run", "-d", *argv, "bb:1", *cmd).stdout.strip()


def serve(box, *argv, word="hello"):
    """A web server that says a word; returns once it listens."""
    cid = up(box, *argv, cmd=("sh", "-c", f"mkdir -p /w; echo {word} >/w/index.html; httpd -p 80 -h /w; echo up; sleep 1000"))
    logs = box.popen("logs", "-f", cid)
    assert logs.stdout.readline() == b"up\n"
    logs.kill()
    logs.wait()
    logs.stdout.close()
    logs.stderr.close()
    return cid


def get(box, where, ok=True):
    return on_host(box, BUSYBOX, "wget", "-q", "-T", "5", "-O", "-", f"http://{where}/index.html", ok=ok)


def settings(box, name):
    return box.inspect(name)["NetworkSettings"]


def golden_shape(got, want):
    """The same keys in the same order, and the same types, all the way down."""
    assert list(got) == list(want)
    for k in want:
        if isinstance(want[k], dict) and k not in ("Containers", "Options", "Labels"):
            golden_shape(got[k], want[k])
        else:
            assert type(got[k]) is type(want[k]), k


BRIDGE = {"Name": "", "Id": "", "Created": "", "Scope": "", "Driver": "", "EnableIPv4": True, "EnableIPv6": False,
          "IPAM": {"Driver": "", "Options": None, "Config": []}, "Internal": False, "Attachable": False, "Ingress": False,
          "ConfigFrom": {"Network": ""}, "ConfigOnly": False, "Containers": {}, "Options": {}, "Labels": {}}
ENDPOINT = {"IPAMConfig": None, "Links": None, "Aliases": None, "MacAddress": "", "DriverOpts": None, "GwPriority": 0,
            "NetworkID": "", "EndpointID": "", "Gateway": "", "IPAddress": "", "IPPrefixLen": 0, "IPv6Gateway": "",
            "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "DNSNames": None}
SETTINGS = ["Bridge", "SandboxID", "SandboxKey", "Ports", "HairpinMode", "LinkLocalIPv6Address", "LinkLocalIPv6PrefixLen",
            "SecondaryIPAddresses", "SecondaryIPv6Addresses", "EndpointID", "Gateway", "GlobalIPv6Address",
            "GlobalIPv6PrefixLen", "IPAddress", "IPPrefixLen", "IPv6Gateway", "MacAddress", "Networks"]


def test_defaults(box):
    rows = box("network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}").stdout.splitlines()
    assert sorted(rows) == ["bridge bridge local", "host host local", "none null local"]
    net = json.loads(box("network", "inspect", "bridge").stdout)[0]
    golden_shape(net, BRIDGE)
    assert net["IPAM"]["Config"] == [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]
    assert net["Options"]["com.docker.network.bridge.name"] == "docker0"
    assert "172.17.0.1/16" in on_host(box, "ip", "-br", "addr", "show", "docker0").stdout


def test_default_bridge(box):
    cid = serve(box, "--name", "web", "-p", "8080:80", "--expose", "81", "--add-host", "up:host-gateway")
    assert get(box, "127.0.0.1:8080").stdout == "hello\n"
    assert get(box, "192.0.2.1:8080").stdout == "hello\n"
    s = settings(box, "web")
    assert list(s) == SETTINGS
    assert s["Ports"] == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "81/tcp": None}
    golden_shape(s["Networks"]["bridge"], ENDPOINT)
    assert s["IPAddress"] == "172.17.0.2" and s["Gateway"] == "172.17.0.1" and s["IPPrefixLen"] == 16
    assert box("port", "web").stdout == "80/tcp -> 0.0.0.0:8080\n"
    assert box("ps", "--format", "{{.Ports}}").stdout == "81/tcp, 0.0.0.0:8080->80/tcp\n"
    hosts = box("exec", "web", "cat", "/etc/hosts").stdout
    assert f"172.17.0.2\t{cid[:12]}\n" in hosts and "172.17.0.1\tup\n" in hosts
    resolv = box("exec", "web", "cat", "/etc/resolv.conf").stdout
    assert "nameserver 8.8.8.8\n" in resolv and "127.0.0.1" not in resolv and "search example.org" in resolv
    net = json.loads(box("network", "inspect", "bridge").stdout)[0]
    assert net["Containers"][cid]["Name"] == "web" and net["Containers"][cid]["IPv4Address"] == "172.17.0.2/16"

    p = box("run", "--name", "late", "-p", "8080:80", "bb:1", "true", ok=False)
    assert p.returncode == 125 and "Bind for 0.0.0.0:8080 failed: port is already allocated" in p.stderr
    box("stop", "-t", "0", "web")
    assert settings(box, "web")["Ports"] == {}
    assert get(box, "127.0.0.1:8080", ok=False).returncode != 0
    box("start", "late")
    assert box.wait("late") == 0


def test_restart_of_the_daemon(box):
    """What runs keeps its address, its ports and its names; its ports work while nobody is there."""
    box("network", "create", "keep")
    serve(box, "--name", "xa", "--network", "keep", "-p", "8081:80")
    up(box, "--name", "xb", "--network", "keep")
    up(box, "--name", "xc")
    before = [settings(box, x)["Networks"] for x in ("xa", "xb", "xc")]
    pids = [box.inspect(x)["State"]["Pid"] for x in ("xa", "xb", "xc")]
    box.d.kill()
    assert get(box, "192.0.2.1:8081").stdout == "hello\n"
    box.d.start()
    assert get(box, "192.0.2.1:8081").stdout == "hello\n"
    assert [settings(box, x)["Networks"] for x in ("xa", "xb", "xc")] == before
    assert [box.inspect(x)["State"]["Pid"] for x in ("xa", "xb", "xc")] == pids
    ip = before[0]["keep"]["IPAddress"]
    assert f"Address: {ip}\n" in box("exec", "xb", "nslookup", "xa.").stdout
    # taken addresses and ports stay taken
    up(box, "--name", "xd", "--network", "keep")
    assert settings(box, "xd")["Networks"]["keep"]["IPAddress"] not in (ip, before[1]["keep"]["IPAddress"])
    p = box("run", "--rm", "-p", "8081:80", "bb:1", "true", ok=False)
    assert "port is already allocated" in p.stderr
    # and end as if nothing had been
    box("rm", "-f", "xa", "xb", "xd")
    assert get(box, "192.0.2.1:8081", ok=False).returncode != 0
    box("network", "rm", "keep")
    assert "br-" not in on_host(box, "ip", "link").stdout


def test_ends_while_nobody_is_there(box):
    box("network", "create", "keep")
    serve(box, "--name", "xa", "--network", "keep", "-p", "8081:80")
    pid = box.inspect("xa")["State"]["Pid"]
    box.d.kill()
    subprocess.run(["kill", "-9", str(pid)], check=True)
    box.d.start()
    assert box.wait("xa") == 137
    assert get(box, "192.0.2.1:8081", ok=False).returncode != 0
    box("start", "xa")
    box("rm", "-f", "xa")
    box("network", "rm", "keep")


def test_user_defined(box):
    nid = box("network", "create", "--subnet", "10.99.0.0/24", "--ip-range", "10.99.0.128/25", "--gateway", "10.99.0.9",
              "--aux-address", "x=10.99.0.128", "--label", "k=v", "-o", "com.docker.network.bridge.name=br-mine",
              "-o", "com.docker.network.driver.mtu=1400", "gnet").stdout.strip()
    assert re.fullmatch("[0-9a-f]{64}", nid)
    net = json.loads(box("network", "inspect", nid[:10]).stdout)[0]
    golden_shape(net, {**BRIDGE, "IPAM": {"Driver": "", "Options": {}, "Config": []}})
    assert net["IPAM"]["Config"] == [{"Subnet": "10.99.0.0/24", "IPRange": "10.99.0.128/25", "Gateway": "10.99.0.9",
                                      "AuxiliaryAddresses": {"x": "10.99.0.128"}}]
    assert net["Labels"] == {"k": "v"}
    cid = up(box, "--name", "g1", "--network", "gnet", "--network-alias", "al", "--hostname", "hh")
    up(box, "--name", "g2", "--network", "gnet", "--ip", "10.99.0.77", "--mac-address", "02:00:00:00:00:77")
    s = settings(box, "g1")
    assert s["IPAddress"] == "" and s["Networks"]["gnet"]["IPAddress"] == "10.99.0.129"
    assert s["Networks"]["gnet"]["DNSNames"] == ["g1", "al", cid[:12], "hh"]
    assert s["Networks"]["gnet"]["NetworkID"] == nid and s["Networks"]["gnet"]["Gateway"] == "10.99.0.9"
    s = settings(box, "g2")["Networks"]["gnet"]
    assert s["IPAddress"] == "10.99.0.77" and s["MacAddress"] == "02:00:00:00:00:77"
    assert s["IPAMConfig"] == {"IPv4Address": "10.99.0.77"}
    assert "mtu 1400" in box("exec", "g1", "ip", "link", "show", "eth0").stdout
    p = box("run", "--rm", "--network", "gnet", "--ip", "10.99.0.77", "bb:1", "true", ok=False)
    assert p.returncode == 125 and "Address already in use" in p.stderr


def test_names(box):
    box("network", "create", "gnet")
    cid = up(box, "--name", "g1", "--network", "gnet", "--network-alias", "al")
    up(box, "--name", "g2", "--network", "gnet")
    ip = settings(box, "g1")["Networks"]["gnet"]["IPAddress"]
    resolv = box("exec", "g2", "cat", "/etc/resolv.conf").stdout
    assert "nameserver 127.0.0.11\n" in resolv and "options ndots:0\n" in resolv
    for name in ("g1", "al", cid[:12], "g1.gnet"):
        out = box("exec", "g2", "nslookup", name + ".").stdout
        assert "127.0.0.11" in out and f"Address: {ip}\n" in out, out
    assert box("exec", "g2", "ping", "-c", "1", "-W", "5", "al").returncode == 0
    box("rename", "g1", "other")
    assert f"Address: {ip}\n" in box("exec", "g2", "nslookup", "other.").stdout
    box("rm", "-f", "other")
    assert box("exec", "g2", "nslookup", "al.", ok=False).returncode != 0


def test_connect_while_running(box):
    box("network", "create", "one")
    box("network", "create", "two")
    up(box, "--name", "xa", "--network", "one", "--hostname", "ha")
    up(box, "--name", "xb", "--network", "two")
    assert box("exec", "xb", "ping", "-c", "1", "-W", "1", "xa", ok=False).returncode != 0
    box("network", "connect", "--alias", "al", "two", "xa")
    assert box("exec", "xb", "ping", "-c", "1", "-W", "5", "al").returncode == 0
    assert sorted(settings(box, "xa")["Networks"]) == ["one", "two"]
    ip = settings(box, "xa")["Networks"]["two"]["IPAddress"]
    assert f"{ip}\tha\n" in box("exec", "xa", "cat", "/etc/hosts").stdout
    p = box("network", "connect", "two", "xa", ok=False)
    assert "endpoint with name xa already exists in network two" in p.stderr
    p = box("network", "rm", "two", ok=False)
    assert "error while removing network: network two has active endpoints" in p.stderr
    box("network", "disconnect", "one", "xa")
    assert list(settings(box, "xa")["Networks"]) == ["two"]
    assert f"{ip}\tha\n" in box("exec", "xa", "cat", "/etc/hosts").stdout
    route = box("exec", "xa", "ip", "route").stdout
    assert "default via" in route and "eth1" in route
    # and the record follows: the same after a restart of the container
    box("restart", "-t", "0", "xa")
    assert list(settings(box, "xa")["Networks"]) == ["two"]


def test_connect_from_default_bridge(box):
    """Names come with the first network that has them."""
    box("network", "create", "one")
    up(box, "--name", "xa")
    up(box, "--name", "xb", "--network", "one")
    assert "127.0.0.11" not in box("exec", "xa", "cat", "/etc/resolv.conf").stdout
    box("network", "connect", "one", "xa")
    assert "127.0.0.11" in box("exec", "xa", "cat", "/etc/resolv.conf").stdout
    assert box("exec", "xa", "ping", "-c", "1", "-W", "5", "xb").returncode == 0
    box("network", "disconnect", "one", "xa")
    assert "127.0.0.11" not in box("exec", "xa", "cat", "/etc/resolv.conf").stdout


def test_connect_stopped(box):
    box("network", "create", "one")
    box("create", "--name", "xa", "bb:1", "sleep", "1000")
    box("network", "connect", "one", "xa")
    s = settings(box, "xa")["Networks"]
    assert sorted(s) == ["bridge", "one"] and s["one"]["NetworkID"] != "" and s["one"]["IPAddress"] == ""
    box("start", "xa")
    assert settings(box, "xa")["Networks"]["one"]["IPAddress"] != ""
    out = box("exec", "xa", "ip", "-o", "-4", "addr").stdout
    assert "eth0" in out and "eth1" in out


def test_isolation(box):
    box("network", "create", "--internal", "in")
    serve(box, "--name", "xa", "--network", "in")
    ip = settings(box, "xa")["Networks"]["in"]["IPAddress"]
    assert "default" not in box("exec", "xa", "ip", "route").stdout
    up(box, "--name", "xb")
    assert box("exec", "xb", "wget", "-T", "1", "-O", "-", f"http://{ip}/", ok=False).returncode != 0
    assert box("exec", "xa", "nslookup", "example.org", ok=False).returncode != 0


def test_modes(box):
    out = box("run", "--rm", "--network", "none", "bb:1", "ip", "-o", "link").stdout
    assert "lo" in out and "eth0" not in out and "UP" in out
    out = box("run", "--rm", "--network", "host", "bb:1", "ip", "-o", "link").stdout
    assert "docker0" in out and "wan0" in out
    cid = serve(box, "--name", "web", "-p", "8082:80")
    assert box("run", "--rm", "--network", "container:web", "bb:1", "wget", "-q", "-O", "-", "http://127.0.0.1/index.html").stdout == "hello\n"
    hosts = box("run", "--rm", "--network", "container:web", "bb:1", "cat", "/etc/hosts").stdout
    assert f"\t{cid[:12]}\n" in hosts
    assert box.d.api("GET", "/networks/none")[1]["Driver"] == "null"


def test_ports(box):
    up(box, "--name", "xr", "-p", "80", "-p", "9000-9001:90-91", "-p", "127.0.0.1:9005:95/udp")
    p = settings(box, "xr")["Ports"]
    assert p["90/tcp"] == [{"HostIp": "0.0.0.0", "HostPort": "9000"}]
    assert p["91/tcp"] == [{"HostIp": "0.0.0.0", "HostPort": "9001"}]
    assert p["95/udp"] == [{"HostIp": "127.0.0.1", "HostPort": "9005"}]
    low, high = on_host(box, "cat", "/proc/sys/net/ipv4/ip_local_port_range").stdout.split()
    assert int(low) <= int(p["80/tcp"][0]["HostPort"]) <= int(high)
    up(box, "--name", "all", "-P", "--expose", "70", "--expose", "71/udp")
    assert sorted(settings(box, "all")["Ports"]) == ["70/tcp", "71/udp"]
    code, body = box.d.api("POST", "/containers/create", {"Image": "bb:1", "HostConfig": {
        "PortBindings": {"80/tcp": [{"HostPort": "x"}]}}})
    assert (code, body) == (400, {"message": 'invalid port specification: "x"'})


def test_dns_options(box):
    out = box("run", "--rm", "--dns", "192.0.2.9", "--dns-search", "a.b", "--dns-option", "timeout:3", "bb:1", "cat",
              "/etc/resolv.conf").stdout
    assert out.splitlines()[1:] == ["nameserver 192.0.2.9", "search a.b", "options timeout:3"]
    out = box("run", "--rm", "--dns-search", ".", "bb:1", "cat", "/etc/resolv.conf").stdout
    assert "search" not in out


ERRORS = [
    ("GET", "/networks/nosuch", None, 404, "network nosuch not found"),
    ("DELETE", "/networks/bridge", None, 403, "bridge is a pre-defined network and cannot be removed"),
    ("POST", "/networks/create", {"Name": "bridge"}, 403, "operation is not permitted on predefined bridge network "),
    ("POST", "/networks/create", {"Name": ""}, 400, "invalid name: name is empty"),
    ("POST", "/networks/create", {"Name": "x", "Driver": "nodrv"}, 404, 'plugin "nodrv" not found'),
    ("POST", "/networks/create", {"Name": "x", "EnableIPv6": True}, 400,
     "EnableIPv6: networks of IP version 6 are not supported"),
    ("POST", "/networks/host/connect", {"Container": "run1"}, 400,
     "cannot connect container to host network - container must be created in host network mode"),
    ("POST", "/networks/bridge/connect", {"Container": "nosuch"}, 404, "No such container: nosuch"),
    ("POST", "/networks/enet/connect", {"Container": "run1"}, 403, "endpoint with name run1 already exists in network enet"),
    ("POST", "/networks/bridge/disconnect", {"Container": "run1"}, 500, "container ID is not connected to network bridge"),
    ("POST", "/networks/create", {"Name": "enet"}, 409, "network with name enet already exists"),
    ("GET", '/networks?filters={"bogus":["x"]}', None, 400, "invalid filter 'bogus'"),
]


def test_errors(box):
    box("network", "create", "enet")
    cid = up(box, "--name", "run1", "--network", "enet")
    for method, path, body, code, message in ERRORS:
        got = box.d.api(method, path, body)
        assert got == (code, {"message": message.replace("ID", cid)}) or got == (code, {"message": message}), (path, got)
    code, body = box.d.api("DELETE", "/networks/enet")
    assert code == 403
    eid = settings(box, "run1")["Networks"]["enet"]["EndpointID"][:12]
    assert body["message"] == ('error while removing network: network enet has active endpoints '
                               f'(name:"run1" id:"{eid}")')


def test_several_at_create(box):
    box("network", "create", "n1")
    box("network", "create", "n2")
    body = {"Image": "bb:1", "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "n1"},
            "NetworkingConfig": {"EndpointsConfig": {"n2": {"Aliases": ["al"]}, "n1": {}}}}
    code, got = box.d.api("POST", "/containers/create", body, version="1.43")
    assert code == 400 and "multiple network endpoints: n2, n1" in got["message"]
    code, got = box.d.api("POST", "/containers/create", body)
    assert code == 201
    assert box.d.api("POST", f"/containers/{got['Id']}/start")[0] == 204
    nets = settings(box, got["Id"])["Networks"]
    assert sorted(nets) == ["n1", "n2"] and nets["n2"]["Aliases"] == ["al"] and nets["n1"]["IPAddress"] != ""
    # dockerd's older name of the default network
    code, got = box.d.api("POST", "/containers/create", {
        "Image": "bb:1", "HostConfig": {"NetworkMode": "default"},
        "networkingConfig": {"endpointsConfig": {"default": {"MacAddress": "02:00:00:00:00:01"}}}})
    assert code == 201 and list(settings(box, got["Id"])["Networks"]) == ["bridge"]


def test_list_filters(box):
    box("network", "create", "--label", "a=1", "n1")
    box("network", "create", "--label", "a=2", "n2")

    def ls(*f):
        return sorted(box("network", "ls", "--format", "{{.Name}}", *[x for v in f for x in ("--filter", v)]).stdout.split())
    assert ls("label=a") == ["n1", "n2"]
    assert ls("label=a=1") == ["n1"]
    assert ls("type=builtin") == ["bridge", "host", "none"]
    assert ls("driver=null") == ["none"]
    assert ls("name=^n[12]$") == ["n1", "n2"]
    assert ls("dangling=true") == ["n1", "n2"]
    up(box, "--network", "n2")
    assert ls("dangling=true") == ["n1"]
    out = box("network", "prune", "-f", "--filter", "label=a").stdout
    assert out == "Deleted Networks:\nn1\n\n"
    assert ls("type=custom") == ["n2"]


def test_events(box):
    since = f"{time.time():.6f}"
    nid = box("network", "create", "evn").stdout.strip()
    cid = box("create", "--network", "evn", "bb:1", "true").stdout.strip()
    box("start", "-a", cid)
    box("network", "rm", "evn")
    until = f"{time.time():.6f}"
    got = [e for e in box.events(since, until) if e["Type"] == "network"]
    assert [e["Action"] for e in got] == ["create", "connect", "disconnect", "destroy"]
    assert all(e["Actor"]["ID"] == nid and e["Actor"]["Attributes"]["name"] == "evn" for e in got)
    assert got[1]["Actor"]["Attributes"] == {"name": "evn", "type": "bridge", "container": cid}
