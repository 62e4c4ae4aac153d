"""PID 1 as it is shipped, in namespaces of its own, with a runtime that does as it is told."""
import os
import re
import signal
import socket
import struct
import subprocess
import time

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


# ---- dependencies and readiness ----

def test_a_dependent_waits_for_readiness(m):
    m.services(service("a", "run while [ ! -e /run/go ]; do sleep 0.01; done; sysctr notify READY=1; sleep 1000",
                       ready=NOTIFY),
               service("b", "run touch /run/b-ran; " + FOREVER[4:], deps=[("a", DEP_READY)]))
    m.boot()
    m.wait_state("a", "running")
    assert m.list()["b"]["state"] == "waiting" and not m.path("/run/b-ran").exists()
    m.path("/run/go").touch()
    m.wait_state("b", "ready")
    assert m.list()["a"]["state"] == "ready"


def test_a_notifier_that_ends_before_it_is_ready_has_failed(m):
    m.services(service("a", "run exit 0", ready=NOTIFY))
    m.boot()
    assert m.wait_state("a", "failed")["reason"] == "exited before it was ready"
    m.wait_tty("but 1 service failed: a")


def test_readiness_has_a_deadline(m):
    m.services(service("a", FOREVER, ready=NOTIFY, start_timeout_ms=200))
    m.boot()
    assert m.wait_state("a", "failed")["reason"] == "was not ready within 0 s"
    assert m.procs("a") == []


def test_a_lost_requirement_fails_the_dependent_and_names_it(m):
    m.services(service("a", "run exit 3", ready=EXIT), service("b", FOREVER, deps=[("a", DEP_COMPLETED)]),
               service("c", FOREVER, deps=[("a", DEP_COMPLETED, 0)]))
    m.boot()
    assert "'a'" in m.wait_state("b", "failed")["reason"]
    m.wait_state("c", "ready")  # an order only
    assert m.list()["a"]["reason"] == "exited with status 3"


def test_a_cycle_is_named_and_broken(m):
    m.services(service("a", FOREVER, deps=[("b",)]), service("b", FOREVER, deps=[("c",)]),
               service("c", FOREVER, deps=[("a", DEP_READY, 0)]), service("d", FOREVER))
    m.boot()
    m.wait_tty("services wait for each other:")
    m.wait_tty("slipway: ready in ")
    assert {s["state"] for s in m.list().values()} == {"ready"}
    assert "'c' will not wait for 'a'" in m.tty()  # the one that is an order only gives way


def test_create_only_is_started_by_hand_only(m):
    m.services(service("a", FOREVER, flags=CREATE_ONLY), service("b", FOREVER))
    m.boot()
    m.wait_tty("slipway: ready in ")
    assert m.list()["a"]["state"] == "down"
    assert m.ask(START, b"a")[0] == 0
    m.wait_state("a", "ready")


def test_services_start_in_parallel(m):
    meet = "run touch /run/{0}; while [ ! -e /run/{1} ]; do sleep 0.01; done; sysctr notify READY=1; sleep 1000"
    m.services(service("a", meet.format("a", "b"), ready=NOTIFY), service("b", meet.format("b", "a"), ready=NOTIFY))
    m.boot()
    m.wait_tty("slipway: ready in ")


# ---- the end of processes ----

def kill_in(m, name, pid):
    """A signal from outside all namespaces: pid as this test sees it."""
    os.kill(pid, signal.SIGKILL)


def test_a_killed_service_is_found_and_restarted(m):
    m.services(service("a", FOREVER, restart=ALWAYS))
    m.boot()
    m.wait_state("a", "ready")
    kill_in(m, "a", m.procs("a")[0])
    s = m.wait_state("a", "ready", starts=2)
    assert s["status"] == signal.SIGKILL and len([p for p in m.procs("a")]) >= 1
    m.wait_kmsg("service 'a' was killed by signal 9")


def test_what_a_service_left_behind_is_gone_before_its_next_start(m):
    m.services(service("a", "run setsid sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000' & echo $(ls /run/once "
                       "2>&1) >>/run/said; touch /run/once; wait", restart=ALWAYS))
    m.boot()
    m.wait_state("a", "ready")
    old = wait_for(lambda: (p := m.procs("a")) and len(p) >= 4 and p)
    kill_in(m, "a", min(old))
    m.wait_state("a", "ready", starts=2)
    assert not [p for p in old if os.path.exists(f"/proc/{p}") and p in m.procs("a")]


