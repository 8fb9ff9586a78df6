"""exp, log, pow, sin, tanh, erf ... in plain arithmetic: a loop over lanes becomes vector code.

numba has no vector math library since 0.62: np.exp inside a lane loop is a scalar call and keeps
the loop scalar. Branch-free, valid for every double (0, subnormals, inf, NaN); errors in ulp are
measured against mpmath in tests/kernels/test_vecmath.py. Knows nothing of states, models or lanes.
Method: argument reduction as in fdlibm (Sun Microsystems, 1993), e_exp.c and e_log.c; minimax
polynomials (Remez) in Estrin's order, whose chains of dependent operations are half as long as
Horner's: a lane kernel waits for results more than it computes.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types

from pkpd.kernels.compiled import INLINE, intrinsic

LOG2E = 1.4426950408889634
LN2_HIGH = 6.93147180369123816490e-01  # 32 significant bits: k*LN2_HIGH is exact for |k| < 2**20
LN2_LOW = 1.90821492927058770002e-10
ROUNDER = 6755399441055744.0  # 1.5 * 2**52: adding it leaves the nearest integer in the low bits
ROUNDER_BITS = 0x4338000000000000
SQRT_HALF_HIGH = 0x3FE6A09E
# a state's error stays far below this share of its largest size, whatever the tolerance
ROUNDING = 0.01
# pi/2 in three parts of 53 bits each: x - k*HALF_PI is exact in one fma
HALF_PI, HALF_PI_LOW, HALF_PI_LAST = (
    1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33,
)  # fmt: skip
FARTHEST_ANGLE = 2.0**30  # beyond it sin, cos and tan have no value
# minimax on |r| <= pi/4, fdlibm's k_sin.c and k_cos.c; highest power of r**2 first
SINE = (
    1.58969099521155010221e-10, -2.50507602534068634195e-08, 2.75573137070700676789e-06,
    -1.98412698298579493134e-04, 8.33333333332248946124e-03, -1.66666666666666324348e-01,
)  # fmt: skip
COSINE = (
    -1.13596475577881948265e-11, 2.08757232129817482790e-09, -2.75573143513906633035e-07,
    2.48015872894767294178e-05, -1.38888888888741095749e-03, 4.16666666666666019037e-02,
)  # fmt: skip
# erf(x)/x in powers of x**2 for |x| < 1, 8e-18 off; and (1 - erf(x)) exp(x**2) in powers of
# (x - 2.5)/(x + 2.5) for x from 1 to 6, 3e-18 of erf off; interpolated at Chebyshev's points
ERF_NEAR = (
    -7.795898827002142e-10, 1.3720064546777686e-08, -1.6208483801871705e-07,
    1.6447424703317362e-06, -1.492473690741966e-05, 0.00012055294904839707,
    -0.0008548325975389692, 0.0052239776071164225, -0.02686617064323777,
    0.11283791670945006, -0.37612638903183543, 1.1283791670955126,
)  # fmt: skip
ERF_FAR = (
    -1.587633893127344e-06, -2.2328516517555215e-06, 7.499735050763299e-06,
    1.8596747731144528e-05, -3.4175718896856294e-05, -0.00012887483134837842,
    0.0002283799633257643, 0.0008759152875774328, -0.0026423659518134547,
    -0.003993701160123029, 0.03992253907546523, -0.12503305237891782,
    0.2517131932174488, -0.37173673394897294, 0.2108063640611436,
)  # fmt: skip


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
def fma(typingctx, a, b, c):
    """a*b + c, rounded once. Written out, because the compiler would fuse one lane this way and
    another that way."""

    def codegen(context, builder, signature, args):
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), codegen


@intrinsic
def select(typingctx, condition, yes, no):
    """yes where the condition holds, else no: `yes if condition else no` without a branch, since
    numba compiles hundreds of branches far more slowly than hundreds of calls."""

    def codegen(context, builder, signature, args):
        return builder.select(*args)

    return types.float64(types.boolean, types.float64, types.float64), codegen


@njit(**INLINE)
def sound(x, other):
    """x, or the other where x is not a number."""
    return select(x == x, x, other)


@njit(**INLINE)
def reduced(u):
    """(k + ROUNDER, e**r - 1) of a u from -746 to 710 that is k ln 2 + r with |r| <= ln2/2."""
    shifted = fma(u, LOG2E, ROUNDER)
    k = shifted - ROUNDER
    r = fma(-k, LN2_LOW, fma(-k, LN2_HIGH, u))
    # e**r = 1 + r + r**2 q(r): q minimax of degree 9 on |r| <= ln2/2, 4e-18 off
    r2 = r * r
    r4 = r2 * r2
    low = fma(
        r2,
        fma(0.008333333333494465, r, 0.04166666666653016),
        fma(0.16666666666666413, r, 0.5000000000000011),
    )
    middle = fma(
        r2,
        fma(2.755758638843295e-06, r, 2.480149310007098e-05),
        fma(0.0001984126950656571, r, 0.0013888888943628945),
    )
    high = fma(2.5000056708160523e-08, r, 2.7630247990155085e-07)
    q = fma(r4, fma(r4, high, middle), low)
    return shifted, fma(r2, q, r)


@njit(**INLINE)
def exp(x):
    """e**x for one double, at most 2 ulp off."""
    capped = select(x > 710.0, 710.0, x)
    shifted, part = reduced(select(capped < -746.0, -746.0, capped))
    whole = bits_of(shifted) - ROUNDER_BITS
    half = whole >> 1
    # two factors, because 2**k alone leaves the range of normal doubles before the result does
    first = double_of((half + 1023) << 52)
    return fma(first, part, first) * double_of((whole - half + 1023) << 52)


@njit(**INLINE)
def log(x):
    """Natural logarithm of one double, at most 2 ulp off; -inf at 0, NaN below."""
    tiny = x < 2.2250738585072014e-308
    bits = bits_of(select(tiny, x * 18014398509481984.0, x))
    # exponent k such that the mantissa 1 + f lies in [sqrt(1/2), sqrt(2))
    shift = ((bits >> 32) - SQRT_HALF_HIGH) >> 20
    f = double_of(bits - (shift << 52)) - 1.0
    k = double_of(shift + ROUNDER_BITS) - select(tiny, ROUNDER + 54.0, ROUNDER)
    # log(1 + f) = f - f**2/2 + f**3 p(f): p minimax of degree 18, 9e-18 off; without a division,
    # which would be the longest wait
    f2 = f * f
    f4 = f2 * f2
    a = fma(
        f2,
        fma(-0.1666666666982556, f, 0.20000000000066673),
        fma(-0.2499999999998798, f, 0.3333333333333314),
    )
    b = fma(
        f2,
        fma(-0.10000015206494624, f, 0.1111111114794158),
        fma(-0.12499999691452908, f, 0.14285714280085243),
    )
    c = fma(
        f2,
        fma(-0.07149440122787443, f, 0.07691530086773696),
        fma(-0.08332913517874882, f, 0.09090923916763458),
    )
    d = fma(
        f2,
        fma(-0.05677836525245406, f, 0.05668388595533151),
        fma(-0.061966704236007794, f, 0.06684586545160928),
    )
    e = fma(f2, 0.026149715918401456, fma(-0.059815660577129864, f, 0.06503494182052531))
    p = fma(f4 * f4, fma(f4 * f4, e, fma(f4, d, c)), fma(f4, b, a))
    y = fma(k, LN2_HIGH, f + fma(f * f2, p, fma(k, LN2_LOW, -0.5 * f2)))
    finite = select(x < float("inf"), y, x)
    return select(x > 0.0, finite, select(x == 0.0, -float("inf"), float("nan")))


@njit(**INLINE)
def power(x, h):
    """x**h, about 2 + |h ln |x|| ulp off; below 0 it has its sign where h is whole, else it is NaN.

    1 where h is 0 or x is 1, else exp(h log |x|).
    """
    size = select((h == 0.0) | (x == 1.0), 1.0, exp(h * log(abs(x))))
    odd = np.floor(0.5 * h) != 0.5 * h
    below = select(np.floor(h) == h, select(odd, -size, size), float("nan"))
    return select(x < 0.0, below, size)


@njit(**INLINE)
def lifted(x, largest):
    """x, but 0 where it is below 0 by less than ROUNDING times the largest size that it has had.

    What has had no size yet (largest 0) is lifted from wherever the trial stages of a first step
    take it.
    """
    return select((x < 0.0) & ((x >= -ROUNDING * largest) | (largest == 0.0)), 0.0, x)


@njit(**INLINE)
def power_of_states(x, h, largest):
    """power(x, h) of an x that depends on states, which is lifted where h is not whole.

    What depends on h and the largest size alone stands first: it is computed once a step.
    """
    whole = np.floor(h) == h
    odd = whole & (np.floor(0.5 * h) != 0.5 * h)
    low = select(whole, 0.0, select(largest == 0.0, -float("inf"), -ROUNDING * largest))
    sign = select(whole, -1.0, 1.0)
    turn = select(odd, 0.0, -float("inf"))
    base = select(x >= low, max(x, 0.0), sign * x)
    size = exp(h * log(base))
    signed = select(x < turn, -size, size)
    return select((h == 0.0) | (x == 1.0), 1.0, signed)


@njit(**INLINE)
def polynomial(x, coefficients):
    """Value at x of the polynomial with these coefficients, that of the highest power first."""
    value = coefficients[0]
    for c in coefficients[1:]:
        value = fma(value, x, c)
    return value


@njit(**INLINE)
def quarter_turns(x):
    """(k, sin r, cos r) of x = k pi/2 + r with |r| <= pi/4; k in the low bits."""
    shifted = fma(select(abs(x) <= FARTHEST_ANGLE, x, float("nan")), 2.0 / np.pi, ROUNDER)
    k = shifted - ROUNDER
    r = fma(-k, HALF_PI_LAST, fma(-k, HALF_PI_LOW, fma(-k, HALF_PI, x)))
    r2 = r * r
    sine = fma(r * r2, polynomial(r2, SINE), r)
    cosine = fma(r2 * r2, polynomial(r2, COSINE), fma(-0.5, r2, 1.0))
    return bits_of(shifted), sine, cosine


@njit(**INLINE)
def sin(x):
    """Sine of one double, at most 2 ulp off; NaN beyond FARTHEST_ANGLE."""
    k, sine, cosine = quarter_turns(x)
    size = select((k & 1) == 0, sine, cosine)
    return select((k & 2) == 0, size, -size)


@njit(**INLINE)
def cos(x):
    """Cosine of one double, at most 2 ulp off; NaN beyond FARTHEST_ANGLE."""
    k, sine, cosine = quarter_turns(x)
    size = select((k & 1) == 0, cosine, sine)
    return select(((k + 1) & 2) == 0, size, -size)


@njit(**INLINE)
def tan(x):
    """Tangent of one double, at most 4 ulp off; NaN beyond FARTHEST_ANGLE."""
    k, sine, cosine = quarter_turns(x)
    even = (k & 1) == 0
    return select(even, sine, -cosine) / select(even, cosine, sine)


@njit(**INLINE)
def tanh(x):
    """Hyperbolic tangent of one double, at most 4 ulp off."""
    u = select(abs(x) > 20.0, 40.0, 2.0 * abs(x))
    shifted, part = reduced(u)
    scale = double_of((bits_of(shifted) - ROUNDER_BITS + 1023) << 52)
    above_one = fma(scale, part, scale - 1.0)  # e**u - 1 without cancellation
    size = above_one / (above_one + 2.0)
    return select(x < 0.0, -size, size)


@njit(**INLINE)
def erf(x):
    """Error function of one double, at most 2 ulp off."""
    size = abs(x)
    u = select(size > 6.0, 6.0, size)
    near = size * polynomial(u * u, ERF_NEAR)
    far = 1.0 - exp(-u * u) * polynomial((u - 2.5) / (u + 2.5), ERF_FAR)
    value = select(size < 1.0, near, far)
    return select(x < 0.0, -value, value)


@njit(**INLINE)
def whole_part(t, rest, slope):
    """(floor of rest + slope*t just after the time t, the next time at which it jumps).

    Where t is the time of a jump it is over, whatever rounding makes of the sum.
    """
    value = fma(slope, t, rest)
    if slope > 0.0:
        below = np.floor(value)
        below = below + 1.0 if t >= (below + 1.0 - rest) / slope else below
        return below, (below + 1.0 - rest) / slope
    if slope < 0.0:
        below = np.ceil(value) - 1.0
        below = below - 1.0 if t >= (below - rest) / slope else below
        return below, (below - rest) / slope
    return np.floor(rest), np.inf


@intrinsic
def stack_anchor(typingctx):
    """Address of a stack slot on a 64-byte boundary, to be stored where no compiler can drop it.

    A wide kernel spills hundreds of vectors a step. The slot makes the whole frame keep to cache
    lines; without it most spills straddle two.
    """

    def codegen(context, builder, signature, args):
        with builder.goto_entry_block():
            slot = builder.alloca(ir.ArrayType(ir.DoubleType(), 8))
            slot.align = 64
        return builder.ptrtoint(slot, ir.IntType(64))

    return types.int64(), codegen
