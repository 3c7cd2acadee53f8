#!/usr/bin/env python3
"""How much memory does a phone take: with one account, for each further one, and for a registration that idles?"""
import os
import sys

sys.path.insert(0, f'{os.path.dirname(os.path.abspath(__file__))}/../support')
from phones import PHONES, QUICK, figure, need, registrar, spread  # noqa: E402

MANY = 16


def memory(kind, accounts, registers):
    with kind(accounts, registers) as phone:
        return phone.memory_kib()


need('baresip', 'sipp', 'taskset')
with registrar():
    one, more, idle = ({kind: [] for kind in PHONES} for _ in range(3))
    for _ in range(1 if QUICK else 3):
        for kind in PHONES:
            few, many, registered = memory(kind, 1, False), memory(kind, MANY, False), memory(kind, MANY, True)
            one[kind].append(few)
            more[kind].append((many - few) / (MANY - 1))
            idle[kind].append((registered - many) / MANY)
    for kind in PHONES:
        figure('a phone with one account', 'KiB of its own', kind.name, spread(one[kind]))
        figure('each further account', 'KiB', kind.name, spread(more[kind], '.1f'))
        figure('each idle registration besides', 'KiB', kind.name, spread(idle[kind], '.1f'))
