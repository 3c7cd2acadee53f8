#!/usr/bin/env python3
"""Calls with baresip in both directions, through Debian's Kamailio, over UDP, TCP and TLS."""
import math
import os
import struct
import sys
import wave

sys.path.insert(0, f'{sys.path[0]}/../support')
from baresip import Baresip  # noqa: E402
from certificates import make_ca, make_certificate, tls_flags  # noqa: E402
from programs import last_words, wait_until  # noqa: E402
from tap import case, check, need, on_failure, run_cases  # noqa: E402
from town import Loopback, Phone, start_registrar  # noqa: E402

need('kamailio', 'baresip', 'openssl')
town = Loopback.alone(os.environ['POSTERN_BUILD'])
on_failure.append(last_words)
world = {}


def tone_file(name, hz, seconds):
    """A WAV file with a tone, for peers that play files."""
    samples = (int(9000 * math.sin(2 * math.pi * hz * i / 8000)) for i in range(8000 * seconds))
    with wave.open(town.path(name), 'wb') as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(8000)
        f.writeframes(b''.join(struct.pack('<h', s) for s in samples))
    return town.path(name)


def heard(hz, seconds):
    sound = town.hears(world['alice'].recording, hz)
    check(abs(sound['hz'] - hz) < 2 and sound['purity'] > 0.8, f'{hz} Hz expected: {sound}')
    check(sound['heard_seconds'] > seconds, f'for more than {seconds} s: {sound}')


def sound_at_alice(packets):
    alice = world['alice']
    wait_until(lambda: alice.calls() and alice.calls()[0].get('stats', {}).get('received_packets', 0) > packets,
               f'{packets} packets of sound')


@case
def both_register():
    make_ca(town, 'our-ca')
    make_certificate(town, 'registrar', f'IP:{town.registrar}')
    # Kamailio calls it by a connection of its own.
    make_certificate(town, 'baresip', f'IP:{town.address["carol"]}')
    town.write('baresip.both', ''.join(open(town.path(f'baresip.{part}'), encoding='utf-8').read() for part in ('pem', 'key')))
    world['registrar'] = start_registrar(town, *tls_flags(town, 'registrar'))
    world['alice'] = Phone(town, 'alice', {'postern.auto_answer': 1, 'account.1.codec.1.enable': 0}, stun=False)
    world['alice'].wait_registered()
    world['baresip'] = Baresip(town, '1003', town.address['carol'], 'aubridge,echo')


@case
def we_call_and_hear_ourselves_sent_back():
    code, said = world['alice'].postern('dial', '1003', '--for', '5')
    check(code == 0, f'{code}: {said}')
    heard(440, 2)


@case
def it_calls_and_hangs_up():
    world['baresip'].end()
    world['baresip'] = other = Baresip(town, '1003', town.address['carol'], 'aufile,' + tone_file('620.wav', 620, 20))
    other.command('dial', f'sip:1001@{town.registrar}')
    sound_at_alice(150)
    wait_until(other.hears, 'it hears us')
    other.command('hangup')
    world['alice'].wait_calls(0)
    heard(620, 2)


@case
def it_calls_and_we_hang_up():
    alice, other = world['alice'], world['baresip']
    other.command('dial', f'sip:1001@{town.registrar}')
    sound_at_alice(100)
    check(alice.calls()[0]['codec'] == 'PCMA', f'the only law we have: {alice.calls()[0]}')
    check(alice.postern('hangup')[0] == 0, 'hung up')
    alice.wait_calls(0)
    other.wait_said('session closed')
    heard(620, 1)


def over(transport, kind, port):
    """Both of them by it: we call and are heard, it calls and is heard."""
    world['alice'].end()
    world['baresip'].end()
    alice = world['alice'] = Phone(town, 'alice', {
        'postern.auto_answer': 1, 'account.1.sip_server.1.transport_type': kind, 'account.1.sip_server.1.port': port,
        'postern.tls.ca_file': town.path('our-ca.pem')}, stun=False)
    alice.wait_registered()
    other = world['baresip'] = Baresip(town, '1003', town.address['carol'], 'aubridge,echo', transport)
    code, said = alice.postern('dial', '1003', '--for', '3')
    check(code == 0, f'{code}: {said}')
    heard(440, 1)
    other.end()
    other = world['baresip'] = Baresip(town, '1003', town.address['carol'], 'aufile,' + town.path('620.wav'), transport)
    other.command('dial', f'sip:1001@{town.registrar}')
    sound_at_alice(100)
    wait_until(other.hears, 'it hears us')
    check(alice.postern('hangup')[0] == 0, 'hung up')
    alice.wait_calls(0)
    heard(620, 1)


@case
def the_same_over_tcp():
    over('tcp', 1, 5060)


@case
def the_same_over_tls():
    over('tls', 2, 5061)


run_cases()
