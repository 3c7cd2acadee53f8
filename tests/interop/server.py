#!/usr/bin/env python3
"""postern-server against coturn's clients and requests made by hand, on loopback: server.py SERVER"""
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, f'{sys.path[0]}/../support')
from programs import Program, free_port  # noqa: E402
from stun import address, ask_udp, attribute, attributes, request  # noqa: E402
from tap import case, check, check_equal, need, run_cases  # noqa: E402

SERVER = sys.argv[1]


def server(*flags, ready=True, env=None):
    port = free_port(span=2)
    program = Program([SERVER, '-L', '127.0.0.1', '-L', '127.0.0.2', '-p', port, *flags], env=env,
                      ready=f'127.0.0.2:{port + 1}' if ready else None)
    program.port = port
    return program


def run(*words):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=30)


@case
def coturns_stunclient_gets_its_address():
    need('turnutils_stunclient')
    with server('--postern-other-address', 'always') as s:
        said = run('timeout', 10, 'turnutils_stunclient', '-p', s.port, '127.0.0.1').stdout
        check('UDP reflexive addr: 127.0.0.1:' in said, said)
        check(f'Other addr: : 127.0.0.2:{s.port + 1}' in said, said)


@case
def coturns_natdiscovery_finds_no_filter_and_one_mapping():
    need('turnutils_natdiscovery')
    with server('--postern-other-address', 'always') as s:
        said = run('timeout', 20, 'turnutils_natdiscovery', '-m', '-f', '-p', s.port, '127.0.0.1').stdout
        check('Endpoint Independent Mapping' in said and 'Endpoint Independent Filtering' in said, said)


@case
def a_plain_modern_request_gets_exactly_32_bytes():
    with server() as s:
        question = request()
        answer, sender, own = ask_udp(('127.0.0.1', s.port), question)
        check(len(answer) == 32, answer)
        check(answer[:8] == b'\x01\x01\x00\x0c\x21\x12\xa4\x42' and answer[8:20] == question[8:20], answer)
        check(sender == ('127.0.0.1', s.port))
        (number, value), = attributes(answer)
        check(number == 0x0020 and address(value, xor=True) == own)


@case
def a_request_as_of_rfc_3489_gets_the_classic_answer():
    with server() as s:
        question = request(cookie=False)
        answer, _, own = ask_udp(('127.0.0.1', s.port), question)
        check(answer[:2] == b'\x01\x01' and answer[4:20] == question[4:20], answer)
        found = dict(attributes(answer))
        check(set(found) == {0x0001, 0x0004, 0x0005}, found)
        check(address(found[0x0001]) == own)
        check(address(found[0x0004]) == ('127.0.0.1', s.port))
        check(address(found[0x0005]) == ('127.0.0.2', s.port + 1))


@case
def change_request_is_answered_from_the_other_address_and_port():
    with server() as s:
        for flags, sender in ((6, ('127.0.0.2', s.port + 1)), (4, ('127.0.0.2', s.port)),
                              (2, ('127.0.0.1', s.port + 1)), (0, ('127.0.0.1', s.port))):
            change = attribute(0x0003, struct.pack('!I', flags))
            for cookie in (True, False):
                _, got, _ = ask_udp(('127.0.0.1', s.port), request(cookie=cookie, attributes=change))
                check(got == sender, (flags, cookie, got))


@case
def responses_indications_and_noise_are_not_answered():
    with server() as s:
        for message in (request(kind=0x0101), request(kind=0x0111), request(kind=0x0011), b'hello', b'',
                        b'\x40\x00\x00\x04abcd', request()[:19]):
            answer, _, _ = ask_udp(('127.0.0.1', s.port), message, wait=0.1)
            check(answer is None, (message, answer))
        check(ask_udp(('127.0.0.1', s.port), request())[0], 'and it still serves')


@case
def tcp_is_answered_however_the_bytes_are_cut():
    with server() as s, socket.create_connection(('127.0.0.1', s.port), 5) as c:
        stream = request() + request()
        for piece in (stream[:1], stream[1:27], stream[27:]):
            c.sendall(piece)
        got = b''
        while len(got) < 64:
            got += c.recv(4096)
        check(len(got) == 64 and got[:2] == got[32:34] == b'\x01\x01', got)
        c.sendall(b'\xff' * 40)
        check(c.recv(10) == b'', 'what is no STUN ends the connection')


@case
def callers_beyond_the_limit_are_turned_away_and_idle_ones_let_go():
    with server('--postern-tcp-connections', 1, '--postern-tcp-idle', 1, '--relay-threads', 1) as s:
        with socket.create_connection(('127.0.0.1', s.port), 5) as first, \
                socket.create_connection(('127.0.0.1', s.port), 5) as second:
            check(second.recv(1) == b'', 'the second is turned away')
            first.sendall(request())
            check(len(first.recv(100)) == 32)
            check(first.recv(1) == b'', 'the first is idle')


