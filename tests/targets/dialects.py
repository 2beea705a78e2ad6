"""Values written down for each kind of server, so that it gives them back as they are."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True)
class Dialect:
    """What a value is in the words of a server; of decimals `digits` fit, `scale` of them small.

    `oddities` are expressions of types that only this kind of server has, `no_numbers` of numbers
    that are none, which the others do not have; `lost` ends the connection that it runs on, where a
    statement can.
    """

    digits: int
    scale: int
    decimal: str
    double: str
    moment: str
    text: Callable[[str], str]
    nothing: str
    several: str
    oddities: tuple[str, ...]
    lost: str | None = None
    no_numbers: tuple[str, ...] = ()

    def write(self, value: object) -> str:
        """An expression of this value."""
        if value is None:
            return "NULL"
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, datetime):
            return self.moment.format(value.isoformat(" ", "microseconds"))
        if isinstance(value, date):
            return f"CAST('{value.isoformat()}' AS date)"
        if isinstance(value, Decimal):
            return self.decimal.format(format(value, "f"))
        return self.double.format(repr(value)) if isinstance(value, float) else str(value)


def _standard(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _national(text: str) -> str:
    return f"N{_standard(text)}"


def _with_backslashes(text: str) -> str:
    return _standard(text.replace("\\", "\\\\"))


DIALECTS = {
    "PostgreSQL": Dialect(
        digits=1000,
        scale=500,
        decimal="CAST('{}' AS numeric)",
        double="CAST('{}' AS float8)",
        moment="CAST('{}' AS timestamp)",
        text=_standard,
        nothing="SELECT 1 AS n WHERE 1 = 0",
        several="SELECT n FROM (VALUES (1), (2), (3)) AS listed (n) ORDER BY n",
        oddities=(
            "'infinity'::timestamptz",
            "'-infinity'::date",
            "'0044-03-15 BC'::date",
            "'20000-01-01'::timestamp",
            "'1 year 3 days'::interval",
            "'24:00'::time",
            "ARRAY[1, NULL, 3]",
            "ARRAY['infinity'::date]",
            '\'{"a": [1, "NaN"]}\'::jsonb',
            "'\\x00ff'::bytea",
            "'00000000-0000-0000-0000-000000000000'::uuid",
            "'::1'::inet",
            "'[1,5)'::int4range",
            "ROW(1, 'a')",
            "true",
            "10 ^ 5000::numeric",
            "'1e-16000'::numeric",
            "'12.5'::money",
            "'up'::name",
            "pg_sleep(0)",
        ),
        lost="SELECT pg_terminate_backend(pg_backend_pid())",
        no_numbers=(
            "CAST('NaN' AS numeric)",
            "CAST('Infinity' AS numeric)",
            "CAST('NaN' AS float8)",
            "CAST('-Infinity' AS float4)",
        ),
    ),
    "SqlServer": Dialect(
        digits=37,
        scale=10,
        decimal="CAST('{}' AS decimal(38, 10))",
        double="CAST('{}' AS float)",
        moment="CAST('{}' AS datetime2(6))",
        text=_national,
        nothing="SELECT 1 AS n WHERE 1 = 0",
        several="SELECT n FROM (VALUES (1), (2), (3)) AS listed (n) ORDER BY n",
        oddities=(
            "CAST('2026-01-01T00:00:00+02:00' AS datetimeoffset)",
            "CAST('23:59:59' AS time)",
            "CAST(12.5 AS money)",
            "CAST('00000000-0000-0000-0000-000000000000' AS uniqueidentifier)",
            "0x00FF",
            "CAST(1 AS bit)",
            "CAST('<a/>' AS xml)",
            "CAST(1e308 AS float)",
        ),
    ),
    "MySQL": Dialect(
        digits=60,
        scale=30,
        decimal="CAST('{}' AS decimal(65, 30))",
        double="CAST('{}' AS double)",
        moment="CAST('{}' AS datetime(6))",
        text=_with_backslashes,
        nothing="SELECT 1 AS n FROM DUAL WHERE 1 = 0",
        several="SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3",
        oddities=(
            "CAST('0000-00-00' AS date)",
            "CAST('-838:59:59' AS time)",
            "CAST('2026-00-00' AS date)",
            "b'101'",
            "x'00ff'",
            "true",
            "JSON_ARRAY(1, 'a')",
            "1 / 0",
            "18446744073709551615",
        ),
        lost="KILL CONNECTION_ID()",
    ),
}
