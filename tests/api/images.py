# SPDX-License-Identifier: Apache-2.0
"""Makes images for tests, good and hostile, from nothing but Python."""
import gzip
import hashlib
import io
import json
import tarfile


def sha(data):
    return hashlib.sha256(data).hexdigest()


def entry(name, data=b"", type=tarfile.REGTYPE, mode=0o644, link="", uid=0, gid=0, mtime=1000000000, dev=(0, 0), pax=None):
    t = tarfile.TarInfo(name)
    t.type, t.mode, t.linkname, t.uid, t.gid, t.mtime = type, mode, link, uid, gid, mtime
    t.size = len(data) if type == tarfile.REGTYPE else 0
    t.devmajor, t.devminor = dev
    t.pax_headers = pax or {}
    return t, data


def directory(name, mode=0o755, **more):
    return entry(name, type=tarfile.DIRTYPE, mode=mode, **more)


def symlink(name, target):
    return entry(name, type=tarfile.SYMTYPE, link=target, mode=0o777)


def hardlink(name, target):
    return entry(name, type=tarfile.LNKTYPE, link=target)


def tar(*entries, format=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as t:
        for info, data in entries:
            t.addfile(info, io.BytesIO(data) if info.type == tarfile.REGTYPE else None)
    return out.getvalue()


def config(layers, **more):
    c = {"architecture": "amd64", "os": "linux", "created": "2026-01-02T03:04:05Z",
         "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"]},
         "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(x) for x in layers]},
         "history": [{"created": "2026-01-02T03:04:05Z", "created_by": f"layer {i}"} for i in range(len(layers))]}
    c.update(more)
    return json.dumps(c).encode()


def gz(data):
    return gzip.compress(data, 6, mtime=0)


def docker_archive(name, *layers, pack=None, conf=None, names=None):
    """The old layout: <id>/layer.tar. pack compresses the layers."""
    c = conf or config(layers)
    files = [entry(sha(c) + ".json", c)]
    paths = []
    for i, x in enumerate(layers):
        paths.append(f"{i}/layer.tar")
        files += [directory(f"{i}/"), entry(paths[-1], pack(x) if pack else x)]
    tags = names if names is not None else [name]
    files.append(entry("manifest.json", json.dumps(
        [{"Config": sha(c) + ".json", "RepoTags": tags, "Layers": paths}]).encode()))
    return tar(*files)


def oci_archive(name, *layers, pack=None, conf=None, lie=None, platform=None):
    """An OCI layout. lie changes the manifest before it is hashed."""
    blobs = {}

    def blob(data):
        blobs[sha(data)] = data
        return {"digest": "sha256:" + sha(data), "size": len(data)}

    kind = "application/vnd.oci.image.layer.v1.tar" + ("+gzip" if pack else "")
    m = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
         "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **blob(conf or config(layers))},
         "layers": [{"mediaType": kind, **blob(pack(x) if pack else x)} for x in layers]}
    if lie:
        lie(m)
    d = {"mediaType": m["mediaType"], **blob(json.dumps(m).encode())}
    if name:
        d["annotations"] = {"io.containerd.image.name": name}
    if platform:
        d["platform"] = platform
    index = json.dumps({"schemaVersion": 2, "manifests": [d]}).encode()
    return tar(entry("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), entry("index.json", index),
               *[entry("blobs/sha256/" + h, x) for h, x in blobs.items()])
