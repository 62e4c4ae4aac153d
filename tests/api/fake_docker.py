# SPDX-License-Identifier: Apache-2.0
"""A daemon that only remembers what it was asked: answers with fixed documents, one thread per connection.

Two clients that ask it the same and show its answers the same are the same to their users.
"""
import json
import re
import socket
import struct
import threading
from urllib.parse import parse_qsl, unquote, urlsplit

ID = "8aab618de754207c654806b0fb9b7b2efed4a7f3535d65f4b55102fe0174df61"
ID2 = "f2c59b8179ab80d305932f69104848e2b8d4cb93b565d83b78e4570fc5123742"
IMAGE = "sha256:c91cefaac45ca67689267c7d738e3d17e458ba25700d0252367be6f4e692abd1"
NET = "ea43caead9a3eb9d60b7b548b61348b3fed78b671a009ddebd4125c9c9f5c744"
CREATED = 1795397649

VERSION = {
    "Platform": {"Name": "Fake"},
    "Components": [
        {"Name": "Engine", "Version": "28.2.2", "Details": {
            "ApiVersion": "1.50", "Arch": "amd64", "BuildTime": "2026-01-02T03:04:05.000000000+00:00",
            "Experimental": "false", "GitCommit": "45873be", "GoVersion": "go1.24.4", "KernelVersion": "6.18.44",
            "MinAPIVersion": "1.24", "Os": "linux"}},
        {"Name": "runc", "Version": "1.1.5", "Details": {"GitCommit": "abc"}}],
    "Version": "28.2.2", "ApiVersion": "1.50", "MinAPIVersion": "1.24", "GitCommit": "45873be",
    "GoVersion": "go1.24.4", "Os": "linux", "Arch": "amd64", "KernelVersion": "6.18.44",
    "BuildTime": "2026-01-02T03:04:05.000000000+00:00"}

INFO = {"ID": "df48", "Containers": 3, "ContainersRunning": 2, "ContainersPaused": 0, "ContainersStopped": 1, "Images": 4,
        "Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"], ["Supports d_type", "true"]],
        "Plugins": {"Volume": ["local"], "Network": ["bridge", "host"], "Authorization": None, "Log": ["json-file"]},
        "MemoryLimit": True, "SwapLimit": True, "CpuCfsPeriod": True, "CpuCfsQuota": True, "CPUShares": True,
        "CPUSet": True, "PidsLimit": True, "IPv4Forwarding": True, "Debug": False, "OomKillDisable": True,
        "SystemTime": "2026-11-23T01:34:49.844208467Z", "LoggingDriver": "json-file", "CgroupDriver": "cgroupfs",
        "CgroupVersion": "2", "KernelVersion": "6.18.44", "OperatingSystem": "Fake", "OSType": "linux",
        "Architecture": "x86_64", "IndexServerAddress": "https://index.docker.io/v1/", "NCPU": 2,
        "MemTotal": 25276502016, "DockerRootDir": "/var/lib/docker", "HttpProxy": "", "HttpsProxy": "", "NoProxy": "",
        "Name": "host", "Labels": [], "ExperimentalBuild": False, "ServerVersion": "28.2.2",
        "Runtimes": {"runc": {"path": "runc"}}, "DefaultRuntime": "runc",
        "Swarm": {"NodeID": "", "LocalNodeState": "inactive"}, "LiveRestoreEnabled": False, "InitBinary": "docker-init",
        "ContainerdCommit": {"ID": "c1"}, "RuncCommit": {"ID": "r1"}, "InitCommit": {"ID": ""},
        "SecurityOptions": ["name=seccomp,profile=builtin"], "Warnings": None}


