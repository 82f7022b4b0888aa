"""Takes the pages of the documentation apart: headings, links, tables, blocks of code and the commands in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The pages whose requests build upon each other come first.
_FIRST = ("README.md", "docs/api.md")

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A block of code, with the text between it and the next."""

    language: str
    text: str


@dataclass(frozen=True)
class Page:
    """One page, by its path from the root."""

    path: str
    text: str

    @property
    def blocks(self) -> list[Block]:
        """Its blocks of code, without their indentation."""
        return [
            Block(found["language"], re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE))
            for found in _FENCE.finditer(self.text)
        ]

    @property
    def prose(self) -> str:
        """What stands outside of the blocks."""
        return _FENCE.sub("", self.text)

    @property
    def anchors(self) -> set[str]:
        """What a link may have behind its #."""
        headings = _HEADING.findall(self.prose)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    @property
    def links(self) -> list[str]:
        """Where its links lead."""
        return _LINK.findall(self.prose)

    def sections(self, marker: str) -> dict[str, str]:
        """The text below each heading of that level, such as `### `."""
        parts = re.split(rf"^{marker}(.+)$", self.text, flags=re.MULTILINE)[1:]
        return dict(
            zip(parts[::2], (re.split(r"^#+ ", part, flags=re.MULTILINE)[0] for part in parts[1::2]), strict=True)
        )


def pages() -> list[Page]:
    """Every page, those of `_FIRST` before the others."""
    found = {str(path.relative_to(ROOT)): path for path in [*ROOT.glob("*.md"), *sorted(ROOT.glob("docs/**/*.md"))]}
    order = [*_FIRST, *(path for path in found if path not in _FIRST)]
    return [Page(path, found[path].read_text(encoding="utf-8")) for path in order]


def commands(block: Block) -> Iterator[str]:
    """The commands of a block for a shell, without what they read from the block itself."""
    end = ""
    for line in block.text.replace("\\\n", " ").splitlines():
        if end:
            end = "" if line == end else end
            continue
        if line.strip() and not line.startswith("#"):
            yield line
        here = re.search(r"<<(\w+)", line)
        end = here[1] if here else ""
