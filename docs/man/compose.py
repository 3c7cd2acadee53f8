#!/usr/bin/env python3
"""Puts a program's settings into its manual page: compose.py TEMPLATE PROGRAM OUTPUT

The line @SETTINGS@ of the template becomes what `PROGRAM --print-manual` says.
"""
import subprocess
import sys

template, program, output = sys.argv[1:]
settings = subprocess.run([program, '--print-manual'], check=True, capture_output=True, text=True).stdout
with open(template, encoding='utf-8') as f:
    page = f.read()
with open(output, 'w', encoding='utf-8') as f:
    f.write(page.replace('@SETTINGS@\n', settings))
