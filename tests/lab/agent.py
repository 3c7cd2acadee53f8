#!/usr/bin/env python3
"""What the hosts of the lab's tests run: agent.py PART ARGUMENT…, each part a function below."""
import errno
import hashlib
import os
import random
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
from turn_client import TurnClient  # noqa: E402


def family(ip):
    return socket.AF_INET6 if ':' in ip else socket.AF_INET


def udp(ip='0.0.0.0', port=0):
    s = socket.socket(family(ip), socket.SOCK_DGRAM)
    s.bind((ip, port))
    return s


def far(first, second):
    """Answers on 7000 and 7001 of the first address and on 7000 of the second with whom it sees;
    "all" is answered from all three, in this order, with "1", "2" and "3"."""
    sockets = [udp(first, 7000), udp(first, 7001), udp(second, 7000)]
    print('ready')
    while True:
        for s in select.select(sockets, [], [])[0]:
            data, peer = s.recvfrom(65535)
            if data == b'all':
                for number, other in enumerate(sockets, 1):
                    other.sendto(str(number).encode(), peer)
            else:
                s.sendto(f'{peer[0]} {peer[1]}'.encode(), peer)


def ask(s, ip, port, data=b'who'):
    s.settimeout(2)
    s.sendto(data, (ip, port))
    return s.recvfrom(65535)[0].decode()


def near(first, second):
    """Says how the three far sockets see one of ours, and which of them reach another of ours that
    has spoken to the first of them only."""
    s = udp()
    for ip, port in ((first, 7000), (first, 7001), (second, 7000)):
        print('seen', ask(s, ip, port))
    s = udp()
    s.sendto(b'all', (first, 7000))
    heard, end = [], time.monotonic() + 0.4
    while select.select([s], [], [], max(0, end - time.monotonic()))[0]:
        heard.append(s.recvfrom(100)[0].decode())
    print('heard', ' '.join(sorted(heard)))


def watch(ip, port, seconds):
    """Asks every 50 ms from one socket how it is seen; says each new answer."""
    s, last, end = udp(), None, time.monotonic() + float(seconds)
    s.settimeout(0.5)
    while time.monotonic() < end:
        s.sendto(b'who', (ip, int(port)))
        try:
            answer = s.recvfrom(100)[0].decode()
        except TimeoutError:
            answer = 'nothing'
        if answer != last:
            print('now', answer)
            last = answer
        time.sleep(0.05)


def count(ip, port):
    """Counts datagrams until one says "end"; says how many and how many different ones."""
    s, got = udp(ip, int(port)), []
    print('ready')
    while True:
        data = s.recvfrom(2000)[0]
        if data == b'end':
            break
        got.append(data)
    print('counted', len(got), len(set(got)))


def shower(ip, port, number):
    """Sends numbered datagrams, then "end" until everybody must have heard it."""
    s = udp(ip='::' if ':' in ip else '0.0.0.0')
    for i in range(int(number)):
        s.sendto(str(i).encode(), (ip, int(port)))
        time.sleep(0.001)
    for _ in range(30):
        time.sleep(0.02)
        try:
            s.sendto(b'end', (ip, int(port)))
        except OSError:
            break


def mirror(ip, port):
    """Sends back what a TCP connection brings, once the far end has finished; one at a time."""
    s = socket.socket(family(ip))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((ip, int(port)))
    s.listen()
    print('ready')
    while True:
        c, peer = s.accept()
        data = b''.join(iter(lambda: c.recv(65536), b''))
        print('took', len(data), 'from', peer[0])
        c.sendall(data)
        c.close()


def pour(ip, port, size):
    """Sends random bytes over TCP and compares what comes back."""
    data = random.Random(7).randbytes(int(size))
    begin = time.monotonic()
    c = socket.create_connection((ip, int(port)), timeout=20)
    c.sendall(data)
    c.shutdown(socket.SHUT_WR)
    back = b''.join(iter(lambda: c.recv(65536), b''))
    same = hashlib.sha256(back).digest() == hashlib.sha256(data).digest()
    print('same' if same else f'different: {len(back)} bytes')
    print('mss', c.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))
    print('took', round(time.monotonic() - begin, 3), 's')


