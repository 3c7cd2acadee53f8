#!/usr/bin/env python3
"""Two postern-phones and Debian's Kamailio on loopback: registration, calls, audio, the ends of calls."""
import json
import os
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, f'{sys.path[0]}/../support')
from programs import last_words, wait_until  # noqa: E402
from tap import case, check, need, on_failure, run_cases  # noqa: E402
from town import Loopback, Phone, start_registrar, start_server  # noqa: E402

need('kamailio')
town = Loopback.alone(os.environ['POSTERN_BUILD'])
on_failure.append(last_words)
world = {}


def phone(name, settings=()):
    """One that knows no STUN server unless its settings say so."""
    world[name] = Phone(town, name, settings, stun=False)
    return world[name]


def heard(recording, hz):
    """A tone of this frequency, pure and without a gap."""
    sound = town.hears(recording, hz)
    check(abs(sound['hz'] - hz) < 2, f'{hz} Hz expected: {sound}')
    check(sound['purity'] > 0.9 and sound['gap_max_ms'] <= 40, f'a clean tone expected: {sound}')
    return sound


@case
def both_register_with_digest():
    world['registrar'] = start_registrar(town)
    phone('alice')
    phone('bob', {'postern.sound.play': 'tone:1000', 'account.1.codec.1.priority': 2, 'account.1.codec.2.priority': 1,
                  'account.1.ptime': 3})
    for one in (world['alice'], world['bob']):
        account = one.wait_registered()
        check(account['contact']['address'] == one.address + ':5060', f'contact: {account}')
        check(account['lease_s'] == 3600, f'lease: {account}')


@case
def a_wrong_password_is_told():
    eve = phone('eve', {'account.1.password': 'wrong'})
    account = eve.wait_account('failed')
    check(account['last_status'] in (401, 403, 407), f'{account}')
    check(eve.end() == 0, 'a clean end')


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
    check(call['codec'] in ('PCMU', 'PCMA') and call['rtp_remote'].startswith(bob.address), f'{call}')
    check(call['rtp']['address'].startswith(alice.address), f'{call}')
    check(alice.postern('hangup')[0] == 0, 'alice hangs up')
    alice.wait_calls(0)
    bob.wait_calls(0)
    heard(alice.recording, 1000)
    heard(bob.recording, 440)


@case
def dial_for_a_while_tells_how_the_sound_was():
    alice, bob = world['alice'], world['bob']
    carol = phone('carol', {'postern.auto_answer': 1, 'postern.sound.play': 'tone:700'})
    carol.wait_registered()
    code, said = bob.postern('dial', '1003', '--for', '7')
    check(code == 0 and 'answered' in said and 'received' in said, f'{code}: {said}')
    check('round trip' in said, f'RTCP brought a round trip: {said}')
    heard(bob.recording, 700)
    heard(carol.recording, 1000)
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
def who_asks_for_a_phone_that_does_not_run_is_told_which_do():
    os.makedirs(town.path('run/postern'))
    for name in ('desk.sock', 'server.sock'):
        open(town.path(f'run/postern/{name}'), 'w', encoding='utf-8').close()
    done = subprocess.run([town.program('postern'), 'status', '--instance', 'attic'], capture_output=True, text=True, check=False,
                          env={**os.environ, 'XDG_RUNTIME_DIR': town.path('run')})
    check(done.returncode == 3 and 'no phone called "attic" runs here' in done.stderr, done.stderr)
    check('; -i names one of these:' in done.stderr and ' desk' in done.stderr and 'server' not in done.stderr, done.stderr)


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
def the_control_socket_answers_whatever_it_is_sent():
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(world['alice'].socket)
        lines = s.makefile('rb')
        for sent, words in ((b'no json', 'this is no JSON'), (b'[1]', 'a request is a JSON object'),
                            (b'{}', 'a request has a "command"'), (b'{"command": 5}', 'a request has a "command"'),
                            (b'{"command": "dance"}', '"dance" is no command'),
                            (b'{"command": "dial"}', 'dial needs a "target"'),
                            (b'{"command": "dial", "target": "1002", "account": 0}', 'account 0 is not in use'),
                            (b'{"command": "hangup", "call": 4294967297}', 'not exactly one call'),
                            (b'{"command": "reject", "status": 200}', 'from 400 to 699'),
                            (b'"\xff"', 'this is no JSON')):
            s.sendall(sent + b'\n')
            answer = json.loads(lines.readline())
            check(answer['ok'] is False and words in answer['error'], f'{sent}: {answer}')
        s.sendall(b'{"command": "events", "id": [7]}\n{"command": "status", "id": "x"}\n')
        check(json.loads(lines.readline()) == {'ok': True, 'id': [7]}, 'its id comes back')
        status = json.loads(lines.readline())
        check(status['id'] == 'x' and status['version'] == 1, f'{status}')
        world['alice'].postern('register')
        event = json.loads(lines.readline())
        check(event['event'] == 'registered' and event['account'] == 1, f'{event}')


def call_of(one):
    return one.calls()[0]


def wait_call(one, **expected):
    wait_until(lambda: one.calls() and all(call_of(one).get(k) == v for k, v in expected.items()),
               f'{expected} at {one.owner}')


