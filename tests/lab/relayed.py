#!/usr/bin/env python3
"""Calls that have sound by way of a TURN server only, with real processes: relayed.py BUILD WORK STORY

  ours       both phones behind symmetric NATs with random ports, postern-server relays
  coturn     the same, Debian's coturn relays
  tcp        UDP is blocked at Bob's home: SIP and TURN go by TCP
  tls        the same, and TURN goes by TLS to port 443, certificate and name verified
  reboot     both behind symmetric NATs, and one of them forgets everything in mid-call
  dark       the same, each relayed by another server, and in mid-call Alice's dies: her second one relays
Prints TAP; a case is a call that is set up and heard at both ends.
"""
import os
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
import tap  # noqa: E402
from certificates import make_ca, make_certificate  # noqa: E402
from programs import Trouble, last_words, wait_until  # noqa: E402
from town import Lab, Phone, start_registrar, start_server  # noqa: E402

BUILD, WORK, STORY = sys.argv[1:4]
TALK_MS, AFTERWARDS_MS = 3000, 6000
USER, PASSWORD, REALM = 'phone', 'turn of the town', 'town.example'
PEERS = '203.0.113.0-203.0.113.255'  # those of the documentation are denied by default
SYMMETRIC = 'symmetric ports random'
TURN = {'static.sip.nat_turn.enable': 1, 'static.sip.nat_turn.username': USER, 'static.sip.nat_turn.password': PASSWORD}


def homes(nat_a, nat_b):
    return {f'box_{side}': f'nat nat-{side} {nat} inside home-{side} outside core 203.0.113.{outside}'
            for side, nat, outside in (('a', nat_a, 10), ('b', nat_b, 20))}


def start_ours(town, *more, relay=0):
    return start_server(town, '--lt-cred-mech', '--user', f'{USER}:{PASSWORD}', '--realm', REALM, '--relay-ip', town.server[relay],
                        '--allowed-peer-ip', PEERS, *more)


def start_coturn(town):
    """coturn sends to whom it likes, but for what is told here."""
    listening = [word for address in town.server for word in ('-L', address)]
    return town.start('server', ['turnserver', '-n', *listening, '-E', town.server[0], '--lt-cred-mech', '-u', f'{USER}:{PASSWORD}',
                                 '-r', REALM, '--no-tls', '--no-dtls', '--no-cli', '--log-file', 'stdout', '--simple-log',
                                 '--pidfile', town.path('coturn.pid'), '-b', town.path('coturn.db')],
                      'coturn.log', ready='Total General servers')


def phones_in(town, bob_has=()):
    turn = {**TURN, 'static.sip.nat_turn.server': town.server[0]}
    alice = Phone(town, 'alice', turn)
    bob = Phone(town, 'bob', {'postern.auto_answer': 1, **turn, **dict(bob_has)})
    for phone in (alice, bob):
        phone.wait_registered()
    return alice, bob


def wait_relayed_addresses(*phones):
    """A phone has its relayed addresses before it needs them."""
    for phone in phones:
        wait_until(lambda: (t := phone.status()['nat'].get('turn')) and t['allocations'] >= 2,
                   f'{phone.owner}\'s relayed addresses (see {phone.owner}.log)', 20)


def talk(town, alice, bob, relays, meanwhile=None, gap_max_ms=1000):
    """One call; `relays` are the ways by which each is relayed, as status says, or None."""
    wait_relayed_addresses(*(phone for phone, relay in zip((alice, bob), relays) if relay))
    alice.dial(bob.number)
    up = [phone.wait_up() for phone in (alice, bob)]
    for phone, call, relay in zip((alice, bob), up, relays):
        tap.check_equal(relay, call.get('relay'), f'who relays for {phone.owner}')
        code, said = phone.postern('status')
        tap.check(not relay or f'relayed by {relay}' in said, said)
    took = up[0]['age_ms'] - up[0]['answered_for_ms']
    alice.wait_call(lambda c: c.get('answered_for_ms', 0) > TALK_MS, 'to go on for some seconds')
    if meanwhile:
        meanwhile()
        so_far = alice.calls()[0]['answered_for_ms']
        alice.wait_call(lambda c: c.get('answered_for_ms', 0) > so_far + AFTERWARDS_MS, 'to go on', 30)
    alice.hang_up()
    for phone in (alice, bob):
        phone.wait_calls(0)
    for phone in (alice, bob):
        tap.check_equal(0, phone.end(), f'the end of {phone.owner}\'s phone')
    for phone, far in ((alice, 'bob'), (bob, 'alice')):
        heard = town.hears(phone.recording, Phone.tone_of[far])
        print(f'# {phone.owner} heard {far} for {heard["heard_seconds"]} s, missed {heard["gap_max_ms"]} ms at the worst; '
              f'set up in {took:.0f} ms')
        if not heard['is_tone'] or heard['heard_seconds'] < TALK_MS / 1000 - 1 or heard['gap_max_ms'] > gap_max_ms:
            raise Trouble(f'{phone.owner} did not hear {far}: {heard}')


