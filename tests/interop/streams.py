#!/usr/bin/env python3
"""SIP over TCP and TLS at Debian's Kamailio: ports on the wire, calls, what is refused, coming back."""
import concurrent.futures
import os
import re
import socket
import subprocess
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
from certificates import make_ca, make_certificate, tls_flags  # noqa: E402
from programs import last_words, wait_until  # noqa: E402
from tap import case, check, need, on_failure, run_cases  # noqa: E402
from town import Loopback, Phone, start_registrar  # noqa: E402

need('kamailio', 'openssl', 'ss')
town = Loopback.alone(os.environ['POSTERN_BUILD'])
on_failure.append(last_words)
# Other servers, for phones that are to refuse them.
WRONG, EXPIRED = (Loopback(town.build, town.path(name), town.registrar.rsplit('.', 1)[0]) for name in ('wrong', 'expired'))
for other, last in ((WRONG, 6), (EXPIRED, 7)):
    other.registrar = f'{town.registrar.rsplit(".", 1)[0]}.{last}'
world = {}


def tls_registrar(where, certificate):
    return start_registrar(where, *tls_flags(town, certificate, where))


def phone(name, transport, settings=(), registrar=None):
    """One that answers by itself and knows our CA unless its settings say otherwise."""
    world[name] = Phone(town, name, {
        'account.1.sip_server.1.transport_type': {'tcp': 1, 'tls': 2}[transport],
        'account.1.sip_server.1.port': SERVER_PORT[transport],
        'account.1.sip_server.1.address': registrar or town.registrar,
        'postern.auto_answer': 1, 'postern.tls.ca_file': town.path('our-ca.pem'), **dict(settings)}, stun=False)
    return world[name]


SERVER_PORT = {'tcp': 5060, 'tls': 5061}


def connections(address, server_port):
    """Local ports of our connections to the registrar, as the kernel has them on the wire."""
    lines = subprocess.check_output(['ss', '-tnH', 'state', 'established', 'src', address, 'dport',
                                     f'= :{server_port}'], text=True).splitlines()
    return [int(line.split()[2].rsplit(':', 1)[1]) for line in lines]


def listens(address, port):
    return bool(subprocess.check_output(['ss', '-tlnH', 'src', f'{address}:{port}'], text=True).strip())


def contact(one):
    return one.account()['contact']['address']


@case
def it_registers_from_the_configured_port_while_it_listens_there():
    make_ca(town, 'our-ca')
    make_ca(town, 'their-ca')
    make_certificate(town, 'good', f'DNS:localhost,IP:{town.registrar}')
    world['registrar'] = tls_registrar(town, 'good')
    for name, transport, port, settings in (('alice', 'tcp', 5060, {}), ('bob', 'tls', 5061, {}),
                                            ('carol', 'tcp', 5088, {'sip.listen_port': 5088}),
                                            ('dave', 'tls', 5099, {'sip.tls_listen_port': 5099})):
        one = phone(name, transport, settings)
        one.wait_registered()
        check(connections(one.address, SERVER_PORT[transport]) == [port], f'{name}: source port')
        check(listens(one.address, port), f'{name}: listens')
        check(contact(one) == f'{one.address}:{port}', f'{name}: {contact(one)}')


@case
def calls_go_both_ways_over_the_connection_there_is():
    for caller, callee in (('alice', 'bob'), ('bob', 'alice'), ('dave', 'carol')):
        hz = Phone.tone_of.get(caller, 1000)
        code, said = world[caller].postern('dial', world[callee].number, '--for', '2')
        check(code == 0 and 'answered' in said, f'{caller} to {callee}: {code}: {said}')
        world[callee].wait_calls(0)
        sound = town.hears(world[callee].recording, hz)
        check(sound['is_tone'], f'{hz} Hz expected: {sound}')
    check(connections(world['bob'].address, 5061) == [5061], 'still one connection')


@case
def random_ports_are_random_and_told_as_the_mode_says():
    one = phone('eve', 'tcp', {'sip.tcp_port_random_mode': 0})
    one.wait_registered()
    (port,) = connections(one.address, 5060)
    check(port != 5060 and contact(one) == f'{one.address}:5060', f'{port}: {contact(one)}')
    check(one.end() == 0, 'a clean end')
    two = phone('eve', 'tls', {'sip.tcp_port_random_mode': 1})
    two.wait_registered()
    (port,) = connections(two.address, 5061)
    wait_until(lambda: contact(two) == f'{two.address}:{port}', f'the real port {port} to be told: {contact(two)}')
    check(port != 5061, f'{port}')
    three = phone('frank', 'tls', {'sip.tls_listen_port': 0})
    three.wait_registered()
    check(not listens(three.address, 5061), 'it does not listen')
    code, said = world['alice'].postern('dial', three.number, '--for', '1')
    check(code == 0 and 'answered' in said, f'called over its own connection: {code}: {said}')
    for one in (two, three):
        check(one.end() == 0, 'a clean end')


