"""A home behind a Linux router: the kernel's own NAT (nftables, conntrack) between a phone and a registrar.

    phone 192.168.1.10 ---- 192.168.1.1 router 203.0.113.10 ---- core 203.0.113.7 (registrar), .20 (bob)

Three network namespaces, each held by a process that does nothing; they go with the test.
"""
import os
import subprocess

from programs import Program, Trouble, wait_until
from tap import need, skip_all
from town import Town

RULES = '''
flush ruleset
table ip nat {{
  chain out {{
    type nat hook postrouting priority 100
    oifname "wan" {0}
  }}
}}
'''


class LinuxHome(Town):
    server, registrar = ('203.0.113.5',), '203.0.113.7'
    address = {'alice': '192.168.1.10', 'bob': '203.0.113.20'}
    place = {'alice': 'phone', 'bob': 'core', 'registrar': 'core', 'server': 'core'}

    def __init__(self, build, work, rule, udp_s=30, udp_stream_s=60):
        """`rule`: what nftables does with what leaves; the others are how long conntrack remembers UDP."""
        need('nft')
        if subprocess.run(['unshare', '-n', 'true'], capture_output=True, check=False).returncode != 0:
            skip_all('a network namespace cannot be made here (that takes CAP_SYS_ADMIN)')
        super().__init__(build, work)
        self.holders = {name: Program(['unshare', '-n', 'sleep', 'infinity'], self.path(f'{name}.namespace'))
                        for name in ('phone', 'router', 'core')}
        here = os.readlink('/proc/self/ns/net')
        for holder in self.holders.values():
            wait_until(lambda pid=holder.pid: os.readlink(f'/proc/{pid}/ns/net') != here, 'a namespace')
        self.wire('phone', 'eth0', 'router', 'lan')
        self.wire('router', 'wan', 'core', 'eth0')
        for where, words in (('phone', 'ip addr add 192.168.1.10/24 dev eth0'), ('router', 'ip addr add 192.168.1.1/24 dev lan'),
                             ('router', 'ip addr add 203.0.113.10/24 dev wan'), ('core', 'ip addr add 203.0.113.7/24 dev eth0'),
                             ('core', 'ip addr add 203.0.113.20/24 dev eth0'),
                             ('phone', 'ip route add default via 192.168.1.1'),
                             ('router', 'sysctl -qw net.ipv4.ip_forward=1'),
                             ('router', f'sysctl -qw net.netfilter.nf_conntrack_udp_timeout={udp_s}'),
                             ('router', f'sysctl -qw net.netfilter.nf_conntrack_udp_timeout_stream={udp_stream_s}')):
            self.run(where, *words.split())
        self.masks_by(rule)

    def wire(self, where, name, other, other_name):
        self.run(None, 'ip', 'link', 'add', 'name', name, 'netns', self.holders[where].pid, 'type', 'veth', 'peer', 'name',
                 other_name, 'netns', self.holders[other].pid)
        for place, link in ((where, name), (other, other_name)):
            self.run(place, 'ip', 'link', 'set', link, 'up')
            self.run(place, 'ip', 'link', 'set', 'lo', 'up')

    def masks_by(self, rule):
        self.run('router', 'nft', '-f', self.write('router.nft', RULES.format(rule)))

    def move(self, rule):
        """The provider gives the router 203.0.113.77; `rule` is what nftables does from then on."""
        self.masks_by(rule)
        self.run('router', 'ip', 'addr', 'add', '203.0.113.77/24', 'dev', 'wan')
        self.run('router', 'sysctl', '-qw', 'net.ipv4.conf.wan.promote_secondaries=1')
        self.run('router', 'ip', 'addr', 'del', '203.0.113.10/24', 'dev', 'wan')

    def argv(self, host, argv):
        return ['nsenter', '-t', str(self.holders[self.place.get(host, host)].pid), '-n', *map(str, argv)]

    def run(self, where, *words):
        argv = [str(word) for word in words]
        done = subprocess.run(self.argv(where, argv) if where else argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(f'{" ".join(argv)}: {done.stderr}')
        return done.stdout

    def remembered(self, port):
        """As whom conntrack lets out what comes from this port of the phone for the registrar; None: it has forgotten."""
        for line in self.run('router', 'cat', '/proc/net/nf_conntrack').splitlines():
            words = line.split()
            if 'udp' in words and f'src={self.address["alice"]}' in words and f'sport={port}' in words \
                    and f'dst={self.registrar}' in words:
                return [word for word in words if word.startswith('dst=')][-1].removeprefix('dst=')
        return None
