# SPDX-License-Identifier: Apache-2.0
"""Images on the real system: the helper's confinement works there, and what was acknowledged survives the loss of power."""
import os
import random
import shutil
import subprocess
import sys

import qemu

sys.path.insert(0, str(qemu.ROOT / "tests" / "api"))

import images as im  # noqa: E402

PORT = 2375


def client():
    found = os.environ.get("DOCKER") or shutil.which("docker")
    return found or subprocess.run([qemu.ROOT / "deps" / "docker-cli.sh"], check=True, stdout=subprocess.PIPE,
                                   text=True).stdout.strip()


def docker(vm, *argv, data=None, ok=True):
    p = subprocess.run([client(), "-H", f"tcp://127.0.0.1:{vm.port(PORT)}", *argv], input=data, capture_output=True,
                       timeout=120, **({} if data else {"stdin": subprocess.DEVNULL}))
    assert not ok or p.returncode == 0, f"docker {argv}: {p.stderr.decode()}\n{vm.tail()}"
    return p.stdout.decode()


def layers(n):
    """Layers whose content says what it must be."""
    r = random.Random(n)
    return [im.tar(im.directory("d"), *[im.entry(f"d/{i}-{k}", r.randbytes(3000 + k)) for k in range(20)],
                   im.entry("d/.wh..wh..opq"), im.entry(".wh.gone")) for i in range(3)]


def test_power_cut(machine, state_disk):
    """The machine is switched off the moment that docker load has returned."""
    cmdline = f"slipway.docker.host=tcp://0.0.0.0:{PORT}"
    for i in range(3):
        vm = machine("kernel", ports=[PORT], disks=[state_disk], cmdline=cmdline)
        vm.wait_ready()
        names = docker(vm, "images", "--format", "{{.Repository}}").split()
        assert sorted(n for n in names if n.startswith("cut")) == [f"cut{k}" for k in range(i)]
        for k in range(i):
            for x in layers(k):
                where = f"/var/lib/userctr/layers/{im.sha(x)}"
                assert vm.sh(f"cat {where}/d/* | wc -c", check=True).strip() == str(sum(3000 + n for n in range(20)))
            out = subprocess.run([client(), "-H", f"tcp://127.0.0.1:{vm.port(PORT)}", "save", f"cut{k}:1"], check=True,
                                 capture_output=True).stdout
            assert all(x in out for x in layers(k))
        assert vm.sh("ls /var/lib/userctr/tmp | wc -l", check=True).strip() == "0"
        docker(vm, "load", data=im.docker_archive(f"cut{i}:1", *layers(i)))
        vm.process.kill()
        vm.process.wait()
