"""Aujourd’hui: the start page of each role."""

from lms.blueprints.home import today

bps = [today.bp]
