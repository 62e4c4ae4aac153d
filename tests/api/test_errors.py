# SPDX-License-Identifier: Apache-2.0
"""What requests are answered that are wrong or unusual: status, type and text, as dockerd 28.2.2 answers them.

What differs on purpose is written as ours and told in docs/docker-api.md. Ids are masked.
"""
import json
import re
import urllib.parse

import pytest

from conftest import _daemons, _end
from test_containers import Box
from test_networks import SETUP, host  # noqa: F401

TYPE = "application/json"
TOO_NEW = "client version 1.99 is too new. Maximum supported API version is 1.51"
TOO_OLD = ("client version 1.12 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer "
           "version")
SWARM = ('This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and '
         'try again.')
TAKEN = ('Conflict. The container name "/%s" is already in use by container "ID". You have to remove (or rename) that '
         'container to be able to reuse that name.')
RULE = "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
STOPPED = "container ID is not running"


def f(**k):
    return "?filters=" + urllib.parse.quote(json.dumps(k))


# request, body, status, text of the message
PROBES = [
    ("GET /v1.50/nosuch", None, 404, "page not found"),
    ("PATCH /v1.50/info", None, 404, "page not found"),
    ("GET /v1.99/info", None, 400, TOO_NEW),
    ("GET /v1.50/containers/nosuch/json", None, 404, "No such container: nosuch"),
    ("GET /v1.50/images/nosuch/json", None, 404, "No such image: nosuch:latest"),
    ("GET /v1.50/volumes/nosuch", None, 404, "get nosuch: no such volume"),
    ("GET /v1.50/networks/nosuch", None, 404, "network nosuch not found"),
    ("GET /v1.50/exec/nosuch/json", None, 404, "No such exec instance: nosuch"),
    ("POST /v1.50/containers/st1/kill", None, 409, "cannot kill container: st1: " + STOPPED),
    ("POST /v1.50/containers/st1/pause", None, 409, STOPPED),
    ("POST /v1.50/containers/run1/unpause", None, 500, "Container ID is not paused"),
    ("POST /v1.50/containers/run1/kill?signal=FOO", None, 400, "cannot kill container: run1: invalid signal: FOO"),
    ("POST /v1.50/containers/run1/wait?condition=bad", None, 400, 'invalid condition: "bad"'),
    ("POST /v1.50/containers/st1/resize?h=1&w=1", None, 409, STOPPED),
    ("POST /v1.50/containers/run1/resize", None, 400, 'invalid resize height "": invalid syntax'),
    ("POST /v1.50/containers/run1/rename?name=st1", None, 409, "Error when allocating new name: " + TAKEN % "st1"),
    ("POST /v1.50/containers/run1/rename?name=", None, 400, "Neither old nor new names may be empty"),
    ("POST /v1.50/containers/run1/rename?name=a/b", None, 400,
     "Error when allocating new name: Invalid container name (/a/b), " + RULE),
    ("POST /v1.50/containers/create?name=-bad", {"Image": "bb:1"}, 400, "Invalid container name (-bad), " + RULE),
    ("POST /v1.50/containers/create", {}, 400, "config cannot be empty in order to create a container"),
    ("POST /v1.50/containers/create", "{bad", 400, 
     "invalid JSON: JSON, byte 1: unexpected character, expected a string for object key"),  # ours: Go's parser is not here
    ("POST /v1.50/containers/create", {"Image": "nosuch:1"}, 404, "No such image: nosuch:1"),
    ("POST /v1.50/containers/create?name=run1", {"Image": "bb:1"}, 409, TAKEN % "run1"),
    ("POST /v1.50/containers/st1/start", {"Binds": []}, 400,
     "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24"),
    ("GET /v1.50/containers/run1/logs", None, 400, "Bad parameters: you must choose at least one stream"),
    ("GET /v1.50/containers/json" + f(bogus=["x"]), None, 400, "invalid filter 'bogus'"),
    ("GET /v1.50/containers/json?filters=bad", None, 400, "invalid filter"),
    ("GET /v1.50/containers/json" + f(status=["weird"]), None, 400,
     "invalid filter 'status=weird': invalid value for state (weird): must be one of created, running, paused, restarting, "
     "removing, exited, dead"),
    ("GET /v1.50/containers/json?limit=x", None, 500, 'strconv.Atoi: parsing "x": invalid syntax'),
    ("DELETE /v1.50/containers/run1", None, 409,
     'cannot remove container "run1": container is running: stop the container before removing or force remove'),
    ("DELETE /v1.50/networks/enet", None, 403,
     'error while removing network: network enet has active endpoints (name:"run1" id:"ID12")'),
    ("DELETE /v1.50/networks/bridge", None, 403, "bridge is a pre-defined network and cannot be removed"),
    ("DELETE /v1.50/volumes/evol", None, 409, "remove evol: volume is in use - [ID]"),
    ("DELETE /v1.50/images/bb:9?force=1", None, 404, "No such image: bb:9"),
    ("POST /v1.50/networks/create", {"Name": "bridge"}, 403, "operation is not permitted on predefined bridge network "),
    ("POST /v1.50/networks/create", {"Name": ""}, 400, "invalid name: name is empty"),
    ("POST /v1.50/networks/create", {"Name": "x", "Driver": "nodrv"}, 404, 'plugin "nodrv" not found'),
    ("POST /v1.50/networks/host/connect", {"Container": "run1"}, 400,
     "cannot connect container to host network - container must be created in host network mode"),
    ("POST /v1.50/networks/enet/connect", {"Container": "run1"}, 403, "endpoint with name run1 already exists in network enet"),
    ("POST /v1.50/networks/bridge/disconnect", {"Container": "run1"}, 500, "container ID is not connected to network bridge"),
    ("POST /v1.50/volumes/create", {"Name": "evol", "Driver": "nodrv"}, 404,
     'create evol: error looking up volume plugin nodrv: plugin "nodrv" not found'),
    ("POST /v1.50/volumes/create", {"Name": "a/b"}, 400,
     'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. '
     "If you intended to pass a host directory, use absolute path"),
    ("POST /v1.50/containers/st1/exec", {"Cmd": ["true"]}, 409, STOPPED),
    ("POST /v1.50/containers/run1/exec", {}, 400, "No exec command specified"),
    ("GET /v1.50/containers/run1/archive?path=/nosuch", None, 404, "Could not find the file /nosuch in container run1"),
    ("GET /v1.50/containers/run1/archive", None, 400, "bad parameter: path cannot be empty"),  # ours: with the space
    ("PUT /v1.50/containers/run1/archive?path=/etc/passwd", b"", 400, "extraction point is not a directory"),
    ("PUT /v1.50/containers/run1/archive?path=/nosuch", b"", 404, "Could not find the file /nosuch in container run1"),
    *[("GET /v1.50/" + x, None, 503, SWARM) for x in ("swarm", "services", "nodes", "tasks", "secrets", "configs")],
    ("POST /v1.50/images/bb:1/tag?repo=UPPER", None, 400,
     "invalid reference format: repository name (library/UPPER) must be lowercase"),
    ("POST /v1.50/session", None, 404, "page not found"),  # ours: there is no builder
    ("POST /v1.50/grpc", None, 404, "page not found"),
    ("GET /v1.50/containers/run1/attach/ws", None, 404, "page not found"),  # ours: no web sockets
    ("GET /v1.50/containers/st1/top", None, 409, STOPPED),
    ("POST /v1.50/containers/prune" + f(bogus=["x"]), None, 400, "invalid filter 'bogus'"),
    ("POST /v1.50/containers/st1/update", {"Memory": 1000}, 400, "Minimum memory limit allowed is 6MB"),
    ("GET /v1.50/containers/r/json", None, 404, "No such container: r"),
]


