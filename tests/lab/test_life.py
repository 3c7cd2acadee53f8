#!/usr/bin/env python3
"""How a lab begins, is watched and ends: test_life.py POSTERN_LAB"""
import glob
import os
import pty
import re
import shutil
import signal
import socket
import subprocess

from labtest import (FOLDER, LAB, agent, agent_argv, case_with_hosts, lab, path, run, start, write)
from programs import free_port, wait_until
from tap import Skip, case, check, check_equal, run_cases

PAIR = '''
wire world 203.0.113.0/24
wire home 192.168.1.0/24
host server world 203.0.113.10
nat router inside home outside world 203.0.113.1
host alice home 192.168.1.2
'''


def all_processes():
    """{pid: its parent, name and network namespace}"""
    found = {}
    for folder in glob.glob('/proc/[0-9]*'):
        try:
            with open(folder + '/stat', encoding='utf-8') as f:
                name, rest = re.match(r'\d+ \((.*)\) (.*)', f.read(), re.S).groups()
            state, parent = rest.split()[:2]
            found[int(folder[6:])] = (int(parent), name, state, os.readlink(folder + '/ns/net'))
        except OSError:
            continue
    return found


def namespaces_below(pid):
    """The network namespaces of a lab's hosts."""
    everything = all_processes()
    return {p[3] for p in everything.values() if p[0] == pid} - {everything[pid][3]}


def inhabited(namespaces):
    return any(p[3] in namespaces and p[2] != 'Z' for p in all_processes().values())


def ends_clean(number):
    p = start(PAIR + f'''
run server as orphan {agent('orphan')}
run alice sh -c "sleep 1000 & sleep 1000"
''', until='ready')
    hosts = namespaces_below(p.pid)
    check_equal(2, len(hosts), 'namespaces')
    p.process.send_signal(number)
    p.process.wait(10)
    wait_until(lambda: not inhabited(hosts), 'the processes in the hosts to be gone')


@case_with_hosts
def nothing_survives_sigkill():
    ends_clean(signal.SIGKILL)
    check('no lab is running' in lab('do', 'reboot', 'router').stderr, 'the killed lab answers')
    check(not glob.glob(f'{FOLDER}/postern-lab/*'), 'the socket of a killed lab is left')


@case
def a_lab_that_does_not_listen_yet_keeps_its_socket():
    os.makedirs(f'{FOLDER}/postern-lab', exist_ok=True)
    name = f'{FOLDER}/postern-lab/{os.getpid()}'
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(name)
        lab('do', 'reboot', 'router')
        check(os.path.exists(name), 'the socket of a lab that is starting is taken away')
    os.unlink(name)


@case_with_hosts
def nothing_survives_sigint_or_sigterm():
    for number in (signal.SIGINT, signal.SIGTERM):
        ends_clean(number)


@case_with_hosts
def programs_may_finish_their_work_on_sigterm():
    r = run(PAIR + '''
run server background as tidy sh -c "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"
run alice after tidy says up true
''')
    check('bye' in r.of('server'), r.out)


@case_with_hosts
def exit_code_and_message_say_which_program_surprised():
    r = run(PAIR + 'run alice as a sh -c "exit 3"\nrun server sleep 100', expect=2)
    check_equal('postern-lab: a on alice ended with 3, not 0', r.err.strip())
    r = run(PAIR + 'run alice as a exit 3 sh -c "exit 3"')
    check_equal('', r.err)
    r = run(PAIR + 'run alice as a sh -c "kill -SEGV $$"', expect=2)
    check_equal('postern-lab: a on alice ended with 139, not 0', r.err.strip())
    r = run(PAIR + 'run alice /nowhere/at/all', expect=2)
    check('cannot run /nowhere/at/all on alice: ' in r.out, r.out)


@case_with_hosts
def lines_are_prefixed_and_the_last_one_needs_no_newline():
    r = run(PAIR + '''
run alice as one sh -c "echo first; echo second >&2; printf unfinished"
run alice as two after one says first true
run server sh -c "head -c 10000 /dev/zero | tr '\\0' x"
''')
    check_equal(['first', 'second', 'unfinished'], sorted(r.of('alice/one')))
    check_equal(10000, sum(len(line) for line in r.of('server')), 'bytes of a very long line')


@case_with_hosts
def hosts_share_neither_run_nor_names_nor_ports_nor_processes():
    r = run(PAIR + '''
run alice as a sh -c "echo hi >/run/x; echo files $(ls /run | tr '\\n' ' '); hostname; echo ready; sleep 1"
run server as b after a says ready sh -c "ls /run; hostname; cat /etc/hosts; ps ax | grep -c sleep; cat /proc/sys/kernel/hostname"
''')
    check('x' in r.said('alice', 'files').split(), r.out)
    check('x' not in r.of('server'), r.out)
    check('alice' in r.of('alice') and 'server' in r.of('server'), r.out)
    check('203.0.113.10 server' in r.of('server'), r.out)


