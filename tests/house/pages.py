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


def commands_untold():
    """What the front door understands against its manual page and its --help."""
    source, page = read('apps/postern/main.c'), read('docs/man/postern.1')
    spoken = re.search(r'help\[\] =(.*?)";\n', source, re.S)[1]
    synopsis = re.search(r'\.Sh SYNOPSIS(.*?)\.Sh', page, re.S)[1]
    for name in re.findall(r'\{"([a-z]+)", do_', source):
        if not re.search(rf'^\.Cm .*\b{name}\b', synopsis, re.M) or not re.search(rf'^\.It Cm .*\b{name}\b', page, re.M):
            yield f'postern {name} is not in docs/man/postern.1'
        if not re.search(rf'\b{name}\b', spoken):
            yield f'postern {name} is not in its --help'
    for name in re.findall(r'\{"([a-z-]+)", (?:no|required)_argument', source):
        if not re.search(rf'Fl Fl {name}\b', page) or f'--{name}' not in spoken:
            yield f'postern --{name} is not in docs/man/postern.1 and in its --help'


def story_differs():
    if read('docs/demo.txt') not in read('README.md'):
        yield 'README.md does not tell docs/demo.txt: run tools/picture.py with a run of ./demo'


def shadowed_modules():
    """A test finds the files beside it before Python's own modules of that name, and so do those."""
    for folder, _, names in os.walk(f'{root}/tests'):
        for name in names:
            if name.endswith('.py') and name.removesuffix('.py') in sys.stdlib_module_names:
                yield f'{os.path.relpath(folder, root)}/{name} has the name of a module of Python'


bad = False
cases = (('the readme tells what the demo printed', story_differs), ('every link leads somewhere', dead_links),
         ('every program has a manual page', pages_missing),
         ('every command of postern is in its manual page and its help', commands_untold),
         ('no test stands in the way of a module of python', shadowed_modules))
print(f'1..{len(cases)}')
for number, (name, faults) in enumerate(cases, 1):
    found = list(faults())
    print(''.join(f'# {fault}\n' for fault in found) + f'{"not ok" if found else "ok"} {number} - {name}')
    bad |= bool(found)
sys.exit(bad)
