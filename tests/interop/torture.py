#!/usr/bin/env python3
"""Broken SIP by the ten thousand, over UDP, TCP and TLS, at a real phone that answers calls.

With POSTERN_LONG in the environment it is a million, from a seed never seen before. The phone lives in a network of
its own: what it is made to send to whatever addresses stays there.
"""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, f'{sys.path[0]}/../support')
from programs import last_words, wait_until  # noqa: E402
from tap import case, check, need, on_failure, run_cases, skip_all  # noqa: E402
from town import Loopback, Phone  # noqa: E402

need('unshare', 'ip', 'openssl')
if not os.environ.get('POSTERN_ALONE'):
    apart = ['unshare', '-n'] if os.geteuid() == 0 else ['unshare', '-rn']
    if subprocess.run([*apart, 'true'], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        skip_all('a network of its own cannot be made here')
    os.environ['POSTERN_ALONE'] = '1'
    os.execvp('unshare', [*apart, sys.executable, *sys.argv])
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)

LONG = bool(os.environ.get('POSTERN_LONG'))
COUNT = 1000000 if LONG else 24000
SEED = os.environ.get('POSTERN_SEED') or (time.time_ns() % 10**9 if LONG else 4475)
town = Loopback.alone(os.environ['POSTERN_BUILD'])
on_failure.append(last_words)
world = {}


def rss_kib():
    with open(f'/proc/{world["phone"].pid}/status', encoding='ascii') as f:
        return int(next(line for line in f if line.startswith('VmRSS')).split()[1])


def flood(count, seed):
    """What the flood says of itself; it fails where the phone does not answer any more."""
    done = subprocess.run([f'{town.build}/tests/flood', world['phone'].address, '5060', '5061', town.registrar, str(count),
                           str(seed)], stdout=subprocess.PIPE, text=True, check=False, timeout=7200)
    print(f'# {done.stdout.strip()}', flush=True)
    check(not world['phone'].ended(), f'the phone has ended: {world["phone"].process.returncode}')
    check(done.returncode == 0, 'OPTIONS is answered after it, too')
    return json.loads(done.stdout)


@case
def a_phone_listens_on_all_three_transports():
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days',
                    '2', '-subj', '/CN=phone', '-keyout', 'phone.key', '-out', 'phone.pem'], cwd=town.work, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    settings = {'account.1.user_name': 'bob', 'account.1.sip_server.1.address': '',
                'account.2.enable': 1, 'account.2.user_name': 'second', 'account.2.sip_server.1.transport_type': 1,
                'account.3.enable': 1, 'account.3.user_name': 'third', 'account.3.sip_server.1.transport_type': 2,
                'account.1.100rel_enable': 1, 'account.1.session_timer.enable': 1,
                'postern.tls.certificate': town.path('phone.pem'), 'postern.tls.key': town.path('phone.key'),
                'postern.auto_answer': 1, 'postern.auto_answer_after': 1, 'phone_setting.ringing_timeout': 3,
                'postern.calls_max': 16, 'static.network.port.max_rtpport': 11900, 'postern.log.level': 'error',
                'postern.sound.record': ''}
    world['phone'] = Phone(town, 'bob', settings, stun=False)
    wait_until(lambda: world['phone'].status().get('accounts'), 'the phone to start')


@case
def it_answers_after_every_broken_message():
    flood(COUNT // 2 if not LONG else COUNT // 10, SEED)  # its tables are full then
    world['rss'] = rss_kib()
    told = flood(COUNT, int(SEED) + 1)
    print(f'# {(told["udp"] + told["tcp"] + told["tls"]) / told["seconds"]:.0f} messages a second')


@case
def its_memory_does_not_grow_with_them():
    # What has been answered is kept for half a minute, so how much there is depends on the machine's speed. One
    # message lost in each would be more than this.
    grown = rss_kib() - world['rss']
    print(f'# {world["rss"]} KiB at first, {grown:+} KiB after the rest')
    check(grown < (262144 if 'san' in os.path.basename(town.build) else 8192), f'{grown} KiB more')


@case
def it_ends_as_it_should():
    code = world['phone'].end(seconds=60)
    check(code == 0, f'it ended with {code}')
    # What sanitizers say, where it was built with them.
    check(not any(words in world['phone'].said() for words in ('ERROR: ', 'runtime error')), world['phone'].said())


run_cases()
