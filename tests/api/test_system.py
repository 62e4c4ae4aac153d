# SPDX-License-Identifier: Apache-2.0
"""What docker's client asks before anything else."""


def test_version(docker):
    out = docker("version", "--format", "{{.Server.APIVersion}} {{.Server.Os}}/{{.Server.Arch}}").stdout
    assert out.split() == ["1.51", "linux/amd64"]


def test_ping(daemon):
    assert daemon.api("GET", "/_ping", version=None) == (200, b"OK")


def test_ends_on_sigterm(make_daemon):
    assert make_daemon().stop() == 0


def test_login_without_a_registry(docker):
    p = docker("login", "-u", "u", "--password-stdin", "127.0.0.1:1", input="p", ok=False)
    assert p.returncode != 0 and 'Get "http://127.0.0.1:1/v2/": connect: Connection refused' in p.stderr
