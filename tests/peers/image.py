# SPDX-License-Identifier: Apache-2.0
"""A small image as `docker save` writes it, made of busybox: bb:1."""
import hashlib
import io
import json
import tarfile

APPLETS = "sh echo sleep cat true false id ls ps mount grep hostname env kill seq head wc yes tr stat touch".split()


def add(tar, name, data=None, mode=0o755, link=None):
    i = tarfile.TarInfo(name)
    i.mode = mode
    if link:
        i.type, i.linkname = tarfile.SYMTYPE, link
    elif data is None:
        i.type = tarfile.DIRTYPE
    else:
        i.size = len(data)
    tar.addfile(i, io.BytesIO(data) if data is not None else None)


def layer(busybox):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for d in "bin tmp etc root proc sys dev".split():
            add(t, d)
        add(t, "bin/busybox", busybox)
        for a in APPLETS:
            add(t, "bin/" + a, link="busybox")
        add(t, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nwww:x:33:33::/:/bin/sh\n", 0o644)
        add(t, "etc/group", b"root:x:0:\nwww:x:33:\n", 0o644)
    return out.getvalue()


def docker_archive(path, busybox, tag="bb:1"):
    """Write the archive; returns path."""
    tar = layer(busybox.read_bytes())
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
                         "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest()]},
                         "history": [{"created_by": "test"}]}).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    with tarfile.open(path, "w") as t:
        add(t, name, config, 0o644)
        add(t, "layer.tar", tar, 0o644)
        add(t, "manifest.json", json.dumps([{"Config": name, "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode(), 0o644)
    return path
