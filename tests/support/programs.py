"""Programs that a test or the demo starts, and waiting for what they do.

Nothing here sleeps for the sake of it: one waits for words, a state or an end, with a limit. Whatever was
started is ended with the process that started it, however that ends (but for SIGKILL).
"""
import atexit
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE_S = 20  # nothing waited for should take as long; a limit, so that a test ends
running = []


class Trouble(Exception):
    """Something that had to happen did not; the text is for a person."""


def wait_until(condition, what, seconds=PATIENCE_S):
    """The first true value of condition(), asked again and again; Trouble after so many seconds."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise Trouble(f'waited {seconds} s in vain for {what}')
        time.sleep(0.02)
    return value


class Program:
    """A process in a group of its own. What it prints goes to the file `log`, else to one without a name.

    With `ready` it is waited for until it has printed these words. At the end of a `with` it is killed.
    """

    def __init__(self, argv, log=None, ready=None, env=None, stdin=subprocess.DEVNULL):
        argv = [str(word) for word in argv]
        self.name = os.path.basename(log or argv[0])
        self.log = open(log, 'w+b') if log else tempfile.TemporaryFile('w+b')
        self.process = subprocess.Popen(argv, stdin=stdin, stdout=self.log, stderr=self.log,
                                        env={**os.environ, **(env or {})}, start_new_session=True)
        self.pid = self.process.pid
        running.append(self)
        if ready:
            self.wait_said(ready)

    def said(self):
        # By its own offset: the program writes where this file's would be.
        size = os.fstat(self.log.fileno()).st_size
        return os.pread(self.log.fileno(), size, 0).decode(errors='replace')

    def ended(self):
        return self.process.poll() is not None

    def wait_said(self, words, seconds=PATIENCE_S):
        def seen():
            over = self.ended()  # before looking, so that its last words count
            if words in self.said():
                return True
            if over:
                raise Trouble(f'{self.name} ended with {self.process.returncode} and never said "{words}":\n{self.said()}')
            return False
        wait_until(seen, f'"{words}" from {self.name}', seconds)

    def end(self, number=signal.SIGTERM, seconds=10):
        """Tells it to end, kills it if it does not in time; its exit code."""
        if not self.ended():
            self.process.send_signal(number)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def kill(self):
        if not self.ended():
            os.killpg(self.pid, signal.SIGKILL)
        return self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.log.close()
        running.remove(self)


def end_all():
    for program in reversed(running):
        program.end()
    running.clear()


atexit.register(end_all)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def last_words():
    """What each program printed last, for a test that failed."""
    return [f'{program.name}: {line}' for program in running for line in program.said().splitlines()[-40:]]


def free_port(span=1, ip='127.0.0.1'):
    """A port that is free now, with the next ones, for UDP and TCP."""
    for port in range(20000 + os.getpid() % 20000, 60000, span):
        taken = []
        try:
            for offset in range(span):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    taken.append(socket.socket(socket.AF_INET, kind))
                    taken[-1].bind((ip, port + offset))
            return port
        except OSError:
            continue
        finally:
            for s in taken:
                s.close()
    raise Trouble('no free port')
