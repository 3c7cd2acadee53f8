#!/usr/bin/env python3
"""postern-server as a service: of systemd, in a system booted for it, and as a pod would run it. service.py BUILD"""
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, f'{sys.path[0]}/../support')
from booted import Booted  # noqa: E402
from programs import ROOT, Program, Trouble, wait_until  # noqa: E402
from stun import ask_udp, request  # noqa: E402
from tap import Skip, case, check, check_equal, need, on_failure, run_cases  # noqa: E402
from turn_client import TurnClient, by_secret  # noqa: E402

try:
    import yaml
except ImportError:
    yaml = None

BUILD = sys.argv[1]
UNIT = 'postern-server.service'
CONFIG, DROP_IN = '/etc/postern/server.conf', f'/etc/systemd/system/{UNIT}.d/test.conf'
SERVER = ('127.0.0.1', 443)  # a port that takes a right of root's
SETTINGS = '''listening-ip=127.0.0.1
listening-port=443
tls-listening-port=444
alt-listening-port=445
realm=north.gov
cert=/etc/postern/cert.pem
pkey=/etc/postern/key.pem
allow-loopback-peers
postern-drain=60
'''

need('meson', 'openssl', 'unshare', 'nsenter')
host = Booted()
host.enter_network()
on_failure.append(lambda: journal().splitlines())


def install():
    done = subprocess.run(['meson', 'install', '-C', BUILD, '--no-rebuild', '--destdir', f'/proc/{host.leader}/root'],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Trouble(done.stdout + done.stderr)


def settings(more):
    """Root's alone, as what holds secrets should be."""
    host.write(CONFIG, SETTINGS + more, 0o600)


def make_certificate(name):
    done = host.run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', 90,
                    '-subj', f'/CN={name}', '-keyout', '/etc/postern/key.pem', '-out', '/etc/postern/cert.pem')
    check_equal(0, done.returncode, done.stderr)
    host.run('chmod', '600', '/etc/postern/key.pem')


def certificate_shown():
    return host.run('openssl', 's_client', '-connect', '127.0.0.1:444').stdout


def systemctl(*words, fine=True):
    done = host.run('systemctl', *words)
    check(not fine or done.returncode == 0, f'systemctl {" ".join(words)}: {done.stderr}')
    return done


def show(name):
    return systemctl('show', '--property', name, '--value', UNIT).stdout.strip()


def reload():
    """systemd does not wait for what the signal does."""
    before = journal().count('the settings were read again')
    systemctl('reload', UNIT)
    wait_until(lambda: journal().count('the settings were read again') > before, 'the settings to be read')


def journal():
    return host.run('journalctl', '--no-pager', '-b', '-u', UNIT).stdout


def allocated(count, secret='first'):
    """Live allocations, each of a client of its own."""
    clients = [TurnClient(SERVER, *by_secret(secret, f'phone{i}'), 'north.gov') for i in range(count)]
    check_equal([0] * count, [c.allocate() for c in clients])
    return clients


@case
def what_was_installed_is_where_the_unit_says_and_systemd_has_nothing_to_say():
    install()
    systemctl('daemon-reload')
    check_equal(0, host.run('systemd-sysusers').returncode)
    for program, section in (('postern', 1), ('postern-lab', 1), ('postern-phone', 8), ('postern-probe', 1), ('postern-server', 8)):
        check_equal(0, host.run(f'/usr/local/bin/{program}', '--version').returncode, program)
        page = f'/usr/local/share/man/man{section}/{program}.{section}'
        check_equal(0, host.run('test', '-s', page).returncode, page)
    done = host.run('systemd-analyze', 'verify', '--man=no', UNIT)
    check_equal(('', 0), (done.stderr, done.returncode))


@case
def its_exposure_is_at_most_two_of_ten():
    told = host.run('systemd-analyze', 'security', '--no-pager', UNIT).stdout
    check(float(re.search(r'Overall exposure level for .*: ([\d.]+)', told)[1]) <= 2.0, told)


@case
def without_settings_it_ends_with_a_word_and_is_not_tried_again():
    check(systemctl('start', UNIT, fine=False).returncode != 0)
    check_equal(('failed', '1', '0'), (show('ActiveState'), show('ExecMainStatus'), show('NRestarts')))
    check(f'{CONFIG}: not found; --print-sample prints one to begin with' in journal(), journal())


