#!/usr/bin/env python3
"""Flows (RFC 5626), Path and Service-Route at two of Debian's Kamailio: an edge proxy, and a registrar behind it."""
import os
import re
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
from programs import ROOT, last_words, wait_until  # noqa: E402
from tap import case, check, need, on_failure, run_cases  # noqa: E402
from town import Loopback, Phone, start_registrar  # noqa: E402

need('kamailio')
town = Loopback.alone(os.environ['POSTERN_BUILD'])
on_failure.append(last_words)
EDGE = f'{town.registrar.rsplit(".", 1)[0]}.6'
world = {}


def start_edge():
    runtime = town.path('edge')
    os.makedirs(runtime, exist_ok=True)
    world['edge'] = town.start('edge', ['kamailio', '-f', f'{ROOT}/tests/peers/edge.cfg', '-l', f'udp:{EDGE}:5060', '-l',
                                        f'tcp:{EDGE}:5060', f'--subst=!REGISTRAR!{town.registrar}!g', '-DD', '-E', '-Y', runtime,
                                        '-m', '32', '-M', '4'], 'edge.log', ready='Listening on')


def phone(name, transport):
    world[name] = Phone(town, name, {
        'account.1.outbound_proxy_enable': 1, 'account.1.outbound_proxy.1.address': EDGE,
        'account.1.sip_server.1.transport_type': {'udp': 0, 'tcp': 1}[transport], 'postern.auto_answer': 1}, stun=False)
    return world[name]


def messages(name, start):
    """The messages of a phone, oldest first, that begin so."""
    said = world[name].postern('trace', '--full', '--all')[1]
    return [m for m in re.split(r'\n(?=\d\d:\d\d:\d\d)', said) if re.search(r'^    ' + start, m, re.MULTILINE)]


def age_of_evidence(name):
    """How long ago the edge told this phone where it sees it, in milliseconds."""
    sockets = world[name].status()['nat']['sockets']
    return min(e['age_ms'] for s in sockets for e in s.get('evidence', ()) if e['by'] == 'rport')


@case
def they_register_through_an_edge_that_keeps_their_flows():
    start_registrar(town, '-A', 'WITH_EDGE=1', f'--subst=!EDGE!{EDGE}!g')
    start_edge()
    for name, transport in (('alice', 'udp'), ('bob', 'tcp')):
        phone(name, transport).wait_registered()
        asked, granted = messages(name, 'REGISTER')[-1], messages(name, 'SIP/2.0 200 OK')[-1]
        check(re.search(r'Contact: .*;\+sip\.instance="<urn:uuid:[-0-9a-f]{36}>";reg-id=1;', asked), asked)
        for header in ('Require: outbound', 'Flow-Timer: 5', f'Service-Route: <sip:{EDGE};lr>'):
            check(header in granted, f'{name}: no {header}: {granted}')


@case
def calls_go_by_the_service_route_and_come_by_the_path():
    for caller, callee in (('alice', 'bob'), ('bob', 'alice')):
        code, said = world[caller].postern('dial', world[callee].number, '--for', '1')
        check(code == 0 and 'answered' in said, f'{code}: {said}')
        world[callee].wait_calls(0)
        invite = messages(caller, 'INVITE')[-1]
        check(re.findall(r'Route: (.*)', invite)[0].count(EDGE) == 1, invite)


@case
def over_udp_the_flow_is_asked_by_stun_as_often_as_the_registrar_wants():
    for _ in range(2):
        wait_until(lambda: age_of_evidence('alice') > 3000, 'some time without news', 10)
        wait_until(lambda: age_of_evidence('alice') < 1500, 'an answer to STUN', 6)
    check(not messages('alice', 'OPTIONS'), 'OPTIONS were sent, too')


@case
def an_edge_that_is_gone_is_noticed_and_come_back_to():
    world['edge'].end()
    for name in ('alice', 'bob'):
        wait_until(lambda: world[name].account()['state'] != 'registered', f'{name} to miss its edge', 15)
    start_edge()
    for name in ('alice', 'bob'):
        world[name].wait_registered(15)
    code, said = world['alice'].postern('dial', world['bob'].number, '--for', '1')
    check(code == 0 and 'answered' in said, f'{code}: {said}')


run_cases()
