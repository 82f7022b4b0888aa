"""Whether what was set is an address: of a server, on the web, of a person."""

import re
from collections.abc import Set as AbstractSet
from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

_EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")  # plain characters around one @

_HOST = re.compile(r"(?!-)[\w.-]*[A-Za-z][\w.-]*", re.ASCII)  # only an address is of digits and dots alone


def server_url(value: str, schemes: AbstractSet[str], example: str) -> str:
    """The URL, which may name several hosts with commas between.

    Raises:
        ValueError: it has another scheme, or a port that is none; the text shows the example.

    """
    if not _is_url(value, schemes):
        message = f"it should look like {example}"
        raise ValueError(message)
    return value


def server_urls(value: str, schemes: AbstractSet[str], example: str) -> str:
    """The URLs of servers, with commas between; only the first has to say its scheme.

    Raises:
        ValueError: one of them has another scheme, no host, or a port that is none; the text shows the example.

    """
    first, *others = value.split(",")
    for url in (first, *(other if "://" in other else f"{urlsplit(first).scheme}://{other}" for other in others)):
        if not urlsplit(server_url(url, schemes, example)).hostname:
            message = f"it names no host: it should look like {example}"
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


def host_name(value: str) -> str:
    """The address or name to listen on, without the space around it.

    Raises:
        ValueError: it is neither.

    """
    host = value.strip()
    try:
        ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host):
            message = "it should be an address or a name of this machine, such as 127.0.0.1, and nothing else"
            raise ValueError(message) from None
    return host


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
