# SPDX-License-Identifier: Apache-2.0
"""docker pull: from Debian's registry, and from one that lies."""
import json
import os

import pytest

import images as im
import registry as reg

LAYER = im.tar(im.directory("bin"), im.entry("bin/sh", b"#!" * 2000, mode=0o755), im.symlink("etc", "/usr/etc"))
UPPER = im.tar(im.directory("data"), im.entry("data/file", b"upper"), im.entry("bin/.wh.sh"))


@pytest.fixture
def registry(tmp_path):
    made = []

    def make(**more):
        folder = tmp_path / f"registry{len(made)}"
        folder.mkdir()
        made.append(reg.Registry(folder, **more))
        return made[-1].start()

    yield make
    for r in made:
        r.stop()


@pytest.fixture
def stand_in():
    s = reg.StandIn()
    yield s
    s.close()


def layers_of(d):
    return sorted(x for x in os.listdir(d.root / "layers") if not x.endswith(".json"))


def no_debris(d):
    d.restart()
    assert layers_of(d) + os.listdir(d.root / "blobs" / "sha256") + os.listdir(d.root / "tmp") == []


def records(data):
    """The records of a progress stream; they end in CR LF."""
    assert data.endswith(b"\r\n")
    return [json.loads(x) for x in data.split(b"\r\n")[:-1]]


def pull(d, host, repo, tag, **more):
    return d.api("POST", f"/images/create?fromImage={host}/{repo}&tag={tag}", **more)


@pytest.mark.parametrize("docker", [False, True])
def test_pull_by_tag(make_daemon, registry, docker):
    d, r = make_daemon(), registry()
    image = reg.Image(LAYER, UPPER, pack=im.gz, docker=docker)
    r.push("lib/bb", "1", image)
    name = f"{r.host}/lib/bb:1"
    out = d.docker("pull", name).stdout
    assert "1: Pulling from lib/bb" in out and out.count("Pull complete") == 2
    assert f"Digest: {image.digest}" in out and f"Status: Downloaded newer image for {name}" in out
    got = json.loads(d.docker("inspect", name).stdout)[0]
    assert got["Id"] == image.id and got["RepoTags"] == [name]
    assert got["RepoDigests"] == [f"{r.host}/lib/bb@{image.digest}"]
    assert layers_of(d) == sorted([im.sha(LAYER), im.sha(UPPER)])
    assert (d.root / "layers" / im.sha(LAYER) / "bin/sh").read_bytes() == b"#!" * 2000
    assert "Status: Image is up to date for" in d.docker("pull", name).stdout
    assert os.listdir(d.root / "tmp") == [] or all(x.startswith("gone") for x in os.listdir(d.root / "tmp"))
    d.restart()
    assert d.docker("images", "-q").stdout.strip() == image.id[7:19]


def test_unreachable_registry(docker):
    p = docker("pull", "127.0.0.1:1/lib/bb:1", ok=False)
    assert p.returncode == 1 and 'Get "http://127.0.0.1:1/v2/": connect: Connection refused' in p.stderr


def test_pull_by_digest(make_daemon, registry):
    d, r = make_daemon(), registry()
    image = reg.Image(LAYER)
    r.push("lib/bb", "1", image)
    name = f"{r.host}/lib/bb@{image.digest}"
    assert f"Status: Downloaded newer image for {name}" in d.docker("pull", name).stdout
    got = json.loads(d.docker("inspect", name).stdout)[0]
    assert got["RepoTags"] == [] and got["RepoDigests"] == [name]
    other = "sha256:" + "0" * 64
    status, got = pull(d, r.host, "lib/bb", other)
    assert status == 404 and got["message"].startswith(f"manifest for {r.host}/lib/bb@{other} not found: manifest unknown")


