"""The local Azure: what surrounds a container registry, made small, in front of real registry servers.

`python -m tests.local_azure --state DIR` runs it; `control.LocalAzure` steers it; `names` says who and what is in it.
"""
