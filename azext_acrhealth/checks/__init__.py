"""All checks, in the order in which the report lists them."""

from ..runner import Check

ALL: list[Check] = []
