# SPDX-License-Identifier: Apache-2.0
"""Options of create, driven by docker's own client: what a container has of them, and which are refused with which words."""
import json
import resource

import pytest

from test_containers import Box


@pytest.fixture(scope="module")
def box(daemon):
    return Box(daemon)


def sh(box, script, *options):
    return box.run("--rm", *options, "bb:1", "sh", "-c", script).stdout.split("\n")[:-1]


def caps(box, *options):
    return sh(box, "awk '/^CapEff/{print $2}' /proc/self/status", *options)[0]


def test_defaults(box):
    out = sh(box, "id; pwd; echo $HOME $PATH; ulimit -n; ulimit -Hn; cat /proc/sys/net/ipv4/ping_group_range;"
                  "awk '/^(Seccomp|NoNewPrivs|CapEff|CapPrm|CapBnd|CapInh|CapAmb):/{print $1 $2}' /proc/self/status")
    # who may not raise limits keeps its own
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert out[:4] == ["uid=0(root) gid=0(root) groups=0(root)", "/", "/root /bin", "1024"]
    assert int(out[4]) in (524288, hard)
    assert out[5].split() == ["0", "2147483647"]
    assert sorted(out[6:]) == ["CapAmb:0000000000000000", "CapBnd:00000000a80425fb", "CapEff:00000000a80425fb",
                               "CapInh:0000000000000000", "CapPrm:00000000a80425fb", "NoNewPrivs:0", "Seccomp:2"]


def test_user(box):
    assert sh(box, "id; echo $HOME", "-u", "www") == ["uid=33(www) gid=33(www) groups=33(www),50(staff)", "/var/www"]
    assert sh(box, "id -u; id -g; echo $HOME", "-u", "1234:50") == ["1234", "50", "/"]
    assert sh(box, "id -G", "--group-add", "staff", "--group-add", "7") == ["0 7 50"]
    assert caps(box, "-u", "www") == "0000000000000000"
    p = box.run("-u", "nobody", "bb:1", "true", ok=False)
    assert p.returncode == 125 and "unable to find user nobody: no matching entries in passwd file" in p.stderr
    p = box.run("--group-add", "none", "bb:1", "true", ok=False)
    assert "Unable to find group none" in p.stderr


def test_capabilities(box):
    assert caps(box, "--cap-drop", "ALL") == "0000000000000000"
    assert caps(box, "--cap-drop", "all", "--cap-add", "NET_ADMIN") == "0000000000001000"
    assert caps(box, "--cap-add", "CAP_SYS_PTRACE", "--cap-drop", "chown") == "00000000a80c25fa"


def test_filter(box, tmp_path):
    assert sh(box, "unshare -m true 2>/dev/null; echo $?") == ["1"]
    assert sh(box, "mkdir /x; unshare -m true; echo $?", "--cap-add", "SYS_ADMIN") == ["0"]
    assert sh(box, "awk '/^Seccomp:/{print $2}' /proc/self/status", "--security-opt", "seccomp=unconfined") == ["0"]
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "archMap": [{"architecture": "SCMP_ARCH_X86_64"}],
               "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95,
                             "excludes": {"caps": ["CAP_NET_ADMIN"]}}]}
    (tmp_path / "p.json").write_text(json.dumps(profile))
    option = ("--security-opt", f"seccomp={tmp_path}/p.json")
    assert sh(box, "mkdir /x 2>/dev/null; echo $?", *option) == ["1"]
    assert sh(box, "mkdir /x; echo $?", *option, "--cap-add", "NET_ADMIN") == ["0"]


def test_process(box):
    out = sh(box, "pwd; echo $A $HOME; hostname; ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj;"
                  "awk '/^NoNewPrivs/{print $2}' /proc/self/status; touch /x 2>&1; awk '$2 == \"/\" {print substr($4, 1, 2)}' /proc/mounts",
             "-w", "/tmp", "-e", "A=b", "-e", "HOME=/h", "-h", "name", "--ulimit", "nofile=100:200", "--oom-score-adj", "100",
             "--security-opt", "no-new-privileges", "--read-only")
    assert out == ["/tmp", "b /h", "name", "100", "200", "100", "1", "touch: /x: Read-only file system", "ro"]


def test_mounts(box, tmp_path):
    (tmp_path / "f").write_text("bound")
    out = sh(box, "cat /b/f; echo; touch /b/x 2>&1; awk '$2 == \"/t\" || $2 == \"/u\" || $2 == \"/dev/shm\" {print $2, $4}' /proc/mounts;"
                  "cat /data/low",
             "-v", f"{tmp_path}:/b:ro", "--tmpfs", "/t", "--tmpfs", "/u:size=64k,exec,mode=700", "--shm-size", "8m", "-v", "/data")
    assert out[:2] == ["bound", "touch: /b/x: Read-only file system"]
    mounts = dict(line.split() for line in out[2:5])
    assert {"rw", "nosuid", "nodev", "noexec"} <= set(mounts["/t"].split(","))
    assert {"size=64k", "mode=700"} <= set(mounts["/u"].split(",")) and "noexec" not in mounts["/u"].split(",")
    assert "size=8192k" in mounts["/dev/shm"] and out[5:] == []


def test_devices(box):
    out = sh(box, "ls /dev | tr '\\n' ' '; ls -l /dev/xnull | cut -c1-10; ls -l /dev/xnull | awk '{print $5 $6}'",
             "--device", "/dev/null:/dev/xnull")
    assert set(out[0].split()) >= {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "mqueue", "xnull"}
    assert "crw-rw-rw-" in out[0] + out[1] and out[-1] == "1,3"
    p = box.run("--device", "/dev/nothere", "bb:1", "true", ok=False)
    assert "error gathering device information while adding custom device \"/dev/nothere\"" in p.stderr


