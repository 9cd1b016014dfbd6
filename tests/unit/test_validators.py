"""What the arguments may be, and what somebody is told who typed something else."""
from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from azure.cli.core.azclierror import ArgumentUsageError, InvalidArgumentValueError, MutuallyExclusiveArgumentError, \
    UserFault
from azure.cli.core.cloud import AZURE_CHINA_CLOUD, AZURE_PUBLIC_CLOUD, Cloud
from hypothesis import given
from hypothesis import strategies as st
from knack.validators import DefaultStr

from azext_acrhealth._validators import ACTIONS, login_server_suffix, split_image, validate_registry_name, \
    validate_repository, validate_sign_in, validate_skip, validate_timeout, validate_vnet
from azext_acrhealth.checks import ALL

HASHED = 'contosoprod-h4k8drcuezf2bxgn'


def name(given_: Any, cloud: Any = AZURE_PUBLIC_CLOUD) -> Any:
    """What validation leaves of a registry's name in a cloud."""
    namespace = SimpleNamespace(registry_name=given_)
    config = SimpleNamespace(get=lambda *_, **__: cloud.name)
    validate_registry_name(SimpleNamespace(cli_ctx=SimpleNamespace(cloud=cloud, config=config)), namespace)
    return namespace.registry_name


@pytest.mark.parametrize('given_, left', [
    (None, None),
    ('contosoprod', 'contosoprod'),
    ('ContosoProd', 'contosoprod'),
    (' contosoprod\r\n', 'contosoprod'),
    ('contosoprod.azurecr.io', 'contosoprod'),
    ('CONTOSOPROD.AZURECR.IO.', 'contosoprod'),
    (HASHED, HASHED),
    (f'{HASHED}.azurecr.io', HASHED),
    (HASHED.upper(), HASHED),
    (DefaultStr('ContosoProd'), 'contosoprod'),
    ('abcde', 'abcde'),
    ('a' * 50, 'a' * 50),
])
def test_names_of_registries(given_: Any, left: str | None) -> None:
    assert name(given_) == left
    assert not isinstance(name(given_), DefaultStr)  # which az would print as an object


@pytest.mark.parametrize('given_, instead', [
    ('https://contosoprod.azurecr.io', '--name contosoprod.azurecr.io'),
    ('https://contosoprod.azurecr.io/v2/', '--name contosoprod.azurecr.io'),
    ('https://admin:password@contosoprod.azurecr.io', '--name contosoprod.azurecr.io'),
    ('contosoprod.azurecr.io/samples/hello', '--name contosoprod.azurecr.io'),
    ('contosoprod.privatelink.azurecr.io', '--name contosoprod.azurecr.io'),
    ('contosoprod.azurecr.cn', 'az cloud set --name AzureChinaCloud'),
    ('contosoprod.azurecr.us', 'az cloud set --name AzureUSGovernment'),
    ('contosoprod.example.com', '--name contosoprod'),
    ('contosoprod.azurecr.io.example.com', '--name contosoprod'),
    ('contosoprod.westeurope.data.azurecr.io', '--name contosoprod'),
    ('abcd', 'az acr list'),
    ('a' * 51, 'az acr list'),
    ('', 'az acr list'),
    ('contoso_prod', 'az acr list'),
    ('contoso-prod', 'az acr list'),
    ('contosoprod-h4k8drcuezf2bxgn1', 'az acr list'),
    ('--yes', 'az acr list'),
    ('$(reboot)', 'az acr list'),
    ('contosoprod;reboot', 'az acr list'),
    ('contosoprod\nevil', 'az acr list'),
    ('contosoprоd', 'az acr list'),  # a Cyrillic letter
    ('http://$(reboot)/', 'az acr list'),
])
def test_what_is_no_name_and_what_to_type_instead(given_: str, instead: str) -> None:
    with pytest.raises(InvalidArgumentValueError) as refused:
        name(given_)
    assert instead in ' '.join(refused.value.recommendations)
    assert 'password' not in str(refused.value)
    assert '$' not in ' '.join(refused.value.recommendations)
    assert str(refused.value).isprintable()


def test_the_suffix_follows_the_cloud() -> None:
    assert name('contosoprod.azurecr.cn', AZURE_CHINA_CLOUD) == 'contosoprod'
    with pytest.raises(InvalidArgumentValueError, match='the active cloud is AzureChinaCloud') as refused:
        name('contosoprod.azurecr.io', AZURE_CHINA_CLOUD)
    assert 'az cloud set --name AzureCloud' in ' '.join(refused.value.recommendations)


def test_a_cloud_without_a_suffix_takes_the_plain_name() -> None:
    cloud = Cloud('OwnCloud')
    assert login_server_suffix(SimpleNamespace(cloud=cloud)) is None
    assert name('contosoprod', cloud) == 'contosoprod'


@given(st.text())
def test_whatever_is_typed_is_a_name_or_refused(given_: str) -> None:
    try:
        left = name(given_)
    except InvalidArgumentValueError:
        return
    assert left.isascii() and left.replace('-', '').isalnum() and left == left.lower()


