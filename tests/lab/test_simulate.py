#!/usr/bin/env python3
"""The lab's scenarios in virtual time: test_simulate.py POSTERN_LAB SCENARIOS-FOLDER"""
import glob
import json
import os
import subprocess
import sys

from labtest import lab, path, write
from tap import case, check, check_equal, run_cases

SCENARIOS = sys.argv[2]

# By scenario and host: what a discovery there must say. The names are the files'.
TYPES = {
    'open': ('client', 'open'),
    'full-cone': ('client', 'full cone'),
    'address-restricted': ('client', 'address-restricted cone'),
    'port-restricted': ('client', 'port-restricted cone'),
    'symmetric': ('client', 'symmetric'),
    'udp-firewall': ('client', 'UDP firewall'),
    'udp-blocked': ('client', 'UDP blocked'),
    'carrier': ('client', 'port-restricted cone'),
}


def simulate(file, *options):
    r = lab('simulate', *options, file)
    check_equal(0, r.returncode, r.stderr)
    return r.stdout


@case
def each_scenario_shows_the_type_it_is_named_after():
    for name, (host, kind) in TYPES.items():
        for seed in ('1', '2', '3'):
            out = simulate(f'{SCENARIOS}/{name}.net', '--seed', seed)
            check(f'{host}, IPv4: {kind}' in out, f'{name}, seed {seed}:\n{out}')


@case
def the_same_seed_gives_the_same_lines_and_the_same_capture():
    file, texts, captures = f'{SCENARIOS}/bad-day.net', [], []
    for seed in ('7', '7', '8'):
        capture = path('capture.pcapng')
        texts.append(simulate(file, '--seed', seed, '--capture', f'core={capture}').split('\n', 1)[1])
        with open(capture, 'rb') as f:
            captures.append(f.read())
    check(texts[0] == texts[1] and captures[0] == captures[1], 'seed 7 gave two different runs')
    check(captures[0] != captures[2], 'seed 8 gave the run of seed 7')
    out = subprocess.run(['tshark', '-r', path('capture.pcapng'), '-Y', 'stun.type == 0x0101'],
                         capture_output=True, text=True, check=True).stdout
    check('Binding Success Response' in out and '203.0.113.99' in out, out[:2000])


@case
def a_round_follows_each_event():
    out = simulate(write('events.net', '''
wire core 203.0.113.0/24
wire home 192.168.1.0/24
host server core 203.0.113.5 203.0.113.6
nat router full-cone inside home outside core 203.0.113.1
host alice home 192.168.1.2
at 10s address router 203.0.113.9
at 20s down home
'''))
    lines = [line.split('s  ', 1)[1] for line in out.splitlines()[1:]]
    check_equal(['alice, IPv4: full cone, 203.0.113.1', 'address router 203.0.113.9',
                 'alice, IPv4: full cone, 203.0.113.9', 'down home', 'alice, IPv4: UDP blocked (no server answered)'],
                [line.split(';')[0].rsplit(':', 1)[0] if 'cone' in line else line.split(';')[0]
                 for line in lines])


HOMES = f'{SCENARIOS}/two-homes.net'
SYMMETRIC = [word for side, outside in (('a', '203.0.113.10'), ('b', '203.0.113.20')) for word in
             ('--set', f'box_{side}=nat nat-{side} symmetric inside home-{side} outside core {outside}')]


def call(code, file, *options):
    """What came of Alice's call to Bob, with this exit code."""
    r = lab('simulate', '--call', 'alice,bob', '--json', '--seed', '5', *options, file)
    check_equal(code, r.returncode, r.stdout + r.stderr)
    return json.loads(r.stdout)


@case
def two_phones_call_each_other_through_its_nats():
    said = call(0, HOMES)
    check(said['hear_each_other'] and said['failure'] is None, said)
    for phone, name, nat, outside in zip(said['phones'], ('alice', 'bob'), ('port-restricted cone', 'address-restricted cone'),
                                         ('203.0.113.10:', '203.0.113.20:')):
        check_equal(name, phone['name'])
        check(phone['nat'].startswith(nat) and phone['contact'].startswith(outside), phone)
        check_equal('mapped address from STUN', phone['contact_why'])
        media = phone['media']
        check(media['hears'] and media['way'] == 'direct' and media['heard_after_ms'] < 200 and media['lost'] == 0, media)
        check(490 < media['received_packets'] < 510 and abs(media['rtt_ms'] - 80) < 2, media)


