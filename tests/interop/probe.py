#!/usr/bin/env python3
"""postern-probe at coturn, at postern-server and at servers made by hand, on loopback: probe.py PROBE SERVER"""
import contextlib
import json
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, f'{sys.path[0]}/../support')
from programs import Program, free_port  # noqa: E402
from stun import COOKIE, ask_udp, attribute, attributes, request  # noqa: E402
from tap import case, check, need, run_cases  # noqa: E402

PROBE, SERVER = sys.argv[1:3]


def probe(*words):
    done = subprocess.run([PROBE, *map(str, words)], capture_output=True, text=True, timeout=30)
    done.told = json.loads(done.stdout) if '--json' in words and done.stdout else None
    return done


def server(*flags):
    port = free_port(span=2)
    program = Program([SERVER, '-L', '127.0.0.1', '-L', '127.0.0.2', '-p', port, *flags],
                      ready=f'127.0.0.2:{port + 1}')
    program.port = port
    return program


def xor_address(ip, port):
    number, = struct.unpack('!I', socket.inet_aton(ip))
    return attribute(0x0020, struct.pack('!HHI', 1, port ^ COOKIE >> 16, number ^ COOKIE))


def plain_address(number, ip, port):
    return attribute(number, struct.pack('!HH4s', 1, port, socket.inet_aton(ip)))


@contextlib.contextmanager
def thread_of(sockets, answer):
    """Calls answer(socket, bytes, from) for each datagram, until the end of the `with`."""
    near, far = socket.socketpair()

    def serve():
        while True:
            ready, _, _ = select.select([*sockets, far], [], [])
            if far in ready:
                return
            for s in ready:
                answer(s, *s.recvfrom(4096))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        near.send(b'x')
        thread.join()
        for s in (*sockets, near, far):
            s.close()


