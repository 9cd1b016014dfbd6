"""What a run may use: its options, its deadline, and its doors to the world."""

import time
from typing import Any, NamedTuple, Sequence

from ._validators import ACTIONS, login_server_suffix
from .clients import Deadline
from .clients.azure import AzureCli
from .clients.front_door import FrontDoor
from .clients.http import Trust
from .clients.later import Later, Once

#: The whole run may take this many times the timeout of one operation, whatever happens.
WHOLE_RUN = 2.5

# A check whose operation ends a little before the run can still say what it waited for.
_GRACE_SECONDS = 0.2


class OtherSignIn:
    """A sign-in as ``docker login`` has it; without a user name nobody signs in. ``password`` is a secret."""

    def __init__(self, username: str | None = None, password: str = '') -> None:
        self.username = username
        self.password = password


class Options(NamedTuple):
    """What the user asked for.

    ``registry`` is a name in lower case, with its domain label hash if that was given; None: only this machine.
    ``vnet`` is the name or resource id of the virtual network whose private endpoint is checked.
    ``image`` is ``repository:tag`` or ``repository@digest``.
    ``pull`` says whether the sample image may be pulled; else ``no_pull`` says why not and ``pull_refused`` whether
    the user said so. ``other_sign_in`` takes the place of the Azure CLI's own.
    """

    timeout: float
    registry: str | None = None
    vnet: str | None = None
    repository: str | None = None
    image: str | None = None
    require: Sequence[str] = ACTIONS
    skip: Sequence[str] = ()
    pull: bool = True
    no_pull: str = ''
    pull_refused: bool = False
    other_sign_in: OtherSignIn | None = None


class Context:
    """One run."""

    def __init__(self, options: Options, cli_ctx: Any) -> None:
        self.started = time.monotonic()
        self.options = options
        self.deadline = Deadline(WHOLE_RUN * options.timeout)
        self.trust = Trust.of_the_cli()
        self.azure = AzureCli(cli_ctx, self.trust)
        self.suffix = login_server_suffix(cli_ctx)
        self._front_doors: dict[str, FrontDoor] = {}
        #: Work that several checks want, by its name in this run.
        self.once = Once()

    def operation(self) -> Deadline:
        """Return the deadline of an operation that begins now."""
        return Deadline(min(self.options.timeout, self.deadline.left() - _GRACE_SECONDS))

    def front_door(self, host: str) -> FrontDoor:
        """Return the way to that login server; the first call sets out on it."""
        if host not in self._front_doors:
            self._front_doors[host] = FrontDoor(host, self.trust, self.options.timeout)
        return self._front_doors[host]

    @property
    def guessed_host(self) -> str | None:
        """The login server by the cloud's suffix; None without a registry or a suffix."""
        return f'{self.options.registry}{self.suffix}' if self.options.registry and self.suffix else None

    def set_out(self) -> None:
        """Begin what the checks of a registry will wait for: its front door, Resource Manager, the tokens."""
        Later(self.trust.context, 'read the CA bundle')
        if self.guessed_host:
            self.front_door(self.guessed_host)
        self.azure.set_out(self.operation())
        self.azure.token(self.azure.management_audience)
        if self.options.other_sign_in is None:
            self.azure.token(self.azure.registry_audience)
