#!/usr/bin/env python3
"""What memory does a TURN server take when nothing happens, and for each allocation? What does one cost to make?"""
import os
import sys

sys.path.insert(0, f'{os.path.dirname(os.path.abspath(__file__))}/../support')
from servers import PASSWORD, QUICK, ROUNDS, SERVERS, USER, figure, load, spread  # noqa: E402

COUNT = 100 if QUICK else 5000
idle, own, each, cost = ({kind.name: [] for kind in SERVERS} for _ in range(4))
for _ in range(ROUNDS):
    for kind in SERVERS:
        with kind(relays=True) as server:
            resident, private = server.memory()
            said = load('relay_load', server.port, server.pid, USER, PASSWORD, 'allocate', COUNT)
        idle[kind.name].append(resident)
        own[kind.name].append(private)
        each[kind.name].append(said['bytes_each'])
        cost[kind.name].append(said['cpu_us_each'])
for name in idle:
    figure('TURN server, idle, resident', 'KiB', name, spread(idle[name]))
    figure('TURN server, idle, its own', 'KiB', name, spread(own[name]))
    figure('allocation with channel, resident', 'bytes', name, spread(each[name]))
    figure('allocation with channel, processor time', 'us', name, spread(cost[name], '.1f'))
