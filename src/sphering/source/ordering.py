"""The values of `order_by` as three columns that sort as the values do, whatever their type."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from sphering.errors import SourceError
from sphering.source.canonical import as_text

ORDER_FIELDS = (
    pa.field("order_number", pa.float64()),
    pa.field("order_integer", pa.int64()),
    pa.field("order_text", pa.binary()),
)

_LARGEST = pa.scalar(2**63 - 1, pa.uint64())


def order_columns(values: pa.Array | None, rows: int, name: str | None) -> list[pa.Array]:
    """Return the columns of `ORDER_FIELDS`, each (rows,).

    Numbers sort by value (integers below 2^63 exactly), times by time, strings by their UTF-8 bytes; numbers
    come before text. NaN is a null, and nulls are neither first nor last.

    Raises
    ------
    SourceError
        If the type has no order.
    """
    nulls = [pa.nulls(rows, field.type) for field in ORDER_FIELDS]
    if values is None or pa.types.is_null(values.type):
        return nulls
    kind = values.type
    if pa.types.is_dictionary(kind):
        return order_columns(values.dictionary_decode(), rows, name)
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        numbers = values.cast(pa.float64(), safe=False)
        if pa.types.is_uint64(kind):
            values = pc.if_else(pc.less_equal(values, _LARGEST), values, pa.scalar(None, kind))
        return [numbers, values.cast(pa.int64()), nulls[2]]
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = values.cast(pa.float64())
        return [pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers), nulls[1], nulls[2]]
    if pa.types.is_nested(kind) or isinstance(values, pa.ExtensionArray):
        raise SourceError(
            f"the column {name!r} holds {kind}, which has no order",
            expected="numbers, strings or times, all of one kind",
            where="[source] order_by",
            remedy="name another column",
        )
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return [nulls[0], nulls[1], values.cast(pa.binary())]
    return [nulls[0], nulls[1], as_text(values).cast(pa.binary())]