def test_platforms(make_daemon, registry):
    d, r = make_daemon(), registry()
    ours, theirs = reg.Image(LAYER), reg.Image(UPPER, architecture="arm64", variant="v8")
    for i in (ours, theirs):
        r.push("lib/multi", i.digest, i)
    both = reg.index((theirs, "arm64"), (ours, "amd64"))
    r.put_manifest("lib/multi", "1", both, reg.INDEX)
    name = f"{r.host}/lib/multi:1"
    out = d.docker("pull", name).stdout
    assert f"Digest: {reg.digest(both)}" in out
    got = json.loads(d.docker("inspect", name).stdout)[0]
    assert got["Id"] == ours.id and got["RepoDigests"] == [f"{r.host}/lib/multi@{reg.digest(both)}"]
    status, got = d.api("GET", f"/distribution/{name}/json")
    assert status == 200 and got == {
        "Descriptor": {"mediaType": reg.INDEX, "digest": reg.digest(both), "size": len(both)},
        "Platforms": [{"os": "linux", "architecture": "arm64"}, {"os": "linux", "architecture": "amd64"}]}
    d.docker("pull", "--platform", "linux/arm64/v8", name)
    got = json.loads(d.docker("inspect", name).stdout)[0]
    assert got["Id"] == theirs.id and got["Architecture"] == "arm64"
    p = d.docker("pull", "--platform", "linux/s390x", name, ok=False)
    assert "no matching manifest for linux/s390x in the manifest list entries" in p.stderr
    one = f"{r.host}/lib/multi@{ours.digest}"
    p = d.docker("pull", "--platform", "arm64", one, ok=False)
    assert "its platform (linux/amd64) does not match the specified platform (linux/arm64)" in p.stderr
    status, got = d.api("GET", f"/distribution/{one}/json")
    assert status == 200 and got["Platforms"] == [{"architecture": "amd64", "os": "linux"}]


def test_records_are_dockers(make_daemon, registry):
    d, r = make_daemon(), registry()
    first, second = reg.Image(LAYER, pack=im.gz), reg.Image(LAYER, UPPER, pack=im.gz)
    r.push("lib/bb", "1", first)
    r.push("lib/bb", "2", second)
    status, data = pull(d, r.host, "lib/bb", "1")
    assert status == 200
    layer = reg.digest(first.layers[0])[7:19]
    got = records(data)
    assert got[0] == {"status": "Pulling from lib/bb", "id": "1"}
    assert got[1] == {"status": "Pulling fs layer", "progressDetail": {}, "id": layer}
    assert [x["status"] for x in got[2:]] == ["Downloading", "Download complete", "Extracting", "Pull complete",
                                             f"Digest: {first.digest}",
                                             f"Status: Downloaded newer image for {r.host}/lib/bb:1"]
    size = len(first.layers[0])
    assert got[2] == {"status": "Downloading", "progressDetail": {"current": size, "total": size},
                      "progress": "[" + "=" * 50 + f">] {str(size) + 'B':>8}/{size}B", "id": layer}
    _, data = pull(d, r.host, "lib/bb", "2")
    assert {"status": "Already exists", "progressDetail": {}, "id": layer} in records(data)
    assert (d.root / "layers" / im.sha(UPPER) / "data/file").read_bytes() == b"upper"


def test_run_pulls_by_itself(make_daemon, registry):
    d, r = make_daemon(), registry()
    r.push("lib/bb", "1", reg.Image(LAYER))
    p = d.docker("create", f"{r.host}/lib/bb:1")
    assert "Downloaded newer image" in p.stderr and len(p.stdout.strip()) == 64


# ---- who may ----

def test_basic_auth(make_daemon, registry):
    d, r = make_daemon(), registry(user=("me", "secret:word"))
    r.push("lib/bb", "1", reg.Image(LAYER))
    name = f"{r.host}/lib/bb:1"
    p = d.docker("pull", name, ok=False)
    assert "no basic auth credentials" in p.stderr
    assert pull(d, r.host, "lib/bb", "1")[0] == 500  # a 401 would make the client ask for a password
    p = d.docker("login", "-u", "me", "--password-stdin", r.host, input="wrong", ok=False)
    assert p.returncode != 0 and "401 Unauthorized" in p.stderr
    assert "Login Succeeded" in d.docker("login", "-u", "me", "--password-stdin", r.host, input="secret:word").stdout
    assert "Downloaded newer image" in d.docker("pull", name).stdout
    assert "secret" not in d.text()


def test_token_auth(make_daemon, stand_in):
    """A token server like Docker Hub's: the password goes there, the token to the registry."""
    d, image = make_daemon(), reg.Image(LAYER)
    stand_in.add("lib/bb", "1", image)
    for path, rule in list(stand_in.rules.items()):
        def guarded(h, rule=rule):
            if h.headers.get("Authorization") != "Bearer t0k3n":
                h.reply(401, b"{}", WWW_Authenticate=f'Bearer realm="http://{stand_in.host}/token",service="here"')
            elif callable(rule):
                rule(h)
            else:
                h.reply(200, rule)
        stand_in.rules[path] = guarded
    stand_in.rules["/token"] = b'{"token":"t0k3n"}'
    d.docker("pull", f"{stand_in.host}/lib/bb:1")
    assert any(p.startswith("/token?service=here&scope=repository%3Alib%2Fbb%3Apull") for p, _ in stand_in.asked)


