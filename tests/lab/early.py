#!/usr/bin/env python3
"""A phone that gets another address while it rings at the far end, which is sipp: early.py BUILD WORK

The far end has answered the offer reliably and takes UPDATE (RFC 3311), so it hears of the new address before it answers;
tests/peers/sipp/updated_callee.xml says what it wants to see.
"""
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
import tap  # noqa: E402
from programs import ROOT, last_words, wait_until  # noqa: E402
from town import Lab, Phone  # noqa: E402

BUILD, WORK = sys.argv[1:3]
CALLER, MOVED, CALLEE = '198.51.100.10', '198.51.100.77', '192.0.2.10'
HOMES = {'home_a': '198.51.100', 'box_a': 'router router-a home-a 198.51.100.1 core 203.0.113.10',
         'home_b': '192.0.2', 'box_b': 'router router-b home-b 192.0.2.1 core 203.0.113.20'}
DIRECT = {'account.1.sip_server.1.address': '', 'account.1.user_name': 'alice', 'account.1.100rel_enable': 1, 'postern.listen': ''}

tap.need('sipp')


@tap.case
def who_rings_is_told_by_update_where_sound_is_to_go_now():
    with Lab(BUILD, WORK, HOMES, captures=()) as town:
        sipp = town.start('bob', ['sipp', '-sf', f'{ROOT}/tests/peers/sipp/updated_callee.xml', '-i', CALLEE, '-p', '5060', '-m', '1',
                                  '-timeout', '20', '-timeout_error', '-nostdin', '-trace_err', '-error_file',
                                  town.path('sipp.errors'), '-mp', '7000'], 'sipp.log')
        alice = Phone(town, 'alice', DIRECT, stun=False)
        wait_until(lambda: alice.account().get('state') == 'direct', 'the phone to be ready')
        town.start('alice', [town.program('postern'), 'dial', '--socket', alice.socket, f'sip:peer@{CALLEE}'], 'dial.log')
        call = alice.wait_call(lambda c: c['state'] == 'ringing' and c.get('rtp_signalled'), 'to ring with media')
        tap.check(call['rtp_signalled'] == f'{CALLEE}:7000', call)
        # Until PRACK is answered it would be repeated, and sipp wants each message once.
        alice.wait_call(lambda c: c['age_ms'] > 600, 'to ring for a while')
        town.do(f'address alice {MOVED}')
        call = alice.wait_up()
        tap.check(call['rtp_signalled'] == f'{CALLEE}:7010', f'the answer to UPDATE does not hold: {call}')
        alice.hang_up()
        wait_until(sipp.ended, 'sipp to end', 25)
        tap.check(sipp.process.returncode == 0, f'sipp ended with {sipp.process.returncode}:\n{sipp.said()[-1500:]}')
        alice.wait_calls(0)
        tap.check(alice.end() == 0, 'a clean end')


tap.on_failure.append(last_words)
tap.run_cases()
