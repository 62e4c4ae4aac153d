#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Break the lines that mutants.txt names, one at a time; a unit test must notice each.

mutants.py [WORD]   only the mutants whose file or test has WORD in its name

Works in a copy of the tree in $O/mutants. A mutant that does not apply or does not compile is an error of
mutants.txt; one that no test notices is an error of the tests.
"""
import filecmp
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COPY = os.path.join(ROOT, os.environ.get("O", "build"), "mutants")


def mutants():
    """file, test, old, new; the fields are separated by ' | '."""
    with open(os.path.join(ROOT, "tests", "mutants.txt")) as f:
        for n, line in enumerate(f, 1):
            if line.strip() and not line.startswith("#"):
                fields = line.rstrip("\n").split(" | ")
                if len(fields) != 4:
                    sys.exit(f"mutants.txt:{n}: wants 'file | test | old | new'")
                yield n, *fields


def make(target):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "O")}
    p = subprocess.run(["make", "-C", COPY, "-s", "O=build", "build/test/" + target], env=env,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p.returncode, p.stdout.decode(errors="replace")


def is_noticed(test):
    """A test that does not end has noticed."""
    try:
        return subprocess.run([os.path.join(COPY, "build/test", test)], cwd=COPY, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode != 0
    except subprocess.TimeoutExpired:
        return True


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def update_copy():
    """Bring the copy up to date, leaving alone what is the same, so that only that is built anew."""
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True,
                           stdout=subprocess.PIPE).stdout.decode().split("\0")
    for name in filter(None, files):
        source, target = os.path.join(ROOT, name), os.path.join(COPY, name)
        if not os.path.isfile(source):
            continue
        if os.path.exists(target) and filecmp.cmp(source, target, shallow=False):
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copymode(source, target)


def main():
    update_copy()
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    noticed = failed = 0
    sound = {}
    for line, path, test, old, new in mutants():
        if word not in path and word not in test:
            continue
        start = time.monotonic()
        target = os.path.join(COPY, path)
        with open(os.path.join(ROOT, path)) as f:
            text = f.read()
        if test not in sound:
            code, said = make(test)
            sound[test] = code == 0 and not is_noticed(test)
            if not sound[test]:
                print(f"{test} fails before anything is broken\n{said}")
        verdict = None
        if not sound[test]:
            verdict = "its test is red already"
        elif text.count(old) != 1:
            verdict = f"'{old}' is there {text.count(old)} times, not once"
        else:
            write(target, text.replace(old, new))
            code, said = make(test)
            if code != 0:
                verdict = "does not compile:\n" + said
            elif not is_noticed(test):
                verdict = f"{test} DID NOT NOTICE"
            write(target, text)
        if verdict:
            failed += 1
        else:
            noticed += 1
        print(f"[{time.monotonic() - start:6.1f} s] {path}: {old} -> {new}: {verdict or 'noticed'}", flush=True)
    print(f"{noticed} passed, {failed} failed")
    return 0 if noticed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
