"""Field reports (docs/field-reports.rst) that no end-to-end test is named by, and why."""

NOT_REPRODUCED = {
    'b-app-service-denied-public-path': 'The service pulls, outside of every machine that az runs on. What one can '
                                        'see is tested: a registry that refuses its public address.',
    'b-docker-hub-limit-in-acr-build': 'A base image from Docker Hub, in az acr build: no check asks for either. '
                                       'The limit of the registry that is asked is pull-throttled.',
    'b-private-link-name-used-directly': '--name refuses such a name and says which one to use (test_validators.py).',
    'd-cmk-key-vault-firewall': "A key vault's firewall refuses the registry, not whoever runs the command: that shows "
                                'only in what the registry does. The identity that reads the key is checked.',
    'd-list-credentials-denied': "Resource Manager is never asked for the admin user's password: the sign-in works "
                                 'without it, and who wants it checked gives it.',
}
