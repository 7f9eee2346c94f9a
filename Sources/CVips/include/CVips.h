// The functions of libvips 8.18 that Fovea uses, as plain C functions with fixed arguments.
//
// Every function that can fail returns NULL on success, or an error text that the caller frees with `cvips_free`.
// All functions may be called from several threads at once; libvips itself works with one thread per call.

#ifndef CVIPS_H
#define CVIPS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Pixels, 8 bits a sample, rows without padding, bands interleaved. Freed with `cvips_free(pixels)`.
typedef struct {
    uint8_t *_Nullable pixels;
    int32_t width;
    int32_t height;
    int32_t bands;
} cvips_pixels;

/// What the header of an image file says, before anything is decoded.
typedef struct {
    int64_t width;
    int64_t height;
    int32_t bands;
    int32_t pages;
    /// Whether the EXIF tag turns it on its side.
    int32_t turned;
    /// "jpeg", "png", "tiff", "webp" or "gif".
    char format[16];
    /// What a sample is: "8 bit", "16 bit" (both unsigned), or another name such as "float".
    char samples[24];
} cvips_header;

/// What is known of a decoded file in addition to its pixels.
typedef struct {
    /// Complaints of a decoder that did not stop, one per line; NULL where there are none. Freed with `cvips_free`.
    char *_Nullable warnings;
    /// The largest sample of a file with 16 bits a sample, one in a thousand left out as too bright to count; -1 for others.
    int32_t largest;
    /// How many samples are above that one.
    int64_t brighter;
} cvips_decoding;

/// Frees a text, pixels or bytes that a function of this header returned; NULL is allowed.
void cvips_free(void *_Nullable pointer);

/// The version of the library that is linked, such as "8.18.7".
const char *_Nonnull cvips_version(void);

/// Reads the header of an image file held in memory. Formats other than those of `cvips_header` are refused.
char *_Nullable cvips_read_header(const void *_Nonnull bytes, size_t count, cvips_header *_Nonnull header);

/// Decodes the first page of an image file held in memory to sRGB with three bands: turned upright by its EXIF tag,
/// profiles applied, transparency laid over black. It is shrunk so that its longer side is `side` pixels; a smaller image
/// is enlarged only if `enlarge` is not 0. A file that is damaged or cut is an error where the decoder gives up, and a
/// warning where it fills the rest up.
char *_Nullable cvips_decode(
    const void *_Nonnull bytes, size_t count, int32_t side, int32_t enlarge, cvips_pixels *_Nonnull result,
    cvips_decoding *_Nonnull decoding);

/// Cuts an area out of RGB pixels and resizes it, with antialiasing (Lanczos), to `new_width` x `new_height`.
char *_Nullable cvips_crop_resize(
    const uint8_t *_Nonnull rgb, int32_t width, int32_t height, int32_t left, int32_t top, int32_t area_width,
    int32_t area_height, int32_t new_width, int32_t new_height, cvips_pixels *_Nonnull result);

/// Encodes pixels with 1, 3 or 4 bands (the fourth is opacity); `suffix` is the format with its options, such as ".jpg[Q=90]" or ".png".
char *_Nullable cvips_encode(
    const uint8_t *_Nonnull pixels, int32_t width, int32_t height, int32_t bands, const char *_Nonnull suffix,
    void *_Nullable *_Nonnull bytes, size_t *_Nonnull count);

#ifdef __cplusplus
}
#endif

#endif
