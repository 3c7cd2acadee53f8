#!/usr/bin/env python3
"""Calls by ICE with real processes on one wire: our phones, and baresip with medianat=ice."""
import os
import sys
import tempfile

sys.path.insert(0, f'{sys.path[0]}/../support')
from baresip import Baresip  # noqa: E402
from island import move_to_island  # noqa: E402
from programs import last_words, wait_until  # noqa: E402
from tap import case, check, check_equal, need, on_failure, run_cases  # noqa: E402
from town import Loopback, Phone, start_registrar, start_server  # noqa: E402

NET = '203.0.113'
need('kamailio', 'baresip')
move_to_island(*(f'{NET}.{host}' for host in (5, 10, 11, 20, 21, 22, 250)))
folder = tempfile.TemporaryDirectory(prefix='postern-ice-calls-')
town = Loopback(os.environ['POSTERN_BUILD'], folder.name, NET)
on_failure.append(last_words)
ICE = {'static.ice.enable': 1, 'postern.auto_answer': 1}


def phone(name, settings=()):
    p = Phone(town, name, {**ICE, **dict(settings)})
    p.wait_registered()
    return p


def found_by_ice(p, how='directly: from this phone itself to the far end itself'):
    wait_until(lambda: any(c.get('ice', '') == how for c in p.calls()), f'{p.owner} to have found the far end by ICE: {p.calls()}')
    code, said = p.postern('status')
    check(code == 0 and f'found by ICE {how}' in said, said)


def sound_at(p, packets):
    wait_until(lambda: p.calls() and p.calls()[0].get('stats', {}).get('received_packets', 0) > packets, f'sound at {p.owner}')


@case
def two_of_our_phones_find_each_other():
    start_server(town)
    start_registrar(town)
    with phone('alice') as alice, phone('bob') as bob:
        alice.dial(bob.number)
        for p in (alice, bob):
            p.wait_up()
            found_by_ice(p)
            sound_at(p, 100)
        alice.hang_up()
        for p in (alice, bob):
            p.wait_calls(0)
            check_equal(0, p.end(), f'the end of {p.owner}\'s phone')
        heard = town.hears(alice.recording, Phone.tone_of['bob'])
        check(heard['is_tone'] and heard['heard_seconds'] > 1, f'{heard}')


@case
def a_phone_without_ice_is_called_as_ever():
    with phone('alice') as alice, phone('bob', {'static.ice.enable': 0}) as bob:
        alice.dial(bob.number)
        for p in (alice, bob):
            p.wait_up()
            sound_at(p, 100)
            check('ice' not in p.calls()[0], f'{p.calls()}')
        bob.hang_up()
        for p in (alice, bob):
            p.wait_calls(0)


def baresip(source='aubridge,echo'):
    return Baresip(town, '1003', town.address['carol'], source, modules=('stun.so', 'ice.so'),
                   account=f';medianat=ice;stunserver="stun:{town.server[0]}:3478"')


@case
def baresip_answers_by_ice_and_is_led_by_us():
    with phone('alice') as alice, baresip():
        alice.dial('1003')
        alice.wait_up()
        found_by_ice(alice)
        sound_at(alice, 150)
        alice.hang_up()
        alice.wait_calls(0)
        heard = town.hears(alice.recording, Phone.tone_of['alice'])
        check(heard['is_tone'] and heard['heard_seconds'] > 1, f'what it sends back: {heard}')


@case
def baresip_calls_by_ice_and_leads():
    with phone('alice') as alice, baresip() as other:
        other.command('dial', f'sip:1001@{town.registrar}')
        alice.wait_up()
        found_by_ice(alice)
        wait_until(other.hears, 'it hears us')
        other.command('hangup')
        alice.wait_calls(0)


run_cases()
