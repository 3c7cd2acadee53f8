#!/usr/bin/env python3
"""postern-server as an operator meets it: his files, its metrics, its signals. operation.py SERVER"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sys.path.insert(0, f'{sys.path[0]}/../support')
from programs import Program, free_port, wait_until  # noqa: E402
from stun import ask_udp, request  # noqa: E402
from tap import case, check, check_equal, need, run_cases  # noqa: E402

SERVER = sys.argv[1]
EXAMPLES = ('/etc/turnserver.conf', '/usr/share/doc/coturn/examples/etc/turnserver.conf')


class Server(Program):
    """With a status socket and metrics of its own."""

    def __init__(self, *flags, folder, env=None):
        self.port = free_port(span=4, ip='127.0.4.1')
        self.metrics_port, self.tls_port = self.port + 2, self.port + 3
        self.socket = f'{folder}/status.sock'
        super().__init__([SERVER, '-L', '127.0.4.1', '-p', self.port, '--postern-status-socket', self.socket,
                          '--tls-listening-port', self.tls_port, '--prometheus', '--prometheus-port', self.metrics_port,
                          '--prometheus-address', '127.0.4.1', *flags],
                         ready='metrics at', env=env)

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

    def status(self):
        return json.loads(run(SERVER, '--status', '--postern-status-socket', self.socket).stdout)


def run(*words):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=30)


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
        cert, key = f'{folder}/cert.pem', f'{folder}/key.pem'

        def renew(name):
            run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                '-subj', f'/CN={name}', '-keyout', key, '-out', cert, '-days', 2)
            os.chmod(key, 0o600)

        def shown(port):
            return run('openssl', 's_client', '-connect', f'127.0.4.1:{port}', '-servername', 'x').stdout

        renew('first.example')
        with Server('--cert', cert, '--pkey', key, '--proc-user', 'nobody', folder=folder) as s:
            with open(f'/proc/{s.pid}/status', encoding='utf-8') as f:
                status = dict(line.split(':\t', 1) for line in f)
            check(status['Uid'].split()[0] != '0' and int(status['CapEff'], 16) == 0, status)
            check('first.example' in shown(s.tls_port))
            renew('second.example')
            s.process.send_signal(signal.SIGHUP)
            s.wait_said('the settings were read again')
            check('second.example' in shown(s.tls_port), s.said())


need('openssl')
run_cases()
