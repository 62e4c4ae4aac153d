# SPDX-License-Identifier: Apache-2.0
"""The publicly known escapes of runc, crun, containerd and Docker that a runtime can have, one test each."""
import ctypes
import hashlib
import json
import os
import select
import subprocess
import threading
from pathlib import Path

import pytest

from test_sysctr import NAMESPACES, SYSCTR, Box, config
from test_sysctr_spec import bad, bind, box, detached, in_userns, linux, ok, process, sh, with_mount  # noqa: F401

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def tree(path):
    return sorted(str(p.relative_to(path)) for p in Path(path).rglob("*"))


# runc CVE-2016-3697, crun CVE-2026-30892, containerd CVE-2024-40635

@pytest.mark.parametrize("uid", [4294967295, 4294967296, -1, 1.5, "0", 2**63])
def test_user_ids_that_are_none(box, uid):
    bad(box, process(sh("id -u"), user={"uid": uid, "gid": 0}), "process.user.uid")
    bad(box, process(sh("id -u"), user={"uid": 0, "gid": uid}), "process.user.gid")


def test_ids_above_two_gigabytes_do_not_wrap(box):
    assert ok(box, process(sh("id -u; id -g"), user={"uid": 2147483648, "gid": 4294967294})).split() == ["2147483648", "4294967294"]


def test_the_image_s_passwd_does_not_decide_who_runs(box):
    (box.path / "rootfs" / "etc").mkdir()
    (box.path / "rootfs" / "etc" / "passwd").write_text("1000:x:0:0::/:/bin/sh\n1001:x:1000:0::relative:/bin/sh\n")
    detached(box, config("/bin/sleep", "1000"))
    assert box("exec", "--user", "1000", "t", "/bin/sh", "-c", "id -u; echo $HOME").stdout.split() == ["1000", "/"]


# runc CVE-2016-9962: descriptors and ptrace of the entering process

def test_no_descriptors_come_along(box):
    script = "ls /proc/self/fd"
    assert ok(box, sh(script)).split() == ["0", "1", "2", "3"]
    detached(box, config("/bin/sleep", "1000"))
    assert box("exec", "t", "/bin/ls", "/proc/self/fd").stdout.split() == ["0", "1", "2", "3"]


def test_descriptors_of_the_caller_do_not_come_along(box):
    r, w = os.pipe()
    box.write(sh("ls /proc/self/fd"))
    p = subprocess.run([SYSCTR, "--root", box.root, "run", "-b", box.path, "t"], pass_fds=[r, w], capture_output=True, text=True,
                       stdin=subprocess.DEVNULL, timeout=30)
    os.close(r), os.close(w)
    assert p.stdout.split() == ["0", "1", "2", "3"]


# runc CVE-2019-5736

