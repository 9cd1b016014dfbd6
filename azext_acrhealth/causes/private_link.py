"""Causes that lie in a registry's private endpoint in one network, and in where the registry's names lead there."""

from . import Cause

_STATE = ['PRIVATE_ENDPOINT_ERROR']
_NAMES = ['PRIVATE_ENDPOINT_DNS_ERROR']
_EXPECTED = '[; it should be {expected}, the address of {endpoint}][; also wrong: {also}][; {right} is right]'
_SHOW = 'az network private-endpoint show --ids {endpoint_id}'
_CONNECTIONS = 'az acr private-endpoint-connection list --registry-name {registry} --output table'
_ZONE_GROUPS = ('az network private-endpoint dns-zone-group list --endpoint-name {endpoint_name} '
                '--resource-group {endpoint_group} --subscription {endpoint_subscription}')
_RECORD = 'az network private-dns record-set a show --zone-name {zone} --name {record} --resource-group GROUP'

CAUSES = [
    Cause('private-endpoint-none', _STATE,
          '{registry} has no private endpoint, in {network} or elsewhere',
          'Create one in that network, with its private DNS zone, or leave out --vnet.',
          ['az network private-endpoint create --name ENDPOINT --resource-group GROUP --vnet-name VNET --subnet SUBNET '
           '--private-connection-resource-id {resource_id} --group-ids registry --connection-name CONNECTION']),
    Cause('private-endpoint-elsewhere', _STATE,
          '{registry} has no private endpoint in {network}[; those that it has: {elsewhere}][; deleted: {gone}]',
          'Name the network that has one, or create one in this network.', [_CONNECTIONS]),
    Cause('private-endpoint-disconnected', _STATE,
          'The private endpoint {endpoint} is disconnected from {registry}: one of the two sides was deleted',
          'Remove what is left of it, and create the private endpoint anew.',
          ['az acr private-endpoint-connection delete --registry-name {registry} --name {connection}']),
    Cause('private-endpoint-pending', _STATE,
          'The connection of the private endpoint {endpoint} to {registry} is not yet approved[; the endpoint itself '
          'says {own_status}]',
          'Have it approved by whoever owns the registry.',
          ['az acr private-endpoint-connection approve --registry-name {registry} --name {connection}']),
    Cause('private-endpoint-rejected', _STATE,
          'The connection of the private endpoint {endpoint} to {registry} was rejected[: {description}][; the '
          'endpoint itself says {own_status}]',
          'Have it approved by whoever owns the registry; if that is refused, delete it and create it anew.',
          ['az acr private-endpoint-connection approve --registry-name {registry} --name {connection}']),
    Cause('private-endpoint-failed', _STATE,
          'The private endpoint {endpoint} of {registry} is not in order: its provisioning ended as {provisioning}',
          'Look at its state; update it, or delete it and create it anew.', [_SHOW]),
    Cause('private-endpoint-changing', _STATE,
          'The private endpoint {endpoint} of {registry} is just being changed: its provisioning is at {provisioning}',
          'Wait until it has succeeded, then run this again.', [_SHOW]),
    Cause('private-endpoint-states-differ', _STATE,
          '{registry} has the connection of {endpoint} as {status}, the endpoint itself as {own_status}',
          'What the registry says counts. An update of the private endpoint reads it again.', [_SHOW, _CONNECTIONS]),
    Cause('private-endpoint-unread', _STATE,
          'Not all of {registry}\'s private endpoints in {network} could be read: {unread}[; {found_here}]',
          'Ask somebody with the role Reader on them to run this, or sign in to their subscription.', [_CONNECTIONS]),
    Cause('private-endpoint-left-to-proxy', _STATE,
          'The names of {registry} lead here to {endpoint}, but requests go through the proxy {proxy}, which looks the '
          'names up for itself: whether it uses the endpoint is not known here',
          'Except the registry from the proxy if this machine is meant to use the private endpoint: add {host} and its '
          'data endpoints to NO_PROXY.', ['export NO_PROXY="$NO_PROXY,"{host}']),
    Cause('network-unknown', _STATE,
          'Resource Manager does not know the network {network_id}: {said}',
          'Check the spelling; give the resource ID of a network in another resource group or subscription.',
          ['az network vnet list --query "[].id" --output tsv', _CONNECTIONS]),
    Cause('network-ambiguous', _STATE,
          '{registry} has private endpoints in several networks of the name {network}: {networks}',
          'Say which: give --vnet its resource ID.'),
    Cause('private-endpoint-record-stale', _NAMES,
          '{host} leads to {found}, which belongs to no private endpoint of {registry} in {network}[; {gone} was '
          'deleted]' + _EXPECTED,
          'Correct the record {record} of the private DNS zone[ {zone}]: it was left behind by an endpoint that was '
          'deleted or created anew, or was written by hand.', [_RECORD, _ZONE_GROUPS, 'nslookup {host}']),
    Cause('private-endpoint-record-of-other-network', _NAMES,
          '{host} leads to {found}, the address of {registry}\'s private endpoint {other_endpoint} in the network '
          '{other_network}' + _EXPECTED,
          'A private DNS zone holds one address for a name: give each network a zone[ {zone}] of its own, with the '
          'record of its own endpoint.', [_RECORD, _ZONE_GROUPS, 'nslookup {host}']),
    Cause('private-endpoint-record-swapped', _NAMES,
          '{host} leads to {found}, which is the address for {other_host}' + _EXPECTED,
          'Correct the record {record} of the private DNS zone[ {zone}].', [_RECORD, _ZONE_GROUPS]),
    Cause('private-endpoint-record-absent', _NAMES,
          '{host} resolves here to the public address {addresses} instead of {expected}, the address of {endpoint}, '
          'although {right} is right: what answers for that here has no record for this one[; also wrong: {also}]',
          'Add the record {record} to the private DNS zone[ {zone}], or to whatever knows the other names here; a zone '
          'whose link falls back to the internet gives the public address where it lacks a record.',
          [_RECORD, _ZONE_GROUPS, 'nslookup {host}']),
    Cause('private-endpoint-name-unresolved', _NAMES,
          '{host} does not resolve here[ ({error})][; name servers: {said}]' + _EXPECTED,
          'Check that this machine asks name servers that know the private DNS zone[ {zone}], or the public DNS.',
          ['nslookup {host}']),
]
