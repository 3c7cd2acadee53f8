#!/usr/bin/env python3
"""SIP over TCP and TLS behind NATs, with real processes: streams.py BUILD WORK

Alice registers over TCP and Bob over TLS, each from behind a NAT; the way between goes dark and comes back.
What they sent is read from the captures of their own wires.
"""
import os
import subprocess
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
import tap  # noqa: E402
from programs import last_words  # noqa: E402
from town import Lab, Phone, start_registrar, start_server  # noqa: E402

BUILD, WORK = sys.argv[1:3]
TRANSPORTS = {'alice': ('tcp', 1, 5060, 5072), 'bob': ('tls', 2, 5061, 5073)}
world = {}


def openssl(town, *words):
    done = subprocess.run(['openssl', *words], cwd=town.work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    tap.check(done.returncode == 0, done.stdout.decode())


def make_certificate(town):
    """One that signs itself is its own CA."""
    openssl(town, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
            '/CN=registrar', '-addext', f'subjectAltName=IP:{town.registrar}', '-keyout', 'sip.key', '-out', 'sip.pem')
    return town.write('tls.cfg', f'''
[server:default]
method = TLSv1.2+
private_key = {town.path('sip.key')}
certificate = {town.path('sip.pem')}
[client:default]
verify_certificate = no
''')


def do(*words):
    town = world['town']
    subprocess.run([town.program('postern-lab'), 'do', *words], env={**os.environ, 'POSTERN_LAB': str(town.lab.pid)},
                   check=True, stdout=subprocess.DEVNULL)


def dial(caller, callee):
    code, said = world[caller].postern('dial', world[callee].number, '--for', '2')
    tap.check(code == 0 and 'answered' in said, f'{code}: {said}')
    world[callee].wait_calls(0)


@tap.case
def both_register_over_their_transports_from_behind_nats():
    town = world['town'] = Lab(BUILD, WORK, captures=('home-a', 'home-b'))
    config, at = make_certificate(town), town.registrar
    start_server(town)
    start_registrar(town, '-l', f'tcp:{at}:5060', '-l', f'tls:{at}:5061', '-A', 'WITH_TLS=1', f'--subst=!TLS_CONFIG!{config}!g')
    for name, (transport, kind, server_port, port) in TRANSPORTS.items():
        world[name] = Phone(town, name, {
            'account.1.sip_server.1.transport_type': kind, 'account.1.sip_server.1.port': server_port,
            'sip.listen_port' if transport == 'tcp' else 'sip.tls_listen_port': port,
            'account.1.nat.udp_update_time': 15, 'postern.tls.ca_file': town.path('sip.pem'),
            'postern.auto_answer': 1})
    for name in TRANSPORTS:
        world[name].wait_registered()
        told = world[name].account()['contact']['address']
        tap.check(told.startswith('203.0.113.'), f'{name} tells {told}')


@tap.case
def calls_reach_them_by_the_connections_they_made():
    dial('alice', 'bob')
    dial('bob', 'alice')


@tap.case
def a_way_that_was_dark_is_used_again_within_five_seconds():
    do('down', 'core')
    for name in TRANSPORTS:
        world[name].wait_account('failed', 40)
    do('up', 'core')
    for name in TRANSPORTS:
        world[name].wait_registered(5)
    dial('alice', 'bob')


@tap.case
def every_connection_left_from_the_configured_port():
    tap.need('tshark')
    town = world['town']
    for name in TRANSPORTS:
        tap.check(world[name].end() == 0, 'a clean end')
    town.close()
    for name, wire in (('alice', 'home-a'), ('bob', 'home-b')):
        transport, _, server_port, port = TRANSPORTS[name]
        syns = subprocess.run(['tshark', '-r', town.path(wire + '.pcapng'), '-Y', f'tcp.flags.syn == 1 && tcp.flags.ack == 0 '
                               f'&& tcp.dstport == {server_port}', '-T', 'fields', '-e', 'tcp.srcport'],
                              capture_output=True, text=True, check=True).stdout.split()
        tap.check(len(syns) > 2 and set(syns) == {str(port)}, f'{name} over {transport}: from {sorted(set(syns))}, {len(syns)} SYNs')


def rights():
    done = subprocess.run([f'{BUILD}/apps/lab/postern-lab', 'rights'], capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode == 77 else None


if why := rights():
    tap.skip_all(why)
tap.need('kamailio', 'openssl')
tap.on_failure.append(last_words)
tap.run_cases()
