"""tests/interop/peers.py - real peers on loopback, started and ended by a test, and TAP for what is seen.

Every peer has an address of its own in 127.0.0.0/8, so that all can use their usual ports. Nothing
here sleeps for the sake of it: one waits for a line, an event or a state, with a limit.
"""
import atexit
import json
import math
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import wave

BUILD = os.environ['POSTERN_BUILD']
SOURCE = os.environ['POSTERN_SOURCE']
WITHIN = float(os.environ.get('POSTERN_PATIENCE', '20'))  # seconds; more under sanitizers

# Of this process alone, so that two runs on one machine do not meet.
NET = f'127.{64 + os.getpid() % 128}.{os.getpid() // 128 % 256}'
folder = tempfile.mkdtemp(prefix='postern-interop-')
running = []


def path(name):
    return os.path.join(folder, name)


def write(name, text):
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), 'w', encoding='utf-8') as f:
        f.write(text)
    return path(name)


def wait_until(true, what, within=WITHIN):
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        value = true()
        if value:
            return value
        time.sleep(0.02)
    raise TimeoutError(f'not within {within} s: {what}')


class Program:
    """A process whose output goes to a file; ended at the latest when the test ends."""

    def __init__(self, name, argv, env=None):
        self.log = path(name + '.log')
        with open(self.log, 'wb') as out:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            env={**os.environ, **(env or {})})
        running.append(self)

    def said(self):
        with open(self.log, encoding='utf-8', errors='replace') as f:
            return f.read()

    def wait_for(self, words, within=WITHIN):
        def seen():
            if self.process.poll() is not None and words not in self.said():
                raise RuntimeError(f'ended with {self.process.returncode}')
            return words in self.said()
        wait_until(seen, f'"{words}" from {self.log}', within)

    def end(self, number=signal.SIGTERM, within=10):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(within)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


class Kamailio(Program):
    def __init__(self, address):
        os.makedirs(path('kamailio'), exist_ok=True)
        super().__init__('kamailio', [
            'kamailio', '-f', f'{SOURCE}/tests/peers/kamailio.cfg', '-l', f'udp:{address}:5060', '-DD', '-E',
            '-m', '32', '-M', '4', '-Y', path('kamailio'), '-P', path('kamailio.pid')])
        self.wait_for('Listening on')
        wait_until(lambda: answers_options(address), 'an answer of Kamailio')


def answers_options(address):
    """Kamailio prints that it listens before it does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        s.bind((address.rsplit('.', 1)[0] + '.250', 0))
        here = '%s:%d' % s.getsockname()
        s.sendto((f'OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{time.monotonic_ns()}\r\n'
                  f'From: <sip:t@{here}>;tag=1\r\nTo: <sip:{address}>\r\nCall-ID: {time.monotonic_ns()}\r\n'
                  'CSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\nContent-Length: 0\r\n\r\n').encode(), (address, 5060))
        try:
            return s.recv(2000).startswith(b'SIP/2.0 200')
        except (socket.timeout, ConnectionError):
            return False


class Phone(Program):
    """postern-phone with a control socket in the test's folder."""

    def __init__(self, user, address, registrar, more=''):
        self.user, self.address = user, address
        self.wav = path(f'{user}.wav')
        self.socket = path(f'{user}.sock')
        config = write(f'{user}.cfg', f'''#!version:1.0.0.1
account.1.enable = 1
account.1.user_name = {user}
account.1.password = secret-{user}
account.1.sip_server.1.address = {registrar}
postern.listen = {address}
postern.sound.record = {self.wav}
{more}
''')
        super().__init__(f'phone-{user}', [f'{BUILD}/apps/phone/postern-phone', '--config', config,
                                           '--instance', user, '--socket', self.socket])

    def postern(self, *words, within=60):
        """(exit code, what it said) of `postern WORDS` for this phone."""
        done = subprocess.run([f'{BUILD}/apps/postern/postern', words[0], '--socket', self.socket, *words[1:]],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=within, check=False)
        return done.returncode, done.stdout.decode()

    def status(self):
        code, text = self.postern('status', '--json')
        return json.loads(text) if code == 0 else None

    def wait_registered(self):
        def state():
            if not os.path.exists(self.socket):
                return False
            status = self.status()
            return status and status['accounts'][0]['state'] == 'registered'
        wait_until(state, f'{self.user} registered')

    def calls(self):
        return self.status()['calls']

    def wait_calls(self, count):
        wait_until(lambda: len(self.calls()) == count, f'{count} calls at {self.user}')


class Baresip(Program):
    """baresip, told what to do over its TCP control. Answers by itself.

    `source` "aubridge,echo" sends back what it hears, but only in calls that it did not begin itself (a
    matter of its own); "aufile,FILE" plays a file.
    """

    def __init__(self, user, address, registrar, source):
        self.address = address
        write('baresip/config', f'''
module_path /usr/lib/baresip/modules
sip_listen {address}:5060
audio_source {source}
audio_player aubridge,echo
audio_alert aubridge,alert
rtp_timeout 0
ctrl_tcp_listen {address}:4444
module account.so
module uuid.so
module g711.so
module aubridge.so
module aufile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
rtp_ports 20000-20100
''')
        write('baresip/accounts', f'<sip:{user}@{registrar}>;auth_pass=secret-{user};answermode=auto;'
              'regint=600\n')
        write('baresip/contacts', '')
        super().__init__('baresip', ['baresip', '-4', '-f', path('baresip'), '-n', address])
        self.wait_for('200 OK')

    def command(self, command, params=''):
        text = json.dumps({'command': command, 'params': params}).encode()
        with socket.create_connection((self.address, 4444), 5) as s:
            s.sendall(b'%d:%s,' % (len(text), text))
            s.recv(4000)

    def hears(self):
        """Its last line of statistics told that packets come in: "audio=sent/received (bit/s)"."""
        rates = re.findall(r'audio=(\d+)/(\d+) \(bit/s\)', self.said())
        return bool(rates) and int(rates[-1][1]) > 0


def tone_file(name, hz, seconds):
    """A WAV file with a tone, for peers that play files."""
    samples = (int(9000 * math.sin(2 * math.pi * hz * i / 8000)) for i in range(8000 * seconds))
    with wave.open(path(name), 'wb') as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(8000)
        f.writeframes(b''.join(struct.pack('<h', s) for s in samples))
    return path(name)


def hear(wav):
    """What tests/support/hear.c finds in a recording."""
    return json.loads(subprocess.check_output([f'{BUILD}/tests/hear', wav]))


# ---- TAP ----

cases = []


def case(function):
    cases.append(function)
    return function


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            print(f'1..0 # SKIP {program} is not installed (tools/setup installs it)')
            sys.exit(0)


def clean_up():
    for program in reversed(running):
        program.end()
    shutil.rmtree(folder, ignore_errors=True)


atexit.register(clean_up)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def show_logs():
    for program in running:
        for line in program.said().splitlines()[-40:]:
            print(f'# {os.path.basename(program.log)}: {line}')


def run():
    print(f'1..{len(cases)}', flush=True)
    failed = 0
    for number, function in enumerate(cases, 1):
        name = function.__name__
        try:
            function()
            print(f'ok {number} - {name}', flush=True)
        except Exception as error:  # whatever it is, the next case may still tell something
            failed += 1
            print(f'not ok {number} - {name}\n# {type(error).__name__}: {error}', flush=True)
            show_logs()
    sys.exit(1 if failed else 0)


def check(true, what):
    if not true:
        raise AssertionError(what)
