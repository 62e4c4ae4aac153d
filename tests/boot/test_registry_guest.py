# SPDX-License-Identifier: Apache-2.0
"""On the running system: `docker run` of an image that is not there pulls it from a registry on the network."""
import sys
import time
from pathlib import Path

import pytest

from qemu import OUT, Qemu

sys.path.insert(0, str(Path(__file__).parents[1] / "api"))
import images as im  # noqa: E402
import registry as reg  # noqa: E402


@pytest.fixture(scope="module")
def registry():
    s = reg.StandIn()
    busybox = (OUT / "deps/musl/bin/busybox").read_bytes()
    s.add("lib/bb", "1", reg.Image(im.tar(im.directory("bin"), im.entry("bin/busybox", busybox, mode=0o755)),
                                   im.tar(im.symlink("bin/sh", "busybox"), im.symlink("bin/echo", "busybox")), pack=im.gz))
    yield s
    s.close()


def test_run_pulls(registry):
    port = registry.host.split(":")[1]
    name = f"10.0.2.2:{port}/lib/bb:1"  # the host, as the guest sees it
    with Qemu("kernel", name="registry", cmdline=f"slipway.docker.insecure-registry=10.0.2.2:{port}", deadline_s=600) as vm:
        vm.wait_ready()
        end = time.monotonic() + 120  # the address comes by DHCP, which the boot does not wait for
        while True:
            out = vm.sh(f"docker run --rm {name} echo h''ello", timeout=180)[0]
            if "hello" in out:
                break
            assert time.monotonic() < end, out
        assert vm.sh("docker images -q | wc -l")[0].strip() >= "1"
        assert "is up to date" in vm.sh(f"docker pull {name}", timeout=180)[0]
