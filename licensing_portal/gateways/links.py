"""Links that Microsoft gives out: followed as they are, and only below the configured root.

Whatever a link says, its scheme, host and port are never used: the token goes to the configured ones alone.
"""

import re
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

_PORTS: Final = {"http": 80, "https": 443}
# urlsplit drops ends of line wherever they are, and spaces around: what was checked would not be what was given.
_UNFIT: Final = re.compile(r"^\s|\s$|[\x00-\x1f\x7f]")


def address_of(link: str, *, base_url: str, asked: str) -> str | None:
    """Return where a link in the answer to `asked` leads, below the root `base_url`; None when it leads elsewhere.

    What follows the host is left as it is, byte for byte: a page token altered in one letter is no token any more.
    """
    if not link or _UNFIT.search(link):
        return None
    try:
        full = _whole(link, base_url, asked)
        there, root = urlsplit(full), urlsplit(base_url)
        if _place(there) != _place(root):
            return None
    except ValueError:
        return None
    address = base_url.removesuffix(root.path) + full.partition("://")[2].removeprefix(there.netloc).partition("#")[0]
    return address if is_below(base_url, address) else None


def is_below(base_url: str, link: str) -> bool:
    """Tell whether a whole link leads below the root; dots that climb out of it count as elsewhere."""
    if not link.startswith(f"{base_url}/"):
        return False
    steps = unquote(urlsplit(link).path).replace("\\", "/").split("/")
    return not {".", ".."}.intersection(steps)


def _whole(link: str, base_url: str, asked: str) -> str:
    """Return a link with scheme and host. Like urljoin, but no letter of the link is altered and no dots are resolved.

    A path that begins at the host and is not below the root is taken as one that begins at the root.
    """
    parts, root = urlsplit(link), urlsplit(base_url)
    if parts.scheme:
        return link
    if parts.netloc:
        return f"{root.scheme}:{link}"
    if link.startswith("/"):
        return base_url.removesuffix(root.path) + link if link.startswith(f"{root.path}/") else base_url + link
    page = asked.partition("#")[0].partition("?")[0]
    return page + link if link.startswith("?") else f"{page.rpartition('/')[0]}/{link}"


def _place(parts: SplitResult) -> tuple[str, str | None, int | None, bool]:
    """Return what must be equal: scheme, host, port, and that nobody's name stands before the host."""
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme), "@" in parts.netloc
