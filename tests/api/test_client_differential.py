# SPDX-License-Identifier: Apache-2.0
"""Our client beside docker's own: the same command must ask the daemon the same, print the same and end the same."""
import json
import os
import subprocess

import pytest

import fake_docker
from conftest import USERCTR, docker_client

C = "c1"


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    f = fake_docker.Fake(str(tmp_path_factory.mktemp("fake") / "docker.sock"))
    yield f
    f.close()


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    link = tmp_path_factory.mktemp("bin") / "docker"
    link.symlink_to(USERCTR)
    return str(link)


def meaning(v):
    """What of a request body means something to a daemon: members that are empty, zero or false say nothing."""
    if isinstance(v, dict):
        d = {k: meaning(x) for k, x in v.items()}
        return {k: x for k, x in d.items() if x not in (None, "", 0, False, [], {}) or k == "OK"}
    if isinstance(v, list):
        return [meaning(x) for x in v]
    return v


def asked(log):
    out = []
    for q in log:
        if (q.method, q.path) == ("GET", "/info") or q.path.startswith("/plugins"):
            continue  # theirs looks among plugins and swarm objects too
        body = q.json()
        if isinstance(body, dict):
            # exposed ports and the like are objects without members: their names matter
            for k in ("ExposedPorts", "Volumes"):
                if isinstance(body.get(k), dict):
                    body[k] = sorted(body[k])
            host = body.get("HostConfig", {})
            host.pop("ConsoleSize", None)
            for k in ("Binds", "Ulimits", "CapAdd", "CapDrop"):  # theirs come in the order of a map
                if isinstance(host.get(k), list):
                    host[k] = sorted(host[k], key=str)
            if host.get("MemorySwappiness") == -1:
                host.pop("MemorySwappiness")
            if host.get("RestartPolicy", {}).get("Name") == "no":
                host.pop("RestartPolicy")
            body.pop("ConsoleSize", None)
            ends = body.get("NetworkingConfig", {}).get("EndpointsConfig", {})
            if set(ends) == {"default"} and not meaning(ends["default"]):
                body.pop("NetworkingConfig")
            if isinstance(host.get("PortBindings"), dict):
                host["PortBindings"] = {k: v for k, v in host["PortBindings"].items()}
            if q.path == "/commit":
                body = None
            body = meaning(body) or None
        query = {k: v for k, v in q.query.items()}
        if "filters" in query and query["filters"]:
            query["filters"] = json.loads(query["filters"])
        elif query.get("filters") == "":
            query.pop("filters")
        out.append((q.method, q.path, query, body))
    return out


def run(program, fake, argv, stdin=b"", cwd=None, env=None):
    fake.take_log()
    p = subprocess.run([program, "-H", fake.host, *argv], input=stdin, capture_output=True, timeout=60, cwd=cwd,
                       env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "DOCKER_CLI_HINTS": "false", "TZ": "UTC",
                            "FROM_HERE": "yes", **(env or {})})
    return p.returncode, p.stdout.decode(), p.stderr.decode(), asked(fake.take_log())


# Where we are other on purpose, or theirs depends on more than what is asked (see docs/client.md).
OTHER_REQUESTS = ("attach", "run -d", "run --restart on-failure:5 -d", "network rm", "ps --format {{.Foo")


def once(fake, ours, argv, order, requests, more):
    theirs = run(docker_client(), fake, argv, **more)
    mine = run(ours, fake, argv, **more)
    assert mine[1] == theirs[1], "standard output"
    assert mine[2] == theirs[2], "standard error"
    assert mine[0] == theirs[0], "exit code"
    if requests:
        a, b = mine[3], theirs[3]
        if not order:
            a, b = sorted(map(repr, a)), sorted(map(repr, b))
        assert a == b
    return mine


def both(fake, ours, argv, order=True, requests=True, **more):
    """On a machine that is very busy the fake's log sometimes lacks a request that it did answer, of either client: a
    difference counts when it comes again."""
    try:
        return once(fake, ours, argv, order, requests, more)
    except AssertionError:
        return once(fake, ours, argv, order, requests, more)


