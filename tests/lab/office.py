#!/usr/bin/env python3
"""Phones behind one NAT that stay reachable by the ports that were set: office.py BUILD WORK STORY

  restarts   the server restarts, phones end and start again at once, or are killed
  dark       nothing passes the NAT for 40 s, and then it has forgotten everything
  idle       nobody calls for longer than the NAT remembers

Scenario and programs are real: scenarios/office.net, Debian's Kamailio, a phone for each transport with the usual
port and another with an unusual one. What they sent is read from the capture of their own wire. With POSTERN_LONG
in the environment "idle" lasts for three minutes, with the NAT's usual memory and the phones' usual keep-alives.
"""
import os
import subprocess
import sys
import time

sys.path.insert(0, f'{sys.path[0]}/../support')
import tap  # noqa: E402
from certificates import make_ca, make_certificate, tls_flags  # noqa: E402
from programs import last_words, wait_until  # noqa: E402
from town import Lab, Phone, start_registrar, start_server  # noqa: E402

BUILD, WORK, STORY = sys.argv[1:4]
LONG = bool(os.environ.get('POSTERN_LONG'))
TRANSPORT = {'udp': (0, 5060, 'sip.listen_port'), 'tcp': (1, 5060, 'sip.listen_port'), 'tls': (2, 5061, 'sip.tls_listen_port')}
# Transport, port, and whether that is the usual one.
STAFF = {'alice': ('udp', 5060, True), 'bob': ('tcp', 5060, True), 'carol': ('tls', 5061, True),
         'dave': ('udp', 5072, False), 'eve': ('tcp', 5074, False), 'frank': ('tls', 5075, False)}
KEEPALIVE_S = 25 if LONG else 15
# Seconds: what the NAT remembers of UDP and TCP, and how long nobody calls.
IDLE_UDP_S, IDLE_TCP_S, IDLE_S = (30, 120, 180) if LONG else (18, 20, 42)
DARK_S = 40
world = {}


class Office(Lab):
    """scenarios/office.net, with a registrar whose bindings outlive it."""

    def __init__(self, **sets):
        super().__init__(BUILD, WORK, sets, captures=('office',), scenario='scenarios/office.net')
        self.address = {name: f'192.168.1.{11 + i}' for i, name in enumerate(STAFF)} | {'grace': '203.0.113.20'}
        make_ca(self, 'our-ca')
        make_certificate(self, 'registrar', f'IP:{self.registrar}')
        start_server(self)
        self.sip = self.start_registrar()

    def start_registrar(self):
        return start_registrar(self, *tls_flags(self, 'registrar'), keeps=True)

    def hire(self, name, settings=()):
        """A phone of the staff, or Grace's, who is outside and calls the others."""
        transport, port, usual = STAFF.get(name, ('udp', 5060, True))
        kind, server_port, key = TRANSPORT[transport]
        settings = {'account.1.sip_server.1.transport_type': kind, 'account.1.sip_server.1.port': server_port,
                    'account.1.nat.udp_update_time': KEEPALIVE_S, 'postern.auto_answer': 1,
                    'postern.tls.ca_file': self.path('our-ca.pem'), **({} if usual else {key: port}), **dict(settings)}
        world[name] = Phone(self, name, settings, stun=settings.get('account.1.nat.udp_update_enable') != 0)
        return world[name]

    def listens(self, name):
        transport, port, _ = STAFF[name]
        kind = '-ulnH' if transport == 'udp' else '-tlnH'
        return bool(self.ask(name, ['ss', kind, 'src', f'{self.address[name]}:{port}']).stdout.strip())

    def source_ports(self, name):
        """From which ports it spoke to the registrar, each time it began to: connections, or datagrams."""
        transport = STAFF[name][0]
        what = 'udp.dstport == 5060' if transport == 'udp' else 'tcp.flags.syn == 1 && tcp.flags.ack == 0'
        out = subprocess.run(['tshark', '-r', self.path('office.pcapng'), '-Y', f'ip.src == {self.address[name]} && '
                              f'ip.dst == {self.registrar} && {what}', '-T', 'fields', '-e',
                              'udp.srcport' if transport == 'udp' else 'tcp.srcport'], capture_output=True, text=True, check=True)
        return [int(word) for word in out.stdout.split()]


def open_office(names, **sets):
    town = world['town'] = Office(**sets)
    for name in (*names, 'grace'):
        town.hire(name)
    for name in (*names, 'grace'):
        world[name].wait_registered()


def reach(name):
    """Grace calls, is answered and hears something."""
    code, said = world['grace'].postern('dial', world[name].number, '--for', '1', '--timeout', '5')
    tap.check(code == 0, f'{name}: {code}: {said}\n{world[name].said()}')
    world[name].wait_calls(0)


