"""Whether the daemon can pull a small image from Microsoft's own registry."""

import re
from typing import Any, Mapping

from ..clients import Deadline, process
from ..clients.azure import SAMPLE_IMAGE
from ..clients.containers import Client, Daemon
from ..clients.later import Later
from ..clients.process import Completed, NotRun, Stopped
from ..errors import DockerPullError, HealthCheckError
from ..runner import Check, Found, NotApplicable
from .tools import outside_cloud_shell, reason, time_for, unrunnable, warnings

PATIENCE = 2.0

# What explaining a failure and putting things back may take: so many seconds, and this share of the check's time.
_AFTERWARDS, _AFTERWARDS_SHARE = 2.4, 0.2
# An image that exists, but not for this platform, was pulled as far as this check cares (FIELD
# a-windows-containers-linux-test-image, b-no-matching-manifest-windows). The last ones are podman's words.
_OTHER_PLATFORM = (r'(?i)no matching manifest for|cannot be used on this platform|does not match the specified '
                   r'platform|no image found in (image index|manifest list) for')

_NO_SUCH_IMAGE = r'(?i)no such image|not found|not known|unknown'


def check(context: Any, needs: Mapping[str, Any]) -> Found:
    """Pull the sample image, and leave behind what was there before."""
    outside_cloud_shell()
    if not context.options.pull:
        raise NotApplicable(context.options.no_pull, requested=context.options.pull_refused)
    daemon: Daemon = needs['container-daemon']
    image = _image(context)
    deadline = Deadline(time_for(context, PATIENCE))
    ahead = set_out(context, daemon.client)
    try:
        answer = ahead.result(deadline)
    except NotRun as refusal:
        raise DockerPullError('pull-client-gone', path=daemon.client.path, **unrunnable(refusal)) from refusal
    except TimeoutError as late:
        raise _overrun(context, deadline.seconds) from late
    more: Mapping[str, Any]
    if answer.status == 0:
        message, more = f'Pulled {image}', warnings(answer)
    elif re.search(_OTHER_PLATFORM, answer.err + answer.out):
        message, more = f'{image} can be pulled; it has no variant for this platform', {'note': reason(answer)}
    else:
        from . import pull_trouble
        raise pull_trouble.explain(daemon, image, answer, deadline, context.trust)
    return Found(message, details={'image': image, 'endpoint': daemon.endpoint.host, **more}, began=ahead.began,
                 ended=ahead.ended)


def _image(context: Any) -> str:
    return f'{context.azure.mcr_host}/{SAMPLE_IMAGE}'


def set_out(context: Any, client: Client) -> Later[Completed]:
    """Return the pull, begun at the first call: that may come before the client and its daemon have told what they
    are."""
    deadline = Deadline(time_for(context, PATIENCE))
    under_way: Later[Completed] = context.once('pull', lambda: _pull(client, _image(context), deadline))
    return under_way


def _pull(client: Client, image: str, deadline: Deadline) -> Completed:
    """Pull ``image``; a tag that was not there is removed afterwards, one that was there is put back.

    Which one was there is looked up while the pull has still its round trips to make. Should that be slower than the
    whole pull, it finds the new image, and nothing is removed or put back.
    """
    looking = Later(lambda: _id_of(client, image, deadline.left() / 10, spared=True), 'look for the sample image')
    done = process.undo_at_end(lambda parting: _undo(client, image, looking, parting))
    afterwards = min(_AFTERWARDS, _AFTERWARDS_SHARE * deadline.seconds)
    answer = client.ask(deadline.left() - afterwards, 'pull', image, spared=True)
    before = looking.result(deadline)
    if before == '' and (answer.status == 0 or answer.timed_out):
        process.run_aside([client.path, 'rmi', image])
    elif before and answer.status == 0:
        _put_back(client, image, before, deadline)
    done()
    return answer


def _undo(client: Client, image: str, looking: Later[str | None], parting: Deadline) -> bool:
    """Remove the image if none was there, put it back if one was; return whether there is nothing left to do."""
    try:
        before = looking.result(parting)
    except (TimeoutError, Stopped):
        return True
    if before:
        return _put_back(client, image, before, parting)
    return before is None or client.ask(parting.left(), 'rmi', image).status == 0


def _put_back(client: Client, image: str, before: str, deadline: Deadline) -> bool:
    """Give the tag back to the image that had it, where the pull brought a newer one; return whether it did."""
    now = _id_of(client, image, deadline.left() / 2)
    if not now or now == before:
        return False
    client.ask(deadline.left() / 2, 'tag', before, image)
    client.ask(deadline.left(), 'rmi', now)
    return True


def _id_of(client: Client, image: str, seconds: float, spared: bool = False) -> str | None:
    """Return the id of a local image, '' where there is none, None where that is not known."""
    answer = client.ask(seconds, 'image', 'inspect', '--format', '{{.Id}}', image, spared=spared)
    if answer.status == 0:
        found = answer.out.split()
        return found[0] if len(found) == 1 and re.fullmatch(r'[\w:]{12,80}', found[0]) else None
    return '' if re.search(_NO_SUCH_IMAGE, answer.err + answer.out) else None


def _overrun(context: Any, seconds: float) -> HealthCheckError:
    return DockerPullError('pull-silent', host=context.azure.mcr_host, seconds=round(seconds))


CHECK = Check('container-pull', 'environment', check, _overrun, needs=('container-daemon',), patience=PATIENCE,
              of_registry=False)
