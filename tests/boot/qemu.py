# SPDX-License-Identifier: Apache-2.0
"""A Slipway in QEMU, driven over its serial console, for the tiers api and boot.

    with Qemu("iso", ports=[2375], name="first") as vm:
        vm.wait_ready()
        out, code = vm.sh("cat /proc/version")
        connect("127.0.0.1", vm.port(2375))
        vm.powerdown()
        assert vm.wait_shutdown() == "guest-shutdown"

kinds: "kernel" (kernel and initramfs directly), "iso" (CD, BIOS), "uefi" (CD, UEFI), "disk" (the ISO
written to a virtio disk). Everything waits for an event with a deadline; nothing sleeps. Whatever
happens to the test, the machine is gone at the end of the with block, and what it said stays in
$O/test-logs/NAME.log; every error carries the last lines of it.
"""
import ctypes
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = Path(os.environ.get("O", "build"))
OUT = OUT if OUT.is_absolute() else ROOT / OUT
OVMF = Path("/usr/share/OVMF")
TAIL_LINES = 40
# What the console waits with: a prompt, perhaps after the question where the cursor is.
PROMPT = r"[#$] (\x1b\[6n)?$"
PANIC = b"Kernel panic - not syncing"
READY = r"slipway: ready in ([0-9.]+) s"

running = []  # machines of the test that runs now; conftest.py shows their consoles when it fails


class QemuError(AssertionError):
    """The machine did not do what was waited for."""


