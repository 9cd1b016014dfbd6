"""Whether layers can be had: the registry's data and regional endpoints, reached side by side; and an image."""

from functools import partial
from typing import Any, Mapping

from ..clients import Deadline, names
from ..clients.front_door import opened
from ..clients.http import Connection, ConnectionFailed, proxy_for
from ..clients.later import Later
from ..clients.untrusted import mapping, sequence
from ..errors import DataEndpointError, ImagePullError
from ..runner import Check, Found, NotApplicable
from . import connection, dns

# More than Azure has regions.
_MOST_HOSTS = 100
# The rest of the time is for asking the name servers why.
_LOOKUP_SHARE = 0.7
# Whoever waits for a host until its deadline knows best what it came to.
_GRACE_SECONDS = 0.2


def _run(context: Any, needs: Mapping[str, Any]) -> Found:
    resource = needs['login-server'].resource
    if not resource:
        raise NotApplicable('Resource Manager did not show the registry')
    hosts = _hosts(mapping(resource.get('properties')))
    if not hosts:
        raise NotApplicable('The registry has no endpoints of its own for data or regions')
    deadline = context.operation()
    under_way = [(host, kind, Later(partial(_opened, context, host, deadline), f'reach {host}'))
                 for host, kind in hosts.items()]
    found = [_target(*one, deadline) for one in under_way]
    details = {'registry': context.options.registry, 'targets': [target for target, _ in found]}
    findings = [(target, finding) for target, finding in found if finding]
    if not findings:
        return Found(f'Reached: {", ".join(hosts)}', details=details)
    # Layers come from the data endpoints; whoever uses the login server can do without the regional ones.
    target, first = min(findings, key=lambda one: (one[0]['status'] != 'failed', one[0]['kind'] != 'data'))
    finding = DataEndpointError(first.cause, **{**first.evidence, **details})
    if target['status'] == 'failed' and target['kind'] == 'data':
        raise finding
    return Found('', warning=finding)


def _target(host: str, kind: str, work: Later[tuple[str | None, str | None]],
            deadline: Deadline) -> tuple[dict[str, Any], DataEndpointError | None]:
    """Return what came of one endpoint, and what is worth saying of it."""
    facts = {'host': host, 'kind': kind, 'region': host.split('.')[1]}
    try:
        address, first_try = work.result(Deadline(deadline.left() + _GRACE_SECONDS))
        return {**facts, 'status': 'passed', 'address': address}, \
            DataEndpointError('transient', host=host, first=first_try) if first_try else None
    except DataEndpointError as failure:
        finding = failure
    except TimeoutError:
        finding = DataEndpointError('connect-timeout', host=host, port=443, seconds=round(deadline.seconds, 1))
    return {**facts, 'status': 'failed', 'address': finding.evidence.get('address'), 'cause': finding.cause,
            'reason': finding.advice.message}, finding


def _hosts(properties: Mapping[str, Any]) -> dict[str, str]:
    """Return the registry's endpoints besides its login server, and of which kind each is."""
    found = {str(host).lower(): kind for kind in ('data', 'regional')
             for host in sequence(properties.get(f'{kind}EndpointHostNames'))}
    return {host: kind for host, kind in list(found.items())[:_MOST_HOSTS] if names.HOST.fullmatch(host)}


def _opened(context: Any, host: str, deadline: Deadline) -> tuple[str | None, str | None]:
    way, first_try = reach(context, host, deadline)
    way.close()
    return way.peer.address, first_try


def reach(context: Any, host: str, deadline: Deadline, port: int = 443) -> tuple[Connection, str | None]:
    """Return an open connection to that host, and what the first try came to where it was the second. Raises
    DataEndpointError with what is in the way."""
    way = Connection(host, [] if proxy_for(host) else _addresses(host, deadline), context.trust, port=port)
    try:
        return way, opened(way, deadline)
    except ConnectionFailed as failure:
        cause, evidence = connection.why(failure)
        raise DataEndpointError(cause, **evidence) from failure


def _addresses(host: str, deadline: Deadline) -> Any:
    lookup = names.look_up_within(host, deadline.within(_LOOKUP_SHARE * deadline.left()))
    if not lookup.addresses or all(map(names.is_sinkhole, lookup.addresses)):
        problem = dns.trouble(lookup, names.explain_within(host, deadline))
        if problem:
            raise DataEndpointError(problem.cause, **problem.evidence)
    return lookup.addresses


def _image(context: Any, needs: Mapping[str, Any]) -> Found:
    # What only an image needs is not imported without one.
    from .image_pull import run
    return run(context, needs)


def _overrun(context: Any, seconds: float) -> DataEndpointError:
    return DataEndpointError('connect-timeout', host=context.guessed_host, seconds=round(seconds, 1))


def _image_overrun(context: Any, seconds: float) -> ImagePullError:
    return ImagePullError('answer-timeout', host=context.guessed_host, seconds=round(seconds, 1))


ENDPOINTS = Check('data-endpoints', 'data', _run, _overrun, needs=('login-server',))
IMAGE = Check('image-pull', 'data', _image, _image_overrun, needs=('login-server', 'access-token'), patience=2.0,
              asked_by='image')