@pytest.fixture(scope="module")
def box(host, tmp_path_factory):  # noqa: F811
    """st1 has ended, run1 runs, with a volume and two networks."""
    make, made = _daemons(None)
    b = Box(make(network=True, setup=SETUP.format(etc=tmp_path_factory.mktemp("etc"), pid=host.pid)))
    b("network", "create", "enet")
    b("run", "--name", "st1", "bb:1", "true")
    b("run", "-d", "--name", "run1", "--network", "enet", "-v", "evol:/v", "bb:1", "sleep", "1000")
    yield b
    _end(made)


def ask(box, request, body=None, headers=None):
    """Status, content type, headers and body of one request."""
    method, path = request.split(" ", 1)
    c = box.d.connect()
    h = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        h.setdefault("Content-Type", TYPE)
        body = body if isinstance(body, str) else json.dumps(body)
    c.request(method, path, body, h)
    r = c.getresponse()
    data = r.read()
    c.close()
    return r.status, r.getheader("Content-Type", ""), data.decode(), r


def mask(text):
    text = re.sub(r"\b[0-9a-f]{64}\b", "ID", text)
    return re.sub(r'id:"[0-9a-f]{12}"', 'id:"ID12"', text)


@pytest.mark.parametrize("request_line, body, status, message", PROBES, ids=[p[0] for p in PROBES])
def test_message(box, request_line, body, status, message):
    got, kind, text, _ = ask(box, request_line, body)
    assert (got, mask(json.loads(text)["message"]), kind) == (status, message, TYPE)


def test_version_too_old(box):
    s, kind, text, _ = ask(box, "GET /v1.12/info")
    assert (s, kind, text.strip()) == (400, "text/plain; charset=utf-8", TOO_OLD)


