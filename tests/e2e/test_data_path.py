"""The way that layers take: data and regional endpoints, and an image fetched without a container client."""
from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.e2e.case import DNS, HTTP, REGISTRY, SOON, TCP, TLS, Arrange, Case, Command, broken, prove
from tests.lab import Lab
from tests.local_azure import images, names, presets

R, STORE = presets.R, names.STORAGE_HOST
NAME, ARGS = 'samples/hello:1.0', ('--image', 'samples/hello:1.0')
HURRY = {**SOON, 'args': (*ARGS, *SOON['args'])}
DATA, IMAGE = 'DATA_ENDPOINT_ERROR', 'IMAGE_PULL_ERROR'
MANIFEST, BLOBS = '/v2/samples/hello/manifests/*', '/v2/samples/hello/blobs/*'
PROXIED = {'HTTPS_PROXY': f'http://{names.PROXY_ADDRESS}:{names.PROXY_PORT}'}
FOREIGN = 'layers.contoso.example'

#: What the local registry has under that name, for this machine.
BODY, (CONFIG, LAYER) = images.image(images.MACHINE, (images.OCI, images.OCI_CONFIG, images.OCI_LAYER))
ONE: Mapping[str, Any] = json.loads(BODY)
OTHER = {'amd64': 'arm64'}.get(images.MACHINE, 'amd64')
PUSHED_OTHER, (CONFIG_OTHER, _) = images.image(OTHER, (images.OCI, images.OCI_CONFIG, images.OCI_LAYER))


def manifest(content: Any, media_type: str = images.OCI, **options: Any) -> Command:
    """The registry has this manifest under each reference."""
    body = content if isinstance(content, str) else json.dumps(content)
    return HTTP(path=MANIFEST, status=200, headers=[['Content-Type', media_type]], **{'body': body, **options})


def index(*platforms: str, **more: Any) -> Command:
    """The tag is an index with these platforms, each the image that there is for this machine."""
    listed = []
    for platform in platforms:
        system, architecture, *variant = platform.split('/')
        listed.append({'mediaType': images.OCI, 'size': len(BODY), 'digest': images.digest(BODY), 'platform': {
            'os': system, 'architecture': architecture, **({'variant': variant[0]} if variant else {})}})
    return {**manifest({'schemaVersion': 2, 'mediaType': images.OCI_INDEX, 'manifests': listed, **more},
                       images.OCI_INDEX), 'path': '/v2/samples/hello/manifests/1.0'}


def store(**options: Any) -> Command:
    """What the storage answers."""
    return HTTP(host=STORE, **options)


def redirect(location: str, path: str = BLOBS, host: str = R, **options: Any) -> Command:
    """A redirect to there."""
    return HTTP(host=host, path=path, status=307, headers=[['Location', location]], **options)


def sends(content: bytes, **options: Any) -> Command:
    """The storage sends this for everything."""
    return store(status=200, headers=[['Content-Type', 'application/octet-stream']], body=content.decode('latin-1'),
                 **options)


def itself(lab: Lab) -> None:
    """The registry redirects nowhere."""
    for blob in (CONFIG, LAYER):
        lab.azure.fault('http', R, path=BLOBS.replace('*', images.digest(blob)), status=200,
                        body64=base64.b64encode(blob).decode())


def elsewhere(lab: Lab) -> None:
    """What the storage has is at a host that nobody knows; its certificate is good."""
    lab.azure.fault('dns', FOREIGN, addresses=[names.STORAGE_ADDRESS])
    lab.azure.fault('http', R, path=BLOBS.replace('*', images.digest(CONFIG)), status=307, headers=[
        ['Location', f'https://{FOREIGN}/config?sig=planted']])
    lab.azure.fault('http', FOREIGN, status=200, body=CONFIG.decode())


def linked(lab: Lab) -> None:
    """The private zone has a record of the login server, and none of the data endpoint."""
    lab.azure.fault('dns', WEST, chain=[WEST.replace('.azurecr.io', '.privatelink.azurecr.io')], rcode='NXDOMAIN')


