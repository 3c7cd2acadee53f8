#!/usr/bin/env python3
"""Servers that are found by name, at real name servers: names.py BUILD WORK STORY

  services   NAPTR, SRV and their orders, servers that are dead or move, answers that UDP cannot hold
  trouble    names that lead nowhere, name servers that fail, are silent or are not there: it is said, and it mends

Scenario and programs are real: scenarios/names.net, NSD with the zones, dnsmasq between it and the phones, Debian's
Kamailio on each address of the host "registrar".
"""
import os
import subprocess
import sys
import time

sys.path.insert(0, f'{sys.path[0]}/../support')
import tap  # noqa: E402
from certificates import make_ca, make_certificate, tls_flags  # noqa: E402
from nameserver import Authority, start_cache, use_name_servers  # noqa: E402
from programs import last_words, wait_until  # noqa: E402
from town import Lab, Phone, start_registrar, start_server  # noqa: E402

BUILD, WORK, STORY = sys.argv[1:4]
DOMAIN, CACHE = 'example.test', '203.0.113.53'
PHONES = ('alice', 'bob', 'carol', 'dave', 'eve')
HOSTS = ''.join(f'sip{i} A 203.0.113.{i}\n' for i in (7, 8, 9)) + 'nobody A 203.0.113.99\n'
SERVICES = {'udp': ('SIP+D2U', '_sip._udp', 5060), 'tcp': ('SIP+D2T', '_sip._tcp', 5060), 'tls': ('SIPS+D2T', '_sips._tcp', 5061)}
SILENT, REFUSED, FAILED = 'no name server answers', 'the name server refuses to answer', 'the name server has failed (SERVFAIL)'
LABELS = ('rank', 'weight', 'udp', 'tcp', 'tls', 'shut', 'strange', 'many', 'six', 'nowhere', 'empty')
world = {}


class Town(Lab):
    """scenarios/names.net with its name servers; every phone asks the cache, if not told otherwise."""

    def __init__(self, **sets):
        super().__init__(BUILD, WORK, sets, captures=('home',), scenario='scenarios/names.net')
        self.address = {name: f'192.168.1.{11 + i}' for i, name in enumerate(PHONES)} | {'frank': '2001:db8::20'}
        self.authority = Authority(self, DOMAIN, 'broken.test')
        self.cache = start_cache(self, CACHE, '2001:db8::53')
        make_ca(self, 'our-ca')
        make_certificate(self, 'sip', f'DNS:{DOMAIN},DNS:*.{DOMAIN}')
        start_server(self)
        for i in (7, 8):
            self.open_registrar(f'203.0.113.{i}')
        for name in PHONES:
            use_name_servers(self, name, CACHE)

    def open_registrar(self, address):
        flags = [word.replace(self.registrar, address) for word in tls_flags(self, 'sip')]
        names = [f'--alias={name}' for name in (DOMAIN, 'broken.test', 'other.test', *(f'{label}.{DOMAIN}' for label in LABELS))]
        world[address] = start_registrar(self, *flags, *names, address=address, name=f'registrar-{address}')

    def close_registrar(self, address):
        self.ask('registrar', ['pkill', '-f', f'kamailio-registrar-{address} '])
        world[address].process.wait(10)

    def zone(self, records):
        self.authority.say(DOMAIN, records + HOSTS)

    def phone(self, owner, server=DOMAIN, **settings):
        """One that finds its server by NAPTR."""
        settings = {'account.1.sip_server.1.address': server, 'account.1.sip_server.1.transport_type': 3,
                    'postern.tls.ca_file': self.path('our-ca.pem'), 'postern.auto_answer': 1,
                    **{key.replace('__', '.'): value for key, value in settings.items()}}
        world[owner] = Phone(self, owner, settings)
        return world[owner]


def service(label, *ways, **rows):
    """Records of a domain that is called so. A way is a transport with its order and preference; a row is the priority,
    weight and host of a server, and perhaps its port."""
    under = '' if label == '@' else f'.{label}'
    text = ''
    for kind, order, preference in ways:
        name, prefix, port = SERVICES[kind]
        text += f'{label} NAPTR {order} {preference} "s" "{name}" "" {prefix}{under}\n'
        for priority, weight, host, *other in rows.get(kind, ((1, 1, 'sip7'),)):
            text += f'{prefix}{under} SRV {priority} {weight} {other[0] if other else port} {host}\n'
    return text


