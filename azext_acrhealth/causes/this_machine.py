"""Causes that lie on this machine: the container client, its daemon, Helm, and this extension itself."""

from . import Cause
from .container_client import CLIENT, DAEMON
from .container_pull import PULL
from .tools import HELM, HELPERS, LOGINS

CAUSES = [
    Cause('defect', ['UNEXPECTED_ERROR'],
          'The check {check} broke down: {exception}[: {text}]',
          'This is a defect of the extension, not of your registry: please report it with the output of --debug.'),
    *CLIENT,
    *DAEMON,
    *PULL,
    *HELPERS,
    *LOGINS,
    *HELM,
]