def die_with_parent():
    """In the child: no machine outlives the test run, not even one that was killed."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def accel():
    """'kvm' where it really runs our kernel, else 'tcg'."""
    done = subprocess.run([ROOT / "iso/accel.sh", OUT / "vmlinuz"], check=True, capture_output=True,
                          text=True)
    return done.stdout.strip()


def make_disk(path, size_mb=256, label="SLIPWAY_STATE"):
    """A raw disk; with a label also an ext4 on the whole of it."""
    with open(path, "wb") as f:
        f.truncate(size_mb << 20)
    if label:
        mke2fs = shutil.which("mke2fs", path=os.environ["PATH"] + ":/sbin:/usr/sbin")
        subprocess.run([mke2fs, "-q", "-t", "ext4", "-L", label, path], check=True)
    return path


class Stream:
    """One end of a socket that QEMU connects to, drained by a thread so that the guest never stalls."""

    def __init__(self, path, log=None):
        self.data = bytearray()
        self.closed = False
        self.news = threading.Condition()
        self.log = log
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.conn = None

    def accept(self, deadline_s):
        self.listener.settimeout(deadline_s)
        self.conn, _ = self.listener.accept()
        self.conn.setblocking(True)
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self):
        while True:
            try:
                chunk = self.conn.recv(65536)
            except OSError:
                chunk = b""
            with self.news:
                if chunk:
                    self.data += chunk
                else:
                    self.closed = True
                if self.log and not self.log.closed:
                    self.log.write(chunk)
                    self.log.flush()
                self.news.notify_all()
            if not chunk:
                return

    def close(self):
        for s in (self.conn, self.listener):
            if s:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # QEMU was first
                s.close()


class Qemu:
    """One machine. See the head of this file.

    memory      MB
    cmdline     more kernel arguments; those who boot from a medium get them through SMBIOS, where
                PID 1 reads them
    entry       boot entry of the ISO other than the default one ("iso" and "disk" only)
    ports       guest TCP ports to reach from here, see port()
    disks       more raw images, as virtio disks in this order (/dev/vda, ...; "disk" itself is first)
    network     False: no network card at all
    reboot      False: a reboot of the guest ends QEMU, as wait_shutdown() reports
    deadline_s  the machine is killed after that, whatever it does
    initrd      another initramfs ("kernel" only)
    extra       more arguments for QEMU
    """

    def __init__(self, kind="kernel", *, name="qemu", memory=512, cpus=1, machine="q35", cmdline="",
                 entry=None, ports=(), disks=(), network=True, reboot=False, deadline_s=300,
                 initrd=None, extra=()):
        self.kind, self.name, self.entry = kind, name, entry
        self.memory, self.cpus, self.machine = memory, cpus, machine
        self.cmdline, self.initrd = cmdline, initrd or OUT / "initrd.img"
        self.ports, self.disks, self.network = list(ports), list(disks), network
        self.reboot, self.deadline_s, self.extra = reboot, deadline_s, list(extra)
        self.process = None
        self.events = []
        self.pos = 0      # how far expect() has read the console
        self.qmp_pos = 0
        self.serial_no = itertools.count(1)

    # ---- life ------------------------------------------------------------------------------------

    def __enter__(self):
        logs = OUT / "test-logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.log_path = logs / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', self.name)}.log"
        self.log = open(self.log_path, "wb")
        self.dir = Path(tempfile.mkdtemp(prefix="slipway-qemu-"))
        running.append(self)
        try:
            self.console = Stream(self.dir / "serial", self.log)
            self.qmp = Stream(self.dir / "qmp")
            self.errors = open(self.dir / "stderr", "wb")
            self.started = time.monotonic()
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors,
                preexec_fn=die_with_parent)
            self.killer = threading.Timer(self.deadline_s, self.process.kill)
            self.killer.daemon = True
            self.killer.start()
            self._connect()
            if self.entry:
                self._choose()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.killer.cancel()
            self.process.kill()
            self.process.wait()
            self.errors.close()
        self.console.close()
        self.qmp.close()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def _connect(self):
        try:
            for stream in (self.console, self.qmp):
                stream.accept(10)
        except OSError:
            raise QemuError("qemu did not start: " + self.stderr()) from None
        self.command_qmp("qmp_capabilities")

    def _choose(self):
        # Keys sent before the boot loader has set up the line would be lost.
        self.expect("ISOLINUX")
        self.write(f"{self.entry}\r")

    def command(self):
        args = ["qemu-system-x86_64", "-M", self.machine, "-accel", accel(), "-m", str(self.memory),
                "-smp", str(self.cpus), "-nodefaults", "-display", "none",
                "-chardev", f"socket,id=serial,path={self.dir}/serial", "-serial", "chardev:serial",
                "-chardev", f"socket,id=qmp,path={self.dir}/qmp", "-mon", "chardev=qmp,mode=control"]
        if "kvm" in args:
            args += ["-cpu", "host"]
        if not self.reboot:
            args += ["-no-reboot"]
        if self.network:
            forward = "".join(f",hostfwd=tcp:127.0.0.1:0-:{p}" for p in self.ports)
            args += ["-netdev", f"user,id=net{forward}",
                     "-device", "virtio-net-pci,netdev=net,romfile="]
        args += self._medium()
        for i, disk in enumerate(self.disks):
            args += ["-drive", f"if=none,id=d{i},format=raw,file={str(disk).replace(',', ',,')}",
                     "-device", f"virtio-blk-pci,drive=d{i}"]
        return args + self.extra

    def _medium(self):
        iso = OUT / "slipway.iso"
        if self.kind == "kernel":
            return ["-kernel", str(OUT / "vmlinuz"), "-initrd", str(self.initrd), "-append",
                    # a starved emulator delivers the timer late: the kernel would take it for broken
                    "no_timer_check quiet console=ttyS0,115200 slipway.autologin=ttyS0 panic=10 "
                    f"{self.cmdline}"]
        args = []
        if self.cmdline:
            value = "slipway.cmdline=" + self.cmdline
            args += ["-smbios", "type=11,value=" + value.replace(",", ",,")]
        if self.kind == "disk":
            disk = self.dir / "disk"
            shutil.copyfile(iso, disk)
            return args + ["-drive", f"if=none,id=boot,format=raw,file={disk}",
                           "-device", "virtio-blk-pci,drive=boot,bootindex=0"]
        args += ["-cdrom", str(iso)]
        if self.kind == "uefi":
            nvram = self.dir / "nvram"
            shutil.copyfile(OVMF / "OVMF_VARS_4M.fd", nvram)
            args += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF}/OVMF_CODE_4M.fd",
                     "-drive", f"if=pflash,format=raw,file={nvram}"]
        elif self.kind != "iso":
            raise ValueError(f"kind '{self.kind}': must be kernel, iso, uefi or disk")
        return args

    # ---- console ---------------------------------------------------------------------------------

    def text(self):
        """Everything that the console has said."""
        with self.console.news:
            return self.console.data.decode(errors="replace").replace("\r", "")

    def tail(self):
        return "\n".join(self.text().splitlines()[-TAIL_LINES:])

    def stderr(self):
        path = self.dir / "stderr"
        return path.read_text(errors="replace").strip() if path.exists() else ""

    def fail(self, what):
        said = f"{self.name}: {what}\n--- console, last lines ({self.log_path})\n{self.tail()}"
        errors = self.stderr()
        raise QemuError(said + (f"\n--- qemu\n{errors}" if errors else ""))

    def _await(self, stream, check, timeout, what):
        """Call check() under the stream's lock at every change, until it returns something."""
        end = time.monotonic() + timeout
        with stream.news:
            while (found := check()) is None:
                if stream.closed:
                    break
                left = end - time.monotonic()
                if left <= 0 or not stream.news.wait(left):
                    break
        if found is None:
            after = "when qemu ended" if stream.closed else f"after {timeout} s"
            self.fail(f"{after}, still no {what}")
        return found

    def expect(self, pattern, timeout=60):
        """Wait for a regular expression on the console, behind what earlier calls matched."""
        regex = re.compile(pattern.encode() if isinstance(pattern, str) else pattern, re.MULTILINE)

        def check():
            found = regex.search(self.console.data, self.pos)
            if found:
                self.pos = found.end()
            elif self.console.data.find(PANIC, self.pos) >= 0:
                self.fail(f"the kernel gave up before /{regex.pattern.decode()}/")
            return found
        return self._await(self.console, check, timeout, f"/{regex.pattern.decode()}/ on the console")

    def write(self, text):
        """Type exactly this."""
        try:
            self.console.conn.sendall(text.encode())
        except OSError as e:
            self.fail(f"cannot type: {e}")

    def send(self, line=""):
        """Type a line."""
        self.write(line + "\n")

    def wait_ready(self, timeout=120):
        """Wait until every boot service is ready and the console asks; the seconds it printed."""
        seconds = float(self.expect(READY, timeout)[1])
        self.wait_prompt(timeout)
        return seconds

    def wait_prompt(self, timeout=60):
        # The prompt may stand before other output (the ready line) already: ask for a fresh one.
        self.send()
        self.expect(PROMPT, timeout)

    def sh(self, command, timeout=60, check=False):
        """Run a command at the console's prompt: (what it printed, its exit code).

        check: fail unless the code is 0, and return only what it printed.
        """
        n = next(self.serial_no)
        # The marks are typed in two halves, so that their echo is not taken for them.
        for line in (f'{{ echo "<<""{n}>>"', *command.split("\n"), f'}}; echo "@@""{n}:$?@@"'):
            if len(line) > 1000:
                raise ValueError("line too long for the console: " + line[:60])
            self.send(line)
        found = self.expect(rf"<<{n}>>\r*\n((?:.|\n)*?)@@{n}:(\d+)@@", timeout)
        out = found[1].decode(errors="replace").replace("\r", "")
        code = int(found[2])
        if not check:
            return out, code
        if code:
            self.fail(f"'{command}' ended with {code}: {out}")
        return out

    # ---- the machine -----------------------------------------------------------------------------

    def _qmp_next(self, wanted, timeout, what):
        """The next QMP message for which wanted() holds; events on the way are kept."""
        def check():
            while True:
                end = self.qmp.data.find(b"\n", self.qmp_pos)
                if end < 0:
                    return None
                message = json.loads(self.qmp.data[self.qmp_pos:end])
                self.qmp_pos = end + 1
                if "event" in message:
                    self.events.append(message)
                if wanted(message):
                    return message
        return self._await(self.qmp, check, timeout, what)

    def command_qmp(self, command, timeout=10, **arguments):
        """Run a QMP command and return its result."""
        line = json.dumps({"execute": command, "arguments": arguments}) + "\n"
        try:
            self.qmp.conn.sendall(line.encode())
        except OSError as e:
            self.fail(f"qmp {command}: {e}")
        reply = self._qmp_next(lambda m: "return" in m or "error" in m, timeout, f"reply to {command}")
        if "error" in reply:
            self.fail(f"qmp {command}: {reply['error']['desc']}")
        return reply["return"]

    def wait_event(self, name, timeout=60):
        """Wait for a QMP event, also one that came while something else was waited for."""
        for i, event in enumerate(self.events):
            if event["event"] == name:
                return self.events.pop(i)
        event = self._qmp_next(lambda m: m.get("event") == name, timeout, f"event {name}")
        self.events.remove(event)
        return event

    def port(self, guest_port):
        """The port of this host that leads to a TCP port of the guest."""
        table = self.command_qmp("human-monitor-command", **{"command-line": "info usernet"})
        for line in table.splitlines():
            f = line.split()
            if f and f[0] == "TCP[HOST_FORWARD]" and f[5] == str(guest_port):
                return int(f[3])
        raise ValueError(f"port {guest_port} was not among the ports of '{self.name}'")

    def keys(self, *names):
        """Press keys of the machine's keyboard together, named as QEMU does ("ctrl", "alt", ...)."""
        self.command_qmp("send-key", keys=[{"type": "qcode", "data": n} for n in names])

    def ctrl_alt_del(self):
        self.keys("ctrl", "alt", "delete")

    def powerdown(self):
        """Press the power button."""
        self.command_qmp("system_powerdown")

    def reset(self):
        """What the reset button does: no warning."""
        self.command_qmp("system_reset")

    def wait_shutdown(self, timeout=60):
        """Wait for the machine's end: "guest-shutdown", "guest-reset", "guest-panic", ..."""
        reason = self.wait_event("SHUTDOWN", timeout)["data"]["reason"]
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.fail("qemu did not end after its machine did")
        return reason

    def kill(self):
        """A power cut."""
        self.process.kill()
        self.process.wait()
