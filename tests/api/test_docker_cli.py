# SPDX-License-Identifier: Apache-2.0
"""docker's client, command by command: what it prints and how it ends, as with dockerd 28.2.2. Long ways of single commands are
in the other files; this one has what each command says in the plain case and in the usual mistake."""
import json
import re
import subprocess
import tarfile

import pytest

from test_networks import box, host  # noqa: F401

ID = r"[0-9a-f]{64}\n"


@pytest.fixture(autouse=True)
def clean(box):  # noqa: F811
    yield
    ids = box("ps", "-aq").stdout.split()
    if ids:
        box("rm", "-fv", *ids)
    box("network", "prune", "-f")
    box("volume", "prune", "-af")


def fails(box, *argv):  # noqa: F811
    p = box(*argv, ok=False)
    assert p.returncode == 1 and p.stdout == ""
    return p.stderr


def test_life_of_a_container(box, tmp_path):  # noqa: F811
    (tmp_path / "bb").mkdir()
    out = box("create", "--name", "c2", "--restart", "always", "--health-cmd", "true", "--health-interval", "2s", "-v", "vol1:/data", "-v",
              f"{tmp_path}/bb:/mnt:ro", "--tmpfs", "/scratch", "-l", "a=b", "bb:1", "sleep", "999").stdout
    assert re.fullmatch(ID, out)
    assert box("start", "c2").stdout == "c2\n" and box("start", "c2").stdout == "c2\n"
    row = json.loads(box("ps", "--filter", "label=a=b", "--filter", "status=running", "--format", "json").stdout)
    assert row["Command"] == '"sleep 999"' and row["Labels"] == "a=b" and "vol1" in row["Mounts"].split(",")
    assert "SIZE" in box("ps", "-s", "-n", "1").stdout
    assert box("rename", "c2", "c3").stdout == ""
    assert box("restart", "-t", "0", "c3").stdout == "c3\n"
    assert box("kill", "-s", "USR1", "c3").stdout == "c3\n"
    assert "999" in box("top", "c3").stdout and box("port", "c3").stdout == ""
    assert box("update", "--restart", "no", "c3").stdout == "c3\n"
    assert box("cp", "c3:/etc/hosts", tmp_path / "h1").stdout == "" and "localhost" in (tmp_path / "h1").read_text()
    box("cp", tmp_path / "h1", "c3:/tmp/")
    box("cp", "c3:/etc", tmp_path / "etc")
    assert (tmp_path / "etc" / "passwd").exists()
    box("export", "-o", tmp_path / "exp.tar", "c3")
    assert "tmp/h1" in tarfile.open(tmp_path / "exp.tar").getnames()
    assert re.fullmatch("sha256:" + ID, box("commit", "-m", "msg", "c3", "cimg:1").stdout)
    assert box("stop", "-t", "1", "c3").stdout == "c3\n" and box("stop", "c3").stdout == "c3\n"
    assert box("wait", "c3").stdout == "137\n"
    assert box("rm", "c3").stdout == "c3\n"
    assert box("rmi", "cimg:1").stdout.startswith("Untagged: cimg:1\nDeleted: sha256:")


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "kill", "pause", "unpause", "rm", "wait", "logs", "top", "port", "exec", "attach",
                                  "export", "update", "rename", "commit", "stats"])
def test_no_such_container(box, verb):  # noqa: F811
    more = {"exec": ("true",), "update": ("--restart=no",), "rename": ("x",), "stats": ()}.get(verb, ())
    argv = ("update", *more, "nosuch") if verb == "update" else (verb, *(["--no-stream"] if verb == "stats" else []), "nosuch", *more)
    p = box(*argv, ok=False)
    assert p.returncode == 1 and "No such container: nosuch" in p.stderr


def test_mistakes(box):  # noqa: F811
    assert fails(box, "volume", "rm", "nosuch") == "Error response from daemon: get nosuch: no such volume\n"
    assert fails(box, "network", "rm", "nosuch").startswith("Error response from daemon: network nosuch not found\n")
    box("network", "create", "n1")
    assert fails(box, "network", "create", "n1") == "Error response from daemon: network with name n1 already exists\n"
    assert fails(box, "network", "connect", "n1", "nosuch") == "Error response from daemon: No such container: nosuch\n"
    p = box("rm", "-f", "nosuch", ok=False)
    assert (p.returncode, p.stderr) == (0, "Error response from daemon: No such container: nosuch\n")
    assert "No such image: nosuch:latest" in fails(box, "rmi", "nosuch")