def check_registered_within(limits, since):
    """Each of limits {name: seconds} must have registered anew so soon after since[name]."""
    took = {}

    def look():
        for name in set(limits) - set(took):
            account, past = world[name].account(), time.monotonic() - since[name]
            if account.get('state') == 'registered' and account['registered_for_ms'] / 1000 < past:
                took[name] = past - account['registered_for_ms'] / 1000
        return len(took) == len(limits)

    try:
        wait_until(look, 'all to register', max(limits.values()))
    finally:
        for name in limits:
            print(f'# {name} over {STAFF[name][0]}: ' +
                  (f'registered after {took[name]:.1f} s' if name in took else 'not registered'))
    late = [name for name in limits if took[name] > limits[name]]
    tap.check(not late, f'late: {late}')


def check_listening():
    for name, (transport, port, _) in STAFF.items():
        tap.check(world['town'].listens(name), f'{name} does not listen on {port} over {transport}')


def everyone_registers_while_listening_on_the_port_that_was_set():
    open_office(STAFF)
    check_listening()
    for name in STAFF:
        told = world[name].account()['contact']['address']
        tap.check(told.startswith('203.0.113.10:'), f'{name} tells {told}')


def calls_reach_everyone():
    for name in STAFF:
        reach(name)


def a_server_that_restarts_has_them_back_within_five_seconds():
    town = world['town']
    tap.check(town.sip.end() == 0, 'the registrar ends')
    town.sip = town.start_registrar()
    now, streams = time.monotonic(), [name for name in STAFF if STAFF[name][0] != 'udp']
    check_registered_within(dict.fromkeys(streams, 5), dict.fromkeys(streams, now))
    calls_reach_everyone()  # over UDP by the bindings that the server kept


def restart(end):
    since = {}
    for name in STAFF:
        end(world[name])
        since[name] = time.monotonic()
        world['town'].hire(name)
    check_registered_within(dict.fromkeys(STAFF, 5), since)
    check_listening()
    calls_reach_everyone()


def phones_that_start_again_at_once_are_there_again():
    def end(phone):
        tap.check(phone.end() == 0, 'a clean end')
    restart(end)


def phones_that_were_killed_are_there_again():
    def kill(phone):
        pid = world['town'].ask(phone.owner, ['pidof', 'postern-phone']).stdout.split()
        world['town'].ask(phone.owner, ['kill', '-KILL', *pid])
        phone.process.wait(10)
    restart(kill)


def after_forty_dark_seconds_they_register_soon():
    town = world['town']
    town.do('down core')
    town.do('reboot router')
    time.sleep(DARK_S)
    town.do('up core')
    limits = {name: KEEPALIVE_S + 5 if STAFF[name][0] == 'udp' else 5 for name in STAFF}
    check_registered_within(limits, dict.fromkeys(STAFF, time.monotonic()))
    calls_reach_everyone()


def the_wire_has_seen_no_other_source_port():
    tap.need('tshark')
    town = world['town']
    for name in STAFF:
        world[name].end()
    town.close()
    for name, (transport, port, _) in STAFF.items():
        seen = town.source_ports(name)
        print(f'# {name} over {transport}: {len(seen)} {"datagrams" if transport == "udp" else "connections"} '
              f'from {sorted(set(seen))}')
        tap.check(len(seen) > 1 and set(seen) == {port}, f'{name} over {transport}: {seen}, not {port}')


def everyone_registers_and_two_keep_nothing_open():
    open_office(['alice', 'bob', 'carol'], udp_memory=f'{IDLE_UDP_S}s', tcp_memory=f'{IDLE_TCP_S}s')
    for name in ('dave', 'eve'):
        world['town'].hire(name, {'account.1.nat.udp_update_enable': 0}).wait_registered()


def calls_arrive_after_a_long_silence():
    time.sleep(IDLE_S)
    for name in ('alice', 'bob', 'carol'):
        reach(name)


def calls_do_not_arrive_where_nothing_was_kept_open():
    for name in ('dave', 'eve'):
        code, said = world['grace'].postern('dial', world[name].number, '--timeout', '3')
        tap.check(code == 5 and not world[name].calls(), f'{name}: {code}: {said}')


STORIES = {
    'restarts': (everyone_registers_while_listening_on_the_port_that_was_set, calls_reach_everyone,
                 a_server_that_restarts_has_them_back_within_five_seconds, phones_that_start_again_at_once_are_there_again,
                 phones_that_were_killed_are_there_again, the_wire_has_seen_no_other_source_port),
    'dark': (everyone_registers_while_listening_on_the_port_that_was_set, after_forty_dark_seconds_they_register_soon,
             the_wire_has_seen_no_other_source_port),
    'idle': (everyone_registers_and_two_keep_nothing_open, calls_arrive_after_a_long_silence,
             calls_do_not_arrive_where_nothing_was_kept_open),
}


def rights():
    done = subprocess.run([f'{BUILD}/apps/lab/postern-lab', 'rights'], capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode == 77 else None


if why := rights():
    tap.skip_all(why)
tap.need('kamailio', 'openssl', 'ss')
for function in STORIES[STORY]:
    tap.case(function)
tap.on_failure.append(last_words)
tap.run_cases()
