"""The Python code that README and doc/ show, and what they say it prints.

The blocks of one page are one program, from top to bottom. A line that prints says what,
in the comment behind it: ``print(1 + 1)  # 2``.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
FENCED = r"^```{language}\n((?:.*\n)*?)```"
INDENTED = r"^\.\. code-block:: {language}\n\n((?:(?:   .*)?\n)+)"


def blocks(page: Path, language: str) -> list[str]:
    """Return the page's code blocks in one language, in order, not indented."""
    pattern = (FENCED if page.suffix == ".md" else INDENTED).format(language=language)
    found = re.findall(pattern, page.read_text(encoding="utf-8"), re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


def program(page: Path) -> str:
    return "\n".join(blocks(page, "python"))


def promised(code: str) -> list[str]:
    """Return the lines that the program prints, as it says itself."""
    return re.findall(r"^ *print\(.*\)  # (.*)$", code, flags=re.MULTILINE)


def pages_with_code() -> list[Path]:
    pages = [README, *sorted((ROOT / "doc").glob("**/*.rst"))]
    return [page for page in pages if blocks(page, "python")]
