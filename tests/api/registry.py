# SPDX-License-Identifier: Apache-2.0
"""Registries for tests: Debian's docker-registry on loopback, and a stand-in that answers whatever a test wants; an uploader."""
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import images as im

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
D_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
D_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"


def digest(data):
    return "sha256:" + im.sha(data)


def descriptor(data, kind, **more):
    return {"mediaType": kind, "digest": digest(data), "size": len(data), **more}


class Image:
    """An image as a registry has it: blobs by digest, a manifest."""

    def __init__(self, *layers, pack=None, docker=False, **config):
        blobs = [pack(x) if pack else x for x in layers]
        conf = im.config(layers, **config)
        kind = LAYER + ("+gzip" if pack else "")
        if docker:
            kind = "application/vnd.docker.image.rootfs.diff.tar.gzip"
        self.type = D_MANIFEST if docker else MANIFEST
        self.layers, self.config = blobs, conf
        self.doc = {"schemaVersion": 2, "mediaType": self.type,
                    "config": descriptor(conf, "application/vnd.docker.container.image.v1+json" if docker else CONFIG),
                    "layers": [descriptor(x, kind) for x in blobs]}
        self.manifest = json.dumps(self.doc).encode()
        self.blobs = {digest(x): x for x in [*blobs, conf]}
        self.id, self.digest = digest(conf), digest(self.manifest)


def index(*images, type=INDEX):
    """images: (Image, architecture) pairs."""
    return json.dumps({"schemaVersion": 2, "mediaType": type, "manifests": [
        descriptor(i.manifest, i.type, platform={"os": "linux", "architecture": arch}) for i, arch in images]}).encode()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Registry:
    """Debian's registry. host is what image names begin with."""

    def __init__(self, folder, name="127.0.0.1", user=None, tls=None):
        self.folder, self.user, self.tls = folder, user, tls
        self.port = free_port()
        self.host = f"{name}:{self.port}"
        os.makedirs(folder / "data", exist_ok=True)
        conf = {"version": "0.1", "log": {"level": "error"},
                "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
                "http": {"addr": f"127.0.0.1:{self.port}"}}
        if user:
            subprocess.run(["htpasswd", "-Bbc", str(folder / "htpasswd"), *user], check=True, capture_output=True)
            conf["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
        if tls:
            conf["http"]["tls"] = {"certificate": str(tls[0]), "key": str(tls[1])}
        (folder / "config.yml").write_text(json.dumps(conf))
        self.process = None

    def start(self):
        program = shutil.which("docker-registry")
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([program, "serve", str(self.folder / "config.yml")], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                assert time.monotonic() < end and self.process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.02)  # there is no event for a port that opens

    def stop(self, sig=signal.SIGTERM):
        if self.process:
            self.process.send_signal(sig)
            self.process.wait(30)
            self.process = None

    def request(self, method, path, body=None, headers=None):
        scheme = "https" if self.tls else "http"
        url = path if "://" in path else f"{scheme}://127.0.0.1:{self.port}{path}"
        r = urllib.request.Request(url, data=body, method=method, headers=headers or {})
        handlers = [urllib.request.ProxyHandler({})]
        if self.tls:
            import ssl
            handlers.append(urllib.request.HTTPSHandler(context=ssl._create_unverified_context()))
        if self.user:
            import base64
            r.add_header("Authorization", "Basic " + base64.b64encode(":".join(self.user).encode()).decode())
        with urllib.request.build_opener(*handlers).open(r, timeout=30) as a:
            return a.status, dict(a.headers), a.read()

    def push(self, repo, tag, image):
        for d, data in image.blobs.items():
            _, h, _ = self.request("POST", f"/v2/{repo}/blobs/uploads/", b"")
            where = h["Location"]
            self.request("PUT", where + ("&" if "?" in where else "?") + "digest=" + d, data,
                         {"Content-Type": "application/octet-stream"})
        self.put_manifest(repo, tag, image.manifest, image.type)

    def put_manifest(self, repo, tag, data, kind):
        self.request("PUT", f"/v2/{repo}/manifests/{tag}", data, {"Content-Type": kind})


class StandIn:
    """Answers by rules: self.rules maps a path to bytes, or to a function(handler) that answers by itself."""

    def __init__(self):
        self.rules, self.asked = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.asked.append((self.path, dict(self.headers)))
                rule = outer.rules.get(self.path.split("?")[0])
                if rule is None:
                    self.reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
                elif callable(rule):
                    rule(self)
                else:
                    self.reply(200, rule)

            do_HEAD = do_GET

            def reply(self, status, data=b"", length=None, **headers):
                self.send_response(status)
                self.send_header("Content-Length", str(len(data) if length is None else length))
                for k, v in headers.items():
                    self.send_header(k.replace("_", "-"), v)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            def log_message(self, *a):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client):
                pass  # a client that had enough

        self.server = Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.rules["/v2/"] = b"{}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def manifest(self, repo, tag, data, kind=MANIFEST):
        def answer(h):
            h.reply(200, data, Content_Type=kind)
        self.rules[f"/v2/{repo}/manifests/{tag}"] = answer
        self.rules[f"/v2/{repo}/manifests/{digest(data)}"] = answer

    def add(self, repo, tag, image):
        self.manifest(repo, tag, image.manifest, image.type)
        for d, data in image.blobs.items():
            self.rules[f"/v2/{repo}/blobs/{d}"] = data

    def blob(self, repo, data, answer):
        self.rules[f"/v2/{repo}/blobs/{digest(data)}"] = answer

    def count(self, part):
        return sum(part in path for path, _ in self.asked)
