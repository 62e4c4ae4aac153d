# SPDX-License-Identifier: Apache-2.0
"""The runtime where system calls are missing, as on an older kernel or below a filter: openat2 has a stand-in, for others it says so."""
import ctypes
import os
import struct
import subprocess
import types

import pytest

import test_sysctr
from test_sysctr import SYSCTR, Box, box, config  # noqa: F401

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NUMBERS = {"openat2": 437, "clone3": 435, "open_tree": 428}
ENOSYS, EPERM = 38, 1
libc = ctypes.CDLL(None, use_errno=True)


def without(call, error):
    """For preexec_fn: take a system call away. root needs no no_new_privs for it."""
    f = [(0x20, 0, 0, 0), (0x15, 0, 1, NUMBERS[call]), (0x06, 0, 0, 0x00050000 | error), (0x06, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *i) for i in f))
    prog = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(f), ctypes.addressof(code)))

    def install():
        if libc.prctl(22, 2, prog, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    install.keep = code  # prog points to it
    return install


@pytest.fixture(params=[ENOSYS, EPERM], ids=["ENOSYS", "EPERM"])
def no_openat2(request, monkeypatch):
    real = subprocess.Popen
    install = without("openat2", request.param)
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **kw: real(*a, **{**kw, "preexec_fn": install}))


# every case of test_sysctr.py once more, below the filter
for _name, _test in [(n, t) for n, t in vars(test_sysctr).items() if n.startswith("test_")]:
    _again = types.FunctionType(_test.__code__, vars(test_sysctr), _name, _test.__defaults__)
    _again.pytestmark = [pytest.mark.usefixtures("no_openat2").mark, *getattr(_test, "pytestmark", [])]
    globals()[_name] = _again


def test_the_filter_is_there(box, no_openat2):
    r = box.sh("grep Seccomp_filters: /proc/self/status")
    assert r.stdout.split() == ["Seccomp_filters:", "1"]


@pytest.mark.parametrize("call", ["clone3", "open_tree"])
def test_a_call_without_a_stand_in_is_told(box, call):
    box.write(config("/bin/sh", "-c", "exit 0"))
    r = box("run", "-b", box.path, "t", preexec_fn=without(call, ENOSYS))
    assert r.returncode == 1 and "Linux 5.12 is needed" in r.stderr and len(r.stderr.splitlines()) == 1
    assert box.left() == []
