#!/usr/bin/env python3
"""postern-server while forged requests come as fast as they can be made: forged.py SERVER SPOOF

Every answer to them leaves by the wire, whose counters say how many bytes strangers were sent.
"""
import json
import os
import subprocess
import sys
import threading

sys.path.insert(0, f'{sys.path[0]}/../support')
from island import move_to_island  # noqa: E402
from programs import Program, last_words  # noqa: E402
from stun import ask_udp, request  # noqa: E402
from tap import case, check, on_failure, run_cases  # noqa: E402

HERE, OTHER, HONEST, ROUTER, PORT = '203.0.113.5', '203.0.113.6', '203.0.113.9', '203.0.113.254', 3478
SERVER, SPOOF = sys.argv[1:3]
LONG = os.environ.get('POSTERN_LONG')
SECONDS = 60 if LONG else 2
SEED = str(int.from_bytes(os.urandom(4), 'big') if LONG else 1)
FRAME = 14 + 20 + 8  # Ethernet, IPv4 and UDP around an answer
SANITIZED = '/san/' in os.path.abspath(SERVER)
# Else what was freed would count as memory in use: ASan keeps 256 MiB of it.
os.environ['ASAN_OPTIONS'] = f'{os.environ.get("ASAN_OPTIONS", "")}:quarantine_size_mb=4'

move_to_island(HERE, OTHER, HONEST)
on_failure.append(last_words)
for words in (f'route replace default via {ROUTER} dev wire', f'neigh replace {ROUTER} lladdr 02:00:00:00:00:01 dev wire'):
    subprocess.run(['ip', *words.split()], check=True)


def sent_by_wire():
    """(packets, bytes of STUN)"""
    with open('/proc/self/net/dev', encoding='ascii') as f:
        counters = next(line.split(':')[1].split() for line in f if line.strip().startswith('wire:'))
    size, packets = int(counters[8]), int(counters[9])
    return packets, size - FRAME * packets


def resident_kib(pid):
    with open(f'/proc/{pid}/statm', encoding='ascii') as f:
        return int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') // 1024


def ask_honestly(until, answers):
    while not until.is_set():
        answers.append(ask_udp((HERE, PORT), request(), wait=1)[0] is not None)
        until.wait(0.05)


def flood(kind, server, seconds=SECONDS):
    """What the strangers sent and got, and how an honest client fared meanwhile."""
    end, answers = threading.Event(), []
    before, memory = sent_by_wire(), resident_kib(server.pid)
    honest = threading.Thread(target=ask_honestly, args=(end, answers))
    honest.start()
    done = json.loads(subprocess.run([SPOOF, kind, HERE, str(PORT), str(seconds), SEED], capture_output=True, text=True,
                                     check=True).stdout)
    end.set()
    honest.join()
    packets, size = (after - was for after, was in zip(sent_by_wire(), before))
    told = {'kind': kind, 'sent': done['sent'], 'answered': packets, 'bytes in': done['sent'] * done['size'], 'bytes out': size,
            'factor': round(size / (done['sent'] * done['size']), 2), 'grown KiB': resident_kib(server.pid) - memory,
            'honest asked': len(answers), 'honest answered': sum(answers)}
    print(f'# {told}', flush=True)
    return told


def start_server():
    return Program([SERVER, '-L', HERE, '-L', OTHER, '-p', PORT, '--lt-cred-mech', '--user', 'alice:secret', '--realm',
                    'example.org'], ready=f'listening on UDP {OTHER}:{PORT + 1}')


def nobody_is_harmed(kind):
    with start_server() as server:
        # All that the tables take, they have taken then, and the budget of all strangers together is spent.
        for _ in range(20):
            first = flood(kind, server, 1)
            check(first['answered'] > 0, first)
            if first['factor'] <= 1.6:
                break
        told = flood(kind, server)
        check(told['bytes out'] <= 1.6 * told['bytes in'] + 1000, told)  # and some ARP
        check(told['grown KiB'] < (8192 if SANITIZED else 512), told)
        # A flood fills the kernel's queue, whoever serves: some honest requests are lost there, and asked again.
        check(told['honest answered'] >= 0.5 * told['honest asked'] > 0, told)


@case
def forged_modern_requests_draw_no_more_than_their_answers():
    nobody_is_harmed('modern')


@case
def forged_classic_requests_draw_short_answers_once_the_budget_is_spent():
    nobody_is_harmed('classic')


@case
def forged_wishes_for_other_addresses_draw_no_flood():
    nobody_is_harmed('change')


@case
def forged_requests_for_an_allocation_draw_few_refusals_and_keep_nothing():
    nobody_is_harmed('allocate')


run_cases()
