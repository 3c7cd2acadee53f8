#!/usr/bin/env python3
"""Calls through pairs of NATs by STUN alone, with real processes: calls.py BUILD WORK STORY

  from-NAT          from behind this NAT to each of {none, full cone, address-restricted, port-restricted}
  lossy-from-NAT    the same on wires that lose 3 %
  ipv6              over IPv6, each phone behind a firewall
  dead-stun         nobody answers STUN: the call is set up no more than 300 ms later
  reboot            a NAT forgets everything in mid-call: sound is back within 4 s
  renumbered-nat    it gets another address in mid-call: the same
  renumbered-phone  a phone gets another address in mid-call: the same
  both-TRANSPORT    both phones, or their NATs, get another address in the same moment: within 12 s
Prints TAP; a case is a call that is set up and heard at both ends.
"""
import functools
import os
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
import tap  # noqa: E402
from certificates import make_ca, make_certificate, tls_flags  # noqa: E402
from programs import Trouble, last_words  # noqa: E402
from town import Lab, Lab6, Phone, start_registrar, start_server  # noqa: E402

BUILD, WORK = sys.argv[1:3]
NATS = ('none', 'full-cone', 'address-restricted', 'port-restricted')
TALK_MS = 2500
NOBODY = '203.0.113.99'  # in the core, and silent


def case(name, run, *args):
    tap.cases.append((name, lambda: run(*args)))


def homes(nat_a, nat_b, loss):
    """What scenarios/two-homes.net is told for this pair; without a NAT a home has public addresses."""
    sets = {'loss': loss}
    for side, nat, net, outside in (('a', nat_a, '198.51.100', '203.0.113.10'), ('b', nat_b, '192.0.2', '203.0.113.20')):
        if nat == 'none':
            sets[f'home_{side}'] = net
            sets[f'box_{side}'] = f'router router-{side} home-{side} {net}.1 core {outside}'
        else:
            sets[f'box_{side}'] = f'nat nat-{side} {nat} ports random inside home-{side} outside core {outside}'
    return sets


def call(sets, seed, stun=True):
    return call_in(Lab(BUILD, WORK, sets, captures=(), seed=seed), stun)


def call_in(lab, stun=True):
    """Sets one call up, listens (with STUN), hangs up; how long the set-up took at the caller, in milliseconds."""
    with lab as town:
        start_server(town)
        start_registrar(town)
        settings = {} if stun else {'static.sip.nat_stun.server': NOBODY}
        phones = [Phone(town, name, {'postern.auto_answer': int(name == 'bob'), **settings}) for name in ('alice', 'bob')]
        alice, bob = phones
        for phone in phones:
            phone.wait_registered()
        alice.dial(bob.number)
        up = [phone.wait_up() for phone in phones][0]
        alice.wait_call(lambda c: c.get('answered_for_ms', 0) > TALK_MS, 'to go on for some seconds')
        alice.hang_up()
        for phone in phones:
            phone.wait_calls(0)
        for phone in phones:
            phone.end()
        for phone, far in ((alice, 'bob'), (bob, 'alice')) if stun else ():
            heard = town.hears(phone.recording, Phone.tone_of[far])
            if not heard['is_tone'] or heard['heard_seconds'] < TALK_MS / 1000 - 1:
                raise Trouble(f'{phone.owner} did not hear {far}: {heard}')
        return up['age_ms'] - up['answered_for_ms']


def calls_from(a, loss):
    for seed, b in enumerate(NATS, 1 + len(NATS) * NATS.index(a)):
        case(f'{a} and {b} hear each other at {loss} loss', call, homes(a, b, loss), seed)


def end_and_listen(town, alice, bob, gap_max_ms):
    """Bob hangs up, both end, and each must have heard the other but for gaps so long."""
    bob.hang_up()
    for phone in (alice, bob):
        phone.wait_calls(0)
    for phone in (alice, bob):
        phone.end()
    for phone, far in ((alice, 'bob'), (bob, 'alice')):
        heard = town.hears(phone.recording, Phone.tone_of[far])
        print(f'# {phone.owner} heard {far} for {heard["heard_seconds"]} s and missed {heard["gap_max_ms"]} ms at the worst')
        if not heard['is_tone'] or heard['gap_max_ms'] > gap_max_ms or heard['heard_seconds'] < 5:
            raise Trouble(f'{phone.owner} did not hear {far} to the end: {heard}')