def test_a_double_forked_process_does_not_outlive_a_stop(m):
    m.services(service("a", "run (setsid sleep 1000 &) ; " + FOREVER[4:]))
    m.boot()
    wait_for(lambda: len(m.procs("a")) >= 2)
    assert m.ask(STOP, b"a")[0] == 0
    m.wait_state("a", "down")
    assert not (m.cgroup / "system" / "a").exists()


def test_one_that_ignores_the_stop_signal_is_killed_after_its_grace(m):
    m.services(service("a", "run trap '' TERM; echo up; while :; do sleep 1000; done", grace_ms=300))
    m.boot()
    wait_for(lambda: m.log("a") == "up\n")
    m.ask(STOP, b"a")
    m.wait_state("a", "down")


def test_orphans_are_reaped(m):
    m.services(service("a", "run (sh -c 'sleep 0.05' &); " + FOREVER[4:]))
    m.boot()
    m.wait_state("a", "ready")
    task = f"/proc/{m.pid}/task/{m.pid}/children"

    def zombies():
        return [k for k in open(task).read().split() if f"State:\tZ" in open(f"/proc/{k}/status").read()]
    wait_for(lambda: len(m.procs("a")) == 2 and not zombies())


def test_a_crash_loop_backs_off_and_ends_at_its_limit(m):
    m.services(service("a", "run exit 1", restart=ALWAYS, restart_max=3))
    m.boot()
    s = m.wait_state("a", "failed")
    assert s["starts"] == 3 and s["reason"] == "exited with status 1, 3 times in a row"
    assert "starting again in 0.1 s" in m.kmsg() and "starting again in 0.2 s" in m.kmsg()


def test_on_failure_leaves_a_success_alone(m):
    m.services(service("a", "run exit 0", restart=ON_FAILURE), service("b", "run exit 1", restart=ON_FAILURE,
                                                                        restart_max=2))
    m.boot()
    m.wait_state("a", "done", starts=1)
    m.wait_state("b", "failed", starts=2)


# ---- a runtime that misbehaves ----

@pytest.mark.parametrize("behaviour,reason", [
    ("fail 2 exec '/bin/nothing': No such file or directory",
     "cannot be started: exec '/bin/nothing': No such file or directory"),
    ("die", "cannot be started: the runtime ended without a report"),
    ("garbage", "cannot be started: the runtime's report is malformed"),
    (None, "cannot be started: fake: no behaviour"),
])
def test_a_failed_start_is_reported(m, behaviour, reason):
    m.services(service("a", behaviour), service("b", FOREVER))
    m.boot()
    assert m.wait_state("a", "failed")["reason"] == reason
    m.wait_tty(f"slipway: service 'a' failed: {reason}")
    m.wait_tty("but 1 service failed: a")
    assert m.list()["b"]["state"] == "ready"


def test_a_runtime_that_hangs_is_killed(m):
    m.services(service("a", "hang", start_timeout_ms=200))
    m.boot()
    assert m.wait_state("a", "failed")["reason"] == "was not ready within 0 s"


def test_a_process_that_ends_before_its_report_is_known_by_its_status(m):
    m.services(service("a", "slow exit 7"))
    m.boot()
    assert m.wait_state("a", "failed")["reason"] == "exited with status 7"


# ---- logs ----

def test_a_log_is_rotated_and_nothing_of_it_is_lost_on_the_way(m):
    m.services(service("a", "run seq 1 3000; sleep 1000", log_bytes=8192))
    m.boot()
    wait_for(lambda: m.log("a").endswith("3000\n"))
    old = m.path("/run/slipway/log/a.log.1").read_text()
    assert (old + m.log("a")).endswith("".join(f"{i}\n" for i in range(2600, 3001)))
    assert len(old) <= 8192 and len(m.log("a")) <= 8192


def test_a_flood_does_not_keep_pid_1_from_answering(m):
    m.services(service("a", "run yes"), service("b", FOREVER))
    m.boot()
    m.wait_state("a", "ready")
    wait_for(lambda: m.path("/run/slipway/log/a.log.1").exists())
    t = time.monotonic()
    assert m.ask(VERSION)[0] == 0
    assert time.monotonic() - t < 5


# ---- the control socket ----

