# SPDX-License-Identifier: Apache-2.0
"""Every system call that PID 1 makes is made to fail once: it goes on living, and a person gets a prompt or the services
run; what runs can be asked and shut down. By default a sample of them; EVERY=1 takes each."""
import errno
import os
import re
import subprocess

import pytest

from slipway_ns import *

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or cgroup2() is None, reason="needs root and a cgroup2 mount")

STEP = 1 if os.environ.get("EVERY") else 9
OFFSET = 4 % STEP
ERRORS = (errno.ENOMEM, errno.EIO, errno.EINTR, errno.ENOSYS)
LAST = 4000  # more than there are


def persist(ask):
    """Ask until there is an answer: the failing call may have been the one that serves the asker."""
    for _ in range(3):
        try:
            return ask()
        except (AssertionError, ConnectionError):
            pass
    raise AssertionError("the control socket does not answer")


def one(path, n, error):
    """Boot with the n-th call failing. Returns the call's number, or None when there are not so many."""
    path.mkdir()
    m = Machine(path)
    try:
        os.mkfifo(path / "gate")
        m.services(service("a", FOREVER, restart=ALWAYS), service("b", "run sysctr notify READY=1; sleep 1000", ready=NOTIFY,
                                                                 restart=ALWAYS, deps=[("a",)]))
        m.boot(before=lambda: m.fail_call(n, error))

        def settled():
            assert m.proc.poll() is None, f"call {n} failing with {error} ended PID 1:\n{m.tty()}\n{m.kmsg()}"
            # it may have taken the test's /dev for none and mounted the machine's own: then only the socket tells
            return re.search(r"slipway: ready in |\*\*\* slipway: emergency console", m.tty() + m.kmsg()) or (
                not m.path("/dev/ttyT").exists() and m.path("/run/slipway/control.sock").exists())
        wait_for(settled)
        if "ready in" in m.tty() + m.kmsg() and m.path("/run/slipway/control.sock").exists():
            for name in ("a", "b"):
                wait_for(lambda: persist(m.list)[name]["state"] == "ready")
            before = persist(m.list)["a"]["starts"]
            persist(lambda: m.ask(RESTART, b"a"))
            wait_for(lambda: (s := persist(m.list)["a"]) and s["starts"] > before and s["state"] == "ready")
        m.kill(signal.SIGUSR2)
        m.wait_end(90)  # every phase of a shutdown may have to use up its time
        called = m.failer.communicate()[0].strip()
        return None if called == "none" else int(called)
    except (AssertionError, subprocess.TimeoutExpired) as e:
        m.failer.kill()
        raise AssertionError(f"call {n} ({m.failer.communicate()[0].strip()}) failing with errno {error}: {e}\n"
                             f"{m.tty()[-800:]}\n{m.kmsg()[-800:]}") from None
    finally:
        m.close()


FOREVER = "run trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done"


def test_every_failing_call_is_survived(tmp_path):
    calls = set()
    for i, n in enumerate(range(1 + OFFSET, LAST, STEP)):
        nr = one(tmp_path / f"n{n}", n, ERRORS[i % len(ERRORS)])
        if nr is None:
            break
        calls.add(nr)
    assert n > 100 and len(calls) > 10, (n, calls)
