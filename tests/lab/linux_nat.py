#!/usr/bin/env python3
"""A phone behind Linux's own NAT, whose address outside becomes another: linux_nat.py BUILD WORK

A router that masquerades forgets the mappings of an address that it loses. One that has a rule with an address in it
(snat) does not: what comes from a port that is in use goes out by the dead address for as long as it comes, and the
phone's port is the one that was set. With POSTERN_LONG that is played, too: it takes four minutes.
"""
import os
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
import tap  # noqa: E402
from linux_nat import LinuxHome  # noqa: E402
from programs import last_words, wait_until  # noqa: E402
from town import Phone, start_registrar  # noqa: E402

BUILD, WORK = sys.argv[1:3]
PORT = 5064
SETTINGS = {'sip.listen_port': PORT, 'account.1.nat.udp_update_enable': 2, 'account.1.nat.udp_update_time': 15,
            'postern.auto_answer': 1}
DEAD, NEW = '203.0.113.10', '203.0.113.77'


def begin(rule):
    town = LinuxHome(BUILD, WORK, rule)
    start_registrar(town)
    alice = Phone(town, 'alice', SETTINGS, stun=False)
    alice.wait_registered()
    wait_until(lambda: contact(alice) == f'{DEAD}:{PORT}', 'the contact to be the address outside')
    tap.check_equal(DEAD, town.remembered(PORT), 'what the router remembers')
    return town, alice


def contact(phone):
    account = phone.account()
    return account['contact']['address'] if account['state'] == 'registered' else ''


def is_called(town, alice):
    """By Bob, who is outside, through the registrar."""
    bob = Phone(town, 'bob', {}, stun=False)
    bob.wait_registered()
    bob.dial(alice.number)
    bob.wait_up()
    alice.wait_up()
    bob.hang_up()
    alice.wait_calls(0)
    bob.end()


@tap.case
def a_router_that_masquerades_and_gets_another_address_costs_one_keepalive():
    town, alice = begin('masquerade')
    with town:
        town.move('masquerade')
        wait_until(lambda: contact(alice) == f'{NEW}:{PORT}', 'the contact to be the new address', 25)
        tap.check('dead mapping' not in alice.said(), 'the phone took it for a router that is stuck')
        is_called(town, alice)
        alice.end()


def a_router_that_is_stuck_is_left_alone_until_it_forgets():
    town, alice = begin(f'snat to {DEAD}')
    with town:
        town.move(f'snat to {NEW}')
        # Much longer than it remembers what is not used: what the phone sends keeps it from forgetting.
        alice.wait_said('the router holds on to a dead mapping', 150)
        tap.check_equal(DEAD, town.remembered(PORT), 'what the router remembers after the phone has tried for two minutes')
        wait_until(lambda: town.remembered(PORT) is None, 'the router to forget, once the phone is silent', 90)
        wait_until(lambda: contact(alice) == f'{NEW}:{PORT}', 'the contact to be the new address', 150)
        tap.check_equal(NEW, town.remembered(PORT), 'what the router remembers')
        is_called(town, alice)
        alice.end()


if os.environ.get('POSTERN_LONG'):
    tap.case(a_router_that_is_stuck_is_left_alone_until_it_forgets)
tap.on_failure.append(last_words)
tap.run_cases()
