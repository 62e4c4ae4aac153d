#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run test tiers and count: run.py TIER...   (unit fuzz ns api boot peers)

Expects what it runs to be built in $O. The last line printed is 'N passed, N failed', it is also in
$O/test/summary, and the exit code is 0 only when something passed and nothing failed.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(ROOT, os.environ.get("O", "build"))
UNIT_SECONDS = 300


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed"


def run(argv, seconds, env=None):
    """Output and exit code of a program; a program that takes too long is a failed one."""
    try:
        p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds,
                           env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, cwd=ROOT)
        return p.stdout.decode(errors="replace"), p.returncode
    except subprocess.TimeoutExpired as e:
        text = (e.stdout or b"").decode(errors="replace")
        return text + f"\nstill running after {seconds} s", -1


def names(folder, suffix):
    files = sorted(glob.glob(os.path.join(ROOT, "tests", folder, "*" + suffix)))
    return [os.path.basename(f)[: -len(".c")] for f in files]


def count_tap(text, code):
    """Count cmocka's TAP. A program that dies has failed in the test it was in and in all after it."""
    c = Count()
    plan = sum(int(n) for n in re.findall(r"^1\.\.(\d+)", text, re.M))
    for line in re.findall(r"^((?:not )?ok\b.*)", text, re.M):
        if re.search(r"# *skip", line, re.I):
            c.skipped += 1
        elif line.startswith("not"):
            c.failed += 1
        else:
            c.passed += 1
    c.failed += max(0, plan - c.passed - c.failed - c.skipped)
    if (code != 0 or plan == 0) and c.failed == 0:
        c.failed = 1
    return c


def cmocka(tier):
    total = Count()
    env = {"CMOCKA_MESSAGE_OUTPUT": "TAP", "UBSAN_OPTIONS": "print_stacktrace=1"}
    for name in names(tier, "_test.c"):
        text, code = run([os.path.join(OUT, "test", name)], UNIT_SECONDS, env)
        c = count_tap(text, code)
        total.add(c)
        print(f"  {name:<28} {c}", flush=True)
        if c.failed:
            print(text, flush=True)
    return total


def fuzz():
    """Each harness for a while, from its corpus; what it finds new stays in the build folder."""
    total = Count()
    seconds = os.environ.get("FUZZ_SECONDS", "10")
    for name in names("fuzz", "_fuzz.c"):
        new = os.path.join(OUT, "test", "corpus", name)
        corpus = os.path.join(ROOT, "tests", "fuzz", "corpus", name[: -len("_fuzz")])
        shutil.rmtree(new, ignore_errors=True)
        os.makedirs(new)
        argv = [os.path.join(OUT, "test", name), f"-max_total_time={seconds}", "-timeout=10",
                "-rss_limit_mb=2048", "-print_final_stats=1",
                f"-artifact_prefix={OUT}/test/{name}.", f"-seed={os.environ.get('FUZZ_SEED', 0)}", new]  # 0: another each time
        text, code = run(argv + ([corpus] if os.path.isdir(corpus) else []), int(seconds) + 120)
        c = Count()
        c.passed, c.failed = (1, 0) if code == 0 else (0, 1)
        total.add(c)
        runs = re.search(r"number_of_executed_units: (\d+)", text)
        print(f"  {name:<28} {c}, {runs.group(1) if runs else 0} inputs", flush=True)
        if c.failed:
            print(text[-8000:], flush=True)
    return total


AGAIN_MAX = 5  # failures that get a second try; more are no accident


def report_of(report):
    """Counts, and the ids of what failed."""
    c, bad = Count(), []
    for suite in xml.parse(report).getroot().iter("testsuite"):
        for case in suite.iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                c.failed += 1
                bad.append(case.get("classname").replace(".", "/") + ".py::" + case.get("name"))
            elif case.find("skipped") is not None:
                c.skipped += 1
            else:
                c.passed += 1
    return c, bad


def pytest(tier):
    """A few tests that failed are run once more, alone: emulated machines miss a deadline when the real one is busy. Which
    they were is always said."""
    c = Count()
    folder = os.path.join(ROOT, "tests", tier)
    if not glob.glob(os.path.join(folder, "*test*.py")):
        return c
    report = os.path.join(OUT, "test", tier + ".xml")
    if os.path.exists(report):
        os.unlink(report)
    # PYTHON* of the caller's own environment must not choose other modules
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    env.update(O=OUT, PYTHONDONTWRITEBYTECODE="1")
    def go(*what):
        return subprocess.run(["/usr/bin/python3", "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider",
                               f"--junitxml={report}", *what], cwd=ROOT, env=env, stdin=subprocess.DEVNULL).returncode
    code = go(folder)
    if os.path.exists(report):
        c, bad = report_of(report)
        if 0 < len(bad) <= AGAIN_MAX:
            os.unlink(report)
            code = go(*bad)
            again, still = report_of(report) if os.path.exists(report) else (Count(), bad)
            for name in set(bad) - set(still):
                print(f"  passed the second time only: {name}", flush=True)
            c.failed, c.passed = len(bad) - again.passed, c.passed + again.passed
    if code != 0 and c.failed == 0:
        c.failed = 1
    return c


def main(tiers):
    os.makedirs(os.path.join(OUT, "test"), exist_ok=True)
    total = Count()
    for tier in tiers:
        start = time.monotonic()
        c = fuzz() if tier == "fuzz" else cmocka(tier)
        c.add(pytest(tier))
        total.add(c)
        skipped = f", {c.skipped} skipped" if c.skipped else ""
        print(f"[{time.monotonic() - start:6.1f} s] {tier}: {c}{skipped}", flush=True)
    print(total)
    with open(os.path.join(OUT, "test", "summary"), "w") as f:
        print(total, file=f)
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
