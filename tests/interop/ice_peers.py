#!/usr/bin/env python3
"""Our ICE against that of others, over real sockets: ice_peers.py ICE_TALK NICE_ICE SERVER"""
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, f'{sys.path[0]}/../support')
from browser import Browser, browser_missing  # noqa: E402
from island import move_to_island  # noqa: E402
from programs import ROOT, Program, last_words, wait_until  # noqa: E402
from tap import Skip, case, check, check_equal, need, on_failure, run_cases  # noqa: E402

OURS, THEIRS, SERVERS = '203.0.113.5', '203.0.113.9', '203.0.113.30'
ICE_TALK, NICE_ICE, SERVER = sys.argv[1:4]

move_to_island(OURS, THEIRS, SERVERS)
on_failure.append(last_words)
folder = tempfile.TemporaryDirectory(prefix='postern-ice-')


class End(Program):
    """A program that says what it is in lines, hears the other's, and is told more by lines."""

    def __init__(self, *argv):
        reader, self.writer = os.pipe()
        self.input = os.fdopen(reader)
        super().__init__(argv, stdin=reader)
        self.at = 0

    def tell(self, text):
        os.write(self.writer, text.encode())

    def words(self):
        """What it says of itself, with the final "end"; the next time what it says then."""
        def whole():
            text = self.said()[self.at:]
            start, end = text.find('ice-ufrag:'), text.find('\nend\n')
            check(not self.ended(), f'{self.name} has ended: {text}')
            return (start, end) if start >= 0 and end >= 0 else None
        start, end = wait_until(whole, f'the words of {self.name}')
        text = self.said()[self.at + start:self.at + end + 5]
        self.at += end + 5
        return text

    def wait_news(self, *news):
        """Each of these is said after its words were."""
        for one in news:
            wait_until(lambda: f'\n{one}' in '\n' + self.said()[self.at:] or self.ended(), f'"{one}" from {self.name}')
            check(not self.ended(), f'{self.name} has ended')

    def __exit__(self, *what):
        super().__exit__(*what)
        os.close(self.writer)
        self.input.close()


def introduce(one, other):
    first, second = one.words(), other.words()
    other.tell(first)
    one.tell(second)


def ours(role, *more):
    return End(ICE_TALK, role, OURS, *more)


def nice(role, *more):
    if not os.path.exists(NICE_ICE):
        raise Skip('libnice is not installed (tools/setup installs it)')
    return End(NICE_ICE, role, THEIRS, *more)


def pion(role, *more):
    need('go')
    program = os.path.join(folder.name, 'pion_ice')
    if not os.path.exists(program):
        made = subprocess.run(
            ['env', 'GO111MODULE=off', 'GOPATH=/usr/share/gocode', f'GOCACHE={folder.name}/go', 'GOFLAGS=', 'go', 'build',
             '-o', program, f'{ROOT}/tests/peers/pion_ice.go'], capture_output=True, text=True, check=False)
        check(made.returncode == 0, made.stderr)
    return End(program, role, THEIRS, *more)


def connects(us, them):
    with us, them:
        introduce(us, them)
        us.wait_news('path host host 203.0.113.9:', 'completed', 'heard')
        them.wait_news('ready', 'heard')
        check('lost' not in us.said() and 'failed' not in us.said(), us.said())


@case
def libnice_is_led_by_us():
    connects(ours('lead'), nice('follow', 'regular'))


@case
def libnice_leads_and_nominates_once():
    connects(ours('follow'), nice('lead', 'regular'))


@case
def libnice_leads_and_nominates_every_pair_that_works():
    connects(ours('follow'), nice('lead'))


@case
def libnice_as_a_lite_end_is_led_by_us():
    connects(ours('lead'), nice('follow', 'lite', 'regular'))


@case
def libnice_and_we_agree_who_leads_when_both_want_to_or_none():
    for role in 'lead', 'follow':
        us, them = ours(role), nice(role, 'regular')
        with us, them:
            introduce(us, them)
            us.wait_news('completed', 'heard')
            them.wait_news('ready', 'heard')


@case
def libnice_and_we_begin_anew_in_the_middle_of_a_call():
    for role, other in ('lead', 'follow'), ('follow', 'lead'):
        us, them = ours(role), nice(other, 'regular')
        with us, them:
            introduce(us, them)
            us.wait_news('completed', 'heard')
            us.tell('restart\n')
            them.tell('restart\n')
            introduce(us, them)
            us.wait_news('completed', 'heard')
            them.wait_news('heard')
            check('lost' not in us.said(), us.said())


