#!/usr/bin/env python3
"""TURN clients of others with postern-server between them: turn_clients.py SERVER NICE_TURN"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, f'{sys.path[0]}/../support')
from browser import Browser, browser_missing  # noqa: E402
from certificates import make_own_certificate  # noqa: E402
from island import move_to_island  # noqa: E402
from programs import ROOT, Program, last_words  # noqa: E402
from tap import Skip, case, check, need, on_failure, run_cases  # noqa: E402

HERE, THERE = '203.0.113.5', '203.0.113.9'
PORT, TLS_PORT = 3478, 5349
USER, PASSWORD, REALM = 'alice', 'secret', 'turn.example.org'
SERVER, NICE_TURN = sys.argv[1:3]

move_to_island(HERE, THERE)
on_failure.append(last_words)
folder = tempfile.TemporaryDirectory(prefix='postern-turn-')


def in_folder(name):
    return os.path.join(folder.name, name)


def run(*words):
    """What it says; it must end well."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 0, f'{words[0]} ended with {done.returncode}: {done.stdout}{done.stderr}')
    return done.stdout


def start_server(ip, *flags):
    """Peers are the documentation's addresses, which nobody may reach by default."""
    if not os.path.exists(in_folder('cert.pem')):
        make_own_certificate(folder.name, REALM)
    return Program([SERVER, '--listening-ip', ip, '--listening-port', PORT, '--tls-listening-port', TLS_PORT,
                    '--relay-ip', ip, '--lt-cred-mech', '--user', f'{USER}:{PASSWORD}', '--realm', REALM,
                    '--allowed-peer-ip', '203.0.113.0-203.0.113.255', '--postern-nonce-secret', 'the same at both', '--postern-status-socket', in_folder(f'{ip}.sock'),
                    '--cert', in_folder('cert.pem'), '--pkey', in_folder('key.pem'), *flags],
                   ready=f'listening on UDP {ip}:{PORT + 1}')


def pion_relays_by(transport, port):
    need('go')
    client = in_folder('pion_turn')
    if not os.path.exists(client):
        run('env', 'GO111MODULE=off', 'GOPATH=/usr/share/gocode', f'GOCACHE={in_folder("go")}', 'GOFLAGS=',
            'go', 'build', '-o', client, f'{ROOT}/tests/peers/pion_turn.go')
    said = run(client, transport, f'{HERE}:{port}', USER, PASSWORD, REALM)
    check(f'100 packets there and back by {transport}' in said, said)


@case
def pions_client_relays_by_udp():
    pion_relays_by('udp', PORT)


@case
def pions_client_relays_by_tcp():
    pion_relays_by('tcp', PORT)


@case
def pions_client_relays_by_tls():
    pion_relays_by('tls', TLS_PORT)


def libnice_connects_by(transport):
    if not os.path.exists(NICE_TURN):
        raise Skip('libnice is not installed (tools/setup installs it)')
    said = run(NICE_TURN, transport, HERE, PORT, USER, PASSWORD, THERE)
    check(f'each heard the other by {transport}' in said, said)


@case
def libnices_ice_connects_by_relayed_addresses_alone_over_udp():
    libnice_connects_by('udp')


@case
def libnices_ice_connects_by_relayed_addresses_alone_over_tcp():
    libnice_connects_by('tcp')


# Two connections of one page, which may use relayed addresses only, and a word each way through them.
CALL_ITSELF = '''
const [server, done] = arguments, candidates = [];
const [a, b] = [0, 1].map(() => new RTCPeerConnection({iceServers: [server], iceTransportPolicy: 'relay'}));
for (const [from, to] of [[a, b], [b, a]])
  from.onicecandidate = event => {
    if (event.candidate && event.candidate.candidate) {
      candidates.push(event.candidate.candidate);
      to.addIceCandidate(event.candidate);
    }
  };
a.onicecandidateerror = event => candidates.push(`${event.url}: ${event.errorCode} ${event.errorText}`);
const channel = a.createDataChannel('words');
b.ondatachannel = event => { event.channel.onmessage = word => event.channel.send(`heard ${word.data}`); };
channel.onopen = () => channel.send('hello');
const end = said => { a.close(); b.close(); done({said, candidates}); };
channel.onmessage = word => end(word.data);
setTimeout(() => end(`nothing, ${a.iceConnectionState}`), 20000);
(async () => {
  await a.setLocalDescription(await a.createOffer());
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription(await b.createAnswer());
  await a.setRemoteDescription(b.localDescription);
})();
'''


def chromium_connects_by(server, relayed_at):
    """By relayed addresses alone, over UDP, TCP and TLS."""
    if missing := browser_missing():
        raise Skip(f'{missing} is not installed (tools/setup installs it)')
    with Browser() as browser:
        browser.open('about:blank')
        for url in (f'turn:{server}:{PORT}?transport=udp', f'turn:{server}:{PORT}?transport=tcp',
                    f'turns:{server}:{TLS_PORT}?transport=tcp'):
            got = browser.run(CALL_ITSELF, {'urls': url, 'username': USER, 'credential': PASSWORD})
            check(got['said'] == 'heard hello', f'{url}: {got}')
            check(all(f' {relayed_at} ' in candidate and ' typ relay ' in candidate for candidate in got['candidates']),
                  f'{url}: {got}')


@case
def chromiums_webrtc_connects_by_relayed_addresses_alone_over_udp_tcp_and_tls():
    chromium_connects_by(HERE, relayed_at=HERE)


@case
def chromium_follows_to_another_server_over_udp_tcp_and_tls():
    """With the nonce that it has: of a server that does not take that it gives up, where others try again."""
    with start_server(THERE, '--alternate-server', HERE, '--tls-alternate-server', HERE):
        chromium_connects_by(THERE, relayed_at=HERE)


with start_server(HERE):
    run_cases()
