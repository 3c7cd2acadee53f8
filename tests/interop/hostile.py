#!/usr/bin/env python3
"""postern-server while one address takes all it can get: hostile.py SERVER

What is asked is always whether somebody from another address is served all the same.
"""
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, f'{sys.path[0]}/../support')
from certificates import make_own_certificate  # noqa: E402
from programs import Program, free_port, wait_until  # noqa: E402
from stun import request  # noqa: E402
from tap import case, check, check_equal, need, run_cases  # noqa: E402
from turn_client import TurnClient  # noqa: E402

need('openssl')
SERVER = sys.argv[1]
HERE, HOSTILE, HONEST = '127.0.5.1', '127.0.5.66', '127.0.5.7'
PLACES, SHAKING_DTLS = 100, 256
SANITIZED = '/san/' in os.path.abspath(SERVER)
FOLDER = tempfile.mkdtemp(prefix='postern-hostile-')
make_own_certificate(FOLDER, 'turn.example')


def start_server(*flags, before=()):
    return Program([*before, SERVER, '-L', HERE, '-p', port, '--tls-listening-port', port + 2, '--relay-threads', '1', '--no-rfc5780',
                    '--cert', f'{FOLDER}/cert.pem', '--pkey', f'{FOLDER}/key.pem', '--postern-status-socket',
                    f'{FOLDER}/status.sock', *flags], ready=f'listening on TLS {HERE}:{port + 2}')


def connect(source, to):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.bind((source, 0))
    s.settimeout(3)
    s.connect((HERE, to))
    return s


def is_served(s):
    s.sendall(request())
    return len(s.recv(32)) == 32


def is_served_by_tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(connect(HONEST, port + 2)) as s:
        return is_served(s)


def is_served_by_dtls():
    said = subprocess.run(['openssl', 's_client', '-dtls1_2', '-connect', f'{HERE}:{port + 2}', '-bind', f'{HONEST}:0'],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False).stdout
    return 'BEGIN CERTIFICATE' in said


def hello(cookie=b''):
    """A DTLS 1.2 ClientHello, of which nothing more will come."""
    suites = struct.pack('!HHH', 4, 0xc02b, 0xc02f)
    extensions = bytes.fromhex('000a000600040017001d' '000b00020100' '000d0006000404030804')
    body = (b'\xfe\xfd' + bytes(32) + b'\0' + bytes([len(cookie)]) + cookie + suites + b'\x01\0' +
            struct.pack('!H', len(extensions)) + extensions)
    number = 1 if cookie else 0
    handshake = b'\x01' + len(body).to_bytes(3, 'big') + struct.pack('!H', number) + bytes(3) + len(body).to_bytes(3, 'big') + body
    return b'\x16\xfe\xfd' + struct.pack('!HIHH', 0, 0, number, len(handshake)) + handshake


def begin_dtls():
    """Brings the cookie back and gets the server's part of the handshake, then says nothing more."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((HOSTILE, 0))
    s.settimeout(3)
    s.connect((HERE, port + 2))
    s.send(hello())
    asked = s.recv(2000)
    check(asked[13] == 3 and len(asked) <= len(hello()), f'HelloVerifyRequest: {asked.hex()}')
    s.send(hello(asked[28:28 + asked[27]]))
    check_equal(2, s.recv(2000)[13], 'ServerHello')
    return s


def resident_kib(pid):
    with open(f'/proc/{pid}/statm', encoding='ascii') as f:
        return int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') // 1024


@case
def one_address_with_all_connections_keeps_nobody_out():
    with start_server('--postern-tcp-connections', PLACES):
        held = [connect(HOSTILE, port) for _ in range(2 * PLACES)]
        for _ in range(10):
            with connect(HONEST, port) as s:
                check(is_served(s))
        check(is_served_by_tls())
        for s in held:
            s.close()


@case
def handshakes_that_are_never_finished_keep_nobody_out():
    with start_server('--postern-tcp-connections', PLACES):
        held = [connect(HOSTILE, port + 2) for _ in range(4 * PLACES)]
        for _ in range(10):
            check(is_served_by_tls())
        with connect(HONEST, port) as s:
            check(is_served(s))
        for s in held:
            s.close()


@case
def dtls_handshakes_that_are_never_finished_keep_nobody_out():
    with start_server():
        held = [begin_dtls() for _ in range(SHAKING_DTLS + 20)]
        check(is_served_by_dtls())
        for s in held:
            s.close()


@case
def who_asks_and_never_listens_costs_little_memory():
    with start_server() as server:
        before = resident_kib(server.pid)
        held = []
        for _ in range(40):
            s = connect(HOSTILE, port)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.setblocking(False)
            held.append(s)
        full, asked = 0, request() * 1000
        while full < len(held):  # until the server's kernel takes no more of any
            full = 0
            for s in held:
                try:
                    s.send(asked)
                except BlockingIOError:
                    full += 1
            with connect(HONEST, port) as honest:
                check(is_served(honest))
        grown = resident_kib(server.pid) - before
        print(f'# {grown} KiB for {len(held)} of them', flush=True)
        check(grown < (3000 if SANITIZED else 300) * len(held), f'{grown} KiB')
        for s in held:
            s.close()
        wait_until(lambda: is_served_by_tls(), 'others to be served')


@case
def with_64_descriptors_the_server_serves_and_says_so():
    few = ('prlimit', '--nofile=64:64', 'setpriv', '--bounding-set', '-sys_resource', '--inh-caps', '-sys_resource')
    with start_server('--user', 'alice:secret', '--realm', 'example.org', before=few) as server:
        check('no more than 64 files may be open here' in server.said(), server.said())
        held = [connect(HOSTILE, port) for _ in range(100)] + [connect(HOSTILE, port + 2) for _ in range(100)]
        with connect(HONEST, port) as s:
            check(is_served(s))
        check(is_served_by_tls())
        client = TurnClient((HERE, port), 'alice', 'secret', 'example.org')
        check_equal(0, client.allocate())
        client.close()
        for s in held:
            s.close()


@case
def files_with_secrets_that_everybody_can_read_are_named():
    config = f'{FOLDER}/turnserver.conf'
    with open(config, 'w', encoding='ascii') as f:
        f.write('user=alice:secret\nrealm=example.org\n')
    for mode in (0o644, 0o600):
        os.chmod(config, mode)
        os.chmod(f'{FOLDER}/key.pem', mode)
        with start_server('-c', config) as server:
            for words in (f'can read {config}', f'can read {FOLDER}/key.pem'):
                check((words in server.said()) == (mode == 0o644), server.said())


@case
def a_server_that_stays_root_says_so():
    os.chmod(FOLDER, 0o755)
    for flags in ((), ('--proc-user', 'nobody')):
        with start_server(*flags) as server:
            check(('goes on as root' in server.said()) == (os.geteuid() == 0 and not flags), server.said())


port = free_port(span=4, ip=HERE)
run_cases()
