#!/usr/bin/env python3
"""What postern-server --selftest says, and ends with: test_selftest.py POSTERN_LAB POSTERN_SERVER"""
import os
import sys

from labtest import Stage, agent_argv, case_with_hosts
from tap import check, run_cases

SERVER = os.path.abspath(sys.argv[2])
PUBLIC, INSIDE = '203.0.113.1', '192.168.1.2'
FLAGS = ('-r', 'north.gov', '--postern-status-socket', '/run/status.sock')
USER = ('-u', 'gorst:hero')
BEHIND_NAT = ('-L', INSIDE, '-X', f'{PUBLIC}/{INSIDE}', *USER)
FINE, CANNOT_TELL, NO_ANSWER, MISTOLD = 0, 4, 5, 6


def behind(hairpin):
    return f'''
wire world 203.0.113.0/24
wire home 192.168.1.0/24
host out world 203.0.113.9
nat router full-cone hairpin {hairpin} inside home outside world {PUBLIC}
host server home {INSIDE}
'''


OPEN = '''
wire world 203.0.113.0/24
host server world 203.0.113.5
'''


def selftest(scenario, runs, asks, expect, *says, mapped=False):
    """With a server that runs with flags, if any, and is asked with others."""
    with Stage(scenario) as stage:
        if mapped:
            stage.ask('server', *agent_argv('knock', 3478, '203.0.113.9'))
        if runs:
            stage.start('server', SERVER, *FLAGS, *runs, ready='listening on UDP')
        said = stage.ask('server', SERVER, *FLAGS, *asks, '--selftest', expect=expect)
        for words in says:
            check(words in said, f'"{words}" is not in: {said}')


@case_with_hosts
def all_is_well_where_the_public_address_is_its_own():
    flags = ('-L', '203.0.113.5', *USER)
    selftest(OPEN, flags, flags, FINE, '203.0.113.5:3478: answers by UDP, and sees this computer as 203.0.113.5:',
             'relaying   gorst gets 203.0.113.5:')


@case_with_hosts
def all_is_well_behind_a_nat_that_leads_back_in():
    selftest(behind('external'), BEHIND_NAT, BEHIND_NAT, FINE,
             f'public     {PUBLIC}:3478: answers by UDP, and sees this computer as {PUBLIC}:', f'relaying   gorst gets {PUBLIC}:',
             mapped=True)


@case_with_hosts
def behind_a_nat_without_hairpin_it_cannot_tell_from_here():
    selftest(behind('off'), BEHIND_NAT, BEHIND_NAT, CANNOT_TELL, f'public     {PUBLIC}:3478: no answer by UDP',
             f'own        {INSIDE}:3478: answers by UDP', 'cannot be told from here', f'relaying   gorst gets {PUBLIC}:', mapped=True)


@case_with_hosts
def a_server_that_is_not_there_or_refuses_fails():
    flags = ('-L', '203.0.113.5')
    selftest(OPEN, None, (*flags, *USER), NO_ANSWER, '203.0.113.5:3478: no answer by UDP')
    selftest(OPEN, (*flags, *USER), (*flags, '-u', 'gorst:other'), NO_ANSWER, 'relaying   FAILED: gorst refused with 401')
    selftest(OPEN, flags, (*flags, *USER), NO_ANSWER, 'relaying   FAILED: no challenge came')
    selftest(behind('off'), None, BEHIND_NAT, NO_ANSWER, f'own        {INSIDE}:3478: no answer by UDP')
    selftest(behind('off'), BEHIND_NAT, (*BEHIND_NAT[:-1], 'gorst:other'), NO_ANSWER, 'gorst refused with 401')


@case_with_hosts
def a_private_relayed_address_is_a_wrong_external_ip():
    flags = ('-L', INSIDE, *USER)
    selftest(behind('off'), flags, flags, MISTOLD, f'relaying   gorst gets {INSIDE}:', 'PRIVATE: clients elsewhere cannot reach it')
    # The server was told its public address after it had been started.
    selftest(behind('off'), flags, BEHIND_NAT, MISTOLD, 'cannot be told from here', 'PRIVATE')
    shared = OPEN.replace('203.0.113', '100.64.0')
    flags = ('-L', '100.64.0.5', *USER)
    selftest(shared, flags, flags, MISTOLD, 'PRIVATE')


run_cases()
