#!/usr/bin/env python3
"""The demo's story: demo.py BUILD WORK. Exit 0 only if every line of it came true.

Two phones behind two different NATs discover them, register at a registrar that fixes nothing up, and call
each other; what each hears is measured; then the capture is read. Where hosts cannot be made (an ordinary
container) the same call is played on loopback and the NATs are shown by the simulator.
"""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../tests/support'))
from town import ROOT, Lab, Loopback, Phone, Trouble, start_registrar, start_server, wait_until  # noqa: E402

TALK_S = 6
NAMES = ('alice', 'bob')
DIALECT = {'alice': 'modern', 'bob': 'classic'}
NAT_ADDRESS = {'alice': '203.0.113.10', 'bob': '203.0.113.20'}
DIALECT_NAME = {'modern': 'RFC 8489', 'classic': 'RFC 3489'}
NAT = {'alice': 'port-restricted', 'bob': 'address-restricted'}
facts = {'phones': {name: {} for name in NAMES}}


def say(text=''):
    print(text, flush=True)


def must(held, text):
    if not held:
        raise Trouble(text)


def cast(town, place):
    say(f'Two homes, {place}.')
    for name in NAMES:
        behind = f'behind {"an" if NAT[name][0] == "a" else "a"} {NAT[name]} NAT' if isinstance(town, Lab) else 'no NAT in between'
        say(f'  {name:<10}{town.address[name]:<16}{behind}; asks STUN as {DIALECT_NAME[DIALECT[name]]} does')
        facts['phones'][name].update(address=town.address[name], dialect=DIALECT_NAME[DIALECT[name]])
    say(f'  {"server":<10}{" ".join(town.server):<30}postern-server, STUN')
    say(f'  {"registrar":<10}{town.registrar:<30}Kamailio; digest, Record-Route, no help with NATs')
    facts.update(server=town.server, registrar=town.registrar)


def discover(town, name, expected):
    """postern-probe in the phone's home, before its phone runs."""
    done = town.ask(name, [town.program('postern-probe'), '--json', town.server[0]])
    try:
        found = json.loads(done.stdout)
    except ValueError:
        raise Trouble(f'{name}: postern-probe ended with {done.returncode} and printed no JSON: {done.stderr}') from None
    nat, mapping, filtering = (found[what]['is'] for what in ('type', 'mapping', 'filtering'))
    facts['phones'][name].update(nat=nat, mapping=mapping, filtering=filtering, seen=found['mapped'])
    say(f'  {name:<10}{nat}: mapping {mapping}, filtering {filtering}')
    say(f'  {"":<10}{found["local"]} is seen as {found["mapped"]}, known after {found["took_ms"]:.0f} ms')
    must(nat == expected, f'{name}: the NAT is {expected}, not {nat}')


def registered(town, name, phone):
    account = phone.wait_registered()
    told = account['contact']
    sip = wait_until(lambda: next((s for s in phone.status()['nat']['sockets'] if s['use'] == 'sip' and s.get('mapped')), None),
                     f'{name}\'s SIP port to be mapped', 5)
    facts['phones'][name].update(contact=told['address'], why=told['why'], mapped=sip['mapped'])
    say(f'  {name:<10}{phone.number} registered; SIP port {sip["local"]} is mapped to {sip["mapped"]}')
    say(f'  {"":<10}tells the registrar {told["address"]} ({told["why"]})')
    if isinstance(town, Lab):
        must(sip['mapped'].startswith(NAT_ADDRESS[name] + ':'), f'{name}: {sip["mapped"]} is no address of its NAT')
        must(told['address'] == sip['mapped'], f'{name} tells {told["address"]}, not the mapped address')


def call(phones):
    say(f'  alice dials {phones["bob"].number}')
    phones['alice'].dial(phones['bob'].number)
    for phone in phones.values():
        phone.wait_up()
    say(f'  answered; sound for {TALK_S} seconds and until both know the round trip')
    ends = {name: phone.wait_call(lambda c: c.get('answered_for_ms', 0) >= TALK_S * 1000 and 'rtt_ms' in c['stats'],
                                  'to have sound for long enough and to know the round trip')
            for name, phone in phones.items()}
    phones['alice'].hang_up()
    for phone in phones.values():
        phone.wait_calls(0, 5)
    say('  alice hung up, and bob\'s phone knows')
    return ends


