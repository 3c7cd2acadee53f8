#!/usr/bin/env python3
"""What does a Binding request cost a STUN server, and how long does one wait for the answer at half of what it can do?"""
import os
import sys

sys.path.insert(0, f'{os.path.dirname(os.path.abspath(__file__))}/../support')
from servers import ROUNDS, SECONDS, SERVERS, Floor, figure, load, spread  # noqa: E402

kinds = {'floor': lambda: Floor('stun'), **{kind.name: kind for kind in SERVERS}}
cost, rate, wait = ({name: [] for name in kinds} for _ in range(3))
for _ in range(ROUNDS):
    for name, kind in kinds.items():
        with kind() as server:
            full = load('stun_load', server.port, server.pid, SECONDS)
            half = load('stun_load', server.port, server.pid, SECONDS, f'rate={full["per_second"] / 2:.0f}')
        cost[name].append(full['ns_each'])
        rate[name].append(full['per_second'])
        wait[name].append(half['p50_us'])
for name in kinds:
    figure('Binding, processor time', 'ns', name, spread(cost[name]))
    figure('Binding, requests', '/s of a core', name, spread(rate[name]))
    figure('Binding, half load, median wait', 'us', name, spread(wait[name], '.1f'))
