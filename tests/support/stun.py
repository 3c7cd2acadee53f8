"""STUN by hand: messages put together and taken apart without any code of Postern's."""
import os
import socket
import struct

COOKIE = 0x2112A442


def request(cookie=True, attributes=b'', kind=0x0001):
    first = struct.pack('!I', COOKIE) if cookie else b'\x01\x02\x03\x04'
    return struct.pack('!HH', kind, len(attributes)) + first + os.urandom(12) + attributes


def attribute(number, value):
    return struct.pack('!HH', number, len(value)) + value + b'\0' * (-len(value) % 4)


def attributes(message):
    """[(number, value)] of a STUN message."""
    found, at = [], 20
    while at + 4 <= len(message):
        number, size = struct.unpack_from('!HH', message, at)
        found.append((number, message[at + 4:at + 4 + size]))
        at += 4 + size + -size % 4
    return found


def address(value, xor=False):
    """('127.0.0.1', 3478) of an IPv4 address attribute."""
    port, ip = struct.unpack_from('!HI', value, 2)
    if xor:
        port, ip = port ^ COOKIE >> 16, ip ^ COOKIE
    return socket.inet_ntoa(struct.pack('!I', ip)), port


def ask_udp(to, message, wait=2.0, family=socket.AF_INET):
    """(answer, from, our own address); answer None when nothing came."""
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.bind(('::1' if family == socket.AF_INET6 else '127.0.0.1', 0))
        s.settimeout(wait)
        s.sendto(message, to)
        try:
            answer, sender = s.recvfrom(4096)
        except socket.timeout:
            return None, None, s.getsockname()
        return answer, sender, s.getsockname()
