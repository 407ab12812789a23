"""The dtype table: one row per dtype.

From it the build (tools/generate.py) makes the enum pt_dtype, the sizes and kinds, the table of
promotions, the inclusion of every loop once per dtype, and Cython's list. A dtype is numbered by
its place; within a kind the wider ones come later.

This module imports nothing but the standard library: it runs before anything is built.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DType:
    """One dtype.

    name: NumPy's. suffix: of the C functions for it. c: the element's type in C, "" where the
    kernels have no loops: what is only stored here and computed by NumPy. bits: of an element.
    kind: NumPy's letter: b bool, i signed, u unsigned, f floating-point, c complex.
    """

    name: str
    suffix: str
    c: str
    bits: int
    kind: str

    @property
    def enum(self) -> str:
        """Its name in the C enum, without the prefix PT_."""
        return self.name.upper()


DTYPES = (
    DType("bool", "b8", "uint8_t", 8, "b"),
    DType("int8", "i8", "int8_t", 8, "i"),
    DType("int16", "i16", "int16_t", 16, "i"),
    DType("int32", "i32", "int32_t", 32, "i"),
    DType("int64", "i64", "int64_t", 64, "i"),
    DType("uint8", "u8", "uint8_t", 8, "u"),
    DType("uint16", "u16", "uint16_t", 16, "u"),
    DType("uint32", "u32", "uint32_t", 32, "u"),
    DType("uint64", "u64", "uint64_t", 64, "u"),
    DType("float32", "f32", "float", 32, "f"),
    DType("float64", "f64", "double", 64, "f"),
    DType("complex64", "c64", "", 64, "c"),
    DType("complex128", "c128", "", 128, "c"),
)
COMPUTED = tuple(dtype for dtype in DTYPES if dtype.c)  # those that have loops; they come first
NUMBERS = {dtype.name: number for number, dtype in enumerate(DTYPES)}

# In a C bit set, and in the order in which a kind wins over another.
KIND_BITS = {"b": 1, "i": 2, "u": 4, "f": 8, "c": 16}


def promotion(a: DType, b: DType) -> DType | None:
    """The dtype of an operation on a and b, by the Array API standard; None if there is none.

    Where the standard leaves it open, a floating-point dtype wins over any integer one, and
    anything over bool. No integer dtype holds both uint64 and a signed one.
    """
    if KIND_BITS[a.kind] > KIND_BITS[b.kind]:
        a, b = b, a
    if a.kind == b.kind:
        return a if a.bits > b.bits else b
    if b.kind == "c" and a.kind == "f":
        return narrowest("c", max(2 * a.bits, b.bits))
    if a.kind == "i" and b.kind == "u":
        return narrowest("i", max(a.bits, 2 * b.bits))
    return b


def narrowest(kind: str, bits: int) -> DType | None:
    """The narrowest dtype of a kind that has so many bits; None if there is none."""
    return next((dtype for dtype in DTYPES if dtype.kind == kind and dtype.bits >= bits), None)
