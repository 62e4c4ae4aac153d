# SPDX-License-Identifier: Apache-2.0
"""Images through docker's client: load, list, inspect, history, tag, rmi, prune, save, import; and what must be refused."""
import io
import json
import os
import select
import stat
import tarfile
import threading
import time
import types

import pytest

import images as im
from conftest import TOP

LAYER = im.tar(im.directory("bin"), im.entry("bin/sh", b"#!" * 2000, mode=0o755), im.symlink("etc", "/usr/etc"))
UPPER = im.tar(im.directory("data"), im.entry("data/file", b"upper"), im.entry("bin/.wh.sh"))


def load(d, data, ok=True):
    return d.docker("load", input=data, text=False, ok=ok)


def layers_of(d):
    return sorted(x for x in os.listdir(d.root / "layers") if not x.endswith(".json"))


def debris(d):
    """What a failed load must leave behind: nothing."""
    d.stop()
    d.start()
    return layers_of(d) + os.listdir(d.root / "blobs" / "sha256") + os.listdir(d.root / "tmp")


@pytest.mark.parametrize("pack", [None, im.gz])
@pytest.mark.parametrize("archive", [im.docker_archive, im.oci_archive])
def test_load(make_daemon, archive, pack):
    d = make_daemon()
    out = load(d, archive("bb:1" if archive is im.docker_archive else "docker.io/library/bb:1", LAYER, UPPER, pack=pack)).stdout
    assert out == b"Loaded image: bb:1\n"
    assert d.docker("images", "--format", "{{.Repository}}:{{.Tag}} {{.Size}}").stdout == "bb:1 4kB\n"
    got = json.loads(d.docker("inspect", "bb:1").stdout)[0]
    assert got["Id"] == "sha256:" + im.sha(im.config([LAYER, UPPER]))
    assert got["RootFS"]["Layers"] == ["sha256:" + im.sha(LAYER), "sha256:" + im.sha(UPPER)]
    assert got["RepoTags"] == ["bb:1"] and got["Size"] == 4005 and got["Config"]["Cmd"] == ["/bin/sh"]
    bottom, top = d.root / "layers" / im.sha(LAYER), d.root / "layers" / im.sha(UPPER)
    assert (bottom / "bin/sh").read_bytes() == b"#!" * 2000
    assert (bottom / "bin/sh").stat().st_mode == 0o100755 and (bottom / "bin/sh").stat().st_mtime == 1000000000
    assert os.readlink(bottom / "etc") == "/usr/etc"
    gone = (top / "bin/sh").lstat()
    assert gone.st_mode & 0o170000 == 0o020000 and gone.st_rdev == 0
    d.restart()
    assert d.docker("images", "-q").stdout.strip() == got["Id"][7:19]


def test_load_whole_archive_compressed(make_daemon):
    d = make_daemon()
    load(d, im.gz(im.docker_archive("bb:1", LAYER)))
    assert d.docker("images", "-q").stdout != ""


def test_load_is_in_the_golden_form(make_daemon):
    d = make_daemon()
    load(d, im.docker_archive("bb:1", LAYER))
    golden = {"Containers", "Created", "Id", "Labels", "ParentId", "RepoDigests", "RepoTags", "SharedSize", "Size"}
    status, got = d.api("GET", "/images/json")
    assert status == 200 and set(got[0]) == golden
    assert got[0]["Containers"] == -1 and got[0]["SharedSize"] == -1 and got[0]["RepoDigests"] == []
    assert got[0]["Created"] == 1767323045 and got[0]["Labels"] is None
    status, got = d.api("GET", "/images/bb:1/json")
    assert set(got) == {"Id", "RepoTags", "RepoDigests", "Parent", "Comment", "Created", "DockerVersion", "Author", "Config",
                        "Architecture", "Os", "Size", "GraphDriver", "RootFS", "Metadata"}


