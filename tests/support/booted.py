"""A second system on this computer: systemd as process 1, in namespaces of its own.

Its files are this computer's, seen through an overlay in memory, so whatever is written there is gone with it. It has no
network but loopback, and of systemd only what a service needs: journal, sysusers, and the units that a test starts.
"""
import atexit
import ctypes
import os
import shutil
import subprocess
import tempfile
import time

from programs import Program, Trouble, wait_until
from tap import skip_all

SYSTEMD = '/lib/systemd/systemd'
CLONE_NEWNET = 0x40000000

# $1: an empty folder, $2: a name for the control group. In there $1/root becomes the root.
BOOT = r'''
mount -t tmpfs -o mode=755,size=512m tmpfs "$1"
cd "$1"
mkdir upper work root cgroup
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
mount -t cgroup2 cgroup2 cgroup
mkdir "cgroup/$2"
echo $$ >"cgroup/$2/cgroup.procs"
umount cgroup
exec unshare --cgroup --pid --fork --kill-child --uts --ipc --net sh -ec '
    cd root
    mount -t proc proc proc
    mount -t sysfs sysfs sys
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    mount -t tmpfs -o mode=755 tmpfs dev
    mount -t tmpfs -o mode=755 tmpfs run
    mount -t tmpfs tmpfs tmp
    mkdir dev/shm dev/pts
    mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
        set -- $device
        mknod -m 666 "dev/$1" c "$2" "$3"
    done
    cd lib/systemd/system
    for wanted in *.target.wants/*; do
        case $wanted in
        */systemd-journald.service | */systemd-sysusers.service) ;;
        *) rm "$wanted" ;;
        esac
    done
    cd ../../../etc
    rm -rf systemd/system/* fstab
    echo 0123456789abcdef0123456789abcdef >machine-id
    printf "[Unit]\nDescription=Up\nRequires=basic.target\nAfter=basic.target\n" >systemd/system/up.target
    cd ..
    mkdir -p mnt/before
    pivot_root . mnt/before
    umount -l /mnt/before
    ip link set lo up
    exec env -i container=postern PATH="$PATH" '$SYSTEMD' systemd.unit=up.target systemd.log_target=journal' sh
'''


def missing():
    if not os.path.exists(SYSTEMD):
        return 'systemd is not installed (tools/setup installs it)'
    tried = subprocess.run(['unshare', '--mount', '--pid', '--fork', '--cgroup', '--net', 'sh', '-ec',
                            'mount -t tmpfs tmpfs /mnt; mkdir /mnt/u /mnt/w /mnt/r; mount -t cgroup2 cgroup2 /mnt/r; umount /mnt/r; '
                            'mount -t overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w overlay /mnt/r'],
                           capture_output=True, text=True, check=False)
    return f'no system can be booted here: {tried.stderr.strip()}' if tried.returncode else None


class Booted:
    """Up when the constructor returns; gone with the process that made it."""

    def __init__(self):
        if why := missing():
            skip_all(why)
        self.folder = tempfile.mkdtemp(prefix='postern-booted-')
        self.group = os.path.basename(self.folder)
        atexit.register(self.halt)
        self.program = Program(['unshare', '--mount', 'sh', '-ec', BOOT.replace('$SYSTEMD', SYSTEMD), 'sh', self.folder, self.group])
        self.leader = wait_until(self.find_leader, 'process 1 to be made')
        wait_until(lambda: self.run('systemctl', 'is-active', 'up.target').stdout == 'active\n', 'the second system to be up')

    def find_leader(self):
        if self.program.ended():
            raise Trouble(f'the second system did not come up: {self.program.said()}')
        for child in subprocess.run(['ps', '-o', 'pid=,comm=', '--ppid', str(self.program.pid)], capture_output=True, text=True,
                                    check=False).stdout.splitlines():
            pid, name = child.split()
            if name.startswith('systemd'):
                return int(pid)
        return None

    def command(self, *words):
        return ['nsenter', '--target', str(self.leader), '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--root', '--wd',
                'env', '-i', f'PATH=/usr/local/sbin:/usr/local/bin:{os.environ["PATH"]}', 'SYSTEMD_COLORS=0', *map(str, words)]

    def run(self, *words):
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=60, check=False,
                              stdin=subprocess.DEVNULL)

    def write(self, path, text, mode=0o644):
        done = subprocess.run(self.command('sh', '-ec', 'mkdir -p "$(dirname "$1")"; : >"$1"; chmod "$2" "$1"; cat >"$1"', 'sh', path,
                                           f'{mode:o}'), input=text, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise Trouble(done.stderr)

    def enter_network(self):
        """This process's sockets are made in there from now on."""
        with open(f'/proc/{self.leader}/ns/net', 'rb') as f:
            if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET) != 0:
                raise Trouble(os.strerror(ctypes.get_errno()))

    def halt(self):
        self.program.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        remove = 'mount -t cgroup2 cgroup2 /mnt; find "/mnt/$1" -depth -type d -exec rmdir {} +'
        for _ in range(100):
            done = subprocess.run(['unshare', '--mount', 'sh', '-c', remove, 'sh', self.group], capture_output=True, check=False)
            if done.returncode == 0:
                break
            time.sleep(0.02)  # its processes are still going