def echoing(lab: Lab) -> None:
    """A block page that shows the whole address that it blocks: here what a real link looks like."""
    title = f'Blocked: https://{STORE}/x/data?se=2026&amp;sig=plantedSignature%2Fof%2Ba%2BLink%3D&amp;sp=r'
    lab.azure.fault('http', STORE, status=403, headers=[['Content-Type', 'text/html']],
                    body=f'<html><head><title>{title}</title></head></html>')


SIGNATURE = 'plantedSignature'
XML = '<?xml version="1.0" encoding="utf-8"?><Error><Code>{}</Code><Message>{}\nRequestId:1</Message></Error>'

CASES = [
    Case('image', broken(), None, None, [f'linux/{images.MACHINE}', STORE, 'firstByteMs', names.STORAGE_ADDRESS],
         args=ARGS),
    Case('image-by-repository', broken(), None, None, [STORE], args=('--repository', NAME)),
    Case('image-with-login-server', broken(), None, None, [STORE], args=('--image', f'{R}/{NAME}')),
    Case('image-by-digest', broken(), None, None, [images.digest(BODY), STORE],
         args=('--image', f'samples/hello@{images.digest(BODY)}')),
    Case('image-of-another-repository', broken(), None, None, [STORE],
         args=('--repository', 'samples/other', *ARGS)),
    Case('image-without-docker-index', broken(manifest(ONE)), None, None, [f'linux/{images.MACHINE}'], args=ARGS),
    Case('image-through-proxy', broken(**PROXIED), None, None, [STORE], args=ARGS),
    Case('image-from-data-endpoint', broken(), None, None,
         ['dataregistry.westeurope.data.azurecr.io', names.DATA_ENDPOINT_ADDRESS], args=ARGS, registry='dataregistry'),
    Case('image-from-the-registry-itself', broken(itself), None, None, [f'"servedBy": "{R}"'], args=ARGS),
    Case('image-changed-by-the-registry-itself', broken(HTTP(path=BLOBS, status=200, body='{}')), 'content-changed',
         IMAGE, [R, images.digest(CONFIG)], R, args=ARGS),

    Case('repository-missing', broken(), 'repository-missing', IMAGE, ['samples/nothing'],
         'az acr repository list --name demoregistry', args=('--image', 'samples/nothing:1.0')),
    Case('tag-missing', broken(), 'tag-missing', IMAGE, ['samples/hello', 'latest'],
         'az acr repository show-tags --name demoregistry --repository samples/hello',
         args=('--image', 'samples/hello')),
    Case('b-missing-tag-with-port-unauthorized', broken(), 'tag-missing', IMAGE, ['samples/hello', 'notexist'],
         'az acr repository show-tags', args=('--image', f'{R}/samples/hello:notexist')),
    Case('digest-missing', broken(), 'tag-missing', IMAGE, ['manifest', images.digest(b'')], 'purge',
         args=('--image', f'samples/hello@{images.digest(b"")}')),
    Case('platform-missing', broken(index('linux/s390x', 'windows/amd64', 'unknown/unknown')), 'platform-missing',
         IMAGE, [f'linux/{images.MACHINE}', 'linux/s390x, windows/amd64'], 'docker buildx build --platform', args=ARGS),
    Case('platform-among-others', broken(index('linux/s390x', 'windows/amd64', f'linux/{images.MACHINE}')), None, None,
         args=ARGS),
    Case('platform-of-a-windows-image', broken(manifest({**ONE, 'config': {
        **ONE['config'], 'digest': images.digest(CONFIG.replace(b'"linux"', b'"windows"'))}}),
        sends(CONFIG.replace(b'"linux"', b'"windows"')), redirect(f'https://{STORE}/x')), 'platform-missing', IMAGE,
         ['windows/'], 'docker buildx', args=ARGS),
    Case('platform-of-another-processor', broken(manifest(PUSHED_OTHER.decode())), 'platform-differs', None,
         [f'linux/{OTHER}', f'linux/{images.MACHINE}'], 'docker buildx', args=ARGS),
    Case('platforms-in-an-endless-index', broken({**index('linux/amd64', 'linux/arm64'), 'path': MANIFEST}),
         'content-changed', IMAGE, [images.digest(BODY)], R, args=ARGS),
    Case('chart-without-layers', broken(manifest({'schemaVersion': 2, 'config': {**ONE['config'], 'mediaType':
         'application/vnd.cncf.helm.config.v1+json'}, 'layers': []})), None, None, ['no layer'], args=ARGS),
    Case('layers-kept-elsewhere', broken(manifest({**ONE, 'layers': [
        {'mediaType': images.DOCKER_LAYER.replace('rootfs', 'rootfs.foreign'), 'size': 9,
         'digest': images.digest(b''), 'urls': [f'https://{FOREIGN}/']}, *ONE['layers']]})), None, None, [STORE],
         args=ARGS),
    Case('manifest-of-2015', broken(manifest({'schemaVersion': 1, 'fsLayers': []})), 'manifest-unreadable', IMAGE,
         ['2015'], 'az acr manifest show --registry demoregistry --name samples/hello:1.0', args=ARGS),
    Case('manifest-no-json', broken(manifest('[1, 2')), 'manifest-unreadable', IMAGE, [NAME], 'Push', args=ARGS),
    Case('manifest-hostile', broken(manifest({'config': {'digest': '../../../v2/'}, 'layers': 7})),
         'manifest-unreadable', IMAGE, ['../../../v2/'], 'Push', args=ARGS),
    Case('manifest-endless', broken(manifest('x' * 65536, endless='body')), 'manifest-unreadable', IMAGE,
         ['more than'], 'Push', args=ARGS),
    Case('manifest-cut', broken(manifest(ONE, length=100_000)), 'manifest-unreadable', IMAGE,
         ['ends before its announced length'], 'Push', args=ARGS),
    Case('manifest-changed', broken(HTTP(path=MANIFEST, status=200, body=json.dumps(ONE), headers=[
        ['Docker-Content-Digest', images.digest(b'')]])), 'content-changed', IMAGE, [R, images.digest(b'')], R,
         args=ARGS),
    Case('manifest-with-its-digest', broken(HTTP(path=MANIFEST, status=200, body=json.dumps(ONE), headers=[
        ['Docker-Content-Digest', images.digest(json.dumps(ONE).encode())]])), None, None, args=ARGS),
    Case('manifest-page', broken(manifest(presets.CAPTIVE_PORTAL, 'text/html')), 'page-in-between', IMAGE,
         ['Contoso Guest Wi-Fi'], R, args=ARGS),
    Case('manifest-throttled', broken(HTTP(path=MANIFEST, answer='acr:throttled', headers=[['Retry-After', '17']])),
         'throttled', 'CONNECTIVITY_TOOMANYREQUESTS_ERROR', ['17 s'], 'Wait 17 s', args=ARGS),
    Case('manifest-503', broken(HTTP(path=MANIFEST, status=503)), 'registry-unavailable', IMAGE, ['503'],
         'azure.status', args=ARGS),
    Case('manifest-503-once', broken(HTTP(path=MANIFEST, status=503, times=1)), 'transient', None, ['503'],
         'Nothing is', args=ARGS),
    Case('manifest-firewall', broken(HTTP(path=MANIFEST, answer='acr:firewall')), 'registry-firewall', IMAGE,
         [names.CLIENT_ADDRESS], f'--ip-address {names.CLIENT_ADDRESS}', args=ARGS),
    Case('manifest-not-allowed', broken(HTTP(path=MANIFEST, answer='acr:insufficient-scope')), 'actions-missing', IMAGE,
         ['pull'], 'AcrPull', args=ARGS),
    Case('manifest-401', broken(HTTP(path=MANIFEST, answer='acr:unauthorized')), 'image-refused', IMAGE, ['401'],
         'aka.ms/acr/issues', args=ARGS),
    Case('manifest-silent', broken(HTTP(path=MANIFEST, silent=True)), 'answer-timeout', IMAGE, [R], 'proxy', **HURRY),
    Case('manifest-closed', broken(HTTP(path=MANIFEST, close=True)), 'answer-cut', IMAGE, [R], 'proxy', args=ARGS),
    Case('no-right-to-pull', broken('token-nothing-granted'), 'actions-missing', 'CONNECTIVITY_ACCESS_TOKEN_ERROR',
         ['pull'], '--role AcrPull', args=ARGS),
    Case('no-right-to-pull-from-the-other', broken(
        {'do': 'grant', 'identity': '*', 'registry': 'demoregistry', 'repository': 'samples/hello', 'actions': []}),
         'actions-missing', IMAGE, ['pull', 'samples/hello'], '--role AcrPull',
         args=('--repository', 'samples/other', *ARGS)),
    Case('right-to-pull-alone', broken('token-pull-only'), None, None, [STORE], args=ARGS),
    Case('blob-missing', broken(HTTP(path=BLOBS, status=404, body=json.dumps({'errors': [
        {'code': 'BLOB_UNKNOWN', 'message': 'blob unknown to registry'}]}))), 'blob-missing', IMAGE,
         [images.digest(CONFIG)], 'Push the image again', args=ARGS),

    Case('storage-unresolved', broken(DNS(host=STORE, rcode='NXDOMAIN')), 'dns-nxdomain', DATA, [STORE],
         f'nslookup {STORE}', args=ARGS),
    Case('storage-unresolved-of-an-invisible-registry', broken('arm-forbidden', DNS(host=STORE, rcode='NXDOMAIN')),
         'dns-nxdomain', DATA, [STORE], f'nslookup {STORE}', args=ARGS, others=['registry-not-visible']),
    Case('storage-sunk', broken(DNS(host=STORE, addresses=['0.0.0.0'])), 'dns-sinkhole', DATA, [STORE, '0.0.0.0'],
         'filter', args=ARGS),
    Case('storage-refused', broken(TCP(host=STORE, mode='refused')), 'connection-refused', DATA,
         [STORE, names.STORAGE_ADDRESS], 'firewall', args=ARGS),
    Case('storage-drop', broken(TCP(host=STORE, mode='drop')), 'connect-timeout', DATA, [STORE],
         f'have {STORE} allowed', **HURRY),
    Case('storage-blocked', broken('blob-blocked'), 'tls-reset', DATA, [STORE], f'have {STORE} allowed', args=ARGS),
    Case('storage-reset-once', broken(TLS(host=STORE, mode='reset', times=1)), 'transient', None, [STORE], 'Nothing is',
         args=ARGS),
    Case('storage-inspected', broken(TLS(host=STORE, certificate='unknown-issuer')), 'certificate-issuer-unknown', DATA,
         [STORE, 'Contoso Traffic Inspection CA'], 'REQUESTS_CA_BUNDLE', args=ARGS),
    Case('storage-other-name', broken(TLS(host=STORE, certificate='other-name')), 'certificate-other-name', DATA,
         [STORE, 'fabrikam'], f'nslookup {STORE}', args=ARGS),
    Case('storage-refused-by-proxy', broken({'layer': 'proxy', 'host': STORE, 'mode': 'policy'}, **PROXIED),
         'proxy-refuses', DATA, [STORE, '403'], f'NO_PROXY={STORE}', args=ARGS),
    Case('storage-403-page', broken('blob-403'), 'data-page', DATA,
         [STORE, '403', 'Access Denied - Contoso Web Gateway'],
         f'Have {STORE} allowed', args=ARGS),
    Case('storage-200-page', broken(store(status=200, headers=presets.HTML, body=presets.CAPTIVE_PORTAL)), 'data-page',
         DATA, [STORE, '200', 'Contoso Guest Wi-Fi'], f'Have {STORE} allowed', args=ARGS),
    Case('storage-200-page-without-type', broken(sends(presets.BLOCK_PAGE.encode())), 'data-page', DATA,
         [STORE, 'Access Denied'], f'Have {STORE} allowed', args=ARGS),
    Case('storage-page-that-echoes', broken(echoing), 'data-page', DATA, ['Blocked', '***'], STORE, args=ARGS),
    Case('storage-403', broken(store(status=403, body=XML.format('AuthenticationFailed', 'Server failed'))),
         'data-refused', DATA, [STORE, 'AuthenticationFailed'], 'date -u', args=ARGS),
    Case('storage-firewall', broken(store(status=403, body=json.dumps({'errors': [{
        'code': 'DENIED', 'message': f"client with IP '{names.CLIENT_ADDRESS}' is not allowed access. Refer "
        'https://aka.ms/acr/firewall to grant access.'}]}))), 'registry-firewall', DATA, [names.CLIENT_ADDRESS],
         f'--ip-address {names.CLIENT_ADDRESS}', args=ARGS),
    Case('storage-503', broken(store(status=503, body=XML.format('ServerBusy', 'The server is busy.'))), 'data-refused',
         DATA, ['503', 'ServerBusy'], 'aka.ms/acr/issues', args=ARGS),
    Case('storage-503-once', broken(store(status=503, times=1)), 'transient', None, ['503'], 'Nothing is', args=ARGS),
    Case('storage-lost-it', broken(store(status=404, body=XML.format('BlobNotFound', 'The specified blob'))),
         'blob-missing', DATA, [STORE, images.digest(CONFIG)], 'Push the image again', args=ARGS),
    Case('storage-silent', broken(store(silent=True)), 'answer-timeout', DATA, [STORE], 'proxy', **HURRY),
    Case('storage-drip', broken(sends(CONFIG, drip={'body': 4})), 'data-dripping', DATA,
         [STORE, ' bytes of the config'],
         f'have {STORE} excepted', **HURRY),
    Case('storage-drip-that-is-fast-enough', broken(sends(CONFIG, drip={'body': 4000}, times=1)), None, None, [STORE],
         args=ARGS),
    Case('storage-drip-of-the-head', broken(sends(CONFIG, drip={'head': 4})), 'answer-timeout', DATA, [STORE], 'proxy',
         **HURRY),
    Case('storage-endless', broken(sends(b'x' * 65536, endless='body')), 'manifest-unreadable', IMAGE,
         ['configuration has more than'], 'Push', args=ARGS),
    Case('storage-closed', broken(store(close=True)), 'answer-cut', DATA, [STORE], 'proxy', args=ARGS),
    Case('storage-cut', broken(sends(CONFIG[:20], length=len(CONFIG))), 'answer-cut', DATA, ['20 bytes'], 'proxy',
         args=ARGS),
    Case('storage-empty', broken(manifest({**ONE, 'config': None}), sends(b'')), 'answer-cut', DATA,
         ['0 bytes of a layer'], 'proxy', args=ARGS),
    Case('storage-changed', broken(sends(CONFIG.replace(b'hello.txt', b'HELLO.TXT'))), 'content-changed', DATA,
         [STORE, images.digest(CONFIG)], f'have {STORE} excepted', args=ARGS),
    Case('storage-changed-layer', broken(manifest({**ONE, 'config': None}), sends(b'x' * len(LAYER))),
         'content-changed', DATA, [STORE, images.digest(LAYER)], STORE, args=ARGS),
    Case('storage-ignores-ranges', broken(manifest({**ONE, 'config': None, 'layers': [
        {**ONE['layers'][0], 'size': 300_000}]}), sends(b'x' * 300_000, times=1)), None, None, [STORE], args=ARGS),
    Case('storage-not-http', broken(store(raw='SSH-2.0-OpenSSH_9.2p1 Debian\r\n')), 'not-http', DATA,
         [STORE, 'SSH-2.0'],
         'Another service', args=ARGS),
    Case('redirect-http', broken(redirect(f'http://{STORE}/data?sig={SIGNATURE}')), 'redirect-unusable', DATA,
         [f'http://{STORE}'], 'captive portal', args=ARGS),
    Case('redirect-without-a-location', broken(HTTP(path=BLOBS, status=307, headers=[])), 'redirect-unusable', DATA,
         [R], 'captive portal', args=ARGS),
    Case('redirected-manifest', broken(redirect(f'https://{STORE}/', MANIFEST)), 'redirected', IMAGE,
         [R, f'https://{STORE}/'], 'captive portal', args=ARGS),
    Case('redirect-nowhere', broken(redirect('https://user:planted@[::')), 'redirect-unusable', DATA, [R],
         'captive portal', args=ARGS),
    Case('redirect-to-a-sign-in', broken(redirect('http://portal.contoso.example/', '*', STORE)), 'redirect-unusable',
         DATA, [STORE, 'http://portal.contoso.example'], 'Sign in', args=ARGS),
    Case('redirect-loop', broken(redirect(f'https://{STORE}/again?sig={SIGNATURE}', '*', STORE)), 'redirect-loop', DATA,
         [STORE], 'in between', args=ARGS),
    Case('redirect-twice', broken(manifest({**ONE, 'layers': []}), sends(CONFIG, times=1),
                                  redirect(f'https://{STORE}/again', '*', STORE, times=1)), None, None, [STORE],
         args=ARGS),
    Case('redirect-to-a-stranger', broken(elsewhere), 'data-host-foreign', None, [FOREIGN], f'nslookup {FOREIGN}',
         args=ARGS),
]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.id)
def test_an_image(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    run = prove(lab, case, request)
    assert SIGNATURE not in run.stdout + run.stderr


GEO, GEO_DATA = 'georegistry', [f'georegistry.{region}.data.azurecr.io' for region in ('westeurope', 'northeurope')]
GEO_REGIONAL = [host.replace('.data.', '.geo.') for host in GEO_DATA]
REGIONS = REGISTRY(name=GEO, dataEndpointEnabled=True, dataEndpointHostNames=GEO_DATA, regionalEndpoints='Enabled',
                   regionalEndpointHostNames=GEO_REGIONAL)
WEST, NORTH = GEO_DATA


def geo(name: str, fault: Command | Arrange, cause: str | None, evidence: Sequence[str] = (), remedy: str = '',
        **options: Any) -> Case:
    """A registry in two regions with endpoints of all kinds, one thing of it broken."""
    return Case(name, broken(REGIONS, fault), cause, DATA, evidence, remedy, registry=GEO, **options)


ENDPOINTS = [
    Case('endpoints-of-all-regions', broken(REGIONS), None, None, [*GEO_DATA, *GEO_REGIONAL, '"region": "northeurope"',
         names.DATA_ENDPOINT_ADDRESS], registry=GEO),
    Case('endpoint-through-proxy', broken(REGIONS, DNS(host='*.data.*', rcode='NXDOMAIN'), **PROXIED), None, None,
         GEO_DATA, registry=GEO),
    geo('endpoint-unresolved', DNS(host=NORTH, rcode='NXDOMAIN'), 'dns-nxdomain', [NORTH], f'nslookup {NORTH}'),
    geo('endpoint-without-address', DNS(host=NORTH, empty=True), 'dns-no-address', [NORTH], f'nslookup {NORTH}'),
    geo('endpoint-sunk', DNS(host=NORTH, addresses=['0.0.0.0']), 'dns-sinkhole', [NORTH, '0.0.0.0'], 'filter'),
    geo('endpoint-name-silent', DNS(host=NORTH, silent=True), 'dns-silent', [NORTH], 'port 53', **SOON),
    geo('endpoint-private-record-missing', linked, 'dns-private-record-missing',
        [WEST, WEST.replace('.azurecr.io', '.privatelink.azurecr.io')], 'privatelink.azurecr.io'),
    geo('endpoint-refused', TCP(host=WEST, mode='refused'), 'connection-refused', [WEST, names.DATA_ENDPOINT_ADDRESS],
        f'nslookup {WEST}'),
    geo('endpoint-drop', TCP(host=WEST, mode='drop'), 'connect-timeout', [WEST, names.DATA_ENDPOINT_ADDRESS],
        f'have {WEST} allowed', **SOON),
    geo('endpoint-private-and-far', DNS(host=NORTH, addresses=['10.66.0.9']), 'private-address-unreachable',
        [NORTH, '10.66.0.9'], 'VPN'),
    geo('endpoint-silent', TLS(host=NORTH, mode='silent'), 'tls-timeout', [NORTH], f'have {NORTH} excepted', **SOON),
    geo('endpoint-reset', TLS(host=NORTH, mode='reset'), 'tls-reset', [NORTH], f'have {NORTH} allowed'),
    geo('endpoint-inspected', TLS(host=NORTH, certificate='unknown-issuer'), 'certificate-issuer-unknown',
        [NORTH, 'Contoso Traffic Inspection CA'], 'REQUESTS_CA_BUNDLE'),
    geo('endpoint-expired', TLS(host=NORTH, certificate='expired'), 'certificate-expired', [NORTH], NORTH),
    geo('endpoint-other-name', TLS(host=NORTH, certificate='other-name'), 'certificate-other-name',
        [NORTH, '*.fabrikam.example'], f'nslookup {NORTH}'),
    geo('endpoint-not-tls', TLS(host=NORTH, mode='plain'), 'not-tls', [NORTH], 'captive portal'),
    geo('endpoint-refused-by-proxy', broken({'layer': 'proxy', 'host': NORTH, 'mode': 'policy'}, **PROXIED),
        'proxy-refuses', [NORTH, '403'], f'NO_PROXY={NORTH}'),
    geo('endpoint-and-image', TLS(host=WEST, certificate='unknown-issuer'), 'certificate-issuer-unknown', [WEST],
        'REQUESTS_CA_BUNDLE', args=ARGS),
    Case('regional-endpoint-blocked', broken(REGIONS, TLS(host=GEO_REGIONAL[1], mode='reset')), 'tls-reset', None,
         [GEO_REGIONAL[1]], f'have {GEO_REGIONAL[1]} allowed', registry=GEO),
    Case('storage-of-others-blocked', broken(REGIONS, 'blob-blocked'), None, None, GEO_DATA, registry=GEO, args=ARGS),
    Case('endpoints-unknown-to-an-older-cloud', broken(REGIONS, {'do': 'settings', 'api_versions': ['2025-11-01']}),
         None, None, GEO_DATA, registry=GEO),
    Case('endpoint-once-reset', broken(REGIONS, TLS(host=NORTH, mode='reset', times=1)), 'transient', None,
         [NORTH], 'Nothing is', registry=GEO),
]


@pytest.mark.parametrize('case', ENDPOINTS, ids=lambda case: case.id)
def test_the_endpoints(lab: Lab, case: Case, request: pytest.FixtureRequest) -> None:
    report = prove(lab, case, request).report
    row = next(check for check in report['checks'] if check['name'] == 'data-endpoints')
    targets = {target['host']: target['status'] for target in row['details']['targets']}
    assert targets.keys() >= set(GEO_DATA)
    assert ('failed' in targets.values()) == (row['cause'] not in (None, 'transient'))


def test_endpoints_are_reached_side_by_side(lab: Lab, request: pytest.FixtureRequest) -> None:
    hosts = [f'georegistry.{region}.data.azurecr.io' for region in 'abcdefghijklmnop']
    case = Case('many-endpoints-silent', broken({**REGIONS, 'dataEndpointHostNames': hosts},
                                                TLS(host='*.data.*', mode='silent')),
                'tls-timeout', DATA, hosts, registry=GEO, **SOON)
    prove(lab, case, request)


@pytest.mark.parametrize('names_of_hosts', [[], 'evil', [7, None, 'a b', '-x.y', {'x': 1}]])
def test_a_registry_without_endpoints_has_none_to_check(lab: Lab, names_of_hosts: Any) -> None:
    lab.azure.registry('demoregistry', dataEndpointHostNames=names_of_hosts)
    report = lab.az('acr', 'check-health-ext', '--name', 'demoregistry', '--skip', 'environment').report
    rows = {check['name']: check for check in report['checks']}
    assert rows['data-endpoints']['skipReason'] == 'not-applicable'
    assert 'no endpoints of its own' in rows['data-endpoints']['message']
    assert (rows['image-pull']['skipReason'], rows['image-pull']['message']) == ('not-applicable', 'Only with --image')
    assert report['status'] == 'passed'


@pytest.mark.parametrize('skipped', [['data'], ['data-endpoints', 'image-pull']])
def test_they_can_be_skipped(lab: Lab, skipped: list[str]) -> None:
    lab.azure.clear_journal()
    run = lab.az('acr', 'check-health-ext', '--name', 'dataregistry', *ARGS, '--skip', 'environment', *skipped)
    assert lab.azure.journal(kind='connection')
    rows = {check['name']: check['skipReason'] for check in run.report['checks']}
    assert rows['data-endpoints'] == rows['image-pull'] == 'requested'
    assert not [entry for entry in lab.azure.journal(kind='connection') if '.data.' in str(entry.get('server_name'))]


@pytest.mark.parametrize('args, scopes', [
    (ARGS, ['samples/hello']), (('--repository', NAME), ['samples/hello']),
    (('--repository', 'samples/hello', *ARGS), ['samples/hello']),
    (('--repository', 'samples/other', *ARGS), ['samples/other', 'samples/hello'])])
def test_nothing_is_asked_twice_and_storage_gets_no_authorization(
        lab: Lab, args: tuple[str, ...], scopes: list[str]) -> None:
    lab.azure.clear_journal()
    run = lab.az('acr', 'check-health-ext', '--name', 'demoregistry', '--skip', 'environment', '--debug', *args)
    assert run.status == 0
    asked = [entry for entry in lab.azure.journal(kind='http') if entry['host'] in (R, STORE)]
    assert [entry['form']['scope'].split(':')[1] for entry in asked if entry['path'] == presets.TOKEN] == scopes
    requests = [(entry['host'], entry['path'], json.dumps(entry['form'].get('scope'))) for entry in asked]
    assert len(set(requests)) == len(requests)
    kinds = [entry['path'].split('/')[4] for entry in asked if entry['host'] == R and '/samples/' in entry['path']]
    assert kinds == ['manifests', 'manifests', 'blobs', 'blobs']
    authorized = {(entry['host'], any(name.lower() == 'authorization' for name, _ in entry['headers']))
                  for entry in asked if '/sha256/' in entry['path'] or '/samples/' in entry['path']}
    assert authorized == {(R, True), (STORE, False)}
    for host in (R, STORE):
        assert len([one for one in lab.azure.journal(kind='connection') if one.get('server_name') == host]) == 1
    assert not re.search(r'eyJ[\w-]+\.', json.dumps([entry for entry in asked if entry['host'] == STORE]))
    for secret in lab.azure.secrets():
        assert secret not in run.stdout + run.stderr


def test_a_failed_run_shows_no_link_not_even_with_debug(lab: Lab) -> None:
    lab.azure.preset('blob-403')
    run = lab.az('acr', 'check-health-ext', '--name', 'demoregistry', '--skip', 'environment', '--debug', *ARGS)
    links = [entry['query'] for entry in lab.azure.journal(kind='http') if entry['host'] == STORE]
    assert run.status == 1 and links and all('sig=' in link for link in links)
    for secret in [*links, *lab.azure.secrets()]:
        assert secret not in run.stdout + run.stderr


@pytest.mark.parametrize('args, status, said', [
    (['--image', NAME], 1, '--name'),
    (['--name', 'demoregistry', '--image', 'Samples/Hello:1.0'], 1, '--image samples/hello:1.0'),
    (['--name', 'demoregistry', '--image', f'{R}:443/samples/hello:notexist'], 1, '--image samples/hello:notexist'),
    (['--name', 'demoregistry', '--image', f'georegistry.azurecr.io/{NAME}'], 1, 'another registry'),
    (['--name', 'demoregistry', '--repository', NAME, '--image', NAME], 1, 'one of them')])
def test_what_is_no_image_is_refused(lab: Lab, args: list[str], status: int, said: str) -> None:
    run = lab.az('acr', 'check-health-ext', *args)
    assert (run.status, run.stdout) == (status, '') and said in run.stderr
