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
    one, own, more, idle = ({kind: [] for kind in PHONES} for _ in range(4))
    os.sync()  # of a program that was just built, what is not on the disk yet would count as written to
    for _ in range(1 if QUICK else 3):
        for kind in PHONES:
            few, all_of_it = memory(kind, 1, False)
            (many, _), (registered, _) = memory(kind, MANY, False), memory(kind, MANY, True)
            one[kind].append(few)
            own[kind].append(all_of_it)
            more[kind].append((many - few) / (MANY - 1))
            idle[kind].append((registered - many) / MANY)
    for kind in PHONES:
        figure('a phone with one account', 'KiB written to', kind.name, spread(one[kind]))
        figure('the same, with what nobody shares', 'KiB', kind.name, spread(own[kind]))
        figure('each further account', 'KiB', kind.name, spread(more[kind], '.1f'))
        figure('each idle registration besides', 'KiB', kind.name, spread(idle[kind], '.1f'))
