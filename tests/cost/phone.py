#!/usr/bin/env python3
"""What a phone costs: phone.py PHONE. Instructions, counted by callgrind, of a registration and of a call; and memory that
is the phone's alone, with one account and with sixteen that are registered.

As in binding.py each counting is done twice, for few and for many, and only in a release build. The limits lie a tenth
above what was measured when they were set; before that a call took 1,960,000 instructions, a phone 4,400 KiB, and each
idle registration 25 KiB.
"""
import json
import os
import re
import socket
import sys
import tempfile

HERE = sys.path[0]
sys.path.insert(0, f'{HERE}/../support')
from programs import Program, wait_until  # noqa: E402
from tap import case, check, need, run_cases  # noqa: E402

PHONE = sys.argv[1]
BENCH = f'{HERE}/../../bench'
NET = f'127.{70 + os.getpid() % 100}.{os.getpid() // 100 % 256}'
ADDRESS, REGISTRAR, CALLER = f'{NET}.20', f'{NET}.5', f'{NET}.6'
ACCOUNTS, FEW, MANY = 16, 2, 8
CALLS_FEW, CALLS_MANY = 20, 120

need('valgrind', 'sipp')


class Phone(Program):
    """With this many accounts, which register if they are to; under valgrind if its words are given."""

    def __init__(self, folder, accounts, registers, before=()):
        keys = {'postern.listen': ADDRESS, 'postern.auto_answer': 1, 'postern.log.level': 'warn'}
        for i in range(1, accounts + 1):
            keys.update({f'account.{i}.enable': 1, f'account.{i}.user_name': f'u{i}',
                         f'account.{i}.nat.udp_update_enable': 0})
            if registers:
                keys.update({f'account.{i}.sip_server.1.address': REGISTRAR, f'account.{i}.password': 'x'})
        with open(f'{folder}/phone.cfg', 'w', encoding='utf-8') as f:
            f.write('#!version:1.0.0.1\n' + ''.join(f'{key} = {value}\n' for key, value in keys.items()))
        path = f'{folder}/socket'
        super().__init__([*before, PHONE, '--config', f'{folder}/phone.cfg', '--socket', path])
        wait_until(lambda: os.path.exists(path), 'the control socket', 60)
        self.control = socket.socket(socket.AF_UNIX)
        self.control.settimeout(60)
        self.control.connect(path)
        self.lines = self.control.makefile('rw')
        wait_until(lambda: self.registered() == (accounts if registers else 0), 'the registrations', 60)

    def ask(self, command):
        print(json.dumps({'command': command}), file=self.lines, flush=True)
        return json.loads(self.lines.readline())

    def registered(self):
        return sum(account['state'] == 'registered' for account in self.ask('status')['accounts'])

    def own_kib(self):
        with open(f'/proc/{self.pid}/smaps_rollup', encoding='ascii') as f:
            return int(re.search(r'^Private_Dirty: +(\d+) kB', f.read(), re.M)[1])


def registrar():
    return Program([sys.executable, f'{BENCH}/support/registrar.py', REGISTRAR, 3600], ready='listening')


def counted(accounts, registers, what):
    """Instructions of a phone's whole life in which `what` is done."""
    with tempfile.TemporaryDirectory() as folder:
        words = ['valgrind', '--tool=callgrind', f'--callgrind-out-file={folder}/out']
        with Phone(folder, accounts, registers, words) as phone:
            what(phone)
            check(phone.end(seconds=60) == 0, phone.said())
            return int(re.search(r'Collected : (\d+)', phone.said())[1])


def register(rounds):
    def do(phone):
        for _ in range(rounds):
            before = granted(server)
            phone.ask('register')
            wait_until(lambda: granted(server) == before + ACCOUNTS, 'all of a round', 60)
    with registrar() as server:
        return counted(ACCOUNTS, True, do)


def granted(server):
    return server.said().count('+')


def call(count):
    def do(_):
        with Program(['sipp', '-sf', f'{BENCH}/sipp/caller.xml', '-i', CALLER, '-p', 5060, '-nostdin', '-l', 1, '-r', 1000,
                      '-m', count, f'{ADDRESS}:5060', '-s', 'u1']) as caller:
            check(caller.process.wait(100) == 0, caller.said()[-2000:])
    return counted(1, False, do)


def within(each, limit, what):
    print(f'# {each:,.1f} {what}')
    check(each <= limit, f'{each:,.1f} {what}, more than {limit:,}')


@case
def a_registration_costs_at_most_420_000_instructions():
    within((register(MANY) - register(FEW)) / (MANY - FEW) / ACCOUNTS, 420_000, 'instructions a registration')


@case
def a_call_costs_at_most_680_000_instructions():
    within((call(CALLS_MANY) - call(CALLS_FEW)) / (CALLS_MANY - CALLS_FEW), 680_000, 'instructions a call')


@case
def a_phone_has_at_most_1_150_kib_to_itself_and_10_for_each_idle_registration():
    os.sync()  # of a program that was just built, what is not on the disk yet would count
    kib = []
    for accounts, registers in ((1, False), (ACCOUNTS, False), (ACCOUNTS, True)):
        with tempfile.TemporaryDirectory() as folder, registrar(), Phone(folder, accounts, registers) as phone:
            kib.append(phone.own_kib())
    within(kib[0], 1150, 'KiB with one account')
    within((kib[2] - kib[1]) / ACCOUNTS, 10, 'KiB for each idle registration')


run_cases()
