#!/usr/bin/env python3
"""What does a relayed packet of 172 bytes cost a TURN server, from the client and to it? The floor is an echo of its size."""
import os
import sys

sys.path.insert(0, f'{os.path.dirname(os.path.abspath(__file__))}/../support')
from servers import PASSWORD, ROUNDS, SECONDS, SERVERS, USER, Floor, figure, load, spread  # noqa: E402

FLOWS = 16
cost = {}
for _ in range(ROUNDS):
    with Floor('echo') as server:
        floor = load('stun_load', server.port, server.pid, SECONDS, 96, 176)['ns_each']
    for way in ('up', 'down'):
        cost.setdefault(('floor', way), []).append(floor)
        for kind in SERVERS:
            with kind(relays=True) as server:
                said = load('relay_load', server.port, server.pid, USER, PASSWORD, way, FLOWS, SECONDS)
            cost.setdefault((kind.name, way), []).append(said['ns_each'])
for (name, way), values in cost.items():
    figure(f'relayed packet, {way}, processor time', 'ns', name, spread(values))
