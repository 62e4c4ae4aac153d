# SPDX-License-Identifier: Apache-2.0
"""cloud-init in the machine: a NoCloud volume as cloud tools make it, and what is there afterwards."""
import base64
import gzip
import json
import re
import shutil
import subprocess
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0 someone@somewhere"
DONE = "timeout 90 sh -c 'until [ -e /run/slipway/cloud-init/done.json ]; do usleep 50000; done'"
DOCS = Path(__file__).resolve().parents[2] / "docs/cloud-config.md"


def volume(tmp_path, kind="iso", label="cidata", **files):
    """A volume with these files; names have '_' where the files have '-'."""
    folder = tmp_path / "seed"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / name.replace("_", "-")).write_bytes(content if isinstance(content, bytes) else content.encode())
    out = tmp_path / "cidata.img"
    out.unlink(missing_ok=True)
    if kind == "iso":
        subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-V", label, "-J", "-r", "-o", out, folder], check=True, capture_output=True)
    else:
        out.write_bytes(bytes(1 << 20))
        subprocess.run(["/sbin/mkfs.vfat", "-n", label, out], check=True, capture_output=True)
        subprocess.run(["mcopy", "-i", out, *sorted(folder.iterdir()), "::"], check=True)
    return out


def booted(vm):
    vm.wait_ready()
    vm.sh(DONE, 100, check=True)
    return json.loads(vm.sh("slipway cloud-init status --format json", check=True))


def test_whole_config_and_once_per_instance(machine, tmp_path, state_disk):
    packed = base64.b64encode(gzip.compress(b"packed\n")).decode()
    seed = volume(tmp_path, user_data=f"""#cloud-config
hostname: berth
ssh_authorized_keys:
  - {KEY}
users:
  - default
  - name: ada
    uid: 1234
    gecos: Ada L
    passwd: $6$salt$abc
    ssh_authorized_keys: ['{KEY}']
write_files:
  - path: /etc/one/two
    content: "plain\\n"
    permissions: '0640'
    owner: ada
  - path: /var/lib/slipway/packed
    encoding: gz+b64
    content: {packed}
  - path: /var/lib/slipway/grows
    content: "line\\n"
    append: true
  - path: /home/ada/late
    content: x
    owner: ada:ada
    defer: true
runcmd:
  - echo ran >>/var/lib/slipway/ran
  - [sh, -c, 'echo "$0" >>/var/lib/slipway/words', 'a b']
  - exit 3
  - echo behind >>/var/lib/slipway/ran
bootcmd:
  - echo boot >>/var/lib/slipway/boots
slipway:
  network:
    dns:
      nameservers: [10.0.2.3, 192.0.2.53]
hostnme: wrong
write_file: []
runcmnd: x
packages: [vim]
power_state: [reboot]
""", meta_data="instance-id: first\nlocal-hostname: other\n")
    vm = machine("kernel", disks=[state_disk, seed])
    status = booted(vm)
    assert status["found"]["source"] == "nocloud '/dev/vdb'" and status["found"]["instance"] == "first"
    messages = "\n".join(status["found"]["messages"])
    for want in ("user-data:38: key 'hostnme': unknown; did you mean 'hostname'?", "key 'write_file': unknown; did you mean 'write_files'?",
                 "key 'packages': not supported", "key 'power_state': expected a map, found a list"):
        assert want in messages, messages
    assert "did you mean 'hostname'" in vm.text(), "the consoles say what was ignored"
    assert len(status["applied"]["failed"]) == 1 and "ended with 3" in status["applied"]["failed"][0], status["applied"]
    vm.sh("timeout 60 sh -c 'until [ $(hostname) = berth ]; do usleep 50000; done'", 70, check=True)
    assert "127.0.1.1\tberth" in vm.sh("cat /run/slipway/hosts")[0]
    out = vm.sh("timeout 60 sh -c 'until grep -q 192.0.2.53 /run/slipway/resolv.conf; do usleep 50000; done'; cat /run/slipway/resolv.conf", 70, check=True)
    assert out.split() == ["nameserver", "10.0.2.3", "nameserver", "192.0.2.53"]
    assert vm.sh("stat -c '%a %u' /etc/one/two; cat /etc/one/two").__getitem__(0).split() == ["640", "1234", "plain"]
    assert vm.sh("cat /var/lib/slipway/packed")[0].strip() == "packed"
    for user, uid in (("slipway", 0), ("rancher", 0), ("ada", 1234)):
        out = vm.sh(f"cd /home/{user}/.ssh; stat -c '%a %u' . authorized_keys; cat authorized_keys", check=True)
        assert out.split("\n")[:3] == [f"700 {uid}", f"600 {uid}", KEY], out
    assert vm.sh("grep ada /etc/passwd; grep ada /etc/shadow")[0].split() == ["ada:x:1234:1234:Ada", "L:/home/ada:/bin/sh", "ada:$6$salt$abc:::::::"]
    assert vm.sh("stat -c '%U %a' /home/ada /home/ada/late")[0].split() == ["ada", "700", "ada", "644"]
    assert vm.sh("cat /var/lib/slipway/ran /var/lib/slipway/words")[0].splitlines() == ["ran", "behind", "a b"]
    assert vm.sh("slipway config get hostname; ros config get rancher.network.dns.nameservers")[0].split() == ["berth", "-", "10.0.2.3", "-", "192.0.2.53"]
    assert vm.sh("stat -c %a /var/lib/slipway/cloud-init /run/slipway/cloud-init /var/lib/slipway/cloud-init/datasource.yml")[0].split() == ["700", "700", "600"]
    # a new console has what the old one had, and its commands do not run again
    pid = vm.sh("slipway service ls | awk '$1 == \"console\" {print $0}'")[0]
    vm.send("kill -9 $(pidof slipway-console)")
    vm.expect("autologin|login:|[#$] ", 60)
    vm.wait_prompt()
    vm.sh("timeout 60 sh -c 'until grep -q ada /etc/passwd && [ -e /etc/one/two ]; do usleep 50000; done'", 70, check=True)
    assert vm.sh("cat /var/lib/slipway/ran")[0].splitlines() == ["ran", "behind"], pid
    # the console is configurable by hand, and what is set there is there at the next boot
    assert vm.sh("slipway config set slipway.ntp.servers '[192.0.2.1]'; stat -c %a /var/lib/slipway/cloud-config.yml")[0].split() == ["600"]
    vm.sh("sync")
    vm.kill()

    vm = machine("kernel", disks=[state_disk, seed])
    status = booted(vm)
    assert vm.sh("cat /var/lib/slipway/ran /var/lib/slipway/boots /var/lib/slipway/grows")[0].splitlines() == \
        ["ran", "behind", "boot", "boot", "line"], "runcmd once per instance, bootcmd at each boot, an addition once"
    assert vm.sh("grep -c ada /etc/passwd; cat /etc/one/two")[0].split() == ["1", "plain"]
    assert vm.sh("wc -l </home/ada/.ssh/authorized_keys")[0].strip() == "1"
    assert "ntp.servers=192.0.2.1" in vm.sh("cat /run/slipway/cmdline")[0]
    vm.kill()

    # without the volume what it said still counts
    vm = machine("kernel", disks=[state_disk])
    assert booted(vm)["found"]["source"].startswith("as before")
    assert vm.sh("cat /etc/one/two; cat /var/lib/slipway/ran")[0].split() == ["plain", "ran", "behind"]