def test_several_images_share_layers(make_daemon):
    d = make_daemon()
    load(d, im.docker_archive("a:1", LAYER))
    load(d, im.docker_archive("b:1", LAYER, UPPER))
    assert len(layers_of(d)) == 2
    d.docker("rmi", "a:1")
    assert len(layers_of(d)) == 2
    d.docker("rmi", "b:1")
    assert layers_of(d) == []


def test_history(make_daemon):
    d = make_daemon()
    load(d, im.docker_archive("bb:1", LAYER, UPPER))
    got = d.api("GET", "/images/bb:1/history")[1]
    assert [x["Size"] for x in got] == [5, 4000] and [x["CreatedBy"] for x in got] == ["layer 1", "layer 0"]
    assert got[0]["Tags"] == ["bb:1"] and got[1]["Id"] == "<missing>"


def test_lookup_and_errors(make_daemon):
    d = make_daemon()
    load(d, im.docker_archive("bb:1", LAYER))
    image = d.docker("images", "-q", "--no-trunc").stdout.strip()
    for name in ["bb:1", image, image[7:], image[7:19], image[:20], "docker.io/library/bb:1"]:
        assert d.api("GET", f"/images/{name}/json")[1]["Id"] == image
    assert d.api("GET", "/images/nosuch/json") == (404, {"message": "No such image: nosuch:latest"})
    assert d.api("POST", "/images/bb:1/tag?repo=UPPER") == (
        400, {"message": "invalid reference format: repository name (library/UPPER) must be lowercase"})
    assert d.api("DELETE", "/images/bb:2?force=1") == (404, {"message": "No such image: bb:2"})


def test_tag_and_rmi(make_daemon):
    d = make_daemon()
    load(d, im.docker_archive("bb:1", LAYER))
    d.docker("tag", "bb:1", "other/name:2")
    image = d.docker("images", "-q", "--no-trunc").stdout.split()[0]
    assert d.api("DELETE", "/images/bb:1") == (200, [{"Untagged": "bb:1"}])
    d.docker("tag", image, "bb:1")
    p = d.docker("rmi", image, ok=False)
    assert p.returncode == 1 and "(must be forced) - image is referenced in multiple repositories" in p.stderr
    d.docker("rmi", "bb:1")
    assert d.docker("rmi", "other/name:2").stdout == f"Untagged: other/name:2\nDeleted: {image}\n"
    assert d.docker("images", "-q").stdout == ""


def test_retag_leaves_a_dangling_image_for_prune(make_daemon):
    d = make_daemon()
    load(d, im.docker_archive("bb:1", LAYER))
    load(d, im.docker_archive("bb:1", UPPER))
    assert len(d.docker("images", "-q").stdout.split()) == 2
    assert len(d.docker("images", "-q", "-f", "dangling=true").stdout.split()) == 1
    assert d.docker("images", "--format", "{{.Repository}}", "-f", "reference=b*").stdout == "bb\n"
    assert "Total reclaimed space: 4kB" in d.docker("image", "prune", "-f").stdout
    assert len(d.docker("images", "-q").stdout.split()) == 1
    assert len(layers_of(d)) == 1
    d.docker("image", "prune", "-af")
    assert d.docker("images", "-q").stdout == "" and layers_of(d) == []


@pytest.mark.parametrize("pack", [None, im.gz])
def test_save_and_load_keep_every_digest(make_daemon, pack):
    a, b = make_daemon(), make_daemon()
    load(a, im.oci_archive("docker.io/library/bb:1", LAYER, UPPER, pack=pack))
    out = a.docker("save", "bb:1", text=False).stdout
    names = tarfile.open(fileobj=io.BytesIO(out)).getnames()
    assert {"oci-layout", "index.json", "manifest.json"} < set(names)
    assert load(b, out).stdout == b"Loaded image: bb:1\n"
    assert a.api("GET", "/images/bb:1/json")[1]["Id"] == b.api("GET", "/images/bb:1/json")[1]["Id"]
    assert sorted(os.listdir(a.root / "blobs/sha256")) == sorted(os.listdir(b.root / "blobs/sha256"))
    assert b.docker("save", "bb:1", text=False).stdout == out


