"""What the lab's tests share: TAP, and running postern-lab with a scenario given as text.

A test file is called as  test_x.py POSTERN_LAB  and holds functions named by what is true when they
pass; main() runs them in order. Where hosts cannot be made each is skipped by its name.
"""
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback

LAB = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else 'postern-lab'
AGENT = [sys.executable, '-u', os.path.join(os.path.dirname(os.path.abspath(__file__)), 'agent.py')]
FOLDER = tempfile.mkdtemp(prefix='postern-lab-test-')
os.environ['XDG_RUNTIME_DIR'] = FOLDER  # other labs on this machine are none of ours
SEED = os.environ.get('POSTERN_SEED', '1')


class Skip(Exception):
    """Raised by a case that cannot be played here, with the reason."""


def agent(*words):
    """A command line for a scenario that runs a part of agent.py."""
    return ' '.join(f"'{w}'" for w in AGENT + [str(w) for w in words])


def check(truth, text):
    if not truth:
        raise AssertionError(text)


def check_equal(expected, got, what=''):
    check(expected == got, f'{what}: expected {expected!r}, got {got!r}')


def path(name):
    return os.path.join(FOLDER, name)


def write(name, text):
    with open(path(name), 'w', encoding='utf-8') as f:
        f.write(text)
    return path(name)


class Result:
    """What a lab printed: the lines of each label, and the rest."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err
        self.lines = {}
        for line in out.splitlines():
            m = re.match(r'(\S+) +\| ?(.*)', line)
            if m:
                self.lines.setdefault(m[1], []).append(m[2])

    def of(self, label):
        return self.lines.get(label, [])

    def said(self, label, start):
        """What follows `start` in the first line of this label that begins with it."""
        for line in self.of(label):
            if line.startswith(start):
                return line[len(start):].strip()
        raise AssertionError(f'{label} did not say "{start}":\n{self.out}{self.err}')


def run(scenario, *options, expect=0, timeout=60):
    name = write('scenario.net', scenario)
    p = subprocess.run([LAB, 'run', '--seed', SEED, *options, name], capture_output=True, text=True,
                       timeout=timeout, check=False)
    r = Result(p.returncode, p.stdout, p.stderr)
    if expect is not None:
        check(r.code == expect, f'exit code {r.code}, not {expect}:\n{r.out}{r.err}')
    return r


def start(scenario, *options, until=None):
    """A lab that goes on in the background; waits for the words `until` in what it prints."""
    file = write('scenario.net', scenario)
    p = subprocess.Popen([LAB, 'run', '--seed', SEED, *options, file], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    while until:
        line = p.stdout.readline()
        check(line, f'the lab ended before it said "{until}"')
        if until in line:
            break
    return p


def lab(*words, timeout=20):
    return subprocess.run([LAB, *words], capture_output=True, text=True, timeout=timeout, check=False)


def wait_until(truth, seconds=5.0):
    """Polls for something only the kernel can tell; False when it did not come true."""
    end = time.monotonic() + seconds
    while not truth():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def main(cases):
    rights = lab('rights')
    print(f'1..{len(cases)}')
    print(f'# seed {SEED}')
    bad = 0
    for number, case in enumerate(cases, 1):
        name = case.__name__
        if rights.returncode == 77 and not getattr(case, 'needs_no_rights', False):
            print(f'ok {number} - {name} # SKIP {rights.stderr.strip()}', flush=True)
            continue
        try:
            case()
            print(f'ok {number} - {name}', flush=True)
        except Skip as why:
            print(f'ok {number} - {name} # SKIP {why}', flush=True)
        except Exception:
            bad += 1
            lines = [line[:200] for line in traceback.format_exc().splitlines()]
            for line in lines if len(lines) < 60 else lines[:20] + ['...'] + lines[-40:]:
                print(f'# {line}')
            print(f'not ok {number} - {name}', flush=True)
    subprocess.run(['rm', '-rf', FOLDER], check=False)
    sys.exit(1 if bad else 0)


def needs_no_rights(case):
    case.needs_no_rights = True
    return case