@case
def where_stun_is_not_enough_it_says_so_and_turn_helps():
    said = call(2, HOMES, *SYMMETRIC)
    check_equal('they do not hear each other', said['failure'])
    check(all(p['media']['received_packets'] == 0 and p['media']['heard_after_ms'] is None for p in said['phones']), said)
    said = call(0, HOMES, *SYMMETRIC, '--turn')
    check(all(p['media']['way'] == 'relayed' and p['media']['relay'] == '203.0.113.5:3478' for p in said['phones']), said)


@case
def a_call_lasts_until_after_the_last_event_and_shows_what_it_did():
    text = """
wire core 203.0.113.0/24
wire home 192.168.1.0/24
host server core 203.0.113.5 203.0.113.6
host registrar core 203.0.113.7
host bob core 203.0.113.8
nat router full-cone ports random inside home outside core 203.0.113.1
host alice home 192.168.1.2
at 20s down home
"""
    said = call(2, write('cut.net', text))
    check_equal('they do not hear each other', said['failure'])
    check(not any(p['media']['hears'] for p in said['phones']), said)
    said = call(0, write('gap.net', text + 'at 25s up home\n'), '--talk', '4')
    check(28900 < said['over_at_ms'] < 29500, said)
    check(all(5000 <= p['media']['gap_max_ms'] < 6000 and p['media']['hears'] for p in said['phones']), said)


@case
def the_same_seed_gives_the_same_call_in_words():
    first, second = (simulate(HOMES, '--call', 'alice,bob', '--seed', '9', '--set', 'loss=3%') for _ in range(2))
    check_equal(first, second)
    for words in ('alice: calls bob', 'bob: rings', 'NAT        port-restricted cone', 'media      direct, to 203.0.113.20:',
                  'they hear each other'):
        check(words in first, first)


@case
def phones_that_cannot_register_are_told():
    said = call(2, HOMES, '--set', 'box_a=nat nat-a blocks udp inside home-a outside core 203.0.113.10')
    check_equal('not both of them could register', said['failure'])
    check(said['phones'][0]['registered_after_ms'] is None and said['phones'][1]['registered_after_ms'] is not None, said)
    check(said['phones'][1]['media'] is None and said['dialled_at_ms'] is None, said)


@case
def a_call_that_makes_no_sense_is_refused():
    for words, options in (('two hosts with a comma', ['--call', 'alice']), ('to itself', ['--call', 'bob,bob']),
                           ('no host "carol"', ['--call', 'alice,carol']), ('are for --call', ['--json']),
                           ('no host "x" for the registrar', ['--call', 'alice,bob', '--registrar', 'x']),
                           ('not a number of seconds', ['--call', 'alice,bob', '--talk', '0'])):
        r = lab('simulate', *options, HOMES)
        check(r.returncode == 1 and words in r.stderr, f'{options}: {r.returncode}: {r.stderr}')


@case
def without_a_server_it_says_so():
    file = write('lonely.net', 'wire core 203.0.113.0/24\nhost alice core 203.0.113.2\n'
                               'host other core 203.0.113.3 203.0.113.4\n')
    r = lab('simulate', file)
    check(r.returncode == 1 and 'no host "server"' in r.stderr, r.stderr)
    check('alice, IPv4: open' in simulate(file, '--server', 'other'), 'with --server')


@case
def every_scenario_can_be_drawn():
    for file in glob.glob(f'{SCENARIOS}/*.net'):
        r = lab('check', file)
        check_equal((0, ''), (r.returncode, r.stderr), os.path.basename(file))
        check(r.stdout.startswith('wire '), r.stdout)


@case
def no_rights_are_needed():
    if os.geteuid() != 0:
        return  # then all of the above has shown it
    r = subprocess.run(['setpriv', '--bounding-set=-all', '--inh-caps=-all', sys.argv[1], 'simulate',
                        f'{SCENARIOS}/two-homes.net'], capture_output=True, text=True, timeout=20, check=False)
    check_equal(0, r.returncode, r.stderr)


run_cases()
