#!/usr/bin/env python3
"""Calls with linphone in both directions over UDP, TCP and TLS, through Debian's Kamailio; the sound is measured at
both ends."""
import math
import os
import struct
import sys
import wave

sys.path.insert(0, f'{sys.path[0]}/../support')
import tap  # noqa: E402
from certificates import make_ca, make_certificate, tls_flags  # noqa: E402
from programs import Program, last_words, wait_until  # noqa: E402
from tap import check, need, on_failure, run_cases  # noqa: E402
from town import Loopback, Phone, start_registrar  # noqa: E402

need('kamailio', 'linphonec', 'openssl')
town = Loopback.alone(os.environ['POSTERN_BUILD'])
on_failure.append(last_words)
world = {}
NUMBER, HZ = '1007', 620
# Transport: our phone, its setting, Kamailio's port.
TRANSPORTS = {'udp': ('alice', 0, 5060), 'tcp': ('bob', 1, 5060), 'tls': ('carol', 2, 5061)}


class Linphone(Program):
    """linphonec, which reads what to do from a file that grows. It answers by itself, plays a tone from a file and
    records what it hears; where its sockets are, it decides itself."""

    def __init__(self, transport):
        self.commands = town.write(f'linphone-{transport}/commands', '')
        home = os.path.dirname(self.commands)
        os.makedirs(f'{home}/.local/share/linphone')
        config = town.write(f'linphone-{transport}/rc', f'''
[sip]
sip_port=-1
sip_tcp_port=-1
sip_tls_port=-1
use_ipv6=0
verify_server_certs=0
verify_server_cn=0
''')
        super().__init__(['bash', '-c', 'exec linphonec -a -c "$2" -d 0 < <(exec tail -n +1 -f "$1" --pid $$)', 'bash', self.commands, config],
                         town.path(f'linphone-{transport}.log'), ready='linphonec>', env={'HOME': home})
        self.tell('soundcard use files')
        self.tell(f'play {town.path("tone.wav")}')
        self.tell(f'record {town.path(transport)}.wav')
        server = f'sip:{town.registrar}:{TRANSPORTS[transport][2]};transport={transport}'
        self.tell(f'register sip:{NUMBER}@{town.registrar} {server} secret-{NUMBER}')

    def tell(self, line):
        with open(self.commands, 'a', encoding='utf-8') as f:
            f.write(line + '\n')

    def wait_registered(self):
        def asked():
            self.tell('status register')
            return 'registered, identity' in self.said()
        wait_until(asked, 'linphone to be registered')


def make_tone():
    samples = (int(9000 * math.sin(2 * math.pi * HZ * i / 8000)) for i in range(8000 * 20))
    with wave.open(town.path('tone.wav'), 'wb') as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(8000)
        f.writeframes(b''.join(struct.pack('<h', s) for s in samples))


def wait_heard(recording, hz, seconds):
    def enough():
        sound = town.hears(recording, hz)
        return sound['is_tone'] and sound['heard_seconds'] > seconds
    wait_until(enough, f'{hz} Hz for {seconds} s in {recording}', 10)


def talk(phone, hang_up):
    phone.wait_call(lambda c: c.get('stats', {}).get('received_packets', 0) > 150, 'to have sound')
    hang_up()
    phone.wait_calls(0)
    wait_heard(phone.recording, HZ, 2)


def begin():
    make_tone()
    make_ca(town, 'our-ca')
    make_certificate(town, 'registrar', f'IP:{town.registrar}')
    world['registrar'] = start_registrar(town, *tls_flags(town, 'registrar'))


def calls_go_both_ways(transport):
    if not world:
        begin()
    name, kind, port = TRANSPORTS[transport]
    phone = Phone(town, name, {'account.1.sip_server.1.transport_type': kind, 'account.1.sip_server.1.port': port,
                               'postern.tls.ca_file': town.path('our-ca.pem'), 'postern.auto_answer': 1,
                               'postern.sound.play': 'tone:440'}, stun=False)
    phone.wait_registered()
    with Linphone(transport) as other:
        other.wait_registered()
        other.tell(f'call sip:{phone.number}@{town.registrar}')
        talk(phone, lambda: other.tell('terminate'))
        phone.dial(NUMBER)
        talk(phone, phone.hang_up)
        other.tell('quit')
        wait_until(lambda: 'ended (No error)' in other.said() and other.ended(), 'linphone to end')
    wait_heard(f'{transport}.wav', 440, 4)  # in both calls
    check(phone.end() == 0, 'a clean end')


for way in TRANSPORTS:
    tap.cases.append((f'calls over {way} go both ways and are heard at both ends', lambda way=way: calls_go_both_ways(way)))
run_cases()