def refused(ip, port):
    """Says what a connected UDP socket hears from a port where nobody is."""
    s = socket.socket(family(ip), socket.SOCK_DGRAM)
    s.connect((ip, int(port)))
    s.settimeout(2)
    s.send(b'anybody?')
    try:
        s.recv(100)
        print('heard data')
    except OSError as e:
        print('heard', errno.errorcode.get(e.errno, 'nothing'))


def ping(ip):
    """One ICMP echo; says whose answer came."""
    v6 = ':' in ip
    s = socket.socket(family(ip), socket.SOCK_DGRAM,
                      socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP)
    s.settimeout(2)
    s.sendto(struct.pack('!BBHHH', 128 if v6 else 8, 0, 0, 0, 1) + b'postern', (ip, 0))
    data, peer = s.recvfrom(100)
    print('pong', peer[0], data[-7:].decode())


def big(ip, port, size):
    """A datagram that must be fragmented; says how much the far end saw and sent back."""
    s = udp()
    s.settimeout(3)
    s.sendto(bytes(int(size)), (ip, int(port)))
    print('back', len(s.recvfrom(65535)[0]))


def echo(ip, port):
    s = udp(ip, int(port))
    print('ready')
    while True:
        data, peer = s.recvfrom(65535)
        s.sendto(data, peer)


def call(server, user, password, realm, peer, over):
    """Numbered packets through a relay to the peer's port 7, who sends them back, until the file `over` is there.
    Says each second that all has been refreshed, and at the end what came back."""
    client, peer = TurnClient((server, 3478), user, password, realm), (peer, 7)
    print('allocate', client.allocate(), 'bind', client.bind(peer))
    sent, back, refresh_at = 0, set(), time.monotonic() + 1

    def listen(seconds):
        while client.early or select.select([client.socket], [], [], seconds)[0]:
            back.add(client.receive())

    while not os.path.exists(over):
        client.send(b'packet %d' % sent)
        sent += 1
        listen(0.02)
        if time.monotonic() > refresh_at:
            refresh_at += 1
            print('refresh', client.refresh(), 'permit', client.permit(peer), 'bind', client.bind(peer))
    listen(0.5)
    print('relayed', len(back), 'of', sent)
    print('release', client.refresh(0))


def allocate(server, user, password, realm):
    """One allocation, had and given back: the error, or 0; and whom else to ask."""
    client = TurnClient((server, 3478), user, password, realm)
    print('allocate', client.allocate(), *(client.alternate or ()))
    if client.relayed:
        print('release', client.refresh(0))


def allocations(server, user, password, realm, number, over):
    """So many at a time, until the file `over` is there."""
    clients = [TurnClient((server, 3478), user, password, realm) for _ in range(int(number))]
    print('allocate', *(c.allocate() for c in clients))
    while not os.path.exists(over):
        time.sleep(0.05)
    print('release', *(c.refresh(0) for c in clients))


def knock(port, ip):
    """One datagram from a port of ours to somebody outside, so that NATs between map it."""
    udp(port=int(port)).sendto(b'hello', (ip, 9))


def resolve(name):
    try:
        print('resolved', sorted({i[4][0] for i in socket.getaddrinfo(name, 1)}))
    except socket.gaierror as e:
        print('failed', e.errno)


def addresses():
    """Its own addresses, every time they change."""
    last, end = None, time.monotonic() + 3
    while time.monotonic() < end:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            s.connect(('203.0.113.10', 9))
            now = s.getsockname()[0]
        except OSError as e:
            now = errno.errorcode[e.errno]
        if now != last:
            print('own', now)
            last = now
        time.sleep(0.05)


def orphan():
    """Leaves a process behind that is in no process group of ours, then waits."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
    print('ready')
    time.sleep(1000)


globals()[sys.argv[1]](*sys.argv[2:])
