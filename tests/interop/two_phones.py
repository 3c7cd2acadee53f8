#!/usr/bin/env python3
"""Two postern-phones and Debian's Kamailio on loopback: registration, calls, audio, the ends of calls."""
import os

from peers import Kamailio, Phone, case, check, hear, need, run, wait_until

need('kamailio')
REGISTRAR, ALICE, BOB = '127.51.1.1', '127.51.1.11', '127.51.1.12'
world = {}


def heard(wav, hz):
    """A tone of this frequency, pure and without a gap."""
    sound = hear(wav)
    check(abs(sound['hz'] - hz) < 2, f'{hz} Hz expected: {sound}')
    check(sound['purity'] > 0.9 and sound['gap_max_ms'] <= 40, f'a clean tone expected: {sound}')
    return sound


@case
def both_register_with_digest():
    world['registrar'] = Kamailio(REGISTRAR)
    world['alice'] = Phone('1001', ALICE, REGISTRAR, 'postern.sound.play = tone:440')
    world['bob'] = Phone('1002', BOB, REGISTRAR, 'postern.sound.play = tone:1000\n'
                         'account.1.codec.1.priority = 2\naccount.1.codec.2.priority = 1\naccount.1.ptime = 3')
    for phone in (world['alice'], world['bob']):
        phone.wait_registered()
        account = phone.status()['accounts'][0]
        check(account['contact']['address'] == phone.address + ':5060', f'contact: {account}')
        check(account['lease_s'] == 3600, f'lease: {account}')


@case
def a_wrong_password_is_told():
    phone = Phone('1004', '127.51.1.14', REGISTRAR, 'account.1.password = wrong')
    wait_until(lambda: os.path.exists(phone.socket), 'its socket')
    account = wait_until(lambda: next((a for a in phone.status()['accounts'] if a['state'] == 'failed'), None),
                         'a failed registration')
    check(account['last_status'] in (401, 403, 407), f'{account}')
    check(phone.end() == 0, 'a clean end')


@case
def a_call_is_answered_heard_both_ways_and_ended_by_the_caller():
    alice, bob = world['alice'], world['bob']
    dial = alice.postern
    code, said = dial('dial', '1002', '--no-wait')
    check(code == 0, said)
    wait_until(lambda: any(c['state'] == 'ringing' and c['incoming'] for c in bob.calls()), 'ringing at bob')
    check(bob.postern('answer')[0] == 0, 'bob answers')
    wait_until(lambda: alice.calls() and alice.calls()[0].get('stats', {}).get('received_packets', 0) > 100,
               'sound at alice')
    call = alice.calls()[0]
    check(call['state'] == 'up' and call['peer'].find('1002') >= 0, f'{call}')
    check(call['codec'] in ('PCMU', 'PCMA') and call['rtp_remote'].startswith(BOB), f'{call}')
    check(call['rtp']['address'].startswith(ALICE), f'{call}')
    check(alice.postern('hangup')[0] == 0, 'alice hangs up')
    alice.wait_calls(0)
    bob.wait_calls(0)
    heard(alice.wav, 1000)
    heard(bob.wav, 440)


@case
def dial_for_a_while_tells_how_the_sound_was():
    alice, bob = world['alice'], world['bob']
    world['carol'] = carol = Phone('1003', '127.51.1.13', REGISTRAR,
                                   'postern.auto_answer = 1\npostern.sound.play = tone:700')
    carol.wait_registered()
    code, said = bob.postern('dial', '1003', '--for', '7')
    check(code == 0 and 'answered' in said and 'received' in said, f'{code}: {said}')
    check('round trip' in said, f'RTCP brought a round trip: {said}')
    heard(bob.wav, 700)
    heard(carol.wav, 1000)
    carol.wait_calls(0)
    check(alice.calls() == [], 'alice has no part in it')


@case
def the_callee_may_end_it_too():
    alice, carol = world['alice'], world['carol']
    check(alice.postern('dial', '1003')[0] == 0, 'answered')
    carol.wait_calls(1)
    check(carol.postern('hangup')[0] == 0, 'carol hangs up')
    alice.wait_calls(0)


@case
def a_call_that_is_refused_fails_with_its_reason():
    alice, bob = world['alice'], world['bob']
    import threading
    result = {}
    dialling = threading.Thread(target=lambda: result.update(end=alice.postern('dial', '1002')))
    dialling.start()
    wait_until(lambda: any(c['state'] == 'ringing' for c in bob.calls()), 'ringing at bob')
    check(bob.postern('reject')[0] == 0, 'bob refuses')
    dialling.join()
    check(result['end'][0] == 4 and '486' in result['end'][1], f'{result}')
    code, said = alice.postern('dial', '9999')
    check(code == 4 and '480' in said, f'{code}: {said}')


@case
def nobody_answers_and_the_ringing_stops():
    alice, bob = world['alice'], world['bob']
    code, said = alice.postern('dial', '1002', '--timeout', '1')
    check(code == 5 and 'nobody answered' in said, f'{code}: {said}')
    alice.wait_calls(0)
    bob.wait_calls(0)


@case
def commands_at_odd_moments_are_refused_with_a_word():
    alice = world['alice']
    check(alice.postern('answer') == (2, 'postern: there is not exactly one call to answer: name it by its number\n'),
          'answer')
    check(alice.postern('hangup', '77')[0] == 2, 'hangup of a call that is not there')
    check(alice.postern('hangup', 'x')[0] == 1, 'hangup of no number')
    code, said = alice.postern('dial', '10 02')
    check(code == 2 and 'cannot be dialled' in said, f'{code}: {said}')
    check(alice.postern('dial', '1002', '--account', '2')[0] == 2, 'an account not in use')


@case
def a_clean_end_withdraws_the_registration():
    alice, bob = world['alice'], world['bob']
    check(bob.end() == 0, 'bob ends')
    check(not os.path.exists(bob.socket), 'its control socket is gone')
    code, said = alice.postern('dial', '1002')
    check(code == 4 and '480' in said, f'{code}: {said}')
    code, said = alice.postern('quit')
    check(code == 0, said)
    check(alice.process.wait(10) == 0, 'alice ends')
    check(alice.postern('status')[0] == 3, 'nobody there any more')


@case
def a_phone_without_registrar_ends_in_time():
    world['registrar'].end()
    carol = world['carol']
    check(carol.end(within=8) == 0, 'carol ends although nobody answers')


run()
