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