def test_privileged(box):
    out = sh(box, "awk '/^(Seccomp|CapEff):/{print $2}' /proc/self/status; test -c /dev/kmsg && echo kmsg;"
                  "grep -c ' /proc/' /proc/mounts; grep ' /sys sysfs' /proc/mounts | cut -d' ' -f4 | cut -c1-2", "--privileged")
    assert int(out[0], 16) & 1 << 21 and out[1:] == ["0", "kmsg", "0", "rw"]


def test_paths(box):
    out = sh(box, "grep -c ' /proc/' /proc/mounts; wc -c </proc/keys; (echo 1 >/proc/sys/kernel/panic) 2>/dev/null || echo ro")
    assert int(out[0]) >= 8 and out[1:] == ["0", "ro"]
    assert sh(box, "grep -c ' /proc/' /proc/mounts; true", "--security-opt", "systempaths=unconfined") == ["0"]


def test_namespaces(box):
    def ns(*options):
        return dict(line.split() for line in sh(box, "for n in net pid ipc uts mnt; do echo $n $(readlink /proc/self/ns/$n); done", *options))

    def host(kind):
        return box.d.inside("readlink", f"/proc/self/ns/{kind}").stdout.strip()
    own = ns()
    assert all(own[k] != host(k) for k in own)
    shared = ns("--pid", "host", "--ipc", "host", "--uts", "host")
    assert all(shared[k] == host(k) for k in ("pid", "ipc", "uts")) and shared["mnt"] != host("mnt")


def test_init(box):
    out = sh(box, "cat /proc/1/comm; awk '{print $4}' /proc/self/stat", "--init")
    assert out[0] != "sh"


def test_inspect_is_filled(box):
    name = box("create", "--name", "filled", "--memory", "64m", "--restart", "on-failure:3", "--log-opt", "max-size=1m",
               "--cpus", "0.5", "bb:1", "true").stdout.strip()
    i = box.inspect(name)
    h = i["HostConfig"]
    assert (h["Memory"], h["MemorySwap"], h["NanoCpus"]) == (67108864, 134217728, 500000000)
    assert h["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert h["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m"}}
    assert (h["NetworkMode"], h["IpcMode"], h["CgroupnsMode"], h["ShmSize"]) == ("bridge", "private", "private", 67108864)
    assert len(h["MaskedPaths"]) == 12 and len(h["ReadonlyPaths"]) == 5
    assert i["Config"]["Hostname"] == name[:12] and i["Config"]["Labels"] == {}
    box("update", "--memory", "32m", "--memory-swap", "64m", name)
    assert box.inspect(name)["HostConfig"]["Memory"] == 33554432
    assert "Minimum memory limit allowed is 6MB" in box("update", "--memory", "1m", name, ok=False).stderr
    box("rm", name)


REFUSED = [
    (("--memory", "1m"), "Minimum memory limit allowed is 6MB"),
    (("--cpus", "1000"), "range of CPUs is from 0.01 to"),
    (("--cap-add", "FOO"), 'invalid CapAdd: unknown capability: "CAP_FOO"'),
    (("--link", "a:b"), "Links are not supported"),
    (("--gpus", "all"), "could not select device driver"),
    (("--runtime", "kata"), "unknown or invalid runtime name: kata"),
    (("--log-driver", "syslog"), "logger: no log driver named 'syslog' is registered"),
    (("--security-opt", "apparmor=foo"), "apparmor profile 'foo'"),
    (("--storage-opt", "size=1g"), "StorageOpt is not supported"),
    (("--cgroup-parent", "/system/x"), "/system is the system's own"),
    (("--tmpfs", "/t:foo"), 'invalid tmpfs option ["foo"]'),
    (("-v", "/a:/b:foo"), "invalid mode: foo"),
    (("-w", "x"), "the working directory 'x' is invalid, it needs to be an absolute path"),
    (("--stop-signal", "FOO"), "invalid signal: FOO"),
    (("--pid", "foo"), "PID mode"),
    (("--mount", "type=volume,src=v,dst=/v,volume-subpath=a"), "VolumeOptions.Subpath is not supported"),
]


@pytest.mark.parametrize("options,text", REFUSED, ids=[" ".join(o) for o, _ in REFUSED])
def test_refused(box, options, text):
    p = box.run(*options, "bb:1", "true", ok=False)
    assert p.returncode == 125 and text in p.stderr, p.stderr


def test_bodies(box):
    def create(body):
        status, answer = box.d.api("POST", "/containers/create", body)
        return status, answer.get("message", answer)
    assert create({"Image": "bb:1", "HostConfig": {"Memory": "1g"}})[0] == 400
    assert "HostConfig.Memory of type int64" in create({"Image": "bb:1", "HostConfig": {"Memory": "1g"}})[1]
    assert create({"Image": "bb:1", "Entrypoint": [""]}) == (400, "no command specified")
    assert create({"Image": "bb:1", "HostConfig": {"Sysctls": {"kernel.panic": "1"}}}) == \
        (400, 'sysctl "kernel.panic" is not in a separate kernel namespace')
    status, made = create({"image": "bb:1", "cmd": "true", "hostconfig": {"networkmode": "none"}})
    assert status == 201 and made["Warnings"] == []