def test_images(box, tmp_path):  # noqa: F811
    assert "IMAGE" in box("history", "bb:1").stdout.splitlines()[0]
    box("save", "-o", tmp_path / "save.tar", "bb:1")
    assert box("load", "-i", tmp_path / "save.tar").stdout == "Loaded image: bb:1\n"
    assert box("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split() == ["bb:1"]
    assert "DIGEST" in box("images", "-a", "--digests").stdout
    assert json.loads(box("image", "inspect", "bb:1").stdout)[0]["RepoTags"] == ["bb:1"]
    assert box("tag", "bb:1", "bb:2").stdout == "" and box("rmi", "bb:2").stdout == "Untagged: bb:2\n"
    assert box("image", "prune", "-f").stdout == "Total reclaimed space: 0B\n"
    box("run", "--name", "ee", "bb:1", "true")
    tar = box("export", "ee", text=False).stdout
    assert box("import", "-", "imp:1", input=tar, text=False).stdout.startswith(b"sha256:")
    box("rmi", "imp:1")


def test_networks_volumes(box):  # noqa: F811
    assert box("volume", "create", "v9").stdout == "v9\n"
    assert box("volume", "ls").stdout == "DRIVER    VOLUME NAME\nlocal     v9\n"
    assert json.loads(box("volume", "inspect", "v9").stdout)[0]["Labels"] is None
    assert box("volume", "rm", "v9").stdout == "v9\n"
    assert box("volume", "prune", "-f").stdout == "Total reclaimed space: 0B\n"
    assert re.fullmatch(ID, box("network", "create", "n1").stdout)
    assert box("network", "ls", "-q", "--filter", "name=n1").stdout.strip() == box("network", "inspect", "-f", "{{slice .Id 0 12}}", "n1").stdout.strip()
    box("run", "-d", "--name", "cc", "bb:1", "sleep", "999")
    assert box("network", "connect", "--alias", "x", "n1", "cc").stdout == "" and box("network", "disconnect", "n1", "cc").stdout == ""
    assert box("network", "rm", "n1").stdout == "n1\n"
    assert box("network", "prune", "-f").stdout == ""


def test_prunes(box):  # noqa: F811
    assert box("container", "prune", "-f").stdout == "Total reclaimed space: 0B\n"
    box("run", "--name", "old", "bb:1", "true")
    assert re.match("Deleted Containers:\n" + ID, box("container", "prune", "-f").stdout)
    box("run", "--name", "old", "bb:1", "true")
    box("network", "create", "n1")
    out = box("system", "prune", "-f").stdout
    assert re.match("Deleted Containers:\n" + ID, out) and "Deleted Networks:\nn1\n" in out and "Total reclaimed space: " in out


def test_system(box):  # noqa: F811
    assert box("system", "df").stdout.splitlines()[0].split() == ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]
    assert box("system", "df", "-v").stdout.startswith("Images space usage:\n")
    assert "Server" in box("version").stdout and "Storage Driver: overlay2" in box("info").stdout
    assert box("plugin", "ls").stdout.split() == ["ID", "NAME", "DESCRIPTION", "ENABLED"]
    assert "default" in box("context", "ls").stdout
    assert "Total reclaimed space: 0B" in box("builder", "prune", "-f", ok=False).stdout


def test_context(box):  # noqa: F811
    """A context that names this daemon."""
    box("context", "create", "here", "--docker", "host=" + box.d.host)
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(box.d.folder), "DOCKER_CONFIG": str(box.d.folder)}
    from conftest import docker_client
    out = subprocess.run([docker_client(), "--context", "here", "info", "-f", "{{.OSType}}"], check=True, capture_output=True, text=True, env=env)
    assert out.stdout == "linux\n"
    box("context", "rm", "here")


@pytest.mark.parametrize("argv", [("node", "ls"), ("service", "ls"), ("stack", "ls"), ("secret", "ls"), ("config", "ls")])
def test_no_swarm(box, argv):  # noqa: F811
    assert "This node is not a swarm manager" in fails(box, *argv)


@pytest.mark.parametrize("argv", [("swarm", "init"), ("checkpoint", "ls", "c"), ("build", "."), ("plugin", "install", "x"),
                                  ("search", "x")])
def test_refused(box, argv, tmp_path):  # noqa: F811
    """What is not here is said, and not taken for done."""
    (tmp_path / "Dockerfile").write_text("FROM bb:1\n")
    p = box(*argv, ok=False, cwd=tmp_path)
    assert p.returncode != 0 and re.search("page not found|not supported|only supported|experimental|BuildKit|buildx|not found", p.stderr), p.stderr


def test_diff(box):  # noqa: F811
    """What is added, changed and gone, in a running container and in one that ended; a new one has changed nothing."""
    box("create", "--name", "new", "bb:1", "true")
    box("start", "-a", "new")
    assert box("diff", "new").stdout == ""
    box("run", "-d", "--name", "d1", "-v", "/vol", "--tmpfs", "/scratch", "bb:1", "sh", "-c",
        "rm /data/low; echo x >>/etc/passwd; mkdir /made; touch '/made/a \"b\"'; chmod 700 /tmp; rm -r /etc/group; mkdir /etc/group; "
        "echo done; exec sleep 1000")
    logs = box.popen("logs", "-f", "d1")
    assert logs.stdout.readline() == b"done\n"
    logs.kill()
    logs.communicate()
    want = "C /data\nD /data/low\nC /etc\nC /etc/group\nC /etc/passwd\nA /made\nA /made/a \"b\"\nA /scratch\nC /tmp\nA /vol\n"
    assert box("diff", "d1").stdout == want
    box("kill", "d1")
    assert box("diff", "d1").stdout == want
    assert "No such container: nosuch" in fails(box, "diff", "nosuch")
    # a folder made anew hides what was below it
    box("run", "--name", "d2", "bb:1", "sh", "-c", "rm -r /data; mkdir /data; touch /data/link")
    out = box("diff", "d2").stdout.splitlines()
    assert "D /data/low" in out and "C /data/link" in out
    assert box.d.api("GET", "/containers/new/changes") == (200, None)
