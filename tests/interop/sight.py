#!/usr/bin/env python3
"""What a phone shows of its calls: ladders, and captures that tshark reads; over UDP, TCP and TLS."""
import json
import os
import re
import socket
import subprocess
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
from certificates import make_ca, make_certificate, tls_flags  # noqa: E402
from programs import Program, last_words, wait_until  # noqa: E402
from tap import case, check, need, on_failure, run_cases  # noqa: E402
from town import Loopback, Phone, start_registrar, start_server  # noqa: E402

need('kamailio', 'openssl', 'tshark')
town = Loopback.alone(os.environ['POSTERN_BUILD'])
on_failure.append(last_words)
os.environ['LC_ALL'] = 'C'
world, seen = {}, {}
PORT = {'udp': 5060, 'tcp': 5060, 'tls': 5061}


def phone(name, transport, settings=()):
    world[name] = Phone(town, name, {
        'account.1.sip_server.1.transport_type': {'udp': 0, 'tcp': 1, 'tls': 2}[transport],
        'account.1.sip_server.1.port': PORT[transport], 'postern.auto_answer': 1,
        'postern.tls.ca_file': town.path('our-ca.pem'), **dict(settings)})
    return world[name]


def capture(name):
    return town.path(f'{name}.pcapng')


FIELDS = ('sip.Method', 'sip.Status-Code', 'ip.src', 'tcp.srcport', 'tcp.dstport', 'tcp.flags.syn', 'tcp.flags.fin',
          'udp.dstport', 'stun.type', 'stun.att.type', 'stun.att.ipv4', 'rtcp.pt', 'frame.interface_name', 'frame.comment')
# What tshark finds wrong; a port that is used again for another connection is not.
FAULTS = ('_ws.malformed', 'tcp.analysis.retransmission', 'tcp.analysis.lost_segment', 'tcp.analysis.ack_lost_segment',
          'tcp.analysis.out_of_order', 'tcp.analysis.duplicate_ack')


