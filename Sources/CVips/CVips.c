#include "CVips.h"

#include <pthread.h>
#include <string.h>

// The part of libvips and glib that is used, declared here because the wheel of libvips brings no headers.

typedef struct _VipsImage VipsImage;

enum { format_uchar = 0, format_ushort = 2, format_uint = 4 };
enum { interpretation_srgb = 22 };
enum { size_both = 0, size_down = 2, size_force = 3 };
enum { access_sequential = 1 };

extern int vips_init(const char *argv0);
extern const char *vips_version_string(void);
extern void vips_cache_set_max(int max);
extern void vips_concurrency_set(int threads);
extern void vips_block_untrusted_set(int state);
extern void vips_operation_block_set(const char *name, int state);
extern void vips_error_clear(void);
extern const char *vips_error_buffer(void);
extern void vips_error(const char *domain, const char *format, ...);

extern const char *vips_foreign_find_load_buffer(const void *bytes, size_t count);
extern VipsImage *vips_image_new_from_buffer(const void *bytes, size_t count, const char *options, ...);
extern VipsImage *vips_image_new_from_memory(
    const void *bytes, size_t count, int width, int height, int bands, int format);
extern void *vips_image_write_to_memory(VipsImage *image, size_t *count);
extern int vips_image_write_to_buffer(VipsImage *image, const char *suffix, void **bytes, size_t *count, ...);
extern int vips_image_get_width(const VipsImage *image);
extern int vips_image_get_height(const VipsImage *image);
extern int vips_image_get_bands(const VipsImage *image);
extern int vips_image_get_format(const VipsImage *image);
extern int vips_image_get_n_pages(VipsImage *image);
extern int vips_image_get_orientation_swap(VipsImage *image);
extern size_t vips_image_get_typeof(const VipsImage *image, const char *field);
extern int vips_image_hasalpha(VipsImage *image);

extern int vips_thumbnail_buffer(void *bytes, size_t count, VipsImage **out, int width, ...);
extern int vips_thumbnail_image(VipsImage *in, VipsImage **out, int width, ...);
extern int vips_colourspace(VipsImage *in, VipsImage **out, int space, ...);
extern int vips_flatten(VipsImage *in, VipsImage **out, ...);
extern int vips_extract_band(VipsImage *in, VipsImage **out, int band, ...);
extern int vips_extract_area(VipsImage *in, VipsImage **out, int left, int top, int width, int height, ...);
extern int vips_hist_find(VipsImage *in, VipsImage **out, ...);
extern int vips_cast(VipsImage *in, VipsImage **out, int format, ...);

extern void g_free(void *pointer);
extern void *g_malloc(size_t count);
extern void g_object_unref(void *object);
typedef void (*log_handler)(const char *domain, int level, const char *message, void *data);
extern log_handler g_log_set_default_handler(log_handler handler, void *data);

// MARK: Start and errors

static pthread_once_t started = PTHREAD_ONCE_INIT;
static int start_failed = 0;

// libvips has one error buffer for all threads, so two calls that fail together would mix their texts. Calls share
// this lock; one that fails takes it alone and tries again, and the text is then its own.
static pthread_rwlock_t calls;

/// Keeps the log of libvips off the terminal. A damaged JPEG strip of a TIFF file is reported nowhere else, so that goes
/// where the complaints about JPEG files are. Other warnings, such as unknown tags, occur in most good files.
static void keep_complaint(const char *domain, int level, const char *message, void *data) {
    (void)domain, (void)level, (void)data;
    // libvips reports its own errors here again.
    if (strstr(message, "VipsJpeg")) return;
    if (strstr(message, "Corrupt JPEG data") || strstr(message, "Premature end of JPEG"))
        vips_error("tiff", "%s", message);
}

