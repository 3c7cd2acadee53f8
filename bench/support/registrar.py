#!/usr/bin/env python3
"""registrar.py ADDRESS LEASE_S - a registrar over UDP that remembers nothing and takes everybody.

It asks for a digest with another nonce every time: a REGISTER is good when it has the nonce that the one before it was
given. So every registration is four messages, whatever a phone remembers. For each that is granted it prints a plus.
"""
import re
import socket
import sys


def header(text, name):
    found = re.search(rf'^{name}[ \t]*:[ \t]*(.*?)\r$', text, re.M | re.I)
    return found[1] if found else ''


def answer(text, lease_s):
    call_id, number = header(text, 'Call-ID'), int(header(text, 'CSeq').split()[0])
    lines = [f'{name}: {header(text, name)}' for name in ('Via', 'From', 'Call-ID', 'CSeq')]
    lines.append(f'To: {header(text, "To")};tag=registrar')
    if f'nonce="{call_id}-{number - 1}"' in header(text, 'Authorization'):
        contact = re.sub(r';expires=\d+', '', header(text, 'Contact'))
        lines = ['SIP/2.0 200 OK', *lines, f'Contact: {contact};expires={lease_s}']
    else:
        lines = ['SIP/2.0 401 Unauthorized', *lines,
                 f'WWW-Authenticate: Digest realm="bench", nonce="{call_id}-{number}", algorithm=MD5, qop="auth", stale=true']
    return '\r\n'.join([*lines, 'Content-Length: 0', '', ''])


def main():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        s.bind((sys.argv[1], 5060))
        print('listening', flush=True)
        while True:
            data, sender = s.recvfrom(65535)
            text = data.decode(errors='replace')
            if text.startswith('REGISTER '):
                said = answer(text, sys.argv[2])
                s.sendto(said.encode(), sender)
                print(end='+' if said.startswith('SIP/2.0 200') else '', flush=True)


main()
