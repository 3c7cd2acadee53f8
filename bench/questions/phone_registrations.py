#!/usr/bin/env python3
"""How many registrations a second would keep a core busy? Each is REGISTER, 401, REGISTER with a digest, 200.

Postern is told to register its 16 accounts again and again. baresip has no such command: its 16 are granted leases of a
second.
"""
import os
import sys
import time

sys.path.insert(0, f'{os.path.dirname(os.path.abspath(__file__))}/../support')
from phones import QUICK, Baresip, Postern, figure, granted, need, registrar, spread  # noqa: E402

TIMES = 2 if QUICK else 15  # transactions that have ended stay for five seconds, and there is room for so many
BUSY_S = 2 if QUICK else 6


def postern():
    with registrar() as server, Postern(16) as phone:
        count, before = granted(server), phone.cpu_s()
        phone.register(TIMES)
        return granted(server) - count, phone.cpu_s() - before


def baresip():
    with registrar(1) as server, Baresip(16) as phone:
        count, before = granted(server), phone.cpu_s()
        time.sleep(BUSY_S)
        return granted(server) - count, phone.cpu_s() - before


need('baresip', 'taskset')
rates = {Postern: [], Baresip: []}
for _ in range(1 if QUICK else 5):
    for kind, measure in ((Postern, postern), (Baresip, baresip)):
        made, seconds = measure()
        if made == 0:
            sys.exit(f'{kind.name} did not register')
        rates[kind].append(made / seconds)
for kind, all_rates in rates.items():
    figure('registrations a core sustains', '/s of processor time', kind.name, spread(all_rates))
