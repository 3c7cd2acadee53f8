#!/usr/bin/env python3
"""Two postern-phones and two Kamailios on loopback: the first falls silent, comes back, dies in a call, comes back."""
import os
import signal
import sys
import time

sys.path.insert(0, f'{sys.path[0]}/../support')
from programs import last_words, wait_until  # noqa: E402
from tap import case, check, need, on_failure, run_cases  # noqa: E402
from town import Loopback, Phone, start_registrar  # noqa: E402

need('kamailio')
town = Loopback.alone(os.environ['POSTERN_BUILD'])
on_failure.append(last_words)
first, second = town.registrar, town.registrar.rsplit('.', 1)[0] + '.6'
world = {}

# The lease is the shortest that Kamailio grants, so that the next refresh is 5 s away at most.
SETTINGS = {
    'account.1.sip_server.1.address': first, 'account.1.sip_server.2.address': second,
    'account.1.sip_server.1.expires': 10, 'account.1.sip_server.2.expires': 10,
    'account.1.sip_server.1.retry_counts': 1, 'account.1.sip_server.2.retry_counts': 1,
    'account.1.sip_server.1.failback_mode': 2, 'postern.auto_answer': 1,
}


def start(address, name):
    """Each takes the other's name for its own, as two that stand in for each other must: so a call's route that
    names one leads through either."""
    other = second if address == first else first
    return start_registrar(town, f'--alias=udp:{other}:5060', address=address, name=name)


def served_by(address, seconds=10):
    """Both phones are registered there; how long that took."""
    began = time.monotonic()
    for one in (world['alice'], world['bob']):
        wait_until(lambda phone=one: (a := phone.account()).get('state') == 'registered' and
                   a.get('server_address') == f'{address}:5060', f'{one.owner} to be registered at {address}', seconds)
    return time.monotonic() - began


def call():
    world['alice'].dial('1002')
    for one in (world['alice'], world['bob']):
        one.wait_up(5)


@case
def a_silent_server_is_left_for_the_second_one():
    world['first'], world['second'] = start(first, 'registrar-1'), start(second, 'registrar-2')
    os.killpg(world['first'].pid, signal.SIGSTOP)
    for name in ('alice', 'bob'):
        world[name] = Phone(town, name, SETTINGS, stun=False)
    took = served_by(second)
    check(1.4 < took < 4, f'after one repeat, T1 and 2 T1: {took:.1f} s')
    account = world['alice'].account()
    check(account['server'] == second and account['server_instead_of'] == f'{first}:5060', f'{account}')
    check(f'udp {second}:5060, because {first}:5060 does not answer' in world['alice'].postern('status')[1], 'status')
    call()
    world['alice'].hang_up()
    world['bob'].wait_calls(0, 5)


@case
def with_the_next_refresh_the_first_one_is_used_again():
    os.killpg(world['first'].pid, signal.SIGCONT)
    served_by(first)
    account = world['alice'].account()
    check('server_instead_of' not in account and account['server'] == first, f'{account}')
    call()


@case
def a_call_whose_server_dies_goes_on_and_is_ended_by_way_of_the_second():
    alice, bob = world['alice'], world['bob']
    world['first'].end()
    before = bob.calls()[0]['stats']['received_packets']
    check(alice.postern('hold')[0] == 0, 'held')
    bob.wait_call(lambda c: c['held_by_far_end'], 'to be held by alice', 5)
    check(alice.postern('resume')[0] == 0, 'resumed')
    wait_until(lambda: bob.calls()[0]['stats']['received_packets'] > before + 50, 'sound at bob')
    bob.hang_up()
    alice.wait_calls(0, 5)
    served_by(second)


@case
def calls_are_made_by_the_second_and_by_the_first_once_it_is_back():
    call()
    world['alice'].hang_up()
    world['bob'].wait_calls(0, 5)
    world['first'] = start(first, 'registrar-1')
    served_by(first)
    call()
    world['bob'].hang_up()
    world['alice'].wait_calls(0, 5)
    for name in ('alice', 'bob'):
        check(world[name].end() == 0, f'{name} ends cleanly')


run_cases()