static void start(void) {
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
#ifdef __GLIBC__
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
#endif
    pthread_rwlock_init(&calls, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    g_log_set_default_handler(keep_complaint, NULL);
    start_failed = vips_init("fovea");
    if (start_failed) return;
    // Photographs pass once, and Fovea decodes several at a time: no cache, one thread each.
    vips_cache_set_max(0);
    vips_concurrency_set(1);
    vips_block_untrusted_set(1);
    // The plots that Fovea draws itself; photographs are held to the formats below, so none can be an SVG.
    vips_operation_block_set("VipsForeignLoadSvg", 0);
}

static char *copy_text(const char *text) {
    size_t count = strlen(text);
    while (count > 0 && text[count - 1] == '\n') count -= 1;
    char *copy = g_malloc(count + 1);
    memcpy(copy, text, count);
    copy[count] = 0;
    return copy;
}

/// Runs one call while there is no other; `body` returns 0 on success and leaves nothing behind on failure.
///
/// Where `warnings` is not NULL, what libvips complained of in a call that succeeded is put there.
static char *run_alone(int (*body)(void *), void *context, char **warnings) {
    pthread_once(&started, start);
    if (start_failed) return copy_text("libvips cannot be started");
    pthread_rwlock_wrlock(&calls);
    vips_error_clear();
    int failed = body(context);
    const char *text = vips_error_buffer();
    char *error = failed ? copy_text(text[0] ? text : "the image library gave no reason") : NULL;
    if (!failed && warnings != NULL && text[0]) *warnings = copy_text(text);
    vips_error_clear();
    pthread_rwlock_unlock(&calls);
    return error;
}

/// Runs one call beside others. One that fails or complains is made again, alone, by `undo` and `again`: only then is the
/// text known to be its own.
static char *run(
    int (*body)(void *), int (*again)(void *), void *context, void (*undo)(void *), char **warnings) {
    pthread_once(&started, start);
    if (start_failed) return copy_text("libvips cannot be started");
    pthread_rwlock_rdlock(&calls);
    int failed = body(context);
    int complained = warnings != NULL && vips_error_buffer()[0] != 0;
    pthread_rwlock_unlock(&calls);
    if (!failed && !complained) return NULL;
    if (!failed) undo(context);
    return run_alone(again, context, warnings);
}

void cvips_free(void *pointer) { g_free(pointer); }

const char *cvips_version(void) { return vips_version_string(); }

// MARK: Steps

static const struct {
    const char *loader;
    const char *name;
} formats[] = {
    {"VipsForeignLoadJpeg", "jpeg"}, {"VipsForeignLoadPng", "png"},   {"VipsForeignLoadTiff", "tiff"},
    {"VipsForeignLoadWebp", "webp"}, {"VipsForeignLoadNsgif", "gif"},  {"VipsForeignLoadUhdr", "jpeg"},
};

static const char *format_of(const void *bytes, size_t count) {
    const char *loader = vips_foreign_find_load_buffer(bytes, count);
    if (loader == NULL) return NULL;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strncmp(loader, formats[i].loader, strlen(formats[i].loader)) == 0) return formats[i].name;
    vips_error("format", "%s", "this format is not allowed for photographs");
    return NULL;
}

static const char *samples_of(const VipsImage *image) {
    static const char *names[] = {"8 bit",        "signed 8 bit", "16 bit",         "signed 16 bit", "32 bit",
                                  "signed 32 bit", "float",        "complex number", "double",        "complex double"};
    int format = vips_image_get_format(image);
    return format >= 0 && format < (int)(sizeof(names) / sizeof(names[0])) ? names[format] : "unknown";
}

/// Makes `next` the current image and releases the one it was made from.
static void advance(VipsImage **image, VipsImage *next) {
    g_object_unref(*image);
    *image = next;
}

/// Turns any image into three bands of 8-bit sRGB, transparency laid over black.
static int to_rgb(VipsImage **image) {
    VipsImage *next;
    if (vips_colourspace(*image, &next, interpretation_srgb, NULL)) return -1;
    advance(image, next);
    if (vips_image_hasalpha(*image)) {
        if (vips_flatten(*image, &next, NULL)) return -1;
        advance(image, next);
    }
    if (vips_image_get_bands(*image) != 3) {
        if (vips_extract_band(*image, &next, 0, "n", 3, NULL)) return -1;
        advance(image, next);
    }
    if (vips_cast(*image, &next, format_uchar, NULL)) return -1;
    advance(image, next);
    return 0;
}

