#!/usr/bin/env python3
"""postern-server as an operator meets it: his files, its metrics, its signals. operation.py SERVER"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, f'{sys.path[0]}/../support')
from programs import Program, free_port, wait_until  # noqa: E402
from stun import ask_udp, request  # noqa: E402
from tap import Skip, case, check, check_equal, need, run_cases  # noqa: E402

SERVER = sys.argv[1]
EXAMPLES = ('/etc/turnserver.conf', '/usr/share/doc/coturn/examples/etc/turnserver.conf')


class Server(Program):
    """With a status socket and metrics of its own."""

    def __init__(self, *flags, folder, ready='metrics at'):
        self.port = free_port(span=4, ip='127.0.4.1')
        self.metrics_port, self.tls_port = self.port + 2, self.port + 3
        self.socket = f'{folder}/status.sock'
        super().__init__([SERVER, '-L', '127.0.4.1', '-p', self.port, '--postern-status-socket', self.socket,
                          '--tls-listening-port', self.tls_port, '--prometheus', '--prometheus-port', self.metrics_port,
                          '--prometheus-address', '127.0.4.1', *flags],
                         ready=ready)

    def get(self, path):
        """(status, text)"""
        try:
            with urllib.request.urlopen(f'http://127.0.4.1:{self.metrics_port}{path}', timeout=10) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def metric(self, name):
        lines = [line for line in self.get('/metrics')[1].splitlines() if line.startswith(name + ' ')]
        check_equal(1, len(lines), name)
        return int(lines[0].split()[1])

    def shown(self):
        """What is said of the certificate to who comes by TLS."""
        return run('openssl', 's_client', '-connect', f'127.0.4.1:{self.tls_port}', '-servername', 'x',
                   stdin=subprocess.DEVNULL).stdout

    def status(self):
        return json.loads(run(SERVER, '--status', '--postern-status-socket', self.socket).stdout)


def run(*words, **more):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=30, check=False, **more)


def write(path, text, mode=0o644):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    os.chmod(path, mode)


def make_certificate(folder, name):
    """cert.pem and key.pem there; the key is for its owner only."""
    cert, key = f'{folder}/cert.pem', f'{folder}/key.pem'
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
        '-subj', f'/CN={name}', '-keyout', key, '-out', cert, '-days', 2)
    os.chmod(key, 0o600)
    return cert, key


@case
def coturns_own_files_start_the_server():
    need('turnserver')
    for example in filter(os.path.exists, EXAMPLES):
        with tempfile.TemporaryDirectory() as folder:
            with Server('-c', example, '--log-file', 'stdout', '--syslog=no', folder=folder) as s:
                check(ask_udp(('127.0.4.1', s.port), request())[0], example)
                check(f'{example}:794: response-origin-only-with-rfc5780: ignored: ' in s.said(), s.said())


@case
def a_key_that_would_be_missed_is_refused_with_its_line():
    with tempfile.TemporaryDirectory() as folder:
        path = f'{folder}/turnserver.conf'
        with open(path, 'w', encoding='utf-8') as f:
            f.write('cli-port=5766\nsecure-stun\nlistening-prt=1\n')
        r = run(SERVER, '-c', path, '--check-config')
        check_equal(1, r.returncode)
        check(f'{path}:1: cli-port: ignored: there is no console on a port' in r.stderr, r.stderr)
        check(f'{path}:2: secure-stun: refused: STUN is answered to everybody here' in r.stderr, r.stderr)
        check(f'{path}:3: listening-prt: unknown; did you mean listening-port?' in r.stderr, r.stderr)


@case
def without_credentials_it_is_stun_only_and_says_so():
    with tempfile.TemporaryDirectory() as folder, Server('--lt-cred-mech', folder=folder) as s:
        check('STUN only: there are no credentials' in s.said(), s.said())
        check_equal(False, s.status()['relays'])


@case
def metrics_and_status_count_what_was_answered():
    with tempfile.TemporaryDirectory() as folder, Server(folder=folder) as s:
        for _ in range(20):
            check(ask_udp(('127.0.4.1', s.port), request())[0])
        ask_udp(('127.0.4.1', s.port), b'\xff' * 20, wait=0.05)
        check_equal(20, s.metric('postern_messages_total{verdict="answered"}'))
        check_equal(1, s.metric('postern_messages_total{verdict="not-stun"}'))
        check_equal(21, s.metric('postern_datagrams_total{fate="in"}'))
        check_equal({'answered': 20, 'not-stun': 1}, s.status()['messages'])
        check_equal((404, '/metrics and /healthz are here\n'), s.get('/elsewhere'))
        names = [line.split()[2] for line in s.get('/metrics')[1].splitlines() if line.startswith('# TYPE')]
        check_equal(len(names), len(set(names)))


@case
def a_server_that_drains_is_not_healthy_but_answers():
    with tempfile.TemporaryDirectory() as folder, Server(folder=folder) as s:
        check_equal((200, 'fine\n'), s.get('/healthz'))
        s.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: s.get('/healthz') == (503, 'draining\n'), 'the server to drain')
        check(s.status()['draining'])
        check(ask_udp(('127.0.4.1', s.port), request())[0])
        check_equal(0, s.end())


@case
def two_metrics_on_one_port_are_refused():
    with tempfile.TemporaryDirectory() as folder, Server(folder=folder) as s:
        r = run(SERVER, '-L', '127.0.4.1', '-p', free_port(span=2, ip='127.0.4.1'), '--prometheus', '--prometheus-port', s.metrics_port,
                '--prometheus-address', '127.0.4.1')
        check_equal(3, r.returncode)
        check(f'prometheus: 127.0.4.1:{s.metrics_port}: the address is in use' in r.stderr, r.stderr)


@case
def a_renewed_certificate_of_root_is_read_by_the_user_it_became():
    need('openssl')
    if os.geteuid() != 0:
        return
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        cert, key = make_certificate(folder, 'first.example')
        with Server('--cert', cert, '--pkey', key, '--proc-user', 'nobody', folder=folder) as s:
            wait_until(lambda: has_given_up(s.pid), 'the rights to be given up')
            check('warning: cert: for /CN=first.example, until ' in s.said(), s.said())
            check('first.example' in s.shown())
            make_certificate(folder, 'second.example')
            s.process.send_signal(signal.SIGHUP)
            s.wait_said('the settings were read again')
            check('second.example' in s.shown(), s.said())
            left = s.metric('postern_certificate_end_timestamp_seconds') - time.time()
            check(2 * 86400 - 60 < left <= 2 * 86400, left)


@case
def rights_that_came_with_the_start_open_ports_and_are_given_up():
    """As of a service manager: an ordinary user, who may do two things of root's."""
    need('setpriv', 'openssl')
    if os.geteuid() != 0:
        raise Skip('only root can give rights to others')
    rights = '+net_bind_service,+dac_read_search'
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        cert, key = make_certificate(folder, 'first.example')
        with Program(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', f'--inh-caps={rights}',
                      f'--ambient-caps={rights}', SERVER, '-L', '127.0.4.1', '-p', '843', '--tls-listening-port', '845',
                      '--cert', cert, '--pkey', key, '--postern-status-socket', f'{folder}/s'],
                     ready='listening on TCP 127.0.4.1:844') as s:
            # The certificate was read before the ports were opened: that right alone was laid down with it.
            wait_until(lambda: has_given_up(s.pid), 'the rights to be given up')
            make_certificate(folder, 'second.example')
            s.process.send_signal(signal.SIGHUP)
            s.wait_said('cert: for /CN=second.example')


