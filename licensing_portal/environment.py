"""Reads settings from the environment; a bad value stops the start with a sentence that names it."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})


def text(name: str, default: str = "") -> str:
    """Return the variable's text; an empty variable counts as not set."""
    return os.environ.get(name, "").strip() or default


def secret(name: str, default: str = "") -> str:
    """Return a secret from NAME, or from the file that NAME_FILE names."""
    file_name = text(f"{name}_FILE")
    if not file_name:
        return text(name, default)
    try:
        return Path(file_name).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE: {file_name} cannot be read ({error.strerror})") from error


def flag(name: str, default: bool = False) -> bool:
    """Return a yes/no variable: 1/0, true/false, yes/no, on/off."""
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}")


def number(name: str, default: float, *, least: float = 0) -> float:
    """Return a number of at least `least`."""
    value = text(name)
    try:
        result = float(value) if value else float(default)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}") from error
    if not least <= result < float("inf"):
        raise ImproperlyConfigured(f"{name} must be at least {least:g}, not {value!r}")
    return result


def whole(name: str, default: int, *, least: int = 0) -> int:
    """Return a whole number of at least `least`."""
    result = number(name, default, least=least)
    if result != int(result):
        raise ImproperlyConfigured(f"{name} must be a whole number, not {text(name)!r}")
    return int(result)


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """Return one of the allowed words."""
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return value


def words(name: str, default: str = "") -> list[str]:
    """Return a comma-separated list without empty entries."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def base_url(name: str, default: str) -> str:
    """Return an absolute http(s) address without a slash at its end; http only for loopback hosts."""
    value = text(name, default).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ImproperlyConfigured(f"{name} must be an absolute http(s) address, not {value!r}")
    if parts.scheme == "http" and not is_loopback(value):
        raise ImproperlyConfigured(f"{name} must use https outside this machine, not {value!r}")
    return value


def is_loopback(url: str) -> bool:
    """Tell whether an address points at this machine; the in-process test host counts."""
    host = urlsplit(url).hostname or ""
    return host in LOOPBACK_HOSTS or host.endswith(".test")
