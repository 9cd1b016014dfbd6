"""The pull of the sample image: what is left behind, and the daemon's reasons (their sources in the table)."""

import json
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azext_acrhealth.checks import container_pull, pull_trouble
from azext_acrhealth.checks.container_pull import CHECK
from azext_acrhealth.clients import process
from azext_acrhealth.clients.containers import Client, Daemon, Endpoint
from azext_acrhealth.clients.process import Completed, NotRun
from azext_acrhealth.errors import HealthCheckError
from azext_acrhealth.runner import Found, NotApplicable
from tests.stand_ins import Machine, context, failed, passed

IMAGE = 'mcr.microsoft.com/mcr/hello-world:latest'


@pytest.fixture(name='machine')
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@pytest.fixture(name='seen', autouse=True)
def _seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What this process sees of the registry: nothing, unless a test says otherwise."""
    seen: dict[str, Any] = {}
    monkeypatch.setattr(pull_trouble, 'look_from_here', lambda *args: args[-1].update(seen))
    return seen


def daemon(path: Path | str, kind: str = 'docker') -> Daemon:
    """Return a daemon whose client is at that path."""
    endpoint = Endpoint('unix:///var/run/docker.sock', 'default', True)
    return Daemon(Client(str(path), kind), endpoint, 'Docker Engine', '28')


# A docker with a store of images: a file for each tag, holding its id. `pull` brings the id in "remote", after its
# round trips.
STORE = """
store=$HOME/store; mkdir -p $store
case "$1 $2" in
  'image inspect') cat $store/$(basename $5) 2>/dev/null || { echo "Error: No such image: $5" >&2; exit 1; } ;;
  pull*) sleep 0.3; cat $HOME/remote > $store/$(basename $2); echo "$2: Pulling from somewhere" ;;
  tag*) echo $2 > $store/$(basename $3) ;;
  rmi*) status=1; for tag in $store/*; do
      [ $tag = $store/$(basename $2) ] || [ $(cat $tag) = $2 ] && rm $tag && status=0
    done; exit $status ;;
esac
"""
OLD, NEW = 'sha256:' + 'a' * 64, 'sha256:' + 'b' * 64


def images(machine: Machine) -> list[str]:
    """Return the ids of the images that are in the store when the interpreter ends."""
    process.see_off()
    return [path.read_text(encoding='utf-8').strip() for path in (machine.home / 'store').iterdir()]


@pytest.mark.parametrize('before', [[], [OLD], [NEW]])
def test_the_store_is_left_as_it_was(machine: Machine, before: list[str]) -> None:
    path = machine.tool('docker', STORE)
    machine.file('remote', NEW)
    for image in before:
        machine.file('store/hello-world:latest', image)
    assert passed(CHECK, context(), container_daemon=daemon(path)).message == f'Pulled {IMAGE}'
    assert images(machine) == before


def test_an_image_found_only_after_the_pull_is_left_alone(machine: Machine) -> None:
    path = machine.tool('docker', '[ "$1" = image ] && sleep 1\n' + STORE)
    machine.file('remote', NEW)
    passed(CHECK, context(), container_daemon=daemon(path))
    assert images(machine) == [NEW]


def test_an_image_whose_presence_is_not_known_is_not_removed(machine: Machine) -> None:
    path = machine.tool('docker', f'[ "$1" = image ] && exit 1; echo "$@" >> {machine.home}/log')
    passed(CHECK, context(), container_daemon=daemon(path))
    assert (machine.home / 'log').read_text(encoding='utf-8') == f'pull {IMAGE}\n'


def test_an_interrupted_pull_is_undone(machine: Machine) -> None:
    path = machine.tool('docker', f'''case $1 in
      image) echo "Error: No such image" >&2; exit 1 ;;
      pull) sleep 60 ;;
      *) echo "$@" >> {machine.home}/log ;;
    esac''')
    failed(CHECK, context(1), container_daemon=daemon(path))
    process.see_off()
    assert f'rmi {IMAGE}' in (machine.home / 'log').read_text(encoding='utf-8')


# What becomes of a pull whose run is over: it ends by itself a moment later; it does not, but the daemon finishes it.
INTERRUPTED = {'ends': '', 'ends-at-the-daemon': """
  pull) setsid "$0" finish $2 & sleep 60 ;;
  finish) sleep 0.15; set -- pull $2 ;;
"""}


@pytest.mark.parametrize('becomes', INTERRUPTED)
@pytest.mark.parametrize('before', [[], [OLD], [NEW]])
def test_an_interrupted_pull_leaves_the_store_as_it_was(machine: Machine, before: list[str], becomes: str) -> None:
    """Also where it is not known yet what was there."""
    path = machine.tool('docker', f'case $1 in image) [ -e $HOME/looking ] || {{ touch $HOME/looking; sleep 0.2; }} ;; '
                                  f'{INTERRUPTED[becomes]} esac\n{STORE}')
    machine.file('remote', NEW)
    for image in before:
        machine.file('store/hello-world:latest', image)
    container_pull.set_out(context(), daemon(path).client)
    while not (machine.home / 'looking').exists():
        time.sleep(0.01)
    time.sleep(0.15)
    process.kill_all()
    assert images(machine) == before


@pytest.mark.parametrize('refused', [True, False])
def test_no_pull_without_leave(machine: Machine, refused: bool) -> None:
    path = machine.tool('docker', f'touch {machine.home}/it-ran')
    run = context(pull=False, no_pull='Not pulled, as you asked', pull_refused=refused)
    with pytest.raises(NotApplicable, match='as you asked') as skipped:
        CHECK.run(run, {'container-daemon': daemon(path)})
    assert skipped.value.reason == ('requested' if refused else 'not-applicable')
    assert not (machine.home / 'it-ran').exists()


def pulls(machine: Machine, words: str, status: int = 1, info: Any = None, out: str = '') -> Path:
    """Return a docker whose pull says that on stderr, and that of its daemon."""
    return machine.tool('docker', f"""case $1 in
image) echo 'Error: No such image' >&2; exit 1 ;;
info) cat <<'EOF'
{json.dumps(info or {})}
EOF
;;
pull) cat <<'EOF'
{out}
EOF
cat >&2 <<'EOF'
{words}
EOF
exit {status} ;;
esac""")


@pytest.mark.parametrize('words', [
    # FIELD a-windows-containers-linux-test-image, b-no-matching-manifest-windows; the last ones are podman's
    'image operating system "linux" cannot be used on this platform',
    'no matching manifest for windows/amd64 10.0.19044 in the manifest list entries',
    'Error: choosing an image from manifest list docker://x: no image found in manifest list for architecture riscv64'])
def test_an_image_for_other_platforms_counts_as_pulled(machine: Machine, words: str) -> None:
    found = passed(CHECK, context(), container_daemon=daemon(pulls(machine, words)))
    assert 'no variant for this platform' in found.message and found.details['note'] in words


def test_what_docker_advertises_fails_nothing(machine: Machine) -> None:
    # azure-cli issue 27487
    path = pulls(machine, 'What\'s Next?\n  View a summary of image vulnerabilities: docker scout quickview', 0)
    assert len(passed(CHECK, context(), container_daemon=daemon(path)).details['warnings']) == 2


GET = 'Error response from daemon: Get "https://mcr.microsoft.com/v2/": '
PODMAN = 'Error: initializing source docker://mcr.microsoft.com/mcr/hello-world:latest: pinging container registry ' \
         'mcr.microsoft.com: Get "https://mcr.microsoft.com/v2/": '
DATA = 'https://eastus.data.mcr.microsoft.com/24f81de5-k7q2m9x4zt//docker/registry/v2/blobs/sha256/af/x/data'
# Engine 20.10 where MCR's data host resets connections: it does not name the host.
NO_DATA = 'Error response from daemon: error pulling image configuration: download failed after attempts=6: '

REASONS = [
    (GET + 'dial tcp: lookup mcr.microsoft.com on 10.255.255.53:53: no such host', 'pull-dns',
     {'host': 'mcr.microsoft.com', 'resolver': '10.255.255.53:53'}),
    (PODMAN + 'dial tcp: lookup mcr.microsoft.com on 10.255.255.53:53: no such host', 'pull-dns',
     {'resolver': '10.255.255.53:53'}),
    # FIELD b-docker-windows-dns-loopback
    ('Get https://mcr.microsoft.com/v2/: dial tcp: lookup mcr.microsoft.com on [::1]:53: read udp '
     '[::1]:58645->[::1]:53: read: connection refused', 'pull-dns', {'resolver': '[::1]:53'}),
    (GET + 'dial tcp: lookup mcr.microsoft.com: Temporary failure in name resolution', 'pull-dns', {}),
    (GET + 'dial tcp 203.0.113.30:443: connect: connection refused', 'pull-refused', {'address': '203.0.113.30:443'}),
    (GET + 'dial tcp [2603:1061::7]:443: connect: network is unreachable', 'pull-unreachable',
     {'address': '[2603:1061::7]:443'}),
    (GET + 'dial tcp 203.0.113.30:443: i/o timeout', 'pull-connect-timeout', {'address': '203.0.113.30:443'}),
    # FIELD b-client-timeout-docker-desktop-reset
    (GET + 'net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)',
     'pull-connect-timeout', {}),
    (GET + 'net/http: request canceled (Client.Timeout exceeded while awaiting headers)', 'pull-no-answer', {}),
    (GET + 'context deadline exceeded', 'pull-no-answer', {}),
    (GET + 'net/http: TLS handshake timeout', 'pull-tls-timeout', {}),  # FIELD b-mtu-1300
    (GET + 'read tcp 10.232.61.203:43262->52.236.186.80:443: read: connection reset by peer', 'pull-reset', {}),
    (GET + 'EOF', 'pull-reset', {}),
    (GET + 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
     'pull-certificate-untrusted', {}),
    (GET + 'x509: certificate is valid for *.fabrikam.example, not mcr.microsoft.com', 'pull-certificate-name',
     {'names': '*.fabrikam.example', 'host': 'mcr.microsoft.com'}),
    # FIELD b-clock-vm-ntp
    (GET + 'x509: certificate has expired or is not yet valid', 'pull-certificate-expired', {}),
    (GET + 'http: server gave HTTP response to HTTPS client', 'pull-not-tls', {}),
    (GET + 'remote error: tls: protocol version not supported', 'pull-tls',
     {'tls': 'remote error: tls: protocol version not supported'}),
    # FIELD b-proxyconnect-localhost
    (GET + 'proxyconnect tcp: dial tcp 127.0.0.1:8080: connect: connection refused', 'pull-proxy-unreachable',
     {'proxy_error': 'dial tcp 127.0.0.1:8080: connect: connection refused'}),
    (GET + 'proxyconnect tcp: tls: first record does not look like a TLS handshake', 'pull-proxy-tls', {}),
    (GET + 'Proxy Authentication Required', 'pull-proxy-auth', {}),  # FIELD b-proxy-407-credentials-ignored
    (GET + 'Forbidden', 'pull-proxy-refused', {'status': 'Forbidden'}),
    # FIELD b-desktop-parsing-port
    (GET + 'writing response to mcr.microsoft.com:443: parsing port : strconv.ParseInt: parsing "": invalid syntax',
     'pull-desktop-proxy', {}),
    # MCR's 429 is Front Door's and not JSON: https://github.com/Azure/acr/issues/754
    ('Error response from daemon: error parsing HTTP 429 response body: invalid character \'R\' looking for '
     'beginning of value: "Ref A: 5B0E Ref B: DM2EDGE0520 Ref C: 2024-05-08T12:36:23Z"', 'pull-rate-limited', {}),
    ('toomanyrequests: You have reached your unauthenticated pull rate limit.', 'pull-rate-limited', {}),
    (f'Error response from daemon: Get "{DATA}?se=2026&sig=s3cr3t&sp=r": read: connection reset by peer',
     'mcr-data-blocked', {'data_host': 'eastus.data.mcr.microsoft.com'}),
    (NO_DATA + 'read tcp 203.0.113.31:49520->203.0.113.31:443: read: connection reset by peer', 'mcr-data-blocked', {}),
    (NO_DATA + "error parsing HTTP 403 response body: invalid character '<' looking for beginning of value: \"<html>\"",
     'mcr-data-blocked', {'status': '403'}),
    ('Error: parsing image configuration: Error fetching blob: invalid status code from registry 403 (Forbidden)',
     'mcr-data-blocked', {}),
    # FIELD b-html-403-captcha
    ('error parsing HTTP 403 response body: invalid character \'<\' looking for beginning of value: "<!DOCTYPE html>',
     'pull-html', {'status': '403'}),
    ('Error response from daemon: error parsing HTTP 404 response body: unexpected end of JSON input: ""',
     'pull-not-found', {}),  # FIELD b-custom-domain-404-empty
    ('Error response from daemon: manifest for mcr.microsoft.com/mcr/hello-world:latest not found: manifest unknown',
     'pull-not-found', {}),
    ('write /var/lib/docker/tmp/GetImageBlob1: no space left on device', 'pull-disk-full', {}),
    # FIELD b-register-layer-error-masked-by-unauthorized: the last line misleads
    ('failed to register layer: Container ID 1516583083 cannot be mapped to a host ID\nunauthorized: authentication '
     'required', 'pull-unpack', {}),
    ('error getting credentials - err: exec: "docker-credential-desktop": executable file not found in $PATH, out: ``',
     'pull-credentials', {'helper': 'desktop'}),
    ('Error response from daemon: unauthorized: authentication required', 'pull-refused-by-registry', {}),
    ('Error response from daemon: received unexpected HTTP status: 503 Service Unavailable', 'pull-server-error', {}),
    # Engine 26 hands on the words of an answer that is none, and podman 5 names all places.
    ('Error response from daemon: unknown: <html>\n<head><title>404 Not Found</title></head>', 'pull-html', {}),
    ("Error response from daemon: pull access denied for mcr.microsoft.com/mcr/hello-world, repository does not exist "
     "or may require 'docker login': denied: gateway says no", 'pull-refused-by-registry', {}),
    ("Error response from daemon: pull access denied for contoso/hello, repository does not exist or may require "
     "'docker login': denied: requested access to the resource is denied", 'pull-not-found', {}),
    ('Error: no policy.json file found at any of the following: "/root/.config/containers/policy.json", '
     '"/etc/containers/policy.json"', 'pull-policy',
     {'file': '"/root/.config/containers/policy.json", "/etc/containers/policy.json"'}),
    ('Error: open /etc/containers/policy.json: no such file or directory', 'pull-policy',
     {'file': '/etc/containers/policy.json'}),
    ('Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
     'pull-daemon-gone', {}),
    (GET + 'malformed HTTP status code "garbage"', 'pull-garbled', {}),
    ('something nobody has seen yet', 'pull-failed', {'reason': 'something nobody has seen yet', 'exit_status': 1}),
    ('', 'pull-failed', {}),
]


@pytest.mark.parametrize(('words', 'cause', 'evidence'), REASONS)
def test_the_reason_is_read(machine: Machine, words: str, cause: str, evidence: dict[str, Any]) -> None:
    error = failed(CHECK, context(), container_daemon=daemon(pulls(machine, words)))
    assert (error.code, error.cause) == ('DOCKER_PULL_ERROR', cause)
    assert error.evidence.items() >= evidence.items()
    assert 's3cr3t' not in str(error.evidence) + error.advice.message


def test_podman_is_called_podman(machine: Machine) -> None:
    error = failed(CHECK, context(), container_daemon=daemon(pulls(machine, PODMAN + 'EOF'), 'podman'))
    assert error.advice.message.startswith('Podman has its connection to mcr.microsoft.com cut')


def clock(offset: timedelta, relation: str) -> str:
    """Return what an engine says whose clock is off by ``offset``."""
    now = (datetime.now(timezone.utc) + offset).strftime('%Y-%m-%dT%H:%M:%SZ')
    return (GET + 'x509: certificate has expired or is not yet valid: '
            f'current time {now} is {relation} 2026-07-08T01:10:17Z')


@pytest.mark.parametrize(('offset', 'relation', 'cause'), [
    (timedelta(days=-52), 'before', 'pull-clock'), (timedelta(days=52), 'after', 'pull-clock'),
    (timedelta(), 'before', 'pull-certificate-not-yet-valid'), (timedelta(), 'after', 'pull-certificate-expired')])
def test_a_clock_is_blamed_where_it_differs(machine: Machine, offset: timedelta, relation: str, cause: str) -> None:
    # FIELD b-clock-behind-certificate
    error = failed(CHECK, context(), container_daemon=daemon(pulls(machine, clock(offset, relation))))
    assert error.cause == cause and error.evidence['daemon_time'] in error.advice.message


def test_a_clock_that_makes_no_sense_is_no_crash(machine: Machine) -> None:
    words = GET + 'x509: certificate has expired or is not yet valid: current time 0000-99 is after never'
    assert failed(CHECK, context(), container_daemon=daemon(pulls(machine, words))).cause == 'pull-certificate-expired'


NXDOMAIN = REASONS[0][0]
PROXY = 'http://user:s3cr3t@proxy.contoso.example:3128'


@pytest.mark.parametrize(('here', 'info', 'cause'), [
    ({'cli_proxy': PROXY, 'reached_here': True}, {}, 'pull-needs-proxy'),  # FIELD b-proxy-only-in-shell
    ({'cli_proxy': PROXY, 'reached_here': False}, {}, 'pull-dns'),
    ({'cli_proxy': PROXY, 'reached_here': True}, {'HttpsProxy': PROXY}, 'pull-dns'),
    ({'reached_here': True}, {}, 'pull-dns')])
def test_the_proxies_of_the_daemon_and_of_the_cli_are_compared(machine: Machine, seen: dict[str, Any],
                                                               here: dict[str, Any], info: Any, cause: str) -> None:
    seen.update(here)
    error = failed(CHECK, context(), container_daemon=daemon(pulls(machine, NXDOMAIN, info=info)))
    assert error.cause == cause
    assert 's3cr3t' not in str(error.evidence) + error.advice.message
    if cause == 'pull-needs-proxy':
        assert 'proxy.contoso.example:3128' in error.advice.message


def test_the_resolvers_are_compared(machine: Machine, seen: dict[str, Any]) -> None:
    seen['resolves_here'] = ['203.0.113.30']
    error = failed(CHECK, context(), container_daemon=daemon(pulls(machine, NXDOMAIN)))
    assert '10.255.255.53:53' in error.advice.message and '203.0.113.30' in error.advice.message


@pytest.mark.parametrize(('progress', 'here', 'cause'), [
    ('', {'resolves_here': ['203.0.113.30']}, 'pull-silent'),
    ('', {'resolves_here': []}, 'pull-silent'),
    ('', {'resolves_here': ['203.0.113.30'], 'status_here': 429}, 'pull-rate-limited'),  # podman tries again silently
    ('latest: Pulling from mcr/hello-world\n601c0498c524: Pulling fs layer', {}, 'mcr-data-blocked'),
    ('latest: Pulling from mcr/hello-world\n601c0498c524: Pulling fs layer', {'data_reached_here': True},
     'pull-stalled')])
def test_a_pull_that_does_not_end(machine: Machine, seen: dict[str, Any], progress: str, here: dict[str, Any],
                                  cause: str) -> None:
    seen.update(here)
    path = machine.tool('docker', f'[ "$1" = pull ] && echo "{progress}" && sleep 60; exit 1')
    error = failed(CHECK, context(1), container_daemon=daemon(path))
    assert (error.code, error.cause) == ('DOCKER_PULL_ERROR', cause)
    assert error.evidence['seconds'] < 2
    if here.get('resolves_here') == []:
        assert 'does not resolve here either' in error.advice.message


def test_a_client_that_vanished_in_between() -> None:
    error = failed(CHECK, context(), container_daemon=daemon('/no/such/docker'))
    assert (error.code, error.cause) == ('DOCKER_PULL_ERROR', 'pull-client-gone')


WORDS = st.text() | st.sampled_from([words for words, _, _ in REASONS]) | st.text().map(GET.__add__)
ANSWER = st.builds(Completed, st.none() | st.integers(-70, 255), WORDS, WORDS, st.just(1.0))


@settings(deadline=None)
@given(st.lists(ANSWER, min_size=6, max_size=6) | st.just([]), st.sampled_from(['docker', 'podman']))
def test_whatever_the_daemon_says_the_code_is_right(answers: list[Completed], kind: str) -> None:
    later = iter(answers)

    def answer(*_: Any, **__: Any) -> Completed:
        try:
            return next(later)
        except StopIteration:
            raise NotRun(OSError(8, 'Exec format error')) from None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, 'run', answer)
        patch.setattr(pull_trouble, 'look_from_here', lambda *_: None)
        try:
            assert isinstance(CHECK.run(context(), {'container-daemon': daemon('/x/docker', kind)}), Found)
        except HealthCheckError as error:
            assert error.code == 'DOCKER_PULL_ERROR' and error.advice.message
