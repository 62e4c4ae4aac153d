# SPDX-License-Identifier: Apache-2.0
"""docker compose with an application of several services, unmodified, as the client's plugin."""
import json
import os
import subprocess

import pytest

from conftest import TOP, WAIT
from test_networks import box, get, host, on_host  # noqa: F401

FILE = """
name: shop
services:
  web:
    image: bb:1
    pull_policy: never
    command: ["sh", "-c", "cat /run/secrets/token; exec httpd -f -v -p 80 -h /srv"]
    environment: {GREETING: "${GREETING:-hello}"}
    init: true
    networks: {front: {}, back: {aliases: [www]}}
    ports: ["127.0.0.1:8080:80"]
    configs: [{source: page, target: /srv/index.html}]
    secrets: [token]
    stop_grace_period: 1s
    depends_on:
      db: {condition: service_healthy}
      cache: {condition: service_started}
      seed: {condition: service_completed_successfully}
    healthcheck:
      test: wget -q -O /dev/null http://127.0.0.1/index.html
      interval: 1s
      start_period: 20s
      start_interval: 100ms
  db:
    image: bb:1
    pull_policy: never
    command: ["sh", "-c", "touch /var/lib/db/ready; while :; do echo rows | nc -l -p 5432; done"]
    init: true
    networks: [back]
    volumes: [data:/var/lib/db]
    stop_grace_period: 1s
    depends_on: {seed: {condition: service_completed_successfully}}
    healthcheck:
      test: ["CMD", "test", "-e", "/var/lib/db/ready"]
      interval: 1s
      start_period: 20s
      start_interval: 100ms
  cache:
    image: bb:1
    pull_policy: never
    command: ["sleep", "100000"]
    init: true
    networks: [back]
    tmpfs: [/cache]
    labels: {tier: cache}
  seed:
    image: bb:1
    pull_policy: never
    command: ["sh", "-c", "echo seeded >>/var/lib/db/log"]
    networks: [back]
    volumes: [data:/var/lib/db]
  tools:
    image: bb:1
    pull_policy: never
    profiles: [debug]
    command: ["sleep", "100000"]
    init: true
    networks: [front]
networks:
  front: {}
  back: {internal: true}
volumes:
  data: {labels: {keep: "no"}}
configs:
  page: {file: ./page.html}
secrets:
  token: {file: ./token.txt}
"""


