#!/usr/bin/env python3
"""Calls by ICE between two homes behind Linux's own NAT: met_linux.py BUILD WORK

Most routers drop what they were not asked for. One that answers it remembers it as a connection of its own: when the far
end's check comes before the phone's own has left, that leaves by another port, which nobody knows of and the far end's
router does not let in. Such a call needs the relay, and must have its sound all the same.
"""
import os
import subprocess
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
import tap  # noqa: E402
from linux_nat import RULES  # noqa: E402
from programs import Program, Trouble, last_words, wait_until  # noqa: E402
from town import Phone, Town, start_registrar, start_server  # noqa: E402

BUILD, WORK = sys.argv[1:3]
USER, PASSWORD = 'phone', 'turn of the town'
DROPS = '''
table ip filter {
  chain in {
    type filter hook input priority 0
    iifname "wan" drop
  }
}
'''


class LinuxHomes(Town):
    """Two of them, and between them a bridge with the servers. `rules` as in LinuxHome."""

    server, registrar = ('203.0.113.5',), '203.0.113.7'
    address = {'alice': '192.168.1.10', 'bob': '192.168.1.10'}

    def __init__(self, rules, drops):
        super().__init__(BUILD, WORK)
        self.holders = {name: Program(['unshare', '-n', 'sleep', 'infinity'], self.path(f'{name}.namespace'))
                        for name in ('alice', 'bob', 'router-alice', 'router-bob', 'core')}
        here = os.readlink('/proc/self/ns/net')
        for holder in self.holders.values():
            wait_until(lambda pid=holder.pid: os.readlink(f'/proc/{pid}/ns/net') != here, 'a namespace')
        self.run('core', 'ip link add name bridge type bridge')
        self.run('core', 'ip link set bridge up')
        for last in (5, 7):
            self.run('core', f'ip addr add 203.0.113.{last}/24 dev bridge')
        for (home, rule), outside in zip(rules.items(), (10, 20)):
            self.make_home(home, RULES.format(rule) + (DROPS if drops else ''), outside)

    def make_home(self, home, rules, outside):
        router = f'router-{home}'
        self.wire(home, 'eth0', router, 'lan')
        self.wire(router, 'wan', 'core', f'to-{home}')
        for where, words in ((home, 'ip addr add 192.168.1.10/24 dev eth0'), (router, 'ip addr add 192.168.1.1/24 dev lan'),
                             (router, f'ip addr add 203.0.113.{outside}/24 dev wan'),
                             ('core', f'ip link set to-{home} master bridge'),
                             (home, 'ip route add default via 192.168.1.1'), (router, 'sysctl -qw net.ipv4.ip_forward=1')):
            self.run(where, words)
        self.run(router, f'nft -f {self.write(f"{home}.nft", rules)}')

    def wire(self, where, name, other, other_name):
        self.run(None, f'ip link add name {name} netns {self.holders[where].pid} type veth '
                 f'peer name {other_name} netns {self.holders[other].pid}')
        for place, link in ((where, name), (other, other_name), (where, 'lo'), (other, 'lo')):
            self.run(place, f'ip link set {link} up')

    def argv(self, host, argv):
        place = host if host in self.holders else 'core'
        return ['nsenter', '-t', str(self.holders[place].pid), '-n', *map(str, argv)]

    def run(self, where, words):
        argv = self.argv(where, words.split()) if where else words.split()
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(f'{words}: {done.stderr}')


def call(rule, ways, drops=True):
    with LinuxHomes({'alice': rule, 'bob': rule}, drops) as town:
        start_server(town, '--lt-cred-mech', '--user', f'{USER}:{PASSWORD}', '--realm', 'town.example', '--relay-ip', town.server[0],
                     '--allowed-peer-ip', '203.0.113.0-203.0.113.255')
        start_registrar(town)
        settings = {'static.ice.enable': 1, 'static.sip.nat_turn.enable': 1, 'static.sip.nat_turn.server': town.server[0],
                    'static.sip.nat_turn.username': USER, 'static.sip.nat_turn.password': PASSWORD}
        alice, bob = phones = [Phone(town, name, {**settings, 'postern.auto_answer': int(name == 'bob')}) for name in ('alice', 'bob')]
        for phone in phones:
            phone.wait_registered()
        for phone in phones:
            wait_until(lambda: (t := phone.status()['nat'].get('turn')) and t['allocations'] >= 2, 'relayed addresses')
        alice.dial(bob.number)
        for phone in phones:
            phone.wait_up()
        alice.wait_call(lambda c: c.get('answered_for_ms', 0) > 4000, 'to go on for some seconds')
        for phone in phones:
            way = phone.calls()[0].get('ice', '')
            print(f'# {phone.owner}\'s sound goes {way}')
            tap.check(way.startswith(ways), f'{phone.owner}: {way}')
        alice.hang_up()
        for phone in phones:
            phone.wait_calls(0)
        for phone in phones:
            tap.check_equal(0, phone.end(), f'the end of {phone.owner}\'s phone')
        for phone, far in ((alice, 'bob'), (bob, 'alice')):
            heard = town.hears(phone.recording, Phone.tone_of[far])
            tap.check(heard['is_tone'] and heard['heard_seconds'] > 3 and heard['gap_max_ms'] < 500, f'{phone.owner}: {heard}')


@tap.case
def behind_two_linux_routers_like_most_sound_goes_directly():
    call('masquerade', 'directly')


@tap.case
def behind_two_linux_routers_that_draw_each_port_sound_goes_by_the_relay():
    call('masquerade random', 'by relay')


@tap.case
def behind_two_linux_routers_that_answer_strangers_there_is_sound_by_some_way():
    call('masquerade', ('directly', 'by relay'), drops=False)


tap.need('nft', 'kamailio')
if subprocess.run(['unshare', '-n', 'true'], capture_output=True, check=False).returncode != 0:
    tap.skip_all('a network namespace cannot be made here (that takes CAP_SYS_ADMIN)')
tap.on_failure.append(last_words)
tap.run_cases()
