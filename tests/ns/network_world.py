"""A machine's network in namespaces of its own, with cables to servers that do as they are told.

The program is the one that is shipped, with the capabilities that its service.yml gives it and no other.
"""
import ctypes
import errno
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

OUT = Path(os.environ.get("O", "build")).resolve()
PROGRAM = OUT / "bin" / "slipway-network"
SECONDS = 30
CLONE_NEWNET = 0x40000000
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK = 1, 2, 3, 4, 5, 6
ETH_P_IP = 0x0800
libc = ctypes.CDLL(None, use_errno=True)


def wait_for(what, seconds=SECONDS, why=None):
    """Wait until what() is true; the condition is the event."""
    due = time.monotonic() + seconds
    while True:
        r = what()
        if r:
            return r
        assert time.monotonic() < due, why() if why else f"not within {seconds} s"
        time.sleep(0.01)


def in_netns(pid, make):
    """Call make() with a process's network around it; sockets belong to where they were made."""
    out = []

    def enter():
        fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        try:
            if libc.setns(fd, CLONE_NEWNET) == 0:
                out.append(make())
        finally:
            os.close(fd)
    t = threading.Thread(target=enter)
    t.start()
    t.join()
    assert out, "setns"
    return out[0]


class Room:
    """A process that keeps namespaces alive."""

    def __init__(self):
        self.proc = subprocess.Popen(["unshare", "--net", "--uts", "sh", "-c", "echo && exec sleep infinity"],
                                     stdout=subprocess.PIPE)
        self.proc.stdout.readline()
        self.pid = self.proc.pid
        self.run("hostname", "slipway")

    def argv(self, *argv):
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", f"--uts=/proc/{self.pid}/ns/uts", *argv]

    def run(self, *argv):
        return subprocess.run(self.argv(*argv), check=True, capture_output=True, text=True).stdout

    def ip(self, *argv):
        return self.run("ip", *argv)

    def close(self):
        self.proc.kill()
        self.proc.wait()


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack(f">{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def packet(src, dst, payload, sport=67, dport=68, udp_sum=None, total=None, udp_len=None):
    src, dst = socket.inet_aton(src), socket.inet_aton(dst)
    n = 8 + len(payload)
    udp = struct.pack(">HHHH", sport, dport, udp_len or n, 0) + payload
    c = checksum(src + dst + struct.pack(">HH", 17, n) + udp) if udp_sum is None else udp_sum
    udp = udp[:6] + struct.pack(">H", c) + udp[8:]
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, total or 20 + n, 0, 0, 64, 17, 0, src, dst)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + udp


def options_of(data):
    out, i = {}, 240
    while i < len(data) and data[i] != 255:
        if data[i] == 0:
            i += 1
            continue
        out[data[i]] = data[i + 2:i + 2 + data[i + 1]]
        i += 2 + data[i + 1]
    return out


def addrs(*a):
    return b"".join(socket.inet_aton(x) for x in a)


class Server:
    """A DHCP server at the other end of a cable. Attributes may be changed at any time."""

    def __init__(self, room, link, net="10.9.0"):
        self.room, self.link, self.me, self.give = room, link, f"{net}.1", f"{net}.50"
        self.lease, self.renew, self.rebind = 3600, None, None
        self.options = {1: addrs("255.255.255.0"), 3: addrs(self.me), 6: addrs(self.me), 15: b"example.net"}
        self.is_silent = False
        self.nak = 0  # how many requests to refuse
        self.before = None  # called with (server, type, message) before an answer
        self.seen = []
        self.changed = threading.Condition()
        room.ip("addr", "add", f"{self.me}/24", "dev", link)
        room.ip("link", "set", link, "up")
        self.sock, self.hold = in_netns(room.pid, self._sockets)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _sockets(self):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
        s.bind((self.link, ETH_P_IP))
        hold = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        hold.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.link.encode())
        hold.bind(("", 67))
        return s, hold

    def _serve(self):
        while True:
            try:
                data, where = self.sock.recvfrom(4096)
            except OSError as e:
                if e.errno == errno.ENETDOWN:  # said once, the cable may come back
                    continue
                return
            if where[2] == socket.PACKET_OUTGOING or len(data) < 28 + 240 or data[9] != 17:
                continue
            if struct.unpack(">H", data[22:24])[0] != 67:
                continue
            m = data[28:]
            o = options_of(m)
            o["mac"], o["xid"], o["client"] = m[28:34], m[4:8], socket.inet_ntoa(m[12:16])
            o["unicast"] = data[16:20] != b"\xff" * 4
            o["sum_ok"] = checksum(data[12:20] + struct.pack(">HH", 17, len(data) - 20) + data[20:]) in (0, 0xffff)
            with self.changed:
                self.seen.append(o)
                self.changed.notify_all()
            if not self.is_silent:
                self._answer(o)

    def _answer(self, o):
        kind = o[53][0]
        if kind == DISCOVER:
            self.send(o, OFFER)
        elif kind == REQUEST:
            if 54 in o and o[54] != socket.inet_aton(self.me):
                return
            wanted = socket.inet_ntoa(o[50]) if 50 in o else o["client"]
            if self.nak > 0 or wanted != self.give:
                self.nak -= 1 if self.nak > 0 else 0
                self.send(o, NAK)
            else:
                self.send(o, ACK)

    def message(self, o, kind, **over):
        yours = "0.0.0.0" if kind == NAK else self.give
        options = {53: bytes([kind]), 54: socket.inet_aton(self.me)}
        if kind != NAK:
            options[51] = struct.pack(">I", self.lease)
            if self.renew:
                options[58] = struct.pack(">I", self.renew)
            if self.rebind:
                options[59] = struct.pack(">I", self.rebind)
            options.update(self.options)
        options.update(over.get("options", {}))
        head = struct.pack(">BBBB4sHH4s4s4s4s16s64s128sI", 2, 1, 6, 0, over.get("xid", o["xid"]), 0, 0,
                           socket.inet_aton(o["client"]), socket.inet_aton(yours), b"", b"",
                           over.get("mac", o["mac"]), b"", b"", 0x63825363)
        return head + b"".join(bytes([k, len(v)]) + v for k, v in options.items()) + b"\xff"

    def send(self, o, kind, **over):
        if self.before:
            self.before(self, kind, o)
        self.raw(packet(self.me, "255.255.255.255", self.message(o, kind, **over)))

    def raw(self, data):
        self.sock.sendto(data, (self.link, ETH_P_IP, 0, 0, b"\xff" * 6))

    def count(self, kind):
        with self.changed:
            return sum(o[53][0] == kind for o in self.seen)

    def wait(self, kind, more_than=0, seconds=SECONDS):
        """The last message of a kind, once there are more than so many."""
        with self.changed:
            ok = self.changed.wait_for(lambda: sum(o[53][0] == kind for o in self.seen) > more_than, seconds)
            assert ok, f"no message of type {kind}: {[o[53][0] for o in self.seen]}"
            return [o for o in self.seen if o[53][0] == kind][-1]

    def close(self):
        self.sock.close()
        self.hold.close()


