#!/usr/bin/env python3
"""The mapped address of a TCP port, by STUN over TCP from that port, on real sockets: mapped.py BUILD WORK

Alice's phone is behind a NAT that maps to ports by chance; the STUN servers are ours and Debian's coturn, the registrar
is Debian's Kamailio. Who asked from where is read from the capture of her wire.
"""
import subprocess
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
import tap  # noqa: E402
from programs import last_words, wait_until  # noqa: E402
from town import Lab, Phone, start_registrar, start_server  # noqa: E402

BUILD, WORK = sys.argv[1:3]
PORT, STUN = 5066, 3478


def start_coturn(town):
    listening = [word for address in town.server for word in ('-L', address)]
    return town.start('server', ['turnserver', '-n', *listening, '--no-tls', '--no-dtls', '--no-cli', '--no-auth', '--log-file', 'stdout',
                                 '--simple-log', '--pidfile', town.path('coturn.pid'), '-b', town.path('coturn.db')],
                      'coturn.log', ready='Total General servers')


def syns(town, to, port):
    """Source ports of the connections Alice began there."""
    out = subprocess.run(['tshark', '-r', town.path('home-a.pcapng'), '-Y', f'tcp.flags.syn == 1 && tcp.flags.ack == 0 && ip.dst == {to} '
                          f'&& tcp.dstport == {port}', '-T', 'fields', '-e', 'tcp.srcport'], capture_output=True, text=True, check=True)
    return {int(word) for word in out.stdout.split()}


def story(start):
    town = Lab(BUILD, WORK, captures=('home-a',))
    start(town)
    start_registrar(town, '-l', f'tcp:{town.registrar}:5060')
    alice = Phone(town, 'alice', {'account.1.sip_server.1.transport_type': 1, 'sip.listen_port': PORT})
    account = alice.wait_registered()
    tap.check(account['contact']['why'] == 'mapped address from STUN', account['contact'])
    tap.check(account['contact']['address'].startswith('203.0.113.10:'), account['contact'])
    tap.check('contact_before' not in account, f'another contact was told first: {account}')

    def evidence():
        sockets = [s for s in alice.status()['nat']['sockets'] if s['use'] == 'sip' and s['transport'] == 'tcp']
        return {e['by']: e['seen'] for e in sockets[0]['evidence']}
    seen = wait_until(lambda: len(e := evidence()) == 2 and e, 'evidence by STUN and by SIP', 5)
    tap.check(set(seen.values()) == {account['contact']['address']}, seen)
    tap.check(alice.end() == 0, 'a clean end')
    town.close()
    tap.check(syns(town, town.server[0], STUN) == {PORT}, 'STUN over TCP was not asked from the SIP port alone')
    tap.check(syns(town, town.registrar, 5060) == {PORT}, 'SIP did not come from its port alone')


@tap.case
def our_server_tells_the_mapped_address_before_the_first_register():
    story(start_server)


@tap.case
def coturn_tells_it_too():
    tap.need('turnserver')
    story(start_coturn)


def rights():
    done = subprocess.run([f'{BUILD}/apps/lab/postern-lab', 'rights'], capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode == 77 else None


if why := rights():
    tap.skip_all(why)
tap.need('kamailio', 'tshark')
tap.on_failure.append(last_words)
tap.run_cases()