def test_import(make_daemon):
    d = make_daemon()
    out = d.docker("import", "-c", 'CMD ["/bin/sh","-c","true"]', "-c", "ENV A=b", "-c", "EXPOSE 80", "-m", "mine", "-", "imp:1",
                   input=im.gz(LAYER), text=False).stdout.strip().decode()
    got = json.loads(d.docker("inspect", "imp:1").stdout)[0]
    assert got["Id"] == out and got["Comment"] == "mine"
    assert got["Config"]["Cmd"] == ["/bin/sh", "-c", "true"] and got["Config"]["Env"] == ["A=b"]
    assert got["Config"]["ExposedPorts"] == {"80/tcp": {}}
    assert got["RootFS"]["Layers"] == ["sha256:" + im.sha(LAYER)]


# ---- what must be refused ----

def broken_digest(m):
    m["layers"][0]["digest"] = "sha256:" + "0" * 64


def broken_size(m):
    m["layers"][0]["size"] += 1


def foreign(m):
    m["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar"
    m["layers"][0]["urls"] = ["http://169.254.169.254/"]


def two_things(m):
    m["manifests"] = []


BOMB = im.tar(im.entry("zeros", bytes(200 << 20)))

BAD = {
    "foreign layer": (im.oci_archive("bb:1", LAYER, lie=foreign), "not supported"),
    "manifest and index": (im.oci_archive("bb:1", LAYER, lie=two_things), "manifest"),
    "bomb": (im.docker_archive("bb:1", BOMB, pack=im.gz), "grows more than 500 times"),
    "bomb around": (im.gz(im.docker_archive("bb:1", BOMB)), "grows more than 500 times"),
    "garbage": (b"x" * 5000, "not a tar archive"),
    "nothing": (b"", "not a"),
    "gzip cut off": (im.gz(im.docker_archive("bb:1", LAYER))[:-100], "cut off"),
    "tar cut off": (im.docker_archive("bb:1", LAYER)[:3000], "Truncated"),
    "no manifest": (im.tar(im.entry("a", b"b")), "neither manifest.json nor index.json"),
    "other diff id": (im.docker_archive("bb:1", LAYER, conf=im.config([UPPER])), "its config says sha256:" + im.sha(UPPER)),
    "layer missing": (im.oci_archive("bb:1", LAYER, lie=broken_digest), "is not in the archive"),
    "layer size": (im.oci_archive("bb:1", LAYER, lie=broken_size), "digest"),
    "bad name": (im.docker_archive("UPPER:1", LAYER), "must be lowercase"),
    "other platform": (im.oci_archive("bb:1", LAYER, platform={"os": "linux", "architecture": "s390x"}), "linux/amd64"),
    "layer is no tar": (im.docker_archive("bb:1", b"\0no tar" * 1000), "not a tar archive"),
    "dotdot": (im.docker_archive("bb:1", im.tar(im.entry("../x", b"y"))), "entry '../x': has '..' in its path"),
    "dotdot inside": (im.docker_archive("bb:1", im.tar(im.entry("a/../../x", b"y"))), "has '..' in its path"),
    "dotdot link": (im.docker_archive("bb:1", im.tar(im.hardlink("a", "../../../../etc/passwd"))), "has '..' in its path"),
    "link to nothing": (im.docker_archive("bb:1", im.tar(im.hardlink("a", "etc/passwd"))), "hard link"),
    "climbing whiteout": (im.docker_archive("bb:1", im.tar(im.entry("a/.wh..."))), "removes nothing that has a name"),
    "deep": (im.docker_archive("bb:1", im.tar(im.directory("d/" * 300))), "deeper than"),
    "long name": (im.docker_archive("bb:1", im.tar(im.entry("n" * 300, b""))), "longer than 255"),
}


@pytest.mark.parametrize("what", BAD)
def test_refused(make_daemon, what):
    d = make_daemon()
    data, message = BAD[what]
    p = load(d, data, ok=False)
    assert p.returncode == 1 and message in p.stderr.decode(), p.stderr
    assert debris(d) == []


def test_blob_with_another_content_is_refused(make_daemon):
    d = make_daemon()
    data = bytearray(im.oci_archive("bb:1", LAYER))
    at = data.index(b"#!#!")
    data[at] = ord("?")
    p = load(d, bytes(data), ok=False)
    assert p.returncode == 1 and b"instead of sha256:" in p.stderr
    assert debris(d) == []


# ---- what the system image brings ----

def preload(folder):
    """A preloaded set with the image busybox:latest, its layer written by the system's own build."""
    os.environ.setdefault("SOURCE_DATE_EPOCH", "1700000000")
    build = types.SimpleNamespace(__name__="build")
    exec((TOP / "images" / "build.py").read_text().removesuffix("\nmain()\n"), build.__dict__)
    nodes = sorted({"bin": (stat.S_IFDIR | 0o755, None), "bin/sh": (stat.S_IFREG | 0o755, b"sh"),
                    "bin.d": (stat.S_IFREG | 0o644, b"sorts between"), "same": (stat.S_IFREG | 0o755, b"sh"),
                    "bin/ln": (stat.S_IFLNK | 0o777, "sh"), "tmp": (stat.S_IFDIR | 0o1777, None),
                    "long": (stat.S_IFDIR | 0o755, None),
                    "long/" + "n" * 120: (stat.S_IFREG | 0o600, b"x" * 1000)}.items(), key=lambda n: n[0].split("/"))
    layer = build.layer_tar(nodes)
    images = folder / "slipway" / "images"
    (images / "layers" / im.sha(layer)).mkdir(parents=True)
    build.Trees().write(images / "layers" / im.sha(layer), nodes)
    for path, _ in nodes:
        os.utime(images / "layers" / im.sha(layer) / path, (build.EPOCH, build.EPOCH), follow_symlinks=False)
    (images / "blobs" / "sha256").mkdir(parents=True)
    conf = im.config([layer])
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:" + im.sha(conf), "size": len(conf)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "sha256:" + im.sha(layer),
                    "size": len(layer)}]}).encode()
    for x in (conf, manifest):
        (images / "blobs" / "sha256" / im.sha(x)).write_bytes(x)
    (folder / "slipway" / "user-images.json").write_text(json.dumps({"busybox:latest": "sha256:" + im.sha(manifest)}))
    return f"mount -t overlay -o lowerdir={folder}:/usr/lib none /usr/lib", layer


