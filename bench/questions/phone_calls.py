#!/usr/bin/env python3
"""How many calls a second would keep a core busy? Each is called, answered at once and hung up; sound begins."""
import os
import sys

sys.path.insert(0, f'{os.path.dirname(os.path.abspath(__file__))}/../support')
from phones import PHONES, QUICK, call, figure, need, spread  # noqa: E402

# Transactions that have ended stay for half a minute, and a phone has room for a thousand.
COUNT, AT_ONCE = (20 if QUICK else 900), 4

need('baresip', 'sipp', 'taskset')
rates = {kind: [] for kind in PHONES}
for _ in range(1 if QUICK else 5):
    for kind in PHONES:
        with kind(1, registers=False) as phone:
            rates[kind].append(COUNT / call(phone, COUNT, AT_ONCE))
for kind in PHONES:
    figure('calls a core sustains', '/s of processor time', kind.name, spread(rates[kind]))