def _summary(id_, name, **more):
    return {"Id": id_, "Names": ["/" + name], "Image": "bb:1", "ImageID": IMAGE,
            "Command": "sh -c 'echo out; echo err >&2; sleep 1000'", "Created": CREATED, "Ports": [], "Labels": {},
            "State": "running", "Status": "Up 40 seconds", "HostConfig": {"NetworkMode": "bridge"},
            "NetworkSettings": {"Networks": {"bridge": {"NetworkID": NET}}}, "Mounts": [], **more}


PORTS = [{"IP": ip, "PrivatePort": p, "PublicPort": q, "Type": "tcp"} for p, q in ((80, 8080), (81, 8081), (443, 4443))
         for ip in ("0.0.0.0", "::")] + [{"PrivatePort": 53, "Type": "udp"}]
CONTAINERS = [
    _summary(ID, "c1", Ports=PORTS, Labels={"a": "b", "c": ""}, SizeRw=1234567, SizeRootFs=1982485),
    _summary(ID2, "two", Image=IMAGE, State="exited", Status="Exited (0) 5 seconds ago", Command="/bin/true",
             Names=["/two", "/c1/alias"], SizeRw=0,
             Mounts=[{"Type": "volume", "Name": "a-volume-with-a-long-name", "Source": "/x", "Destination": "/d",
                      "Driver": "local"}, {"Type": "bind", "Source": "/srv", "Destination": "/e"}],
             NetworkSettings={"Networks": {"web": {}}})]
IMAGES = [
    {"Containers": -1, "Created": 1700000000, "Id": IMAGE, "Labels": None, "ParentId": "",
     "RepoDigests": ["127.0.0.1:5000/lib/bb@sha256:" + "1" * 64], "RepoTags": ["127.0.0.1:5000/lib/bb:latest"],
     "SharedSize": -1, "Size": 1982485},
    {"Containers": -1, "Created": 1600000000, "Id": "sha256:" + "ab" * 32, "Labels": {"x": "y"}, "ParentId": "",
     "RepoDigests": [], "RepoTags": [], "SharedSize": -1, "Size": 187}]

INSPECT = {
    "Id": ID, "Created": "2026-11-23T01:34:09.0Z", "Path": "sh", "Args": ["-c", "sleep 1"],
    "State": {"Status": "running", "Running": True, "Paused": False, "Restarting": False, "OOMKilled": False,
              "Dead": False, "Pid": 42, "ExitCode": 0, "Error": "", "StartedAt": "2026-11-23T01:34:10Z",
              "FinishedAt": "0001-01-01T00:00:00Z"},
    "Image": IMAGE, "Name": "/c1", "RestartCount": 0, "Driver": "overlay2", "Platform": "linux", "Mounts": [],
    "HostConfig": {"AutoRemove": False, "NetworkMode": "bridge", "Memory": 67108864, "Binds": None,
                   "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}},
    "Config": {"Hostname": "8aab618de754", "Tty": False, "OpenStdin": False, "Env": ["PATH=/bin", "A=b <&>"],
               "Cmd": ["sh", "-c", "sleep 1"], "Image": "bb:1", "Labels": {"a": "b", "com.x": "y"}},
    "NetworkSettings": {"IPAddress": "172.17.0.2",
                        "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"},
                                             {"HostIp": "::", "HostPort": "8080"}], "81/tcp": None},
                        "Networks": {"bridge": {"IPAddress": "172.17.0.2", "Gateway": "172.17.0.1", "NetworkID": NET}}}}

NETWORKS = [
    {"Name": n, "Id": i, "Created": "2026-11-23T01:32:43.326129177Z", "Scope": "local", "Driver": d, "EnableIPv4": True,
     "EnableIPv6": False, "IPAM": {"Driver": "default", "Options": None, "Config": []}, "Internal": False,
     "Attachable": False, "Ingress": False, "ConfigFrom": {"Network": ""}, "ConfigOnly": False, "Containers": {},
     "Options": {}, "Labels": {"l": "m"} if n == "web" else {}}
    for n, i, d in (("none", "39" * 32, "null"), ("web", "ab" * 32, "bridge"), ("bridge", NET, "bridge"))]
