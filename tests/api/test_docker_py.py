# SPDX-License-Identifier: Apache-2.0
"""docker's Python library, unmodified, and the calls that Testcontainers makes."""
import io
import json
import subprocess
import sys
import tarfile
import threading
import time

import pytest

from conftest import TOP, WAIT
from test_containers import BUSYBOX
from test_networks import box, host, on_host  # noqa: F401

sys.path.insert(0, subprocess.run([TOP / "deps" / "docker-py.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
docker = pytest.importorskip("docker")


@pytest.fixture(scope="module")
def client(box):  # noqa: F811
    c = docker.DockerClient(base_url="unix://" + box.d.sock, timeout=WAIT)
    yield c
    c.close()


@pytest.fixture(autouse=True)
def clean(client):
    yield
    for c in client.containers.list(all=True):
        c.remove(force=True, v=True)
    client.networks.prune()
    client.volumes.prune({"all": True})


@pytest.fixture
def up(client):
    return lambda cmd="sleep 1000", **kw: client.containers.run("bb:1", cmd, detach=True, **kw)


def test_client(client):
    assert client.ping() is True
    assert client.version()["ApiVersion"] == "1.51" and client.api._version in ("1.44", "1.50", "1.51")
    assert client.info()["OSType"] == "linux"
    assert set(client.df()) >= {"LayersSize", "Images", "Containers", "Volumes"}


def test_run(client):
    assert client.containers.run("bb:1", "echo one", remove=True) == b"one\n"
    assert client.containers.run("bb:1", ["sh", "-c", "echo $A; echo e >&2"], environment={"A": "b"}, stderr=True, remove=True
                                 ) in (b"b\ne\n", b"e\nb\n")
    with pytest.raises(docker.errors.ContainerError) as e:
        client.containers.run("bb:1", ["sh", "-c", "echo bad >&2; exit 4"], remove=True)
    assert e.value.exit_status == 4 and e.value.stderr == b"bad\n"
    with pytest.raises(docker.errors.APIError) as e:
        client.containers.run("bb:1", "nope", remove=True)
    assert e.value.status_code == 400 and 'exec: "nope"' in str(e.value)
    with pytest.raises(docker.errors.NotFound):
        client.containers.get("nosuch")
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get("nosuch:1")


def test_life(client, up):
    c = up(name="life", labels={"a": "b"}, hostname="h")
    c.reload()
    assert (c.status, c.name, c.labels, c.image.tags) == ("running", "life", {"a": "b"}, ["bb:1"])
    assert [x.id for x in client.containers.list(filters={"label": "a=b"})] == [c.id]
    assert c.top()["Processes"][0][-1] == "sleep 1000"
    c.rename("other")
    c.restart(timeout=0)
    c.kill("KILL")
    assert c.wait() == {"StatusCode": 137}
    c.start()
    c.stop(timeout=0)
    c.reload()
    assert (c.status, c.name, c.health) == ("exited", "other", "unknown")
    with pytest.raises(docker.errors.APIError) as e:
        up(name="other")
    assert e.value.status_code == 409
    c.remove()
    with pytest.raises(docker.errors.NotFound):
        c.reload()
    assert client.containers.prune()["ContainersDeleted"] is None


def test_wait_conditions(up):
    c = up(["sh", "-c", "read x; exit 3"], stdin_open=True)
    got = []
    t = threading.Thread(target=lambda: got.append(c.wait(condition="next-exit", timeout=WAIT)))
    t.start()
    c.kill()
    t.join(WAIT)
    assert got == [{"StatusCode": 137}]
    assert c.wait(condition="not-running") == {"StatusCode": 137}


def test_logs(up):
    c = up(["sh", "-c", "echo a; echo b >&2; exec sleep 1000"])
    lines = c.logs(stream=True, follow=True)
    assert {next(lines), next(lines)} == {b"a\n", b"b\n"}
    lines.close()
    assert c.logs(stdout=True, stderr=False) == b"a\n" and c.logs(stdout=False, stderr=True) == b"b\n"
    assert c.logs(tail=1) in (b"a\n", b"b\n")
    stamp, word = c.logs(stderr=False, timestamps=True).split(b" ", 1)
    assert stamp.endswith(b"Z") and word == b"a\n"
    assert c.logs(since=4000000000) == b""
    t = up("echo tty", tty=True)
    t.wait()
    assert t.logs() == b"tty\r\n"


def test_exec(client, up):
    c = up()
    assert c.exec_run("echo x") == (0, b"x\n")
    assert c.exec_run(["sh", "-c", "echo $V; id -u; pwd; exit 9"], environment={"V": "v"}, user="www", workdir="/tmp") == (9, b"v\n33\n/tmp\n")
    assert c.exec_run(["sh", "-c", "echo o; echo e >&2"], demux=True) == (0, (b"o\n", b"e\n"))
    code, out = c.exec_run(["sh", "-c", "seq 1 3"], stream=True)
    assert code is None and b"".join(out) == b"1\n2\n3\n"
    assert c.exec_run("nope")[0] == 127
    # by a socket, as interactive users do
    e = client.api.exec_create(c.id, "cat", stdin=True)
    s = client.api.exec_start(e["Id"], socket=True)
    s._sock.sendall(b"typed\n")
    assert docker.utils.socket.next_frame_header(s) == (1, 6) and docker.utils.socket.read_exactly(s, 6) == b"typed\n"
    s._sock.shutdown(1)
    assert docker.utils.socket.next_frame_header(s) == (-1, -1)
    s.close()
    i = client.api.exec_inspect(e["Id"])
    assert (i["ContainerID"], i["ProcessConfig"]["entrypoint"]) == (c.id, "cat")
    assert up("true").wait()["StatusCode"] == 0
    e = client.api.exec_create(c.id, "sleep 1000")
    client.api.exec_start(e["Id"], detach=True)
    assert client.api.exec_inspect(e["Id"])["Running"] is True


def test_attach(client):
    c = client.containers.create("bb:1", "cat", stdin_open=True)
    s = c.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    c.start()
    s._sock.sendall(b"hi\n")
    assert docker.utils.socket.next_frame_header(s) == (1, 3) and docker.utils.socket.read_exactly(s, 3) == b"hi\n"
    s.close()
    c.kill()
    c = client.containers.create("bb:1", "echo streamed")
    out = c.attach(stream=True, stdout=True)
    c.start()
    assert b"".join(out) == b"streamed\n"
    assert c.attach(stream=False, logs=True, stdout=True) == b"streamed\n"


def test_stats(up):
    c = up()
    s = c.stats(stream=False)
    assert s["name"] == "/" + c.name and s["cpu_stats"]["online_cpus"] >= 1
    stream = c.stats(stream=True, decode=True)
    a, b = next(stream), next(stream)
    assert a["read"] < b["read"] and b["preread"] == a["read"]
    stream.close()


def test_events(client, up):
    since = int(time.time())
    e = client.events(decode=True, filters={"type": "container", "event": ["create", "start", "die", "destroy"]})
    c = up("true")
    c.wait()
    c.remove()
    seen = [next(e) for _ in range(4)]
    assert [x["Action"] for x in seen] == ["create", "start", "die", "destroy"] and {x["id"] for x in seen} == {c.id}
    assert seen[2]["Actor"]["Attributes"]["exitCode"] == "0"
    e.close()
    old = list(client.events(decode=True, since=since, until=seen[3]["time"] + 1, filters={"container": c.id}))
    assert {x["Action"] for x in old} >= {"create", "start", "die", "destroy"}


def test_networks(client, up):
    n = client.networks.create("dpn", driver="bridge", labels={"k": "v"}, ipam=docker.types.IPAMConfig(
        pool_configs=[docker.types.IPAMPool(subnet="10.77.0.0/24", gateway="10.77.0.1")]))
    c = up(network="dpn", name="one")
    d = up()
    n.connect(d, aliases=["two"], ipv4_address="10.77.0.9")
    assert c.exec_run("ping -c 1 -W 5 two")[0] == 0
    d.reload()
    assert d.attrs["NetworkSettings"]["Networks"]["dpn"]["IPAddress"] == "10.77.0.9"
    n.reload()
    assert {x.id for x in n.containers} == {c.id, d.id} and n.attrs["Labels"] == {"k": "v"}
    assert [x.name for x in client.networks.list(names=["dpn"])] == ["dpn"]
    with pytest.raises(docker.errors.APIError):
        n.remove()
    n.disconnect(d)
    n.disconnect(c, force=True)
    n.remove()
    with pytest.raises(docker.errors.NotFound):
        client.networks.get("dpn")


def test_volumes(client, up):
    v = client.volumes.create("dpv", labels={"x": "y"})
    assert client.volumes.get("dpv").attrs["Labels"] == {"x": "y"}
    client.containers.run("bb:1", ["sh", "-c", "echo kept >/v/f"], volumes={"dpv": {"bind": "/v", "mode": "rw"}}, remove=True)
    out = client.containers.run("bb:1", "cat /v/f", mounts=[docker.types.Mount("/v", "dpv", read_only=True)], remove=True)
    assert out == b"kept\n"
    c = up(volumes=["dpv:/v"], tmpfs={"/t": "size=1m"})
    with pytest.raises(docker.errors.APIError) as e:
        v.remove()
    assert e.value.status_code == 409
    c.remove(force=True)
    v.remove()
    assert client.volumes.list() == []


def packed(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        i = tarfile.TarInfo(name)
        i.size = len(data)
        t.addfile(i, io.BytesIO(data))
    return out.getvalue()


def test_archives(client, up):
    c = up()
    big = bytes(range(256)) * 8000
    assert c.put_archive("/tmp", packed("big", big)) is True
    assert c.exec_run("wc -c /tmp/big")[1].split()[0] == b"%d" % len(big)
    bits, stat = c.get_archive("/tmp/big")
    assert (stat["name"], stat["size"], stat["linkTarget"]) == ("big", len(big), "")
    with tarfile.open(fileobj=io.BytesIO(b"".join(bits))) as t:
        assert t.extractfile("big").read() == big
    with pytest.raises(docker.errors.NotFound):
        c.get_archive("/nope")
    stopped = client.containers.create("bb:1", "cat /tmp/f")
    stopped.put_archive("/tmp", packed("f", b"before\n"))
    stopped.start()
    stopped.wait()
    assert stopped.logs() == b"before\n"


def test_images(client, up):
    i = client.images.get("bb:1")
    assert i.tag("copy", "2") and "copy:2" in client.images.get("bb:1").tags
    client.images.remove("copy:2")
    assert [x.tags for x in client.images.list(name="bb")] == [["bb:1"]]
    assert len(i.history()) == 2
    data = b"".join(i.save(named=True))
    assert [x.id for x in client.images.load(data)] == [i.id]
    c = up(["sh", "-c", "echo x >/made"])
    c.wait()
    n = c.commit("made", "1", changes="CMD [\"cat\", \"/made\"]")
    assert client.containers.run("made:1", remove=True) == b"x\n"
    client.images.remove(n.id, force=True)
    assert b"".join(c.export())[257:262] == b"ustar"


def test_testcontainers(client, host):  # noqa: F811
    """Its usual order: create, start, the port of the host, wait for a line and for the port, then away."""
    labels = {"org.testcontainers": "true", "org.testcontainers.session-id": "0123"}
    c = client.containers.run("bb:1", ["sh", "-c", "mkdir /w; echo served >/w/index.html; httpd -p 8000 -h /w; echo ready; exec sleep 1000"],
                              detach=True, environment={}, ports={"8000/tcp": None}, labels=labels, volumes={}, name=None)
    lines = c.logs(stream=True, follow=True)
    assert next(lines) == b"ready\n"
    lines.close()
    ports = client.api.port(c.id, 8000)
    assert ports[0]["HostIp"] == "0.0.0.0"
    c.reload()
    assert c.ports["8000/tcp"][0]["HostPort"] == ports[0]["HostPort"]
    got = subprocess.run(["nsenter", "-t", str(host.pid), "-n", BUSYBOX, "wget", "-q", "-O", "-", f"http://127.0.0.1:{ports[0]['HostPort']}/index.html"],
                         check=True, capture_output=True, text=True, timeout=WAIT)
    assert got.stdout == "served\n"
    assert client.api.inspect_container(c.id)["NetworkSettings"]["Networks"]["bridge"]["Gateway"]
    code, out = c.exec_run(["sh", "-c", "echo checked"])
    assert (code, out) == (0, b"checked\n")
    assert [x.id for x in client.containers.list(filters={"label": [f"{k}={v}" for k, v in labels.items()]})] == [c.id]
    c.remove(force=True, v=True)
    assert json.loads(json.dumps(client.containers.list(all=True))) == []
