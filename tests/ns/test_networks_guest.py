# SPDX-License-Identifier: Apache-2.0
"""Container networks on our own kernel, driven by docker's client: the rules need every expression that it was built with."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
import images as im  # noqa: E402
from conftest import docker_client  # noqa: E402
from qemu_guest import BUSYBOX, OUT, guest, why_not  # noqa: E402

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

APPLETS = ("sh", "sleep", "cat", "echo", "mkdir", "httpd", "wget", "nslookup", "ping", "ip", "id", "until", "true")

SCRIPT = """
set -e
export HOME=/root DOCKER_HOST=unix:///run/docker.sock DOCKER_CLI_HINTS=false
ip link set lo up
ip link add far0 type dummy; ip addr add 192.0.2.1/24 dev far0; ip link set far0 up
ip route add default via 192.0.2.254
userctr daemon >/tmp/log 2>&1 &
n=0; until docker version >/dev/null 2>&1; do n=$((n + 1)); [ $n -lt 300 ] || { cat /tmp/log; exit 1; }; usleep 100000; done
export PATH=$PATH:/bin
docker load -i /work/image.tar
docker network create gnet >/dev/null
web='mkdir -p /w; echo hello >/w/index.html; httpd -f -p 80 -h /w'
docker run -d --name web --network gnet --network-alias www -p 8080:80 bb:1 sh -c "$web" >/dev/null
docker run -d --name dnsd --network gnet --expose 53 bb:1 sleep 1000 >/dev/null
docker run -d --name old -p 127.0.0.1:8081:80 bb:1 sh -c "$web" >/dev/null
get() { n=0; until wget -q -T 2 -O - http://$1/index.html; do n=$((n + 1)); [ $n -lt 30 ] || return 1; usleep 200000; done; }
echo published $(get 192.0.2.1:8080) $(get 127.0.0.1:8080) $(get 127.0.0.1:8081)
echo named $(docker exec dnsd wget -q -O - http://www/index.html)
echo from-default $(docker run --rm --network gnet bb:1 wget -q -O - http://192.0.2.1:8080/index.html)
echo apart $(docker exec old wget -q -T 1 -O - http://$(docker inspect -f '{{.NetworkSettings.Networks.gnet.IPAddress}}' web):80/ 2>/dev/null || echo nothing)
kill -9 $!
usleep 100000
echo alone $(get 127.0.0.1:8080)
userctr daemon >>/tmp/log 2>&1 &
n=0; until docker version >/dev/null 2>&1; do n=$((n + 1)); [ $n -lt 300 ] || { cat /tmp/log; exit 1; }; usleep 100000; done
echo again $(get 127.0.0.1:8080) $(docker exec dnsd wget -q -O - http://web/index.html)
docker volume create -o type=tmpfs -o device=tmpfs -o o=size=1m mem >/dev/null
echo volume $(docker run --rm --network none -v mem:/x bb:1 sh -c 'echo kept >/x/f; cat /x/f')
docker rm -f web dnsd old >/dev/null
docker network rm gnet >/dev/null
ip -o link | grep -c 'veth\\|br-' || true
grep -v 'info userctr' /tmp/log || true
"""


@pytest.fixture(scope="module")
def out():
    base = im.tar(im.directory("bin"), im.entry("bin/busybox", BUSYBOX.read_bytes(), mode=0o755),
                  *[im.symlink("bin/" + a, "busybox") for a in APPLETS], im.directory("proc"), im.directory("dev"),
                  im.directory("sys"), im.directory("tmp", mode=0o1777), im.directory("etc"),
                  im.entry("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"))
    text, code = guest(SCRIPT, {"/bin/userctr": OUT / "bin" / "userctr", "/bin/docker": Path(docker_client()), "/work/image.tar": im.docker_archive("bb:1", base)},
                       memory_mb=768, seconds=400)
    assert code == 0, text
    return text


def test_on_our_kernel(out):
    for line in ("published hello hello hello", "named hello", "from-default hello", "apart nothing", "alone hello",
                 "again hello hello", "volume kept", "0"):
        assert line in out.splitlines(), out
    assert "error" not in out, out