def test_content_type(box):
    s, kind, text, _ = ask(box, "POST /v1.50/containers/create", "a=b", {"Content-Type": "application/x-www-form-urlencoded"})
    assert (s, kind, json.loads(text)["message"]) == (
        400, TYPE, "unsupported Content-Type header (application/x-www-form-urlencoded): must be 'application/json'")


@pytest.mark.parametrize("request_line, status, kind", [
    ("GET /info", 200, TYPE), ("POST /v1.50/containers/st1/stop", 304, ""), ("POST /v1.50/containers/run1/start", 304, ""),
    ("POST /v1.50/containers/run1/resize?h=1&w=1", 200, ""), ("OPTIONS /v1.50/info", 200, ""),
    ("GET /v1.50/events?until=1", 200, TYPE), ("GET /v1.50/containers/st1/logs?stdout=1", 200, "application/vnd.docker.multiplexed-stream"),
    ("GET /v1.50/containers/run1/top?ps_args=aux", 200, TYPE), ("GET /v1.50/plugins", 200, TYPE),
    ("POST /v1.50/containers/st1/attach?stream=1", 200, "application/vnd.docker.raw-stream")])
def test_no_error(box, request_line, status, kind):
    got, k, text, _ = ask(box, request_line)
    assert (got, k) == (status, kind), text
    if not kind or "raw" in kind or "until" in request_line:
        assert text == ""


@pytest.mark.parametrize("upgrade, status, kind", [({}, 200, "raw"), ({"Connection": "Upgrade", "Upgrade": "tcp"}, 101, "multiplexed")])
def test_type_of_streams(box, upgrade, status, kind):
    """Only a client that upgrades is told that its stream has frames."""
    kind = f"application/vnd.docker.{kind}-stream"
    e = json.loads(ask(box, "POST /v1.50/containers/run1/exec", {"Cmd": ["true"], "AttachStdout": True})[2])["Id"]
    for path, body in (("containers/run1/attach?stream=1&stdout=1", None), (f"exec/{e}/start", b"{}")):
        c = box.d.connect()
        c.request("POST", "/v1.50/" + path, body, {"Content-Type": TYPE, **upgrade})
        r = c.getresponse()
        assert (r.status, r.getheader("Content-Type")) == (status, kind), path
        c.close()


def test_attach_to_nothing(box):
    s, kind, text, _ = ask(box, "POST /v1.50/containers/nosuch/attach?stream=1")
    assert (s, kind, text.strip()) == (404, "application/vnd.docker.raw-stream", "No such container: nosuch")


def test_start_of_nothing(box):
    """What cannot be run is the asker's mistake, and the client makes its exit code of the words."""
    c = json.loads(ask(box, "POST /v1.50/containers/create?name=no1", {"Image": "bb:1", "Cmd": ["nope"]})[2])["Id"]
    s, _, text, _ = ask(box, f"POST /v1.50/containers/{c}/start")
    assert (s, json.loads(text)["message"]) == (
        400, 'failed to create task for container: unable to start container process: exec: "nope": executable file not found '
             "in $PATH")
    assert box.inspect(c)["State"]["ExitCode"] == 127
    assert ask(box, f"DELETE /v1.50/containers/{c}")[0] == 204


def test_head_of_archive(box):
    s, _, text, r = ask(box, "HEAD /v1.50/containers/run1/archive?path=/etc/")
    assert s == 200 and text == "" and r.getheader("X-Docker-Container-Path-Stat")
    assert r.getheader("Api-Version") == "1.51" and r.getheader("Ostype") == "linux"
    assert r.getheader("Docker-Experimental") == "false" and r.getheader("Server").startswith("Docker/")


def test_stats_of_stopped(box):
    s, kind, text, _ = ask(box, "GET /v1.50/containers/st1/stats?stream=0")
    j = json.loads(text)
    assert (s, kind) == (200, TYPE) and (j["name"], j["read"], j["preread"]) == ("/st1", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z")
    assert j["pids_stats"] == {}
    assert list(j)[:6] == ["name", "id", "read", "preread", "pids_stats", "blkio_stats"]


def test_anonymous_volume(box):
    s, kind, text, _ = ask(box, "POST /v1.50/volumes/create", {})
    j = json.loads(text)
    assert (s, kind) == (201, TYPE) and re.fullmatch("[0-9a-f]{64}", j["Name"])
    assert list(j) == ["CreatedAt", "Driver", "Labels", "Mountpoint", "Name", "Options", "Scope"]
    assert j["Labels"] == {"com.docker.volume.anonymous": ""} and j["Options"] is None


def test_untag_and_restart(box):
    """Those that change something, last."""
    ask(box, "POST /v1.50/images/bb:1/tag?repo=bb&tag=2")
    assert json.loads(ask(box, "DELETE /v1.50/images/bb:2")[2]) == [{"Untagged": "bb:2"}]
    assert ask(box, "POST /v1.50/containers/st1/restart")[:3] == (204, "", "")
