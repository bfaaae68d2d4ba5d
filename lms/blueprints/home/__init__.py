"""Aujourd’hui: what each role meets first."""

from lms.blueprints.home import today

bps = [today.bp]
