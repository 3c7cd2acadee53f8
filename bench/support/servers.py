"""STUN and TURN servers to be measured, in turns: Postern's, coturn's, and the floor, which is what the kernel alone takes.

Each runs on the core that is measured, the load elsewhere. For figures that count, POSTERN_BUILD is a release build:
meson setup build/release --buildtype=release -Db_lto=true
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from phones import BUILD, CORE, OTHERS, QUICK, Program, figure, on, spread, wait_until, work  # noqa: E402
from programs import free_port  # noqa: E402
from stun import ask_udp, request  # noqa: E402

USER = PASSWORD = 'bench'
ROUNDS = 1 if QUICK else 5
SECONDS = 1 if QUICK else 3


class Server(Program):
    """One worker on the core. `relays`: with the user, and peers on this computer."""

    def __init__(self, relays=False, wait=True):
        self.port = free_port(span=2)
        super().__init__(on({CORE}, self.command(relays)), f'{work}/{self.name}-{self.port}.log')
        if wait:
            wait_until(lambda: ask_udp(('127.0.0.1', self.port), request(), wait=0.1)[0], f'{self.name} to answer')

    def memory(self):
        """(resident, its own), KiB."""
        with open(f'/proc/{self.pid}/smaps_rollup', encoding='ascii') as f:
            found = dict(line.split(':') for line in f if ':' in line and line[0].isalpha())
        return tuple(int(found[key].split()[0]) for key in ('Rss', 'Private_Dirty'))


class Postern(Server):
    name = 'postern'

    def command(self, relays):
        more = ['-r', 'bench', '-u', f'{USER}:{PASSWORD}', '--allow-loopback-peers', '--relay-ip', '127.0.0.2'] if relays else []
        return [f'{BUILD}/apps/server/postern-server', '-L', '127.0.0.1', '-p', self.port, '--no-rfc5780', '--no-tcp',
                '--relay-threads', 1, '--postern-status-socket', f'{work}/{self.port}.sock', *more]


class Coturn(Server):
    name = 'coturn'

    def command(self, relays):
        more = ['-a', '-r', 'bench', '-u', f'{USER}:{PASSWORD}', '--allow-loopback-peers', '-E', '127.0.0.2'] if relays else ['-S']
        return ['turnserver', '-n', '-L', '127.0.0.1', '-p', self.port, '-m', 1, '--no-tls', '--no-dtls', '--no-cli',
                '--no-rfc5780', '--log-file', '/dev/null', '--pidfile', f'{work}/{self.port}.pid', *more]


class Floor(Server):
    """Answers a Binding without looking at it, or echoes."""

    name = 'floor'

    def __init__(self, how):
        self.how = how
        super().__init__(wait=how == 'stun')

    def command(self, relays):
        return [f'{BUILD}/bench/bench_floor', self.port, self.how]


SERVERS = [Postern] + ([Coturn] if shutil.which('turnserver') else [])


def load(program, *words):
    """What a load program tells, as numbers by name."""
    r = subprocess.run([str(w) for w in on(OTHERS, [f'{BUILD}/bench/bench_{program}', *words])], capture_output=True, text=True,
                       timeout=120)
    if r.returncode != 0:
        sys.exit(f'bench_{program}: {r.stdout}{r.stderr}')
    return {name: float(value) for name, value in (pair.split('=') for pair in r.stdout.split())}


__all__ = ['Coturn', 'Floor', 'PASSWORD', 'Postern', 'QUICK', 'ROUNDS', 'SECONDS', 'SERVERS', 'USER', 'figure', 'load', 'spread']
