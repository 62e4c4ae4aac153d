# SPDX-License-Identifier: Apache-2.0
"""Every system call of a start fails once: the error is one line, and nothing is left behind."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from test_sysctr import SYSCTR, config
from test_sysctr_spec import box, process, seccomp  # noqa: F401

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
              pytest.mark.skipif(not shutil.which("strace"), reason="no strace")]
CALLS = ("openat", "openat2", "mkdirat", "socketpair", "clone3", "mount", "open_tree", "move_mount", "mount_setattr", "fsopen", "fsconfig", "fsmount",
         "mknodat", "symlinkat", "pivot_root", "umount2", "fchdir", "chdir", "sethostname", "prctl", "setgroups", "setresgid", "setresuid",
         "capset", "prlimit64", "close_range", "seccomp", "write", "renameat", "recvmsg", "read", "fstat", "fstatfs", "execve", "mmap", "brk",
         "linkat", "bpf", "setsid", "umask", "statfs", "readlink", "mknod", "fchmodat", "sendmsg", "poll",
         "flock")


def cgroups():
    return sorted(str(p) for base in ("/sys/fs/cgroup/sysctr", "/sys/fs/cgroup/unified/sysctr") if os.path.isdir(base)
                  for p in Path(base).iterdir() if p.is_dir() and p.name == "fault")


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_fails(box, call):
    box.write(process(seccomp(config("/bin/true"), "SCMP_ACT_ERRNO"), rlimits=[{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]))
    box("run", "-b", box.path, "fault")  # what is kept is kept already
    for n in range(1, 60):
        trace = box.path / "trace"
        # from -ENOMEM nothing recovers by another way, as from -ENOSYS or -EPERM it may
        p = subprocess.run(["strace", "-f", "-qq", "-o", trace, "-e", f"trace={call}", "-e", f"inject={call}:error=ENOMEM:when={n}", SYSCTR, "--root", box.root,
                            "run", "-b", box.path, "fault"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(box.path / "err", "w"),
                           timeout=60)
        p.stderr = (box.path / "err").read_text()
        injected = "(INJECTED)" in trace.read_text()
        if p.returncode == 0 and not injected:
            return  # there is no n-th one
        left = box.left() + cgroups()
        # a failing removal is for the next one to repair
        if left and p.returncode == 0:
            assert box("delete", "-f", "fault").returncode == 0
            left = box.left() + cgroups()
        assert left == [], (call, n, p.stderr, trace.read_text()[-500:])
        assert p.returncode == 0 or p.stderr.count("\n") <= 1 or "strace" in p.stderr, (call, n, p.stderr)
        assert not re.search(r"Segmentation|Abort", p.stderr)


def test_delete_waits_for_the_one_who_creates(box, tmp_path):
    """Else it removes the directory of a creation that goes on, and that one, undone by name, removes a third one's."""
    os.mkfifo(tmp_path / "go")
    c = config("/bin/sleep", "1000")
    c["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f"echo >{tmp_path}/go; read x <{tmp_path}/go"]}]}
    box.write(c)
    arg = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    create = subprocess.Popen([SYSCTR, "--root", box.root, "create", "-b", box.path, "t"], **arg)
    (tmp_path / "go").read_text()  # the hook runs
    delete = subprocess.Popen([SYSCTR, "--root", box.root, "delete", "-f", "t"], **arg)
    while delete.poll() is None and Path(f"/proc/{delete.pid}/syscall").read_text().split()[0] != "73":  # flock
        pass
    assert delete.poll() is None and box.left() == ["t"]
    (tmp_path / "go").write_text("\n")
    assert create.wait(30) == 0 and delete.wait(30) == 0
    assert box.left() == []