@case_with_hosts
def a_capture_holds_its_wires_for_tshark():
    world, both = path('world.pcapng'), path('both.pcapng')
    r = run(PAIR + f'''
capture world {world}
run server background as echo {agent('echo', '203.0.113.10', 7000)}
run alice after echo says ready {agent('big', '203.0.113.10', 7000, 100)}
''', '--capture', f'world={both}', '--capture', f'home={both}')
    check_equal('100', r.said('alice', 'back'))
    for file, sources in ((world, ['203.0.113.1', '203.0.113.10']),
                          (both, ['192.168.1.2', '203.0.113.1', '203.0.113.10', '203.0.113.10'])):
        out = subprocess.run(['tshark', '-r', file, '-Y', 'udp', '-T', 'fields', '-e', 'ip.src', '-e',
                              'frame.interface_name', '-e', 'udp.checksum.status',
                              '-o', 'udp.check_checksum:TRUE'],
                             capture_output=True, text=True, check=True).stdout.split('\n')
        rows = [line.split('\t') for line in out if line]
        check_equal(sources, sorted(row[0] for row in rows), file)
        check(all(row[2] == '1' for row in rows), f'checksums: {rows}')
        check(all((row[0] == '192.168.1.2') <= (row[1] == 'home') for row in rows), f'{rows}')


@case_with_hosts
def a_forward_brings_a_hosts_port_to_the_machine():
    size = 3000000
    for inside in ('127.0.0.1', '192.168.1.2'):
        port = free_port()
        with start(PAIR + f'forward alice 8000 {port}\nrun alice background {agent("mirror", inside, 8000)}\n',
                   until='ready') as p:
            for _ in range(2):
                out = subprocess.run(agent_argv('pour', '127.0.0.1', port, size), text=True, timeout=20,
                                     capture_output=True, check=False).stdout
                check('same' in out, f'through {inside}: {out}')
            check_equal(0, p.end(), 'a lab of background programs ends well when it is told to')


@case_with_hosts
def a_forward_to_nobody_closes_and_a_taken_port_is_an_error():
    port = free_port()
    p = start(PAIR + f'forward alice 8000 {port}\nrun alice background echo ready\n', until='ready')
    with socket.create_connection(('127.0.0.1', port), timeout=5) as s:
        check_equal(b'', s.recv(10), 'a connection to a closed port')
    p.end()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(('127.0.0.1', port))
        taken.listen()
        r = run(PAIR + f'forward alice 8000 {port}', expect=3)
    check(f'cannot listen on 127.0.0.1:{port}' in r.err, r.err)


@case_with_hosts
def a_shell_is_inside_the_host():
    with start(PAIR + 'run server background sh -c "echo ready; sleep 100"', until='ready'):
        r = lab('shell', 'alice', '--', 'sh', '-c', 'hostname; cat /proc/net/fib_trie; echo $$; exit 7')
        check_equal(7, r.returncode, r.stderr)
        check('alice' in r.stdout and '192.168.1.2' in r.stdout, r.stdout)
        check(int(r.stdout.split()[-1]) < 100, 'it is not in the process-id namespace of the host')
        r = lab('shell', 'nobody')
        check_equal((1, True), (r.returncode, 'has no host "nobody"' in r.stderr), r.stderr)
        r = lab('shell', 'alice', '--', '/nowhere')
        check_equal(127, r.returncode, r.stderr)
        out = interactive(['shell', 'server'], 'hostname; tty; exit 5\n', 5)
        check('server' in out and '/dev/pts' in out, out)