@case
def sixteen_accounts_share_one_connection():
    settings = {f'account.{i}.{key}': value for i in range(1, 17) for key, value in {
        'enable': 1, 'user_name': 2000 + i, 'password': f'secret-{2000 + i}', 'sip_server.1.address': town.registrar,
        'sip_server.1.transport_type': 1}.items()}
    one = phone('grace', 'tcp', settings)
    wait_until(lambda: [a['state'] for a in one.status().get('accounts', ())] == ['registered'] * 16, 'sixteen registrations', 20)
    check(connections(one.address, SERVER_PORT['tcp']) == [5060], connections(one.address, SERVER_PORT['tcp']))
    check(one.end() == 0, 'a clean end')


@case
def what_is_wrong_with_a_certificate_is_said():
    make_certificate(town, 'other', 'DNS:other.example')
    make_certificate(town, 'late', f'IP:{EXPIRED.registrar}', '-1')
    tls_registrar(WRONG, 'other')
    tls_registrar(EXPIRED, 'late')
    unknown = {'postern.tls.ca_file': town.path('their-ca.pem')}
    for server, settings, words, short in (
            (WRONG, {}, f'the certificate is for other.example, not for {WRONG.registrar}', 'it is for another name'),
            (EXPIRED, {}, r'the certificate expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC', 'it has expired, or is not valid yet'),
            (town, unknown, 'signed by /CN=our-ca, which is no CA trusted here', 'its CA is unknown here')):
        one = phone('eve', 'tls', settings, server.registrar)
        one.wait_account('failed')
        check(re.search(words, one.said()), one.said())
        check(f'not registered: certificate not trusted: {short}' in one.said(), one.said())
        told = one.postern('status')[1]
        check(f'failed (certificate not trusted: {short})' in told, told)
        one.end()
    one = phone('eve', 'tls', {**unknown, 'static.security.trust_certificates': 0}, WRONG.registrar)
    one.wait_registered()
    check('TLS PROTECTS FROM NOBODY' in one.said(), one.said())
    one.end()


@case
def files_that_are_no_certificates_end_it_at_once():
    one = phone('eve', 'tls', {'postern.tls.ca_file': '/nowhere.pem'})
    check(one.process.wait(10) == 1, 'wrong settings')
    check('postern.tls: /nowhere.pem: no CA certificates in PEM' in one.said(), one.said())


@case
def a_certificate_of_its_own_lets_others_in():
    address = town.address['eve']
    make_certificate(town, 'phone', f'IP:{address}')
    one = phone('eve', 'tls', {'postern.tls.certificate': town.path('phone.pem'),
                               'postern.tls.key': town.path('phone.key')})
    one.wait_registered()
    for flags, fine in ((['-tls1_2'], True), (['-tls1_3'], True),
                        (['-tls1_1', '-cipher', 'DEFAULT:@SECLEVEL=0'], False)):
        done = subprocess.run(['openssl', 's_client', '-connect', f'{address}:5061', '-CAfile', town.path('our-ca.pem'),
                               '-verify_return_error', '-brief', *flags], input=b'', stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=20, check=False)
        check((done.returncode == 0 and b'Verification: OK' in done.stdout) == fine, f'{flags}: {done.stdout.decode()}')
    # Whoever begins to shake hands again and again takes no sockets from calls.
    held = [socket.create_connection((address, 5061)) for _ in range(350)]
    with concurrent.futures.ThreadPoolExecutor() as at_once:
        for code, said in at_once.map(lambda name: world[name].postern('dial', one.number, '--for', '1'),
                                      ('alice', 'bob', 'carol')):
            check(code == 0 and 'answered' in said, f'{code}: {said}')
    for s in held:
        s.close()
    one.end()


@case
def a_phone_that_starts_again_at_once_has_its_port_again():
    for name, transport, port in (('alice', 'tcp', 5060), ('bob', 'tls', 5061)):
        check(world[name].end() == 0, 'a clean end')
        new = phone(name, transport)
        new.wait_registered()
        check(connections(new.address, SERVER_PORT[transport]) == [port], 'the same port')


@case
def a_server_that_comes_back_is_found_again_from_the_same_port():
    world['registrar'].end()
    for name in ('alice', 'bob'):
        world[name].wait_account('failed')
    world['registrar'] = tls_registrar(town, 'good')
    for name, transport, port in (('alice', 'tcp', 5060), ('bob', 'tls', 5061)):
        world[name].wait_registered(5)
        check(connections(world[name].address, SERVER_PORT[transport]) == [port], f'{name}: the same port')
    code, said = world['alice'].postern('dial', world['bob'].number, '--for', '1')
    check(code == 0 and 'answered' in said, f'{code}: {said}')


run_cases()
