#!/usr/bin/env python3
"""Two phones whose sound always goes by a TURN server, ours or Debian's coturn, by each of UDP, TCP and TLS: by_turn.py"""
import os
import re
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
import tap  # noqa: E402
from certificates import make_ca, make_certificate  # noqa: E402
from programs import Trouble, last_words, wait_until  # noqa: E402
from town import Loopback, Phone, start_registrar, start_server  # noqa: E402

tap.need('kamailio', 'openssl')
USER, PASSWORD, REALM = 'phone', 'turn of the town', 'town.example'
PORT, TLS_PORT = 3478, 5349
town = Loopback.alone(os.environ['POSTERN_BUILD'])
HERE = town.server[0]
FLAGS = {'udp': 'turn:{}:3478', 'tcp': 'turn:{}:3478?transport=tcp', 'tls': 'turns:{}:5349'}
make_ca(town, 'our-ca')
make_certificate(town, 'turn', f'IP:{HERE}')
start_registrar(town)


def ours():
    return start_server(town, '--lt-cred-mech', '--user', f'{USER}:{PASSWORD}', '--realm', REALM, '--relay-ip', HERE,
                        '--allowed-peer-ip', '127.0.0.0-127.255.255.255', '--tls-listening-port', TLS_PORT,
                        '--cert', town.path('turn.pem'), '--pkey', town.path('turn.key'))


def coturn():
    tap.need('turnserver')
    return town.start('server', ['turnserver', '-n', '-L', HERE, '-E', HERE, '-p', PORT, '--tls-listening-port', TLS_PORT, '--lt-cred-mech',
                                 '-u', f'{USER}:{PASSWORD}', '-r', REALM, '--allow-loopback-peers', '--no-dtls', '--no-cli',
                                 '--cert', town.path('turn.pem'), '--pkey', town.path('turn.key'), '--log-file', 'stdout', '--simple-log',
                                 '--pidfile', town.path('coturn.pid'), '-b', town.path('coturn.db')], 'coturn.log',
                      ready='Total General servers')


def settings(transport, password=PASSWORD):
    return {'static.sip.nat_turn.enable': 1, 'static.sip.nat_turn.server': HERE, 'static.sip.nat_turn.username': USER,
            'static.sip.nat_turn.password': password, 'postern.turn.transport': transport, 'postern.turn.tls_port': TLS_PORT,
            'postern.turn.use': 'always', 'postern.tls.ca_file': town.path('our-ca.pem')}


def turn_of(phone):
    return phone.status()['nat'].get('turn', {})


def call(by_alice, by_bob):
    """Both hear each other, each by way of his transport."""
    alice, bob = phones = [Phone(town, name, {'postern.auto_answer': int(name == 'bob'), **settings(by)}, stun=False)
                           for name, by in (('alice', by_alice), ('bob', by_bob))]
    for phone in phones:
        phone.wait_registered()
        wait_until(lambda p=phone: turn_of(p).get('allocations') == 2, f'{phone.owner}\'s relayed addresses', 10)
    alice.dial(bob.number)
    for phone, by in zip(phones, (by_alice, by_bob)):
        up = phone.wait_up()
        tap.check_equal(FLAGS[by].format(HERE), up.get('relay'), f'who relays for {phone.owner}')
        tap.check_equal('relayed address from TURN', up['rtp']['why'])
    alice.wait_call(lambda c: c.get('answered_for_ms', 0) > 1500, 'to go on for a while')
    alice.hang_up()
    for phone in phones:
        phone.wait_calls(0)
        tap.check_equal(0, turn_of(phone).get('lost'), 'allocations that were lost')
        tap.check_equal(0, phone.end(), f'the end of {phone.owner}\'s phone')
    for phone, far in ((alice, 'bob'), (bob, 'alice')):
        heard = town.hears(phone.recording, Phone.tone_of[far])
        if not heard['is_tone'] or heard['heard_seconds'] < 1 or heard['gap_max_ms'] > 500:
            raise Trouble(f'{phone.owner} did not hear {far}: {heard}')


@tap.case
def by_our_server_two_phones_hear_each_other_by_udp_tcp_and_tls():
    server = ours()
    call('udp', 'tcp')
    call('tls', 'udp')
    ended = re.findall(r'allocation .*; (\w+)', server.said())
    tap.check(len(ended) >= 16 and set(ended) == {'released'}, f'what became of allocations: {ended}')
    server.end()


@tap.case
def by_coturn_two_phones_hear_each_other_by_udp_tcp_and_tls():
    server = coturn()
    call('udp', 'tcp')
    call('tls', 'udp')
    server.end()


@tap.case
def a_wrong_password_is_said_and_the_call_goes_on_without_turn():
    server = ours()
    alice, bob = [Phone(town, name, {'postern.auto_answer': int(name == 'bob'), **settings('udp', 'forgotten')}, stun=False)
                  for name in ('alice', 'bob')]
    for phone in (alice, bob):
        phone.wait_registered()
        wait_until(lambda p=phone: turn_of(p).get('why'), 'what is wrong')
        tap.check_equal('wrong user name or password', turn_of(phone)['why'])
    alice.dial(bob.number)
    tap.check(not alice.wait_up()['relayed'], 'it is direct')
    alice.wait_call(lambda c: (c.get('stats') or {}).get('received_packets', 0) > 10, 'to have sound')
    for phone in (alice, bob):
        phone.end()
    server.end()


tap.on_failure.append(last_words)
tap.run_cases()
