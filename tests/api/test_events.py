# SPDX-License-Identifier: Apache-2.0
"""Events: their form, followers, past ones, filters."""
import json
import time

import pytest


class Follower:
    """GET /events; headers are there when it is made."""

    def __init__(self, daemon, query=""):
        self.c = daemon.connect()
        self.c.request("GET", "/v1.50/events" + query)
        self.r = self.c.getresponse()
        assert self.r.status == 200 and self.r.getheader("Content-Type") == "application/json"

    def next(self):
        return json.loads(self.r.readline())

    def rest(self):
        return [json.loads(line) for line in self.r.read().splitlines()]


def volume(daemon, name, labels=None):
    assert daemon.api("POST", "/volumes/create", {"Name": name, "Labels": labels or {}})[0] == 201


def test_form(daemon):
    f = Follower(daemon)
    volume(daemon, "one")
    e = f.next()
    now = time.time()
    assert abs(e["time"] - now) < 60 and e["timeNano"] // 10**9 == e["time"]
    del e["time"], e["timeNano"]
    assert e == {"Type": "volume", "Action": "create", "Actor": {"ID": "one", "Attributes": {"driver": "local"}}, "scope": "local"}


def test_past_and_until(daemon):
    since = time.time()
    volume(daemon, "two")
    daemon.api("DELETE", "/volumes/two")
    out = daemon.docker("events", "--since", f"{since:.6f}", "--until", f"{time.time() + 0.3:.6f}", "--format",
                        "{{.Type}} {{.Action}} {{.Actor.ID}}").stdout
    assert out.splitlines() == ["volume create two", "volume destroy two"]
    # nothing of the past unless it is asked for; an end in the past ends at once
    assert Follower(daemon, "?until=1").rest() == []
    f = Follower(daemon, f"?until={time.time() + 0.2:.6f}")
    volume(daemon, "three")
    assert [e["Actor"]["ID"] for e in f.rest()] == ["three"]


def test_filters(daemon):
    f = Follower(daemon, '?filters={"type":["volume"],"event":{"destroy":true}}')
    volume(daemon, "four")
    daemon.api("DELETE", "/volumes/four")
    assert f.next()["Action"] == "destroy"
    assert daemon.api("GET", '/events?filters={"bogus":["x"]}') == (400, {"message": "invalid filter 'bogus'"})
    assert daemon.api("GET", "/events?since=x")[0] == 400
    assert daemon.api("GET", "/events?since=5&until=4")[0] == 400


def test_ring_holds_256(daemon):
    since = int(time.time())
    for i in range(150):
        volume(daemon, f"r{i}")
        daemon.api("DELETE", f"/volumes/r{i}")
    past = Follower(daemon, f"?since={since}&until={time.time():.6f}").rest()
    assert len(past) == 256 and past[-1]["Actor"]["ID"] == "r149"


def test_slow_and_gone_followers_hold_nobody(daemon):
    slow = Follower(daemon)
    gone = Follower(daemon)
    gone.c.close()
    f = Follower(daemon)
    for i in range(20):
        volume(daemon, f"s{i}")
    assert [f.next()["Actor"]["ID"] for _ in range(20)] == [f"s{i}" for i in range(20)]
    slow.c.close()


@pytest.mark.parametrize("sig", ["TERM"])
def test_end_of_the_daemon_ends_the_stream(make_daemon, sig):
    d = make_daemon()
    f = Follower(d)
    d.stop()
    assert f.rest() == []
