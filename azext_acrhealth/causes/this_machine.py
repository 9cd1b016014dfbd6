"""Causes that lie on this machine: the container client, its daemon, Helm, and this extension itself."""

from . import Cause

CAUSES = [
    Cause('defect', ['UNEXPECTED_ERROR'],
          'The check {check} broke down: {exception}[: {text}]',
          'This is a defect of the extension, not of your registry: please report it with the output of --debug.'),
]
