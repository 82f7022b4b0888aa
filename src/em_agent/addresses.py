"""Whether what was set is an address: of a server, on the web, of a person."""

import re
from collections.abc import Set as AbstractSet
from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")  # plain characters around one @


def server_url(value: str, schemes: AbstractSet[str], example: str) -> str:
    """The URL, which may name several hosts with commas between.

    Raises:
        ValueError: it has another scheme, or a port that is none; the text shows the example.

    """
    if not _is_url(value, schemes):
        message = f"it should look like {example}"
        raise ValueError(message)
    return value


def web_url(value: str, example: str) -> str:
    """The URL of one host on the web.

    Raises:
        ValueError: it is none, or names no host.

    """
    server_url(value, {"http", "https"}, example)
    if not urlsplit(value).hostname:
        message = f"it names no host: it should look like {example}"
        raise ValueError(message)
    return value


def is_email(text: str) -> bool:
    """Whether a person may be written to there."""
    return _EMAIL.fullmatch(text) is not None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the host."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def goes_direct(url: str) -> bool:
    """Whether no proxy that the environment names leads to the URL's host: it is this machine, or NO_PROXY has it."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return is_loopback(host) or bool(proxy_bypass(host))


def _is_url(value: str, schemes: AbstractSet[str]) -> bool:
    """Whether it begins with one of the schemes, and the port of each of its hosts, which commas part, is a number."""
    try:
        scheme, hosts = urlsplit(value).scheme, urlsplit(value).netloc.rpartition("@")[2]
    except ValueError:
        return False
    ports = [host.rpartition("]")[2].partition(":")[2] for host in hosts.split(",") if "://" not in host]
    return scheme in schemes and all(_is_port(port) for port in ports)


def _is_port(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and int(text) < 2**16)
