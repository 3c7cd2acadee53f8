#!/usr/bin/env python3
"""Two servers and one Redis, and clients behind NATs: test_fleet.py POSTERN_LAB POSTERN_SERVER NICE_TURN

Users, secrets and loads are in Redis, with coturn's keys. A server drains, or is full; Redis goes away and comes back.
"""
import json
import os
import re
import sys

from labtest import FOLDER, Stage, agent_argv, case_with_hosts, path
from certificates import make_own_certificate
from programs import wait_until
from tap import Skip, check, check_equal, need, run_cases
from turn_client import by_secret

SERVER, NICE_TURN = os.path.abspath(sys.argv[2]), sys.argv[3]
ONE, TWO, REDIS, PEER = '203.0.113.5', '203.0.113.6', '198.51.100.20', '203.0.113.9'
# The key is the MD5 of gorst:north.gov:hero, as coturn's own example has it; the other is made the same way.
USER, KEY, LATER, LATER_KEY = 'gorst', '7da2270ccfa49786e0115366d3a3d14d', 'dogman', '811428f86c559567fdba0a4da2ebc176'
PASSWORD, REALM, SECRET = 'hero', 'north.gov', 'old-secret'

WORLD = f'''
wire world 203.0.113.0/24 delay 2ms
wire back 198.51.100.0/24
router backbone world 203.0.113.254 back 198.51.100.254
host one world {ONE}
host two world {TWO}
host peer world {PEER}
host redis back {REDIS}
wire home-a 192.168.1.0/24
nat router-a port-restricted inside home-a outside world 203.0.113.1
host alice home-a 192.168.1.2
wire home-b 192.168.1.0/24
nat router-b symmetric inside home-b outside world 203.0.113.2
host bob home-b 192.168.1.2
'''

# How a client of coturn's comes.
WAYS = {'by UDP': [], 'by UDP with indications': ['-s'], 'by TCP': ['-t'], 'by TLS': ['-t', '-S'], 'by DTLS': ['-S']}


class Fleet(Stage):
    def __init__(self, **flags):
        super().__init__(WORLD)
        self.folder = path('certificates')
        if not os.path.exists(self.folder):
            os.mkdir(self.folder)
            make_own_certificate(self.folder, REALM)
        self.redis = self.start_redis()
        self.echo = self.start('peer', *agent_argv('echo', PEER, 7), ready='ready')
        self.coturns_peer = self.start('peer', 'turnutils_peer', '-L', PEER, '-p', '3480')
        self.servers = {ip: self.start_server(host, ip, *flags.get(host, ())) for host, ip in (('one', ONE), ('two', TWO))}

    def start_redis(self):
        program = self.start('redis', 'redis-server', '--port', '6379', '--bind', REDIS, '--save', '', '--requirepass', 'hush',
                             '--dir', FOLDER, ready='Ready to accept connections')
        self.ask_redis('SET', f'turn/realm/{REALM}/user/{USER}/key', KEY)
        self.ask_redis('SADD', f'turn/realm/{REALM}/secret', SECRET)
        return program

    def start_server(self, host, ip, *flags):
        database = f'ip={REDIS} dbname=2 password=hush'
        return self.start(host, SERVER, '-L', ip, '-r', REALM, '--redis-userdb', database, '--redis-statsdb', database,
                          '--allowed-peer-ip', '203.0.113.0-203.0.113.255', '--cert', f'{self.folder}/cert.pem',
                          '--pkey', f'{self.folder}/key.pem', '--pidfile', '/run/server.pid', '--postern-status-socket',
                          '/run/status.sock', *flags, ready='Redis has 1 secrets')

    def ask_redis(self, *words):
        return self.ask('redis', 'redis-cli', '--no-auth-warning', '-h', REDIS, '-a', 'hush', '-n', '2', *words)

    def signal(self, host, name):
        self.ask(host, 'sh', '-c', f'kill -{name} $(cat /run/server.pid)')

    def status(self, host):
        return json.loads(self.ask(host, SERVER, '--status', '--postern-status-socket', '/run/status.sock'))

    def wait_loads(self):
        """Until each server knows of the other."""
        for ip in self.servers:
            wait_until(lambda: self.ask_redis('GET', f'postern/fleet/{REALM}/{ip}:3478'), f'the load of {ip} in Redis')

    def agent(self, host, part, *words, at=ONE):
        return self.start(host, *agent_argv(part, at, USER, PASSWORD, REALM, *words))

    def allocate(self, host, user=USER, password=PASSWORD, at=ONE):
        """What a client by hand is answered: the error code, and whom else to ask."""
        said = self.ask(host, *agent_argv('allocate', at, user, password, REALM), expect=None)
        found = re.match(r'allocate (\d+)(?: (\S+) (\d+))?', said)
        check(found, f'no answer: {said}')
        return int(found[1]), *((found[2], int(found[3])) if found[2] else ())

    def coturns_client(self, host, *flags, at=ONE, count=5):
        return self.start(host, 'turnutils_uclient', '-e', PEER, '-r', '3480', '-n', str(count), '-m', '1', '-c', '-g', *flags, at)