static int take_pixels(VipsImage *image, cvips_pixels *result) {
    size_t count = 0;
    result->pixels = vips_image_write_to_memory(image, &count);
    result->width = vips_image_get_width(image);
    result->height = vips_image_get_height(image);
    result->bands = vips_image_get_bands(image);
    return result->pixels == NULL ? -1 : 0;
}

// MARK: Calls

typedef struct {
    const void *bytes;
    size_t count;
    cvips_header *header;
} header_call;

static int read_header(void *context) {
    header_call *call = context;
    const char *format = format_of(call->bytes, call->count);
    if (format == NULL) return -1;
    VipsImage *image = vips_image_new_from_buffer(call->bytes, call->count, "", "access", access_sequential, NULL);
    if (image == NULL) return -1;
    cvips_header header = {
        .width = vips_image_get_width(image),
        .height = vips_image_get_height(image),
        .bands = vips_image_get_bands(image),
        .pages = vips_image_get_n_pages(image),
        .turned = vips_image_get_orientation_swap(image),
    };
    strncpy(header.format, format, sizeof(header.format) - 1);
    strncpy(header.samples, samples_of(image), sizeof(header.samples) - 1);
    *call->header = header;
    g_object_unref(image);
    return 0;
}

char *cvips_read_header(const void *bytes, size_t count, cvips_header *header) {
    header_call call = {bytes, count, header};
    return run(read_header, read_header, &call, NULL, NULL);
}

typedef struct {
    const void *bytes;
    size_t count;
    int side, enlarge;
    cvips_pixels *result;
    cvips_decoding *decoding;
} decode_call;

/// The largest sample of the colours, but for one in a thousand, which may be hot pixels; an alpha channel says nothing about
/// their range.
static int largest_sample(VipsImage *image, cvips_decoding *decoding) {
    VipsImage *histogram;
    if (vips_hist_find(image, &histogram, NULL)) return -1;
    size_t size;
    int width = vips_image_get_width(histogram), bands = vips_image_get_bands(histogram);
    int colours = bands - (vips_image_hasalpha(image) ? 1 : 0);
    uint32_t *counts = vips_image_get_format(histogram) == format_uint
                           ? vips_image_write_to_memory(histogram, &size)
                           : NULL;
    g_object_unref(histogram);
    if (counts == NULL) return -1;
    int64_t left = (int64_t)vips_image_get_width(image) * vips_image_get_height(image) * colours / 1000;
    decoding->largest = 0;
    decoding->brighter = 0;
    for (int value = width - 1; value >= 0; value--) {
        int64_t count = 0;
        for (int band = 0; band < colours; band++) count += counts[(size_t)value * bands + band];
        if (count > left) {
            decoding->largest = value;
            break;
        }
        left -= count;
        decoding->brighter += count;
    }
    g_free(counts);
    return 0;
}

/// Fits the image into a square of `side` pixels. Only a JPEG file is also shrunk while it is decoded, which saves most of the
/// time: WebP shrinks with a filter of its own, and the smaller copies in a TIFF file are anybody's.
static int shrink(const char *format, const char *level, const char *profile, decode_call *call, VipsImage **image) {
    int size = call->enlarge ? size_both : size_down;
    // Its own argument `fail_on` does not reach the loaders of buffers in 8.18; the option string does.
    if (strcmp(format, "jpeg") == 0)
        return vips_thumbnail_buffer((void *)call->bytes, call->count, image, call->side, "height", call->side, "size",
                                     size, "option_string", level, profile ? "output_profile" : NULL, profile, NULL);
    VipsImage *whole = vips_image_new_from_buffer(call->bytes, call->count, level, "access", access_sequential, NULL);
    if (whole == NULL) return -1;
    int failed = vips_thumbnail_image(whole, image, call->side, "height", call->side, "size", size,
                                      profile ? "output_profile" : NULL, profile, NULL);
    g_object_unref(whole);
    return failed;
}

