# SPDX-License-Identifier: Apache-2.0
"""The network and log services on the machine itself: a lease from QEMU's server, names, the log, and their privilege."""
import json
import socket
import struct
import threading
import time

BOOT_S = 250


def test_lease_names_and_log(machine):
    vm = machine("kernel", cmdline="slipway.autologin=ttyS0 slipway.hostname=berth")
    vm.wait_ready()
    out, code = vm.sh("timeout 60 sh -c 'until grep -q nameserver /run/slipway/resolv.conf; do sleep 1; done'; ip -4 addr; ip route")
    assert code == 0 and "10.0.2.15/24" in out and "default via 10.0.2.2 " in out, out
    state = json.loads(vm.sh("cat /run/slipway/network/network.json")[0])
    assert state["online"] and state["hostname"] == "berth" and state["nameservers"] == ["10.0.2.3"]
    assert vm.sh("cat /run/slipway/resolv.conf")[0].strip() == "nameserver 10.0.2.3"
    assert "127.0.1.1\tberth" in vm.sh("cat /run/slipway/hosts")[0]
    # the log has the kernel's first records, PID 1's, and what a program says
    out, _ = vm.sh("grep -m1 'kernel: Linux version' /var/log/messages; grep -m1 ' slipway: ready in' /var/log/messages")
    assert "Linux version" in out and "ready in" in out, out
    for name, caps in (("network", "0000000000003400"), ("syslog", "0000000400000000")):
        out, _ = vm.sh(f"grep -E 'Cap(Eff|Bnd)|NoNewPrivs' /proc/$(pidof slipway-{name})/status")
        assert out.split()[1] == out.split()[3] == caps and out.split()[5] == "1", out


def test_name_from_the_lease_and_a_restart(machine):
    vm = machine("kernel", cmdline="slipway.autologin=ttyS0", network=False,
                 extra=["-netdev", "user,id=n,hostname=pier,net=10.5.0.0/24,dhcpstart=10.5.0.30",
                        "-device", "virtio-net-pci,netdev=n,romfile="])
    vm.wait_ready()
    out, code = vm.sh("timeout 60 sh -c 'until grep -q pier /run/slipway/hosts; do sleep 1; done'; hostname")
    assert code == 0 and out.split() == ["pier"], "without CAP_SYS_ADMIN"
    vm.sh("logger -t test before")
    assert vm.sh("slipway service restart network && slipway service restart syslog; logger -t test after")[1] == 0
    out, code = vm.sh("timeout 60 sh -c 'until grep -q \"test: after\" /var/log/messages; do sleep 1; done'; "
                      "grep -c 'kernel: Linux version' /var/log/messages; grep -c 'test: before' /var/log/messages")
    assert out.split() == ["1", "1"], "the kernel's log is not written twice"
    assert "10.5.0.30/24" in vm.sh("ip -4 addr")[0]
    assert "goes on with the lease of a former process" in vm.sh("cat /run/slipway/log/network.log")[0]


def ntp_answer(request, ahead_s):
    now = int((time.time() + ahead_s + 2208988800) * 2**32)
    return struct.pack(">BBBbII4s", 0x24, 2, 6, -20, 0x100, 0x100, b"TEST") + struct.pack(">Q", now) + request[40:48] + \
        struct.pack(">QQ", now, now)


def test_time(machine):
    """The clock is set by what a server on this side of the machine says, an hour ahead."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    asked = []
    vm = machine("kernel", cmdline=f"slipway.autologin=ttyS0 slipway.ntp.servers=10.0.2.2:{server.getsockname()[1]}")

    def serve():
        try:
            while True:
                request, who = server.recvfrom(1000)
                asked.append(who)
                server.sendto(ntp_answer(request, 3600), who)
        except OSError:
            return
    threading.Thread(target=serve, daemon=True).start()
    vm.wait_ready()
    out, code = vm.sh("timeout 40 sh -c 'until grep -q synchronized.:true /run/slipway/time/time.json; do sleep 1; done'; date +%s")
    assert abs(int(out.split()[-1]) - time.time() - 3600) < 10, f"{asked} {out} " + vm.sh("cat /run/slipway/log/time.log; ip addr; cat /run/slipway/log/network.log")[0]
    out, _ = vm.sh("cat /run/slipway/log/time.log; grep -E 'Cap(Eff|Bnd)' /proc/$(pidof slipway-time)/status")
    assert "the clock was behind by 3" in out and "it is set" in out and out.split()[-3] == out.split()[-1] == "0000000002000000", out
    server.close()
