"""Whether the daemon can pull a small image from Microsoft's own registry."""

import re
from typing import Any, Mapping

from ..clients import Deadline, process
from ..clients.azure import SAMPLE_IMAGE
from ..clients.containers import Client, Daemon
from ..clients.later import Later
from ..clients.process import Completed, NotRun
from ..errors import DockerPullError, HealthCheckError
from ..runner import Check, Found, NotApplicable
from . import pull_trouble
from .tools import outside_cloud_shell, reason, time_for, unrunnable, warnings

PATIENCE = 2.0

# What explaining a failure and putting things back may take: so many seconds, and this share of the check's time.
_AFTERWARDS, _AFTERWARDS_SHARE = 2.4, 0.2
# An image that exists, but not for this platform, was pulled as far as this check cares (FIELD
# a-windows-containers-linux-test-image, b-no-matching-manifest-windows). The last ones are podman's words.
_OTHER_PLATFORM = re.compile(r'no matching manifest for|cannot be used on this platform|does not match the specified '
                             r'platform|no image found in (image index|manifest list) for', re.IGNORECASE)

_NO_SUCH_IMAGE = re.compile(r'no such image|not found|not known|unknown', re.IGNORECASE)


def check(context: Any, needs: Mapping[str, Any]) -> Found:
    """Pull the sample image, and leave behind what was there before."""
    outside_cloud_shell()
    if not context.options.pull:
        raise NotApplicable(context.options.no_pull, requested=context.options.pull_refused)
    daemon: Daemon = needs['container-daemon']
    image = f'{context.azure.mcr_host}/{SAMPLE_IMAGE}'
    deadline = Deadline(time_for(context, PATIENCE))
    try:
        before = look_before(context, daemon.client).result(deadline)
        answer = _pull(daemon.client, image, before, deadline)
    except NotRun as refusal:
        raise DockerPullError('pull-client-gone', path=daemon.client.path, **unrunnable(refusal)) from refusal
    details = {'image': image, 'endpoint': daemon.endpoint.host}
    if answer.status == 0:
        return Found(f'Pulled {image}', details={**details, **warnings(answer)})
    if _OTHER_PLATFORM.search(answer.err + answer.out):
        return Found(f'{image} can be pulled; it has no variant for this platform',
                     details={**details, 'note': reason(answer)})
    raise pull_trouble.explain(daemon, image, answer, deadline, context.trust)


def look_before(context: Any, client: Client) -> Later[str | None]:
    """Return the id of the sample image before the pull, looked for at the first call: it may come as soon as the
    client is known, while its daemon is still being asked."""
    image = f'{context.azure.mcr_host}/{SAMPLE_IMAGE}'
    seconds = time_for(context, PATIENCE)
    before: Later[str | None] = context.once('sample image', lambda: _id_of(client, image, Deadline(seconds)))
    return before


def _pull(client: Client, image: str, before: str | None, deadline: Deadline) -> Completed:
    """Pull ``image``; a tag that was not there is removed afterwards, one that was there is put back."""
    done = process.undo_at_end([client.path, 'rmi', image]) if before == '' else _nothing
    afterwards = min(_AFTERWARDS, _AFTERWARDS_SHARE * deadline.seconds)
    answer = client.ask(deadline.left() - afterwards, 'pull', image)
    if before == '' and (answer.status == 0 or answer.timed_out):
        client.ask(deadline.left() / 2, 'rmi', image)
    elif before and answer.status == 0:
        _put_back(client, image, before, deadline)
    done()
    return answer


def _put_back(client: Client, image: str, before: str, deadline: Deadline) -> None:
    """Give the tag back to the image that had it, where the pull brought a newer one."""
    now = _id_of(client, image, deadline)
    if now and now != before:
        client.ask(deadline.left() / 2, 'tag', before, image)
        client.ask(deadline.left(), 'rmi', now)


def _id_of(client: Client, image: str, deadline: Deadline) -> str | None:
    """Return the id of a local image, '' where there is none, None where that is not known."""
    answer = client.ask(deadline.left() / 10, 'image', 'inspect', '--format', '{{.Id}}', image)
    if answer.status == 0:
        found = answer.out.split()
        return found[0] if len(found) == 1 and re.fullmatch(r'[\w:]{12,80}', found[0]) else None
    return '' if _NO_SUCH_IMAGE.search(answer.err + answer.out) else None


def _nothing() -> None:
    """Nothing is to be undone."""


def _overrun(context: Any, seconds: float) -> HealthCheckError:
    return DockerPullError('pull-silent', host=context.azure.mcr_host, seconds=round(seconds))


CHECK = Check('container-pull', 'environment', check, _overrun, needs=('container-daemon',), patience=PATIENCE,
              of_registry=False)