@pytest.mark.parametrize("how", ["direct", "script"])
def test_the_runtime_s_program_cannot_be_written_from_inside(box, how):
    mine = box.path / "sysctr"
    mine.write_bytes(SYSCTR.read_bytes())
    mine.chmod(0o755)
    before = hashlib.sha256(mine.read_bytes()).hexdigest()
    entry = "/proc/self/exe"
    if how == "script":
        (box.path / "rootfs" / "bin" / "evil").write_text("#!/proc/self/exe\n")
        (box.path / "rootfs" / "bin" / "evil").chmod(0o755)
        entry = "/bin/evil"
    # the program run from inside: whatever its file is, a write to it must fail
    c = config("/bin/sh", "-c", "while :; do for p in /proc/[0-9]*; do case $(readlink $p/exe) in *busybox) ;; *) "
                                "exec 9<$p/exe && break 2;; esac; done; done 2>/dev/null; (echo pwned >>/proc/self/fd/9) 2>&1; echo tried")
    c["process"]["capabilities"] = {k: ["CAP_DAC_OVERRIDE", "CAP_SYS_PTRACE"] for k in ("bounding", "effective", "permitted")}
    box.write(c)
    p = subprocess.Popen([mine, "--root", box.root, "run", "-b", box.path, "t"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        for _ in range(200):
            if p.poll() is not None:
                break
            subprocess.run([mine, "--root", box.root, "exec", "t", entry, "events", "--interval", "1s", "none"], stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=30)
        out = p.communicate(timeout=10)[0] if p.poll() is not None else ""
    finally:
        if p.poll() is None:
            subprocess.run([mine, "--root", box.root, "kill", "t", "KILL"])
            p.communicate()
    assert hashlib.sha256(mine.read_bytes()).hexdigest() == before
    assert "tried" not in out or "Read-only" in out or "Permission" in out or "busy" in out.lower(), out


def test_the_program_of_the_first_process_is_a_read_only_file(box):
    mine = box.path / "sysctr"
    mine.write_bytes(SYSCTR.read_bytes())
    mine.chmod(0o755)
    c = config("/proc/self/exe", "--version")
    box.write(c)
    r = subprocess.run([mine, "--root", box.root, "run", "-b", box.path, "t"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)
    assert "sysctr version" in r.stdout  # it does run; what counts is that it is not the file
    # a created container's process still is the runtime's program
    box.write(config("/bin/true"))
    subprocess.run([mine, "--root", box.root, "create", "-b", box.path, "t"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=30, check=True)
    pid = json.loads(box("state", "t").stdout)["pid"]
    fd, life = os.open(f"/proc/{pid}/exe", os.O_RDONLY), os.pidfd_open(pid)
    assert box("delete", "-f", "t").returncode == 0
    select.select([life], [], [], 10)
    with pytest.raises(OSError) as e:
        os.open(f"/proc/self/fd/{fd}", os.O_WRONLY)
    assert e.value.errno == 30  # EROFS, also when nobody executes it any more
    os.close(fd), os.close(life)


# runc CVE-2019-16884, CVE-2019-19921, CVE-2023-27561, CVE-2023-28642

@pytest.mark.parametrize("name", ["proc", "sys"])
def test_proc_and_sys_that_are_links(box, name):
    (box.path / "rootfs" / name).rmdir()
    (box.path / "rootfs" / "tmp" / "x").mkdir()
    (box.path / "rootfs" / name).symlink_to("tmp/x")
    bad(box, sh("true"), "is not a directory")


def test_a_volume_in_the_place_of_proc(box):
    (box.path / "fake").mkdir()
    c = sh("true")
    c["mounts"] = [m for m in c["mounts"] if m["destination"] != "/proc"]
    for where in ("/proc", "//proc/", "/proc/.", "/tmp/../proc"):
        bad(box, with_mount(json.loads(json.dumps(c)), {"destination": where, "type": "bind", "source": "fake", "options": ["bind"]}), "procfs")
    bad(box, with_mount(json.loads(json.dumps(c)), {"destination": "/proc", "type": "tmpfs", "source": "tmpfs"}), "procfs")
    bad(box, with_mount(sh("true"), {"destination": "/proc/self/attr", "type": "bind", "source": "fake", "options": ["bind"]}), "procfs")
    bad(box, with_mount(sh("true"), {"destination": "/proc/sys/kernel", "type": "tmpfs", "source": "tmpfs"}), "procfs")
    (box.path / "f").write_text("mine\n")
    assert ok(box, with_mount(sh("cat /proc/uptime"), {"destination": "/proc/uptime", "type": "bind", "source": "f", "options": ["bind"]})) == "mine\n"


# runc CVE-2025-52881: writes to /proc that land elsewhere

def test_sysctl_needs_a_real_procfs(box):
    c = linux(sh("true"), sysctl={"kernel.msgmax": "1"})
    c["mounts"] = [m for m in c["mounts"] if m["destination"] != "/proc"]
    (box.path / "rootfs" / "proc" / "sys" / "kernel").mkdir(parents=True)
    (box.path / "rootfs" / "proc" / "sys" / "kernel" / "msgmax").write_text("")
    bad(box, c, "not procfs")
    assert (box.path / "rootfs" / "proc" / "sys" / "kernel" / "msgmax").read_text() == ""


@pytest.mark.parametrize("key", ["../../../etc/x", "kernel/../../etc", ""])
def test_sysctl_names_stay_inside(box, key):
    bad(box, linux(sh("true"), sysctl={key: "1"}), "sysctl")


# runc CVE-2021-30465, CVE-2024-45310: somebody swaps the mount target while we mount

def test_swapping_mount_targets(box):
    vol, victim = box.path / "rootfs" / "vol", box.path / "victim"
    (vol / "a").mkdir(parents=True)
    victim.mkdir()
    (vol / "b").symlink_to("../../../../../../../../../../../.." + str(victim))
    libc, stop = ctypes.CDLL(None, use_errno=True), threading.Event()

    def swap():
        while not stop.is_set():
            libc.syscall(316, -100, str(vol / "a").encode(), -100, str(vol / "b").encode(), 2)  # renameat2(RENAME_EXCHANGE)
    t = threading.Thread(target=swap)
    t.start()
    try:
        c = with_mount(sh("true", root={"path": "rootfs"}), {"destination": "/vol/a/deep/er", "type": "tmpfs", "source": "tmpfs"},
                       {"destination": "/vol/b/f", "type": "bind", "source": "config.json", "options": ["bind"]})
        box.write(c)
        for _ in range(150):
            box("run", "-b", box.path, "t")  # may fail; must not get out
            assert tree(victim) == []
    finally:
        stop.set()
        t.join()
    assert str(victim) not in Path("/proc/self/mounts").read_text()


# runc CVE-2021-43784: lengths

def test_long_strings_and_lists(box):
    long = "x" * 70000
    for c in (process(sh("true"), cwd="/" + long), sh("true", hostname=long), process(sh("true"), args=[long]), linux(sh("true"), cgroupsPath="/" + long),
              sh("true", root={"path": long}), with_mount(sh("true"), {"destination": "/" + long, "type": "tmpfs"}),
              with_mount(sh("true"), {"destination": "/mnt", "type": "tmpfs", "options": [long]}),
              with_mount(sh("true"), *[{"destination": "/mnt", "type": "tmpfs"}] * 5000),
              linux(sh("true"), maskedPaths=["/x"] * 5000), process(sh("true"), env=["A=" + "x" * (3 << 20)])):
        r = box.run(c)
        assert r.returncode == 1 and r.stderr.count("\n") == 1 and len(r.stderr) < 1000 and box.left() == [], r.stderr[:300]
    assert ok(box, process(sh("echo ${#A}"), env=["PATH=/bin", "A=" + "x" * 100000])) == "100000\n"


def test_two_megabytes_of_nested_json(box):
    for text in ("[" * (2 << 20), '{"a":' * (1 << 18), '{"ociVersion":"1.0","annotations":{' + '"a":"b",' * (1 << 18) + '"c":"d"}}'):
        r = box.run(text)
        assert r.returncode == 1 and r.stderr.count("\n") == 1 and box.left() == []


# moby CVE-2022-24769, runc CVE-2022-29162, crun CVE-2022-27650

def test_no_inheritable_capabilities(box):
    assert int(ok(box, sh("grep CapInh /proc/self/status")).split()[1], 16) == 0
    detached(box, config("/bin/sleep", "1000"))
    for args in ((), ("--cap", "CAP_NET_RAW"), ("--user", "5")):
        assert int(box("exec", *args, "t", "/bin/grep", "CapInh", "/proc/self/status").stdout.split()[1], 16) == 0


def test_capabilities_do_not_survive_a_change_of_user(box):
    c = process(sh("grep Cap /proc/self/status"), user={"uid": 5, "gid": 5})
    c["process"]["capabilities"] = {k: ["CAP_CHOWN"] for k in ("bounding", "effective", "permitted")}
    caps = {l.split()[0]: int(l.split()[1], 16) for l in ok(box, c).splitlines()}
    assert caps["CapEff:"] == caps["CapPrm:"] == caps["CapAmb:"] == 0 and caps["CapBnd:"] == 1


# containerd CVE-2023-25173, moby CVE-2022-36109

def test_supplementary_groups_are_those_of_the_configuration(box):
    box.write(process(sh("id -G"), user={"uid": 5, "gid": 6}))
    r = subprocess.run(["setpriv", "--groups", "33,44", SYSCTR, "--root", box.root, "run", "-b", box.path, "t"], capture_output=True, text=True,
                       stdin=subprocess.DEVNULL, timeout=30)
    assert r.stdout.split() == ["6"], r.stderr


# runc CVE-2024-21626

@pytest.mark.parametrize("fd", [3, 4, 5, 6, 7, 8, 9, 10, 12])
def test_a_working_directory_through_a_descriptor(box, fd):
    r = box.run(process(sh("pwd; ls ../../../.."), cwd=f"/proc/self/fd/{fd}"))
    assert r.returncode == 1 and "process.cwd" in r.stderr and box.left() == []


def test_exec_with_a_working_directory_through_a_descriptor(box):
    detached(box, config("/bin/sleep", "1000"))
    for fd in range(3, 20):
        r = box("exec", "--cwd", f"/proc/self/fd/{fd}", "t", "/bin/ls", "..")
        assert r.returncode != 0 and "process.cwd" in r.stderr, fd


# runc CVE-2025-31133, CVE-2025-52565

def test_an_image_s_dev_null_is_not_what_masks(box):
    (box.path / "rootfs" / "dev" / "null").symlink_to("/proc/sys/kernel/core_pattern")
    c = linux(sh("cat /proc/interrupts; echo done; grep interrupts /proc/self/mountinfo"), maskedPaths=["/proc/interrupts"])
    c["mounts"] = [m for m in c["mounts"] if not m["destination"].startswith("/dev")]
    out = ok(box, c)
    assert out.startswith("done\n") and "/null" in out and "core_pattern" not in out


def test_console_target_that_is_a_link(box):
    victim = box.path / "victim"
    victim.mkdir()
    dev = box.path / "host-dev"
    dev.mkdir()
    (dev / "console").symlink_to("../../../../../../../../../.." + str(victim / "made"))
    c = process(sh("true"), terminal=True)
    c["mounts"] = [m for m in c["mounts"] if m["destination"] not in ("/dev",)]
    c["mounts"].insert(1, {"destination": "/dev", "type": "bind", "source": str(dev), "options": ["bind"]})
    (dev / "pts").mkdir()
    box.write(c)
    box("run", "-b", box.path, "t")
    assert tree(victim) == []


# runc CVE-2026-41579, crun CVE-2026-47766, CVE-2025-24965, CVE-2019-18837: links in the image where the runtime makes things

@pytest.mark.parametrize("name", ["dev", "etc", "dev/pts", "dev/shm", "run", "mnt"])
def test_images_with_links_to_the_host(box, name):
    victim = box.path / "victim"
    victim.mkdir()
    link = box.path / "rootfs" / name
    link.parent.mkdir(exist_ok=True)
    if link.exists():
        link.rmdir()
    link.symlink_to("../../../../../../../../../../.." + str(victim))
    before = tree(victim)
    c = with_mount(sh("true", root={"path": "rootfs"}), {"destination": f"/{name}/made", "type": "tmpfs", "source": "tmpfs"},
                   {"destination": f"/{name}/file", "type": "bind", "source": "config.json", "options": ["bind"]})
    c["linux"]["devices"] = [{"path": f"/{name}/node", "type": "c", "major": 1, "minor": 3}]
    box.run(c)
    assert tree(victim) == before
    assert str(victim) not in Path("/proc/self/mounts").read_text()


# containerd CVE-2022-23648 and kin: destinations that climb

@pytest.mark.parametrize("destination", ["/../../../../victim/x", "/mnt/../../../../../victim/x", "/./../victim/x"])
def test_mount_destinations_that_climb(box, destination):
    victim = box.path / "victim"
    victim.mkdir()
    box.run(with_mount(sh("true", root={"path": "rootfs"}), {"destination": destination, "type": "tmpfs", "source": "tmpfs"}))
    assert tree(victim) == [] and not Path("/victim").exists()


# containerd CVE-2021-41103, CVE-2024-25621: what others may see of our state

def test_others_cannot_enter_the_state_directory(box):
    detached(box, config("/bin/sleep", "1000"))
    assert os.stat(box.root).st_mode & 0o077 == 0
    assert os.stat(box.root / "t" / "state.json").st_mode & 0o077 == 0


# moby checkpoint traversal: ids are names

@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc", ".", "..", "a\nb"])
@pytest.mark.parametrize("verb", ["state", "start", "kill", "delete", "pause", "resume", "ps", "exec", "update", "events"])
def test_ids_that_are_paths(box, verb, name):
    extra = {"exec": ["/bin/true"], "update": []}.get(verb, [])
    flags = {"update": ["--pids-limit", "5"]}.get(verb, [])
    r = box(verb, *flags, name, *extra)
    assert r.returncode == 1 and "container id" in r.stderr, r.stderr


# runc CVE-2023-25809 on a hybrid host: the cgroup file system of the host is not writable inside

def test_cgroup_mount_without_a_namespace_shows_only_the_own_cgroup(box):
    c = sh("ls /sys/fs/cgroup; cat /sys/fs/cgroup/cgroup.procs; mount | grep cgroup")
    c["linux"]["namespaces"] = [{"type": t} for t in NAMESPACES if t != "cgroup"]
    with_mount(c, {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid"]})
    out = box.run(c)
    assert "sysctr\n" not in out.stdout and (out.returncode == 1 or " ro," in out.stdout or "(ro," in out.stdout), out.stdout + out.stderr


# leftovers: crun 1.8.1 left its cgroup behind on every failed start

def test_a_failed_start_leaves_no_cgroup(box):
    c = linux(config("/bin/nope"), cgroupsPath="/slipway-test-left")
    bad(box, c, "/bin/nope")
    for base in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        assert not Path(base, "slipway-test-left").exists()