@pytest.fixture
def preloaded(make_daemon, tmp_path):
    setup, layer = preload(tmp_path)
    return make_daemon(setup=setup), layer


def test_preloaded(preloaded):
    d, layer = preloaded
    assert d.docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout == "busybox:latest\n"
    assert layers_of(d) == []
    assert d.docker("rmi", "busybox").stdout.startswith("Untagged: busybox:latest\n")
    d.restart()
    assert d.docker("images", "-q").stdout == ""


def test_preloaded_is_saved_with_its_digest(preloaded, make_daemon):
    d, layer = preloaded
    out = d.docker("save", "busybox", text=False).stdout
    other = make_daemon()
    assert load(other, out).stdout == b"Loaded image: busybox:latest\n"
    assert layers_of(other) == [im.sha(layer)]
    assert load(d, out).stdout == b"Loaded image: busybox:latest\n"
    assert layers_of(d) == []


# ---- images and containers, events ----

def test_containers_keep_their_image(make_daemon):
    d = make_daemon()
    load(d, im.docker_archive("bb:1", LAYER))
    c = d.docker("create", "bb:1").stdout.strip()[:12]
    image = d.docker("images", "-q").stdout.strip()
    p = d.docker("rmi", "bb:1", ok=False)
    assert p.stderr == (f'Error response from daemon: conflict: unable to remove repository reference "bb:1" (must force) - '
                        f"container {c} is using its referenced image {image}\n")
    p = d.docker("rmi", image, ok=False)
    assert f"unable to delete {image} (must be forced) - image is being used by stopped container {c}" in p.stderr
    assert d.docker("rmi", "-f", "bb:1").stdout == "Untagged: bb:1\n"
    d.docker("image", "prune", "-f")
    assert layers_of(d) == [im.sha(LAYER)]
    d.docker("rm", c)
    d.docker("image", "prune", "-f")
    assert layers_of(d) == []


