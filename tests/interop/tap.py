"""What the interop tests share: cases in TAP, programs that are surely ended, STUN by hand."""
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import traceback

COOKIE = 0x2112A442
cases = []


def case(run):
    """A test: its name, with spaces, is what is true when it passes."""
    cases.append(run)
    return run


class Skip(Exception):
    pass


def run_cases():
    print(f'1..{len(cases)}', flush=True)
    bad = 0
    for number, run in enumerate(cases, 1):
        name = run.__name__.replace('_', ' ')
        try:
            run()
            print(f'ok {number} - {name}', flush=True)
        except Skip as why:
            print(f'ok {number} - {name} # SKIP {why}', flush=True)
        except Exception:
            bad += 1
            for line in traceback.format_exc().splitlines():
                print(f'# {line}')
            print(f'not ok {number} - {name}', flush=True)
    sys.exit(1 if bad else 0)


def expect(condition, said=''):
    if not condition:
        raise AssertionError(said)


def free_port(span=2, ip='127.0.0.1'):
    """A port that is free now, with the next ones, for UDP and TCP on loopback."""
    for port in range(20000 + os.getpid() % 20000, 60000, span):
        taken = []
        try:
            for offset in range(span):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    taken.append(socket.socket(socket.AF_INET, kind))
                    taken[-1].bind((ip, port + offset))
            return port
        except OSError:
            continue
        finally:
            for s in taken:
                s.close()
    raise AssertionError('no free port')


class Program:
    """A running program with what it said; ended at the end of the `with`."""

    def __init__(self, *words, ready=None, env=None):
        self.log = tempfile.TemporaryFile('w+')
        self.process = subprocess.Popen([str(w) for w in words], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env={**os.environ, **(env or {})})
        if ready:
            self.wait_said(ready)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def wait_said(self, text, seconds=10):
        for _ in range(seconds * 100):
            if text in self.said():
                return
            if self.process.poll() is not None:
                break
            select.select([], [], [], 0.01)
        raise AssertionError(f'never said {text!r}, but:\n{self.said()}')

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()


def request(cookie=True, attributes=b'', kind=0x0001):
    first = struct.pack('!I', COOKIE) if cookie else b'\x01\x02\x03\x04'
    return struct.pack('!HH', kind, len(attributes)) + first + os.urandom(12) + attributes


def attribute(number, value):
    return struct.pack('!HH', number, len(value)) + value + b'\0' * (-len(value) % 4)


def attributes(message):
    """[(number, value)] of a STUN message."""
    found, at = [], 20
    while at + 4 <= len(message):
        number, size = struct.unpack_from('!HH', message, at)
        found.append((number, message[at + 4:at + 4 + size]))
        at += 4 + size + -size % 4
    return found


def address(value, xor=False):
    """('127.0.0.1', 3478) of an IPv4 address attribute."""
    port, ip = struct.unpack_from('!HI', value, 2)
    if xor:
        port, ip = port ^ COOKIE >> 16, ip ^ COOKIE
    return socket.inet_ntoa(struct.pack('!I', ip)), port


def ask_udp(to, message, wait=2.0, family=socket.AF_INET):
    """(answer, from, our own address); answer None when nothing came."""
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.bind(('::1' if family == socket.AF_INET6 else '127.0.0.1', 0))
        s.settimeout(wait)
        s.sendto(message, to)
        try:
            answer, sender = s.recvfrom(4096)
        except socket.timeout:
            return None, None, s.getsockname()
        return answer, sender, s.getsockname()
