"""Causes for which an image cannot be downloaded although the sign-in works. ``what`` is the part concerned."""

from . import Cause

_IMAGE = ['IMAGE_PULL_ERROR']
_DATA = ['DATA_ENDPOINT_ERROR']
_SHOW_TAGS = 'az acr repository show-tags --name {registry} --repository {repository} --orderby time_desc --top 20'

CAUSES = [
    Cause('repository-missing', _IMAGE,
          'The registry {registry} has no repository {repository}',
          'Check the spelling, which is in lower case and without the login server; or push the image first.',
          ['az acr repository list --name {registry} --output tsv']),
    Cause('tag-missing', _IMAGE,
          'The repository {repository} has no {kind} {reference}',
          'Check the spelling; a tag may have been removed by a purge task or a retention policy.', [_SHOW_TAGS]),
    Cause('platform-missing', _IMAGE,
          '{image} has no variant for {platform}, which this machine needs; it has {platforms}',
          'Build it for this platform too, or use a machine for which it was built.',
          ['docker buildx build --platform {platform} --tag {host}/{image} --push .',
           'az acr manifest show --registry {registry} --name {image}']),
    Cause('platform-differs', _IMAGE,
          '{image} is for {platforms} alone, this machine is {platform}: Docker pulls it but cannot run it without '
          'emulation, containerd does not pull it',
          'Build it for this platform too, or use a machine for which it was built.',
          ['docker buildx build --platform {platform} --tag {host}/{image} --push .']),
    Cause('manifest-unreadable', _IMAGE,
          'The manifest of {image} cannot be read: {reason}',
          'Push the image again with a current client; if others can pull it, something in between changes the answer.',
          ['az acr manifest show --registry {registry} --name {image}']),
    Cause('content-changed', [*_IMAGE, *_DATA],
          '{host} sent something else for {what} of {image} than its digest says: {came} in place of {digest}',
          'Something in between changes downloads (a proxy, a virus scanner): have {host} excepted from it.'),
    Cause('blob-missing', [*_IMAGE, *_DATA],
          'The manifest of {image} names {what}[, {digest}], that {host} does not have',
          'Push the image again; if that does not help, report it: https://aka.ms/acr/issues'),
    Cause('image-refused', _IMAGE,
          '{host} answers {status} to the request for {what} of {image}[: {said}][ (correlation id {correlation_id})]',
          'Try again; if it stays so, report it with the correlation id: https://aka.ms/acr/issues'),
    Cause('data-page', _DATA,
          '{host}, from which the registry sends {what}, answers with a web page: {status}[ "{title}"][ from {server}]',
          'Have {host} allowed in the proxy, web filter or captive portal that shows this page: a pull needs the login '
          'server and the hosts that layers come from. Dedicated data endpoints have names of this registry alone.',
          ['az acr show-endpoints --name {registry}']),
    Cause('data-refused', _DATA,
          '{host} does not give {what} for the link that the registry signed: {status}[: {said}]',
          'Check that nothing in between changes requests, and this machine\'s clock: a link holds for 20 minutes. If '
          'it stays so, report it[ with the request id {request_id}]: https://aka.ms/acr/issues', ['date -u']),
    Cause('data-dripping', _DATA,
          '{host}[ at {address}] sends only {body_bytes} bytes of {what} in {seconds} s',
          'A proxy or firewall on the way throttles or scans downloads: have {host} excepted. If the whole network is '
          'slow, choose a longer --timeout.'),
    Cause('redirect-unusable', _DATA,
          '{host} redirects {what} of the image to something other than {reason}[, {location}]; nothing was sent there',
          'A registry redirects to storage by https alone: something in between, such as a captive portal, changed the '
          'answer. Sign in to the network, or have {host} excepted.'),
    Cause('redirect-loop', _DATA,
          '{host} redirects {what} of the image on and on: {hosts}',
          'Azure redirects once: have the proxy or gateway in between except these hosts.'),
    Cause('data-host-foreign', _DATA,
          'Layers come from {host}, which is no storage or data host of Azure\'s',
          'Find out who runs that host: a registry of Azure redirects to its storage or its own data endpoints.',
          ['nslookup {host}']),
]
