"""A network of its own for a test: loopback, and one wire with addresses that are no loopback's.

Real peers treat 127.0.0.0/8 in ways of their own (browsers pass it over, servers refuse to relay to it), and two
tests that use the same ports do not meet here.
"""
import os
import subprocess
import sys

from tap import skip_all


def move_to_island(*addresses):
    """Begins the running test anew in there; returns at its second time. `addresses` are of one /24."""
    if os.environ.get('POSTERN_ISLAND'):
        return
    if subprocess.run(['unshare', '-n', 'true'], capture_output=True, check=False).returncode != 0:
        skip_all('a network namespace cannot be made here (that takes CAP_SYS_ADMIN)')
    wire = ['ip link set lo up', 'ip link add wire type veth peer name far-end', 'ip link set far-end up',
            *(f'ip addr add {address}/24 dev wire' for address in addresses), 'ip link set wire up',
            'ip route add default dev wire', 'exec "$@"']
    os.execvpe('unshare', ['unshare', '-n', 'sh', '-ec', '; '.join(wire), 'sh', sys.executable, *sys.argv],
               {**os.environ, 'POSTERN_ISLAND': '1'})
