// SHA-256 as FIPS 180-4 defines it: once in portable C, once with the SHA extensions of x86-64 processors. It is our own
// because the alternative, BoringSSL through swift-crypto, was three quarters of all compile steps for this one function.
#include "CHash.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, section 4.2.2).
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void compress_portable(uint32_t state[8], const uint8_t *p, size_t blocks) {
    for (; blocks > 0; blocks--, p += 64) {
        uint32_t w[64];
        for (int t = 0; t < 16; t++) {
            w[t] = (uint32_t)p[4 * t] << 24 | (uint32_t)p[4 * t + 1] << 16 | (uint32_t)p[4 * t + 2] << 8 | p[4 * t + 3];
        }
        for (int t = 16; t < 64; t++) {
            uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
            uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
            w[t] = w[t - 16] + s0 + w[t - 7] + s1;
        }
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        for (int t = 0; t < 64; t++) {
            uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + K[t] + w[t];
            uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    }
}

#if defined(__x86_64__)
// Two instructions make four rounds; they hold the state as (a, b, e, f) and (c, d, g, h).
__attribute__((target("sha,sse4.1,ssse3")))
static void compress_accelerated(uint32_t state[8], const uint8_t *p, size_t blocks) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i dcba = _mm_loadu_si128((const __m128i *)state);
    __m128i hgfe = _mm_loadu_si128((const __m128i *)(state + 4));
    __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    for (; blocks > 0; blocks--, p += 64) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];
        for (int t = 0; t < 16; t++) {
            // w[t % 4] becomes the words 4t ... 4t + 3 of the message schedule.
            if (t < 4) {
                w[t] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(p + 16 * t)), big_endian);
            } else {
                __m128i last = w[(t + 3) % 4];
                __m128i sum = _mm_sha256msg1_epu32(w[t % 4], w[(t + 1) % 4]);
                sum = _mm_add_epi32(sum, _mm_alignr_epi8(last, w[(t + 2) % 4], 4));
                w[t % 4] = _mm_sha256msg2_epu32(sum, last);
            }
            __m128i words = _mm_add_epi32(w[t % 4], _mm_loadu_si128((const __m128i *)(K + 4 * t)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, words);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(words, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}
#endif

int fovea_sha256_is_accelerated(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("sha") && __builtin_cpu_supports("sse4.1");
#else
    return 0;
#endif
}

typedef void (*compression)(uint32_t state[8], const uint8_t *bytes, size_t blocks);

static compression best(void) {
#if defined(__x86_64__)
    if (fovea_sha256_is_accelerated()) return compress_accelerated;
#endif
    return compress_portable;
}

void fovea_sha256_begin(fovea_sha256 *hash) {
    // The first 32 bits of the fractional parts of the square roots of the first 8 primes (section 5.3.3).
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(hash->state, initial, sizeof initial);
    hash->length = 0;
}

static void update(fovea_sha256 *hash, const uint8_t *bytes, size_t count, compression compress) {
    size_t held = hash->length % 64;
    hash->length += count;
    if (held > 0) {
        size_t taken = count < 64 - held ? count : 64 - held;
        memcpy(hash->block + held, bytes, taken);
        bytes += taken, count -= taken;
        if (held + taken < 64) return;
        compress(hash->state, hash->block, 1);
    }
    compress(hash->state, bytes, count / 64);
    if (count % 64 > 0) memcpy(hash->block, bytes + count / 64 * 64, count % 64);
}

static void finish(fovea_sha256 *hash, uint8_t digest[32], compression compress) {
    uint8_t padding[72] = {0x80};
    uint64_t bits = hash->length * 8;
    size_t zeros = (119 - hash->length % 64) % 64;
    for (int k = 0; k < 8; k++) padding[1 + zeros + k] = (uint8_t)(bits >> (56 - 8 * k));
    update(hash, padding, 9 + zeros, compress);
    for (int k = 0; k < 32; k++) digest[k] = (uint8_t)(hash->state[k / 4] >> (24 - 8 * (k % 4)));
}

void fovea_sha256_update(fovea_sha256 *hash, const void *bytes, size_t count) {
    if (count > 0) update(hash, bytes, count, best());
}

void fovea_sha256_finish(fovea_sha256 *hash, uint8_t digest[32]) { finish(hash, digest, best()); }

void fovea_sha256_portable(const void *bytes, size_t count, uint8_t digest[32]) {
    fovea_sha256 hash;
    fovea_sha256_begin(&hash);
    if (count > 0) update(&hash, bytes, count, compress_portable);
    finish(&hash, digest, compress_portable);
}