def of_threads(which):
    """A line of each thread's status, its first word."""
    return re.findall(rf'{which}:\t(\w+)', host.run('sh', '-c', f'cat /proc/{show("MainPID")}/task/*/status').stdout)


@case
def it_answers_as_soon_as_systemctl_start_returns_and_has_no_rights_left():
    settings('static-auth-secret=first\n')
    make_certificate('first.example')
    systemctl('enable', '--now', UNIT)
    check_equal(32, len(ask_udp(SERVER, request())[0]))
    check_equal('serving STUN and TURN', show('StatusText'))
    # The main thread may borrow CAP_DAC_READ_SEARCH; workers, from their first moment, may not.
    wait_until(lambda: [c for c in of_threads('CapPrm') if c.strip('0')] == ['0000000000000004'], 'the rights to be given up')
    check_equal({'0000000000000000'}, set(of_threads('Cap(?:Eff|Inh|Amb)')))
    owner = host.run('id', '-u', 'postern').stdout.strip()
    check_equal({owner}, set(of_threads('Uid')))
    check(owner != '0' and '"ok":true' in host.run('postern-server', '--status').stdout)


@case
def a_reload_takes_roots_settings_and_certificate_and_leaves_a_hundred_allocations_alone():
    clients = allocated(100)
    check('first.example' in certificate_shown())
    make_certificate('second.example')
    settings('static-auth-secret=second\n')
    main = show('MainPID')
    reload()
    check_equal((main, 'active'), (show('MainPID'), show('ActiveState')))
    check('second.example' in certificate_shown())
    fresh = allocated(1, 'second')[0]
    check('"now":101' in host.run('postern-server', '--status').stdout)
    check(TurnClient(SERVER, *by_secret('first', 'late'), 'north.gov').allocate() == 401)
    check_equal(0, fresh.refresh(0))
    settings('static-auth-secret=second\nstatic-auth-secret=first\n')
    reload()
    check_equal([0] * 100, [c.refresh(0) for c in clients])


@case
def a_reload_of_wrong_settings_fails_with_their_line_and_changes_nothing():
    client = allocated(1)[0]
    settings('static-auth-secret=third\nmin-port=9\nmax-port=8\n')
    check(systemctl('reload', UNIT, fine=False).returncode != 0)
    check(f'{CONFIG}:11: min-port: 9 is above max-port, which is 8' in journal(), journal())
    check_equal('active', show('ActiveState'))
    check_equal(0, client.refresh())
    check_equal(0, allocated(1)[0].refresh(0))
    # Of one who sends the signal himself.
    os.kill(int(host_pid()), signal.SIGHUP)
    wait_until(lambda: 'the last reload was refused' in show('StatusText'), 'the state to tell')
    check_equal(0, client.refresh(0))
    settings('static-auth-secret=first\n')
    reload()
    wait_until(lambda: show('StatusText') == 'serving STUN and TURN', 'the state to tell')


def host_pid():
    """The server's number out here."""
    found = subprocess.run(['pgrep', '--ns', str(host.leader), '--nslist', 'pid', '-x', 'postern-server'], capture_output=True,
                           text=True, check=False).stdout.split()
    check_equal(1, len(found), 'servers')
    return found[0]


@case
def a_server_that_crashes_is_started_again():
    before = show('MainPID')
    os.kill(int(host_pid()), signal.SIGSEGV)
    wait_until(lambda: show('MainPID') not in ('0', before) and show('ActiveState') == 'active', 'another server')
    check_equal('1', show('NRestarts'))
    check_equal(32, len(ask_udp(SERVER, request())[0]))


@case
def a_server_that_hangs_is_started_again():
    host.write(DROP_IN, '[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\n')
    systemctl('daemon-reload')
    systemctl('restart', UNIT)
    before = show('MainPID')
    os.kill(int(host_pid()), signal.SIGSTOP)
    wait_until(lambda: show('MainPID') not in ('0', before) and show('ActiveState') == 'active', 'another server')
    check_equal(32, len(ask_udp(SERVER, request())[0]))


