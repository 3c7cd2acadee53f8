#!/usr/bin/env python3
"""Holds the documentation together: pages.py SOURCE_ROOT. Prints TAP.

The story in README.md is what the demo printed (docs/demo.txt), each link between files leads somewhere, and each
program has a manual page.
"""
import os
import re
import sys

root = sys.argv[1]


def read(name):
    return open(os.path.join(root, name), encoding='utf-8').read()


def dead_links():
    for folder, _, names in os.walk(root):
        if '/build' in folder or '/.git' in folder:
            continue
        for name in names:
            if not name.endswith('.md'):
                continue
            text = open(os.path.join(folder, name), encoding='utf-8').read()
            for target in re.findall(r'\]\(([^)#]+)\)', text):
                if '://' not in target and not os.path.exists(os.path.join(folder, target)):
                    yield f'{name} links to {target}'


def pages_missing():
    pages = {name.split('.')[0] for name in os.listdir(f'{root}/docs/man')}
    for app in os.listdir(f'{root}/apps'):
        program = 'postern' if app == 'postern' else f'postern-{app}'
        if os.path.isdir(f'{root}/apps/{app}') and program not in pages:
            yield f'{program} has no page in docs/man'


def story_differs():
    if read('docs/demo.txt') not in read('README.md'):
        yield 'README.md does not tell docs/demo.txt: run tools/picture.py with a run of ./demo'


bad = False
cases = (('the readme tells what the demo printed', story_differs), ('every link leads somewhere', dead_links),
         ('every program has a manual page', pages_missing))
print(f'1..{len(cases)}')
for number, (name, faults) in enumerate(cases, 1):
    found = list(faults())
    print(''.join(f'# {fault}\n' for fault in found) + f'{"not ok" if found else "ok"} {number} - {name}')
    bad |= bool(found)
sys.exit(bad)
