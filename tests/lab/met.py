#!/usr/bin/env python3
"""Calls between phones that find the way by ICE, with real processes behind NATs: met.py BUILD WORK

Prints TAP; a case is a call that is set up, heard at both ends, and goes where it should.
"""
import os
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
import tap  # noqa: E402
from programs import Trouble, last_words, wait_until  # noqa: E402
from town import Lab, Phone, start_registrar, start_server  # noqa: E402

BUILD, WORK = sys.argv[1:3]
USER, PASSWORD, REALM = 'phone', 'turn of the town', 'town.example'
PEERS = '203.0.113.0-203.0.113.255'  # those of the documentation are denied by default
PORT_RESTRICTED, SYMMETRIC = 'port-restricted ports random', 'symmetric ports random'
TALK_MS = 4000


def homes(nat_a, nat_b):
    return {f'box_{side}': f'nat nat-{side} {nat} inside home-{side} outside core 203.0.113.{outside}'
            for side, nat, outside in (('a', nat_a, 10), ('b', nat_b, 20))}


def phones_in(town):
    settings = {'static.ice.enable': 1, 'static.sip.nat_turn.enable': 1, 'static.sip.nat_turn.server': town.server[0],
                'static.sip.nat_turn.username': USER, 'static.sip.nat_turn.password': PASSWORD}
    phones = Phone(town, 'alice', settings), Phone(town, 'bob', {'postern.auto_answer': 1, **settings})
    for phone in phones:
        phone.wait_registered()
    return phones


def goes(phone, how):
    wait_until(lambda: any(c.get('ice', '').startswith(how) for c in phone.calls()), f'{phone.owner}\'s sound to go {how}')
    code, said = phone.postern('status')
    tap.check(code == 0 and f'found by ICE {how}' in said, said)


def call(nat_a, nat_b, how, meanwhile=None, gap_max_ms=500):
    with Lab(BUILD, WORK, homes(nat_a, nat_b), captures=()) as town:
        start_server(town, '--lt-cred-mech', '--user', f'{USER}:{PASSWORD}', '--realm', REALM, '--relay-ip', town.server[0],
                     '--allowed-peer-ip', PEERS)
        start_registrar(town)
        alice, bob = phones = phones_in(town)
        for phone, nat in zip(phones, (nat_a, nat_b)):
            if nat == SYMMETRIC:
                wait_until(lambda: (t := phone.status()['nat'].get('turn')) and t['allocations'] >= 2, 'relayed addresses')
        alice.dial(bob.number)
        for phone in phones:
            phone.wait_up()
            goes(phone, how)
        alice.wait_call(lambda c: c.get('answered_for_ms', 0) > TALK_MS, 'to go on for some seconds')
        if meanwhile:
            town.do(meanwhile)
            alice.wait_call(lambda c: c.get('answered_for_ms', 0) > TALK_MS + 12000, 'to go on', 30)
            for phone in phones:
                goes(phone, how)
        alice.hang_up()
        for phone in phones:
            phone.wait_calls(0)
        for phone in phones:
            tap.check_equal(0, phone.end(), f'the end of {phone.owner}\'s phone')
        for phone, far in ((alice, 'bob'), (bob, 'alice')):
            heard = town.hears(phone.recording, Phone.tone_of[far])
            print(f'# {phone.owner} heard {far} for {heard["heard_seconds"]} s, missed {heard["gap_max_ms"]} ms at the worst')
            if not heard['is_tone'] or heard['heard_seconds'] < TALK_MS / 1000 - 1 or heard['gap_max_ms'] > gap_max_ms:
                raise Trouble(f'{phone.owner} did not hear {far}: {heard}')


@tap.case
def two_phones_in_homes_like_most_find_each_other_directly():
    call(PORT_RESTRICTED, PORT_RESTRICTED, 'directly')


@tap.case
def a_phone_behind_a_symmetric_nat_is_met_directly_by_one_whose_nat_lets_in_a_new_port():
    call(SYMMETRIC, 'address-restricted ports random', 'directly')


@tap.case
def two_phones_behind_symmetric_nats_meet_at_the_relay():
    call(SYMMETRIC, SYMMETRIC, 'by relay')


@tap.case
def a_router_that_is_switched_off_and_on_costs_some_seconds_and_no_call():
    call(PORT_RESTRICTED, PORT_RESTRICTED, 'directly', meanwhile='reboot nat-a', gap_max_ms=6000)


if os.system(f'{BUILD}/apps/lab/postern-lab rights >/dev/null') != 0:
    tap.skip_all('this machine lets us make no network namespaces')
tap.need('kamailio')
tap.on_failure.append(last_words)
tap.run_cases()
