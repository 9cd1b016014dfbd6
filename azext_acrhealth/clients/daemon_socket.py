"""A daemon's local socket: whether it is there, whether somebody listens, and who may use it. POSIX only."""

import getpass
import os
import socket
import stat
import sys
from typing import NamedTuple


class Access(NamedTuple):
    """Whom the socket's group lets in. ``enrolled``: this user is in it, whether or not this session knows."""

    user: str
    group: str
    of_root: bool
    enrolled: bool


def path_of(endpoint: str) -> str | None:
    """Return the path of a ``unix://`` endpoint; None for any other, and on Windows, where docker uses pipes."""
    local = endpoint.startswith('unix://') and sys.platform != 'win32'
    return endpoint[len('unix://'):] if local else None


# Each function has an else branch that pylint finds unnecessary: it keeps what Windows lacks from the type checker.
# pylint: disable=no-else-return


def state(path: str) -> str | None:
    """Return missing, directory, refused or listening; None where that cannot be seen."""
    if sys.platform == 'win32':
        return None
    else:
        try:
            if stat.S_ISDIR(os.stat(path).st_mode):
                return 'directory'
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(0.2)
                probe.connect(path)
            return 'listening'
        except FileNotFoundError:
            return 'missing'
        except ConnectionRefusedError:
            return 'refused'
        except (OSError, ValueError):
            pass
        return None


def access(path: str) -> Access | None:
    """Return whom the socket's group lets in, None where that cannot be seen."""
    if sys.platform == 'win32':
        return None
    else:
        import grp
        try:
            group = grp.getgrgid(os.stat(path).st_gid)
            user = getpass.getuser()
        except (OSError, KeyError, ValueError):
            return None
        return Access(user, group.gr_name, group.gr_gid == 0, user in group.gr_mem)