def repository_and_image(repository: Any = None, image: Any = None, registry: Any = 'contosoprod',
                         require: Any = None) -> tuple[Any, Any]:
    """What validation leaves of these."""
    namespace = SimpleNamespace(repository=repository, image=image, registry_name=registry, require=require)
    validate_repository(SimpleNamespace(cli_ctx=SimpleNamespace(cloud=AZURE_PUBLIC_CLOUD)), namespace)
    return namespace.repository, namespace.image


@pytest.mark.parametrize('repository', ['hello', 'samples/hello', 'a/b/c', 'a.b_c__d--e/f', 'x' * 256, '0'])
def test_names_of_repositories(repository: str) -> None:
    assert repository_and_image(repository) == (repository, None)


@pytest.mark.parametrize('repository', [
    '', 'Hello', '/hello', 'hello/', 'a//b', '-a', 'a-', 'a___b', 'a..b', '../etc',
    'hello\n', 'a b', '*', 'a,b', 'contosoprod.azurecr.io/Hello', 'x' * 257])
def test_what_is_no_repository(repository: str) -> None:
    with pytest.raises(InvalidArgumentValueError) as refused:
        repository_and_image(repository)
    assert 'samples/hello' in ' '.join(refused.value.recommendations)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize('repository, registry, needs', [(None, 'contosoprod', '--repository'),
                                                         (None, None, '--repository'), ('hello', None, '--name')])
def test_what_needs_another_option(repository: str | None, registry: str | None, needs: str) -> None:
    with pytest.raises(ArgumentUsageError, match=f'give {needs}'):
        repository_and_image(repository, registry=registry, require=[ACTIONS[0]])


SHA = 'sha256:' + '0a' * 32


@pytest.mark.parametrize('given_, left', [
    ('samples/hello', 'samples/hello:latest'), ('samples/hello:1.0', 'samples/hello:1.0'),
    (' samples/hello:1.0\r\n', 'samples/hello:1.0'), (f'hello@{SHA}', f'hello@{SHA}'),
    (f'hello:1.0@{SHA}', f'hello@{SHA}'), ('contosoprod.azurecr.io/hello', 'hello:latest'),
    ('ContosoProd.azurecr.io/samples/hello:V_1', 'samples/hello:V_1'), (f'{HASHED}.azurecr.io/hello:1', 'hello:1'),
    ('docker.io/library/nginx:1', 'docker.io/library/nginx:1'), ('hello:' + 'x' * 128, 'hello:' + 'x' * 128)])
def test_images(given_: str, left: str) -> None:
    assert repository_and_image(image=given_) == (None, left)
    repository, reference = split_image(left)
    assert left in (f'{repository}:{reference}', f'{repository}@{reference}')
    if re.search('[:@]', given_):
        assert repository_and_image(given_) == (repository, left)


@pytest.mark.parametrize('given_, instead', [
    ('', 'repository:tag'), ('Samples/Hello:V1', '--image samples/hello:V1'), ('hello:', '--image hello'),
    ('hello:-x', '--image hello'), ('hello:' + 'x' * 129, '--image hello'), ('hello@sha256:00', '--image hello'),
    (f'hello@{SHA.upper()}', '--image hello'), ('https://contosoprod.azurecr.io/hello:1', '--image hello:1'),
    ('contosoprod.azurecr.io:443/hello:1', '--image hello:1'), ('othername.azurecr.io/hello:1', '--image hello:1'),
    ('contosoprod.azurecr.io/', 'repository:tag'), ('$(reboot)', 'repository:tag'), ('hello:1:2', '--image hello'),
    ('a b', 'repository:tag'), ('hello:1\nevil', '--image hello'), ('x' * 257, 'repository:tag')])
def test_what_is_no_image_and_what_to_type_instead(given_: str, instead: str) -> None:
    with pytest.raises(InvalidArgumentValueError) as refused:
        repository_and_image(image=given_)
    assert instead in ' '.join(refused.value.recommendations)
    assert '$' not in ' '.join(refused.value.recommendations)
    assert str(refused.value).isprintable()


@given(st.text() | st.from_regex(r'[a-z./:@-]{1,40}'))
def test_whatever_is_typed_is_an_image_or_refused(given_: str) -> None:
    try:
        _, left = repository_and_image(image=given_)
    except InvalidArgumentValueError:
        return
    assert re.fullmatch(r'[a-z0-9][a-z0-9._/-]*(:[\w.-]+|@sha256:[0-9a-f]{64})', left, re.ASCII)


def test_an_image_is_named_once_and_of_a_registry() -> None:
    with pytest.raises(ArgumentUsageError, match='give one of them'):
        repository_and_image('hello:1', 'hello:1')
    with pytest.raises(ArgumentUsageError, match='give --name'):
        repository_and_image(image='hello:1', registry=None)
    assert repository_and_image('hello', 'other:1') == ('hello', 'other:1')


def sign_in(**given_: Any) -> None:
    """Validates a way to sign in to a registry, unless that is given otherwise."""
    validate_sign_in(SimpleNamespace(**{'registry_name': 'contosoprod', 'username': None, 'password': None,
                                        'password_stdin': False, 'anonymous': False, 'require': None, **given_}))