def test_unknown_services_and_frames_are_refused(m):
    m.services(service("a", FOREVER))
    m.boot()
    m.wait_state("a", "ready")
    assert m.ask(START, b"nobody") == (2, [], "no such service: nobody")
    for bad in (b"", b"x", b"\0" * 8, struct.pack("<HBBHH", 0x4c54, 99, 0, 0, 0),
                struct.pack("<HBBHH", 0x4c54, LIST, 0, 5, 0), b"\xff" * 600):
        s = m.connect()
        s.send(bad)
        assert s.recv(100) == b""  # hung up on
    assert m.ask(VERSION)[0] == 0


def test_only_root_may_change_anything(m):
    m.services(service("a", FOREVER))
    m.boot()
    m.wait_state("a", "ready")
    path = str(m.path("/run/slipway/control.sock"))
    code = ("import os,socket,struct,sys\n"
            "s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET); d=os.open(os.path.dirname(sys.argv[1]),os.O_PATH)\n"
            "os.fchdir(d); os.setresuid(65534,65534,65534); s.connect('control.sock')\n"
            "for tag,p in ((4,b'a'),(5,b'\\1'),(1,b'')):\n"
            "  s.send(struct.pack('<HBBHH',0x4c54,tag,0,len(p),0)+p); f=s.recv(512); print(struct.unpack('<H',f[6:8])[0])\n")
    r = subprocess.run(["/usr/bin/python3", "-c", code, path], capture_output=True, text=True)
    assert r.stdout.split() == ["1", "1", "0"], r.stderr
    assert m.list()["a"]["state"] == "ready"


def test_silent_clients_make_room_for_others(m):
    m.services(service("a", FOREVER))
    m.boot()
    m.wait_state("a", "ready")
    silent = [m.connect() for _ in range(40)]
    assert m.ask(VERSION)[0] == 0
    assert sum(1 for s in silent) == 40


def test_restart_and_times(m):
    m.services(service("a", FOREVER))
    m.boot()
    first = m.wait_state("a", "ready")["pid"]
    assert m.ask(RESTART, b"a")[0] == 0
    wait_for(lambda: (s := m.list()["a"]) and s["state"] == "ready" and s["starts"] == 2 and s["pid"] != first)
    names = [b[:32].split(b"\0")[0].decode() for b in m.ask(TIMES)[1]]
    assert names[:3] == ["kernel", "mounts", "kernel log"] and names[-1] == "ready" and names.count("a") == 2


# ---- the command line and the state partition ----

def test_wrong_keys_are_named_and_ignored(m):
    m.services(service("a", FOREVER))
    m.boot("slipway.hostnme=x rancher.state.wait=soon slipway.log_level=loud quiet foo.bar=1")
    m.wait_tty("slipway: ready in ")
    t = m.tty()
    assert "unknown key 'slipway.hostnme' (did you mean 'slipway.hostname'?), ignored" in t
    assert "key 'slipway.log_level' wants" in t and "'loud', ignored" in t
    assert "key 'slipway.state.wait' wants" in t and "'soon', ignored" in t
    assert "foo.bar" not in t


def test_a_malformed_wait_is_no_wait(m):
    m.services(service("a", FOREVER))
    t = time.monotonic()
    m.boot("slipway.state.wait=soon")
    m.wait_tty("slipway: ready in ")
    assert float(ready_line(m).group(1)) < 5


def test_state_in_memory_is_said_plainly(m):
    m.services(service("a", FOREVER))
    m.boot("slipway.state.dev=none")
    m.wait_tty("state is in memory, as 'slipway.state.dev=none' asks: it is lost at shutdown")
    m.wait_tty("slipway: ready in ")
    for d in ("/var/lib/userctr", "/var/lib/slipway", "/var/log", "/home", "/opt", "/state"):
        (m.path(d) / "probe").write_text("x")


def test_a_missing_state_device_is_named(m):
    m.services(service("a", FOREVER))
    m.boot("slipway.state.dev=LABEL=NOTHING slipway.state.wait=0")
    m.wait_tty("LABEL=NOTHING")
    m.wait_tty("state is in memory and is lost at shutdown")
    m.wait_tty("slipway: ready in ")


def test_a_required_state_device_that_is_missing_gives_a_shell(m):
    m.services(service("a", FOREVER))
    m.boot("slipway.state.dev=LABEL=NOTHING slipway.state.wait=0 slipway.state.required")
    m.wait_tty("emergency console")
    assert "'slipway.state.required' is set" in m.tty()
    m.type("echo I$((40+2))I\n")
    m.wait_tty("I42I")


