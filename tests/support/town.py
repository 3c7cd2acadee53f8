"""A town to telephone in: two homes, each with a phone, a STUN server and a registrar between them.

Lab puts it into postern-lab, with NATs of your choice; Loopback plays the same on this machine without any.
All programs are the real ones. Used by ./demo and by tests/lab and tests/interop.
"""
import atexit
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

from programs import ROOT, Program, Trouble, end_all, wait_until


class Town:
    """Where programs run. `work` is a folder that is emptied; `build` has the programs."""

    def __init__(self, build, work):
        self.build, self.work = os.path.abspath(build), os.path.abspath(work)
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)

    def program(self, name):
        return f'{self.build}/apps/{name.removeprefix("postern-")}/{name}'

    def argv(self, host, argv):
        raise NotImplementedError

    def path(self, name):
        return os.path.join(self.work, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), 'w', encoding='utf-8') as f:
            f.write(text)
        return self.path(name)

    def start(self, host, argv, log, ready=None):
        """Starts it and leaves it running; what it prints goes to the file `log`."""
        return Program(self.argv(host, argv), self.path(log), ready)

    def ask(self, host, argv, seconds=20):
        """Runs it to its end: what subprocess.run() returns, with its texts."""
        return subprocess.run(self.argv(host, argv), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds, check=False)

    def hears(self, recording, hz):
        """What tests/support/hear.c finds in a recording, and whether it is this tone: {'is_tone', 'heard_seconds',
        'gap_max_ms', …}."""
        out = subprocess.run([f'{self.build}/tests/hear', self.path(recording)], capture_output=True, text=True,
                             check=False).stdout
        heard = json.loads(out or '{"hz": 0, "purity": 0, "heard_seconds": 0, "gap_max_ms": 0}')
        return {**heard, 'is_tone': abs(heard['hz'] - hz) < 5 and heard['purity'] > 0.5}

    def close(self):
        end_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Lab(Town):
    """scenarios/two-homes.net, or another with its hosts, in postern-lab; wires are captured to WIRE.pcapng."""

    server, registrar = ('203.0.113.5', '203.0.113.6'), '203.0.113.7'

    def __init__(self, build, work, sets=(), captures=('home-a', 'home-b', 'core'), scenario='scenarios/two-homes.net', seed=1):
        super().__init__(build, work)
        argv = [self.program('postern-lab'), 'run', f'{ROOT}/{scenario}', '--seed', str(seed)]
        argv += [word for name, value in dict(sets).items() for word in ('--set', f'{name}={value}')]
        argv += [word for wire in captures for word in ('--capture', f'{wire}={self.path(wire)}.pcapng')]
        self.lab = Program(argv, self.path('lab.log'))
        homes = dict(sets)
        self.address = {'alice': homes.get('home_a', '192.168.1') + '.10', 'bob': homes.get('home_b', '192.168.1') + '.10'}
        wait_until(self.is_up, 'the lab (see lab.log)', 10)

    def is_up(self):
        if self.lab.ended():
            raise Trouble(f'the lab did not start:\n{self.lab.said()}')
        return self.ask('alice', ['true']).returncode == 0

    def argv(self, host, argv):
        return ['env', f'POSTERN_LAB={self.lab.pid}', self.program('postern-lab'), 'shell', host, '--', *argv]

    def do(self, event):
        """Makes an event of the scenario happen now: "reboot nat-a"."""
        done = subprocess.run(['env', f'POSTERN_LAB={self.lab.pid}', self.program('postern-lab'), 'do', *event.split()],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(f'{event}: {done.stderr}')

    def close(self):
        """With the lab ends all that runs in it."""
        self.lab.end()
        super().close()


class Lab6(Lab):
    """scenarios/ipv6.net: the same hosts by their IPv6 addresses, each home behind a firewall."""

    server, registrar = ('2001:db8::5', '2001:db8::6'), '2001:db8::7'

    def __init__(self, build, work, seed=1):
        super().__init__(build, work, scenario='scenarios/ipv6.net', seed=seed)
        self.address = {'alice': '2001:db8:a::10', 'bob': '2001:db8:b::10'}


class Loopback(Town):
    """The same hosts as addresses of 127.0.0.0/8; there are no NATs. A `net` of its own, such as "127.80.7", keeps
    it apart from others on this machine."""

    def __init__(self, build, work, net='127.0.0'):
        super().__init__(build, work)
        self.registrar, self.server = f'{net}.5', (f'{net}.10', f'{net}.11')
        self.address = {name: f'{net}.{20 + i}' for i, name in enumerate(Phone.number_of)}

    @classmethod
    def alone(cls, build):
        """One in a folder and a net of this process alone, so that two tests on one machine do not meet; both are gone
        with the process."""
        net = f'127.{64 + os.getpid() % 128}.{os.getpid() // 128 % 256}'
        town = cls(build, tempfile.mkdtemp(prefix='postern-town-'), net)
        atexit.register(lambda: (town.close(), shutil.rmtree(town.work, ignore_errors=True)))
        return town

    def argv(self, host, argv):
        return argv

    def sip_is_answered(self, registrar):
        """By this registrar, asked from another address of its net."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            s.bind((registrar.rsplit('.', 1)[0] + '.250', 0))
            here, serial = '%s:%d' % s.getsockname(), time.monotonic_ns()
            s.sendto((f'OPTIONS sip:{registrar} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{serial}\r\n'
                      f'From: <sip:t@{here}>;tag=1\r\nTo: <sip:{registrar}>\r\nCall-ID: {serial}\r\n'
                      'CSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\nContent-Length: 0\r\n\r\n').encode(), (registrar, 5060))
            try:
                return s.recv(2000).startswith(b'SIP/2.0 200')
            except (socket.timeout, ConnectionError):
                return False


class Phone(Program):
    """A postern-phone with the files an administrator would give it: one for all, one for it alone."""

    number_of = {name: str(1001 + i) for i, name in enumerate(('alice', 'bob', 'carol', 'dave', 'eve', 'frank', 'grace'))}
    tone_of = {'alice': 440, 'bob': 620}

    def __init__(self, town, name, settings=(), stun=True):
        self.town, self.owner, self.number, self.address = town, name, self.number_of[name], town.address[name]
        self.socket, self.recording = town.path(f'{name}.sock'), town.path(f'{name}-heard.wav')
        common = {'static.sip.nat_stun.enable': 1, 'static.sip.nat_stun.server': town.server[0]} if stun else {}
        own = {
            'account.1.enable': 1, 'account.1.user_name': self.number, 'account.1.password': f'secret-{self.number}',
            'account.1.display_name': name.capitalize(), 'account.1.sip_server.1.address': town.registrar,
            'postern.listen': self.address, 'postern.sound.play': f'tone:{self.tone_of.get(name, 1000)}',
            'postern.sound.record': self.recording, **dict(settings),
        }
        files = [self.write(f'{name}-common.cfg', common), self.write(f'{name}.cfg', own)]
        argv = [town.program('postern-phone'), '--instance', name, '--socket', self.socket]
        argv += [word for file in files for word in ('--config', file)]
        super().__init__(town.argv(name, argv), town.path(f'{name}.log'))

    def write(self, name, settings):
        return self.town.write(name, '#!version:1.0.0.1\n' + ''.join(f'{key} = {value}\n' for key, value in settings.items()))

    def postern(self, *words, seconds=60):
        """(exit code, what it said, complaints at the end) of `postern WORDS` for this phone."""
        done = self.town.ask(self.owner, [self.town.program('postern'), words[0], '--socket', self.socket, *words[1:]], seconds)
        return done.returncode, done.stdout + done.stderr

    def ask(self, *words):
        """(exit code, what it said as JSON; {} when that was none)"""
        code, said = self.postern(*words, '--json')
        try:
            return code, json.loads(said)
        except ValueError:
            return code, {}

    def status(self):
        if self.ended():
            raise Trouble(f'{self.owner}\'s phone ended with {self.process.returncode}:\n{self.said()}')
        return self.ask('status')[1]

    def account(self):
        return (self.status().get('accounts') or [{}])[0]

    def calls(self):
        return self.status()['calls']

    def wait_account(self, state, seconds=20):
        return wait_until(lambda: (a := self.account()).get('state') == state and a,
                          f'{self.owner} to be {state} (see {self.owner}.log)', seconds)

    def wait_registered(self, seconds=20):
        return self.wait_account('registered', seconds)

    def wait_call(self, test, what, seconds=20):
        """The first of its calls of which the test is true."""
        return wait_until(lambda: next((c for c in self.calls() if test(c)), None), f'{self.owner}\'s call {what}', seconds)

    def wait_up(self, seconds=20):
        return self.wait_call(lambda c: c['state'] == 'up', 'to be up', seconds)

    def wait_calls(self, count, seconds=35):
        wait_until(lambda: len(self.calls()) == count, f'{count} calls at {self.owner}', seconds)

    def dial(self, target):
        code, said = self.ask('dial', target)
        if code != 0:
            raise Trouble(f'{self.owner} could not dial {target}: {said or code}')

    def hang_up(self):
        self.ask('hangup')


def start_server(town, *options):
    listening = [word for address in town.server for word in ('--listening-ip', address)]
    return town.start('server', [town.program('postern-server'), *listening, *options], 'server.log', ready='listening')


def start_registrar(town, *more, keeps=False, address=None, name='registrar'):
    """Debian's Kamailio with tests/peers/kamailio.cfg; `more` are flags of its own, beside those for UDP. With `keeps`
    its bindings outlive it. At another address and by another name it is a second one."""
    runtime, at = town.path(f'kamailio-{name}'), address or town.registrar
    os.makedirs(runtime, exist_ok=True)
    if keeps:
        more = (*more, '-A', 'WITH_STORE=1', f'--subst=!STORE!{binding_store(town)}!g')
    listen = f'[{at}]' if ':' in at else at
    kamailio = town.start('registrar', ['kamailio', '-f', f'{ROOT}/tests/peers/kamailio.cfg', '-l', f'udp:{listen}:5060',
                                        '-DD', '-E', '-Y', runtime, '-m', '32', '-M', '4', *more], f'{name}.log',
                          ready='Listening on')
    if isinstance(town, Loopback):  # it prints that it listens before it does
        wait_until(lambda: town.sip_is_answered(at), 'an answer of Kamailio')
    return kamailio


def binding_store(town):
    """A folder with Kamailio's tables of bindings, as text; empty at first."""
    store = town.path('bindings')
    if not os.path.isdir(store):
        os.makedirs(store)
        for table in ('location', 'version'):
            shutil.copy(f'/usr/share/kamailio/dbtext/kamailio/{table}', store)
    return store