def heard(name, far, phone, end):
    hz, stats = Phone.tone_of[far], end['stats']
    tone = phone.town.hears(phone.recording, hz)
    loss, delay = 100 * stats['lost'] / max(1, stats['lost'] + stats['received_packets']), stats['rtt_ms'] / 2
    facts['phones'][name].update(hears_hz=hz, loss_percent=loss, delay_ms=delay, path=end['rtp_remote'])
    say(f'  {name:<10}hears {far}\'s tone of {hz} Hz ({tone["hz"]:.0f} Hz measured) for {tone["heard_seconds"]:.1f} s, '
        f'longest gap {tone["gap_max_ms"]} ms')
    say(f'  {"":<10}loss {loss:.1f} %, one way {delay:.0f} ms, straight to {end["rtp_remote"]}')
    must(tone['is_tone'] and tone['heard_seconds'] > TALK_S - 1, f'{name} does not hear {far}\'s {hz} Hz')
    must(loss < 1, f'{name} lost {loss:.1f} % of the packets on wires that lose none')


def tshark(capture, display):
    out = subprocess.run(['tshark', '-r', capture, '-Y', display, '-T', 'fields', '-e', '_ws.col.Protocol', '-e', '_ws.col.Info',
                          '-e', 'udp.srcport', '-e', 'udp.dstport'], capture_output=True, text=True, check=False).stdout
    return [line.split('\t') for line in out.splitlines()]


def read_capture(town):
    for name, wire, protocol in (('alice', 'home-a', 'STUN'), ('bob', 'home-b', 'CLASSIC-STUN')):
        path = town.path(f'{wire}.pcapng')
        filter_name = 'stun' if protocol == 'STUN' else 'classicstun'
        rows = tshark(path, f'{filter_name} && udp.port == 5060')
        asked = next((r for r in rows if 'Binding Request' in r[1] and r[2] == '5060'), None)
        answered = next((r for r in rows if r is not asked and r[3:4] == ['5060'] and 'Response' in r[1]), None)
        must(asked and answered, f'{path}: tshark finds no Binding Request and answer at {name}\'s port 5060')
        say(f'  {os.path.relpath(path, ROOT)}   ({name}\'s wire)')
        for row in (asked, answered):
            say(f'    {row[2]} -> {row[3]}  {row[0]}  {row[1]}')
        if protocol == 'STUN':
            must(re.search(r'Binding Success Response.* MAPPED-ADDRESS: ', answered[1]), 'the answer shows no MAPPED-ADDRESS')
            facts['shown'] = [asked[1], answered[1]]


def show_nats_simulated(town):
    """What loopback cannot show: the two NATs, in virtual time."""
    done = subprocess.run([town.program('postern-lab'), 'simulate', f'{ROOT}/scenarios/two-homes.net', '--seed', '1'],
                          capture_output=True, text=True, timeout=60, check=False)
    say(done.stdout.rstrip())
    must(done.returncode == 0, 'the simulator did not find the NATs')


def play(town, place):
    in_lab = isinstance(town, Lab)
    cast(town, place)
    start_server(town, '--postern-mapped-address')
    start_registrar(town)

    say('\nWhat NAT is here?')
    if in_lab:
        for name in NAMES:
            discover(town, name, {'port-restricted': 'port-restricted cone', 'address-restricted': 'address-restricted cone'}[NAT[name]])
    else:
        show_nats_simulated(town)

    say('\nRegistration')
    phones = {name: Phone(town, name, {'postern.stun.dialect': DIALECT[name], 'postern.auto_answer': int(name == 'bob')})
              for name in NAMES}
    for name, phone in phones.items():
        registered(town, name, phone)

    say('\nThe call')
    ends = call(phones)
    for phone in phones.values():
        must(phone.end() == 0, f'{phone.owner}\'s phone did not end well')

    say('\nWhat they heard')
    for name, far in (('bob', 'alice'), ('alice', 'bob')):
        heard(name, far, phones[name], ends[name])

    town.close()
    if in_lab:
        say('\nThe capture')
        read_capture(town)
    else:
        say('\nNot shown, because this machine lets us make no network namespaces (root and /dev/net/tun are needed):')
        say('  the call through NATs, and its capture. The NATs above were simulated; the call was real, on loopback.')


def main():
    build, work = sys.argv[1:]
    possible = subprocess.run([f'{build}/apps/lab/postern-lab', 'rights'], capture_output=True, text=True, check=False)
    try:
        with (Lab(build, work) if possible.returncode == 0 else Loopback(build, work)) as town:
            play(town, 'each behind its own NAT' if possible.returncode == 0 else 'on loopback')
    except Trouble as trouble:
        say(f'\nThis did not hold: {trouble}\nLogs, recordings and captures are in {work}.')
        return 1
    with open(os.path.join(work, 'facts.json'), 'w', encoding='utf-8') as f:
        json.dump(facts, f, indent=1)
    say('\nAll of it held.')
    return 0


sys.exit(main())
