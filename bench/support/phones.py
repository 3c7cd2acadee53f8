"""Phones to be measured, in pairs: Postern and baresip with the same accounts, on a core of their own; and sipp a registrar
and sipp as the other side, elsewhere.

Who is measured is asked for its processor time and its own memory; how fast the other side is does not matter.
"""
import atexit
import json
import os
import re
import shutil
import socket
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f'{HERE}/../../tests/support')
from programs import Program, Trouble, wait_until  # noqa: E402

QUICK = bool(os.environ.get('BENCH_QUICK'))
CORE = int(os.environ.get('BENCH_CORE', min(os.sched_getaffinity(0))))
OTHERS = os.sched_getaffinity(0) - {CORE} or {CORE}
BUILD = os.environ.get('POSTERN_BUILD', f'{HERE}/../../build/main')
NET = f'127.{64 + os.getpid() % 128}.{os.getpid() // 128 % 256}'
REGISTRAR, CALLER = f'{NET}.5', f'{NET}.6'
work = tempfile.mkdtemp(prefix='postern-bench-')
atexit.register(shutil.rmtree, work, ignore_errors=True)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            print(f'{program} is not installed (tools/setup installs it)')
            sys.exit(77)


def figure(name, unit, who, value):
    print(f'{name}\t{unit}\t{who}\t{value}', flush=True)


def spread(values, form='.0f'):
    """The median, and in brackets the least and the most of several rounds."""
    middle = f'{statistics.median(values):{form}}'
    return middle if len(values) < 2 else f'{middle} ({min(values):{form}}-{max(values):{form}})'


def on(cores, argv):
    return ['taskset', '-c', ','.join(map(str, sorted(cores))), *argv]


def write(name, text):
    path = os.path.join(work, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    return path


class Measured(Program):
    """A phone on the core that is measured. taskset becomes the program, so that its pid is the phone's."""

    serial = 0

    def begin(self, argv):
        super().__init__(on({CORE}, argv), f'{work}/{self.name}-{self.serial}.log')

    @classmethod
    def folder(cls):
        Measured.serial += 1
        return f'{cls.name}-{Measured.serial}'

    def cpu_s(self):
        """Seconds that its threads have run, those that ended too."""
        return time.clock_gettime(~self.pid << 3 | 2)  # its clock, as clock_getcpuclockid(3) numbers it

    def memory_kib(self):
        """(pages that it has written to: what one more of it costs the machine; and with them those of its program and its
        libraries that nobody else has at the moment)"""
        with open(f'/proc/{self.pid}/smaps_rollup', encoding='ascii') as f:
            kib = {kind: int(size) for kind, size in re.findall(r'^Private_(Clean|Dirty): +(\d+) kB', f.read(), re.M)}
        return kib['Dirty'], kib['Dirty'] + kib['Clean']


class Postern(Measured):
    name = 'postern'
    address = f'{NET}.20'

    def __init__(self, accounts, registers=True):
        folder = self.folder()
        self.accounts = accounts
        settings = {'postern.listen': self.address, 'postern.auto_answer': 1, 'postern.calls_max': 32,
                    'static.network.port.max_rtpport': 11980, 'postern.log.level': 'warn'}
        for i in range(1, accounts + 1):
            server = {f'account.{i}.sip_server.1.address': REGISTRAR, f'account.{i}.password': 'x'} if registers else {}
            settings.update({f'account.{i}.enable': 1, f'account.{i}.user_name': f'u{i}',
                             f'account.{i}.nat.udp_update_enable': 0, **server})
        file = write(f'{folder}/phone.cfg', '#!version:1.0.0.1\n' + ''.join(f'{k} = {v}\n' for k, v in settings.items()))
        self.socket = f'{work}/{folder}/socket'
        self.begin([f'{BUILD}/apps/phone/postern-phone', '--config', file, '--socket', self.socket])
        self.control = wait_until(self.connected, 'the control socket')
        self.lines = self.control.makefile('rw')
        wait_until(lambda: self.registered() == (accounts if registers else 0), f'{accounts} registrations')
        self.ask('events')

    def connected(self):
        """A connection to its control socket, or None."""
        control = socket.socket(socket.AF_UNIX)
        control.settimeout(20)
        try:
            control.connect(self.socket)
            return control
        except OSError:
            control.close()
            return None

    def ask(self, command):
        print(json.dumps({'command': command}), file=self.lines, flush=True)
        while 'ok' not in (answer := json.loads(self.lines.readline())):
            pass
        return answer

    def registered(self):
        return sum(a['state'] == 'registered' for a in self.ask('status')['accounts'])

    def register(self, times):
        """All accounts, again as soon as all are registered."""
        for _ in range(times):
            self.ask('register')
            for _ in range(self.accounts):
                while json.loads(self.lines.readline())['event'] != 'registered':
                    pass


class Baresip(Measured):
    name = 'baresip'
    address = f'{NET}.21'

    def __init__(self, accounts, registers=True):
        folder = self.folder()
        lines = [f'<sip:u{i}@{REGISTRAR}>;auth_pass=x;answermode=auto;regint={3600 if registers else 0}\n'
                 for i in range(1, accounts + 1)]
        write(f'{folder}/accounts', ''.join(lines))
        write(f'{folder}/contacts', '')
        write(f'{folder}/config', f'''
module_path /usr/lib/baresip/modules
sip_listen {self.address}:5060
audio_source aubridge,quiet
audio_player aubridge,quiet
audio_alert aubridge,alert
call_max_calls 32
rtp_timeout 0
rtp_ports 20000-20200
module account.so
module g711.so
module aubridge.so
module_app menu.so
''')
        self.accounts = accounts
        self.begin(['baresip', '-4', '-f', f'{work}/{folder}', '-n', self.address])
        self.wait_said('baresip is ready.')
        if registers:
            wait_until(lambda: self.said().count('200 OK') >= accounts, f'{accounts} registrations')


PHONES = (Postern, Baresip)


def registrar(lease_s=3600):
    return Program(on(OTHERS, [sys.executable, f'{HERE}/registrar.py', REGISTRAR, str(lease_s)]), f'{work}/registrar.log',
                   ready='listening')


def granted(server):
    """How many registrations so far."""
    return server.said().count('+')


def call(phone, count, at_once):
    """sipp calls the phone so often; seconds of the phone's processor. Every call must be answered and ended."""
    before = phone.cpu_s()
    caller = Program(on(OTHERS, ['sipp', '-sf', f'{HERE}/../sipp/caller.xml', '-i', CALLER, '-p', '5060', '-nostdin',
                                 '-l', str(at_once), '-r', '20000', '-m', str(count), f'{phone.address}:5060', '-s', 'u1']),
                     f'{work}/caller.log')
    if caller.process.wait(120) != 0:
        raise Trouble(f'sipp: not all of {count} calls to {phone.name} were well:\n{caller.said()[-3000:]}')
    return phone.cpu_s() - before
