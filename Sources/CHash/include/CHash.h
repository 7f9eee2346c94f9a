#ifndef FOVEA_CHASH_H
#define FOVEA_CHASH_H

#include <stddef.h>
#include <stdint.h>

/// The state of a SHA-256 computation (FIPS 180-4).
typedef struct {
    uint32_t state[8];
    uint64_t length;     ///< bytes hashed so far
    uint8_t block[64];   ///< the bytes of an unfinished block
} fovea_sha256;

/// Begins a computation.
void fovea_sha256_begin(fovea_sha256 *hash);

/// Adds `count` bytes.
void fovea_sha256_update(fovea_sha256 *hash, const void *bytes, size_t count);

/// Writes the 32 bytes of the digest. The state cannot be used afterwards.
void fovea_sha256_finish(fovea_sha256 *hash, uint8_t digest[32]);

/// Whether the processor's SHA instructions are used.
int fovea_sha256_is_accelerated(void);

/// The same function without the processor's SHA instructions, for tests.
void fovea_sha256_portable(const void *bytes, size_t count, uint8_t digest[32]);

#endif
