#!/usr/bin/env python3
"""Calls with baresip in both directions, through Debian's Kamailio."""
from peers import NET, Baresip, Kamailio, Phone, case, check, hear, need, run, tone_file, wait_until

need('kamailio', 'baresip')
REGISTRAR, ALICE, OTHER = (f'{NET}.{n}' for n in (1, 11, 13))
world = {}


def heard(hz, seconds):
    sound = hear(world['alice'].wav)
    check(abs(sound['hz'] - hz) < 2 and sound['purity'] > 0.8, f'{hz} Hz expected: {sound}')
    check(sound['heard_seconds'] > seconds, f'for more than {seconds} s: {sound}')


def sound_at_alice(packets):
    alice = world['alice']
    wait_until(lambda: alice.calls() and alice.calls()[0].get('stats', {}).get('received_packets', 0) > packets,
               f'{packets} packets of sound')


@case
def both_register():
    world['registrar'] = Kamailio(REGISTRAR)
    world['alice'] = Phone('1001', ALICE, REGISTRAR, 'postern.sound.play = tone:440\npostern.auto_answer = 1\n'
                           'account.1.codec.1.enable = 0')
    world['alice'].wait_registered()
    world['baresip'] = Baresip('1003', OTHER, REGISTRAR, 'aubridge,echo')


@case
def we_call_and_hear_ourselves_sent_back():
    code, said = world['alice'].postern('dial', '1003', '--for', '5')
    check(code == 0, f'{code}: {said}')
    heard(440, 2)


@case
def it_calls_and_hangs_up():
    world['baresip'].end()
    world['baresip'] = other = Baresip('1003', OTHER, REGISTRAR, 'aufile,' + tone_file('620.wav', 620, 20))
    other.command('dial', f'sip:1001@{REGISTRAR}')
    sound_at_alice(150)
    wait_until(other.hears, 'it hears us')
    other.command('hangup')
    world['alice'].wait_calls(0)
    heard(620, 2)


@case
def it_calls_and_we_hang_up():
    alice, other = world['alice'], world['baresip']
    other.command('dial', f'sip:1001@{REGISTRAR}')
    sound_at_alice(100)
    check(alice.calls()[0]['codec'] == 'PCMA', f'the only law we have: {alice.calls()[0]}')
    check(alice.postern('hangup')[0] == 0, 'hung up')
    alice.wait_calls(0)
    other.wait_for('session closed')
    heard(620, 1)


run()