def used(phone):
    account = phone.account()
    return account.get('state') == 'registered' and (account['server_transport'], account['server_address'])


def wait_used(phone, kind, address, seconds):
    """How long it takes until the phone is registered there."""
    began, place = time.monotonic(), (kind, f'{address}:{SERVICES[kind][2]}')
    wait_until(lambda: used(phone) == place, f'{phone.owner} to be registered at {place}: {phone.account()}', seconds)
    return time.monotonic() - began


def says(phone, text, seconds):
    wait_until(lambda: text in phone.postern('status')[1], f'{phone.owner} to say "{text}"', seconds)


def end(*names):
    for name in names:
        tap.check(world[name].end() == 0, f'{name} ends cleanly')


def call(caller, callee):
    code, said = world[caller].postern('dial', world[callee].number, '--for', '1', '--timeout', '5')
    tap.check(code == 0, f'{caller} calls {callee}: {code}: {said}')
    world[callee].wait_calls(0)


def naptr_decides_and_a_phone_follows_it_while_it_runs():
    town = world['town'] = Town()
    town.zone(service('@', ('udp', 30, 1), ('tcp', 20, 1), ('tls', 10, 9)))
    alice = town.phone('alice')
    wait_used(alice, 'tls', '203.0.113.7', 5)
    for ways, kind in (((('udp', 30, 1), ('tls', 20, 2), ('tcp', 20, 1)), 'tcp'), ((('udp', 10, 9), ('tcp', 20, 1)), 'udp')):
        town.zone(service('@', *ways))
        took = wait_used(alice, kind, '203.0.113.7', 12)
        print(f'# over {kind} after {took:.1f} s')
        contact = alice.account()['contact']['address']
        told = alice.postern('trace', '--full', '--all')[1]
        tap.check(f'Contact: <sip:1001@{contact}' in told, contact)


def priority_and_weight_choose_the_server():
    world['town'].zone(service('@', ('udp', 10, 1)) + service('rank', ('udp', 1, 1), udp=((20, 65535, 'sip7'), (10, 0, 'sip8'))) +
                       service('weight', ('udp', 1, 1), udp=((10, 0, 'sip7'), (10, 65535, 'sip8'))))
    for name, label in (('bob', 'rank'), ('carol', 'weight')):
        wait_used(world['town'].phone(name, f'{label}.{DOMAIN}'), 'udp', '203.0.113.8', 5)
    end('bob', 'carol')


def a_server_that_is_dead_is_followed_by_the_next_one_in_time():
    cases = {  # who asks for what, and after how long the second one must be used, at least and at most
        'bob': ('udp', 'udp', (1, 1, 'nobody'), 'does not answer', 7, 10.5),
        'carol': ('tcp', 'tcp', (1, 1, 'nobody'), 'does not answer', 1.5, 5),
        'dave': ('tls', 'tls', (1, 1, 'nobody'), 'does not answer', 3.5, 7),
        'eve': ('shut', 'udp', (1, 1, 'sip7', 5999), 'cannot be reached', 0, 3),
    }
    world['town'].zone(service('@', ('udp', 10, 1)) + ''.join(
        service(label, (kind, 1, 1), **{kind: (first, (2, 1, 'sip8'))}) for label, kind, first, *_ in cases.values()))
    began, took = {}, {}
    for name, (label, *_) in cases.items():
        began[name] = time.monotonic()
        world['town'].phone(name, f'{label}.{DOMAIN}')

    def look():
        for name in set(cases) - set(took):
            if used(world[name]):
                took[name] = time.monotonic() - began[name]
        return len(took) == len(cases)

    wait_until(look, 'all to be registered', 20)
    for name, (label, kind, first, why, least, most) in cases.items():
        print(f'# {label}: at the second server after {took[name]:.1f} s')
        tap.check(least < took[name] < most, f'{label}: {took[name]:.1f} s')
        tap.check(used(world[name])[1].startswith('203.0.113.8:'), world[name].account())
        says(world[name], f':{first[3] if len(first) > 3 else SERVICES[kind][2]} {why}', 1)
    end('bob', 'carol', 'dave', 'eve')


