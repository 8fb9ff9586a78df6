// LDN-12 by hand: Tsitouras 5(4) for eight people side by side, with the error norm and step control of pkpd's kernel.
// Each person has an own step size; exp, log and pow are own vector code. What a careful programmer would write once for one model.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

constexpr int LANES = 8, N = 12, K = 37;
constexpr double FLOOR = 0.01, SAFETY = 0.9, GROWTH = 8.0, SHRINK = 0.2, EVERY = 24.0;
typedef double V __attribute__((vector_size(8 * LANES)));
typedef long long I __attribute__((vector_size(8 * LANES)));

static inline V set(double x) { return V{} + x; }
static inline V vmax(V a, V b) { return a > b ? a : b; }
static inline V vmin(V a, V b) { return a < b ? a : b; }
static inline V vabs(V a) { return a < 0.0 ? -a : a; }
static inline I bits(V x) { I n; std::memcpy(&n, &x, sizeof n); return n; }
static inline V number(I n) { V x; std::memcpy(&x, &n, sizeof x); return x; }

static inline V vexp(V x) {
    x = vmin(vmax(x, set(-708.0)), set(709.0));
    const double ROUNDER = 6755399441055744.0;
    const V shifted = x * 1.4426950408889634 + ROUNDER, k = shifted - ROUNDER;
    const V r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
    V p = set(1.6059043836821613e-10);
    for (double c : {2.08767569878681e-09, 2.505210838544172e-08, 2.755731922398589e-07, 2.7557319223985893e-06, 2.48015873015873e-05,
                     0.0001984126984126984, 0.001388888888888889, 0.008333333333333333, 0.041666666666666664, 0.16666666666666666, 0.5})
        p = p * r + c;
    p = p * (r * r) + r + 1.0;
    return p * number((bits(shifted) - 0x4338000000000000LL + 1023) << 52);
}

static inline V vlog(V x) {
    const I shift = (bits(x) >> 32) - 0x3FE6A09E, k = shift >> 20;
    const V dk = number(k + 0x4338000000000000LL) - 6755399441055744.0;
    const V f = number(bits(x) - (k << 52)) - 1.0, s = f / (2.0 + f), z = s * s, w = z * z;
    const V even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    const V odd = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860510658591e-01)));
    const V square = 0.5 * f * f;
    return dk * 6.93147180369123816490e-01 - ((square - (s * (square + even + odd) + dk * 1.90821492927058770002e-10)) - f);
}

static inline V vpow(V x, V h) {
    const V y = vexp(h * vlog(vmax(x, set(1e-300))));
    return x > 0.0 ? y : (h == 0.0 ? set(1.0) : set(0.0));
}

enum { ka, F, fpm, k10, k12, k21, fm, km, iVc, iVm, ke0, iKi, iKim, iKE, g, o50g, kPre, aPre, kE, kR, gR, S0p, kG, iKT, iKTm, gB, gK, K50,
       kK, kappa, hg, G50g, cS, kPn, P0, cP, day };

// what depends on parameters alone, once for each block
struct Fixed { V kaF, kafpm, k10k12, fmk10, kn, kKkappa, kPnP0, cday; };

static Fixed fixed(const V *p) {
    return {p[ka] * p[F], p[ka] * p[fpm], p[k10] + p[k12], p[fm] * p[k10], -p[ka], p[kK] * p[kappa], p[kPn] * p[P0], 1.0 / p[day]};
}