LINES = """
ps
ps -a
ps -q
ps --no-trunc
ps -s
ps -n 3
ps -l
ps --filter status=running --filter label=a=b --filter label=c
ps --format json
ps --format {{.ID}}:{{.Names}}
ps --format table\\ {{.ID}}\\t{{.Image}}\\t{{.Ports}}
ps --format {{json\\ .Names}}|{{.Networks}}|{{.Mounts}}|{{.LocalVolumes}}|{{.State}}|{{.Size}}|{{.CreatedAt}}
ps --format {{upper\\ .Names}}-{{len\\ .ID}}-{{.Label\\ "a"}}
ps --format {{.Foo
ps --format {{if\\ eq\\ .State\\ "running"}}up{{else}}down{{end}}
container ls
container list -aq
images
images -q
images --digests
images -a --no-trunc
images bb
images --format json
images --format {{.Repository}}:{{.Tag}}={{.ID}}
images --filter dangling=true
image ls
history bb:1
history -q bb:1
history --no-trunc -H=false bb:1
inspect c1
inspect nope
inspect c1 nope
inspect -f {{.State.Status}} c1
inspect -f {{json\\ .Config.Env}} c1
inspect -f {{.Nope}} c1
inspect -f {{range\\ $k,\\ $v\\ :=\\ .NetworkSettings.Networks}}{{$k}}={{$v.IPAddress}}{{end}} c1
inspect -f {{range\\ .Config.Env}}{{println\\ .}}{{end}} c1
inspect -f {{index\\ .Config.Labels\\ "com.x"}} c1
inspect -f {{(index\\ (index\\ .NetworkSettings.Ports\\ "80/tcp")\\ 0).HostPort}} c1
inspect -f {{.Config.Env}} c1
inspect -f {{join\\ .Args\\ "+"}} c1
inspect -f {{len\\ .Args}}{{printf\\ "%s-%d"\\ .Name\\ .State.Pid}} c1
inspect -f {{.State.Pid c1
inspect -f json c1
inspect --type image bb:1
inspect --type network web
inspect --size c1
inspect bb:1
inspect web
inspect v9
container inspect c1
image inspect bb:1
image inspect nope
network inspect bridge
network inspect nope
volume inspect v9
volume inspect nope
stop c1
stop -t 3 c1
stop -s INT c1 nope two
kill c1
kill -s USR1 c1
restart c1
restart -t 0 c1
rm c1
rm -f nope
rm -fv c1
rm nope
container rm c1
pause c1
unpause c1
rename c1 new
rename nope new
wait c1 two
top c1
top c1 -o pid
diff c1
port c1
port c1 80
port c1 80/tcp
port c1 99
update -m 128m --memory-swap 256m --cpus 1.5 --restart on-failure:3 c1
update c1
logs c1
logs -f --tail 5 -t c1
logs --since 1700000000 --until 1700000001.5 c1
logs nope
rmi bb:1
rmi -f nope
rmi nope bb
image rm bb:1
tag bb:1 bb:2
tag bb:1 127.0.0.1:5000/x/y
tag bb:1 BAD
commit c1
commit -m msg -a me -c CMD\\ x c1 img:2
commit -p=false c1
start c1
start c1 two
start nope
start -a c1
exec c1 true
exec -d c1 true
exec -e A=b -e FROM_HERE -w /x -u 1:2 --privileged c1 sh -c ls
exec nope true
attach c1
attach --no-stdin nope
create bb:1
create --rm --restart always bb:1
create -p x:80 bb:1
create --pull x bb:1
create UPPER
cp c1:/x c1:/y
cp a b
create --name x bb:1 sleep 9
run bb:1
run -d bb:1
run --rm bb:1 echo hi
run warn
run --name x --hostname h -e A=b -e FROM_HERE -e NOT_HERE -w /w -u 1 bb:1 sh -c 'x y'
run -p 80 -p 8080:80 -p 127.0.0.1:53:53/udp -p 9000-9002:9000-9002 --expose 99 --expose 5/udp bb:1
run -p 8000-8010:80 -P bb:1
run -p [::1]:80:80 bb:1
run -p 99999999 bb:1
run -p x:80 bb:1
run -p 1.2.3:80:80 bb:1
run -p 80/foo bb:1
run -v /data -v vol:/x -v /srv:/mnt:ro bb:1
run --mount type=bind,src=/a,dst=/b,readonly --mount type=volume,source=v,target=/c,volume-nocopy bb:1
run --mount type=tmpfs,dst=/t,tmpfs-size=64m,tmpfs-mode=1770 bb:1
run --mount type=volume,dst=/v,volume-driver=d,volume-opt=a=b,volume-label=l=m bb:1
run --mount type=bind,src=/a,dst=/b,bind-propagation=rshared,bind-recursive=disabled bb:1
run --mount type=x bb:1
run --mount nope bb:1
run --mount type=bind,dst=/b,volume-nocopy bb:1
run --tmpfs /s --tmpfs /t:size=1m,mode=1777 bb:1
run --network web --network-alias al --ip 10.0.0.5 bb:1
run --network name=web,alias=x,ip=10.0.0.7 --network other bb:1
run --network host bb:1
run --network= bb:1
run --cap-add NET_ADMIN --cap-drop ALL --privileged --read-only --init bb:1
run -m 64m --memory-swap -1 --memory-reservation 32m --cpus 0.5 --pids-limit 10 --cpu-shares 5 --shm-size 1g bb:1
run -m x bb:1
run --cpus x bb:1
run --restart always bb:1
run --restart on-failure:5 -d bb:1
run --restart on-failure:x -d bb:1
run --rm --restart always bb:1
run -l a=b -l c --label-file /nonexistent bb:1
run -l a=b -l c bb:1
run --device /dev/null --device /dev/zero:/dev/z:r --device /dev/full:rw bb:1
run --device /dev/a:b:c:d bb:1
run --ulimit nofile=10:20 --ulimit core=0 bb:1
run --ulimit nope bb:1
run --sysctl net.x=1 --log-driver json-file --log-opt max-size=1m --stop-signal INT --stop-timeout 3 bb:1
run --add-host a:1.2.3.4 --add-host b=::1 --dns 1.1.1.1 --dns-search x --dns-option y --domainname d bb:1
run --pid host --ipc host --uts host --userns host --cgroupns private --group-add 5 --oom-score-adj 7 bb:1
run --health-cmd true --health-interval 2s --health-retries 3 --health-timeout 1m30s --health-start-period 1h bb:1
run --no-healthcheck bb:1
run --no-healthcheck --health-cmd x bb:1
run --health-interval 3 bb:1
run --entrypoint /x bb:1 a b
run --entrypoint= bb:1 a
run --security-opt no-new-privileges --security-opt seccomp=unconfined --security-opt apparmor=x bb:1
run --security-opt systempaths=unconfined bb:1
run --security-opt foo bb:1
run --security-opt seccomp=/nonexistent bb:1
run --volumes-from c1 --link c1:alias --cidfile /etc/passwd bb:1
run --volumes-from c1:ro --link c1:alias bb:1
run --storage-opt size=1g --cgroup-parent /x --cpuset-cpus 0-1 --cpu-period 10 --cpu-quota 20 bb:1
run --device-read-bps /dev/sda:1mb --device-write-iops /dev/sda:10 --blkio-weight 300 bb:1
run --env-file /nonexistent bb:1
run --annotation a=b --runtime runc --platform linux/amd64 --mac-address 92:d0:c6:0a:29:33 bb:1
run -d -a stdout bb:1
run -it bb:1
run -t bb:1
run --pull nope bb:1
run UPPER
run --detach-keys x,y-z bb:1
run
run --nope bb:1
run -Z bb:1
run -p
exec c1
ps extra
rename x
inspect
rm
foo
network foo
volume rm
stop -t x c1
ps -n x
ps --filter x
ps --foo
logs
load -i /nonexistent
save bb:1
save -o /nonexistent/x bb:1
export c1
pull bb:1
pull -q bb:1
pull bb
pull A\\ B
pull -a bb:1
push bb:1
push bb
search bb
search --limit 3 --no-trunc bb
network ls
network ls -q
network ls --no-trunc --filter driver=bridge
network ls --format json
network ls --format {{.Name}}:{{.Driver}}:{{.IPv4}}:{{.Internal}}:{{.Labels}}
network create n1
network create --driver bridge --subnet 10.1.0.0/16 --gateway 10.1.0.1 --ip-range 10.1.2.0/24 --opt a=b --label c=d --internal --attachable --ipv6 n1
network rm web
network rm nope web
network connect web c1
network connect --ip 10.0.0.1 --alias x --link a:b web c1
network disconnect -f web c1
network prune -f
volume ls
volume ls -q
volume ls --format json
volume ls --filter dangling=true
volume create v9
volume create
volume create -d local -o type=tmpfs -o device=tmpfs --label a=b v9
volume rm v9 another
volume rm -f v9
volume prune -f
volume prune -af
container prune -f
image prune -f
image prune -af
system prune -f
system prune -af --volumes
system df
system df -v
system df --format json
events --since 1 --until 2
events --since 1 --until 2 --format json
events --since 1 --until 2 --format {{.Type}}:{{.Action}}
events --since 1 --until 2 --filter type=container
stats --no-stream c1
stats --no-stream --format json c1
network
volume
container foo
""".strip().splitlines()


def split(line):
    out, word, i = [], None, 0
    while i < len(line):
        ch = line[i]
        if ch == "\\" and i + 1 < len(line) and line[i + 1] == " ":
            word, i = (word or "") + " ", i + 1
        elif ch == "'":
            end = line.index("'", i + 1)
            word, i = (word or "") + line[i + 1:end], end
        elif ch == " ":
            if word is not None:
                out.append(word)
            word = None
        else:
            word = (word or "") + ch
        i += 1
    return out + ([word] if word is not None else [])


@pytest.mark.parametrize("line", LINES)
def test_same(fake, ours, line):
    both(fake, ours, split(line), order=not line.startswith(("system prune", "stats", "stop", "start", "rm", "wait")),
         requests=not line.startswith(OTHER_REQUESTS))