def a_certificate_that_is_not_trusted_is_named_as_the_reason():
    world['town'].zone(service('@', ('udp', 10, 1)) + service('strange', ('tls', 1, 1), ('tcp', 2, 1)))
    dave = world['town'].phone('dave', f'strange.{DOMAIN}', postern__tls__ca_file='')
    wait_used(dave, 'tcp', '203.0.113.7', 6)
    says(dave, 'because 203.0.113.7:5061 has a certificate of an unknown CA', 1)
    end('dave')


def many_servers():
    """Records of a domain "many": more than fits into a datagram. Of its servers the best is there."""
    names = [f'a-server-with-a-long-name-{i:02d}' for i in range(30, 0, -1)]
    return (service('many', ('udp', 1, 1), udp=[(int(n[-2:]), 1, n) for n in names]) + 'many A 203.0.113.7\n' +
            ''.join(f'{n} A 203.0.113.{8 if n.endswith("-01") else 99}\n' for n in names))


def an_answer_that_udp_cannot_hold_is_fetched_by_tcp():
    world['town'].zone(service('@', ('udp', 10, 1)) + many_servers())
    wait_used(world['town'].phone('carol', f'many.{DOMAIN}'), 'udp', '203.0.113.8', 5)
    end('carol')


def over_ipv6_alone_names_lead_to_a_server_too():
    town = world['town']
    start_registrar(town, f'--alias=six.{DOMAIN}', address='2001:db8::7', name='registrar-6')
    town.zone(service('@', ('udp', 10, 1)) + service('six', ('udp', 1, 1)) + 'sip7 AAAA 2001:db8::7\n')
    use_name_servers(town, 'frank', '2001:db8::53')
    wait_used(town.phone('frank', f'six.{DOMAIN}'), 'udp', '[2001:db8::7]', 5)
    end('frank')


def a_server_that_moves_takes_its_phones_along():
    town, new = world['town'], '203.0.113.9'
    wait_used(world['alice'], 'udp', '203.0.113.7', 12)
    wait_used(town.phone('bob'), 'udp', '203.0.113.7', 5)
    call('alice', 'bob')
    town.open_registrar(new)
    town.close_registrar('203.0.113.7')
    town.zone(service('@', ('udp', 10, 1), udp=((1, 1, 'sip9'),)))
    print('# moved after {:.1f} and {:.1f} s'.format(*(wait_used(world[name], 'udp', new, 15) for name in ('alice', 'bob'))))
    call('bob', 'alice')


def a_stun_service_leads_to_a_server_that_answers():
    town = world['town']
    town.zone(service('@', ('udp', 10, 1), udp=((1, 1, 'sip9'),)) + 'stun A 203.0.113.5\nother A 203.0.113.6\n'
              '_stun._udp SRV 10 1 3478 nobody\n_stun._udp SRV 20 1 3479 stun\n')
    carol = town.phone('carol', static__sip__nat_stun__server=DOMAIN, static__sip__nat_stun__port=0)
    says(carol, f'{DOMAIN} (203.0.113.5:3479)  answers', 10)
    says(carol, 'port-restricted cone', 10)
    said = town.ask('eve', [town.program('postern-probe'), DOMAIN])
    tap.check('203.0.113.5:3479' in said.stdout and 'port-restricted cone' in said.stdout, said.stdout + said.stderr)
    dave = town.phone('dave', static__sip__nat_stun__server=f'stunned.{DOMAIN}')
    says(dave, f'stunned.{DOMAIN}  is not asked: the name servers know no such name', 5)
    end('alice', 'bob', 'carol', 'dave')


def the_wire_has_seen_that_tcp_was_used():
    tap.need('tshark')
    world['town'].close()
    seen = subprocess.run(['tshark', '-r', world['town'].path('home.pcapng'), '-Y', 'dns.flags.response == 1 && tcp && dns.srv.name', '-T',
                           'fields', '-e', 'dns.count.answers'], capture_output=True, text=True, check=True).stdout.split()
    tap.check('30' in seen, seen)


TROUBLES = {
    'alice': (f'nowhere.{DOMAIN}', 'the name servers know no such name'),
    'bob': (f'empty.{DOMAIN}', 'the name has no address that can be used from here'),
    'carol': ('broken.test', FAILED),
    'dave': ('other.test', REFUSED),
    'eve': (DOMAIN, 'no name server can be reached'),
}


