"""The wheel that ``az extension add --source`` installs."""

from pathlib import Path

from setuptools import find_packages, setup

VERSION = '1.0.0b1'


def text(name):
    """The text of a file beside this one."""
    return Path(__file__).with_name(name).read_text(encoding='utf-8')


setup(
    name='acrhealth',
    version=VERSION,
    description='Find out why this machine cannot use an Azure container registry, and what to do about it.',
    long_description=text('README.rst') + '\n\n' + text('HISTORY.rst'),
    long_description_content_type='text/x-rst',
    license='MIT',
    author='The acrhealth authors',
    url='https://aka.ms/acr/health-check',
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Developers',
        'Intended Audience :: System Administrators',
        'License :: OSI Approved :: MIT License',
        'Programming Language :: Python',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
    ],
    python_requires='>=3.10',
    packages=find_packages(include=['azext_acrhealth', 'azext_acrhealth.*']),
    # az brings azure-cli-core, knack and requests itself: named here, pip would install them a second time beside it.
    install_requires=['docker>=7.1', 'dnspython>=2.6'],
    package_data={'azext_acrhealth': ['azext_metadata.json', 'report.schema.json']},
)
