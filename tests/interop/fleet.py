#!/usr/bin/env python3
"""Two servers, one Redis with coturn's key layout: users, secrets, and a server that drains. fleet.py SERVER"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, f'{sys.path[0]}/../support')
from programs import Program, free_port, wait_until  # noqa: E402
from tap import case, check, check_equal, need, run_cases  # noqa: E402

SERVER = sys.argv[1]
HERE, THERE, PEER = '127.0.6.1', '127.0.6.2', '127.0.6.9'
# The key is the MD5 of gorst:north.gov:hero, as coturn's own example has it.
USER, PASSWORD, KEY, REALM = 'gorst', 'hero', '7da2270ccfa49786e0115366d3a3d14d', 'north.gov'

need('redis-server', 'redis-cli', 'turnutils_uclient', 'turnutils_peer')


class Fleet:
    def __init__(self, folder):
        self.folder = folder
        self.redis_port = free_port(ip=HERE)
        self.redis = Program(['redis-server', '--port', self.redis_port, '--bind', HERE, '--save', '', '--requirepass', 'hush',
                              '--dir', folder], ready='Ready to accept connections')
        self.ask_redis('SET', f'turn/realm/{REALM}/user/{USER}/key', KEY)
        self.ask_redis('SADD', f'turn/realm/{REALM}/secret', 'old-secret')
        self.port = free_port(span=2, ip=HERE)
        self.peer_port = free_port(ip=PEER)
        self.peer = Program(['turnutils_peer', '-L', PEER, '-p', self.peer_port])
        self.servers = {ip: self.start(ip) for ip in (HERE, THERE)}

    def start(self, ip):
        database = f'ip={HERE} port={self.redis_port} dbname=2 password=hush'
        server = Program([SERVER, '-L', ip, '-p', self.port, '-r', REALM, '--redis-userdb', database, '--redis-statsdb', database,
                          '--allow-loopback-peers', '--postern-status-socket', f'{self.folder}/{ip}.sock'],
                         ready='secrets for realm')
        return server

    def ask_redis(self, *words):
        r = subprocess.run(['redis-cli', '-h', HERE, '-p', str(self.redis_port), '-n', '2', *words], capture_output=True,
                           text=True, timeout=10, env={**os.environ, 'REDISCLI_AUTH': 'hush'})
        check_equal(0, r.returncode, r.stderr)
        return r.stdout.strip()

    def status(self, ip):
        r = subprocess.run([SERVER, '--status', '--postern-status-socket', f'{self.folder}/{ip}.sock'], capture_output=True,
                           text=True, timeout=10)
        return json.loads(r.stdout)['allocations']

    def client(self, ip, *flags, count=5):
        return Program(['turnutils_uclient', '-e', PEER, '-r', self.peer_port, '-n', count, '-m', 1, '-c', '-g', *flags,
                        '-p', self.port, ip])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in (*self.servers.values(), self.peer, self.redis):
            program.kill()


def relayed(client):
    """Packets sent and got back; (0, 0) for one who was not let in."""
    client.process.wait(60)
    sums = re.findall(r'tot_send_msgs=(\d+), tot_recv_msgs=(\d+)', client.said())
    return tuple(map(int, sums[-1])) if sums else (0, 0)


@case
def users_and_secrets_of_redis_are_relayed_for_and_others_are_not():
    with tempfile.TemporaryDirectory() as folder, Fleet(folder) as fleet:
        clients = [fleet.client(HERE, '-u', USER, '-w', PASSWORD), fleet.client(THERE, '-u', 'phone', '-W', 'old-secret'),
                   fleet.client(HERE, '-u', USER, '-w', 'wrong'), fleet.client(HERE, '-u', 'nobody', '-w', PASSWORD)]
        check_equal([(5, 5), (5, 5), (0, 0), (0, 0)], [relayed(c) for c in clients])


@case
def a_server_that_drains_sends_new_clients_to_the_other_and_ends_when_the_last_has_gone():
    with tempfile.TemporaryDirectory() as folder, Fleet(folder) as fleet:
        here, there = fleet.servers[HERE], fleet.servers[THERE]
        key = f'postern/fleet/{REALM}/{THERE}:{fleet.port}'
        wait_until(lambda: fleet.ask_redis('GET', key), 'the load of the other server in Redis')
        running = fleet.client(HERE, '-u', USER, '-w', PASSWORD, count=60)
        wait_until(lambda: fleet.status(HERE)['channels'] > 0, 'the call to be relayed')
        here.process.send_signal(signal.SIGUSR1)
        here.wait_said(f'new clients are sent to {THERE}:{fleet.port}')
        check_equal((5, 5), relayed(fleet.client(HERE, '-u', USER, '-w', PASSWORD)))
        check_equal((60, 60), relayed(running), 'the call that ran')
        check_equal(0, here.end())
        check_equal(0, there.end())
        ended = re.compile(r'allocation .* of gorst: .* (\d+) packets .* up, .*; released')
        check_equal(['60'], ended.findall(here.said()), 'relayed by the one that drained')
        check_equal(['5'], ended.findall(there.said()), 'relayed by the other')


@case
def a_redis_that_was_away_is_asked_again():
    with tempfile.TemporaryDirectory() as folder, Fleet(folder) as fleet:
        here = fleet.servers[HERE]
        fleet.redis.end()
        here.wait_said('redis-userdb: no connection to Redis')
        fleet.redis = Program(['redis-server', '--port', fleet.redis_port, '--bind', HERE, '--save', '', '--requirepass', 'hush',
                               '--dir', folder], ready='Ready to accept connections')
        fleet.ask_redis('SET', f'turn/realm/{REALM}/user/{USER}/key', KEY)
        wait_until(lambda: here.said().count('redis-userdb: Redis answers') == 2, 'the server to find Redis again')
        check_equal((5, 5), relayed(fleet.client(HERE, '-u', USER, '-w', PASSWORD)))


run_cases()