class World:
    def __init__(self, path):
        self.dir = path
        self.run = path / "run"
        self.run.mkdir()
        self.machine, self.other = Room(), Room()
        self.servers, self.proc = [], None
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(path / "notify"))
        self.notify.settimeout(SECONDS)

    def cable(self, name, far):
        self.machine.ip("link", "add", name, "type", "veth", "peer", "name", far, "netns", str(self.other.pid))
        return self

    def serve(self, name="eth0", far="far0", net="10.9.0"):
        self.cable(name, far)
        s = Server(self.other, far, net)
        self.servers.append(s)
        return s

    def start(self, cmdline="slipway.network.interfaces.eth0.dhcp=true"):
        (self.run / "cmdline").write_text(cmdline + " slipway.debug\n")
        caps = "-all,+net_admin,+net_raw,+net_bind_service"
        self.log = open(self.dir / "log", "ab")
        self.proc = subprocess.Popen(
            self.machine.argv("setpriv", f"--bounding-set={caps}", str(PROGRAM), "--run", str(self.run)),
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={"NOTIFY_SOCKET": str(self.dir / "notify")})
        assert self.notify.recv(100) == b"READY=1"
        return self

    def stop(self, sig=signal.SIGTERM):
        self.proc.send_signal(sig)
        code = self.proc.wait(SECONDS)
        self.proc = None
        return code

    def text(self):
        return (self.dir / "log").read_text()

    def state(self):
        p = self.run / "network" / "network.json"
        return json.loads(p.read_text()) if p.exists() else {"links": [], "online": False}

    def link(self, name="eth0"):
        return next((x for x in self.state()["links"] if x["name"] == name), None)

    def wait(self, what, seconds=SECONDS):
        def tell():
            return f"not within {seconds} s\n{json.dumps(self.state(), indent=1)}\n{self.text()}"

        def ok():
            assert self.proc is None or self.proc.poll() is None, f"it has ended:\n{self.text()}"
            return what()
        return wait_for(ok, seconds, tell)

    def wait_online(self, name="eth0"):
        return self.wait(lambda: (self.link(name) or {}).get("online") and self.link(name))

    def addresses(self, name="eth0"):
        """Address -> seconds it is valid, of version 4."""
        j = json.loads(self.machine.ip("-j", "-4", "addr", "show", "dev", name))
        return {f"{a['local']}/{a['prefixlen']}": a["valid_life_time"] for l in j for a in l.get("addr_info", [])}

    def routes(self, name="eth0"):
        j = json.loads(self.machine.ip("-j", "-4", "route", "show", "dev", name))
        return {(r["dst"], r.get("gateway")) for r in j}

    def hostname(self):
        return self.machine.run("hostname").strip()

    def file(self, name):
        return (self.run / name).read_text()

    def close(self):
        if self.proc is not None:
            self.proc.kill()
            self.proc.wait()
        for s in self.servers:
            s.close()
        self.machine.close()
        self.other.close()
        self.notify.close()
