"""exp, log and pow in plain arithmetic, so that a loop over lanes becomes vector instructions.

numba has no vector math library since 0.62: np.exp inside a lane loop is a scalar call and keeps the loop scalar.
Branch-free, valid for every double (0, subnormals, inf, NaN); errors in ulp are measured against mpmath in
tests/kernels/test_vecmath.py. Knows nothing of states, models or lanes.
Method: argument reduction as in fdlibm (Sun Microsystems, 1993), e_exp.c and e_log.c.
"""

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

LOG2E = 1.4426950408889634
LN2_HIGH = 6.93147180369123816490e-01  # 32 significant bits: k*LN2_HIGH is exact for |k| < 2**20
LN2_LOW = 1.90821492927058770002e-10
ROUNDER = 6755399441055744.0  # 1.5 * 2**52: adding it leaves the nearest integer in the low bits
ROUNDER_BITS = 0x4338000000000000
SQRT_HALF_HIGH = 0x3FE6A09E
MANTISSA = 0x000FFFFFFFFFFFFF


@intrinsic
def bits_of(typingctx, x):
    """The 64 bits of a double as an int64."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@intrinsic
def double_of(typingctx, n):
    """The double whose 64 bits are the given int64."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), codegen


@intrinsic
def select(typingctx, condition, yes, no):
    """yes where the condition holds, else no. The same as `yes if condition else no`, but no branch: numba compiles hundreds of
    branches far more slowly than hundreds of calls."""

    def codegen(context, builder, signature, args):
        return builder.select(*args)

    return types.float64(types.boolean, types.float64, types.float64), codegen


@njit(forceinline=True, error_model="numpy", fastmath={"contract"})
def exp(x):
    """e**x for one double, at most 2 ulp off."""
    x = 710.0 if x > 710.0 else x
    x = -746.0 if x < -746.0 else x
    shifted = x * LOG2E + ROUNDER
    k = shifted - ROUNDER
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    # Taylor to r**13: |r| <= ln2/2 leaves 4e-18
    p = 1.6059043836821613e-10
    p = p * r + 2.08767569878681e-09
    p = p * r + 2.505210838544172e-08
    p = p * r + 2.755731922398589e-07
    p = p * r + 2.7557319223985893e-06
    p = p * r + 2.48015873015873e-05
    p = p * r + 0.0001984126984126984
    p = p * r + 0.001388888888888889
    p = p * r + 0.008333333333333333
    p = p * r + 0.041666666666666664
    p = p * r + 0.16666666666666666
    p = p * r + 0.5
    p = p * (r * r) + r + 1.0
    whole = bits_of(shifted) - ROUNDER_BITS
    half = whole >> 1
    # two factors, because 2**k alone leaves the range of normal doubles before the result does
    return p * double_of((half + 1023) << 52) * double_of((whole - half + 1023) << 52)


@njit(forceinline=True, error_model="numpy", fastmath={"contract"})
def log(x):
    """Natural logarithm of one double, at most 2 ulp off; -inf at 0, NaN below."""
    tiny = x < 2.2250738585072014e-308
    scaled = x * 18014398509481984.0 if tiny else x
    bits = bits_of(scaled)
    # exponent k such that the mantissa m lies in [sqrt(1/2), sqrt(2))
    shift = (bits >> 32) - SQRT_HALF_HIGH
    k = (shift >> 20) - (54 if tiny else 0)
    m = double_of(bits - ((shift >> 20) << 52))
    dk = double_of(k + ROUNDER_BITS) - ROUNDER
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    square = 0.5 * f * f
    y = dk * LN2_HIGH - ((square - (s * (square + even + odd) + dk * LN2_LOW)) - f)
    y = x if x == float("inf") else y
    y = -float("inf") if x == 0.0 else y
    return y if x >= 0.0 else float("nan")


@njit(forceinline=True, error_model="numpy", fastmath={"contract"})
def power(x, h):
    """x**h for x >= 0 as exp(h log x), about 2 + |h ln x| ulp off; NaN for x < 0, 1 where h is 0 or x is 1."""
    y = exp(h * log(x))
    return 1.0 if (h == 0.0 or x == 1.0) else y


@intrinsic
def stack_anchor(typingctx):
    """Address of a stack slot on a 64-byte boundary, to be stored where the compiler cannot drop it.

    A wide kernel spills hundreds of vectors a step. The slot makes the whole frame keep to cache lines; without it most
    spills straddle two.
    """

    def codegen(context, builder, signature, args):
        with builder.goto_entry_block():
            slot = builder.alloca(ir.ArrayType(ir.DoubleType(), 8))
            slot.align = 64
        return builder.ptrtoint(slot, ir.IntType(64))

    return types.int64(), codegen