def relayed(client):
    """Packets sent and got back; (0, 0) for one who was not let in."""
    client.process.wait(60)
    sums = re.findall(r'tot_send_msgs=(\d+), tot_recv_msgs=(\d+)', client.said())
    return tuple(map(int, sums[-1])) if sums else (0, 0)


def packets_of(server):
    """Of each allocation that has ended there: how many went up, and why it ended."""
    return re.findall(r'allocation .*? (\d+) packets .* up, .*; (\w+)', server.said())


@case_with_hosts
def users_and_secrets_of_redis_are_relayed_for_and_others_are_not():
    with Fleet() as fleet:
        known = ('-u', USER, '-w', PASSWORD)
        clients = [fleet.coturns_client('alice', *known), fleet.coturns_client('bob', '-u', 'phone', '-W', SECRET, at=TWO),
                   fleet.coturns_client('bob', '-u', USER, '-w', 'wrong'),
                   fleet.coturns_client('alice', '-u', 'nobody', '-w', PASSWORD, at=TWO)]
        check_equal([(5, 5), (5, 5), (0, 0), (0, 0)], [relayed(c) for c in clients])


class Call:
    """Packets both ways through a relay, with all that it is made of refreshed each second, until it is told to end."""

    def __init__(self, fleet, host, at=ONE):
        self.over = path(f'over-{host}')
        self.agent = fleet.agent(host, 'call', PEER, self.over, at=at)
        self.agent.wait_said('allocate 0 bind 0')

    def goes_on(self):
        """Waits until it has been refreshed twice more."""
        seen = self.agent.said().count('refresh 0 permit 0 bind 0')
        wait_until(lambda: self.agent.said().count('refresh 0 permit 0 bind 0') >= seen + 2, 'the call to be refreshed')

    def end(self):
        """Nothing was lost, nothing refused; how many packets it were."""
        with open(self.over, 'w', encoding='utf-8'):
            self.agent.process.wait(20)
        os.unlink(self.over)
        said = self.agent.said()
        back, sent = re.search(r'relayed (\d+) of (\d+)\nrelease 0\n', said).groups()
        check_equal(sent, back, said)
        check(not re.search(r'(refresh|permit|bind) [1-9]', said), said)
        return sent


@case_with_hosts
def a_server_that_drains_sends_new_clients_to_the_other_and_ends_when_the_last_has_gone():
    with Fleet(one=('--postern-drain', '60')) as fleet:
        one, two = fleet.servers[ONE], fleet.servers[TWO]
        fleet.wait_loads()
        call = Call(fleet, 'alice')
        fleet.signal('one', 'USR1')
        one.wait_said(f'new clients are sent to {TWO}:3478')
        check_equal((300, TWO, 3478), fleet.allocate('bob'))
        # Real clients follow by each way, from behind a NAT that maps anew for the other server.
        clients = {how: fleet.coturns_client('bob', '-u', USER, '-w', PASSWORD, *flags) for how, flags in WAYS.items()}
        for how, client in clients.items():
            check_equal((5, 5), relayed(client), f'{how}: {client.said()}')
        fleet.signal('one', 'TERM')
        call.goes_on()
        check(not one.ended(), one.said())
        sent = call.end()
        check_equal(0, one.process.wait(20), one.said())
        check('drained: 0 allocations are left' in one.said(), one.said())
        check_equal([(sent, 'released')], packets_of(one), 'relayed by the one that drained')
        check_equal(f'{TWO}:3478', fleet.ask_redis('SMEMBERS', f'postern/fleet/{REALM}'), 'who is in the fleet')
        check_equal('0', fleet.ask_redis('EXISTS', f'postern/fleet/{REALM}/{ONE}:3478'), 'the load of one that has ended')
        check_equal(0, two.end())
        check_equal([('5', 'released')] * len(WAYS), packets_of(two), 'relayed by the other')


