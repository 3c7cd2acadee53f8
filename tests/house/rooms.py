#!/usr/bin/env python3
"""Holds ARCHITECTURE.md's table of rooms true: rooms.py SOURCE_ROOT

The table says which rooms each room may include (through those, what they include) and which outside
headers it may use. Prints TAP, one case a room and one an app.
"""
import os
import re
import sys

root = sys.argv[1]
PURE = {f'{h}.h' for h in 'assert ctype float inttypes limits math stdalign stdarg stdatomic stdbool stddef '
        'stdint stdio stdlib stdnoreturn string strings tgmath'.split()}
# Words that only os may say: each would let a machine know the time, the kernel or luck by itself.
KERNEL = re.compile(r'\b(clock_gettime|gettimeofday|getrandom|time|nanosleep|usleep|sleep|rand|random|fopen|open|'
                    r'socket|getenv|pthread_\w+)\s*\(')
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"', re.S)


def table():
    """Rows `| room | may include | outside headers |` as {room: (uses, headers)}."""
    rows = {}
    for line in open(f'{root}/ARCHITECTURE.md', encoding='utf-8'):
        cells = [c.strip() for c in line.strip().strip('|').split('|')]
        if len(cells) == 4 and re.fullmatch(r'`(src|apps)/\w+`', cells[0]):
            rows[cells[0].strip('`')] = (re.findall(r'\w+', cells[1].replace('–', '')), re.findall(r'`([^`]+)`', cells[2]))
    return rows


def reachable(rows, room):
    seen, todo = set(), [room]
    while todo:
        for used in rows.get(f'src/{todo.pop()}', ([], []))[0]:
            if used not in seen:
                seen.add(used)
                todo.append(used)
    return seen


def sources(folder):
    for path, _, names in os.walk(f'{root}/{folder}'):
        for name in sorted(names):
            if name.endswith(('.c', '.h', '.def')):
                yield os.path.join(path, name)


def faults(rows, place):
    kind, name = place.split('/')
    uses, headers = rows[place]
    allowed = set(uses) | {u for used in uses for u in reachable(rows, used)} | {name}
    kernel_room = place == 'src/os' or kind == 'apps'
    for path in sources(place):
        text = open(path, encoding='utf-8').read()
        where = os.path.relpath(path, root)
        for mark, header in INCLUDE.findall(text):
            room = header.split('/')[0]
            if mark == '"':
                local = kind == 'apps' and os.path.exists(os.path.join(os.path.dirname(path), header))
                if room not in allowed and not local:
                    yield f'{where} includes "{header}"'
            elif header not in PURE and not kernel_room and not any(header.startswith(h) for h in headers):
                yield f'{where} includes <{header}>'
        if not kernel_room:
            bare = re.sub(INCLUDE, '', COMMENT.sub('', text))
            for word in sorted({m[1] for m in KERNEL.finditer(bare)}):
                yield f'{where} says {word}()'


def meson_uses():
    """The `uses` of each room in src/meson.build."""
    text = open(f'{root}/src/meson.build', encoding='utf-8').read()
    return {m[1]: re.findall(r"'(\w+)'", m[2])
            for m in re.finditer(r"^  '(\w+)': \{.*?'uses': \[(.*?)\]", text, re.S | re.M)}


def main():
    rows, built = table(), meson_uses()
    present = [f'src/{d}' for d in sorted(os.listdir(f'{root}/src')) if os.path.isdir(f'{root}/src/{d}')] + \
              [f'apps/{d}' for d in sorted(os.listdir(f'{root}/apps')) if os.path.isdir(f'{root}/apps/{d}')]
    print(f'1..{len(present)}')
    bad = 0
    for number, place in enumerate(present, 1):
        found = list(faults(rows, place)) if place in rows else [f'{place} has no row in ARCHITECTURE.md']
        name = place.split('/')[1]
        if place in rows and place.startswith('src/') and not set(built.get(name, [])) <= reachable(rows, name):
            found.append(f'src/meson.build gives {name} more neighbours than its row')
        for fault in found:
            print(f'# {fault}')
        print(f'{"not ok" if found else "ok"} {number} - {place} includes only what its row allows')
        bad += bool(found)
    return 1 if bad else 0


sys.exit(main())
