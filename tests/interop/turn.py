#!/usr/bin/env python3
"""coturn's client through our server, by every transport, and settings read again under load. turn.py SERVER"""
import base64
import hashlib
import hmac
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, f'{sys.path[0]}/../support')
from programs import Program, free_port  # noqa: E402
from stun import attribute, attributes  # noqa: E402
from tap import case, check, check_equal, need, run_cases  # noqa: E402

SERVER = sys.argv[1]
HERE = '127.0.5.1'
USER, PASSWORD, REALM = 'ninefingers', 'youhavetoberealistic', 'north.gov'
COOKIE = 0x2112A442

need('turnutils_uclient', 'turnutils_peer', 'openssl')


def run(*words, seconds=60):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=seconds)


def make_certificate(folder, name):
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj',
        f'/CN={name}', '-keyout', f'{folder}/key.pem', '-out', f'{folder}/cert.pem', '-days', 2)


class Server(Program):
    def __init__(self, folder, *flags):
        self.port = free_port(span=4, ip=HERE)
        self.tls_port, self.peer_port = self.port + 2, self.port + 3
        self.socket = f'{folder}/status.sock'
        super().__init__([SERVER, '-L', HERE, '-p', self.port, '--tls-listening-port', self.tls_port, '-r', REALM,
                          '--allow-loopback-peers', '--postern-status-socket', self.socket, *flags], ready='TURN in realm')
        self.wait_said(f'listening on UDP {HERE}:{self.port + 1}')


# How a client comes, and to which port.
WAYS = {
    'by UDP with indications': ([], 'port'),
    'by UDP with channels': (['-c'], 'port'),
    'by TCP with indications': (['-t'], 'port'),
    'by TCP with channels': (['-t', '-c'], 'port'),
    'by TLS with indications': (['-t', '-S'], 'tls_port'),
    'by TLS with channels': (['-t', '-S', '-c'], 'tls_port'),
    'by DTLS with indications': (['-S'], 'tls_port'),
    'by DTLS with channels': (['-S', '-c'], 'tls_port'),
    'connections to peers by TCP': (['-t', '-T'], 'port'),
    'connections to peers by TLS': (['-t', '-T', '-S'], 'tls_port'),
}


@case
def coturns_client_gets_all_its_messages_back_by_every_way():
    with tempfile.TemporaryDirectory() as folder:
        make_certificate(folder, 'localhost')
        with Server(folder, '-u', f'{USER}:{PASSWORD}', '--cert', f'{folder}/cert.pem', '--pkey',
                    f'{folder}/key.pem') as s, Program(['turnutils_peer', '-L', HERE, '-p', s.peer_port]):
            clients = {how: Program(['turnutils_uclient', '-u', USER, '-w', PASSWORD, '-e', HERE, '-r', s.peer_port, '-n', 10,
                                     '-m', 2, '-l', 172, '-g', *flags, '-p', getattr(s, port), HERE])
                       for how, (flags, port) in WAYS.items()}
            for how, client in clients.items():
                try:
                    client.process.wait(60)
                except subprocess.TimeoutExpired:
                    client.kill()
                said = client.said()
                sums = re.findall(r'tot_send_msgs=(\d+), tot_recv_msgs=(\d+)', said)
                lost = re.search(r'Total lost packets (\d+)', said)
                check(sums and lost and sums[-1][0] == sums[-1][1] and int(sums[-1][0]) > 0 and lost[1] == '0',
                      f'{how}:\n{said[-2000:]}')
            s.end()
            check(re.search(r'allocation \d+-\d+ of ninefingers: from 127.* by DTLS, relayed UDP on .*; released', s.said()),
                  s.said())


# ---- clients by hand, many to a process ----

def seal(kind, body, key):
    """A request with MESSAGE-INTEGRITY, and its id."""
    ident = os.urandom(12)
    head = struct.pack('!HHI', kind, len(body) + 24, COOKIE) + ident
    return head + body + attribute(0x0008, hmac.new(key, head + body, hashlib.sha1).digest())


class Client:
    """One allocation by UDP, with long-term credentials."""

    def __init__(self, port, name, password):
        self.name, self.key = name, hashlib.md5(f'{name}:{REALM}:{password}'.encode()).digest()
        self.nonce = b''
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.connect((HERE, port))

    def ask(self, kind, body=b'', again=True):
        """The answer's type and its error code, if any."""
        self.socket.send(seal(kind, body + attribute(0x0006, self.name.encode()) + attribute(0x0014, REALM.encode()) +
                              attribute(0x0015, self.nonce), self.key))
        answer = self.socket.recv(2000)
        found = dict(attributes(answer))
        code = found[0x0009][2] * 100 + found[0x0009][3] if 0x0009 in found else 0
        if code in (401, 438) and again and 0x0015 in found:
            self.nonce = found[0x0015]
            return self.ask(kind, body, again=code == 438)
        return struct.unpack('!H', answer[:2])[0], code

    def allocate(self):
        return self.ask(0x0003, attribute(0x0019, b'\x11\0\0\0'))

    def refresh(self):
        return self.ask(0x0004, attribute(0x000d, struct.pack('!I', 600)))


@case
def a_thousand_allocations_outlive_settings_and_certificates_read_again():
    with tempfile.TemporaryDirectory() as folder:
        make_certificate(folder, 'first.example')
        path = f'{folder}/server.conf'

        def settings(secret):
            with open(path, 'w', encoding='utf-8') as f:
                f.write(f'use-auth-secret\nstatic-auth-secret={secret}\ncert={folder}/cert.pem\npkey={folder}/key.pem\n')

        def by_secret(secret, port, phone):
            name = f'{int(time.time()) + 3600}:{phone}'
            return Client(port, name, base64.b64encode(hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()).decode())

        settings('old')
        with Server(folder, '-c', path) as s:
            clients = [by_secret('old', s.port, n) for n in range(1000)]
            check_equal([(0x0103, 0)] * 1000, [c.allocate() for c in clients], 'Allocate')
            make_certificate(folder, 'second.example')
            settings('new')
            s.process.send_signal(signal.SIGHUP)
            s.wait_said('the settings were read again')
            check_equal((0x0103, 0), by_secret('new', s.port, 'new').allocate())
            check_equal((0x0113, 401), by_secret('old', s.port, 'late').allocate())
            shown = run('openssl', 's_client', '-connect', f'{HERE}:{s.tls_port}').stdout
            check('second.example' in shown, shown)
            check_equal([(0x0104, 0)] * 1000, [c.refresh() for c in clients], 'Refresh by those of the old secret')
            check(not re.search(r'allocation \d', s.said()), 'none has ended')
            check_equal('1001', re.search(r'"now":(\d+)', run(SERVER, '--status', '--postern-status-socket',
                                                              s.socket).stdout)[1])




run_cases()