@case_with_hosts
def libnices_ice_follows_to_the_other_server():
    if not os.path.exists(NICE_TURN):
        raise Skip('libnice is not installed (tools/setup installs it)')
    with Fleet() as fleet:
        fleet.wait_loads()
        fleet.signal('one', 'USR1')
        fleet.servers[ONE].wait_said(f'new clients are sent to {TWO}:3478')
        for transport in ('udp', 'tcp'):
            said = fleet.ask('alice', NICE_TURN, transport, ONE, 3478, USER, PASSWORD, '192.168.1.2')
            check(f'each heard the other by {transport}' in said, said)
            check(f'relay {TWO}:' in said and f'relay {ONE}:' not in said, said)


@case_with_hosts
def a_full_server_sends_new_clients_to_the_other_until_it_has_room_again():
    with Fleet(one=('--postern-fleet-capacity', '3')) as fleet:
        one, members = fleet.servers[ONE], f'postern/fleet/{REALM}'
        fleet.wait_loads()
        fleet.ask_redis('SADD', members, '203.0.113.99:3478')  # one that was here long ago
        check_equal((0,), fleet.allocate('bob'))
        over = path('over-three')
        three = fleet.agent('alice', 'allocations', 3, over)
        three.wait_said('allocate 0 0 0')
        one.wait_said(f'new clients are sent to {TWO}:3478')
        check_equal((300, TWO, 3478), fleet.allocate('bob'))
        with open(over, 'w', encoding='utf-8'):
            three.wait_said('release 0 0 0')
        one.wait_said('new clients are served here')
        check_equal((0,), fleet.allocate('bob'))
        check_equal([f'{ONE}:3478', f'{TWO}:3478'], sorted(fleet.ask_redis('SMEMBERS', members).split()))


def outlives(redis_goes, redis_comes, why):
    with Fleet() as fleet:
        call = Call(fleet, 'alice')
        for at in fleet.servers:
            check_equal((0,), fleet.allocate('bob', at=at))
        redis_goes(fleet)
        for at, server in fleet.servers.items():
            check_equal((500,), fleet.allocate('bob', LATER, at=at), 'who cannot be looked up')
            for key in ('redis-userdb', 'redis-statsdb'):
                server.wait_said(f'{key}: no connection to Redis: {why}')
            check_equal((0,), fleet.allocate('bob', at=at), 'whom Redis told of')
            check_equal((0,), fleet.allocate('bob', *by_secret(SECRET, 'phone'), at=at), 'by a secret')
        call.goes_on()
        check_equal({'users': False, 'loads': False}, fleet.status('one')['redis'])
        redis_comes(fleet)
        fleet.ask_redis('SET', f'turn/realm/{REALM}/user/{LATER}/key', LATER_KEY)
        for at, server in fleet.servers.items():
            wait_until(lambda: server.said().count('Redis answers') == 4, 'the server to find Redis again')
            # He is told to come again for a second after the last time.
            wait_until(lambda: fleet.allocate('bob', LATER, at=at) == (0,), 'the new user to be known')
        check_equal({'users': True, 'loads': True}, fleet.status('one')['redis'])
        call.end()
        check_equal([0, 0], [server.end() for server in fleet.servers.values()])


@case_with_hosts
def without_redis_those_it_told_of_are_served_and_when_it_is_back_everybody_is():
    def kill(fleet):
        fleet.ask('redis', 'sh', '-c', 'kill -KILL $(pidof redis-server)')
    outlives(kill, Fleet.start_redis, 'Server closed the connection')


@case_with_hosts
def a_redis_that_is_cut_off_is_noticed_by_its_silence():
    outlives(lambda fleet: fleet.do('down', 'back'), lambda fleet: fleet.do('up', 'back'), 'it does not answer')


need('redis-server', 'redis-cli', 'turnutils_uclient', 'turnutils_peer', 'openssl')
run_cases()