def test_credentials_stay_where_they_belong(make_daemon, stand_in):
    other, d = reg.StandIn(), make_daemon()
    image = reg.Image(LAYER)
    stand_in.add("lib/bb", "1", image)
    d1 = reg.digest(image.layers[0])

    def guarded(h):
        if "Authorization" not in h.headers:
            h.reply(401, b"{}", WWW_Authenticate='Basic realm="x"')
        else:
            h.reply(307, Location=f"http://{other.host}/elsewhere")
    stand_in.rules[f"/v2/lib/bb/blobs/{d1}"] = guarded
    other.rules["/elsewhere"] = image.layers[0]
    import base64
    auth = base64.urlsafe_b64encode(b'{"username":"me","password":"secret"}').decode()
    status, data = pull(d, stand_in.host, "lib/bb", "1", headers={"X-Registry-Auth": auth})
    other.close()
    assert status == 200 and "Downloaded newer image" in records(data)[-1]["status"]
    assert [p for p, h in other.asked] == ["/elsewhere"] and "Authorization" not in other.asked[0][1]
    assert any("Authorization" in h for _, h in stand_in.asked)


def certificate(folder, name):
    """A private authority and a server's certificate by it."""
    import subprocess
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=folder)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=test CA",
            "-keyout", "ca.key", "-out", "ca.crt")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", "server.key", "-out", "server.csr")
    (folder / "ext").write_text(f"subjectAltName=DNS:{name}\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
            "-extfile", "ext", "-out", "server.crt")
    return folder / "server.crt", folder / "server.key"


def test_tls_by_a_private_authority(make_daemon, registry, tmp_path):
    tls = certificate(tmp_path, "registry.test")
    r = registry(name="registry.test", tls=tls)
    r.push("lib/bb", "1", reg.Image(LAYER))
    hosts = "cp /etc/hosts {0}/hosts; echo '127.0.0.1 registry.test' >>{0}/hosts; mount --bind {0}/hosts /etc/hosts".format(tmp_path)
    certs = f"mount -t tmpfs none /etc/docker && mkdir -p /etc/docker/certs.d/{r.host} && " \
            f"cp {tmp_path}/ca.crt /etc/docker/certs.d/{r.host}/"
    os.makedirs("/etc/docker", exist_ok=True)
    d = make_daemon(setup=hosts)
    p = d.docker("pull", f"{r.host}/lib/bb:1", ok=False)
    assert p.returncode == 1 and "certificate" in p.stderr.lower()
    d = make_daemon(setup=hosts + "\n" + certs)
    assert "Downloaded newer image" in d.docker("pull", f"{r.host}/lib/bb:1").stdout
    d = make_daemon("--insecure-registry", r.host, setup=hosts)
    assert "Downloaded newer image" in d.docker("pull", f"{r.host}/lib/bb:1").stdout


# ---- registries that fail, and that lie ----

def test_a_broken_download_goes_on(make_daemon, stand_in):
    d, image = make_daemon(), reg.Image(im.tar(im.entry("big", os.urandom(3000000))))
    stand_in.add("lib/bb", "1", image)
    data = image.layers[0]
    ranges = []

    def cut(h):
        at = int(h.headers.get("Range", "bytes=0-")[6:-1])
        ranges.append(at)
        end = at + 1200000 if len(ranges) < 3 else len(data)
        h.send_response(206 if at else 200)
        h.send_header("Content-Length", str(len(data) - at))
        if at:
            h.send_header("Content-Range", f"bytes {at}-{len(data) - 1}/{len(data)}")
        h.end_headers()
        h.wfile.write(data[at:end])
        h.close_connection = True

    stand_in.blob("lib/bb", data, cut)
    out = d.docker("pull", f"{stand_in.host}/lib/bb:1").stdout
    assert "Downloaded newer image" in out and ranges == [0, 1200000, 2400000]


def test_a_server_without_ranges_begins_again(make_daemon, stand_in):
    d, image = make_daemon(), reg.Image(im.tar(im.entry("big", os.urandom(3000000))))
    stand_in.add("lib/bb", "1", image)
    data, n = image.layers[0], []

    def cut(h):
        n.append(1)
        h.reply(200, data[:1000000] if len(n) == 1 else data, len(data))
        h.close_connection = True

    stand_in.blob("lib/bb", data, cut)
    d.docker("pull", f"{stand_in.host}/lib/bb:1")
    assert len(n) == 2


