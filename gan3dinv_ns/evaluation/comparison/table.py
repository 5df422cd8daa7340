"""A table, and the same table as Markdown and as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Rank = Literal["", "best", "second"]
LATEX_PACKAGES = ("booktabs", "amssymb", "adjustbox")

_WIDE = 90
"""Characters of a line that can be read when it is as small as LaTeX's page needs it."""
_TALL = 45
"""Lines of a table that fit on LaTeX's page with their title and notes."""


@dataclass(frozen=True)
class Cell:
    """What stands in one place.

    Attributes:
        text: plain, without markup.
        rank: the best is set in bold, the second underlined.
    """

    text: str
    rank: Rank = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: for references in LaTeX, such as "means".
        title: one line.
        headings: of the columns.
        lines: each with a cell for every heading.
        notes: sentences to be read with it.
        left: how many columns are set to the left; the others are numbers.
    """

    name: str
    title: str
    headings: tuple[str, ...]
    lines: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    left: int = 1


def ranks(values: Mapping[str, str], higher: bool) -> dict[str, Rank]:
    """Which of several shown numbers are best and second best; equal ones as they are shown share their rank.

    Nobody is best where there is only one number, or all are equal.
    """
    order = sorted({float(text) for text in values.values()}, reverse=higher)
    if len(order) < 2:
        return dict.fromkeys(values, "")
    names: dict[float, Rank] = {order[0]: "best", order[1]: "second"}
    return {name: names.get(float(text), "") for name, text in values.items()}


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown, under a heading of the third level, with its notes below."""
    rule = ["---"] * table.left + ["---:"] * (len(table.headings) - table.left)
    lines = [[escaped_markdown(text) for text in table.headings], rule]
    lines += [[_markdown_cell(cell) for cell in line] for line in table.lines]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([f"### {escaped_markdown(table.title)}", body, *map(escaped_markdown, table.notes)])


def escaped_markdown(text: str) -> str:
    """The text, so that Markdown shows it as it is, on one line."""
    return re.sub(r"([\\`*_|<>\[\]#~])", r"\\\1", " ".join(text.split()))


def latex(table: Table) -> str:
    """The table as floats for LaTeX with the packages of ``LATEX_PACKAGES``, to be read by ``\\input``.

    Lines and columns change places where that makes a wide table narrower, a long one goes on in further floats, and
    what is still larger than the page is made smaller.
    """
    return "\n\n".join(map(_float, _pages(_narrow(table))))


def _narrow(table: Table) -> Table:
    """The table, or the one with a line for each of its columns."""
    names = [line[0].text for line in table.lines]
    if not names or not all(names):
        return table
    columns = zip(*(line[1:] for line in table.lines), strict=True)
    lines = tuple((Cell(heading), *cells) for heading, cells in zip(table.headings[1:], columns, strict=True))
    turned = replace(table, headings=("", *names), lines=lines, left=1)
    return turned if _characters(table) > max(_WIDE, _characters(turned)) else table


def _characters(table: Table) -> int:
    """Of the widest line, with two between columns."""
    rows = [table.headings, *([cell.text for cell in line] for line in table.lines)]
    return sum(2 + max(map(len, column)) for column in zip(*rows, strict=True))


def _pages(table: Table) -> list[Table]:
    """The table in parts that fit on a page each, cut where a line begins with a name."""
    blocks: list[list[tuple[Cell, ...]]] = []
    for line in table.lines:
        if line[0].text or not blocks:
            blocks.append([])
        blocks[-1].append(line)
    parts: list[list[tuple[Cell, ...]]] = [[]]
    for block in blocks:
        if parts[-1] and len(parts[-1]) + len(block) > _TALL:
            parts.append([])
        parts[-1] += block
    first, *others = (replace(table, lines=tuple(part)) for part in parts)
    further = [
        replace(part, name=f"{part.name}-{number}", title=f"{part.title}, continued", notes=())
        for number, part in enumerate(others, start=2)
    ]
    return [first, *further]


def _float(table: Table) -> str:
    columns = "l" * table.left + "r" * (len(table.headings) - table.left)
    caption = " ".join(map(escaped_latex, (f"{table.title}.", *table.notes)))
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            # LaTeX leaves room above a title alone, as if it stood below its table.
            r"  \setlength{\belowcaptionskip}{\abovecaptionskip}",
            rf"  \caption{{{caption}}}",
            rf"  \label{{tab:{table.name}}}",
            r"  \begin{adjustbox}{max totalsize={\linewidth}{0.8\textheight}}",
            rf"  \begin{{tabular}}{{{columns}}}",
            r"    \toprule",
            _latex_line([escaped_latex(text) for text in table.headings]),
            r"    \midrule",
            *(_latex_line([_latex_cell(cell) for cell in line]) for line in table.lines),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"  \end{adjustbox}",
            r"\end{table}",
        ]
    )


_LATEX_SIGNS: Sequence[tuple[str, str]] = (
    *((sign, rf"\{sign}") for sign in "&%$#_{}"),
    ("\\", r"\textbackslash{}"),
    ("~", r"\textasciitilde{}"),
    ("^", r"\textasciicircum{}"),
    ("[", "{[}"),
    ("]", "{]}"),
    ("<", r"\textless{}"),
    (">", r"\textgreater{}"),
    ("|", r"\textbar{}"),
    ("†", r"$\dagger$"),
    ("±", r"$\pm$"),
    ("↑", r"$\uparrow$"),
    ("↓", r"$\downarrow$"),
    ("✓", r"\checkmark{}"),
    ("✗", r"$\times$"),
    ("−", "$-$"),
    ("γ", r"$\gamma$"),
    ("–", "--"),
)
_LATEX_SIGN = re.compile("|".join(re.escape(sign) for sign, _ in _LATEX_SIGNS))


def escaped_latex(text: str) -> str:
    """The text, so that LaTeX shows it as it is, on one line."""
    signs = dict(_LATEX_SIGNS)
    return _LATEX_SIGN.sub(lambda found: signs[found.group()], " ".join(text.split()))


def _markdown_cell(cell: Cell) -> str:
    text = escaped_markdown(cell.text)
    # GitHub shows <ins> underlined, and drops <u>.
    return {"best": f"**{text}**", "second": f"<ins>{text}</ins>"}.get(cell.rank, text)


def _latex_cell(cell: Cell) -> str:
    # A number's minus, not a hyphen.
    text = re.sub(r"(?<![\w.-])-(?=\d)", "$-$", escaped_latex(cell.text))
    return {"best": rf"\textbf{{{text}}}", "second": rf"\underline{{{text}}}"}.get(cell.rank, text)


def _latex_line(cells: Sequence[str]) -> str:
    return f"    {' & '.join(cells)} " + r"\\"