@pytest.mark.parametrize("form", ["broken", "binary", "unsupported", "huge"])
def test_bad_user_data_keeps_the_console(machine, tmp_path, form):
    data = {"broken": "#cloud-config\nhostname: a\nruncmd: [\n  - b: }\n", "binary": bytes(range(256)) * 64,
            "unsupported": "#include\nhttp://example.com/\n", "huge": "#cloud-config\n" + "a: [" * 20000}[form]
    seed = volume(tmp_path, kind="vfat", label="CIDATA", user_data=data, meta_data="instance-id: x\nlocal-hostname: named\n")
    vm = machine("kernel", disks=[seed])
    status = booted(vm)
    want = {"broken": r"ignored: .*user-data: line [45]: ", "binary": "first line is neither", "unsupported": "form '#include' is not supported",
            "huge": "ignored: .*user-data: "}[form]
    messages = "\n".join(status["found"]["messages"])
    assert re.search(want, messages), messages
    assert re.search(want, vm.text().replace("\n", " ")), "the console says it"
    vm.sh("timeout 60 sh -c 'until [ $(hostname) = named ]; do usleep 50000; done'", 70, check=True)
    assert "ignored" in vm.sh("slipway cloud-init status", check=True)


def test_mime_script_and_added_time(machine, tmp_path):
    parts = MIMEMultipart()
    for kind, text in (("cloud-config", "#cloud-config\nwrite_files: [{path: /tmp/a, content: one}]\n"),
                       ("x-shellscript", "#!/bin/sh\necho script >/tmp/b\nid -u >>/tmp/b\n"), ("part-handler", "#part-handler\n")):
        parts.attach(MIMEText(text, kind))
    seed = volume(tmp_path, user_data=gzip.compress(parts.as_bytes()), meta_data="instance-id: m\n")
    without = machine("kernel")
    base_s = without.wait_ready()
    without.kill()
    vm = machine("kernel", disks=[seed])
    ready_s = vm.wait_ready()
    vm.sh(DONE, 100, check=True)
    assert vm.sh("cat /tmp/a; echo; cat /tmp/b")[0].split() == ["one", "script", "0"]
    assert "form '#part-handler' is not supported" in vm.sh("slipway cloud-init status")[0]
    print(f"ready in {ready_s} s with a volume, in {base_s} s without any")


def documented():
    """(title, yaml, shell) of each example of docs/cloud-config.md"""
    text = DOCS.read_text()
    return re.findall(r"<!-- example: (\S+) -->\n```yaml\n(.*?)```\n.*?```sh\n(.*?)```", text, re.S)


def test_documented_examples(machine, tmp_path):
    """All examples at once, merged as MIME parts would be: each one's commands say so with exit code 0."""
    examples = documented()
    assert len(examples) >= 3
    parts = MIMEMultipart()
    for _, config, _ in examples:
        parts.attach(MIMEText(config, "cloud-config"))
    vm = machine("kernel", disks=[volume(tmp_path, user_data=parts.as_bytes(), meta_data="instance-id: d\n")])
    status = booted(vm)
    assert not status["found"]["messages"] and not status["applied"]["failed"], status
    for title, _, check in examples:
        for line in check.splitlines():
            out, code = vm.sh(f"timeout 60 sh -c {qemu_quote('until ' + line + '; do usleep 100000; done')}", 70)
            assert code == 0, f"{title}: {line}: {out}"


def qemu_quote(text):
    return "'" + text.replace("'", "'\\''") + "'"
