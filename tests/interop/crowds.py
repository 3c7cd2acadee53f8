#!/usr/bin/env python3
"""What sipp does to one postern-phone with 16 accounts: crowds.py STORY

  callers        come at once, of five kinds, and none may be lost: who is answered and talks, gives up, sends its ACK
                 late, holds and takes back, hands the phone on to somebody else; Debian's Kamailio is the registrar
  registrations  are made, renewed and withdrawn, round by round, at a registrar that answers 401, 423, 503 and nothing

With POSTERN_LONG in the environment there are a thousand callers, fifty at a time, and 512 rounds; and both once more,
shorter, under valgrind.
"""
import json
import os
import sys
import time

sys.path.insert(0, f'{sys.path[0]}/../support')
from programs import ROOT, Program, last_words, wait_until  # noqa: E402
from tap import case, check, check_equal, need, on_failure, run_cases  # noqa: E402
from town import Loopback, Phone, start_registrar  # noqa: E402

need('kamailio', 'sipp')
town = Loopback.alone(os.environ['POSTERN_BUILD'])
on_failure.append(last_words)
LONG = bool(os.environ.get('POSTERN_LONG'))
ACCOUNTS = 16
KINDS = ('answer', 'cancel', 'late_ack', 'reinvite', 'refer')
EACH, AT_ONCE = (200, 10) if LONG else (20, 10)  # of each kind
ROUNDS = 32 if LONG else 2                        # of each account
world = {}


def numbers():
    return [str(2001 + i) for i in range(ACCOUNTS)]


def account_settings(keepalive):
    """All of them at Kamailio."""
    settings = {}
    for i, number in enumerate(numbers(), 1):
        settings |= {f'account.{i}.enable': 1, f'account.{i}.user_name': number, f'account.{i}.display_name': number,
                     f'account.{i}.password': f'secret-{number}', f'account.{i}.nat.udp_update_enable': keepalive,
                     f'account.{i}.sip_server.1.address': town.registrar}
    return settings


def address_of(host):
    return f'{town.registrar.rsplit(".", 1)[0]}.{host}'


def sipp(kind, number, address, port, *flags):
    """The scenario tests/peers/sipp/KIND.xml."""
    return Program(['sipp', '-sf', f'{ROOT}/tests/peers/sipp/{kind}.xml', '-m', number, '-i', address, '-p', port, '-nostdin',
                    '-trace_err', '-error_file', town.path(f'sipp-{kind}.errors'), *flags], town.path(f'sipp-{kind}.log'))


def tell_of(events, kind):
    return [event for event in events if event.get('event') == kind]


def listen(phone):
    """A program whose log is what happens at the phone, event by event."""
    return Program([town.program('postern'), 'events', '--socket', phone.socket, '--json'], town.path('events'))


VALGRIND = ('valgrind', '--leak-check=full', '--errors-for-leak-kinds=definite,indirect', '--error-exitcode=99')


def start_phone(prefix=(), keepalive=1):
    """The phone with its 16 accounts; `prefix` are words before its command line."""
    argv = town.argv
    town.argv = lambda host, words: [*prefix, *argv(host, words)]
    world['phone'] = phone = Phone(town, 'alice', {
        **account_settings(keepalive), 'postern.calls_max': 64, 'postern.auto_answer': 1, 'postern.auto_answer_after': 1,
        'static.network.port.min_rtpport': 12000, 'static.network.port.max_rtpport': 12200,
        'postern.sound.record': '', 'postern.log.level': 'warn'}, stun=False)
    town.argv = argv
    return phone


def wait_accounts(state, seconds=60):
    """Until all 16 are so."""
    phone = world['phone']
    wait_until(lambda: [a['state'] for a in phone.status().get('accounts', ())] == [state] * ACCOUNTS,
               f'all accounts to be {state}: {[a["state"] for a in phone.status().get("accounts", ())]}', seconds)
    return phone.status()['accounts']


