# SPDX-License-Identifier: Apache-2.0
"""Volumes, driven by docker's own client."""
import json
import re
import time

import pytest

from test_containers import Box


@pytest.fixture(scope="module")
def box(daemon):
    return Box(daemon)


@pytest.fixture(autouse=True)
def clean(box):
    yield
    ids = box("ps", "-aq").stdout.split()
    if ids:
        box("rm", "-fv", *ids)
    box("volume", "prune", "-af")


def ls(box, *filters):
    return sorted(box("volume", "ls", "-q", *[x for f in filters for x in ("--filter", f)]).stdout.split())


def test_life(box):
    assert box.d.api("GET", "/volumes") == (200, {"Volumes": [], "Warnings": None})
    assert box("volume", "create", "--label", "a=b", "data").stdout == "data\n"
    v = json.loads(box("volume", "inspect", "data").stdout)[0]
    assert list(v) == ["CreatedAt", "Driver", "Labels", "Mountpoint", "Name", "Options", "Scope"]
    assert v["Labels"] == {"a": "b"} and v["Driver"] == "local" and v["Scope"] == "local"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", v["CreatedAt"])
    assert v["Mountpoint"] == str(box.d.root / "volumes/data/_data")
    assert box("volume", "create", "data").stdout == "data\n"  # the same again
    box.run("--rm", "-v", "data:/x", "bb:1", "sh", "-c", "echo kept >/x/f")
    assert box.run("--rm", "-v", "data:/y:ro", "bb:1", "cat", "/y/f").stdout == "kept\n"
    box.d.restart(9)
    assert ls(box) == ["data"]
    assert box.run("--rm", "-v", "data:/y", "bb:1", "cat", "/y/f").stdout == "kept\n"
    box("volume", "rm", "data")
    assert ls(box) == []
    assert not (box.d.root / "volumes/data").exists()


def test_in_use(box):
    cid = box("create", "--network", "none", "-v", "evol:/x", "bb:1", "true").stdout.strip()
    assert box.d.api("DELETE", "/volumes/evol") == (409, {"message": f"remove evol: volume is in use - [{cid}]"})
    assert ls(box, "dangling=false") == ["evol"]
    box("rm", "-v", cid)
    assert ls(box) == ["evol"]  # is named: stays
    assert ls(box, "dangling=true") == ["evol"]


def test_anonymous(box):
    box.run("--name", "xa", "-v", "/x", "bb:1", "true")
    (name,) = ls(box)
    v = box.d.api("GET", "/volumes/" + name)[1]
    assert len(name) == 64 and v["Labels"] == {"com.docker.volume.anonymous": ""} and v["Options"] is None
    box("rm", "-v", "xa")
    assert ls(box) == []
    box.run("--rm", "-v", "/x", "bb:1", "true")
    assert ls(box) == []
    box.run("--name", "xb", "-v", "/x", "bb:1", "true")
    box("rm", "xb")
    assert len(ls(box)) == 1


def test_filled_from_the_image(box):
    out = box.run("--rm", "-v", "full:/data", "bb:1", "sh", "-c", "ls /data; stat -c '%u %g %a' /data").stdout
    assert out.split("\n")[:2] == ["link", "low"] and "33 50 750" in out
    out = box.run("--rm", "-v", "empty:/data:nocopy", "bb:1", "ls", "/data").stdout
    assert out == ""


def test_prune(box):
    box("volume", "create", "named")
    box("volume", "create", "--label", "x=1", "other")
    anon = box.d.api("POST", "/volumes/create", {})[1]["Name"]
    box.run("--rm", "-v", "named:/x", "bb:1", "sh", "-c", "echo 12345 >/x/f")
    code, body = box.d.api("POST", "/volumes/prune")
    assert code == 200 and body["VolumesDeleted"] == [anon]
    code, body = box.d.api("POST", '/volumes/prune?filters={"all":["true"],"label!":["x"]}')
    assert body == {"VolumesDeleted": ["named"], "SpaceReclaimed": 6}
    assert ls(box, "label=x=1") == ["other"]


def test_errors(box):
    for method, path, body, code, message in [
            ("GET", "/volumes/nosuch", None, 404, "get nosuch: no such volume"),
            ("DELETE", "/volumes/nosuch", None, 404, "get nosuch: no such volume"),
            ("POST", "/volumes/create", {"Name": "evol", "Driver": "nodrv"}, 404,
             'create evol: error looking up volume plugin nodrv: plugin "nodrv" not found'),
            ("POST", "/volumes/create", {"Name": "a/b"}, 400,
             'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are '
             "allowed. If you intended to pass a host directory, use absolute path"),
            ("POST", "/volumes/create", {"Name": "xx", "DriverOpts": {"bogus": "1"}}, 400, 'invalid option: "bogus"'),
            ("GET", '/volumes?filters={"bogus":["x"]}', None, 400, "invalid filter 'bogus'")]:
        assert box.d.api(method, path, body) == (code, {"message": message})
    assert box.d.api("DELETE", "/volumes/nosuch?force=1")[0] == 204


def test_options(box):
    box("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,uid=33", "mem")
    out = box.run("--rm", "-v", "mem:/x", "bb:1", "sh", "-c", "df -P /x | tail -1; stat -c %u /x").stdout
    assert out.startswith("tmpfs") and " 1024 " in out and out.endswith("\n33\n")
    # two that run share it; when both have gone it is empty again
    box.up("--name", "xa", "-v", "mem:/x", cmd=("sh", "-c", "echo there >/x/f; sleep 1000"))
    assert box.run("--rm", "-v", "mem:/x", "bb:1", "sh", "-c", "until [ -s /x/f ]; do :; done; cat /x/f").stdout == "there\n"
    box("rm", "-f", "xa")
    assert box.run("--rm", "-v", "mem:/x", "bb:1", "ls", "/x").stdout == ""
    box("volume", "create", "-o", "type=none", "-o", "device=/nosuch", "-o", "o=bind", "bad")
    p = box.run("--rm", "-v", "bad:/x", "bb:1", "true", ok=False)
    assert p.returncode != 0 and "failed to mount local volume" in p.stderr


def test_events(box):
    since = f"{time.time():.6f}"
    box("volume", "create", "evv")
    box("volume", "rm", "evv")
    until = f"{time.time():.6f}"
    got = [e for e in box.events(since, until) if e["Type"] == "volume"]
    assert [(e["Action"], e["Actor"]["ID"], e["Actor"]["Attributes"]) for e in got] == [
        ("create", "evv", {"driver": "local"}), ("destroy", "evv", {"driver": "local"})]
