"""Causes that lie in the registry: its firewall, its answers."""

from . import Cause

_CHALLENGE = ['CONNECTIVITY_CHALLENGE_ERROR']
_TOKENS = ['CONNECTIVITY_REFRESH_TOKEN_ERROR', 'CONNECTIVITY_ACCESS_TOKEN_ERROR']
_ANSWERS = [*_TOKENS, 'IMAGE_PULL_ERROR']
_REFUSED = ['CONNECTIVITY_FORBIDDEN_ERROR', *_ANSWERS, 'DATA_ENDPOINT_ERROR']
_AAD = ['CONNECTIVITY_AAD_LOGIN_ERROR']
_SHOW_NETWORK = ('az acr show --name {registry} --query "[publicNetworkAccess, networkRuleSet, '
                 'privateEndpointConnections[].privateLinkServiceConnectionState.status]"')

CAUSES = [
    Cause('registry-firewall', _REFUSED,
          'The registry\'s firewall refuses this machine[, {client_address}][; its rules allow {allowed_addresses}]',
          'Allow this address, or connect from a network that is allowed.',
          ['az acr network-rule add --name {registry} --ip-address {client_address}']),
    Cause('firewall-rule-not-effective', _REFUSED,
          'The registry\'s firewall refuses this machine, {client_address}, although its rules allow {rule}',
          'A rule takes some minutes to become effective: wait and try again. If it stays so, remove the rule and add '
          'it anew.',
          ['az acr network-rule list --name {registry}',
           'az acr network-rule remove --name {registry} --ip-address {rule}',
           'az acr network-rule add --name {registry} --ip-address {rule}']),
    Cause('public-access-disabled', _REFUSED,
          'Public access to {registry} is disabled[ and this machine comes from outside, {client_address}]',
          'Connect from the virtual network of a private endpoint, or enable public access[ (it has '
          '{private_endpoints} private endpoints)]. Signing in again does not help.',
          ['az acr update --name {registry} --public-network-enabled true', _SHOW_NETWORK]),
    Cause('private-endpoint-bypassed', _REFUSED,
          '{host} has a private endpoint, but this machine\'s DNS leads to the public address {addresses}, where the '
          'registry\'s firewall refuses it[ ({client_address})]',
          'Link the private DNS zone[ {zone}] to this network or use name servers that know it. Signing in again does '
          'not help.',
          ['nslookup {host}', 'az network private-dns link vnet list --zone-name {zone} --resource-group GROUP']),
    Cause('private-registry-through-proxy', _REFUSED,
          '{host} is reached by its private endpoint only, but this machine sends requests through the proxy {proxy}, '
          'which comes from outside[: the firewall sees {client_address}]',
          'Except the registry from the proxy: add {host} to NO_PROXY. Signing in again does not help.',
          ['export NO_PROXY="$NO_PROXY,"{host}', _SHOW_NETWORK]),
    Cause('registry-forbids', _REFUSED,
          'The registry forbids the request (403): {said}[ (correlation id {correlation_id})]',
          'These are the registry\'s own words. If they do not help, report it with the correlation id: '
          'https://aka.ms/acr/issues', [_SHOW_NETWORK]),
    Cause('private-endpoint-refused', _REFUSED,
          'The registry refuses this machine[, {client_address},] although {host} leads to the private address '
          '{addresses}',
          'Check that the private endpoint\'s connection is approved and that the address belongs to it: the request '
          'did not come in through an approved endpoint.', [_SHOW_NETWORK]),
    Cause('forbidden-in-between', ['CONNECTIVITY_FORBIDDEN_ERROR'],
          'Something between this machine and the registry forbids the request: 403[ "{title}"][ from {server}]; the '
          'registry itself answers otherwise',
          'Have {host} allowed in the proxy, web filter or firewall that shows this page. The registry\'s own rules '
          'are not the cause.'),
    Cause('redirected', [*_CHALLENGE, *_ANSWERS],
          '{host} answers with a redirect ({status}) to {location}: a registry never does; nothing was sent there',
          'Sign in to the network (captive portal) or have the host excepted from the proxy that redirects.'),
    Cause('page-in-between', [*_CHALLENGE, *_ANSWERS],
          'A web page answers in place of the registry: {status}[ "{title}"][ from {server}]',
          'Sign in to the network (captive portal, guest access) or have {host} allowed in the proxy or filter that '
          'shows this page.'),
    Cause('sign-in-in-between', _AAD,
          'Something other than the registry demands a sign-in by {offered}[ "{title}"][ from {server}]',
          'Have {host} allowed in the gateway or proxy that demands it, or check what the name resolves to.',
          ['nslookup {host}']),
    Cause('other-service', _CHALLENGE,
          'What answers at {host} is no registry: {status}[ "{title}"][ from {server}]',
          'Check what the name resolves to here: another service listens at that address.', ['nslookup {host}']),
    Cause('registry-not-here', _CHALLENGE,
          'The front end that {host} leads to does not know the registry (404)',
          'The registry was deleted, or recreated in another region: then an old DNS answer is still cached, wait for '
          'some hours or flush the cache. A custom domain must be the login server itself.',
          ['nslookup {host}', 'az acr show --name {registry} --query loginServer --output tsv']),
    Cause('challenge-missing', _CHALLENGE,
          '{host} answers 401 without saying how to sign in',
          'A proxy may have removed the header WWW-Authenticate: have {host} excepted from it.'),
    Cause('throttled', ['CONNECTIVITY_TOOMANYREQUESTS_ERROR'],
          '{host} throttles requests (429)[; it asks to wait {retry_after}][: {said}]',
          'Wait[ {retry_after}] and try again; if it goes on, spread the requests or choose a higher tier. Signing in '
          'again does not help.',
          ['az acr show --name {registry} --query sku.name --output tsv']),
    Cause('registry-unavailable', [*_CHALLENGE, *_ANSWERS],
          'The registry service has trouble: {host} answers {status}[: {said}][ (correlation id '
          '{correlation_id})]',
          'This is the service\'s trouble, not yours: try again later and see https://azure.status.microsoft. Signing '
          'in again does not help.'),
    Cause('gateway-timeout', [*_CHALLENGE, *_ANSWERS],
          'The registry service has trouble: {host} answers 504, twice: its gateway got no answer in time',
          'This is the service\'s trouble, not yours: try again later and see https://azure.status.microsoft. Signing '
          'in again does not help.'),
    Cause('transient', [*_CHALLENGE, *_ANSWERS, 'DATA_ENDPOINT_ERROR'],
          '{host} answered only at the second try; the first came to: {first}',
          'Nothing is broken now. If it happens often, report it with the time: https://aka.ms/acr/issues'),
    Cause('challenge-not-bearer', _AAD,
          '{host} offers {offered} and no sign-in with Microsoft Entra ID',
          'Sign in with the admin user or a repository token (docker login), or check that this is an Azure Container '
          'Registry.'),
    Cause('challenge-incomplete', _AAD,
          '{host} offers a Bearer sign-in without realm or service[: {header}]',
          'A registry always names both: something in between changed the answer; see https://aka.ms/acr/issues'),
    Cause('challenge-foreign-realm', _AAD,
          '{host} wants tokens to be sent to {realm}, which is not https on the registry\'s own host; nothing was sent',
          'Find out who answers at that name: an Azure registry names its own host.', ['nslookup {host}']),
    Cause('challenge-foreign-service', _AAD,
          '{host} wants tokens made out to another service, {service}; nothing was sent',
          'Use the login server that the registry itself has, and check what the name resolves to.',
          ['nslookup {host}', 'az acr show --name {registry} --query loginServer --output tsv']),
    Cause('exchange-unauthorized', ['CONNECTIVITY_REFRESH_TOKEN_ERROR'],
          'The registry refuses the sign-in (401)[: {said}][ (correlation id {correlation_id})]',
          'Give this identity a role on the registry[, such as AcrPull on {resource_id}]; if one was given just now, '
          'wait a few minutes. If the registry belongs to another tenant than {tenant_id}, sign in there.',
          ['az role assignment list --assignee {identity} --scope {resource_id} --include-inherited --output table',
           'az role assignment create --assignee {identity} --role AcrPull --scope {resource_id}']),
    Cause('arm-tokens-refused', ['CONNECTIVITY_REFRESH_TOKEN_ERROR'],
          'The registry takes no tokens for Resource Manager (its policy azureADAuthenticationAsArmPolicy is '
          'disabled), and this one is made out to {audience}[ (correlation id {correlation_id})]',
          'Use a token for https://containerregistry.azure.net (unset acr.audience_resource), or enable the policy.',
          ['az config unset acr.audience_resource',
           'az acr config authentication-as-arm update --registry {registry} --status enabled']),
    Cause('tenant-mismatch', ['CONNECTIVITY_REFRESH_TOKEN_ERROR'],
          'The registry belongs to tenant {registry_tenant}, the sign-in is for tenant {tenant_id}',
          'Sign in to the registry\'s tenant.', ['az login --tenant {registry_tenant}']),
    Cause('token-unauthorized', ['CONNECTIVITY_ACCESS_TOKEN_ERROR'],
          'The registry refuses an access token (401)[: {said}][ (correlation id {correlation_id})]',
          'Give this identity a role on the registry; if one was given just now, wait a few minutes.',
          ['az role assignment list --scope {resource_id} --include-inherited --output table']),
    Cause('token-refused', _TOKENS,
          'The registry gave no token: {status}[: {said}][ (correlation id {correlation_id})]',
          'Report it with the correlation id: https://aka.ms/acr/issues'),
    Cause('token-missing', _TOKENS,
          '{host} answered {status}, but with no token in it[: the answer {flaw}]',
          'Something in between may have changed the answer; else report it: https://aka.ms/acr/issues'),
    Cause('token-unreadable', ['CONNECTIVITY_ACCESS_TOKEN_ERROR'],
          'The access token of {host} cannot be read, so what it grants on {repository} is not known',
          'Something in between may have changed the answer; else report it: https://aka.ms/acr/issues'),
    Cause('actions-missing', ['CONNECTIVITY_ACCESS_TOKEN_ERROR', 'IMAGE_PULL_ERROR'],
          'This identity lacks {lacking} on {repository}[; it has {granted}]',
          'The role {roles} grants what is lacking[ (the registry is in mode {mode})]; if it was given just now, wait '
          'a few minutes. If fewer actions are needed, name them with --require.',
          ['az role assignment create --assignee {identity} --role {role} --scope {resource_id}',
           'az role assignment create --assignee {identity} --role {other_role} --scope {resource_id}']),
]
