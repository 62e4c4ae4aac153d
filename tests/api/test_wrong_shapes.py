# SPDX-License-Identifier: Apache-2.0
"""Bodies whose members have the wrong shape are refused or ignored; the daemon goes on, whatever is sent."""
import itertools
import json

import pytest

WRONG = ["[]", "[1]", '[{"a":1}]', '"x"', "7", "true", "null", '{"a":[]}', '{"a":{"b":7}}', '{"":null}']
BODIES = {
    "/containers/create": ["Labels", "Env", "Cmd", "Entrypoint", "ExposedPorts", "Volumes", "HostConfig", "NetworkingConfig",
                           "Healthcheck", "StopTimeout", "Hostname", "User", "Tty", "OnBuild", "Shell"],
    "/networks/create": ["Options", "Labels", "IPAM", "ConfigFrom", "Internal", "Driver", "EnableIPv6"],
    "/volumes/create": ["DriverOpts", "Labels", "Driver", "ClusterVolumeSpec"],
    "/networks/bridge/connect": ["Container", "EndpointConfig"],
    "/networks/bridge/disconnect": ["Container", "Force"],
    "/commit": ["Labels", "Env", "ExposedPorts", "Volumes"],
    "/auth": ["username", "serveraddress"],
}
HOST = ["Binds", "PortBindings", "RestartPolicy", "LogConfig", "Mounts", "Tmpfs", "Sysctls", "Ulimits", "Devices", "CapAdd", "CapDrop",
        "SecurityOpt", "StorageOpt", "Annotations", "ExtraHosts", "Dns", "DeviceCgroupRules", "BlkioWeightDevice", "GroupAdd",
        "DeviceRequests", "MaskedPaths", "Memory", "NetworkMode", "ConsoleSize", "VolumesFrom", "Links", "Init"]
ENDPOINT = ["IPAMConfig", "Aliases", "Links", "DriverOpts", "IPAddress", "MacAddress"]


@pytest.fixture(scope="module")
def daemon(make_module_daemon):
    return make_module_daemon()


@pytest.fixture(scope="module")
def make_module_daemon(tmp_path_factory):
    import conftest
    made = []

    def make():
        d = conftest.Daemon(tmp_path_factory.mktemp("shapes"))
        d.start()
        made.append(d)
        return d
    yield make
    for d in made:
        d.stop()


def bodies():
    for path, members in BODIES.items():
        for member, value in itertools.product(members, WRONG):
            yield path, '{"Image":"nosuch","Name":"n-%d","%s":%s}' % (len(value), member, value)
        for value in WRONG:
            yield path, value
    for member, value in itertools.product(HOST, WRONG):
        yield "/containers/create", '{"Image":"nosuch","HostConfig":{"%s":%s}}' % (member, value)
    for member, value in itertools.product(ENDPOINT, WRONG):
        yield "/containers/create", '{"Image":"nosuch","NetworkingConfig":{"EndpointsConfig":{"bridge":{"%s":%s}}}}' % (member, value)
        yield "/networks/bridge/connect", '{"Container":"nosuch","EndpointConfig":{"%s":%s}}' % (member, value)


def test_the_daemon_goes_on(daemon):
    headers = {"Content-Type": "application/json"}
    statuses = set()
    for path, body in bodies():
        try:
            status, answer = daemon.api("POST", path, body=body, headers=headers)[:2]
        except OSError as e:
            raise AssertionError(f"POST {path} {body}: {e}") from None
        statuses.add(status)
        assert 200 <= status < 600, (path, body, status)
    assert daemon.process.poll() is None
    assert {400, 404} <= statuses