def send_crowd(each, at_once, patience):
    """All five kinds at once, from the server's address, as strangers may not take all lines; what happened at the phone
    meanwhile."""
    phone = world['phone']
    town.write('numbers.csv', '\n'.join(['SEQUENTIAL', *numbers(), '']))
    target_address = address_of(99)
    with listen(phone) as events, sipp('target', each, target_address, 5060) as target:
        crowd = [sipp(kind, each, town.registrar, 5070 + i, '-mi', address_of(100 + i), '-inf', town.path('numbers.csv'),
                      '-recv_timeout', 20000, '-l', at_once, '-r', at_once, '-key', 'target', f'{target_address}:5060',
                      f'{phone.address}:5060') for i, kind in enumerate(KINDS)]
        for one in (*crowd, target):
            wait_until(one.ended, f'{one.name} to end', patience)
        codes = {one.name: one.process.returncode for one in (*crowd, target)}
        phone.wait_calls(0, 60)
        seen = [json.loads(line) for line in events.said().splitlines() if line.startswith('{"event"')]
    for one in crowd:
        one.__exit__()
    check(not any(codes.values()), f'{codes}\n' + '\n'.join(phone.said().splitlines()[-20:]))
    return seen


def check_none_lost(seen, each):
    incoming, ended = tell_of(seen, 'incoming'), tell_of(seen, 'ended')
    check_equal(len(KINDS) * each, len(incoming), 'calls that came')
    check_equal(len(KINDS) * each + each, len(ended), 'calls that ended, with those made for others')
    check_equal(set(range(1, ACCOUNTS + 1)), {event['account'] for event in incoming}, 'accounts called')


def end_phone():
    phone = world['phone']
    code = phone.end(seconds=60)
    check(code == 0, f'ended with {code}:\n' + '\n'.join(phone.said().splitlines()[-60:]))


# ---- callers ----

def sixteen_accounts_are_registered_from_one_port():
    world['registrar'] = start_registrar(town)
    start_phone()
    told = {account['contact']['address'] for account in wait_accounts('registered')}
    check_equal({f'{town.address["alice"]}:5060'}, told)


def none_of_the_callers_is_lost():
    check_none_lost(send_crowd(EACH, AT_ONCE, 300), EACH)


def nothing_is_left_behind():
    end_phone()
    if not LONG:
        return
    need('valgrind')
    start_phone(VALGRIND)
    wait_accounts('registered', 120)
    check_none_lost(send_crowd(40, 2, 300), 40)
    end_phone()


# ---- registrations ----

def play_rounds(count):
    """Each account registers, renews, withdraws; the mood of the registrar is in tests/peers/sipp/registrar.xml."""
    phone = world['phone']
    for left in reversed(range(count)):
        wait_accounts('registered')
        asked = time.monotonic()
        phone.postern('register')
        wait_until(lambda: all(a['state'] == 'registered' and a['registered_for_ms'] / 1000 < time.monotonic() - asked
                               for a in phone.status()['accounts']), 'all to be renewed', 60)
        phone.postern('unregister')
        wait_accounts('unregistered')
        if left:
            phone.postern('register')


def check_no_complaints(path):
    """sipp makes the file when something did not fit, but also to say that the machine is slow."""
    if not os.path.exists(path):
        return
    with open(path, encoding='utf-8', errors='replace') as f:
        said = [line for line in f if 'Overload warning' not in line and 'following events' not in line]
    check(not ''.join(said).strip(), ''.join(said))


def all_rounds_are_played(rounds):
    registrar = world['registrar'] = sipp('registrar', ACCOUNTS, town.registrar, 5060)
    start_phone(VALGRIND if rounds != ROUNDS else (), keepalive=0)
    play_rounds(rounds)
    registrar.__exit__()
    check_no_complaints(town.path('sipp-registrar.errors'))
    end_phone()


def each_account_gets_through_all_moods_each_time():
    all_rounds_are_played(ROUNDS)


def valgrind_finds_nothing():
    need('valgrind')
    all_rounds_are_played(4)


STORIES = {
    'callers': (sixteen_accounts_are_registered_from_one_port, none_of_the_callers_is_lost, nothing_is_left_behind),
    'registrations': (each_account_gets_through_all_moods_each_time, *([valgrind_finds_nothing] if LONG else ())),
}
for function in STORIES[sys.argv[1]]:
    case(function)
run_cases()
