"""The key of a server: where it comes from, and where it is not sent."""

from __future__ import annotations

import os
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr

from sphering.config.encoder import OpenAIConfig
from sphering.errors import ConfigError

OPENAI = "api.openai.com"
USUAL = OpenAIConfig.model_fields["api_key_env"].default


def key_of(config: OpenAIConfig) -> SecretStr | None:
    """Return the key from the environment; None where none is configured or set.

    Raises
    ------
    ConfigError
        If a key is needed and not set, is none, or would travel unencrypted.
    """
    name, host = config.api_key_env, urlsplit(config.base_url).hostname or ""
    key = os.environ.get(name, "").strip() if name else ""
    if not key:
        # Servers of one's own mostly take no key; one that does says so with 401.
        if host == OPENAI or name not in ("", USUAL):
            raise ConfigError(
                f"the environment variable {name} is not set" if name else f"{host} is given no key",
                expected=f"the key for {host}",
                where="[encoder] api_key_env",
                remedy=f"export {name or USUAL}=…, for every process that runs this configuration",
            )
        return None
    if not (key.isascii() and key.isprintable()) or " " in key:  # not repeated: it may be a key but for one letter
        raise ConfigError(
            f"the environment variable {name} holds no key: it has white space or letters beyond ASCII",
            expected=f"the key for {host}, and nothing else",
            where="[encoder] api_key_env",
            remedy=f"set {name} again",
        )
    if urlsplit(config.base_url).scheme == "http" and not is_loopback(host):
        raise ConfigError(
            f"the key in {name} would be sent unencrypted to {host}",
            expected="https, or a server on this machine",
            where="[encoder] base_url",
            remedy='give an https:// address; or set api_key_env = "" where the server takes no key',
        )
    return SecretStr(key)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