VOLUMES = [
    {"CreatedAt": "2026-11-23T01:36:27Z", "Driver": "local", "Labels": {"k": "v"}, "Mountpoint": "/var/lib/docker/volumes/v9/_data",
     "Name": "v9", "Options": None, "Scope": "local"},
    {"CreatedAt": "2026-11-23T01:36:27Z", "Driver": "local", "Labels": None, "Mountpoint": "/m", "Name": "another", "Options": {},
     "Scope": "local"}]
HISTORY = [
    {"Comment": "buildkit.dockerfile.v0", "Created": 1700000000, "CreatedBy": "CMD [\"sh\"]", "Id": IMAGE, "Size": 0, "Tags": ["bb:1"]},
    {"Comment": "", "Created": 1600000000, "CreatedBy": "/bin/sh -c #(nop) ADD file:0123456789abcdef0123456789abcdef in / ",
     "Id": "<missing>", "Size": 1982485, "Tags": None}]
DF = {"LayersSize": 1982485, "Images": [dict(IMAGES[0], Containers=1, SharedSize=0), dict(IMAGES[1], Containers=0, SharedSize=0)],
      "Containers": CONTAINERS, "BuildCache": [],
      "Volumes": [dict(VOLUMES[0], UsageData={"RefCount": 1, "Size": 4096}),
                  dict(VOLUMES[1], UsageData={"RefCount": 0, "Size": 1000})]}
EVENTS = [
    {"status": "create", "id": ID, "from": "bb:1", "Type": "container", "Action": "create",
     "Actor": {"ID": ID, "Attributes": {"image": "bb:1", "name": "ev1"}}, "scope": "local", "time": 1795398041,
     "timeNano": 1795398041860956221},
    {"Type": "network", "Action": "connect", "Actor": {"ID": NET, "Attributes": {"container": ID, "name": "bridge", "type": "bridge"}},
     "scope": "local", "time": 1795398042, "timeNano": 1795398042015113848}]
PULL = [
    {"status": "Pulling from lib/bb", "id": "1"},
    {"status": "Pulling fs layer", "progressDetail": {}, "id": "0123456789ab"},
    {"status": "Downloading", "progressDetail": {"current": 500, "total": 1000}, "progress": "[==>] 500B/1kB", "id": "0123456789ab"},
    {"status": "Pull complete", "progressDetail": {}, "id": "0123456789ab"},
    {"status": "Digest: sha256:" + "2" * 64},
    {"status": "Status: Downloaded newer image for bb:1"}]
STATS = {"id": ID, "name": "/c1", "read": "2026-11-23T01:34:49.8Z", "preread": "2026-11-23T01:34:48.8Z", "num_procs": 0,
         "pids_stats": {"current": 3}, "cpu_stats": {"cpu_usage": {"total_usage": 500000000}, "system_cpu_usage": 20000000000,
                                                     "online_cpus": 2},
         "precpu_stats": {"cpu_usage": {"total_usage": 300000000}, "system_cpu_usage": 18000000000, "online_cpus": 2},
         "memory_stats": {"usage": 52428800, "limit": 1073741824, "stats": {"inactive_file": 1048576}},
         "blkio_stats": {"io_service_bytes_recursive": [{"major": 8, "minor": 0, "op": "read", "value": 4096},
                                                        {"major": 8, "minor": 0, "op": "write", "value": 123456}]},
         "networks": {"eth0": {"rx_bytes": 1500, "tx_bytes": 2500000}}}

HEADERS = ("Api-Version: 1.50\r\nDocker-Experimental: false\r\nOstype: linux\r\nServer: Docker/28.2.2 (linux)\r\n"
           "Swarm: inactive\r\n")


def frame(stream, data):
    return struct.pack(">BxxxI", stream, len(data)) + data


