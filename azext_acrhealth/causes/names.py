"""Causes that lie in name resolution."""

from . import Cause

_DNS = ['CONNECTIVITY_DNS_ERROR']
_UNRESOLVED = [*_DNS, 'DATA_ENDPOINT_ERROR']
# What spoils the names of a private endpoint as well as those of a login server.
_EVERY_NAME = [*_UNRESOLVED, 'PRIVATE_ENDPOINT_DNS_ERROR']
_CLOUD, _SWITCH = 'az cloud set --name {other_cloud}', '[ If you mean that in {other_cloud}, switch to it and sign in.]'

CAUSES = [
    Cause('registry-unknown', _DNS,
          'There is no registry {registry}: {host} does not exist in DNS, and subscription {subscription} shows none '
          'of that name[; in {other_clouds} one of that name exists: {other_hosts}]',
          'Check the spelling, and whether the registry was deleted or lives in another subscription or cloud.'
          + _SWITCH,
          [_CLOUD, 'az acr list --query "[].loginServer" --output tsv', 'az cloud show --query name --output tsv']),
    Cause('dns-nxdomain', _UNRESOLVED,
          '{host} does not exist, says name server {server}[ (chain: {chain})][; in {other_clouds} a registry of that '
          'name exists: {other_hosts}]',
          'Check the spelling of the name, that the registry exists in this cloud, and that this machine asks the name '
          'servers that know it (VPN, private DNS).' + _SWITCH,
          [_CLOUD, 'az acr list --query "[].loginServer" --output tsv', 'nslookup {host} {server}']),
    Cause('dns-servfail', _UNRESOLVED,
          'Name server {server} fails to resolve {host} (SERVFAIL): the fault is between it and the servers it asks',
          'Ask whoever runs that name server, or use another; a forwarder to a private zone that is not reachable '
          'answers so too.', ['nslookup {host} {server}']),
    Cause('dns-refused', _UNRESOLVED,
          'Name server {server} refuses to resolve {host} for this machine (REFUSED)',
          'Use a name server that serves this network, or have this machine allowed there.',
          ['nslookup {host} {server}']),
    Cause('dns-no-address', _UNRESOLVED,
          '{host} exists but has no address record, says name server {server}[ (chain: {chain})]',
          'Have the record of that name restored; in a private DNS zone the record of the private endpoint is missing.',
          ['nslookup {host} {server}']),
    Cause('dns-loop', _UNRESOLVED,
          'The name {host} leads back to itself: {chain}',
          'Have the CNAME records repaired by whoever runs that zone, here most likely a private one.',
          ['nslookup {host} {server}']),
    Cause('dns-private-record-missing', _EVERY_NAME,
          '{host} leads to {private_name}, but the private DNS zone that is linked here has no address for it[; it '
          'should be {expected}, the address of {endpoint}][; likewise {also}][; {right} is right]',
          'Add the record of the private endpoint to the zone[ {zone}], or unlink the zone from this network if the '
          'endpoint was deleted.',
          ['az network private-endpoint dns-zone-group list --endpoint-name ENDPOINT --resource-group GROUP',
           'nslookup {private_name} {server}']),
    Cause('dns-silent', _UNRESOLVED,
          'No name server answered for {host}[: {servers}][ within {seconds} s]',
          'Check that this machine reaches its name servers on port 53 (VPN, firewall), or configure others.',
          ['nslookup {host}']),
    Cause('dns-no-server', _UNRESOLVED,
          '{host} cannot be resolved: no name server is configured on this machine',
          'Configure one (/etc/resolv.conf, or the network settings).'),
    Cause('dns-only-servers-know', _UNRESOLVED,
          'Name server {server} knows {host} ({addresses}), but this system does not resolve it[: {error}][; other '
          'name servers: {said}]',
          'Look at how this system resolves names: /etc/nsswitch.conf, /etc/resolv.conf (of its name servers only the '
          'first three are asked on Linux), a local cache or VPN client.',
          ['getent ahosts {host}', 'nslookup {host}']),
    Cause('dns-failed', _UNRESOLVED,
          '{host} cannot be resolved[: {error}][; name servers: {said}]',
          'Look the name up by hand and check the name servers of this machine.', ['nslookup {host}']),
    Cause('dns-sinkhole', _EVERY_NAME,
          '{host} resolves to {addresses}[, by this machine\'s {hosts_file}]: a filter (DNS block list, or a hosts '
          'file) answers in place of the real name server',
          'Have the host allowed in that filter, or remove the entry from the hosts file.',
          ['nslookup {host}']),
    Cause('dns-left-to-proxy', _DNS,
          '{host} does not resolve here[ ({error})]; the proxy {proxy} resolves it instead',
          'Nothing is broken as long as everything goes through the proxy; a container daemon without that proxy '
          'cannot resolve the name.'),
    Cause('dns-hosts-file', [*_EVERY_NAME, 'CONNECTIVITY_SSL_ERROR', 'CONNECTIVITY_CHALLENGE_ERROR'],
          'The hosts file sends {host} to {address}[; the name servers say {served}][. There: {effect}]',
          'Remove the entry unless it is meant: it hides every change of the registry\'s address.'),
    Cause('dns-private-zone-unlinked', _EVERY_NAME,
          '{host} has a private endpoint, but resolves here to the public address {addresses}[ instead of {expected}, '
          'the address of {endpoint}]: no private DNS zone is linked to this network[; likewise {also}]',
          'Link the private DNS zone[ {zone}] to this network, or use its name servers, if this machine is meant to '
          'use the private endpoint.',
          ['az network private-dns link vnet list --zone-name {zone} --resource-group GROUP']),
    Cause('dns-server-down', _DNS,
          'Name server {server} does not resolve {host} ({verdict}), the next one does[; this lookup took {seconds} '
          's]',
          'Remove that name server from this machine\'s configuration, or have it repaired.',
          ['nslookup {host} {server}']),
]
