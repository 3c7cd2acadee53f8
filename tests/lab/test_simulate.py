#!/usr/bin/env python3
"""The lab's scenarios in virtual time: test_simulate.py POSTERN_LAB SCENARIOS-FOLDER"""
import glob
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