def test_events(make_daemon):
    d = make_daemon()
    load(d, im.docker_archive("bb:1", LAYER))
    d.docker("tag", "bb:1", "bb:2")
    d.docker("rmi", "bb:1", "bb:2")
    image = "sha256:" + im.sha(im.config([LAYER]))
    out = d.docker("events", "--since", "1", "--until", f"{time.time():.6f}", "--format", "{{.Action}} {{.Actor.Attributes.name}}").stdout
    assert out.splitlines() == [f"load {image}", "tag bb:2", f"untag {image}", f"untag {image}", f"delete {image}"]


# ---- the instant of a kill ----

def test_killed_at_any_instant(make_daemon):
    """kill -9 of the daemon while it loads and removes: what was acknowledged is whole, nothing is left over."""
    d = make_daemon()
    layers = [im.tar(im.entry(f"f{i}", bytes([i]) * 200000)) for i in range(6)]
    load(d, im.docker_archive("keep:1", *layers[:2]))
    whole = im.docker_archive("x:1", *layers[1:])
    for i in range(25):
        t = threading.Timer(0.002 * i, d.process.kill)
        t.start()
        acknowledged = load(d, whole, ok=False).returncode == 0
        if acknowledged:
            d.docker("rmi", "x:1", ok=False)
        t.join()
        d.restart()
        names = d.docker("images", "--format", "{{.Repository}}").stdout.split()
        assert "keep" in names
        for name, parts in (("keep", layers[:2]), ("x", layers[1:])):
            for n, x in enumerate(parts) if name in names else []:
                where = d.root / "layers" / im.sha(x)
                assert (where / os.listdir(where)[0]).stat().st_size == 200000
                assert im.sha((d.root / "blobs/sha256" / im.sha(x)).read_bytes()) == im.sha(x)
        assert len(layers_of(d)) == (6 if "x" in names else 2)
        d.restart()
        assert os.listdir(d.root / "tmp") == []
        if "x" in names:
            d.docker("rmi", "x:1")


def test_commit(make_daemon):
    d = make_daemon()
    load(d, im.docker_archive("bb:1", LAYER, UPPER))
    c = d.docker("create", "bb:1", "/bin/sh", "-c", "x").stdout.strip()
    upper = d.root / "containers" / c / "diff"
    upper.mkdir(exist_ok=True)
    (upper / "new").write_bytes(b"mine")
    os.link(upper / "new", upper / "other")
    os.chown(upper / "new", 33, 33)
    (upper / "new").chmod(0o4711)
    os.setxattr(upper / "new", "user.a", b"b")
    os.mknod(upper / "data", 0o020000, 0)
    (upper / "bin").mkdir()
    os.setxattr(upper / "bin", "trusted.overlay.opaque", b"y")
    os.symlink("x" * 150, upper / ("l" * 150))
    got = d.docker("commit", "-a", "me", "-m", "why", "-c", "ENV A=b", c, "new:1").stdout.strip()
    i = json.loads(d.docker("inspect", "new:1").stdout)[0]
    assert i["Id"] == got and i["Author"] == "me" and i["Comment"] == "why"
    assert i["Config"]["Cmd"] == ["/bin/sh", "-c", "x"] and i["Config"]["Env"] == ["PATH=/bin", "A=b"]
    assert "Hostname" not in i["Config"]
    assert i["RootFS"]["Layers"][:2] == ["sha256:" + im.sha(LAYER), "sha256:" + im.sha(UPPER)] and len(i["RootFS"]["Layers"]) == 3
    top = d.root / "layers" / i["RootFS"]["Layers"][2][7:]
    st = (top / "new").stat()
    assert (st.st_uid, st.st_mode, st.st_nlink) == (33, 0o104711, 2) and st.st_ino == (top / "other").stat().st_ino
    assert os.getxattr(top / "new", "user.a") == b"b"
    assert (top / "data").lstat().st_mode == 0o020000 | (top / "data").lstat().st_mode & 0o777
    assert os.getxattr(top / "bin", "trusted.overlay.opaque") == b"y"
    assert os.readlink(top / ("l" * 150)) == "x" * 150
    assert len(d.docker("history", "-q", "new:1").stdout.split()) == 3
    p = d.docker("commit", "-c", "RUN x", c, ok=False)
    assert p.returncode == 1 and "RUN is not a valid change command" in p.stderr
    assert d.docker("commit", "nosuch", ok=False).stderr == "Error response from daemon: No such container: nosuch\n"


