# SPDX-License-Identifier: Apache-2.0
"""The examples of README.md and docs/ run as they are written.

A block that begins with ```console is a session on the console: a line after '# ' is typed, what follows it is what it prints.
There '...' stands for anything, and a run of blanks for any other.
"""
import re
from pathlib import Path

import pytest

from qemu import Qemu

ROOT = Path(__file__).resolve().parents[2]
API = "slipway.docker.host=tcp://0.0.0.0:2375"


def sessions():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for block in re.findall(r"^```console\n(.*?)^```$", page.read_text(), re.M | re.S):
            yield page, block


def steps(block):
    """[(command, expected output)]"""
    parts = re.split(r"^# ", block, flags=re.M)
    assert parts[0].strip() == "", f"text before the first command: {parts[0]}"
    return [p.partition("\n")[::2] for p in parts[1:]]


def pattern(expected):
    text = re.sub(r"[ \t]+", " ", expected.strip())
    return "(?s)" + re.escape(text).replace(re.escape("..."), ".*").replace(r"\ ", " ")


@pytest.fixture(scope="module")
def vm():
    with Qemu("kernel", name="docs", cmdline=API, ports=[2375], deadline_s=900) as vm:
        vm.wait_ready()
        vm.sh("slipway-network wait-online --timeout 30 || sysctr --root /run/sysctr exec network "
              "/bin/slipway-network wait-online --timeout 30")
        yield vm


@pytest.mark.parametrize("page,block", sessions(), ids=lambda x: x.name if isinstance(x, Path) else "")
def test_an_example_does_what_it_says(vm, page, block):
    for command, expected in steps(block):
        out = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", vm.sh(command)[0])
        out = re.sub(r"[ \t]+", " ", re.sub(r"[ \t]+$", "", out, flags=re.M).strip())
        assert re.fullmatch(pattern(expected), out), f"{page.name}: '{command}' printed\n{out}\nand not\n{expected}"