@case
def stop_waits_for_those_who_are_relayed_for_longer_than_for_one_that_hangs():
    host.write(DROP_IN, '[Service]\nTimeoutStopSec=2\n')
    systemctl('daemon-reload')
    systemctl('restart', UNIT)
    client = allocated(1)[0]
    begun = time.monotonic()
    systemctl('stop', '--no-block', UNIT)
    wait_until(lambda: show('StatusText') == 'draining: 1 allocations are left', 'the server to drain')
    check(TurnClient(SERVER, *by_secret('first', 'late'), 'north.gov').allocate() != 0)
    time.sleep(max(0.0, begun + 3 - time.monotonic()))  # systemd's patience has to have had its end
    check_equal(('deactivating', 0), (show('ActiveState'), client.refresh()))
    check_equal(0, client.refresh(0))
    wait_until(lambda: show('ActiveState') == 'inactive', 'the server to stop')
    check_equal(('success', '0'), (show('Result'), show('ExecMainStatus')))
    check_equal('', host.run('ls', '/run/postern').stdout)


PHONE = 'postern-phone@desk.service'
CFG = '''#!version:1.0.0.1
account.1.enable = 1
account.1.user_name = 1001
sip.listen_port = 5066
'''


@case
def a_phone_is_a_service_too_and_its_wrong_settings_are_the_reloads():
    check_equal('', host.run('systemd-analyze', 'verify', '--man=no', PHONE).stderr)
    told = host.run('systemd-analyze', 'security', '--no-pager', PHONE).stdout
    check(float(re.search(r'Overall exposure level for .*: ([\d.]+)', told)[1]) <= 1.5, told)
    host.write('/etc/postern/desk.cfg', CFG, 0o640)
    host.run('chgrp', 'postern', '/etc/postern/desk.cfg')
    systemctl('start', PHONE)
    status = json.loads(host.run('postern', 'status', '--instance', 'desk', '--json').stdout)
    check_equal(['direct'], [a['state'] for a in status['accounts']], status)
    host.write('/etc/postern/desk.cfg', CFG + 'sip.listen_port = 80\n', 0o640)
    check(systemctl('reload', PHONE, fine=False).returncode != 0)
    said = host.run('journalctl', '--no-pager', '-b', '-u', PHONE).stdout
    check('/etc/postern/desk.cfg:5: sip.listen_port: "80" is not a number from 1024 to 65535' in said, said)
    check(host.run('postern', 'status', '--instance', 'desk').returncode == 0)
    systemctl('stop', PHONE)
    check_equal('success', systemctl('show', '--property', 'Result', '--value', PHONE).stdout.strip())


def healthy():
    try:
        with urllib.request.urlopen('http://127.0.0.1:9641/healthz', timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as e:
        return e.code
    except OSError:
        return None


@case
def the_command_line_of_the_pod_starts_a_server_that_is_probed_and_drains():
    if yaml is None:
        raise Skip('python3-yaml is not installed (tools/setup installs it)')
    with open(f'{ROOT}/packaging/kubernetes/postern-server.yaml', encoding='utf-8') as f:
        pod = yaml.safe_load(f)['spec']['template']['spec']['containers'][0]
    user = str(pod['securityContext']['runAsUser'])
    words = [w.replace('$(NODE_IP)', '127.0.0.1') for w in pod['command'] + pod['args']]
    host.write(CONFIG, 'listening-ip=127.0.0.1\nrealm=north.gov\nstatic-auth-secret=first\n', 0o440)
    host.run('sh', '-c', f'mkdir -p /run/postern; chgrp {user} {CONFIG} /run/postern; chmod g+w /run/postern')
    with Program(host.command('setpriv', f'--reuid={user}', f'--regid={user}', '--clear-groups', '--bounding-set=-all',
                              '--no-new-privs', *words), ready='metrics at'):
        wait_until(lambda: healthy() == 200, 'the pod to be ready')
        client = TurnClient(('127.0.0.1', 3478), *by_secret('first', 'phone'), 'north.gov')
        check_equal(0, client.allocate())
        os.kill(int(host_pid()), signal.SIGTERM)
        wait_until(lambda: healthy() == 503, 'the pod to be alive, but not ready')
        check_equal((0, 0), (client.refresh(), client.refresh(0)))
        wait_until(lambda: healthy() is None, 'the server to end')


run_cases()