def test_the_registry_is_killed_in_mid_layer(make_daemon, stand_in, registry, tmp_path):
    """It comes back, and the pull goes on without asking for everything again."""
    import threading
    d = make_daemon()
    image = reg.Image(im.tar(im.entry("big", os.urandom(40000000))), LAYER)
    r = registry()
    r.push("lib/bb", "1", image)
    killed = threading.Event()

    def killer():
        r.stop(9)
        r.start()
        killed.set()

    c = d.connect()
    c.request("POST", f"/v1.50/images/create?fromImage={r.host}/lib/bb&tag=1")
    a = c.getresponse()
    seen = a.read1(300)
    threading.Thread(target=killer).start()
    data = seen + a.read()
    assert killed.wait(30)
    assert "Downloaded newer image" in records(data)[-1]["status"], data[-600:]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_registry_is_asked_again(make_daemon, stand_in, status):
    d, image = make_daemon(), reg.Image(LAYER)
    stand_in.add("lib/bb", "1", image)
    for path, rule in list(stand_in.rules.items()):
        seen = []

        def busy(h, rule=rule, seen=seen):
            seen.append(1)
            if len(seen) == 1:
                h.reply(status, b"busy", Retry_After="1")
            elif callable(rule):
                rule(h)
            else:
                h.reply(200, rule)
        stand_in.rules[path] = busy
    d.docker("pull", f"{stand_in.host}/lib/bb:1")


def lying(f):
    f.is_lie = True
    return f


def wrong_digest(s, image):
    s.blob("lib/bb", image.layers[1], b"x" * len(image.layers[1]))
    return "is not a tar archive"


def other_layer(s, image):
    """A good layer, but another one."""
    fake = bytearray(image.layers[1])
    fake[-1] ^= 1
    s.blob("lib/bb", image.layers[1], bytes(fake))
    return "instead of " + reg.digest(image.layers[1])


def too_long(s, image):
    s.blob("lib/bb", image.layers[1], image.layers[1] + b"more")
    return "another size than the manifest says"


def too_short(s, image):
    s.blob("lib/bb", image.layers[1], image.layers[1][:-1])
    return "another size than the manifest says"


def endless(s, image):
    def answer(h):
        h.send_response(200)
        h.send_header("Transfer-Encoding", "chunked")
        h.end_headers()
        while True:
            h.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")
    s.blob("lib/bb", image.layers[1], answer)
    return "more than the manifest says"


def loop(s, image):
    s.blob("lib/bb", image.layers[1], lambda h: h.reply(302, Location=h.path))
    return "redirects more than 5 times"


def to_a_file(s, image):
    s.blob("lib/bb", image.layers[1], lambda h: h.reply(302, Location="file:///etc/passwd"))
    return "redirects to"


def wrong_range(s, image):
    def answer(h):
        if "Range" in h.headers:
            h.reply(206, image.layers[1][:10], Content_Range="bytes 0-9/10")
        else:
            h.reply(200, image.layers[1][:600], len(image.layers[1]))
            h.close_connection = True
    s.blob("lib/bb", image.layers[1], answer)
    return "another range"


def no_layer(s, image):
    s.blob("lib/bb", image.layers[1], None)
    return "layer"


def bad_config(s, image):
    s.blob("lib/bb", image.config, b"{}")
    return "is not what the registry sent for it"


def manifest_too_large(s, image):
    s.manifest("lib/bb", "1", image.manifest + b" " * (10 << 20))
    return "larger than"


def index_and_manifest(s, image):
    s.manifest("lib/bb", "1", json.dumps({**image.doc, "manifests": [reg.descriptor(image.manifest, reg.MANIFEST)]}).encode())
    return "not clearly a manifest or an index"


def manifest_called_index(s, image):
    s.manifest("lib/bb", "1", image.manifest, reg.INDEX)
    return "not clearly a manifest or an index"


def wrong_header(s, image):
    s.rules["/v2/lib/bb/manifests/1"] = lambda h: h.reply(200, image.manifest, Content_Type=reg.MANIFEST,
                                                         Docker_Content_Digest="sha256:" + "0" * 64)
    return "does not have the digest"