def udp(ip, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((ip, port))
    return s


@contextlib.contextmanager
def pretended_nat(mapped_port, grants=lambda flags: False, other=True):
    """A server on two addresses and two ports that says what one behind a certain NAT would hear:
    mapped_port(address index, port index); grants(flags): does the answer to a CHANGE-REQUEST
    with these flags pass?"""
    port = free_port(span=2)
    ends = {(a, p): udp(f'127.0.0.{a + 1}', port + p) for a in (0, 1) for p in (0, 1)}

    def answer(s, message, sender):
        (a, p), = [at for at, end in ends.items() if end is s]
        flags = struct.unpack('!I', dict(attributes(message)).get(3, b'\0\0\0\0'))[0]
        if flags and not grants(flags):
            return
        value = xor_address('203.0.113.5', mapped_port(a, p))
        if other:
            value += plain_address(0x802c, f'127.0.0.{2 - a}', port + 1 - p)
        leaves = ends[a ^ (flags >> 2 & 1), p ^ (flags >> 1 & 1)]
        leaves.sendto(b'\x01\x01' + struct.pack('!H', len(value)) + message[4:20] + value, sender)

    with thread_of(list(ends.values()), answer):
        yield f'127.0.0.1:{port}'


@case
def coturn_with_two_addresses_is_understood():
    need('turnserver')
    port = free_port(span=2)
    with tempfile.TemporaryDirectory() as folder, \
            Program(['turnserver', '-n', '-L', '127.0.0.1', '-L', '127.0.0.2', '-p', port, '--no-tls', '--no-dtls',
                    '--no-cli', '--log-file', 'stdout', '--simple-log', '--pidfile', f'{folder}/pid', '-b',
                    f'{folder}/db'], ready='Total General servers'):
        check(any(ask_udp(('127.0.0.2', port + 1), request(), wait=0.2)[0] for _ in range(50)), 'coturn is silent')
        for dialect in ('auto', 'modern'):
            done = probe('--json', '--dialect', dialect, f'127.0.0.1:{port}')
            check(done.returncode == 0, done.stdout + done.stderr)
            told = done.told
            check(told['nat'] == 'no' and told['type'] == {'is': 'open', 'why': None}, told)
            check(told['filtering']['is'] == told['mapping']['is'] == 'endpoint-independent', told)
            check(told['mapped'] == told['local'] and told['local'].startswith('127.0.0.1:'), told)
            check(told['servers'][0]['other_address'] == f'127.0.0.2:{port + 1}', told)


@case
def our_server_is_understood_in_both_dialects():
    with server() as s:
        for dialect, spoken in (('auto', 'modern'), ('modern', 'modern'), ('classic', 'classic')):
            done = probe('--json', '--dialect', dialect, f'127.0.0.1:{s.port}')
            told = done.told
            check(done.returncode == told['exit_code'] == 0 and told['type']['is'] == 'open', told)
            check(told['servers'][0]['dialect'] == spoken, told)
            check(told['version'] == 1 and told['loss'] == 0 and told['took_ms'] < 2000, told)


@case
def the_answer_for_people_says_what_to_set():
    with server() as s:
        done = probe(f'stun:127.0.0.1:{s.port}')
        check(done.returncode == 0 and done.stderr == '', done.stderr)
        check('NAT          no\n' in done.stdout and 'type         open\n' in done.stdout, done.stdout)
        check('Nothing needs to be set' in done.stdout, done.stdout)


@case
def a_trace_shows_every_message_and_leaves_the_answer_alone():
    with server() as s:
        done = probe('-v', '--json', f'127.0.0.1:{s.port}')
        check(done.told['type']['is'] == 'open')
        for text in (f'> 127.0.0.1:{s.port} Binding Request, modern, 20 bytes\n',
                     'Binding Request, modern, 28 bytes: CHANGE-REQUEST (address, port)\n',
                     f'< 127.0.0.2:{s.port + 1} Binding Success Response, modern',
                     'XOR-MAPPED-ADDRESS 127.0.0.1:', f'OTHER-ADDRESS 127.0.0.2:{s.port + 1}'):
            check(text in done.stderr, done.stderr)


@case
def each_type_of_nat_has_its_name_and_exit_code():
    same = lambda a, p: 40000
    for mapped_port, grants, name, code in (
            (same, lambda flags: True, 'full cone', 0),
            (same, lambda flags: flags == 2, 'address-restricted cone', 0),
            (same, lambda flags: False, 'port-restricted cone', 0),
            (lambda a, p: 40000 + 2 * a + p, lambda flags: False, 'symmetric', 4)):
        with pretended_nat(mapped_port, grants) as there:
            done = probe('--json', there)
            check(done.told['type']['is'] == name and done.returncode == code, done.stdout)
            check(done.told['nat'] == 'yes' and done.told['mapped'].startswith('203.0.113.5:'), done.stdout)


@case
def with_one_address_the_type_stays_unknown_with_its_reason():
    with pretended_nat(lambda a, p: 40000, other=False) as there:
        done = probe('--json', there)
        check(done.returncode == 5, done.stdout)
        check(done.told['nat'] == 'yes' and done.told['mapped'] == '203.0.113.5:40000', done.stdout)
        check(done.told['type']['is'] == 'unknown' and 'one address only' in done.told['type']['why'], done.stdout)


@case
def several_servers_are_asked_at_once_and_silence_of_one_costs_no_answer():
    silent = udp('127.0.0.1', 0)
    with server() as s, silent:
        done = probe('--json', f'127.0.0.1:{silent.getsockname()[1]}', f'127.0.0.1:{s.port}')
        check(done.returncode == 0, done.stdout)
        check([x['state'] for x in done.told['servers']] == ['silent', 'answered'], done.stdout)
        check(done.told['took_ms'] < 3000, done.stdout)


@case
def silence_means_blocked_and_takes_no_longer_than_it_must():
    with udp('127.0.0.1', 0) as silent:
        done = probe('--json', f'127.0.0.1:{silent.getsockname()[1]}')
        check(done.returncode == 3 and done.told['type']['is'] == 'UDP blocked', done.stdout)
        check(done.told['took_ms'] < 1500, done.stdout)


@case
def a_name_is_looked_up_by_its_srv_record():
    def name(text):
        return b''.join(bytes([len(p)]) + p.encode() for p in text.split('.')) + b'\0'

    asked = []
    with server() as s, udp('127.0.0.1', 0) as dns:
        def answer(end, message, sender):
            size = message.index(0, 12) + 5
            kind, = struct.unpack('!H', message[size - 4:size - 2])
            asked.append(kind)
            data = {33: struct.pack('!HHH', 1, 1, s.port) + name('host.example'), 1: b'\x7f\0\0\1'}.get(kind)
            record = b'\xc0\x0c' + struct.pack('!HHIH', kind, 1, 60, len(data)) + data if data else b''
            if kind == 1 and b'\4host' not in message:
                record = b''
            end.sendto(message[:2] + b'\x81\x80\0\1' + (b'\0\1' if record else b'\0\0') + b'\0\0\0\0' +
                       message[12:size] + record, sender)

        with thread_of([dns], answer):
            done = probe('--json', '--local-ip', '127.0.0.1', '--name-servers',
                         f'127.0.0.1:{dns.getsockname()[1]}', 'service.example')
        check(done.returncode == 0, done.stdout + done.stderr)
        check(done.told['servers'][0]['address'] == f'127.0.0.1:{s.port}', done.stdout)
        check(33 in asked and 1 in asked, asked)


@case
def ipv6_is_asked_from_ipv6():
    port = free_port(span=2)
    with Program([SERVER, '-L', '::1', '-p', port], ready=f'[::1]:{port + 1}'):
        done = probe('--json', f'[::1]:{port}')
        check(done.told['nat'] == 'no' and done.told['mapped'].startswith('[::1]:'), done.stdout)


@case
def wrong_words_are_explained():
    for words, text in (((), 'name a STUN server'), (('a b',), '"a b" is not a server'),
                        (('host:0',), '"host:0" is not a server'), (('host:65536',), 'is not a server'),
                        (('--dialect', 'old', 'host'), '"old" is not one of auto (0), classic (1), modern (2)'),
                        (('--jsonn', 'host'), 'did you mean --json?')):
        done = probe(*words)
        check(done.returncode == 1 and text in done.stderr, (words, done.stderr))
    done = probe('--local-ip', '127.0.0.1', '--name-servers', '127.0.0.1:9', 'nowhere.example')
    check(done.returncode == 2 and 'nowhere.example: no name server ' in done.stdout, done.stdout)


run_cases()