def rights_of(pid, which):
    """Of each thread."""
    for thread in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{thread}/status', encoding='utf-8') as f:
            yield int(dict(line.split(':\t', 1) for line in f)[which], 16)


def has_given_up(pid):
    """No thread has a right in use; the main one may borrow CAP_DAC_READ_SEARCH."""
    return set(rights_of(pid, 'CapEff')) == {0} and set(rights_of(pid, 'CapPrm')) == {0, 1 << 2}


@case
def settings_of_root_are_read_again_by_the_user_it_became():
    if os.geteuid() != 0:
        return
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = f'{folder}/server.conf'
        write(path, 'proc-user=nobody\n', 0o600)
        with Server('-c', path, folder=folder) as s:
            write(path, 'proc-user=nobody\npostern-mapped-address\n', 0o600)
            s.process.send_signal(signal.SIGHUP)
            s.wait_said('the settings were read again')
            check_equal(44, len(ask_udp(('127.0.4.1', s.port), request())[0]))


@case
def a_reload_that_is_refused_changes_nothing():
    with tempfile.TemporaryDirectory() as folder:
        path, (cert, key) = f'{folder}/server.conf', make_certificate(folder, 'first.example')
        plain = f'cert={cert}\npkey={key}\nuser=a:b\nrealm=x\n'
        write(path, plain)
        with Server('-c', path, folder=folder) as s:
            for wrong, why in (
                    ('min-port=9\nmax-port=8\n', f'error: {path}:5: min-port: 9 is above max-port, which is 8'),
                    ('user=c\n', f'error: {path}:5: user: the value is not a name, a colon and a password'),
                    (f'postern-mapped-address\npkey={cert}\n', f'error: {path}:1: cert: {cert}: no private key in PEM'),
                    ('secure-stun\n', f'error: {path}:5: secure-stun: refused: STUN is answered to everybody here')):
                write(path, plain + wrong)
                said = s.said().count('the settings stay as they were')
                s.process.send_signal(signal.SIGHUP)
                wait_until(lambda: s.said().count('the settings stay as they were') > said, why)
                check(why in s.said(), s.said())
            check('first.example' in s.shown())
            check_equal(32, len(ask_udp(('127.0.4.1', s.port), request())[0]))
            write(path, plain)
            s.process.send_signal(signal.SIGHUP)
            s.wait_said('the settings were read again')


