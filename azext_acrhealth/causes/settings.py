"""Causes that lie in the registry's own settings."""

from . import Cause

_SETTING = ['REGISTRY_SETTING_ERROR']

CAUSES = [
    Cause('registry-deleting', _SETTING,
          'The registry {registry} is being deleted',
          'Nothing can be pulled from it any more: use another registry, or create it anew once it is gone.',
          ['az acr show --name {registry} --query provisioningState --output tsv']),
    Cause('registry-changing', _SETTING,
          'The registry {registry} is being changed now ({state}): what was just set may not be effective yet',
          'Wait until it has succeeded, then look again.',
          ['az acr show --name {registry} --query provisioningState --output tsv']),
    Cause('registry-provisioning-failed', _SETTING,
          'The last change of the registry {registry} did not succeed ({state}): its settings may be half done',
          'Find the operation that failed in the activity log of the registry, and do it again.',
          ['az monitor activity-log list --resource-id {resource_id} --status Failed --offset 7d']),
    Cause('nobody-admitted', _SETTING,
          'The registry {registry} admits nobody: public access is {public_access}, its default action '
          '{default_action}, and it has no rule and no approved private endpoint',
          'Allow an address, approve or create a private endpoint, or enable public access.',
          ['az acr network-rule add --name {registry} --ip-address ADDRESS',
           'az acr update --name {registry} --public-network-enabled true']),
    Cause('quarantine-enabled', _SETTING,
          'The registry {registry} has its quarantine policy enabled: an image that is pushed cannot be pulled until '
          'somebody releases it',
          'Have the images released by the scanner that is meant to, or disable the policy.',
          ['az acr config quarantine show --registry {registry}']),
    Cause('replica-not-ready', _SETTING,
          'Replicas of {registry} are not ready: {regions}',
          'Machines near that region may get old or no answers: wait, or disable the replica\'s endpoint until it is '
          'ready.', ['az acr replication list --registry {registry} --output table']),
    Cause('settings-unread', _SETTING,
          'The {what} of {registry} could not be read: {text}',
          'Nothing is known to be wrong; look by hand.', ['az acr show --name {registry}']),
    Cause('key-identity-gone', ['CMK_ERROR'],
          'The identity {client_id}, by which {registry} reads its customer-managed key, does not exist',
          'Give the registry an identity that exists and has access to the key, and rotate the key with it.',
          ['az acr identity show --name {registry}', 'az acr encryption show --name {registry}',
           'az acr encryption rotate-key --name {registry} --identity IDENTITY --key-encryption-key {key}']),
    Cause('key-identity-unread', ['CMK_ERROR'],
          'Whether the identity [{identity_id} ]of {registry}\'s customer-managed key still exists could not be read: '
          '{text}',
          'Ask somebody with the role Reader on that identity to look.', ['az identity show --ids {identity_id}']),
]