static inline void rates(const V *y, const V *p, const Fixed &c, V *dy) {
    const V Cm = y[3] * p[iVm], u = y[4] * p[iKi] + Cm * p[iKim], x = y[6] * p[iKE], inv = 1.0 / (1.0 + u + x), S = y[7] * x * inv;
    const V hA = vpow(u * inv + 1e-6, p[g]), hG = vpow(y[8], p[hg]);
    dy[0] = c.kn * y[0];
    dy[1] = c.kaF * y[0] - c.k10k12 * y[1] + p[k21] * y[2];
    dy[2] = p[k12] * y[1] - p[k21] * y[2];
    dy[3] = c.kafpm * y[0] + c.fmk10 * y[1] - p[km] * y[3];
    dy[4] = p[ke0] * (y[1] * p[iVc] - y[4]);
    dy[5] = p[kPre] * (1.0 + p[aPre] * hA / (p[o50g] + hA) - y[5]);
    dy[6] = p[kE] * (y[5] - y[6]);
    dy[7] = p[kR] * (vpow(p[S0p] / (S + 0.01), p[gR]) - y[7]);
    dy[8] = p[kG] * ((p[gB] + p[gK] * y[9] / (p[K50] + y[9])) / (1.0 + y[4] * p[iKT] + Cm * p[iKTm]) - y[8]);
    dy[9] = c.kKkappa * hG / ((p[G50g] + hG) * (1.0 + p[cS] * S)) - p[kK] * y[9];
    dy[10] = c.kPnP0 * (0.4 + 0.6 * y[9]) / (1.0 + p[cP] * S) - p[kPn] * y[10];
    dy[11] = y[10] * c.cday;
}

// Tsitouras (2011), Comput. Math. Appl. 62(2), 770-775
constexpr double A[7][6] = {
    {},
    {0.161},
    {-0.008480655492356989, 0.335480655492357},
    {2.8971530571054935, -6.359448489975075, 4.3622954328695815},
    {5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525},
    {5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383},
    {0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774}};
constexpr double ERROR[7] = {-0.00178001105222577714, -0.0008164344596567469, 0.007880878010261995, -0.1447110071732629,
                             0.5823571654525552, -0.45808210592918697, 1.0 / 66};

template <int s> static inline __attribute__((always_inline)) void stage(const V *y, V (*k)[N], V h, V *z, const V *p, const Fixed &c) {
    V a[s];
    for (int j = 0; j < s; j++) a[j] = h * A[s][j];
    for (int i = 0; i < N; i++) {
        V sum = a[0] * k[0][i];
        for (int j = 1; j < s; j++) sum += a[j] * k[j][i];
        z[i] = y[i] + sum;
    }
    rates(z, p, c, k[s]);
}

struct Block {
    V p[K], y[N], peak[N], slope[N], t, h, suggest, memory, restart, first, land, active;
    Fixed c;
};

// one trial step of every lane; whether a lane landed on the end of its day
static __attribute__((noinline)) bool step(Block &b, double rtol, const V stop) {
    V k[7][N], z[N], peak[N], error = {};
    for (int i = 0; i < N; i++) k[0][i] = b.slope[i];
    stage<1>(b.y, k, b.h, z, b.p, b.c);
    stage<2>(b.y, k, b.h, z, b.p, b.c);
    stage<3>(b.y, k, b.h, z, b.p, b.c);
    stage<4>(b.y, k, b.h, z, b.p, b.c);
    stage<5>(b.y, k, b.h, z, b.p, b.c);
    stage<6>(b.y, k, b.h, z, b.p, b.c);
    for (int i = 0; i < N; i++) {
        const V size = vmax(vabs(b.y[i]), vabs(z[i]));
        peak[i] = vmax(b.peak[i], size);
        V sum = ERROR[0] * k[0][i];
        for (int j = 1; j < 7; j++) sum += ERROR[j] * k[j][i];
        const V e = b.h * sum / (rtol * (size + FLOOR * peak[i]) + 1e-290);
        error += e * e;
    }
    error = error / double(N);
    error = error < 1e16 ? error : set(1e16);
    const I good = (error <= 1.0) & (b.active > 0.0);
    const V verdict = 0.5 * vlog(vmax(error, set(1e-16)));
    const V exponent = good ? -0.7 / 5 * verdict + 0.4 / 5 * b.memory : -1.0 / 5 * verdict;
    V wish = b.h * vmin(vmax(SAFETY * vexp(exponent), set(SHRINK)), set(GROWTH));
    wish = (good & (b.h < b.suggest)) ? vmax(wish, b.suggest) : wish;
    b.restart = (good & (b.first > 0.0)) ? wish : b.restart;
    const V now = good ? (b.land > 0.0 ? stop : b.t + b.h) : b.t;
    const I landed = good & (b.land > 0.0);
    const V remaining = stop - now;
    const I landing = remaining <= 1.0000001 * wish;
    const V size = landing ? remaining : (remaining < 2.0 * wish ? 0.5 * remaining : wish);
    b.t = now;
    b.h = b.active > 0.0 ? size : set(0.0);
    b.suggest = b.active > 0.0 ? wish : b.suggest;
    b.memory = good ? verdict : b.memory;
    b.first = good ? set(0.0) : b.first;
    b.land = landing ? set(1.0) : set(0.0);
    for (int i = 0; i < N; i++) {
        b.y[i] = good ? z[i] : b.y[i];
        b.peak[i] = good ? peak[i] : b.peak[i];
        b.slope[i] = good ? k[6][i] : b.slope[i];
    }
    for (int l = 0; l < LANES; l++)
        if (landed[l]) return true;
    return false;
}

