"""Cases and what became of them, told as TAP.

A case is a function named by what is true when it passes. It fails by raising, and is skipped by raising Skip.
Python tests of every kind print by this and nothing else.
"""
import shutil
import sys
import traceback

cases = []      # (name, function), in the order they are played
on_failure = []  # functions that show what may explain a failed case, as lines


class Skip(Exception):
    """Raised by a case that cannot be played here, with the reason."""


def case(function):
    cases.append((function.__name__.replace('_', ' '), function))
    return function


def check(truth, text=''):
    if not truth:
        raise AssertionError(text)


def check_equal(expected, got, what=''):
    check(expected == got, f'{what}: expected {expected!r}, got {got!r}')


def skip_all(why):
    print(f'1..0 # SKIP {why}')
    sys.exit(0)


def installed(*programs):
    """Names one that is missing, or None."""
    return next((p for p in programs if not shutil.which(p)), None)


def need(*programs):
    """For a case, or for a whole file before its cases run."""
    if missing := installed(*programs):
        why = f'{missing} is not installed (tools/setup installs it)'
        if not running:
            skip_all(why)
        raise Skip(why)


def explain(lines):
    """As comments; the middle of very much is left out."""
    for line in lines if len(lines) < 80 else [*lines[:30], '...', *lines[-50:]]:
        print(f'# {line[:300]}')


running = []  # the name of the case in progress


def play(number, name, function):
    """True unless it failed."""
    running[:] = [name]
    try:
        function()
        print(f'ok {number} - {name}', flush=True)
    except Skip as why:
        print(f'ok {number} - {name} # SKIP {why}', flush=True)
    except Exception:  # whatever it was, the other cases may still tell something
        explain(traceback.format_exc().splitlines())
        for show in on_failure:
            explain(show())
        print(f'not ok {number} - {name}', flush=True)
        return False
    return True


def run_cases():
    print(f'1..{len(cases)}', flush=True)
    good = [play(number, name, function) for number, (name, function) in enumerate(cases, 1)]
    sys.exit(0 if all(good) else 1)