static int decode_failing_on(const char *level, decode_call *call) {
    const char *format = format_of(call->bytes, call->count);
    if (format == NULL) return -1;
    VipsImage *image = vips_image_new_from_buffer(call->bytes, call->count, "", "access", access_sequential, NULL);
    if (image == NULL) return -1;
    // Requesting sRGB where the file has no profile would send every pixel through lcms for nothing.
    const char *profile = vips_image_get_typeof(image, "icc-profile-data") ? "srgb" : NULL;
    call->decoding->largest = -1;
    int failed = vips_image_get_format(image) == format_ushort && largest_sample(image, call->decoding);
    g_object_unref(image);
    if (failed || shrink(format, level, profile, call, &image)) return -1;
    failed = to_rgb(&image) || take_pixels(image, call->result);
    g_object_unref(image);
    return failed;
}

static int decode(void *context) { return decode_failing_on("[fail_on=error]", context); }

/// Fails where the decoder complains of anything: what it says is read from the error buffer, which libvips itself clears
/// when another thread looks for the loader of a file.
static int decode_strictly(void *context) { return decode_failing_on("[fail_on=warning]", context); }

static void forget_pixels(void *context) {
    decode_call *call = context;
    g_free(call->result->pixels);
    call->result->pixels = NULL;
}

static int is_tiff(const void *bytes, size_t count) {
    static const char starts[4][5] = {"II*\0", "MM\0*", "II+\0", "MM\0+"};
    for (int i = 0; i < 4; i++)
        if (count >= 4 && memcmp(bytes, starts[i], 4) == 0) return 1;
    return 0;
}

char *cvips_decode(
    const void *bytes, size_t count, int32_t side, int32_t enlarge, cvips_pixels *result, cvips_decoding *decoding) {
    decode_call call = {bytes, count, side, enlarge, result, decoding};
    decoding->warnings = NULL;
    // Of a tile that cannot be read, only the error buffer knows.
    if (is_tiff(bytes, count)) return run_alone(decode, &call, &decoding->warnings);
    return run(decode_strictly, decode, &call, forget_pixels, &decoding->warnings);
}

typedef struct {
    const uint8_t *rgb;
    int width, height, left, top, area_width, area_height, new_width, new_height;
    cvips_pixels *result;
} resize_call;

static int crop_resize(void *context) {
    resize_call *call = context;
    VipsImage *image = vips_image_new_from_memory(
        call->rgb, (size_t)call->width * (size_t)call->height * 3, call->width, call->height, 3, format_uchar);
    if (image == NULL) return -1;
    VipsImage *next;
    int failed = vips_extract_area(image, &next, call->left, call->top, call->area_width, call->area_height, NULL);
    if (!failed) {
        advance(&image, next);
        failed = vips_thumbnail_image(image, &next, call->new_width, "height", call->new_height, "size", size_force,
                                      NULL);
    }
    if (!failed) {
        advance(&image, next);
        failed = take_pixels(image, call->result);
    }
    g_object_unref(image);
    return failed;
}

char *cvips_crop_resize(
    const uint8_t *rgb, int32_t width, int32_t height, int32_t left, int32_t top, int32_t area_width,
    int32_t area_height, int32_t new_width, int32_t new_height, cvips_pixels *result) {
    resize_call call = {rgb, width, height, left, top, area_width, area_height, new_width, new_height, result};
    return run(crop_resize, crop_resize, &call, NULL, NULL);
}

typedef struct {
    const uint8_t *pixels;
    int width, height, bands;
    const char *suffix;
    void **bytes;
    size_t *count;
} encode_call;

static int encode(void *context) {
    encode_call *call = context;
    size_t size = (size_t)call->width * (size_t)call->height * (size_t)call->bands;
    VipsImage *image =
        vips_image_new_from_memory(call->pixels, size, call->width, call->height, call->bands, format_uchar);
    if (image == NULL) return -1;
    int failed = vips_image_write_to_buffer(image, call->suffix, call->bytes, call->count, NULL);
    g_object_unref(image);
    return failed;
}

char *cvips_encode(
    const uint8_t *pixels, int32_t width, int32_t height, int32_t bands, const char *suffix, void **bytes,
    size_t *count) {
    encode_call call = {pixels, width, height, bands, suffix, bytes, count};
    return run(encode, encode, &call, NULL, NULL);
}
