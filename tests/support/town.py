"""A town to telephone in: two homes, each with a phone, a STUN server and a registrar between them.

Lab puts it into postern-lab, with NATs of your choice; Loopback plays the same on this machine without any.
All programs are the real ones. Used by ./demo and by tests/lab and tests/interop.
"""
import json
import os
import shutil
import signal
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Trouble(Exception):
    """Something that had to happen did not; the text is for a person."""


def wait_for(what, seconds, condition):
    """The first true value of condition(), asked every 50 ms; Trouble after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Trouble(f'waited {seconds} s in vain for {what}')
        time.sleep(0.05)


class Town:
    """Where programs run. `work` is a folder that is emptied; `build` has the programs."""

    def __init__(self, build, work):
        self.build, self.work, self.started = os.path.abspath(build), os.path.abspath(work), []
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)

    def program(self, name):
        return f'{self.build}/apps/{name.removeprefix("postern-")}/{name}'

    def argv(self, host, argv):
        raise NotImplementedError

    def path(self, name):
        return os.path.join(self.work, name)

    def start(self, host, argv, log):
        """Starts it and leaves it running; what it prints goes to the file `log`."""
        process = subprocess.Popen(self.argv(host, argv), stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                                   stdout=open(self.path(log), 'wb'), start_new_session=True)
        self.started.append(process)
        return process

    def ask(self, host, argv, seconds=20):
        """Runs it to its end: (exit code, standard output)."""
        done = subprocess.run(self.argv(host, argv), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds, check=False)
        return done.returncode, done.stdout

    def hears(self, recording, hz):
        """What tests/support/hear.c finds in a recording, and whether it is this tone: {'is_tone', 'heard_seconds',
        'gap_max_ms', …}."""
        out = subprocess.run([f'{self.build}/tests/hear', recording], capture_output=True, text=True, check=False).stdout
        heard = json.loads(out or '{"hz": 0, "purity": 0, "heard_seconds": 0, "gap_max_ms": 0}')
        return {**heard, 'is_tone': abs(heard['hz'] - hz) < 5 and heard['purity'] > 0.5}

    def log(self, name):
        return open(self.path(name), encoding='utf-8', errors='replace').read()

    def stop(self, process, seconds=8):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process in self.started:
            self.started.remove(process)
        return process.returncode

    def close(self):
        for process in reversed(list(self.started)):
            self.stop(process)

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
        self.lab = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=open(self.path('lab.log'), 'wb'),
                                    stderr=subprocess.STDOUT, start_new_session=True)
        self.started.append(self.lab)
        homes = dict(sets)
        self.address = {'alice': homes.get('home_a', '192.168.1') + '.10', 'bob': homes.get('home_b', '192.168.1') + '.10'}
        wait_for('the lab (see lab.log)', 10, self.is_up)

    def is_up(self):
        if self.lab.poll() is not None:
            raise Trouble(f'the lab did not start:\n{self.log("lab.log")}')
        return self.ask('alice', ['true'])[0] == 0

    def argv(self, host, argv):
        return ['env', f'POSTERN_LAB={self.lab.pid}', self.program('postern-lab'), 'shell', host, '--', *argv]

    def close(self):
        """With the lab ends all that runs in it."""
        self.stop(self.lab)
        super().close()


class Lab6(Lab):
    """scenarios/ipv6.net: the same hosts by their IPv6 addresses, each home behind a firewall."""

    server, registrar = ('2001:db8::5', '2001:db8::6'), '2001:db8::7'

    def __init__(self, build, work, seed=1):
        super().__init__(build, work, scenario='scenarios/ipv6.net', seed=seed)
        self.address = {'alice': '2001:db8:a::10', 'bob': '2001:db8:b::10'}


class Loopback(Town):
    """The same hosts as addresses of 127.0.0.0/8; there are no NATs."""

    server, registrar = ('127.0.0.10', '127.0.0.11'), '127.0.0.5'
    address = {'alice': '127.0.1.10', 'bob': '127.0.2.10'}

    def argv(self, host, argv):
        return argv


class Phone:
    """A postern-phone with the files an administrator would give it: one for all, one for it alone."""

    number_of = {'alice': '1001', 'bob': '1002'}
    tone_of = {'alice': 440, 'bob': 620}

    def __init__(self, town, name, settings=(), stun=True):
        self.town, self.name, self.number = town, name, self.number_of[name]
        self.socket, self.recording = town.path(f'{name}.sock'), town.path(f'{name}-heard.wav')
        common = {'static.sip.nat_stun.enable': 1, 'static.sip.nat_stun.server': town.server[0]} if stun else {}
        own = {
            'account.1.enable': 1, 'account.1.user_name': self.number, 'account.1.password': f'secret-{self.number}',
            'account.1.display_name': name.capitalize(), 'account.1.sip_server.1.address': town.registrar,
            'postern.listen': town.address[name], 'postern.sound.play': f'tone:{self.tone_of[name]}',
            'postern.sound.record': self.recording, **dict(settings),
        }
        files = [self.write(f'{name}-common.cfg', common), self.write(f'{name}.cfg', own)]
        config = [word for file in files for word in ('--config', file)]
        self.process = town.start(name, [town.program('postern-phone'), *config, '--socket', self.socket], f'{name}.log')

    def write(self, name, settings):
        with open(self.town.path(name), 'w', encoding='utf-8') as f:
            f.write('#!version:1.0.0.1\n' + ''.join(f'{key} = {value}\n' for key, value in settings.items()))
        return self.town.path(name)

    def ask(self, *words, seconds=20):
        """`postern WORDS… --json` to this phone: (exit code, what it said)."""
        code, out = self.town.ask(self.name, [self.town.program('postern'), *words, '--socket', self.socket, '--json'], seconds)
        try:
            return code, json.loads(out)
        except ValueError:
            return code, {}

    def status(self):
        if self.process.poll() is not None:
            raise Trouble(f'{self.name}\'s phone ended with {self.process.returncode}:\n{self.town.log(self.name + ".log")}')
        return self.ask('status')[1]

    def account(self):
        return (self.status().get('accounts') or [{}])[0]

    def calls(self):
        return self.status().get('calls') or []

    def wait_registered(self, seconds=10):
        return wait_for(f'{self.name} to be registered (see {self.name}.log)', seconds,
                        lambda: (a := self.account()).get('state') == 'registered' and a)

    def wait_up(self, seconds=10):
        return wait_for(f'{self.name}\'s call to be up', seconds,
                        lambda: next((c for c in self.calls() if c['state'] == 'up'), None))

    def dial(self, target):
        code, said = self.ask('dial', target)
        if code != 0:
            raise Trouble(f'{self.name} could not dial {target}: {said or code}')

    def hang_up(self):
        self.ask('hangup')

    def stop(self):
        return self.town.stop(self.process)


def start_server(town, *options):
    listening = [word for address in town.server for word in ('--listening-ip', address)]
    process = town.start('server', [town.program('postern-server'), *listening, *options], 'server.log')
    wait_for('the STUN server (see server.log)', 5, lambda: process.poll() is not None or 'listening' in town.log('server.log'))
    if process.poll() is not None:
        raise Trouble(f'the STUN server ended:\n{town.log("server.log")}')
    return process


def start_registrar(town):
    """Debian's Kamailio with tests/peers/kamailio.cfg."""
    runtime = town.path('kamailio')
    os.makedirs(runtime, exist_ok=True)
    address = f'[{town.registrar}]' if ':' in town.registrar else town.registrar
    return town.start('registrar', ['kamailio', '-f', f'{ROOT}/tests/peers/kamailio.cfg', '-l', f'udp:{address}:5060',
                                    '-DD', '-E', '-Y', runtime, '-m', '32', '-M', '4'], 'registrar.log')