def names_that_lead_nowhere_are_told_with_the_reason():
    town = world['town'] = Town(middle='firewall middle inside core 203.0.113.1 outside names 198.51.100.1 blocks tcp')
    town.zone('sip A 203.0.113.7\nempty AAAA 2001:db8::7\n@ A 203.0.113.7\n')
    use_name_servers(town, 'eve')
    for name, (server, _) in TROUBLES.items():
        town.phone(name, server)
    for name, (server, why) in TROUBLES.items():
        says(world[name], f'looking up {server} fails: {why}', 6)


def they_register_once_it_is_mended():
    town, began = world['town'], time.monotonic()
    town.authority.write('broken.test', '@ A 203.0.113.7\n')
    town.authority.write('other.test', '@ A 203.0.113.7\n')
    town.authority.write(DOMAIN, 'nowhere A 203.0.113.7\nempty A 203.0.113.7\n@ A 203.0.113.7\n')
    tap.check(town.authority.program.end() == 0, 'NSD ends')
    town.authority.start(DOMAIN, 'broken.test', 'other.test')
    use_name_servers(town, 'eve', CACHE)
    for name in TROUBLES:
        wait_used(world[name], 'udp', '203.0.113.7', 15)
        print(f'# {name}: {time.monotonic() - began:.1f} s')
        tap.check('looking up' not in world[name].postern('status')[1], name)


def an_answer_that_no_tcp_can_fetch_is_missed_and_told():
    town = world['town']
    end('eve')
    town.zone('nowhere A 203.0.113.7\nempty A 203.0.113.7\n@ A 203.0.113.7\n' + many_servers())
    use_name_servers(town, 'eve', Authority.address)
    wait_used(town.phone('eve', f'many.{DOMAIN}'), 'udp', '203.0.113.7', 15)
    says(world['eve'], f'looking up many.{DOMAIN} fails: {SILENT}; what is known is used', 2)
    use_name_servers(town, 'eve', CACHE)


def a_name_server_that_falls_silent_stops_nobody_who_was_there():
    town = world['town']
    end('eve')
    town.authority.signal('STOP')
    town.phone('eve')
    says(world['eve'], f'looking up {DOMAIN} fails: {SILENT}', 20)
    says(world['alice'], f'looking up nowhere.{DOMAIN} fails: {SILENT}; what is known is used', 30)
    tap.check(used(world['alice']) == ('udp', '203.0.113.7:5060'), world['alice'].account())


def and_all_is_well_when_it_speaks_again():
    world['town'].authority.signal('CONT')
    print(f'# registered after {wait_used(world["eve"], "udp", "203.0.113.7", 22):.1f} s')
    for name in TROUBLES:
        wait_until(lambda owner=name: 'looking up' not in world[owner].postern('status')[1], f'{name} to have nothing to complain of', 22)
    end(*TROUBLES)


STORIES = {
    'services': (naptr_decides_and_a_phone_follows_it_while_it_runs, priority_and_weight_choose_the_server,
                 a_server_that_is_dead_is_followed_by_the_next_one_in_time, a_certificate_that_is_not_trusted_is_named_as_the_reason,
                 an_answer_that_udp_cannot_hold_is_fetched_by_tcp, over_ipv6_alone_names_lead_to_a_server_too,
                 a_server_that_moves_takes_its_phones_along, a_stun_service_leads_to_a_server_that_answers,
                 the_wire_has_seen_that_tcp_was_used),
    'trouble': (names_that_lead_nowhere_are_told_with_the_reason, they_register_once_it_is_mended, an_answer_that_no_tcp_can_fetch_is_missed_and_told,
                a_name_server_that_falls_silent_stops_nobody_who_was_there, and_all_is_well_when_it_speaks_again),
}


if os.system(f'{BUILD}/apps/lab/postern-lab rights >/dev/null') != 0:
    tap.skip_all('this machine lets us make no network namespaces')
tap.need('kamailio', 'openssl', 'nsd', 'dnsmasq')
for function in STORIES[STORY]:
    tap.case(function)
tap.on_failure.append(last_words)
tap.run_cases()