def interactive(words, typed, code):
    """Runs a command of the lab on a terminal and types into it."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ['SHELL'] = '/bin/sh'
        os.execv(LAB, [LAB, *words])
    os.write(terminal, typed.encode())
    out = b''
    try:
        while chunk := os.read(terminal, 4096):
            out += chunk
    except OSError:
        pass
    os.close(terminal)
    check_equal(code, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out.decode())
    return out.decode()


@case_with_hosts
def a_running_lab_can_be_told_to_do_something():
    with start(PAIR + 'run server background sh -c "echo ready; sleep 100"', until='ready'):
        r = lab('do', 'link', 'world', 'loss', '100%')
        check_equal(0, r.returncode, r.stderr)
        r = lab('shell', 'alice', '--', *agent_argv('refused', '203.0.113.10', 9))
        check('heard nothing' in r.stdout, r.stdout + r.stderr)
        check_equal(0, lab('do', 'link', 'world', 'loss', '0%').returncode)
        r = lab('shell', 'alice', '--', *agent_argv('refused', '203.0.113.10', 9))
        check('heard ECONNREFUSED' in r.stdout, r.stdout)
        r = lab('do', 'reboot', 'nobody')
        check(r.returncode == 1 and 'nobody' in r.stderr, r.stderr)


@case_with_hosts
def variables_are_set_from_the_command_line():
    text = 'set nat port-restricted\nset word hello\n' + PAIR.replace('nat router', 'nat router {nat}') + \
        'run alice echo {word}\n'
    check_equal(['hello'], run(text).of('alice'))
    check_equal(['moin'], run(text, '--set', 'word=moin', '--set', 'nat=symmetric').of('alice'))
    r = run(text, '--set', 'nat=round', expect=1)
    check('scenario.net:7:' in r.err and '"round"' in r.err, r.err)
    r = run(text, '--set', 'other=1', expect=1)
    check('has no "set other"' in r.err, r.err)


@case
def a_wrong_scenario_is_told_with_its_line():
    file = write('wrong.net', 'wire world 203.0.113.0/24\nhost alice wold 203.0.113.2\n')
    for command in ('run', 'check'):
        r = lab(command, file)
        check_equal((1, f'{file}:2: host: "wold" is not a wire'), (r.returncode, r.stderr.strip()))
    r = lab('run', path('missing.net'))
    check(r.returncode == 1 and 'missing.net' in r.stderr, r.stderr)


@case
def a_wrong_command_line_is_told():
    file = write('right.net', PAIR)
    for words in ([], ['fly'], ['run'], ['run', file, file], ['run', '--seed', 'x', file], ['shell'],
                  ['run', '--capture', 'nowhere=x', file], ['run', '--set', 'x', file],
                  ['shell', 'alice', 'ls']):
        r = lab(*words)
        check(r.returncode == 1 and r.stderr, f'{words}: {r.returncode} {r.stderr}')
    check('Exit codes' in lab('--help').stdout, 'help')


@case
def check_draws_the_topology():
    r = lab('check', write('right.net', PAIR))
    check_equal('''wire world 203.0.113.0/24
+- host server 203.0.113.10
+- nat router 203.0.113.1, mapping sees nothing, filtering sees address and port
   wire home 192.168.1.0/24
   +- host alice 192.168.1.2
''', r.stdout)


@case_with_hosts
def without_rights_it_says_what_is_missing():
    """As nobody, with a /dev/net/tun that is not there: what an ordinary container looks like."""
    if os.geteuid() != 0:
        raise Skip('only root can take rights away from a part')
    os.chmod(FOLDER, 0o755)
    file = write('right.net', PAIR)
    for word in (['rights'], ['run', file]):
        r = subprocess.run(['unshare', '--mount', 'sh', '-c',
                            'mount -t tmpfs none /dev/net && exec "$@"', 'sh', LAB, *word],
                           capture_output=True, text=True, timeout=20, check=False)
        check_equal(77, r.returncode, r.stderr)
        check('cannot make a TUN interface from /dev/net/tun' in r.stderr, r.stderr)
        r = subprocess.run(['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin', LAB, *word],
                           capture_output=True, text=True, timeout=20, check=False)
        check_equal(77, r.returncode, r.stderr)
        check('namespaces' in r.stderr, r.stderr)


@case_with_hosts
def an_ordinary_user_may_run_a_lab_where_dev_net_tun_is_open_to_all():
    """As nobody, with a /dev/net/tun as most distributions have it."""
    if os.geteuid() != 0:
        raise Skip('only root can become somebody else')
    os.chmod(FOLDER, 0o755)
    os.mkdir(path('nobody'))
    os.chmod(path('nobody'), 0o777)
    binary = path('postern-lab-of-nobody')
    shutil.copy(LAB, binary)
    file = write('user.net', PAIR + 'run alice sh -c "id -u; hostname; echo done"\nrun server after sh says done true\n')
    script = ('mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && '
              'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"')
    r = subprocess.run(['unshare', '--mount', 'sh', '-c', script, 'sh', binary, 'run', file], cwd='/',
                       env={**os.environ, 'XDG_RUNTIME_DIR': path('nobody')}, capture_output=True, text=True, timeout=20, check=False)
    if r.returncode == 77 and 'may not make a user namespace' in r.stderr:
        raise Skip(r.stderr.strip())
    check_equal(0, r.returncode, r.stdout + r.stderr)
    check('alice  | 0\n' in r.stdout and 'alice  | alice\n' in r.stdout, r.stdout)


run_cases()
