"""What the lab's tests share: running postern-lab with a scenario given as text.

A test file is called as  test_x.py POSTERN_LAB …  Where hosts cannot be made each @case_with_hosts is skipped
by its name.
"""
import atexit
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, f'{os.path.dirname(os.path.abspath(__file__))}/../support')
from programs import Program, wait_until  # noqa: E402
from tap import Skip, case, check  # noqa: E402

LAB = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else 'postern-lab'
AGENT = [sys.executable, '-u', os.path.join(os.path.dirname(os.path.abspath(__file__)), 'agent.py')]
FOLDER = tempfile.mkdtemp(prefix='postern-lab-test-')
os.environ['XDG_RUNTIME_DIR'] = FOLDER  # other labs on this machine are none of ours
SEED = os.environ.get('POSTERN_SEED', '1')
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
print(f'# seed {SEED}')


def agent_argv(*words):
    """A command that runs a part of agent.py."""
    return AGENT + [str(w) for w in words]


def agent(*words):
    """The same as a command line for a scenario."""
    return ' '.join(f"'{w}'" for w in agent_argv(*words))


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
    return Program([LAB, 'run', '--seed', SEED, *options, write('scenario.net', scenario)], ready=until)


def lab(*words, timeout=20):
    return subprocess.run([LAB, *words], capture_output=True, text=True, timeout=timeout, check=False)


class Stage:
    """A lab whose hosts are told from here what to do, for stories in which one thing waits for another."""

    def __init__(self, scenario):
        self.lab = start(scenario)
        host = re.search(r'^host (\S+)', scenario, re.M)[1]
        wait_until(lambda: lab('shell', host, '--', 'true').returncode == 0, 'the lab')

    def start(self, host, *words, ready=None):
        return Program([LAB, 'shell', host, '--', *words], ready=ready)

    def ask(self, host, *words, expect=0):
        """What a command prints; it must end with `expect`, unless that is None."""
        p = lab('shell', host, '--', *(str(word) for word in words), timeout=60)
        check(expect in (None, p.returncode), f'{words[0]} on {host} ended with {p.returncode}, not {expect}:\n{p.stdout}{p.stderr}')
        return p.stdout.strip()

    def do(self, *event):
        p = lab('do', *event)
        check(p.returncode == 0, p.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lab.end()
        self.lab.__exit__()


@functools.cache
def missing_rights():
    rights = lab('rights')
    return rights.stderr.strip() if rights.returncode == 77 else None


def case_with_hosts(function):
    @case
    @functools.wraps(function)
    def run_with_hosts():
        if why := missing_rights():
            raise Skip(why)
        function()
    return run_with_hosts
