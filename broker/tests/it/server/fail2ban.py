"""Prints each address that the filter finds in a log, as fail2ban would read the filter, one a line.

Usage: fail2ban.py FILTER LOG LOGTYPE
"""

import configparser
import re
import sys

path, log, logtype = sys.argv[1:]
parser = configparser.RawConfigParser()
assert parser.read(path) == [path], path
init = dict(parser["Init"], logtype=logtype)
expression = parser["Definition"]["failregex"]
for _ in range(5):
    expression = re.sub(r"<([a-z-]+)>", lambda tag: init[tag[1]], expression)
assert "<ADDR>" in expression, expression
address = r"(?P<address>(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F:]*:[0-9a-fA-F:]*)"
expression = re.compile(expression.replace("<ADDR>", address))
for line in open(log, encoding="utf-8"):
    # fail2ban searches; an expression that is not anchored would find an address anywhere.
    found = expression.search(line.rstrip("\n"))
    if found:
        print(found["address"])