def foreign_layer(s, image):
    doc = {**image.doc, "layers": [image.doc["layers"][0], {
        **image.doc["layers"][1], "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "urls": ["http://169.254.169.254/"]}]}
    s.manifest("lib/bb", "1", json.dumps(doc).encode())
    return "not supported"


def not_json(s, image):
    s.manifest("lib/bb", "1", b"<html>")
    return "manifest"


LIES = [wrong_digest, other_layer, too_long, too_short, endless, loop, to_a_file, wrong_range, no_layer, bad_config,
        manifest_too_large, index_and_manifest, manifest_called_index, wrong_header, foreign_layer, not_json]


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_found(make_daemon, stand_in, lie):
    d, image = make_daemon(), reg.Image(LAYER, UPPER)
    stand_in.add("lib/bb", "1", image)
    says = lie(stand_in, image)
    p = d.docker("pull", f"{stand_in.host}/lib/bb:1", ok=False)
    assert p.returncode == 1 and says in p.stderr, p.stderr
    no_debris(d)


def test_a_client_that_leaves_ends_the_pull(make_daemon, stand_in):
    import threading
    d, image = make_daemon(), reg.Image(im.tar(im.entry("big", os.urandom(3000000))))
    stand_in.add("lib/bb", "1", image)
    gone, ended = threading.Event(), threading.Event()

    def slow(h):
        h.send_response(200)
        h.send_header("Content-Length", str(len(image.layers[0])))
        h.end_headers()
        h.wfile.write(image.layers[0][:1000000])
        gone.wait(30)
        try:
            for i in range(1000000, 2900000, 20000):  # never all of it
                h.wfile.write(image.layers[0][i:i + 20000])
                ended.wait(0.02)
            h.connection.settimeout(30)
            h.connection.recv(1)  # says nothing: until it closes
        except OSError:
            pass
        ended.set()
    stand_in.blob("lib/bb", image.layers[0], slow)
    c = d.connect()
    c.request("POST", f"/v1.50/images/create?fromImage={stand_in.host}/lib/bb&tag=1")
    a = c.getresponse()
    seen = b""
    while b"Downloading" not in seen:
        seen += a.read1(1000)
    a.close()
    c.close()
    gone.set()
    assert ended.wait(30)
    assert d.docker("images", "-q").stdout == ""
    no_debris(d)


# ---- the other way ----

def test_push(make_daemon, registry):
    """What one daemon pushed another one pulls, with the same digests; what is there is not sent again."""
    one, two, r = make_daemon(), make_daemon(), registry(user=("me", "secret"))
    one.docker("load", input=im.docker_archive("bb:1", LAYER, UPPER, pack=im.gz), text=False)
    name = f"{r.host}/lib/bb:1"
    one.docker("tag", "bb:1", name)
    p = one.docker("push", name, ok=False)
    assert p.returncode == 1 and "no basic auth credentials" in p.stderr
    one.docker("login", "-u", "me", "--password-stdin", r.host, input="secret")
    out = one.docker("push", name).stdout
    assert f"The push refers to repository [{r.host}/lib/bb]" in out and out.count("Pushed") == 2
    assert f"{im.sha(LAYER)[:12]}: Pushed" in out and "1: digest: sha256:" in out and " size: " in out
    got = json.loads(one.docker("inspect", name).stdout)[0]
    assert len(got["RepoDigests"]) == 1 and got["RepoDigests"][0].split("@")[1] in out
    assert one.docker("push", name).stdout.count("Layer already exists") == 2
    two.docker("login", "-u", "me", "--password-stdin", r.host, input="secret")
    two.docker("pull", name)
    there = json.loads(two.docker("inspect", name).stdout)[0]
    assert there["Id"] == got["Id"] and there["RepoDigests"] == got["RepoDigests"]
    assert there["RootFS"] == got["RootFS"]
    assert (two.root / "layers" / im.sha(UPPER) / "data/file").read_bytes() == b"upper"


def test_push_of_nothing(make_daemon, registry):
    d = make_daemon()
    p = d.docker("push", "127.0.0.1:1/lib/bb:1", ok=False)
    assert p.returncode == 1 and "An image does not exist locally with the tag: 127.0.0.1:1/lib/bb" in p.stderr


def test_our_own_client(make_daemon, registry):
    import subprocess
    from conftest import USERCTR
    d, r = make_daemon(), registry()
    image = reg.Image(LAYER)
    r.push("lib/bb", "1", image)
    p = subprocess.run([USERCTR, "-H", d.host, "pull", f"{r.host}/lib/bb:1"], capture_output=True, text=True, timeout=60)
    assert p.returncode == 0 and f"Digest: {image.digest}" in p.stdout, p
