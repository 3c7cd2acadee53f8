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
INK, SOFT, LINE, HOME, CORE, GATE = '#1b2a33', '#5a6b75', '#9fb2bd', '#f3f6f4', '#eef3f8', '#fff8ea'
ASK, TELL, SOUND = '#3b6ea5', '#a05a2c', '#2f7d5b'  # the three steps
WIDTH, HEIGHT = 1000, 500


def text(x, y, words, size=13, colour=INK, anchor='middle', weight='normal'):
    return (f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{escape(words)}</text>')


def box(x, y, width, height, fill, title, lines):
    middle = x + width / 2
    return ''.join([
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="10" fill="{fill}" stroke="{LINE}"/>',
        text(middle, y + 24, title, 15, weight='bold'),
        *(text(middle, y + 46 + 19 * i, line, 12, SOFT) for i, line in enumerate(lines)),
    ])


def arrow(x1, y1, x2, y2, colour, step):
    """With the number of its step in the middle."""
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    return (f'<path d="M{x1} {y1} L{x2} {y2}" stroke="{colour}" stroke-width="2" fill="none" marker-end="url(#{marker_of(colour)})"/>'
            + number(x, y, colour, step))


def number(x, y, colour, step):
    return f'<circle cx="{x}" cy="{y}" r="10" fill="{colour}"/>' + text(x, y + 4, str(step), 12, '#ffffff', weight='bold')


def marker_of(colour):
    return 'head-' + colour[1:]


def marker(colour):
    return (f'<marker id="{marker_of(colour)}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            f'<path d="M0 0 L8 4 L0 8 z" fill="{colour}"/></marker>')


def wire(x1, x2):
    return f'<path d="M{x1} 245 L{x2} 245" stroke="{LINE}" stroke-width="3"/>'


def legend(y, colour, step, words):
    return number(40, y - 4, colour, step) + text(60, y, words, 13, INK, 'start')


def svg(facts):
    alice, bob = facts['phones']['alice'], facts['phones']['bob']
    heard = '; '.join(f'{name} hears {far}\'s {phone["hears_hz"]} Hz, {phone["loss_percent"]:.1f} % lost, {phone["delay_ms"]:.0f} ms one way'
                      for name, far, phone in (('alice', 'bob', alice), ('bob', 'alice', bob)))
    return '\n'.join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="Helvetica, Arial, sans-serif">',
        f'<defs>{"".join(map(marker, (ASK, TELL, SOUND)))}</defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        text(500, 28, 'Two phones, each behind a NAT of its own, call each other', 18, weight='bold'),
        box(245, 48, 230, 70, CORE, 'postern-server (STUN)', [' '.join(facts['server'])]),
        box(525, 48, 230, 70, CORE, 'Kamailio (registrar)', [facts['registrar']]),
        wire(180, 240), wire(760, 820),
        box(20, 200, 170, 90, HOME, 'alice', [f'{alice["address"]}:5060', f'STUN as in {alice["dialect"]}']),
        box(230, 200, 200, 90, GATE, 'NAT', [alice['nat'], f'{alice["mapped"].rsplit(":", 1)[0]} outside']),
        box(570, 200, 200, 90, GATE, 'NAT', [bob['nat'], f'{bob["mapped"].rsplit(":", 1)[0]} outside']),
        box(810, 200, 170, 90, HOME, 'bob', [f'{bob["address"]}:5060', f'STUN as in {bob["dialect"]}']),
        arrow(300, 197, 325, 122, ASK, 1), arrow(650, 197, 425, 122, ASK, 1),
        arrow(350, 197, 575, 122, TELL, 2), arrow(700, 197, 675, 122, TELL, 2),
        arrow(433, 235, 566, 235, SOUND, 3), arrow(567, 262, 434, 262, SOUND, 3),
        legend(330, ASK, 1, f'Each asks from its SIP port how it is seen: {alice["mapped"]} and {bob["mapped"]}.'),
        legend(360, TELL, 2, 'Each registers with that address. The registrar does nothing about NATs.'),
        legend(390, SOUND, 3, f'The sound goes straight: {heard}.'),
        text(60, 430, 'In the capture of alice\'s wire, as tshark tells it:', 12, SOFT, 'start'),
        *(text(60, 452 + 20 * i, line, 12, SOFT, 'start') for i, line in enumerate(facts['shown'])),
        '</svg>\n',
    ])


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
