"""Causes."""

from . import Cause

CAUSES: list[Cause] = []