def by(town, kind='turn', port=3478, how='', server=0):
    return f'{kind}:{town.server[server]}:{port}{how}'


def two_symmetric(start):
    tap.need('kamailio')
    with Lab(BUILD, WORK, homes(SYMMETRIC, SYMMETRIC), captures=()) as town:
        server = start(town)
        start_registrar(town)
        alice, bob = phones_in(town)
        talk(town, alice, bob, (by(town), by(town)))
        return server.said()


@tap.case
def two_phones_behind_symmetric_nats_hear_each_other_by_our_turn_server():
    log = two_symmetric(start_ours)
    tap.check('released' in log and 'expired' not in log, 'what the phones had was given back')


@tap.case
def two_phones_behind_symmetric_nats_hear_each_other_by_coturn():
    tap.need('turnserver')
    two_symmetric(start_coturn)


def udp_blocked(settings, relay_of_bob, *server_flags, prepare=None):
    """Alice has a home like most; through Bob's no UDP passes."""
    with Lab(BUILD, WORK, homes('port-restricted ports random', 'port-restricted blocks udp'), captures=()) as town:
        flags = [flag.format(town=town) for flag in server_flags]
        if prepare:
            prepare(town)
        start_ours(town, *flags)
        start_registrar(town, '-l', f'tcp:{town.registrar}:5060')
        settings = {key: str(value).format(town=town) for key, value in settings.items()}
        alice, bob = phones_in(town, {'account.1.sip_server.1.transport_type': 1, **settings})
        talk(town, alice, bob, (None, relay_of_bob(town)))


@tap.case
def where_udp_is_blocked_sound_goes_by_turn_over_tcp():
    udp_blocked({}, lambda town: by(town, how='?transport=tcp'))


@tap.case
def where_udp_is_blocked_sound_goes_by_turn_over_tls_to_port_443():
    def certify(town):
        make_ca(town, 'our-ca')
        make_certificate(town, 'turn', f'IP:{town.server[0]}')
    udp_blocked({'postern.turn.transport': 'tls', 'postern.turn.tls_port': 443, 'postern.tls.ca_file': '{town.work}/our-ca.pem'},
                lambda town: by(town, 'turns', 443),
                '--tls-listening-port', '443', '--cert', '{town.work}/turn.pem', '--pkey', '{town.work}/turn.key', prepare=certify)


@tap.case
def a_relayed_call_goes_on_after_its_nat_has_forgotten_everything():
    with Lab(BUILD, WORK, homes(SYMMETRIC, SYMMETRIC), captures=()) as town:
        start_ours(town)
        start_registrar(town)
        alice, bob = phones_in(town, {'account.1.nat.udp_update_time': 15})
        talk(town, alice, bob, (by(town), by(town)), lambda: town.do('reboot nat-a'), 5000)


@tap.case
def a_relayed_call_goes_on_by_the_second_server_when_the_first_one_dies():
    with Lab(BUILD, WORK, homes(SYMMETRIC, SYMMETRIC), captures=()) as town:
        flags = ('--lt-cred-mech', '--user', f'{USER}:{PASSWORD}', '--realm', REALM, '--allowed-peer-ip', PEERS)
        servers = [town.start('server', [town.program('postern-server'), '--listening-ip', at, '--relay-ip', at, *flags,
                                         '--postern-status-socket', town.path(f'{at}.sock')],
                              f'server-{at}.log', ready='listening') for at in town.server]
        start_registrar(town)
        first, second = town.server
        alice, bob = [Phone(town, name, {'postern.auto_answer': int(name == 'bob'), 'static.sip.nat_stun.server': second, **TURN,
                                         'static.sip.nat_turn.server': better, 'postern.turn.second_server': other})
                      for name, better, other in (('alice', first, second), ('bob', second, first))]
        for phone in (alice, bob):
            phone.wait_registered()

        def dies():
            servers[0].end()
            alice.wait_call(lambda c: c.get('relay') == by(town, server=1), 'to be relayed by the second server', 30)
        talk(town, alice, bob, (by(town), by(town, server=1)), dies, 8000)


STORIES = {'ours': 0, 'coturn': 1, 'tcp': 2, 'tls': 3, 'reboot': 4, 'dark': 5}
if os.system(f'{BUILD}/apps/lab/postern-lab rights >/dev/null') != 0:
    tap.skip_all('this machine lets us make no network namespaces')
tap.need('kamailio')
tap.cases[:] = [tap.cases[STORIES[STORY]]]
tap.on_failure.append(last_words)
tap.run_cases()
