"""The tables of docs/checks.md, made of the checks themselves: run this to write them anew."""

import re
from decimal import Decimal
from pathlib import Path

from services.pack import PackedCheck, read_pack

DOCUMENT = Path(__file__).parents[2] / "docs/checks.md"
HEAD = "| check | warning | critical | every | what it says |\n|---|---|---|---|---|\n"
PLACE = re.compile(r"(<!-- (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def written_anew(document: str) -> str:
    """The document with a table of each engine's checks where it has a place for one."""
    return PLACE.sub(lambda match: match[1] + table(match[2]) + match[4], document)


def table(engine: str) -> str:
    return HEAD + "".join(row(check) for check in read_pack(engine, "app"))


def row(check: PackedCheck) -> str:
    rule = check.query.rule
    warning, critical = _shown(rule.warning_threshold), _shown(rule.critical_threshold)
    return (
        f"| `{check.name}` ({rule.unit}) | {warning} | {critical} | {check.kpi.schedule} s"
        f" | {check.kpi.description} |\n"
    )


def _shown(threshold: Decimal | None) -> str:
    return "" if threshold is None else str(threshold)


if __name__ == "__main__":
    DOCUMENT.write_text(written_anew(DOCUMENT.read_text("utf-8")), "utf-8")