def moving(event):
    """Plays the event in a call of ten seconds; then each side hears the other again, and Bob can hang up."""
    with Lab(BUILD, WORK, homes('port-restricted', 'port-restricted', '0%'), captures=()) as town:
        start_server(town)
        start_registrar(town)
        settings = {'postern.listen': '', 'account.1.nat.udp_update_time': 15}
        alice, bob = [Phone(town, name, {'postern.auto_answer': int(name == 'bob'), **settings}) for name in ('alice', 'bob')]
        for phone in (alice, bob):
            phone.wait_registered()
        alice.dial(bob.number)
        alice.wait_up()
        alice.wait_call(lambda c: c.get('answered_for_ms', 0) > 3000, 'to go on for some seconds')
        town.do(event)
        alice.wait_call(lambda c: c.get('answered_for_ms', 0) > 10000, 'to go on for ten seconds')
        end_and_listen(town, alice, bob, 4000)


def by_transport(town, transport):
    """(what Kamailio is told, what a phone is told)"""
    if transport == 'udp':
        return (), {}
    make_ca(town, 'our-ca')
    make_certificate(town, 'registrar', f'IP:{town.registrar}')
    number, port = {'tcp': (1, 5060), 'tls': (2, 5061)}[transport]
    return tls_flags(town, 'registrar'), {'account.1.sip_server.1.transport_type': number, 'account.1.sip_server.1.port': port,
                                          'postern.tls.ca_file': town.path('our-ca.pem')}


def both_moving(transport, *events):
    """Each knows only where the other was; Kamailio knows where both are."""
    with Lab(BUILD, WORK, homes('port-restricted', 'port-restricted', '0%'), captures=()) as town:
        start_server(town)
        flags, settings = by_transport(town, transport)
        start_registrar(town, *flags)
        settings = {'postern.listen': '', 'account.1.nat.udp_update_time': 15, **settings}
        alice, bob = [Phone(town, name, {'postern.auto_answer': int(name == 'bob'), **settings}) for name in ('alice', 'bob')]
        for phone in (alice, bob):
            phone.wait_registered()
        alice.dial(bob.number)
        ids = [phone.wait_up()['call'] for phone in (alice, bob)]
        alice.wait_call(lambda c: c.get('answered_for_ms', 0) > 2000, 'to go on for two seconds')
        for event in events:
            town.do(event)
        alice.wait_call(lambda c: c.get('answered_for_ms', 0) > 18000, 'to go on for 18 seconds', 30)
        tap.check([phone.wait_up()['call'] for phone in (alice, bob)] == ids, 'it is another call for its owner')
        end_and_listen(town, alice, bob, 12000)


def both_move(transport):
    case(f'a call by {transport} goes on after both phones got another address at once', both_moving, transport,
         'address alice 192.168.1.77', 'address bob 192.168.1.99')
    if os.environ.get('POSTERN_LONG'):
        case(f'a call by {transport} goes on after both NATs got another address at once', both_moving, transport,
             'address nat-a 203.0.113.77', 'address nat-b 203.0.113.99')


def goes_on_after(event):
    case(f'a call goes on after: {event}', moving, event)


def ipv6():
    case('two phones register and hear each other over IPv6', lambda: call_in(Lab6(BUILD, WORK)))


def dead_stun():
    def compare():
        sets = homes('full-cone', 'full-cone', '0%')
        alive, dead = call(sets, 1), call(sets, 1, stun=False)
        print(f'# set up in {alive:.0f} ms with STUN, {dead:.0f} ms without')
        if dead - alive >= 300:
            raise Trouble(f'{dead - alive:.0f} ms added')
    case('a call is set up less than 300 ms later when no STUN server answers', compare)


if os.system(f'{BUILD}/apps/lab/postern-lab rights >/dev/null') != 0:
    tap.skip_all('this machine lets us make no network namespaces')
STORIES = {
    'ipv6': ipv6, 'dead-stun': dead_stun,
    'reboot': lambda: goes_on_after('reboot nat-a'),
    'renumbered-nat': lambda: goes_on_after('address nat-a 203.0.113.77'),
    'renumbered-phone': lambda: goes_on_after('address alice 192.168.1.77'),
    **{f'both-{transport}': functools.partial(both_move, transport) for transport in ('udp', 'tcp', 'tls')},
    **{f'from-{nat}': functools.partial(calls_from, nat, '0%') for nat in NATS},
    **{f'lossy-from-{nat}': functools.partial(calls_from, nat, '3%') for nat in NATS},
}
STORIES[sys.argv[3]]()
tap.on_failure.append(last_words)
tap.run_cases()