@case
def ipv6_is_served():
    port = free_port(span=2)
    with Program([SERVER, '-L', '::1', '-p', port], ready=f'[::1]:{port + 1}'):
        answer, sender, _ = ask_udp(('::1', port), request(), family=socket.AF_INET6)
        check(len(answer) == 44 and sender[:2] == ('::1', port), answer)


@case
def without_listening_ip_every_address_of_the_computer_is_served():
    port = free_port(span=2)
    with Program([SERVER, '-p', port], ready=f'listening on TCP 127.0.0.1:{port + 1}'):
        check(len(ask_udp(('127.0.0.1', port), request())[0]) == 32)


@case
def what_can_change_live_changes_on_sighup_and_an_error_changes_nothing():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'server.conf')

        def write(text):
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)

        write('# nothing\n')
        with server('-c', path) as s:
            to = ('127.0.0.1', s.port)
            check(len(ask_udp(to, request())[0]) == 32)
            write('postern-mapped-address\nno-tcp\n')
            s.process.send_signal(signal.SIGHUP)
            s.wait_said('the settings were read again')
            check('no-tcp: has changed; that takes effect at the next start' in s.said(), s.said())
            answer = ask_udp(to, request())[0]
            check(len(answer) == 44 and 0x0001 in dict(attributes(answer)), answer)
            write('postern-mapped-address=no\nverbose=perhaps\n')
            s.process.send_signal(signal.SIGHUP)
            s.wait_said('the settings stay as they were')
            check(f'{path}:2: verbose: "perhaps" is not yes or no' in s.said(), s.said())
            check(len(ask_udp(to, request())[0]) == 44)


@case
def it_tells_that_it_is_ready_writes_its_number_and_ends_cleanly():
    with tempfile.TemporaryDirectory() as folder:
        pid, log, notify = (os.path.join(folder, n) for n in ('pid', 'log', 'notify'))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(notify)
            manager.settimeout(10)
            with server('--pidfile', pid, '--log-file', log, ready=False, env={'NOTIFY_SOCKET': notify}) as s:
                check_equal(b'READY=1\nSTATUS=serving STUN only', manager.recv(100))
                with open(pid, encoding='utf-8') as f:
                    check(f.read() == f'{s.process.pid}\n')
                ask_udp(('127.0.0.1', s.port), request())
                os.rename(log, log + '.1')
                s.process.send_signal(signal.SIGHUP)
                check(s.end() == 0, s.said())
                told = [manager.recv(100) for _ in range(3)]
                check(told[0].startswith(b'RELOADING=1\nMONOTONIC_USEC=') and
                      told[1:] == [b'READY=1\nSTATUS=serving STUN only', b'STOPPING=1'], told)
        check(not os.path.exists(pid))
        with open(log, encoding='utf-8') as f:
            said = f.read()
        check('the settings were read again' in said and 'answered: 1' in said and 'stopped' in said, said)


@case
def exit_codes_are_as_the_manual_says():
    check(run(SERVER, '--version').returncode == 0)
    check(run(SERVER, '--listening-port', '0').returncode == 1)
    check(run(SERVER, 'word').returncode == 1)
    check(run(SERVER, '-c', '/nonexistent').returncode == 1)
    check(run(SERVER, '-L', '192.0.2.1', '-p', free_port(span=2)).returncode == 2)
    with server() as s:
        again = run(SERVER, '-L', '127.0.0.1', '-p', s.port)
        check(again.returncode == 2 and 'the address is in use' in again.stderr, again.stderr)
    check(run(SERVER, '-L', '127.0.0.1', '-p', free_port(span=2), '--pidfile', '/nonexistent/x').returncode == 3)


@case
def a_wrong_file_is_named_with_its_line_and_a_right_one_reads_back():
    with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
        f.write('listening-port=5000\nlistening-prt=1\nlistening-ip=nowhere\n')
        f.flush()
        checked = run(SERVER, '-c', f.name, '--check-config')
        check(checked.returncode == 1)
        check(f'{f.name}:2: listening-prt: unknown; did you mean listening-port?' in checked.stderr, checked.stderr)
        check(f'{f.name}:3: listening-ip: "nowhere" is not a list of at most 32 IP addresses' in checked.stderr)
    for flag in ('--print-config', '--print-sample'):
        with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
            f.write(run(SERVER, '-L', '127.0.0.1', '-p', '5000', flag).stdout)
            f.flush()
            check(run(SERVER, '-c', f.name, '--check-config').returncode == 0)


run_cases()
