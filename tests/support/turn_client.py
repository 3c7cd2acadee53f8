"""A TURN client by hand, without any code of Postern's: over UDP, TCP or TLS, with long-term credentials."""
import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
import time

from stun import COOKIE, address, attribute, attributes

ALLOCATE, REFRESH, PERMIT, BIND, CONNECT, CONNECTION_BIND = 0x0003, 0x0004, 0x0008, 0x0009, 0x000a, 0x000b
SUCCESS, ERROR = 0x0100, 0x0110
ERROR_CODE, CHANNEL_NUMBER, LIFETIME, PEER, REALM, NONCE, RELAYED = 0x0009, 0x000c, 0x000d, 0x0012, 0x0014, 0x0015, 0x0016
TRANSPORT, CONNECTION_ID, INTEGRITY, USERNAME, ALTERNATE = 0x0019, 0x002a, 0x0008, 0x0006, 0x8023
CHANNEL = 0x4000


def peer_attribute(peer):
    ip = struct.unpack('!I', socket.inet_aton(peer[0]))[0]
    return attribute(PEER, struct.pack('!HHI', 1, peer[1] ^ COOKIE >> 16, ip ^ COOKIE))


def code_of(found):
    return found[ERROR_CODE][2] * 100 + found[ERROR_CODE][3] if ERROR_CODE in found else 0


def by_secret(secret, name, seconds=3600):
    """(user, password) of use-auth-secret."""
    user = f'{int(time.time()) + seconds}:{name}'
    return user, base64.b64encode(hmac.new(secret.encode(), user.encode(), hashlib.sha1).digest()).decode()


class TurnClient:
    """One allocation. What is asked answers (code, attributes); code 0 is success.

    A request that is not answered is a TimeoutError. An answer whose seal is broken is an AssertionError.
    """

    def __init__(self, server, name, password, realm, tcp=False, tls=False, wait=5):
        self.server, self.name, self.realm = server, name, realm
        self.key = hashlib.md5(f'{name}:{realm}:{password}'.encode()).digest()
        self.nonce, self.tcp, self.tls, self.wait = b'', tcp or tls, tls, wait
        self.socket = self.connected()
        self.early = []  # what came while an answer was waited for

    def connected(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM)
        s.settimeout(self.wait)
        s.connect(self.server)
        return ssl._create_unverified_context().wrap_socket(s) if self.tls else s

    def close(self):
        self.socket.close()

    # ---- messages ----

    def sealed(self, kind, ident, body):
        if self.nonce:
            body += (attribute(USERNAME, self.name.encode()) + attribute(REALM, self.realm.encode()) +
                     attribute(NONCE, self.nonce))
            head = struct.pack('!HHI', kind, len(body) + 24, COOKIE) + ident
            return head + body + attribute(INTEGRITY, hmac.new(self.key, head + body, hashlib.sha1).digest())
        return struct.pack('!HHI', kind, len(body), COOKIE) + ident + body

    def check_seal(self, message):
        at = 20
        while at < len(message):
            number, size = struct.unpack_from('!HH', message, at)
            if number == INTEGRITY:
                head = message[:2] + struct.pack('!H', at + 4) + message[4:at]
                assert hmac.new(self.key, head, hashlib.sha1).digest() == message[at + 4:at + 24], 'a seal is broken'
                return
            at += 4 + size + -size % 4
        raise AssertionError('an answer without a seal')

    def read(self, s, size):
        data = b''
        while len(data) < size:
            more = s.recv(size - len(data))
            if not more:
                raise ConnectionResetError(f'{self.server} has hung up')
            data += more
        return data

    def next_message(self, s):
        if not self.tcp:
            return s.recv(65536)
        head = self.read(s, 4)
        kind, size = struct.unpack('!HH', head)
        return head + self.read(s, size + -size % 4 if kind >= CHANNEL else size + 16)

    def ask(self, kind, body=b'', on=None):
        s, ident = on or self.socket, os.urandom(12)
        for attempt in range(3):
            s.send(self.sealed(kind, ident, body))
            while (answer := self.next_message(s))[8:20] != ident:
                self.early.append(answer)
            found = dict(attributes(answer))
            code = code_of(found)
            known = bool(self.nonce)
            if code not in (401, 438) or NONCE not in found or (code == 401 and known):
                break
            self.nonce, ident = found[NONCE], os.urandom(12)
        if known and code not in (401, 438, 500):  # of which the server had no key to seal them with
            self.check_seal(answer)
        return code, found

    # ---- requests ----

    def allocate(self, relays_tcp=False):
        """0 with self.relayed set, or the error; with 300 self.alternate is whom to ask instead."""
        code, found = self.ask(ALLOCATE, attribute(TRANSPORT, bytes([6 if relays_tcp else 17, 0, 0, 0])))
        self.relayed = address(found[RELAYED], xor=True) if RELAYED in found else None
        self.alternate = address(found[ALTERNATE]) if ALTERNATE in found else None
        return code

    def refresh(self, seconds=600):
        return self.ask(REFRESH, attribute(LIFETIME, struct.pack('!I', seconds)))[0]

    def permit(self, peer):
        return self.ask(PERMIT, peer_attribute(peer))[0]

    def bind(self, peer, number=CHANNEL):
        return self.ask(BIND, attribute(CHANNEL_NUMBER, struct.pack('!HH', number, 0)) + peer_attribute(peer))[0]

    def begin_connection(self, peer):
        """With a peer (RFC 6062); its number, for joined()."""
        code, found = self.ask(CONNECT, peer_attribute(peer))
        assert code == 0, f'Connect: {code}'
        return found[CONNECTION_ID]

    def joined(self, number):
        """A socket by which the peer is heard from now on."""
        s = self.connected()
        code = self.ask(CONNECTION_BIND, attribute(CONNECTION_ID, number), on=s)[0]
        assert code == 0, f'ConnectionBind: {code}'
        return s

    # ---- data ----

    def send(self, data, number=CHANNEL):
        padding = b'\0' * (-len(data) % 4) if self.tcp else b''
        self.socket.send(struct.pack('!HH', number, len(data)) + data + padding)

    def receive(self):
        """The next data by a channel."""
        while True:
            message = self.early.pop(0) if self.early else self.next_message(self.socket)
            number, size = struct.unpack_from('!HH', message)
            if number >= CHANNEL:
                return message[4:4 + size]