@case
def a_call_is_held_and_resumed_by_either():
    alice, carol = world['alice'], world['carol']
    check(alice.postern('dial', '1003')[0] == 0, 'answered')
    for holder, other in ((alice, carol), (carol, alice)):
        check(holder.postern('resume')[0] == 2, 'nothing to resume')
        code, said = holder.postern('hold')
        check(code == 0, said)
        wait_call(holder, held=True, held_by_far_end=False)
        wait_call(other, held=False, held_by_far_end=True)
        check('on hold' in holder.postern('status')[1], 'status says so')
        check('held by the far end' in other.postern('status')[1], 'status says so there')
        check(holder.postern('resume')[0] == 0, 'resumed')
        wait_call(holder, held=False)
        wait_call(other, held_by_far_end=False)
        before = call_of(other)['stats']['received_packets']
        wait_until(lambda: call_of(other)['stats']['received_packets'] > before + 50, 'sound again')
    check(alice.postern('hangup')[0] == 0, 'hung up')
    carol.wait_calls(0)


@case
def settings_read_again_wait_for_the_end_of_calls_and_wrong_ones_change_nothing():
    alice, carol = world['alice'], world['carol']
    with open(town.path('alice.cfg'), encoding='utf-8') as f:
        right = f.read()
    town.write('alice.cfg', right + 'account.1.display_name = Alicia\naccount.1.nat.udp_update_time = soon\n')
    check(alice.postern('reload')[0] == 0, 'asked for')
    wait_until(lambda: 'the settings stay as they were' in alice.said(), 'the word on it')
    check('account.1.nat.udp_update_time: "soon"' in alice.said(), alice.said())

    check(alice.postern('dial', '1003')[0] == 0, 'answered')
    town.write('alice.cfg', right + 'account.1.display_name = Alicia\naccount.1.sip_server.1.expires = 600\n')
    check(alice.postern('reload')[0] == 0, 'read')
    before = call_of(alice)['stats']['received_packets']
    wait_until(lambda: call_of(alice)['stats']['received_packets'] > before + 50, 'the call goes on')
    check(alice.account()['lease_s'] == 3600, 'not yet')
    check(alice.postern('hangup')[0] == 0, 'hung up')
    wait_until(lambda: alice.account().get('lease_s') == 600, 'the new settings')
    alice.wait_registered()
    check(alice.postern('dial', '1003')[0] == 0, 'answered again')
    wait_call(carol, state='up')
    check('Alicia' in carol.postern('status')[1], 'the new name')
    check(alice.postern('hangup')[0] == 0, 'hung up')
    carol.wait_calls(0)


@case
def ending_a_phone_ends_its_calls():
    alice, carol = world['alice'], world['carol']
    check(alice.postern('dial', '1003')[0] == 0, 'answered')
    carol.wait_calls(1)
    check(carol.end() == 0, 'carol ends')
    alice.wait_calls(0)
    check('by the far end' in alice.said(), alice.said())


@case
def stun_servers_are_shown_with_the_dialect_they_speak():
    start_server(town)
    dave = phone('dave', {
        'static.sip.nat_stun.server': town.server[0], 'postern.stun.servers': town.server[0].rsplit('.', 1)[0] + '.3',
        'postern.stun.dialect': 'classic', 'postern.auto_answer': 1, 'postern.sound.play': 'tone:850',
        'postern.sound.record': town.path('dave-{call}.wav')})
    dave.wait_registered()
    first, second = wait_until(lambda: dave.status()['nat']['stun'][0]['answers'] and dave.status()['nat']['stun'],
                               'an answer of the STUN server')
    check(first['dialect'] == 'classic' and first['address'] == town.server[0] + ':3478', f'{first}')
    check(second['answers'] is False, f'{second}')
    sip = dave.status()['nat']['sockets'][0]
    check(sip['mapped'] == sip['local'] == dave.address + ':5060', f'{sip}')
    code, said = dave.postern('nat')
    check(code == 0 and 'answers, classic' in said and f'seen as {dave.address}:5060' in said, said)


@case
def a_silent_stun_server_delays_no_call():
    alice, dave = world['alice'], world['dave']
    started = time.monotonic()
    code, said = alice.postern('dial', '1004', '--for', '2')
    check(code == 0, said)
    check(time.monotonic() - started < 2 + 1, f'{time.monotonic() - started} s')
    dave.wait_calls(0)
    heard(town.path('dave-1.wav'), 440)


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
def a_phone_told_to_stay_registered_does():
    frank = phone('frank', {'account.1.unregister_on_reboot': 0})
    frank.wait_registered()
    check(frank.end() == 0, 'frank ends')
    # His registration still leads to him, where nobody is: not 480.
    code, said = world['dave'].postern('dial', '1006', '--timeout', '1')
    check(code == 5, f'{code}: {said}')


@case
def phones_without_any_server_call_each_other_by_address():
    nowhere = {'account.1.sip_server.1.address': ''}
    eve, bob = phone('eve', nowhere), phone('bob', {**nowhere, 'postern.auto_answer': 1, 'postern.sound.play': 'tone:900'})
    for one in (eve, bob):
        one.wait_account('direct')
    code, said = eve.postern('dial', f'sip:1002@{bob.address}', '--for', '2')
    check(code == 0, said)
    heard(eve.recording, 900)
    check(eve.end() == 0 and bob.end() == 0, 'both end')


@case
def a_phone_without_registrar_ends_in_time():
    world['registrar'].end()
    dave = world['dave']
    check(dave.end(seconds=8) == 0, 'dave ends although nobody answers')


run_cases()
