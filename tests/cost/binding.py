#!/usr/bin/env python3
"""What a Binding request costs the server in instructions, counted by callgrind: binding.py SERVER

Only a release build with link-time optimisation is what operators run, so only there is this a test. The
server runs twice, for few requests and for many; the difference is what the requests cost, without start and end.
"""
import re
import signal
import socket
import sys
import tempfile

sys.path.insert(0, f'{sys.path[0]}/../support')
from programs import Program, free_port  # noqa: E402
from stun import request  # noqa: E402
from tap import case, check, need, run_cases  # noqa: E402

SERVER = sys.argv[1]
SOCKETS, WINDOW = 16, 64
FEW, MANY = 2000, 22000
INSTRUCTIONS_MAX = 250

need('valgrind')


def ask(server, port, count):
    """So many requests, each answered with exactly 32 bytes. WINDOW of them wait while the server is held, as they do
    for one that has much to do: else it would depend on the machine how many it finds at a time."""
    sockets = []
    for _ in range(SOCKETS):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(20)
        s.connect(('127.0.0.1', port))
        sockets.append(s)
    question = request()
    for first in range(0, count, WINDOW):
        window = [sockets[i % SOCKETS] for i in range(min(WINDOW, count - first))]
        server.process.send_signal(signal.SIGSTOP)
        for s in window:
            s.send(question)
        server.process.send_signal(signal.SIGCONT)
        for s in window:
            check(len(s.recv(100)) == 32)
    for s in sockets:
        s.close()


def instructions(count):
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        with Program(['valgrind', '--tool=callgrind', f'--callgrind-out-file={folder}/out', SERVER, '-L', '127.0.0.1',
                      '-p', port, '--no-rfc5780', '--no-tcp', '--relay-threads', 1],
                     ready=f'listening on UDP 127.0.0.1:{port}') as server:
            ask(server, port, count)
            check(server.end(seconds=60) == 0, server.said())
            found = re.search(r'Collected : (\d+)', server.said())
            check(found, server.said())
            return int(found[1])


@case
def a_binding_request_costs_at_most_250_instructions():
    each = (instructions(MANY) - instructions(FEW)) / (MANY - FEW)
    print(f'# {each:.1f} instructions a request, up to {WINDOW} at a time')
    check(each <= INSTRUCTIONS_MAX, f'{each:.1f} instructions')


run_cases()
