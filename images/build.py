#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""build.py IMAGES WORK [EXTRA]: from recipes to WORK/layout (an OCI image layout) and WORK/root (the system's root).

A folder with a 'recipe' is an image: the layers of the image it is made from, and one of its own. One with a
'service.yml' is a system service. root.recipe is the root of the running system, into which the images go as trees.

Recipe lines, blank separated:
    from NAME                    the image below this one
    name REFERENCE               what the image is called, when not by its folder
    user                         preloaded for the user's containers, by its reference
    config KEY JSON              a field of the image's configuration
    applets DIR FILE TARGET      a link DIR/x -> TARGET for each x in FILE that nothing else is at
    PATH MODE SOURCE             MODE as octal st_mode; SOURCE '-' (directories), '->TARGET', else a file: $O/...,
                                 $DEPS/..., or relative to the recipe

Everything belongs to root, has one time, and is written in order: the same input makes the same bytes.
"""
import hashlib
import io
import json
import os
import shutil
import stat
import string
import subprocess
import sys
import tarfile
from pathlib import Path

EPOCH = int(os.environ["SOURCE_DATE_EPOCH"])
PLACE = "usr/lib/slipway"
LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class Recipe:
    def __init__(self, path, name):
        self.path, self.base, self.name, self.is_user, self.config = path, None, name, False, {}
        self.nodes = {}  # path without '/' -> (st_mode, bytes or target or None)
        applets = []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                self.line(line, applets)
            except (ValueError, OSError, KeyError) as e:
                sys.exit(f"{path}:{number}: {e}")
        for folder, file, target in applets:
            for name in self.source(file).read_text().split():
                self.nodes.setdefault(f"{folder.strip('/')}/{name}", (stat.S_IFLNK | 0o777, target))

    def source(self, text):
        file = Path(string.Template(text).substitute(os.environ))
        return file if file.is_absolute() or text.startswith("$") else self.path.parent / file

    def line(self, line, applets):
        word, *rest = line.split(None, 2)
        if word == "from":
            self.base, = rest
        elif word == "name":
            self.name, = rest
        elif word == "user":
            self.is_user = True
        elif word == "config":
            key, value = rest
            self.config[key] = json.loads(value)
        elif word == "applets":
            applets.append(line.split()[1:])
        elif word.startswith("/"):
            mode, source = rest
            self.add(word, int(mode, 8), source)
        else:
            raise ValueError(f"'{word}' is neither a path nor a word of recipes")

    def add(self, path, mode, source):
        kind = stat.S_IFMT(mode)
        if path.strip("/") in self.nodes:
            raise ValueError(f"'{path}' is there already")
        if kind == stat.S_IFDIR and source == "-":
            data = None
        elif kind == stat.S_IFLNK and source.startswith("->"):
            data = source[2:]
        elif kind == stat.S_IFREG:
            data = self.source(source).read_bytes()
        else:
            raise ValueError(f"'{path}': mode {mode:o} and source '{source}' do not fit")
        self.nodes[path.strip("/")] = (mode, data)

    def sorted(self):
        """Nodes with the directories above them, each after its own."""
        nodes = dict(self.nodes)
        for path in self.nodes:
            for above in Path(path).parents:
                if str(above) != ".":
                    nodes.setdefault(str(above), (stat.S_IFDIR | 0o755, None))
        return sorted(nodes.items(), key=lambda n: n[0].split("/"))


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class Trees:
    """Writes files once: equal content with equal mode is one inode, on the disk and in the page cache."""

    def __init__(self):
        self.seen = {}

    def write(self, root, nodes):
        for path, (mode, data) in nodes:
            to = root / path
            if stat.S_ISDIR(mode):
                to.mkdir(exist_ok=True)
                to.chmod(stat.S_IMODE(mode))
            elif stat.S_ISLNK(mode):
                to.symlink_to(data)
            else:
                self.file(to, stat.S_IMODE(mode), data)

    def file(self, to, mode, data):
        key = (mode, hashlib.sha256(data).digest())
        if data and key in self.seen:
            os.link(self.seen[key], to)
            return
        to.write_bytes(data)
        to.chmod(mode)
        self.seen[key] = to


def layer_tar(nodes):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, (mode, data) in nodes:
            info = tarfile.TarInfo(path)
            info.mode, info.mtime, info.uname, info.gname = stat.S_IMODE(mode), EPOCH, "root", "root"
            if stat.S_ISDIR(mode):
                info.type = tarfile.DIRTYPE
            elif stat.S_ISLNK(mode):
                info.type, info.linkname = tarfile.SYMTYPE, data
            else:
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data) if stat.S_ISREG(mode) else None)
    return out.getvalue()


class Images:
    def __init__(self, layout, root, trees):
        self.blobs, self.trees = layout / "blobs/sha256", trees
        self.place = root / PLACE / "images"
        self.system_blobs = self.place / "blobs/sha256"
        for d in (self.blobs, self.system_blobs, self.place / "layers"):
            d.mkdir(parents=True)
        self.layout, self.done, self.index, self.user = layout, {}, [], {}

    def blob(self, data, is_layer=False):
        name = digest(data)
        (self.blobs / name[7:]).write_bytes(data)
        if not is_layer:
            self.trees.file(self.system_blobs / name[7:], 0o444, data)
        return {"digest": name, "size": len(data)}

    def layer(self, recipe):
        nodes = recipe.sorted()
        descriptor = {"mediaType": LAYER, **self.blob(layer_tar(nodes), is_layer=True)}
        tree = self.place / "layers" / descriptor["digest"][7:]
        tree.mkdir()
        self.trees.write(tree, nodes)
        return descriptor

    def make(self, recipes, name, above=()):
        """Layers and configuration of an image; the image itself is written once."""
        if name in self.done:
            return self.done[name]
        if name in above or name not in recipes:
            sys.exit(f"{recipes[above[-1]].path}: from '{name}': " +
                     ("is made from this one" if name in above else "there is no such image"))
        recipe, layers, config = recipes[name], [], {}
        if recipe.base:
            below, below_config = self.make(recipes, recipe.base, (*above, name))
            layers, config = list(below), dict(below_config)
        layers.append(self.layer(recipe))
        config.update(recipe.config)
        self.done[name] = layers, config
        created = f"{__import__('datetime').datetime.utcfromtimestamp(EPOCH).isoformat()}Z"
        image = self.blob(compact({
            "architecture": "amd64", "os": "linux", "created": created, "config": config,
            "rootfs": {"type": "layers", "diff_ids": [l["digest"] for l in layers]},
            "history": [{"created": created, "created_by": f"recipe {i}"} for i in self.names(recipes, name)]}))
        manifest = self.blob(compact({"schemaVersion": 2, "mediaType": MANIFEST, "layers": layers,
                                      "config": {"mediaType": CONFIG, **image}}))
        self.index.append({"mediaType": MANIFEST, **manifest,
                           "platform": {"architecture": "amd64", "os": "linux"},
                           "annotations": {"org.opencontainers.image.ref.name": recipe.name}})
        if recipe.is_user:
            self.user[recipe.name] = manifest["digest"]
        return self.done[name]

    @staticmethod
    def names(recipes, name):
        chain = []
        while name:
            chain.insert(0, name)
            name = recipes[name].base
        return chain

    def finish(self):
        self.index.sort(key=lambda m: m["annotations"]["org.opencontainers.image.ref.name"])
        for name, data in (("index.json", {"schemaVersion": 2, "mediaType": INDEX, "manifests": self.index}),
                           ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
            (self.layout / name).write_bytes(compact(data))
            self.trees.file(self.place / name, 0o444, compact(data))
        self.trees.file(self.place.parent / "user-images.json", 0o444, compact(self.user))


def main():
    folders = [Path(sys.argv[1]), *map(Path, sys.argv[3:])]
    work = Path(sys.argv[2])
    root, layout, trees = work / "root", work / "layout", Trees()
    root.mkdir()
    trees.write(root, Recipe(folders[0] / "root.recipe", "root").sorted())
    recipes, services = {}, {}
    for folder in folders:  # a later one replaces
        for d in sorted(p for p in folder.iterdir() if p.is_dir()):
            if (d / "recipe").exists():
                recipes[d.name] = Recipe(d / "recipe", d.name)
            if (d / "service.yml").exists():
                services[d.name] = d / "service.yml"
    images = Images(layout, root, trees)
    for name in sorted(recipes):
        images.make(recipes, name)
    images.finish()
    done = subprocess.run([f"{os.environ['O']}/bin/slipway", "service", "compile", "--images", layout,
                           "--images-at", f"/{PLACE}/images", "--bundles-at", f"/{PLACE}/services",
                           "--out", root / PLACE, *(services[n] for n in sorted(services))])
    if done.returncode and not os.environ.get("KEEP_GOING"):
        sys.exit(done.returncode)
    # a filter takes longer to compile than all else that starts a service
    (root / PLACE / "filters").mkdir()
    subprocess.run([f"{os.environ['O']}/bin/sysctr", "compile-filters", root / PLACE / "filters",
                    *sorted((root / PLACE / "services").glob("*"))], check=True)


main()
