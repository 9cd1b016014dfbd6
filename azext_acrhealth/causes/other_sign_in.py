"""Causes that lie in a sign-in by user name and password, or in anonymous pull."""

from . import Cause

_ACCESS = ['CONNECTIVITY_ACCESS_TOKEN_ERROR']
_SAID = '[: {said}][ (correlation id {correlation_id})]'
_SHOW_TOKEN = 'az acr token show --registry {registry} --name {username}'
_NEW_PASSWORD = 'az acr token credential generate --registry {registry} --name {username} --password1'

CAUSES = [
    Cause('admin-user-disabled', _ACCESS,
          'The admin user of {registry} is disabled, so nobody can sign in as {username}',
          'Sign in with an identity of your own, or enable the admin user if that is allowed.',
          ['az acr login --name {registry}', 'az acr update --name {registry} --admin-enabled true']),
    Cause('admin-password-wrong', _ACCESS,
          'The password of the admin user {username} is wrong: the admin user is enabled, and the registry refuses it '
          '(401)',
          'Use one of its two present passwords: somebody may have renewed this one.',
          ['az acr credential show --name {registry} --query "passwords[].value" --output tsv']),
    Cause('admin-user-refused', _ACCESS,
          'The registry refuses the admin user {username} (401)' + _SAID,
          'The password is wrong, or the admin user is disabled: its settings are not visible here.',
          ['az acr show --name {registry} --query adminUserEnabled', 'az acr credential show --name {registry}']),
    Cause('user-name-unknown', _ACCESS,
          '{username} is neither the admin user of {registry} nor one of its repository tokens nor the id of an '
          'application' + _SAID,
          'Check the spelling. A service principal signs in by its application id, not by its name; a person signs in '
          'with az acr login.',
          ['az acr token list --registry {registry} --query "[].name" --output tsv', 'az acr login --name {registry}']),
    Cause('principal-secret-refused', _ACCESS,
          'The secret of the service principal {username} is wrong or has expired[: {said}]'
          '[ (correlation id {correlation_id})]',
          'Use the secret\'s value, not its id; if it has expired, make a new one.',
          ['az ad app credential list --id {username} --query "[].endDateTime" --output tsv',
           'az ad app credential reset --id {username}']),
    Cause('principal-refused', _ACCESS,
          'The registry refuses the service principal {username} (401)' + _SAID,
          'It has no role on the registry, or is not known there at all: the answer does not say which. Check its '
          'roles, its tenant and its secret.',
          ['az role assignment list --assignee {username} --scope {resource_id} --include-inherited --output table',
           'az role assignment create --assignee {username} --role AcrPull --scope {resource_id}']),
    Cause('repository-token-refused', _ACCESS,
          'The registry refuses {username} with this password (401)' + _SAID,
          'If it is a repository token: the password is wrong or has expired, or the token is disabled. The answer '
          'does not say which, and the token is not visible here.', [_SHOW_TOKEN]),
    Cause('repository-token-disabled', _ACCESS,
          'The repository token {username} is disabled',
          'Enable it, if that is allowed.',
          ['az acr token update --registry {registry} --name {username} --status enabled']),
    Cause('repository-token-expired', _ACCESS,
          'The passwords of the repository token {username} have expired, the last one on {until}',
          'Make a new password.', [_NEW_PASSWORD]),
    Cause('repository-token-password-wrong', _ACCESS,
          'The password of the repository token {username} is wrong: the token is enabled, and the registry refuses it '
          '(401)[; one of its passwords has expired, on {until}]',
          'Use a present password of the token; Azure shows it only when it is made.', [_NEW_PASSWORD]),
    Cause('login-token-expired', _ACCESS,
          'The token of az acr login that was given as password has expired, on {until}',
          'Get a new one: it lives for three hours.',
          ['az acr login --name {registry} --expose-token --query accessToken --output tsv']),
    Cause('login-token-refused', _ACCESS,
          'The registry takes the password that was given for no token of az acr login (401)' + _SAID,
          'Get one for this very registry; with another password, give the user name that belongs to it.',
          ['az acr login --name {registry} --expose-token --query accessToken --output tsv']),
    Cause('token-not-taken', _ACCESS,
          '{host} gave an access token to {username}, and does not take it (401)' + _SAID,
          'A proxy may take the header Authorization out of requests: have {host} excepted from it. Else report it: '
          'https://aka.ms/acr/issues'),
    Cause('scope-map-lacks', _ACCESS,
          '{username} lacks {lacking} on {repository}[; it has {granted}]',
          'Add the actions to the scope map of the repository token (content/read is pull, content/write is push). If '
          'fewer are needed, name them with --require.',
          ['az acr token show --registry {registry} --name {username} --query scopeMapId --output tsv',
           'az acr scope-map update --registry {registry} --name MAP --add-repository {repository} ACTIONS']),
    Cause('anonymous-pull-disabled', _ACCESS,
          'Anonymous pull is not enabled on {registry}',
          'Sign in, or enable it if everybody may read all that is in the registry[ (its tier is {sku}; it takes '
          'Standard or Premium)].',
          ['az acr login --name {registry}', 'az acr update --name {registry} --anonymous-pull-enabled true']),
    Cause('anonymous-refused', _ACCESS,
          'The registry gives nothing to whoever does not sign in (401)' + _SAID,
          'Anonymous pull is not enabled, or was enabled just now: look at the setting.',
          ['az acr show --name {registry} --query anonymousPullEnabled', 'az acr login --name {registry}']),
    Cause('anonymous-actions-missing', _ACCESS,
          'Whoever does not sign in lacks {lacking} on {repository}[; it has {granted}]',
          'Sign in to the registry.', ['az acr login --name {registry}']),
]