# ---- what cannot work still gives a prompt and a reason ----

def prompt(m, reason):
    m.wait_tty("*** slipway: emergency console ***")
    assert reason in m.tty()
    m.type("echo I$((40+2))I\n")
    m.wait_tty("I42I")


def test_no_system_image(m):
    m.boot(make_image=False)
    prompt(m, "open '/system.erofs': No such file or directory")


def test_a_corrupt_system_image(m):
    (m.files / "system.erofs").write_bytes(b"\x55" * 65536)
    m.boot(make_image=False)
    prompt(m, "system image: image '/system.erofs':")


def test_no_service_table(m):
    m.boot()
    prompt(m, "service table: open '/usr/lib/slipway/services.tab'")


@pytest.mark.parametrize("bytes_,reason", [
    (b"SLIPSVC9" + b"\0" * 16, "does not begin with 'SLIPSVC2'"),
    (table([service("a", "")])[:-1], "has 219 bytes, not 220"),
    (table([service("../a", "")]), "forbidden character"),
])
def test_a_corrupt_service_table(m, bytes_, reason):
    (m.image / "usr/lib/slipway/services.tab").write_bytes(bytes_)
    m.boot()
    prompt(m, reason)


def test_the_console_that_cannot_start_has_a_stand_in(m):
    m.services(service("console", "fail 2 no image", flags=BOOT | CONSOLE, restart=ALWAYS), service("b", FOREVER))
    m.boot()
    prompt(m, "service 'console': cannot be started: no image")
    assert m.list()["b"]["state"] == "ready"


def test_recovery_is_asked_for(m):
    m.services(service("a", FOREVER))
    m.boot("rancher.recovery")
    prompt(m, "asked for by 'slipway.recovery'")


# ---- the way down ----

ENDS = {"reboot": signal.SIGHUP, "off": signal.SIGINT}  # of reboot(2) in a PID namespace


def test_poweroff_stops_services_in_reverse(m):
    say = "run trap 'echo {0} >>/var/log/stops; exit 0' TERM; echo up; while :; do sleep 1000 & wait $!; done"
    m.services(service("a", say.format("a")), service("b", say.format("b"), deps=[("a",)]),
               service("c", say.format("c"), deps=[("b",)]))
    m.boot()
    wait_for(lambda: all(m.log(x) == "up\n" for x in "abc"))
    log = os.open(m.path("/var/log"), os.O_PATH)  # keeps the file system
    m.ask(POWER, b"\1")
    m.wait_end()
    assert "power off now" in m.tty()
    assert os.read(os.open("stops", os.O_RDONLY, dir_fd=log), 100).decode().split() == ["c", "b", "a"]


@pytest.mark.parametrize("sig,text", [(signal.SIGTERM, "reboot"), (signal.SIGINT, "reboot asked for by ctrl-alt-del"),
                                      (signal.SIGUSR2, "power off"), (signal.SIGPWR, "power off")])
def test_signals_end_the_system(m, sig, text):
    m.services(service("a", FOREVER))
    m.boot()
    m.wait_tty("slipway: ready in ")
    m.kill(sig)
    m.wait_end()
    assert text in m.tty() and f"{text.split(' asked')[0]} now" in m.tty()


def test_a_service_that_does_not_stop_does_not_hold_up_the_end(m):
    m.services(service("a", "run trap '' TERM; while :; do sleep 1000; done", grace_ms=60000))
    m.boot("slipway.shutdown_timeout=5")
    m.wait_tty("slipway: ready in ")
    m.kill(signal.SIGUSR2)
    m.wait_end(20)
    assert "service 'a' did not stop in time" in m.tty()


def test_a_signal_of_shutdown_differs_from_that_of_a_stop(m):
    m.services(service("a", "run trap 'echo term; exit 0' TERM; trap 'echo pwr >/var/log/got; exit 0' PWR; "
                       "echo up; while :; do sleep 1000 & wait $!; done", shutdown=signal.SIGPWR))
    m.boot()
    wait_for(lambda: m.log("a") == "up\n")
    log = os.open(m.path("/var/log"), os.O_PATH)
    m.kill(signal.SIGUSR2)
    m.wait_end()
    assert os.read(os.open("got", os.O_RDONLY, dir_fd=log), 10) == b"pwr\n"


