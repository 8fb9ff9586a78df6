"""A vector of one number for each lane, held in one or a few vector registers of the processor.

A loop over lanes becomes vector instructions only where the compiler can tell that nothing
overlaps, which it cannot in loops over parts of one work array. Knows machine code; knows no
model.
"""

import operator

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
