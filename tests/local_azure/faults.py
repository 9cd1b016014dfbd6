"""Faults: what one is and where it strikes; `presets.py` names the usual ones.

Layers and what they take besides `host`, `times` and the rest of `Fault`:
- `dns`: `server`; `rcode` (NXDOMAIN, SERVFAIL, REFUSED), `chain` (CNAMEs), `addresses`, `empty`, `silent`, `delay`
  (seconds; alone, the usual answer comes that much later).
- `tcp`: `mode`: refused, drop (no answer to SYN), silent, reset, close; struck are all the host's own addresses, or
  `address` and `port` (443) where given.
- `tls` (by the name in the ClientHello): `mode`: silent, reset, close, plain (speaks HTTP instead); or `certificate`
  (certificates.KINDS) and `newest` (TLSv1_1 ...).
- `http` (by `host`, `path`, `method`): `answer`, the name of a refusal in the surroundings' own words
  (`aadsts:7000222`, `arm:AuthorizationFailed`, `acr:firewall`: see those modules), or `status`, `reason`, `headers`
  (list of pairs), `body` (text, or base64 as `body64`); `delay`; and what only bad servers do, see `answers.py`.
- `proxy`: `mode`: see `proxy.py`.
"""
import fnmatch
from dataclasses import dataclass, field
from typing import Any, Dict, Optional

Spec = Dict[str, Any]


@dataclass
class Fault:
    """One thing that is broken. Where several match the newest strikes, at most `times` times."""

    layer: str
    host: str = '*'
    path: str = '*'
    method: str = '*'
    server: str = '*'
    times: Optional[int] = None
    options: Dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: Spec) -> 'Fault':
        """The fault that a dictionary describes; what is no field of its own is an option of its layer."""
        fields = {key: spec[key] for key in ('layer', 'host', 'path', 'method', 'server', 'times') if key in spec}
        return cls(**fields, options={key: value for key, value in spec.items() if key not in fields})

    def matches(self, host: str, path: str = '', method: str = '', address: str = '*') -> bool:
        """Whether it strikes here; patterns are globs, host names without case."""
        return (fnmatch.fnmatchcase(host.lower(), self.host.lower()) and fnmatch.fnmatchcase(path, self.path)
                and fnmatch.fnmatchcase(method, self.method) and fnmatch.fnmatchcase(address, self.server))