class Request:
    def __init__(self, method, target, headers, body):
        u = urlsplit(target)
        self.method, self.headers, self.body = method, headers, body
        self.path = re.sub(r"^/v[0-9.]+", "", unquote(u.path))
        self.query = dict(parse_qsl(u.query, keep_blank_values=True))
        self.names = [v for k, v in parse_qsl(u.query) if k == "names"]

    def json(self):
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return self.body.decode(errors="replace")


class Fake:
    """Listens at path; .log holds what was asked, .script changes answers: {(method, path): (status, document)}."""

    def __init__(self, path):
        self.path, self.host = path, "unix://" + path
        self.log, self.script, self.lock = [], {}, threading.Condition()
        self.started = threading.Event()
        self.exit_code, self.output, self.tty = 0, [(1, b"out\n"), (2, b"err\n")], False
        self.echo, self.start_error, self.missing = False, None, set()
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(path)
        self.sock.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def take_log(self):
        with self.lock:
            log, self.log = self.log, []
        self.started.clear()
        return log

    def wait_for(self, end):
        """Wait until a path that ends so was asked for."""
        with self.lock:
            assert self.lock.wait_for(lambda: [q for q in self.log if q.path.endswith(end)], 20), "never asked for " + end

    def _accept(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(c,), daemon=True).start()

    def close(self):
        self.sock.close()

    def _read(self, f):
        line = f.readline()
        if not line:
            return None
        method, target, _ = line.decode().split(" ", 2)
        headers = {}
        while (h := f.readline().strip()):
            k, v = h.decode().split(":", 1)
            headers[k.lower()] = v.strip()
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while (n := int(f.readline().strip(), 16)):
                body += f.read(n)
                f.readline()
            f.readline()
        elif "content-length" in headers:
            body = f.read(int(headers["content-length"]))
        return Request(method, target, headers, body)

    def _serve(self, c):
        f = c.makefile("rb")
        try:
            while (q := self._read(f)):
                if q.path != "/_ping":
                    with self.lock:
                        self.log.append(q)
                        self.lock.notify_all()
                if not self._answer(c, f, q):
                    break
        except (OSError, ValueError):
            pass
        finally:
            c.close()

    def reply(self, c, status, doc=None, kind="application/json"):
        body = b"" if doc is None else doc if isinstance(doc, bytes) else (json.dumps(doc) + "\n").encode()
        head = f"HTTP/1.1 {status} X\r\n{HEADERS}"
        if status not in (204, 304):
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        c.sendall(head.encode() + b"\r\n" + body)
        return True

    def hijack(self, c, f, output):
        kind = "raw" if self.tty else "multiplexed"
        c.sendall(f"HTTP/1.1 101 UPGRADED\r\n{HEADERS}Content-Type: application/vnd.docker.{kind}-stream\r\n"
                  "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
        self.started.wait(20)
        if self.echo:
            while (data := f.read1(65536)):
                c.sendall(data if self.tty else frame(1, data))
        for stream, data in output:
            c.sendall(data if self.tty else frame(stream, data))
        c.shutdown(socket.SHUT_WR)
        return False

    def _answer(self, c, f, q):
        key = (q.method, q.path)
        if key in self.script:
            return self.reply(c, *self.script[key])
        if q.path == "/_ping":
            return self.reply(c, 200, b"OK" if q.method == "GET" else None, "text/plain; charset=utf-8")
        for method, pattern, call in self.routes:
            m = re.fullmatch(pattern, q.path)
            if m and q.method in method.split("|"):
                return call(self, c, f, q, *m.groups())
        return self.reply(c, 404, {"message": "page not found"})

    def fixed(status, doc=None):
        return lambda self, c, f, q, *names: self.reply(c, status, doc)

    def of_container(call):
        def wrapped(self, c, f, q, name, *rest):
            if name not in ("c1", "two", ID, ID2, ID[:12]):
                return self.reply(c, 404, {"message": "No such container: " + name})
            return call(self, c, f, q, name, *rest)
        return wrapped

    def stream(docs):
        return lambda self, c, f, q, *names: self.reply(c, 200, b"".join(json.dumps(d).encode() + b"\r\n" for d in docs))

    def create(self, c, f, q):
        image = q.json()["Image"]
        if image in self.missing:
            self.missing.discard(image)
            return self.reply(c, 404, {"message": f"No such image: {image}:latest"})
        return self.reply(c, 201, {"Id": ID, "Warnings": ["a warning"] if image == "warn" else []})

    def attach(self, c, f, q, name):
        return self.hijack(c, f, self.output)

    def start(self, c, f, q, name):
        if self.start_error:
            return self.reply(c, *self.start_error)
        self.started.set()
        return self.reply(c, 204)

    def wait(self, c, f, q, name):
        c.sendall(f"HTTP/1.1 200 OK\r\n{HEADERS}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        if q.query.get("condition") and not self.start_error:
            self.started.wait(20)
        body = json.dumps({"StatusCode": self.exit_code}).encode()
        c.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        return True

    def exec_start(self, c, f, q, _):
        if q.json()["Detach"]:
            return self.reply(c, 200)
        self.started.set()
        return self.hijack(c, f, self.output)

    def logs(self, c, f, q, name):
        body = b"".join(d if self.tty else frame(s, d) for s, d in self.output)
        return self.reply(c, 200, body, "application/vnd.docker.multiplexed-stream")

    def inspect(self, c, f, q, name):
        doc = json.loads(json.dumps(INSPECT))
        doc["Config"]["Tty"] = self.tty
        doc["Config"]["OpenStdin"] = self.echo
        if "size" in q.query:
            doc.update(SizeRw=1, SizeRootFs=2)
        return self.reply(c, 200, doc)

    def one_of(docs, key, what):
        def call(self, c, f, q, name):
            for d in docs:
                if name in (d[key], d.get("Id")):
                    return self.reply(c, 200, d)
            return self.reply(c, 404, {"message": what % name})
        return call

    def image(self, c, f, q, name):
        if name in ("bb", "bb:1", IMAGE):
            return self.reply(c, 200, {"Id": IMAGE, "RepoTags": ["bb:1"], "RepoDigests": [], "Parent": "", "Comment": "",
                                       "Created": "2026-11-23T01:34:09Z", "Author": "", "Architecture": "amd64", "Os": "linux",
                                       "Size": 1982485, "Config": {"Cmd": ["sh"]}, "RootFS": {"Type": "layers", "Layers": []}})
        return self.reply(c, 404, {"message": f"No such image: {name}"})

    def archive(self, c, f, q, *name):
        return self.reply(c, 200, b"archive" * 1000, "application/x-tar")

    def delete_image(self, c, f, q, name):
        if name == "nope":
            return self.reply(c, 404, {"message": "No such image: nope:latest"})
        return self.reply(c, 200, [{"Untagged": name}, {"Deleted": IMAGE}])

    C = r"/containers/([^/]+)"
    routes = [
        ("GET", r"/version", fixed(200, VERSION)),
        ("GET", r"/info", fixed(200, INFO)),
        ("GET", r"/containers/json", fixed(200, CONTAINERS)),
        ("POST", r"/containers/create", create),
        ("POST", r"/containers/prune", fixed(200, {"ContainersDeleted": [ID2], "SpaceReclaimed": 1234})),
        ("GET", C + r"/json", of_container(inspect)),
        ("POST", C + r"/attach", of_container(attach)),
        ("POST", C + r"/start", of_container(start)),
        ("POST", C + r"/wait", of_container(wait)),
        ("POST", C + r"/(?:stop|restart|kill|pause|unpause|rename)", of_container(fixed(204))),
        ("POST", C + r"/resize", of_container(fixed(200))),
        ("POST", C + r"/update", of_container(fixed(200, {"Warnings": None}))),
        ("POST", C + r"/exec", of_container(fixed(201, {"Id": "e" * 64}))),
        ("POST", r"/exec/(\w+)/start", exec_start),
        ("POST", r"/exec/(\w+)/resize", fixed(200)),
        ("GET", r"/exec/(\w+)/json", lambda self, c, f, q, _: self.reply(c, 200, {
            "ID": "e" * 64, "Running": False, "ExitCode": self.exit_code, "Pid": 7})),
        ("GET", C + r"/logs", of_container(logs)),
        ("GET", C + r"/top", of_container(fixed(200, {"Titles": ["PID", "CMD"], "Processes": [["1", "sh"], ["42", "sleep 1"]]}))),
        ("GET", C + r"/changes", of_container(fixed(200, [{"Path": "/a", "Kind": 1}, {"Path": "/etc", "Kind": 0},
                                                          {"Path": "/gone", "Kind": 2}]))),
        ("GET", C + r"/export", of_container(archive)),
        ("GET", C + r"/stats", of_container(fixed(200, STATS))),
        ("DELETE", C, of_container(fixed(204))),
        ("GET", r"/images/json", fixed(200, IMAGES)),
        ("POST", r"/images/create", stream(PULL)),
        ("POST", r"/images/load", stream([{"stream": "Loaded image: bb:1\n"}])),
        ("POST", r"/images/prune", fixed(200, {"ImagesDeleted": [{"Untagged": "x:1"}, {"Deleted": IMAGE}], "SpaceReclaimed": 5000})),
        ("GET", r"/images/get", archive),
        ("GET", r"/images/search", fixed(200, [
            {"name": "bb", "description": "A very long description of an image that is cut somewhere", "star_count": 12,
             "is_official": True, "is_automated": False}])),
        ("GET", r"/images/(.+)/history", fixed(200, HISTORY)),
        ("POST", r"/images/(.+)/tag", fixed(201)),
        ("POST", r"/images/(.+)/push", stream([
            {"status": "The push refers to repository [docker.io/library/bb]"}, {"status": "Pushed", "progressDetail": {}, "id": "ab"},
            {"progressDetail": {}, "aux": {"Tag": "1", "Digest": "sha256:" + "3" * 64, "Size": 527}}])),
        ("GET", r"/images/(.+)/json", image),
        ("DELETE", r"/images/(.+)", delete_image),
        ("POST", r"/commit", fixed(201, {"Id": IMAGE})),
        ("POST", r"/auth", fixed(200, {"IdentityToken": "", "Status": "Login Succeeded"})),
        ("GET", r"/networks", fixed(200, NETWORKS)),
        ("POST", r"/networks/create", fixed(201, {"Id": NET, "Warning": ""})),
        ("POST", r"/networks/prune", fixed(200, {"NetworksDeleted": ["web"]})),
        ("POST", r"/networks/([^/]+)/(?:connect|disconnect)", fixed(200)),
        ("GET", r"/networks/([^/]+)", one_of(NETWORKS, "Name", "network %s not found")),
        ("DELETE", r"/networks/([^/]+)", fixed(204)),
        ("GET", r"/volumes", fixed(200, {"Volumes": VOLUMES, "Warnings": None})),
        ("POST", r"/volumes/create", fixed(201, VOLUMES[0])),
        ("POST", r"/volumes/prune", fixed(200, {"VolumesDeleted": ["another"], "SpaceReclaimed": 1000})),
        ("GET", r"/volumes/([^/]+)", one_of(VOLUMES, "Name", "get %s: no such volume")),
        ("DELETE", r"/volumes/([^/]+)", fixed(204)),
        ("GET", r"/system/df", fixed(200, DF)),
        ("GET", r"/events", stream(EVENTS)),
        ("POST", r"/build/prune", fixed(200, {"CachesDeleted": None, "SpaceReclaimed": 0})),
    ]
