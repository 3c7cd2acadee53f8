#!/usr/bin/env python3
"""coturn's client through our server, by every transport, and settings read again under load. turn.py SERVER"""
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, f'{sys.path[0]}/../support')
from certificates import make_own_certificate  # noqa: E402
from programs import Program, free_port, wait_until  # noqa: E402
from tap import case, check, check_equal, need, run_cases  # noqa: E402
from turn_client import TurnClient, by_secret  # noqa: E402

SERVER = sys.argv[1]
HERE = '127.0.5.1'
USER, PASSWORD, REALM = 'ninefingers', 'youhavetoberealistic', 'north.gov'

need('turnutils_uclient', 'turnutils_peer', 'openssl')


def run(*words, seconds=60):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=seconds)


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
    'by UDP with indications': (['-s', '-c'], 'port'),
    'by UDP with channels, RTCP too': ([], 'port'),
    'by TCP with indications': (['-t', '-s', '-c'], 'port'),
    'by TCP with channels': (['-t', '-c'], 'port'),
    'by TLS with indications': (['-t', '-S', '-s', '-c'], 'tls_port'),
    'by TLS with channels': (['-t', '-S', '-c'], 'tls_port'),
    'by DTLS with indications': (['-S', '-s', '-c'], 'tls_port'),
    'by DTLS with channels': (['-S', '-c'], 'tls_port'),
    'connections to peers by TCP': (['-t', '-T'], 'port'),
    'connections to peers by TLS': (['-t', '-T', '-S'], 'tls_port'),
}


@case
def coturns_client_gets_all_its_messages_back_by_every_way():
    with tempfile.TemporaryDirectory() as folder:
        make_own_certificate(folder, 'localhost')
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


@case
def a_thousand_allocations_outlive_settings_and_certificates_read_again():
    with tempfile.TemporaryDirectory() as folder:
        make_own_certificate(folder, 'first.example')
        path = f'{folder}/server.conf'

        def settings(secret):
            with open(path, 'w', encoding='utf-8') as f:
                f.write(f'use-auth-secret\nstatic-auth-secret={secret}\ncert={folder}/cert.pem\npkey={folder}/key.pem\n')

        def client(secret, port, phone):
            return TurnClient((HERE, port), *by_secret(secret, phone), REALM)

        settings('old')
        with Server(folder, '-c', path) as s:
            clients = [client('old', s.port, n) for n in range(1000)]
            check_equal([0] * 1000, [c.allocate() for c in clients], 'Allocate')
            make_own_certificate(folder, 'second.example')
            settings('new')
            s.process.send_signal(signal.SIGHUP)
            s.wait_said('the settings were read again')
            check_equal(0, client('new', s.port, 'new').allocate())
            check_equal(401, client('old', s.port, 'late').allocate())
            shown = run('openssl', 's_client', '-connect', f'{HERE}:{s.tls_port}').stdout
            check('second.example' in shown, shown)
            check_equal([0] * 1000, [c.refresh() for c in clients], 'Refresh by those of the old secret')
            check(not re.search(r'allocation \d', s.said()), 'none has ended')
            check_equal('1001', re.search(r'"now":(\d+)', run(SERVER, '--status', '--postern-status-socket',
                                                              s.socket).stdout)[1])



@case
def alternate_servers_are_told_in_turn_to_each_kind_of_client():
    elsewhere = [('192.0.2.1', 3478), ('192.0.2.2', 4000)]
    with tempfile.TemporaryDirectory() as folder:
        make_own_certificate(folder, 'localhost')
        with Server(folder, '-u', f'{USER}:{PASSWORD}', '--cert', f'{folder}/cert.pem', '--pkey', f'{folder}/key.pem',
                    '--alternate-server', '192.0.2.1', '--alternate-server', '192.0.2.2:4000') as s:
            def sent_to(port, **how):
                client = TurnClient((HERE, port), USER, PASSWORD, REALM, **how)
                code, told = client.allocate(), client.alternate
                client.close()
                return code, told
            told = set()
            wait_until(lambda: told.add(sent_to(s.port)) or len(told) == 2, 'both to be told')
            check_equal({(300, to) for to in elsewhere}, told)
            check(sent_to(s.port, tcp=True) in told)
            check_equal((0, None), sent_to(s.tls_port, tls=True))
        with Server(folder, '-u', f'{USER}:{PASSWORD}', '--cert', f'{folder}/cert.pem', '--pkey', f'{folder}/key.pem',
                    '--tls-alternate-server', '192.0.2.3') as s:
            wait_until(lambda: sent_to(s.tls_port, tls=True) == (300, ('192.0.2.3', 5349)), 'clients of TLS to be sent on')
            check_equal((0, None), sent_to(s.port))


# ---- relayed TCP ----

def take(s, size):
    data = b''
    while len(data) < size and (more := s.recv(65536)):
        data += more
    return data


def pour(source, sink, data):
    """What arrives of it, and how many seconds that took."""
    begin = time.monotonic()
    sender = threading.Thread(target=source.sendall, args=(data,))
    sender.start()
    got = take(sink, len(data))
    sender.join()
    return got, time.monotonic() - begin


class Relayed:
    """A peer who listens, and a client who has asked for a connection with him, which is not joined yet."""

    def __init__(self, server):
        with socket.create_server((HERE, 0)) as listener:
            listener.settimeout(20)
            self.client = TurnClient((HERE, server.port), USER, PASSWORD, REALM, tcp=True)
            check_equal(0, self.client.allocate(relays_tcp=True))
            self.number = self.client.begin_connection(listener.getsockname())
            self.peer = listener.accept()[0]
        self.peer.settimeout(20)

    def join(self):
        s = self.client.joined(self.number)
        s.settimeout(20)
        return s


@case
def a_relayed_stream_keeps_to_max_bps_and_loses_nothing():
    size, rate = 500_000, 200_000
    data = random.Random(7).randbytes(size)
    with tempfile.TemporaryDirectory() as folder, Server(folder, '-u', f'{USER}:{PASSWORD}', '--max-bps', rate) as s:
        relayed = Relayed(s)
        mine = relayed.join()
        for source, sink in ((mine, relayed.peer), (relayed.peer, mine)):
            got, seconds = pour(source, sink, data)
            check(got == data, f'{len(got)} of {size} bytes, or others')
            # A second's worth goes at once, and what was read on top of that is a quarter at most.
            check(size / rate - 1.3 < seconds < size / rate + 2, f'{size} bytes in {seconds} s at {rate} a second')
        check_equal(0, relayed.client.refresh(0))
        s.end()
        check(re.search(rf'packets \({size} bytes\) up, \d+ \({size}\) down', s.said()), s.said())


@case
def what_a_peer_says_before_his_connection_is_joined_waits_for_that():
    with tempfile.TemporaryDirectory() as folder, Server(folder, '-u', f'{USER}:{PASSWORD}') as s:
        relayed = Relayed(s)
        data, sent = random.Random(8).randbytes(8_000_000), 0
        relayed.peer.setblocking(False)
        try:
            while True:
                sent += relayed.peer.send(data[sent:])
        except BlockingIOError:
            relayed.peer.close()
        check(100_000 < sent < len(data), f'{sent} bytes until the peer had to wait')
        check(take(relayed.join(), sent) == data[:sent], 'what arrived is not what was said')


run_cases()
