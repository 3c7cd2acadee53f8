#!/usr/bin/env python3
"""Adds up test results: tools/tally.py SOURCE...

A source is a Meson log (meson-logs/testlog.json) or a TAP file (*.tap). Prints what failed and what was
skipped, by name, and as the last line "N passed, N failed, N skipped". Exits 1 if anything failed.
"""
import json
import re
import sys

CASE = re.compile(r'^\s*(not )?ok\b\s*\d*\s*-?\s*([^#]*)(#\s*(SKIP)\b.*)?', re.I)


def tap_cases(name, text):
    """(case, 'passed' | 'failed' | 'skipped') for every line of TAP."""
    for line in text.splitlines():
        m = CASE.match(line)
        if m:
            outcome = 'skipped' if m[4] else 'failed' if m[1] else 'passed'
            yield f'{name}: {m[2].strip() or "unnamed"}' + (f' ({m[3].strip("# ")})' if m[4] else ''), outcome


def meson_cases(path):
    for line in open(path, encoding='utf-8'):
        test = json.loads(line)
        cases = list(tap_cases(test['name'], test.get('stdout', '')))
        yield from cases
        if test['result'] not in ('OK', 'SKIP') and not any(o == 'failed' for _, o in cases):
            yield f'{test["name"]}: {test["result"].lower()}', 'failed'
        elif test['result'] == 'OK' and not cases:
            yield test['name'], 'passed'
        elif test['result'] == 'SKIP' and not cases:
            yield test['name'], 'skipped'


def main():
    found = {'passed': [], 'failed': [], 'skipped': []}
    for path in sys.argv[1:]:
        cases = tap_cases(path.rsplit('/', 1)[-1][:-4], open(path, encoding='utf-8', errors='replace').read()) \
            if path.endswith('.tap') else meson_cases(path)
        for name, outcome in cases:
            found[outcome].append(name)
    for outcome in ('skipped', 'failed'):
        for name in found[outcome]:
            print(f'{outcome}: {name}')
    print(', '.join(f'{len(found[o])} {o}' for o in ('passed', 'failed', 'skipped')))
    return 1 if found['failed'] or not found['passed'] else 0


sys.exit(main())