@case
def libnice_that_is_told_of_our_relay_alone_finds_the_direct_way_all_the_same():
    with Program([SERVER, '--listening-ip', SERVERS, '--listening-port', '3478', '--relay-ip', SERVERS, '--lt-cred-mech',
                  '--user', 'alice:secret', '--realm', 'example.org', '--allowed-peer-ip', '203.0.113.0-203.0.113.255'],
                 ready=f'listening on UDP {SERVERS}:3478'):
        us = ours('follow', 'stun', f'{SERVERS}:3478', 'turn', f'{SERVERS}:3478', 'alice', 'secret')
        them = nice('lead', 'regular', 'stun', SERVERS, '3478')
        with us, them:
            first, second = us.words(), them.words()
            check(' typ relay ' in first, first)
            them.tell(''.join(line for line in first.splitlines(True) if 'typ host' not in line))
            us.tell(second)
            us.wait_news('path host host 203.0.113.9:', 'completed', 'heard')
            them.wait_news('ready', 'heard')


@case
def pion_is_led_by_us():
    connects(ours('lead'), pion('follow'))


@case
def pion_leads():
    connects(ours('follow'), pion('lead'))


@case
def pion_as_a_lite_end_is_led_by_us():
    connects(ours('lead'), pion('follow', 'lite'))


# A page that offers or answers, and says when its ICE is through. Nobody shakes hands by DTLS: that it never opens its
# channel is no matter here, and its first candidate is enough for us.
OFFER = '''
const [done] = arguments;
window.call = new RTCPeerConnection();
window.states = [];
call.oniceconnectionstatechange = () => states.push(call.iceConnectionState);
call.createDataChannel('words');
call.onicecandidate = event => { if (!event.candidate || event.candidate.candidate) done(call.localDescription.sdp); };
(async () => { await call.setLocalDescription(await call.createOffer()); })();
'''
TAKE_ANSWER = '''
const [sdp, done] = arguments;
call.setRemoteDescription({type: 'answer', sdp}).then(() => done(''), error => done(String(error)));
'''
ANSWER = '''
const [sdp, done] = arguments;
window.call = new RTCPeerConnection();
window.states = [];
call.oniceconnectionstatechange = () => states.push(call.iceConnectionState);
call.onicecandidate = event => { if (!event.candidate || event.candidate.candidate) done(call.localDescription.sdp); };
(async () => {
  await call.setRemoteDescription({type: 'offer', sdp});
  await call.setLocalDescription(await call.createAnswer());
})();
'''
STATES = 'arguments[0](states)'


def sdp_of(words, setup):
    """What a browser takes: our words in a description of a channel that nobody will open."""
    lines = [f'a={line}' for line in words.splitlines() if line != 'end']
    return '\r\n'.join(['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0',
                        'm=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'c=IN IP4 0.0.0.0', *lines,
                        'a=fingerprint:sha-256 ' + ':'.join(['AB'] * 32), f'a=setup:{setup}', 'a=mid:0',
                        'a=sctp-port:5000', ''])


def words_of(sdp):
    return ''.join(f'{line[2:]}\n' for line in sdp.splitlines() if line.startswith(('a=ice-', 'a=candidate', 'a=end-of'))) + \
        'end\n'


def browser():
    if missing := browser_missing():
        raise Skip(f'{missing} is not installed (tools/setup installs it)')
    return Browser('--disable-features=WebRtcHideLocalIpsWithMdns')


def check_connected(page, us):
    us.wait_news('path', 'completed')
    wait_until(lambda: {'connected', 'completed'} & set(page.run(STATES)), 'the browser to be connected')


@case
def chromium_leads_as_who_offers():
    with browser() as page, ours('follow') as us:
        page.open('about:blank')
        offer = page.run(OFFER)
        check('typ host' in offer, offer)
        answer = sdp_of(us.words(), 'active')
        us.tell(words_of(offer))
        check_equal('', page.run(TAKE_ANSWER, answer), 'what the browser thinks of our answer')
        check_connected(page, us)


@case
def chromium_is_led_by_us_as_who_answers():
    with browser() as page, ours('lead') as us:
        page.open('about:blank')
        us.tell(words_of(page.run(ANSWER, sdp_of(us.words(), 'actpass'))))
        check_connected(page, us)


@case
def libnice_and_we_have_given_each_other_consent_all_the_while():
    if not long_call:
        raise Skip('libnice is not installed (tools/setup installs it)')
    # Longer than consent lasts that is not renewed.
    wait_until(lambda: time.monotonic() > long_call_began + 33, 'the time to pass', seconds=40)
    for end in long_call:
        check(not end.ended() and end.said().count('heard') == 1, end.said())
        check(not any(word in end.said() for word in ('doubted', 'lost', 'failed')), end.said())
    check_equal(1, long_call[0].said().count('\npath '), 'ways that were taken')


long_call, long_call_began = (), time.monotonic()
if os.path.exists(NICE_ICE):
    long_call = ours('lead'), nice('follow', 'regular', 'consent')
    introduce(*long_call)
    long_call[0].wait_news('completed', 'heard')
run_cases()
