"""The command as az knows it; azdev's high-severity linter rules hold for it."""
from __future__ import annotations

import gc
import io
import json
import os
import re
import shlex
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

COMMAND = 'acr check-health-ext'


@pytest.fixture(scope='module')
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An az that has this extension's commands alone, with a configuration of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('AZURE_CONFIG_DIR', str(tmp_path_factory.mktemp('azure')))
        patch.setenv('AZURE_CORE_COLLECT_TELEMETRY', 'no')
        for name in [name for name in os.environ if name.startswith('AZURE_DEFAULTS_')]:
            patch.delenv(name)
        from azure.cli.core import MainCommandsLoader
        from azure.cli.core.file_util import create_invoker_and_load_cmds_and_args
        from azure.cli.core.mock import DummyCli

        class OnlyThisExtension(MainCommandsLoader):  # type: ignore[misc]
            """The loader of all commands, which finds only these."""

            def load_command_table(self, args: Any) -> Any:
                """Reads the extension's table as az does."""
                from azext_acrhealth import COMMAND_LOADER_CLS
                loader = COMMAND_LOADER_CLS(cli_ctx=self.cli_ctx)
                loader.skip_applicability = True
                self.command_table = dict(loader.load_command_table(args))
                self.command_group_table = dict(loader.command_group_table)
                self.cmd_to_loader_map = {name: [loader] for name in self.command_table}
                self.loaders = [loader]
                return self.command_table

        made = DummyCli(commands_loader_cls=OnlyThisExtension)
        create_invoker_and_load_cmds_and_args(made)
        yield made


@pytest.fixture(scope='module')
def loader(cli: Any) -> Any:
    """Its loader, with table and arguments read."""
    return cli.invocation.commands_loader


@pytest.fixture(scope='module')
def arguments(loader: Any) -> dict[str, Any]:
    """The arguments that the extension itself declares, by the handler's parameter."""
    declared = {name: argument.type.settings for name, argument in loader.command_table[COMMAND].arguments.items()}
    return {name: settings for name, settings in declared.items() if name[0] != '_' and name != 'cmd'}


@pytest.fixture(scope='module')
def parser(cli: Any) -> Any:
    """The real parser of az for the command."""
    return cli.invocation.parser


@pytest.fixture(scope='module')
def help_(loader: Any) -> dict[str, Any]:
    """What the help file says of the command, once the loader has read it."""
    assert loader
    import yaml  # type: ignore[import-untyped]
    from knack.help_files import helps
    said: dict[str, Any] = yaml.safe_load(helps[COMMAND])
    return said


def test_there_is_one_command_in_a_group_that_stays_the_built_ins(loader: Any) -> None:
    from knack.help_files import helps
    import azext_acrhealth._help  # noqa: F401  pylint: disable=unused-import
    assert list(loader.command_table) == [COMMAND]
    assert 'acr' not in helps
    group = loader.command_group_table['acr']
    assert group is None or not {'preview_info', 'experimental_info', 'deprecate_info'} & set(group.group_kwargs)


def test_help_entries_are_recognised(help_: dict[str, Any], loader: Any) -> None:
    import azext_acrhealth._help  # noqa: F401  pylint: disable=unused-import
    assert help_['type'] == 'command'
    assert set(help_) <= {'type', 'short-summary', 'long-summary', 'parameters', 'examples'}
    assert help_['short-summary'] and help_['long-summary']
    assert {entry['name'] for entry in help_.get('parameters', ())} <= set(_options(loader))


def _options(loader: Any) -> list[str]:
    arguments = loader.command_table[COMMAND].arguments.values()
    return [option for argument in arguments for option in argument.type.settings.get('options_list') or ()]


def test_the_arguments_are_those_of_the_built_in_and_a_few_more(arguments: dict[str, Any]) -> None:
    built_in = {'registry_name', 'vnet', 'repository', 'ignore_errors', 'yes'}
    assert set(arguments) == built_in | {
        'require', 'image', 'timeout', 'skip', 'username', 'password', 'password_stdin', 'anonymous'}
    assert arguments['registry_name']['options_list'] == ['--name', '-n']
    assert arguments['registry_name']['configured_default'] == 'acr'
    assert arguments['yes']['options_list'] == ['--yes', '-y']
    assert arguments['username']['options_list'] == ['--username', '-u']  # as az acr login has them
    assert arguments['password']['options_list'] == ['--password', '-p']


def test_each_argument_keeps_the_linters_rules(arguments: dict[str, Any]) -> None:
    for name, settings in arguments.items():
        assert settings.get('help'), f'{name} has no help'
        assert not re.search(r'<[^>]+>', re.sub('`[^`]*`', '', settings['help'])), f'{name}: a tag in its help'
        options = settings.get('options_list') or [f'--{name.replace("_", "-")}']
        assert min(len(option) for option in options if option.startswith('--')) <= 22
        for option in options:
            assert re.fullmatch(r'--[a-z]+(-[a-z]+)*|-[a-zA-Z]', option), f'{option} is positional or no kebab-case'
        assert not settings.get('deprecate_info')


def test_the_help_holds_no_tags(help_: dict[str, Any]) -> None:
    for text in (help_['short-summary'], help_['long-summary']):
        assert not re.search(r'<[^>]+>', re.sub('`[^`]*`', '', text))


def test_each_example_parses(help_: dict[str, Any], parser: Any) -> None:
    assert len(help_['examples']) >= 6
    for example in help_['examples']:
        assert example['name'].endswith('.')
        az, *args = shlex.split(example['text'])
        assert az == 'az' and args[:2] == COMMAND.split()
        assert parser.parse_args(args).command == COMMAND


def test_every_option_stands_in_an_example(help_: dict[str, Any], arguments: dict[str, Any]) -> None:
    shown = ' '.join(example['text'] for example in help_['examples'])
    for name in arguments:
        assert f'--{name.replace("_", "-").removeprefix("registry-")}' in shown


@pytest.mark.parametrize('line', ['--no-such-option', '--require paint --repository a --name abcde', '--timeout soon',
                                  '--timeout', '--skip', 'contosoprod'])
def test_what_the_parser_refuses(parser: Any, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parser.parse_args([*COMMAND.split(), *line.split()])
    assert refused.value.code == 2
    assert not capsys.readouterr().out


def test_it_runs_in_a_thread_of_a_program_that_has_az_in_it_and_leaves_it_as_it_was(cli: Any) -> None:
    before = signal.getsignal(signal.SIGTERM)
    ended: list[int] = []
    said = io.StringIO()

    def work() -> None:
        ended.append(cli.invoke([*COMMAND.split(), '--skip', 'environment', '--output', 'json'], out_file=said))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    assert ended == [0]
    assert json.loads(said.getvalue())['summary']['skipped'] > 0
    assert signal.getsignal(signal.SIGTERM) is before
    assert gc.isenabled() and not gc.get_freeze_count()
