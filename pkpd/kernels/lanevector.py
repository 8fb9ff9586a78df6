"""A vector of one number for each lane, held in one or a few vector registers of the processor.

A loop over lanes becomes vector instructions only where the compiler can tell that nothing
overlaps, which it cannot in loops over parts of one work array. Knows machine code; knows no
model.
"""

import operator
from dataclasses import dataclass

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import models, overload, register_model
from numba.np.arrayobj import make_array

from pkpd.kernels.compiled import intrinsic

WIDTH = 8
_VECTOR = ir.VectorType(ir.DoubleType(), WIDTH)
ALIGNED = 8 * WIDTH


class LaneVector(types.Type):
    def __init__(self):
        super().__init__(name=f"LaneVector{WIDTH}")


lane_vector = LaneVector()


@register_model(LaneVector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _VECTOR)


def _pointer(context, builder, signature, args):
    array = make_array(signature.args[0])(context, builder, args[0])
    return builder.bitcast(builder.gep(array.data, [args[1]]), _VECTOR.as_pointer())


def _named(builder, name, count):
    """A function of the compiler's own from vectors to a vector."""
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * count)
    return cgutils.get_or_insert_function(builder.module, kind, name)


@intrinsic
def load(typingctx, w, place):
    """The WIDTH numbers of the one-dimensional array w from w[place] on, a multiple of WIDTH."""

    def codegen(context, builder, signature, args):
        return builder.load(_pointer(context, builder, signature, args), align=ALIGNED)

    return lane_vector(w, types.intp), codegen


@intrinsic
def store(typingctx, w, place, vector):
    """Write a vector to w[place:place + WIDTH]."""

    def codegen(context, builder, signature, args):
        builder.store(args[2], _pointer(context, builder, signature, args), align=ALIGNED)
        return context.get_dummy_value()

    return types.void(w, types.intp, lane_vector), codegen


@intrinsic
def spread(typingctx, number):
    """The same number in every lane."""

    def codegen(context, builder, signature, args):
        zero = ir.Constant(ir.IntType(32), 0)
        first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), args[0], zero)
        mask = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        return builder.shuffle_vector(first, ir.Constant(_VECTOR, ir.Undefined), mask)

    return lane_vector(types.float64), codegen


@intrinsic
def vfma(typingctx, a, b, c):
    """a*b + c, rounded once."""

    def codegen(context, builder, signature, args):
        return builder.call(_named(builder, f"llvm.fma.v{WIDTH}f64", 3), args)

    return lane_vector(lane_vector, lane_vector, lane_vector), codegen


@intrinsic
def vabs(typingctx, a):
    def codegen(context, builder, signature, args):
        return builder.call(_named(builder, f"llvm.fabs.v{WIDTH}f64", 1), args)

    return lane_vector(lane_vector), codegen


@intrinsic
def larger(typingctx, a, b):
    """The larger of two numbers lane by lane; not a number where one is not."""

    def codegen(context, builder, signature, args):
        a, b = args
        below = builder.fcmp_unordered("<", a, b)
        return builder.select(below, b, a)

    return lane_vector(lane_vector, lane_vector), codegen


@intrinsic
def smaller(typingctx, a, b):
    """The smaller of two numbers lane by lane; not a number where one is not."""

    def codegen(context, builder, signature, args):
        a, b = args
        return builder.select(builder.fcmp_unordered(">", a, b), b, a)

    return lane_vector(lane_vector, lane_vector), codegen


def _binary(name, operation):
    @intrinsic
    def made(typingctx, a, b):
        def codegen(context, builder, signature, args):
            return getattr(builder, name)(*args)

        return lane_vector(lane_vector, lane_vector), codegen

    @overload(operation, inline="never")
    def overloaded(a, b):
        if isinstance(a, LaneVector) and isinstance(b, LaneVector):
            return lambda a, b: made(a, b)
        return None


_binary("fadd", operator.add)
_binary("fsub", operator.sub)
_binary("fmul", operator.mul)
_binary("fdiv", operator.truediv)


@intrinsic
def where_positive(typingctx, sign, yes, no):
    """Lane by lane `yes` where `sign` is above 0, else `no`."""

    def codegen(context, builder, signature, args):
        sign, yes, no = args
        above = builder.fcmp_ordered(">", sign, ir.Constant(_VECTOR, [0.0] * WIDTH))
        return builder.select(above, yes, no)

    return lane_vector(lane_vector, lane_vector, lane_vector), codegen


@dataclass(frozen=True)
class Vector:
    """A vector in straight-line code; arithmetic with it writes an instruction."""

    code: "Code"
    value: ir.Value
    zero: bool = False  # whether it is written as the number 0

    def __add__(self, other):
        return Vector(self.code, self.code.builder.fadd(self.value, other.value))

    def __sub__(self, other):
        return Vector(self.code, self.code.builder.fsub(self.value, other.value))

    def __mul__(self, other):
        return Vector(self.code, self.code.builder.fmul(self.value, other.value))

    def __truediv__(self, other):
        return Vector(self.code, self.code.builder.fdiv(self.value, other.value))

    def __neg__(self):
        return Vector(self.code, self.code.builder.fneg(self.value))


class Code:
    """Writes straight-line code on the vectors of a work array: a loop of Python is none there."""

    def __init__(self, builder, data):
        self.builder, self.data = builder, data

    def number(self, value):
        return Vector(self, ir.Constant(_VECTOR, [float(value)] * WIDTH), value == 0.0)

    def load(self, place, number=0):
        """The vector so many numbers behind a place."""
        return Vector(self, self.builder.load(self._pointer(place, number), align=ALIGNED))

    def store(self, place, number, vector):
        self.builder.store(vector.value, self._pointer(place, number), align=ALIGNED)

    def fma(self, a, b, c):
        """a*b + c, rounded once; c where a or b is written as 0."""
        if a.zero or b.zero:
            return c
        fused = _named(self.builder, f"llvm.fma.v{WIDTH}f64", 3)
        return Vector(self, self.builder.call(fused, [a.value, b.value, c.value]))

    def dot(self, a, b, start):
        """start + a[0]*b[0] + a[1]*b[1] + ..., in this order."""
        for x, y in zip(a, b, strict=True):
            start = self.fma(x, y, start)
        return start

    def _pointer(self, place, number):
        at = self.builder.add(place, ir.Constant(place.type, number * WIDTH))
        return self.builder.bitcast(self.builder.gep(self.data, [at]), _VECTOR.as_pointer())


def straight_line(write):
    """f(w, places), whose code is what write(code, *places) writes; places is a tuple of int64."""

    @intrinsic
    def written(typingctx, w, places):
        def codegen(context, builder, signature, args):
            array = make_array(signature.args[0])(context, builder, args[0])
            write(Code(builder, array.data), *cgutils.unpack_tuple(builder, args[1]))
            return context.get_dummy_value()

        return types.void(w, places), codegen

    written.__doc__ = write.__doc__
    return written