def tshark(name):
    """(packets as dictionaries of FIELDS that they have, lines of the RTP streams)"""
    done = subprocess.run(['tshark', '-n', '-r', capture(name), '-z', 'rtp,streams', '-T', 'fields', '-E', 'separator=|',
                           *(word for field in FIELDS + FAULTS for word in ('-e', field))],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    check(done.returncode == 0 and 'cut short' not in done.stderr, done.stderr)
    lines = done.stdout.splitlines()
    rows = [line.split('|') for line in lines if line.count('|') == len(FIELDS + FAULTS) - 1]
    return ([{field: value for field, value in zip(FIELDS + FAULTS, row) if value} for row in rows],
            [line for line in lines if 'g711U' in line])


def sip_seen(packets):
    """Methods and statuses, in order."""
    return [p.get('sip.Method', p.get('sip.Status-Code')) for p in packets if p.keys() & {'sip.Method', 'sip.Status-Code'}]


@case
def captures_begin_in_new_files_and_what_is_wrong_is_said():
    make_ca(town, 'our-ca')
    make_certificate(town, 'good', f'IP:{town.registrar}')
    start_server(town, '--postern-mapped-address')
    start_registrar(town, *tls_flags(town, 'good'))
    for name, transport in (('alice', 'udp'), ('bob', 'tcp'), ('carol', 'tls')):
        one = phone(name, transport, {'postern.stun.refresh_timer': 5})
        wait_until(lambda: os.path.exists(one.socket), f'{name} to be there')
        code, said = one.postern('capture', 'start', capture(name))
        check(code == 0, said)
        check(one.postern('register')[0] == 0, 'registers, perhaps once more')
    alice = world['alice']
    for words, said in (((capture('new'),), f'{capture("alice")}: is being written already'),
                        ((), 'capture needs "start FILE" or "stop"'),
                        ((capture('new'), '--max', '0'), '"0" is not a number for that')):
        code, heard = alice.postern('capture', 'start', *words)
        check(code in (1, 2) and said in heard, f'{code}: {heard}')
    dave = phone('dave', 'udp')
    wait_until(lambda: os.path.exists(dave.socket), 'dave to be there')
    for path, said in ((capture('alice'), 'it is there already, and would be lost'),
                       ('/nowhere/at/all', 'there is no such folder'), (town.work, 'it is there already')):
        code, heard = dave.postern('capture', 'start', path)
        check(code == 2 and f'{path}: {said}' in heard, f'{code}: {heard}')
    code, said = dave.postern('capture', 'stop')
    check(code == 2 and 'nothing is being captured' in said, f'{code}: {said}')
    for name in ('alice', 'bob', 'carol'):
        world[name].wait_registered()


@case
def each_transport_carries_a_call_while_a_ladder_is_followed():
    follower = Program([town.program('postern'), 'trace', '--follow', '--socket', world['bob'].socket], town.path('follow.log'),
                       env={'LC_ALL': 'C.UTF-8'})
    for caller, callee in (('alice', 'bob'), ('bob', 'carol')):
        code, said = world[caller].postern('dial', world[callee].number, '--for', '1')
        check(code == 0 and 'answered' in said, f'{code}: {said}')
        world[callee].wait_calls(0)
    follower.wait_said('◀── BYE')
    follower.wait_said('─── INVITE')
    check('phone' in follower.said().splitlines()[0], follower.said())
    follower.end()


@case
def the_ladder_of_a_call_tells_its_story_in_80_columns_without_secrets():
    alice = world['alice']
    code, said = alice.postern('trace', '1')
    check(code == 0, said)
    arrows = re.findall(r'(-{3}|<--) ([A-Z0-9][\w ]*)', said)
    story = [word.split(' ')[0] for _, word in arrows if not word.startswith(('100', '407'))]
    check(story in (['INVITE', 'ACK', 'INVITE', '180', '200', 'ACK', 'BYE', '200'],
                    ['INVITE', '180', '200', 'ACK', 'BYE', '200']), f'{story}: {said}')
    check(re.search(rf'sound at {alice.address}:\d+, PCMU', said), said)
    check(f'Contact: <sip:1001@{alice.address}:5060>' in said, said)
    check(max(map(len, said.splitlines())) <= 80, said)
    check('Call 1 from 1001@' in said and 'REGISTER' not in said, said)
    code, full = alice.postern('trace', '--full', '--all')
    check('REGISTER' in full and 'response=(hidden)' in full and not re.search(r'response="?[0-9a-f]', full), full)
    code, lines = alice.postern('trace', '1', '--json')
    entries = [json.loads(line) for line in lines.splitlines()]
    check(len(entries) >= 6 and {e['call_id'] for e in entries} == {entries[0]['call_id']}, lines)
    check(entries[0]['method'] == 'INVITE' and entries[0]['sent'] and entries[0]['text'].startswith('INVITE '), lines)
    check(alice.postern('trace', '99') == (0, 'no message of that call is kept\n'), 'no such call')
    check('TLS: connected from' in world['carol'].postern('trace')[1], 'the connection is there, too')


@case
def the_captures_are_read_by_tshark_whatever_the_transport():
    for name in ('alice', 'bob', 'carol'):
        code, said = world[name].postern('capture', 'stop')
        check(code == 0 and re.search(r'\d{3,} packets', said), said)
        packets, streams = seen[name] = tshark(name)
        for word in ('REGISTER', 'INVITE', 'ACK', 'BYE', '180', '200'):
            check(word in sip_seen(packets), f'{name}: {word} in {sip_seen(packets)}')
        wrong = [p for p in packets if p.keys() & set(FAULTS)]
        check(not wrong, f'{name}: {wrong}')
        check(len(streams) == (4 if name == 'bob' else 2), f'{name}: {streams}')
        check(all(' 0 (0.0%)' in line for line in streams), f'{name}: {streams}')
        check(any(p.get('rtcp.pt', '').startswith('200') for p in packets), f'{name}: RTCP')


@case
def connections_are_whole_and_tls_is_marked():
    for name, port, interface in (('bob', 5060, 'phone'), ('carol', 5061, 'phone: TLS in the clear')):
        # Not those to the STUN server, from the same port.
        packets = [p for p in seen[name][0] if p.get('tcp.dstport') == p.get('tcp.srcport') == str(port)]
        first = next(p for p in packets if p['ip.src'] == world[name].address)
        check(first['tcp.flags.syn'] == '1', f'{name}: {first}')
        check({p['frame.interface_name'] for p in packets} == {interface}, name)
        check(any('encrypted' in p.get('frame.comment', '') for p in packets) == (name == 'carol'), f'{name}: in words')


@case
def binding_answers_show_the_mapped_address():
    alice = world['alice'].address
    answers = [p for p in seen['alice'][0] if p.get('stun.type') == '0x0101']
    check(answers and all('0x0001' in p['stun.att.type'] and alice in p['stun.att.ipv4'] for p in answers), f'{answers}')


@case
def a_capture_that_is_long_enough_ends_and_says_so():
    alice = world['alice']
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(alice.socket)
        lines = s.makefile('rw')
        for request in ({'command': 'events'}, {'command': 'capture_start', 'file': capture('short'), 'bytes_max': 2500}):
            print(json.dumps(request), file=lines, flush=True)
            check(json.loads(lines.readline())['ok'], f'{request}')
        alice.postern('register')
        while (event := json.loads(lines.readline()))['event'] != 'capture_ended':
            pass
    check(event['file'] == capture('short') and 'as long as it was allowed' in event['why'], f'{event}')
    check(os.path.getsize(capture('short')) <= 2500 and 'REGISTER' in sip_seen(tshark('short')[0]), 'it is whole')
    check('the capture has ended' in alice.said(), alice.said())
    check(alice.postern('capture', 'stop')[0] == 2, 'it has ended')


@case
def a_capture_ends_with_its_phone_and_the_last_words_are_in_it():
    bob = world['bob']
    check(bob.postern('capture', 'start', capture('end'))[0] == 0, 'begun')
    check('Capture' in bob.postern('status')[1], 'told in the status')
    check(bob.end() == 0, 'a clean end')
    packets, _ = tshark('end')
    check('REGISTER' in sip_seen(packets) and sip_seen(packets)[-1] == '200', f'{sip_seen(packets)}')
    ends = [p['ip.src'] for p in packets if p.get('tcp.flags.fin') == '1']
    check(ends[0] == bob.address, 'the connection ends')


@case
def a_verbose_phone_prints_its_ladder():
    argv = world['dave'].process.args
    check(world['dave'].end() == 0, 'dave ends')
    dave = Program([*argv, '-v'], town.path('dave-v.log'))
    dave.wait_said('--- REGISTER sip:')
    dave.wait_said('<-- 200 OK (REGISTER)')
    check(dave.end() == 0, 'a clean end')


run_cases()
