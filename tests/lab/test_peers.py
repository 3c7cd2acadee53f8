#!/usr/bin/env python3
"""STUN programs of others and ours behind the lab's NATs: test_peers.py POSTERN_LAB POSTERN_SERVER"""
import os
import sys

from labtest import case_with_hosts, run
from tap import check, check_equal, run_cases

SERVER = os.path.abspath(sys.argv[2])

# What coturn's turnutils_natdiscovery calls them.
COTURN_SAYS = {
    'full-cone': ('Endpoint Independent Mapping', 'Endpoint Independent Filtering'),
    'address-restricted': ('Endpoint Independent Mapping', 'Address Dependent Filtering'),
    'port-restricted': ('Endpoint Independent Mapping', 'Address and Port Dependent Filtering'),
    'symmetric': ('Address and Port Dependent Mapping', 'Address and Port Dependent Filtering'),
}

WORLD = '''
wire world 203.0.113.0/24 delay 2ms
host server world 203.0.113.10 203.0.113.11
'''


def four_homes(command):
    text = ''
    for i, kind in enumerate(COTURN_SAYS, 1):
        text += f'''
wire home-{i} 192.168.{i}.0/24
nat router-{i} {kind} inside home-{i} outside world 203.0.113.{i}
host {kind} home-{i} 192.168.{i}.2
run {kind} {command}
'''
    return text


def check_coturns_words(r):
    for i, (kind, (mapping, filtering)) in enumerate(COTURN_SAYS.items(), 1):
        verdicts = [line for line in r.of(kind) if line.startswith('NAT with ')]
        check_equal([f'NAT with {mapping}!', f'NAT with {filtering}!'], verdicts, kind)
        mapped = [line for line in r.of(kind) if 'UDP reflexive addr' in line]
        check(mapped and all(f' 203.0.113.{i}:' in line for line in mapped), f'{kind}: {mapped}')


@case_with_hosts
def coturn_finds_each_kind_of_nat_to_be_what_it_is():
    check_coturns_words(run(WORLD + '''
run server background as stun turnserver -n -L 203.0.113.10 -L 203.0.113.11 --no-tls --no-dtls --no-cli
    --no-auth --log-file stdout --simple-log --pidfile /run/turnserver.pid
''' + four_homes('after stun says "auth thread" after 500ms turnutils_natdiscovery -m -f 203.0.113.10')))


@case_with_hosts
def coturns_client_finds_the_same_with_our_server():
    check_coturns_words(run(WORLD + f'''
run server background as stun {SERVER} -L 203.0.113.10 -L 203.0.113.11 --postern-other-address always
''' + four_homes('after stun says 203.0.113.11:3479 turnutils_natdiscovery -m -f 203.0.113.10')))


run_cases()
