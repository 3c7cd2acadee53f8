#!/usr/bin/env python3
"""Three postern-phones and Debian's Kamailio on loopback: calls handed on, blind and attended."""
import os
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
from programs import last_words, wait_until  # noqa: E402
from tap import case, check, need, on_failure, run_cases  # noqa: E402
from town import Loopback, Phone, start_registrar  # noqa: E402

need('kamailio')
town = Loopback.alone(os.environ['POSTERN_BUILD'])
on_failure.append(last_words)
world = {}


def hears(phone):
    """Its one call has sound."""
    before = phone.calls()[0].get('stats', {}).get('received_packets', 0)
    wait_until(lambda: phone.calls()[0].get('stats', {}).get('received_packets', 0) > before + 50,
               f'sound at {phone.owner}')


def only_call(phone, **expected):
    wait_until(lambda: len(phone.calls()) == 1 and all(phone.calls()[0].get(k) == v for k, v in expected.items()),
               f'one call, {expected}, at {phone.owner}')
    return phone.calls()[0]


@case
def all_three_register():
    world['registrar'] = start_registrar(town)
    for name in ('alice', 'bob', 'carol'):
        world[name] = Phone(town, name, {'postern.auto_answer': 1, 'account.1.session_timer.enable': 1}, stun=False)
    for phone in world.values():
        if phone is not world['registrar']:
            phone.wait_registered()


@case
def a_blind_transfer_joins_the_other_two():
    alice, bob, carol = (world[name] for name in ('alice', 'bob', 'carol'))
    check(alice.postern('dial', '1002')[0] == 0, 'answered')
    code, said = alice.postern('transfer')
    check(code == 1 and 'hand the call on' in said, said)
    check(alice.postern('transfer', '1003')[0] == 0, 'begun')
    alice.wait_calls(0)
    call = only_call(bob, state='up', incoming=False)
    check('1003' in call['peer'], f'{call}')
    only_call(carol, state='up', incoming=True)
    hears(bob)
    hears(carol)
    check(bob.postern('hangup')[0] == 0, 'hung up')
    carol.wait_calls(0)


@case
def a_transfer_to_nobody_leaves_the_call_as_it_was():
    alice, bob = world['alice'], world['bob']
    check(alice.postern('dial', '1002')[0] == 0, 'answered')
    check(alice.postern('transfer', '4711')[0] == 0, 'begun')
    wait_until(lambda: 'transfer: 4' in alice.said(), 'the refusal')
    only_call(alice, state='up')
    only_call(bob, state='up')
    hears(bob)
    check(alice.postern('hangup')[0] == 0, 'hung up')
    bob.wait_calls(0)


@case
def an_attended_transfer_joins_the_other_two():
    alice, bob, carol = (world[name] for name in ('alice', 'bob', 'carol'))
    check(alice.postern('dial', '1002')[0] == 0, 'bob answers')
    check(alice.postern('hold')[0] == 0, 'bob waits')
    first = only_call(alice, held=True)
    check(alice.postern('dial', '1003')[0] == 0, 'carol answers')
    second = next(c for c in alice.calls() if c['call'] != first['call'])
    code, said = alice.postern('transfer', '--to-call', str(second['call']))
    check(code == 0, said)
    alice.wait_calls(0)
    call = only_call(bob, state='up', incoming=False, held_by_far_end=False)
    check('1003' in call['peer'] or carol.address in call['peer'], f'{call}')
    only_call(carol, state='up', incoming=True)
    hears(bob)
    hears(carol)
    check(carol.postern('hangup')[0] == 0, 'hung up')
    bob.wait_calls(0)


@case
def a_text_is_sent_and_what_becomes_of_it_told():
    alice, bob = world['alice'], world['bob']
    code, said = alice.postern('message', '1002', 'Wie geht es?')
    check(code == 0 and '200' in said, f'{code}: {said}')
    wait_until(lambda: 'text from sip:1001' in bob.said(), 'the text at bob')
    code, said = alice.postern('message', '4711', 'x')
    check(code == 4 and 'not taken' in said, f'{code}: {said}')
    check(alice.postern('message', '1002')[0] == 1, 'no text')


run_cases()