@pytest.mark.parametrize('given_', [
    {}, {'registry_name': None}, {'username': 'me'}, {'username': 'me', 'password': 'secret'},
    {'username': 'me', 'password_stdin': True}, {'username': 'me@contoso.example', 'require': ['push']},
    {'anonymous': True}, {'anonymous': True, 'require': ['pull', 'metadata_read']}])
def test_ways_to_sign_in(given_: dict[str, Any]) -> None:
    sign_in(**given_)


@pytest.mark.parametrize('given_, error, named', [
    ({'username': 'me', 'password': 'x', 'password_stdin': True}, MutuallyExclusiveArgumentError, '--password-stdin'),
    ({'username': 'me', 'password': '', 'password_stdin': True}, MutuallyExclusiveArgumentError, '--password-stdin'),
    ({'anonymous': True, 'username': 'me'}, MutuallyExclusiveArgumentError, '--username'),
    ({'anonymous': True, 'password': 'x'}, MutuallyExclusiveArgumentError, '--anonymous'),
    ({'anonymous': True, 'password_stdin': True}, MutuallyExclusiveArgumentError, '--anonymous'),
    ({'password': 'secret'}, ArgumentUsageError, '--username'),
    ({'password_stdin': True}, ArgumentUsageError, '--username'),
    ({'username': 'me', 'registry_name': None}, ArgumentUsageError, '--name'),
    ({'anonymous': True, 'registry_name': None}, ArgumentUsageError, '--name'),
    ({'anonymous': True, 'require': ['pull', 'push', 'delete']}, ArgumentUsageError, 'push, delete'),
    *(({'username': name_}, InvalidArgumentValueError, 'user name')
      for name_ in ('', 'a:b', 'a b', 'a\n', 'a\x1b[0m', 'a' * 257))])
def test_ways_to_sign_in_that_make_no_sense(given_: dict[str, Any], error: type[UserFault], named: str) -> None:
    with pytest.raises(error) as refused:
        sign_in(**given_)
    assert named in str(refused.value) and 'secret' not in str(refused.value) and str(refused.value).isprintable()


@pytest.mark.parametrize('timeout', [1, 1.5, 10, 120])
def test_timeouts(timeout: float) -> None:
    validate_timeout(SimpleNamespace(timeout=timeout))


@pytest.mark.parametrize('timeout', [0, -1, 0.999, 120.001, float('inf'), float('-inf'), float('nan'), 1e300])
def test_what_is_no_timeout(timeout: float) -> None:
    with pytest.raises(InvalidArgumentValueError, match='from 1 to 120 seconds'):
        validate_timeout(SimpleNamespace(timeout=timeout))


def test_what_can_be_skipped_is_what_the_report_names() -> None:
    validate_skip(SimpleNamespace(skip=None))
    validate_skip(SimpleNamespace(skip=[check.name for check in ALL] + [check.category for check in ALL]))
    with pytest.raises(InvalidArgumentValueError, match="does not know 'DNS', 'heml'") as refused:
        validate_skip(SimpleNamespace(skip=['heml', 'dns', 'DNS']))
    assert all(check.name in ' '.join(refused.value.recommendations) for check in ALL)


NETWORK = '/subscriptions/1111/resourceGroups/Demo.rg_(1)/providers/Microsoft.Network/virtualNetworks/demo-vnet'


def vnet(given_: Any, registry: str | None = 'contosoprod') -> Any:
    """What validation leaves of a virtual network."""
    namespace = SimpleNamespace(vnet=given_, registry_name=registry)
    validate_vnet(namespace)
    return namespace.vnet


@pytest.mark.parametrize('given_, left', [
    (None, None), ('demo-vnet', 'demo-vnet'), (' Demo_VNet.1\n', 'Demo_VNet.1'), (NETWORK, NETWORK),
    (NETWORK + '/', NETWORK), (NETWORK.lower(), NETWORK.lower())])
def test_networks(given_: Any, left: str | None) -> None:
    assert vnet(given_) == left


@pytest.mark.parametrize('given_, instead', [
    (NETWORK + '/subnets/default', f'Use --vnet {NETWORK}'),
    ('', 'az network vnet list'), ('demo vnet', 'az network vnet list'), ('-demo', 'az network vnet list'),
    ('x' * 66, 'az network vnet list'),
    (NETWORK.replace('virtualNetworks', 'privateEndpoints'), 'az network vnet list'),
    (NETWORK.removeprefix('/'), 'az network vnet list'), ('demo-vnet\x1b[2J', 'az network vnet list')])
def test_what_is_no_network(given_: str, instead: str) -> None:
    with pytest.raises(InvalidArgumentValueError) as refused:
        vnet(given_)
    assert any(instead in advice for advice in refused.value.recommendations)
    assert str(refused.value).isprintable()


def test_a_network_needs_a_registry() -> None:
    assert vnet(None, registry=None) is None
    with pytest.raises(ArgumentUsageError):
        vnet('demo-vnet', registry=None)
