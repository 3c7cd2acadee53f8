#!/usr/bin/env python3
"""What `postern` shows of texts that strangers chose, with a phone that is played here: terminal.py POSTERN"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, f'{sys.path[0]}/../support')
from tap import case, check, check_equal, run_cases  # noqa: E402

POSTERN = sys.argv[1]
FORGED = 'x\r\ncall 9: ended\x1b]0;root\x07\x1b[2J\x9b1A\u009b2J\x7f Jürgen'
SEEN = 'x  call 9: ended ]0;root  [2J'
EVENTS = ({'event': 'message', 'account': 1, 'peer': FORGED, 'text': FORGED},
          {'event': 'incoming', 'call': 1, 'peer': FORGED},
          {'event': 'ended', 'call': 1, 'ended': FORGED, 'status': 486, 'reason': FORGED},
          {'event': 'register_failed', 'account': 1, 'status': 403, 'why': FORGED})
STATUS = {'ok': True, 'instance': FORGED, 'accounts': [{'account': 1, 'user': FORGED, 'state': FORGED, 'why': FORGED}],
          'calls': [{'call': 1, 'state': 'up', 'peer': FORGED, 'codec': FORGED}], 'stun': []}


def play_phone(listener):
    """One command is answered, and for "events" all there are follow."""
    caller, _ = listener.accept()
    with caller:
        command = json.loads(caller.makefile().readline())['command']
        lines = [STATUS] if command == 'status' else [{'ok': True}, *EVENTS]
        caller.sendall(b''.join(json.dumps(line).encode() + b'\n' for line in lines))


def shown(command):
    path = os.path.join(tempfile.mkdtemp(prefix='postern-terminal-'), 'phone.sock')
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        phone = threading.Thread(target=play_phone, args=(listener,))
        phone.start()
        said = subprocess.run([POSTERN, command, '--socket', path], capture_output=True, timeout=20, check=False).stdout
        phone.join()
    return said.decode()


@case
def no_text_of_a_stranger_ends_a_line_or_moves_the_cursor():
    for command in ('events', 'status'):
        text = shown(command)
        check(SEEN in text and 'Jürgen' in text, text)
        strange = {c for c in text if c != '\n' and (c < ' ' or '\x7f' <= c < '\xa0')}
        check_equal(set(), strange, command)
        check(not any(line.startswith('call 9') for line in text.splitlines()), text)


run_cases()
