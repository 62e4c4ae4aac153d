"""PID 1 as it is shipped, in namespaces of its own, with a runtime that does as it is told."""
import os
import re
import signal

import pytest

from slipway_ns import *

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or cgroup2() is None, reason="needs root and a cgroup2 mount")

FOREVER = "run trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done"


@pytest.fixture
def m(tmp_path):
    m = Machine(tmp_path)
    yield m
    m.close()


def ready_line(m):
    return re.search(r"^slipway: ready in (\d+\.\d{3}) s$", m.tty(), re.M)


def test_boots_to_ready(m):
    m.services(service("a", FOREVER), service("b", FOREVER, deps=[("a",)]),
               service("c", "run echo once", ready=EXIT, deps=[("b", DEP_STARTED)]))
    m.boot()
    m.wait_tty("slipway: ready in ")
    assert ready_line(m)
    s = m.list()
    assert {k: v["state"] for k, v in s.items()} == {"a": "ready", "b": "ready", "c": "done"}
    assert s["a"]["pid"] > 1 and s["c"]["pid"] == 0
    wait_for(lambda: m.log("c") == "once\n")
    assert m.path("/run/slipway/cmdline").read_text().startswith("console=ttyT")