@case
def why_it_does_not_start_is_said_with_what_to_do():
    with tempfile.TemporaryDirectory() as folder:
        path, (cert, key) = f'{folder}/server.conf', make_certificate(folder, 'x')
        other_key = f'{folder}/other.pem'
        run('openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', other_key)
        write(path, 'user=a:b\nrealm=x\n\nmax-port=5000\n')
        port = free_port(span=2, ip='127.0.4.1')
        with Server(folder=folder) as taken:
            for flags, code, words in (
                    (('-p', taken.port), 2, f'not listening on UDP 127.0.4.1:{taken.port}: the address is in use: another program '
                                            'has it; "ss -lptun" names it'),
                    (('-L', '192.0.2.77'), 2, f'UDP 192.0.2.77:{port}: not found: no interface of this computer has the address'),
                    (('-u', 'a:b', '--relay-ip', '192.0.2.77'), 2, 'relay-ip: 192.0.2.77: no interface of this computer has'),
                    (('-u', 'ab'), 1, '-u: the value is not a name, a colon and a password'),
                    (('--use-auth-secret',), 1, 'use-auth-secret: there is no static-auth-secret, and no redis-userdb either'),
                    (('-c', path, '--check-config'), 1, 'min-port: 49152 is above max-port, which is 5000'),
                    (('-c', path, '--min-port', '6000'), 1, 'min-port: 6000 is above max-port, which is 5000'),
                    (('--redis-userdb', 'localhost'), 1, 'redis-userdb: is not of the form ip='),
                    (('-c', folder + '/missing'), 1, f'{folder}/missing: not found'),
                    (('--cert', cert, '--pkey', other_key), 1, f'cert: {other_key}: the private key is not that of {cert}'),
                    (('--cert', cert), 1, f'cert: {cert}: no private key in PEM'),
                    (('--cert', cert, '--pkey', key, '--cipher-list', 'none'), 1, 'none: no list of ciphers'),
                    (('--proc-user', 'no-such-user'), 3, 'becoming no-such-user: there is no such user'),
                    (('--prometheus', '--prometheus-address', '192.0.2.77'), 3, 'prometheus: 192.0.2.77:9641: not found'),
                    (('--log-file', f'{folder}/no/log'), 3, f'log-file: {folder}/no/log: not found')):
                done = run(SERVER, '-L', '127.0.4.1', '-p', port, '--postern-status-socket', f'{folder}/s', *flags)
                check_equal(code, done.returncode, f'{flags}: {done.stderr}')
                check(words in done.stderr, f'{flags}: {done.stderr}')
                check_equal(1, done.stderr.count(words), done.stderr)


@case
def an_external_ip_that_stands_for_nothing_is_noticed():
    with tempfile.TemporaryDirectory() as folder:
        for mapping, wrong in (('8.8.4.4', False), ('8.8.4.4/127.0.4.1', False), ('8.8.4.4/10.1.1.1', True), ('2001:db8::1', True)):
            with Server('-X', mapping, '-u', 'a:b', folder=folder) as s:
                check_equal(wrong, f'warning: external-ip: {mapping} is told to nobody' in s.said(), s.said())
                check_equal(wrong, 'relayed addresses are private' in s.said(), s.said())


@case
def a_log_that_cannot_be_opened_anew_goes_on_in_the_old_file():
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f'{folder}/logs')
        log = f'{folder}/logs/server.log'
        with Server('--log-file', log, folder=folder, ready=None) as s:
            wait_until(lambda: os.path.exists(s.socket), 'the server to start')
            os.rename(f'{folder}/logs', f'{folder}/moved')
            s.process.send_signal(signal.SIGHUP)

            def said():
                with open(f'{folder}/moved/server.log', encoding='utf-8') as f:
                    return f.read()
            wait_until(lambda: 'the settings were read again' in said(), 'the reload')
            check(f'log-file: {log}: cannot be opened anew: not found; the log goes on in the old file' in said(), said())


@case
def a_hundred_thousand_lines_of_settings_are_read():
    with tempfile.TemporaryDirectory() as folder:
        path = f'{folder}/server.conf'
        write(path, ''.join(f'user=user{i}:password{i}\n' for i in range(100000)) + 'relay-threads=x\n')
        done = run(SERVER, '-c', path, '--check-config')
        check_equal(f'postern-server: {path}:100001: relay-threads: "x" is not a number from 0 to 128\n', done.stderr)


need('openssl')
run_cases()
