"""Claims about tables as Markdown and as LaTeX."""

from __future__ import annotations

import re

import pytest

from gan3dinv_ns.evaluation.comparison.table import (
    Cell,
    Table,
    escaped_latex,
    escaped_markdown,
    latex,
    markdown,
    ranks,
)

TABLE = Table(
    "means",
    "Means_of 2",
    ("method", "PSNR [dB] ↑", "a|b"),
    (
        (Cell("SG2† & W+"), Cell("-1.50", "second"), Cell("[-1, 2]")),
        (Cell("ours_1"), Cell("2.50*", "best"), Cell("100%")),
    ),
    ("p < 0.05 {see #1}",),
)


def test_best_and_second_are_told_by_what_is_shown() -> None:
    values = {"a": "1.0", "b": "3.0", "c": "2.0", "d": "3.0"}
    assert ranks(values, higher=True) == {"a": "", "b": "best", "c": "second", "d": "best"}
    assert ranks(values, higher=False) == {"a": "best", "b": "", "c": "second", "d": ""}
    assert ranks({"a": "1", "b": "1"}, higher=True) == {"a": "", "b": ""} and ranks({}, higher=True) == {}


def test_markdown_has_a_line_for_each_line_and_shows_signs_as_they_are() -> None:
    heading, body, note = markdown(TABLE).split("\n\n")
    assert heading == r"### Means\_of 2" and note == r"p \< 0.05 {see \#1}"
    assert body.splitlines() == [
        r"| method | PSNR \[dB\] ↑ | a\|b |",
        "| --- | ---: | ---: |",
        r"| SG2† & W+ | <ins>-1.50</ins> | \[-1, 2\] |",
        r"| ours\_1 | **2.50\*** | 100% |",
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    (
        ("a & b", r"a \& b"),
        ("100 % of $5 #1 x_y {z}", r"100 \% of \$5 \#1 x\_y \{z\}"),
        (r"C:\new ~ ^2", r"C:\textbackslash{}new \textasciitilde{} \textasciicircum{}2"),
        ("<a|b>", r"\textless{}a\textbar{}b\textgreater{}"),
        ("SG2† W+", r"SG2$\dagger$ W+"),
        ("[dB] ↑ ↓ ✓ ✗", r"{[}dB{]} $\uparrow$ $\downarrow$ \checkmark{} $\times$"),
        ("two\nlines", "two lines"),
    ),
)
def test_latex_shows_signs_as_they_are(text: str, wanted: str) -> None:
    assert escaped_latex(text) == wanted


def test_markdown_stays_on_one_line_and_is_no_markup() -> None:
    assert escaped_markdown("a\n| *b* <c> `d`") == r"a \| \*b\* \<c\> \`d\`"


def test_a_wide_table_is_turned_and_a_narrow_one_is_not() -> None:
    headings = ("method", *(f"figure {number} of many [unit] ↑" for number in range(9)))
    lines = tuple((Cell(name), *(Cell(f"{name}{number}", "best") for number in range(9))) for name in ("a", "b"))
    rows = [line for line in latex(Table("t", "T", headings, lines)).splitlines() if "&" in line]
    assert rows[0].split() == ["&", "a", "&", "b", r"\\"] and len(rows) == 10
    assert rows[9].endswith(r"{]} $\uparrow$ & \textbf{a8} & \textbf{b8} \\")
    assert r"\begin{tabular}{lrr}" in latex(TABLE), "it is narrow as it is"
    unnamed = (lines[0], (Cell(""), *lines[1][1:]))
    assert latex(Table("t", "T", headings, unnamed)).count("&") == 3 * 9, "lines without a name cannot be headings"


def test_a_long_table_goes_on_in_further_floats_and_loses_no_line() -> None:
    lines = tuple(
        (Cell(f"m{block}" * (number == 0)), Cell(f"x{block}.{number}")) for block in range(12) for number in range(7)
    )
    text = latex(Table("tests", "T", ("metric", "value"), lines, ("Note",), 2))
    floats = text.split(r"\begin{table}")[1:]
    assert [one.count("&") for one in floats] == [43, 43], "a heading each, and six whole blocks"
    assert all(f"x{block}.{number} " in text for block in range(12) for number in range(7))
    assert r"\label{tab:tests}" in floats[0] and r"\label{tab:tests-2}" in floats[1]
    assert "Note" in floats[0] and "Note" not in floats[1] and "T, continued" in floats[1]


def test_latex_is_balanced_and_has_as_many_cells_as_columns() -> None:
    text = latex(TABLE)
    bare = re.sub(r"\\[{}&%$#_\\]", "", text)
    assert bare.count("{") == bare.count("}") and bare.count("$") % 2 == 0
    begun, ended = re.findall(r"\\begin{(\w+)}", text), re.findall(r"\\end{(\w+)}", text)
    assert begun == ended[::-1] == ["table", "adjustbox", "tabular"]
    lines = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(lines) == 3 and all(len(re.findall(r"(?<!\\)&", line)) == 2 for line in lines)
    assert r"\begin{tabular}{lrr}" in text and r"\textbf{2.50*}" in text and r"\underline{$-$1.50}" in text
    assert not any(line.lstrip().startswith("[") for line in text.splitlines()), r"[ after \\ is an option"
