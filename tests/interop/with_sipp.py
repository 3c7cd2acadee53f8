#!/usr/bin/env python3
"""What SIP does around a call - 3xx, reliable ringing, forks, races, holds, mailboxes - with sipp at the other end.

The scenarios are tests/peers/sipp/*.xml; sipp itself says whether all came as they want it.
"""
import os
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
from programs import ROOT, Program, last_words, wait_until  # noqa: E402
from tap import case, check, need, on_failure, run_cases  # noqa: E402
from town import Loopback, Phone  # noqa: E402

need('sipp')
town = Loopback.alone(os.environ['POSTERN_BUILD'])
on_failure.append(last_words)
NET = town.registrar.rsplit('.', 1)[0]
world = {}


class Sipp(Program):
    """One scenario, once, at an address of its own; a builtin one where there is no such file."""

    count = 0

    def __init__(self, scenario, *more):
        Sipp.count += 1
        self.address = f'{NET}.{100 + Sipp.count}'
        file = f'{ROOT}/tests/peers/sipp/{scenario}.xml'
        what = ['-sf', file] if os.path.exists(file) else ['-sn', scenario]
        super().__init__(['sipp', *what, '-i', self.address, '-p', '5060', '-m', '1', '-timeout', '20', '-timeout_error',
                          '-nostdin', '-trace_err', '-error_file', town.path(f'{scenario}.errors'), *more],
                         town.path(f'sipp-{scenario}-{Sipp.count}.log'))

    def wait_done(self):
        wait_until(self.ended, f'{self.name} to end', 25)
        check(self.process.returncode == 0, f'{self.name} ended with {self.process.returncode}:\n{self.said()[-1500:]}')


def phone():
    return world['phone']


def dial(sipp):
    """Begins to; what comes of it is seen in the phone's state."""
    Program([town.program('postern'), 'dial', '--socket', phone().socket, f'sip:peer@{sipp.address}'],
            town.path(f'dial-{Sipp.count}.log'))


@case
def a_phone_starts():
    settings = {'account.1.sip_server.1.address': '', 'account.1.user_name': 'alice', 'account.1.100rel_enable': 1,
                'postern.auto_answer': 1, 'postern.auto_answer_after': 1}
    world['phone'] = Phone(town, 'alice', settings, stun=False)
    wait_until(lambda: phone().account().get('state') == 'direct', 'the phone to be ready')


@case
def a_call_goes_to_where_302_sends_it():
    answer = Sipp('uas')
    moved = Sipp('moved', '-key', 'target', answer.address)
    dial(moved)
    call = phone().wait_up()
    check(call['rtp_signalled'].startswith(answer.address), f'{call}')
    moved.wait_done()
    phone().hang_up()
    answer.wait_done()
    phone().wait_calls(0)


@case
def ringing_with_media_is_acknowledged_and_holds_when_the_200_says_nothing():
    callee = Sipp('reliable_callee')
    dial(callee)
    phone().wait_up()
    call = phone().wait_call(lambda c: c.get('rtp_signalled'), 'has media')
    check(call['codec'] == 'PCMA' and call['rtp_signalled'].startswith(callee.address), f'{call}')
    phone().hang_up()
    callee.wait_done()
    phone().wait_calls(0)


@case
def a_caller_who_requires_reliable_ringing_gets_it():
    Sipp('reliable_caller', '-s', 'alice', f'{phone().address}:5060').wait_done()
    phone().wait_calls(0)


@case
def of_two_that_ring_the_first_to_answer_stays():
    forks = Sipp('forks')
    dial(forks)
    phone().wait_up()
    # Meanwhile the second one has answered, and was let go.
    phone().wait_call(lambda c: c['state'] == 'up' and c['answered_for_ms'] > 1000, 'to stay up')
    phone().hang_up()
    forks.wait_done()
    phone().wait_calls(0)


@case
def an_answer_that_crosses_our_giving_up_is_taken_and_ended():
    crossing = Sipp('crossing')
    dial(crossing)
    phone().wait_call(lambda c: c['state'] == 'ringing', 'to ring')
    phone().hang_up()
    crossing.wait_done()
    phone().wait_calls(0)


@case
def two_changes_that_meet_are_refused_and_ours_is_made_later():
    glare = Sipp('glare')
    dial(glare)
    phone().wait_up()
    check(phone().postern('hold')[0] == 0, 'held')
    phone().wait_call(lambda c: c['held'], 'to be held')
    phone().hang_up()
    glare.wait_done()
    phone().wait_calls(0)


@case
def every_way_of_holding_is_understood():
    Sipp('holds', '-s', 'alice', f'{phone().address}:5060').wait_done()
    phone().wait_calls(0)


@case
def a_mailbox_is_subscribed_to_and_shown():
    box = Sipp('mailbox')
    phone().end()
    world['phone'] = Phone(town, 'alice', {
        'account.1.sip_server.1.address': '', 'account.1.user_name': 'alice', 'account.1.subscribe_mwi': 1,
        'account.1.subscribe_mwi_to_vm': 1, 'voice_mail.number.1': f'sip:box@{box.address}',
        'account.1.subscribe_mwi_expires': 600}, stun=False)
    mailbox = wait_until(lambda: (m := phone().account().get('mailbox', {})).get('new') == 3 and m, 'three new messages')
    check(mailbox['waiting'] and mailbox['old'] == 1 and mailbox['subscribed'], f'{mailbox}')
    check(500000 < mailbox['left_ms'] <= 540000, f'{mailbox}')
    check('messages wait: 3 new, 1 old; subscribed' in phone().postern('status')[1], phone().postern('status')[1])
    box.wait_done()


run_cases()