@pytest.fixture(scope="module")
def plugin(box):
    """Where the client looks for its plugins."""
    folder = box.d.folder / "cli-plugins"
    folder.mkdir()
    path = subprocess.run([TOP / "deps" / "docker-compose.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    os.symlink(path, folder / "docker-compose")


class Project:
    def __init__(self, box, folder):
        self.box, self.folder = box, folder
        (folder / "compose.yaml").write_text(FILE)
        (folder / "page.html").write_text("a page\n")
        (folder / "token.txt").write_text("s3cret\n")

    def __call__(self, *argv, **kw):
        return self.box("compose", "--project-directory", self.folder, "-f", self.folder / "compose.yaml", *argv, **kw)

    def ps(self, *argv):
        """By service, what ps tells."""
        rows = [json.loads(l) for l in self("ps", "-a", "--format", "json", *argv).stdout.splitlines()]
        return {r["Name"]: r for r in rows}

    def ids(self):
        return {n: r["ID"] for n, r in self.ps().items()}


@pytest.fixture
def project(box, plugin, tmp_path):
    p = Project(box, tmp_path)
    yield p
    p("--profile", "*", "down", "-v", "-t", "0", "--remove-orphans")
    assert box("ps", "-aq").stdout == ""


@pytest.fixture
def shop(project):
    project("up", "-d")
    return project


def test_plugin(box, plugin):
    assert "2.26" in box("compose", "version").stdout


def test_config(project):
    c = json.loads(project("config", "--format", "json").stdout)
    assert sorted(c["services"]) == ["cache", "db", "seed", "web"]
    assert project("config", "--profiles").stdout.split() == ["debug"]
    assert project("config", "--images").stdout.split() == ["bb:1"] * 4


def test_up(box, shop):
    ps = shop.ps()
    assert sorted(ps) == ["shop-cache-1", "shop-db-1", "shop-seed-1", "shop-web-1"]
    assert (ps["shop-seed-1"]["State"], ps["shop-seed-1"]["ExitCode"]) == ("exited", 0)
    assert ps["shop-db-1"]["Health"] == "healthy" and ps["shop-cache-1"]["Health"] == ""
    assert [(p["URL"], p["TargetPort"], p["PublishedPort"]) for p in ps["shop-web-1"]["Publishers"]] == [("127.0.0.1", 80, 8080)]
    shop("up", "-d", "--wait", "web")  # --wait also takes what has ended for a failure
    assert shop.ps()["shop-web-1"]["Health"] == "healthy"
    assert get(box, "127.0.0.1:8080").stdout == "a page\n"
    # who reaches whom
    assert shop("exec", "-T", "web", "nc", "-w", "5", "db", "5432").stdout == "rows\n"
    assert shop("exec", "-T", "cache", "wget", "-q", "-O", "-", "http://www/index.html").stdout == "a page\n"
    assert "seeded\n" in shop("exec", "-T", "db", "cat", "/var/lib/db/log").stdout
    assert sorted(box.inspect("shop-web-1")["NetworkSettings"]["Networks"]) == ["shop_back", "shop_front"]
    assert json.loads(box("network", "inspect", "shop_back").stdout)[0]["Internal"] is True
    assert [p["Name"] for p in json.loads(box("compose", "ls", "--format", "json").stdout)] == ["shop"]


def test_again(box, shop):
    """A second up changes nothing; then just what has changed."""
    before = shop.ids()
    shop("up", "-d")
    after = shop.ids()
    assert {n: i for n, i in after.items()} == before
    text = (shop.folder / "compose.yaml").read_text()
    (shop.folder / "compose.yaml").write_text(text.replace("tier: cache", "tier: other"))
    shop("up", "-d", "-t", "1")
    now = shop.ids()
    assert now["shop-cache-1"] != before["shop-cache-1"]
    assert now["shop-db-1"] == before["shop-db-1"]
    assert box.inspect("shop-cache-1")["Config"]["Labels"]["tier"] == "other"
    shop("up", "-d", "-t", "1", "--force-recreate", "--no-deps", "cache")
    assert shop.ids()["shop-cache-1"] != now["shop-cache-1"]
    # the volume is taken over by the new container
    assert shop("exec", "-T", "db", "cat", "/var/lib/db/ready").stdout == ""


def test_logs(shop):
    out = shop("logs", "--no-color", "web").stdout
    assert "web-1  | s3cret" in out
    out = shop("logs", "--no-color", "--no-log-prefix", "--tail", "1", "web").stdout
    assert len(out.splitlines()) == 1
    assert shop("logs", "--no-color", "cache").stdout == ""


def test_exec_run(box, shop):
    assert shop("exec", "-T", "-e", "X=1", "-w", "/tmp", "web", "sh", "-c", "echo $X $GREETING; pwd").stdout == "1 hello\n/tmp\n"
    assert shop("exec", "-T", "web", "sh", "-c", "exit 7", ok=False).returncode == 7
    assert shop("run", "--rm", "-T", "cache", "echo", "one").stdout == "one\n"
    assert shop("run", "--rm", "-T", "--no-deps", "web", "sh", "-c", "cat; exit 5", ok=False, input="in").returncode == 5
    assert "shop-cache-run" not in box("ps", "-a").stdout
    assert shop("run", "--rm", "-T", "--no-deps", "-e", "GREETING=bye", "web", "sh", "-c", "echo $GREETING; cat /run/secrets/token"
                ).stdout == "bye\ns3cret\n"
    assert "sleep 100000" in shop("top", "cache").stdout
    assert shop("port", "web", "80").stdout == "127.0.0.1:8080\n"


def test_cp(shop):
    (shop.folder / "f").write_text("copied\n")
    shop("cp", shop.folder / "f", "cache:/tmp/f")
    assert shop("exec", "-T", "cache", "cat", "/tmp/f").stdout == "copied\n"
    shop("cp", "web:/srv/index.html", shop.folder / "back")
    assert (shop.folder / "back").read_text() == "a page\n"


def test_scale(box, shop):
    shop("up", "-d", "--scale", "cache=3", "--no-recreate")
    names = [n for n in shop.ps() if "cache" in n]
    assert sorted(names) == ["shop-cache-1", "shop-cache-2", "shop-cache-3"]
    shop("scale", "cache=1")
    assert [n for n in shop.ps() if "cache" in n] == ["shop-cache-1"]


def test_life(box, shop):
    before = box.inspect("shop-db-1")
    shop("restart", "-t", "1", "db")
    after = box.inspect("shop-db-1")
    assert after["Id"] == before["Id"] and after["State"]["Pid"] != before["State"]["Pid"]
    shop("kill", "-s", "KILL", "cache")
    assert box.wait("shop-cache-1") == 137
    shop("stop", "-t", "1")
    assert {r["State"] for r in shop.ps().values()} == {"exited"}
    shop("start")
    ps = shop.ps()
    assert {ps[n]["State"] for n in ("shop-web-1", "shop-db-1", "shop-cache-1")} == {"running"}
    assert get(box, "127.0.0.1:8080").stdout == "a page\n"
    shop("rm", "-sf", "cache")
    assert "shop-cache-1" not in shop.ps()


def test_profiles(shop):
    assert "shop-tools-1" not in shop.ps()
    shop("--profile", "debug", "up", "-d", "tools")
    assert shop.ps()["shop-tools-1"]["State"] == "running"


def test_unhealthy(project):
    """What depends on a service that never gets well is not started."""
    text = (project.folder / "compose.yaml").read_text()
    (project.folder / "compose.yaml").write_text(
        text.replace('"/var/lib/db/ready"]\n      interval: 1s\n      start_period: 20s', '"/nope"]\n      interval: 1s\n      retries: 1'))
    p = project("up", "-d", ok=False)
    assert p.returncode == 1 and "shop-db-1 is unhealthy" in p.stderr
    assert project.ps()["shop-web-1"]["State"] == "created"


def test_failing(project):
    """An exit code other than 0 of what must complete."""
    text = (project.folder / "compose.yaml").read_text()
    (project.folder / "compose.yaml").write_text(text.replace("echo seeded >>/var/lib/db/log", "exit 3"))
    p = project("up", "-d", ok=False)
    assert p.returncode == 1 and "didn't complete successfully: exit 3" in p.stderr


def test_attached(box, project):
    """up in the foreground, until one ends."""
    p = project("up", "--no-log-prefix", "--no-color", "--no-deps", "--exit-code-from", "seed", "seed", "cache")
    assert p.returncode == 0


def test_events_follow(box, project):
    e = box.popen("compose", "--project-directory", str(project.folder), "-f", str(project.folder / "compose.yaml"), "events", "--json")
    try:
        project("up", "-d", "--no-deps", "cache")
        seen = [json.loads(e.stdout.readline()) for _ in range(2)]
        assert [s["action"] for s in seen] == ["create", "start"] and {s["service"] for s in seen} == {"cache"}
    finally:
        e.kill()
        e.wait(WAIT)
        e.stdout.close()
        e.stderr.close()


def test_down(box, shop):
    shop("down", "-t", "1")
    assert box("ps", "-aq").stdout == ""
    assert "shop" not in box("network", "ls").stdout
    assert box("volume", "ls", "-q").stdout == "shop_data\n"
    shop("down", "-v")
    assert box("volume", "ls", "-q").stdout == ""
    links = [l.split()[1] for l in on_host(box, "ip", "-o", "link").stdout.splitlines()]
    assert not [l for l in links if l.startswith(("br-", "veth"))]
