#!/usr/bin/env python3
"""postern-probe behind everything there is: test_discovery.py POSTERN_LAB POSTERN_SERVER POSTERN_PROBE SCENARIOS

The ready scenarios, with real processes: names over DNS, a real kernel's sockets, our server or coturn.
"""
import json
import os
import sys

from labtest import case_with_hosts, run
from tap import check, check_equal, run_cases

SERVER, PROBE, SCENARIOS = (os.path.abspath(a) for a in sys.argv[2:5])

# By scenario: type, mapped address, exit code of the probe.
EXPECTED = {
    'open': ('open', '198.51.100.10', 0),
    'full-cone': ('full cone', '203.0.113.10', 0),
    'address-restricted': ('address-restricted cone', '203.0.113.10', 0),
    'port-restricted': ('port-restricted cone', '203.0.113.10', 0),
    'symmetric': ('symmetric', '203.0.113.10', 4),
    'udp-firewall': ('UDP firewall', '198.51.100.10', 0),
    'udp-blocked': ('UDP blocked', None, 3),
    'carrier': ('port-restricted cone', '203.0.113.1', 0),
}

OURS = (f'run server background as stun {SERVER} -L 203.0.113.5 -L 203.0.113.6 --postern-other-address always\n',
        'after stun says 203.0.113.6:3479')
COTURN = ('run server background as stun turnserver -n -L 203.0.113.5 -L 203.0.113.6 --no-tls --no-dtls --no-cli '
          '--no-auth --log-file stdout --simple-log --pidfile /run/turnserver.pid\n',
          'after stun says "auth thread" after 500ms')


def scenario(name):
    with open(f'{SCENARIOS}/{name}.net', encoding='utf-8') as f:
        return f.read() + '\n'


def probe(name, server, *flags, change=lambda text: text, host='client', options=()):
    """The probe's JSON on the scenario's client."""
    start, after = server
    _, _, code = EXPECTED.get(name, (None, None, 0))
    # Where no UDP passes, no name server is heard either.
    whom = '203.0.113.5' if name == 'udp-blocked' else 'stun.example.test'
    r = run(change(scenario(name)) + start +
            f'run {host} {after} exit {code} {PROBE} --json {" ".join(flags)} {whom}\n', *options)
    return json.loads('\n'.join(r.of(host)))


def check_verdict(name, found):
    kind, mapped, _ = EXPECTED[name]
    check_equal(kind, found['type']['is'], f'{name}: {found}')
    if mapped:
        check(found['mapped'].startswith(mapped), f'{name}: {found}')
    else:
        check(not found['mapped'], f'{name}: {found}')
    check_equal('no' if kind in ('open', 'UDP firewall') else 'yes',
                found['nat'] if kind != 'UDP blocked' else 'yes', name)


@case_with_hosts
def the_probe_tells_every_type_with_our_server():
    for name in EXPECTED:
        check_verdict(name, probe(name, OURS))


@case_with_hosts
def the_probe_tells_every_type_with_coturn():
    for name in ('open', 'full-cone', 'address-restricted', 'port-restricted', 'symmetric', 'udp-firewall'):
        check_verdict(name, probe(name, COTURN))


@case_with_hosts
def a_classic_probe_tells_the_same():
    for name in ('full-cone', 'port-restricted', 'symmetric'):
        found = probe(name, OURS, '--dialect', 'classic')
        check_verdict(name, found)
        check_equal('classic', found['servers'][0]['dialect'])


@case_with_hosts
def loss_does_not_fool_it():
    for name in ('full-cone', 'address-restricted', 'port-restricted', 'symmetric', 'udp-firewall'):
        for seed in ('1', '2'):
            check_verdict(name, probe(name, OURS, options=('--seed', seed),
                                      change=lambda text: text.replace('delay 20ms', 'delay 20ms loss 5%')))


@case_with_hosts
def over_ipv6_a_firewall_is_seen_and_no_nat():
    server = (OURS[0].replace('-L 203.0.113.6', '-L 203.0.113.6 -L 2001:db8::5 -L 2001:db8::6'),
              'after stun says [2001:db8::6]:3479')
    found = probe('ipv6', server, '--ipv6', host='alice')
    check_equal(('UDP firewall', 'no'), (found['type']['is'], found['nat']), str(found))
    check(found['mapped'].startswith('[2001:db8:a::10]'), str(found))


run_cases()
