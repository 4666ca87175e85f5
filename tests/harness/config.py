# SPDX-License-Identifier: GPL-3.0-or-later
"""Config writes the INI file: nested dictionaries in, text out."""

import copy


def _render(section, options):
    lines = [f"[{section}]"]
    for key, value in options.items():
        if value is None:
            continue
        for one in value if isinstance(value, (list, tuple)) else [value]:
            lines.append(f"{key} = {one}")
    return lines + [""]


class Config:
    """The configuration file. A list is written as a repeated key, None leaves a key out.

        Config(services={"main": {"backend": echo.address, "idle-timeout": "1s"}}, workers=1)

    Every service gets `listen = 127.0.0.1:0` and, with tls = on, the certificate of the session unless it says otherwise; keyword
    arguments are [global] keys with `_` for `-`.
    """

    def __init__(self, services=None, defaults=None, globals_=None, **more):
        self.globals = dict(globals_ or {}, **{key.replace("_", "-"): value for key, value in more.items()})
        self.defaults = dict(defaults or {})
        self.services = {name: dict(options) for name, options in (services or {}).items()}

    def copy(self):
        return copy.deepcopy(self)

    def render(self, pki=None, globals_=None):
        """The text. `globals_` are added below what the test itself has set."""
        lines = _render("global", {**(globals_ or {}), **self.globals})
        if self.defaults:
            lines += _render("defaults", self.defaults)
        for name, options in self.services.items():
            wanted = {}
            if "listen" not in options and "listen" not in self.defaults:
                wanted["listen"] = "127.0.0.1:0"
            tls = options.get("tls", self.defaults.get("tls", "on"))
            if pki and tls == "on" and "cert" not in options and "cert" not in self.defaults:
                wanted["cert"], wanted["key"] = pki.ecdsa.chain, pki.ecdsa.key
            lines += _render(f"service {name}", {**wanted, **options})
        return "\n".join(lines)
