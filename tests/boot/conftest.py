# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the boot tests; the api tier imports them from here too."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import qemu  # noqa: E402


@pytest.fixture
def machine(request):
    """Make machines that end with the test: vm = machine("iso", ports=[2375])."""
    made = []

    def make(kind="kernel", **options):
        number = f"-{len(made)}" if made else ""
        vm = qemu.Qemu(kind, name=request.node.name + number, **options)
        made.append(vm.__enter__())
        return vm

    yield make
    for vm in made:
        vm.__exit__()


@pytest.fixture
def state_disk(tmp_path):
    """An empty disk with the label of the state partition."""
    return qemu.make_disk(tmp_path / "state")


def pytest_runtest_setup():
    qemu.running.clear()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for vm in qemu.running:
            report.sections.append((f"console of {vm.name} ({vm.log_path})", vm.tail()))
