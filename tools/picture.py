#!/usr/bin/env python3
"""Puts a run of ./demo into the documentation: picture.py STORY FACTS

STORY is what ./demo printed, FACTS the facts.json it left. Writes docs/demo.txt, docs/demo.svg and the block in
README.md, so that all three are one run's.
"""
import json
import os
import re
import sys
from html import escape

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INK, SOFT, LINE, HOME, CORE, SOUND = '#1b2a33', '#5a6b75', '#9fb2bd', '#f3f6f4', '#eef3f8', '#2f7d5b'


def text(x, y, words, size=13, colour=INK, anchor='middle', weight='normal'):
    return (f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{escape(words)}</text>')


def box(x, y, width, height, fill, title, lines, size=15):
    middle = x + width / 2
    return ''.join([
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="10" fill="{fill}" stroke="{LINE}"/>',
        text(middle, y + 24, title, size, weight='bold'),
        *(text(middle, y + 46 + 19 * i, line, 12, SOFT) for i, line in enumerate(lines)),
    ])


def arrow(x1, y1, x2, y2, colour, marker):
    return f'<path d="M{x1} {y1} L{x2} {y2}" stroke="{colour}" stroke-width="2" fill="none" marker-end="url(#{marker})"/>'


def home(x, name, phone):
    return box(x, 162, 200, 128, HOME, name, [
        f'{phone["address"]}:5060', f'asks STUN as {phone["dialect"]}', f'hears {phone["hears_hz"]} Hz',
        f'loss {phone["loss_percent"]:.1f} %, one way {phone["delay_ms"]:.0f} ms',
    ])


def nat(x, phone):
    return box(x, 180, 200, 92, '#fff8ea', phone['nat'], ['SIP port mapped to', phone['mapped']], 13)


def svg(facts):
    alice, bob = facts['phones']['alice'], facts['phones']['bob']
    return '\n'.join([
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 380" font-family="Helvetica, Arial, sans-serif">',
        f'<defs>{"".join(marker(n, c) for n, c in (("ask", SOFT), ("sound", SOUND)))}</defs>',
        '<rect width="1000" height="380" fill="#ffffff"/>',
        box(290, 16, 200, 70, CORE, 'STUN server', [' '.join(facts['server'])]),
        box(510, 16, 200, 70, CORE, 'Kamailio, the registrar', [facts['registrar']]),
        home(20, 'alice', alice), nat(232, alice), nat(568, bob), home(780, 'bob', bob),
        arrow(345, 178, 370, 92, SOFT, 'ask'), arrow(655, 178, 470, 92, SOFT, 'ask'),
        arrow(405, 178, 570, 92, SOFT, 'ask'), arrow(690, 178, 640, 92, SOFT, 'ask'),
        arrow(434, 218, 564, 218, SOUND, 'sound'), arrow(566, 238, 436, 238, SOUND, 'sound'),
        text(500, 208, 'sound', 12, SOUND), text(500, 258, 'straight, both ways', 12, SOUND),
        *(text(500, 340 + 20 * i, f'“{line}”', 12, SOFT) for i, line in enumerate(facts['shown'])),
        text(500, 322, 'tshark, on alice\'s wire:', 12, SOFT),
        '</svg>\n',
    ])


def marker(name, colour):
    return (f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            f'<path d="M0 0 L8 4 L0 8 z" fill="{colour}"/></marker>')


def write(name, content):
    with open(os.path.join(ROOT, name), 'w', encoding='utf-8') as f:
        f.write(content)


def main():
    story = open(sys.argv[1], encoding='utf-8').read().strip() + '\n'
    facts = json.load(open(sys.argv[2], encoding='utf-8'))
    readme = open(os.path.join(ROOT, 'README.md'), encoding='utf-8').read()
    marked = re.compile(r'(when the picture was made:\n\n```\n).*?(```\n)', re.S)
    write('docs/demo.txt', story)
    write('docs/demo.svg', svg(facts))
    write('README.md', marked.sub(lambda m: m[1] + story + m[2], readme, count=1))


main()