// first step of lane l's day, from memory or from the size of the derivative
static void aim(Block &b, int l, double stop) {
    double wish = b.restart[l];
    const double remaining = stop - b.t[l];
    if (!(wish > 0.0)) {
        double value = 0.0, slope = 0.0;
        for (int i = 0; i < N; i++) {
            const double scale = std::fabs(b.y[i][l]) + FLOOR * b.peak[i][l];
            if (scale > 0.0) {
                value += std::pow(b.y[i][l] / scale, 2);
                slope += std::pow(b.slope[i][l] / scale, 2);
            }
        }
        wish = std::min(value > 0.0 && slope > 0.0 ? 0.01 * std::sqrt(value / slope) : 1e-3 * remaining, remaining);
    }
    b.memory[l] = 0.0;
    const bool landing = remaining <= 1.0000001 * wish;
    b.suggest[l] = wish;
    b.land[l] = landing;
    b.h[l] = landing ? remaining : (remaining < 2.0 * wish ? 0.5 * remaining : wish);
}

// theta (P, K), doses (P,), out (P, T, S): values before each dose
extern "C" void solve(int people, int days, const double *theta, const double *doses, double *out, double rtol) {
    alignas(64) static thread_local Block b;
    for (int block = 0; block < people; block += LANES) {
        const int running = std::min(LANES, people - block);
        int today[LANES] = {}, left = running;
        V stop = set(EVERY), fresh[N];
        std::memset(&b, 0, sizeof b);
        const auto give = [&](int l) {
            double *row = out + (size_t(block + l) * (days + 1) + today[l]) * N;
            for (int i = 0; i < N; i++) row[i] = b.y[i][l];
            b.y[0][l] += doses[block + l];
            b.peak[0][l] = std::max(b.peak[0][l], b.y[0][l]);
            b.first[l] = 1.0;
        };
        for (int l = 0; l < LANES; l++) {
            const double *person = theta + size_t(block + (l < running ? l : 0)) * K;
            for (int j = 0; j < K; j++) b.p[j][l] = person[j];
            for (int i = 5; i < 10; i++) b.y[i][l] = 1.0;
            b.y[10][l] = 6.0;
            for (int i = 0; i < N; i++) b.peak[i][l] = b.y[i][l];
            b.active[l] = l < running;
            if (l < running) give(l);
        }
        b.c = fixed(b.p);
        rates(b.y, b.p, b.c, b.slope);
        for (int l = 0; l < running; l++) aim(b, l, EVERY);
        while (left > 0) {
            if (!step(b, rtol, stop)) continue;
            bool renew[LANES] = {}, any = false;
            for (int l = 0; l < running; l++) {
                if (!(b.active[l] > 0.0) || b.t[l] < stop[l]) continue;
                today[l]++;
                if (today[l] == days) {
                    double *row = out + (size_t(block + l) * (days + 1) + days) * N;
                    for (int i = 0; i < N; i++) row[i] = b.y[i][l];
                    b.active[l] = b.h[l] = 0.0;
                    left--;
                    continue;
                }
                give(l);
                stop[l] = EVERY * (today[l] + 1);
                renew[l] = any = true;
            }
            if (!any) continue;
            rates(b.y, b.p, b.c, fresh);
            for (int l = 0; l < running; l++)
                if (renew[l]) {
                    for (int i = 0; i < N; i++) b.slope[i][l] = fresh[i][l];
                    aim(b, l, stop[l]);
                }
        }
    }
}