def status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def child(pid):
    """The first child of a process, once it has one."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            found = f.read().split()
        if found:
            return int(found[0])
    raise AssertionError("no child")


def test_who_reads_the_archive_can_do_nothing_else(make_daemon):
    d = make_daemon()
    archive = im.docker_archive("bb:1", LAYER)
    c = d.connect()
    c.putrequest("POST", "/v1.50/images/load")
    c.putheader("Content-Type", "application/x-tar")
    c.putheader("Content-Length", str(len(archive)))
    c.endheaders()
    c.send(archive[:2000])
    parser = child(child(d.process.pid))
    deadline = time.monotonic() + 20
    while status(parser)["Seccomp"] != "2" and time.monotonic() < deadline:
        pass
    s = status(parser)
    wanted = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 27 | 1 << 31  # chown dac_override fowner fsetid mknod setfcap
    for name in ("CapEff", "CapPrm", "CapBnd"):
        assert int(s[name], 16) == wanted, name
    assert int(s["CapInh"], 16) == int(s["CapAmb"], 16) == 0
    assert s["NoNewPrivs"] == "1" and s["Seccomp"] == "2"
    for ns in ("net", "mnt", "ipc", "uts"):
        assert os.readlink(f"/proc/{parser}/ns/{ns}") != os.readlink(f"/proc/{d.process.pid}/ns/{ns}")
    assert sorted(os.listdir(f"/proc/{parser}/root")) == ["blobs", "have", "layers"]
    links = [os.readlink(f"/proc/{parser}/fd/{n}") for n in os.listdir(f"/proc/{parser}/fd") if n != "2"]
    assert all(x.split(":")[0] in ("pipe", "socket") or x in ("/", "/dev/null") or x.startswith(("/blobs", "/layers")) for x in links), links
    with open(f"/proc/{parser}/mountinfo") as f:
        assert len(f.readlines()) == 1
    c.send(archive[2000:])
    assert b"Loaded image: bb:1" in c.getresponse().read()


def test_client_that_goes_leaves_nothing(make_daemon):
    d = make_daemon()
    archive = im.docker_archive("bb:1", LAYER)
    c = d.connect()
    c.putrequest("POST", "/v1.50/images/load")
    c.putheader("Content-Length", str(len(archive)))
    c.endheaders()
    c.send(archive[:2000])
    keeper = child(d.process.pid)
    end = os.pidfd_open(keeper)
    c.close()
    assert select.select([end], [], [], 20)[0] == [end]
    os.close(end)
    assert d.docker("images", "-q").stdout == ""
    assert debris(d) == []


def test_disk_full(make_daemon):
    d = make_daemon(setup='mkdir -p "$4"; mount -t tmpfs -o size=3m none "$4"')
    load(d, im.docker_archive("small:1", LAYER))
    p = load(d, im.docker_archive("bb:1", im.tar(im.entry("zeros", bytes(4 << 20)))), ok=False)
    assert p.returncode == 1 and b"No space left on device" in p.stderr
    assert d.docker("images", "--format", "{{.Repository}}").stdout == "small\n"
    d.inside("sh", "-c", 'until [ -z "$(ls -A "$1")" ]; do :; done', "sh", str(d.root / "tmp"))
    load(d, im.docker_archive("other:1", UPPER))  # there is room again
    d.docker("rmi", "small:1", "other:1")
    assert d.inside("ls", str(d.root / "layers")).stdout == ""