def test_power_is_obeyed_from_inside_when_the_definition_allows_it(m):
    # the runtime stands in here: a process that ends as reboot(2) would end it
    m.services(service("a", "run kill -HUP $$", flags=BOOT | MAY_POWER))
    m.boot()
    m.wait_end()
    assert "reboot asked for by a" in m.tty()


def test_a_second_request_changes_where_it_ends(m):
    m.services(service("a", "run trap 'while [ ! -e /run/go ]; do sleep 0.01; done; exit 0' TERM; echo up; while :; "
                       "do sleep 1000 & wait $!; done", grace_ms=60000))
    m.boot()
    wait_for(lambda: m.log("a") == "up\n")
    m.ask(POWER, b"\2")
    m.wait_tty("reboot asked for")
    m.ask(POWER, b"\1")
    m.path("/run/go").touch()
    m.wait_end()
    assert "power off now" in m.tty() and "reboot now" not in m.tty()


# ---- sockets, stored descriptors, watchdog ----

STREAM = 1
REPLY = "echo \"$LISTEN_FDNAMES\" >/run/got; sysctr accept 3 hello"


def call(m, path="/run/it.sock"):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(SECONDS)
    wait_for(lambda: m.path(path).exists())
    s.connect(str(m.path(path)))
    return s


def test_a_client_of_a_service_that_is_not_there_yet_waits(m):
    m.services(service("a", "run while [ ! -e /run/go ]; do sleep 0.01; done; " + REPLY,
                       sockets=[("api", STREAM, "/run/it.sock")]))
    m.boot()
    s = call(m)
    m.path("/run/go").touch()
    assert s.recv(100) == b"hello"
    assert m.path("/run/got").read_text() == "api\n"
    assert os.stat(m.path("/run/it.sock")).st_mode & 0o777 == 0o600


def test_a_service_on_demand_is_started_by_its_first_client(m):
    m.services(service("a", "run " + REPLY, flags=ON_DEMAND, sockets=[("api", STREAM, "/run/it.sock")]),
               service("b", FOREVER, deps=[("a",)]))
    m.boot()
    m.wait_tty("slipway: ready in ")
    assert m.list()["a"]["state"] == "down"
    for n in (1, 2):  # also when it has ended
        assert call(m).recv(100) == b"hello"
        m.wait_state("a", "done", starts=n)


def test_a_socket_that_cannot_be_is_the_service_s_failure(m):
    m.services(service("a", FOREVER, sockets=[("api", STREAM, "/nowhere/it.sock")]), service("b", FOREVER))
    m.boot()
    assert "socket 'api': bind: No such file or directory" in m.wait_state("a", "failed")["reason"]
    m.wait_state("b", "ready")


def test_a_stored_descriptor_comes_back_with_the_next_instance(m):
    m.services(service("a", "run if [ -n \"$LISTEN_FDS\" ]; then cat <&3 >/run/got; echo \"$LISTEN_FDNAMES\" >>/run/got; "
                       + FOREVER[4:] + "; fi; echo kept >/run/f; sysctr store /run/f mine; exit 1",
                       restart=ALWAYS, fdstore=1))
    m.boot()
    m.wait_state("a", "ready", starts=2)
    wait_for(lambda: m.path("/run/got").exists() and m.path("/run/got").read_text() == "kept\nmine\n")


def test_more_descriptors_than_may_be_stored_are_closed(m):
    m.services(service("a", "run echo x >/run/f; sysctr store /run/f one; sysctr store /run/f two; echo done; " + FOREVER[4:],
                       fdstore=1))
    m.boot()
    m.wait_kmsg("a descriptor 'two' is more than the 1 that are kept for it")


def test_a_service_that_stops_saying_that_it_lives_is_restarted(m):
    m.services(service("a", "run for i in 1 2 3 4 5 6 7 8; do sysctr notify WATCHDOG=1; sleep 0.1; done; echo silent; "
                       "sleep 1000", restart=ALWAYS, watchdog_ms=400))
    m.boot()
    m.wait_state("a", "ready", starts=2)
    assert "silent" in m.log("a")  # it lived as long as it said so
    m.wait_kmsg("service 'a' did not say that it is alive for 0 s")


def test_a_service_may_say_that_it_is_not_well(m):
    m.services(service("a", "run sysctr notify WATCHDOG=trigger; sleep 1000", ready=STARTED, watchdog_ms=60000))
    m.boot()
    assert m.wait_state("a", "failed")["reason"] == "said that it is not well"
