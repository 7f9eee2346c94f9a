// A C view of libtorch that knows no operator: operators are looked up by name in the dispatcher and called boxed.
//
// Every function that can fail returns false (or NULL) and sets *error to a text that ct_free_text frees; no C++
// exception leaves this library. A ct_tensor owns one reference to a tensor and is released by ct_release.
#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor ct_tensor;
typedef struct ct_operator ct_operator;

typedef enum {
    CT_NONE = 0,
    CT_TENSOR,        // tensor
    CT_INT,           // integer; also dtype, layout and memory format
    CT_DOUBLE,        // number
    CT_BOOL,          // boolean
    CT_STRING,        // text
    CT_INT_LIST,      // list, count, of int64_t
    CT_DOUBLE_LIST,   // list, count, of double
    CT_TENSOR_LIST,   // list, count, of ct_tensor *
    CT_OPTIONAL_TENSOR_LIST,  // the same, NULL for none
    CT_DEVICE,        // integer = device type, extra = index
} ct_tag;

typedef struct {
    ct_tag tag;
    int32_t extra;
    union {
        ct_tensor *tensor;
        int64_t integer;
        double number;
        bool boolean;
        const char *text;
        const void *list;
    };
    size_t count;
} ct_value;

// Operators.
const ct_operator *ct_find_operator(const char *name, const char *overload, char **error);
// Calls an operator. Results: tensors are new references; lists are spread into consecutive values. *result_count holds
// the capacity of `results` on entry and the number written on return.
bool ct_call(const ct_operator *op, const ct_value *arguments, size_t argument_count, ct_value *results,
             size_t *result_count, char **error);

// Tensors.
void ct_release(ct_tensor *tensor);
int64_t ct_live_tensors(void);
// A tensor that owns a copy of `byte_count` bytes, contiguous, on the CPU.
ct_tensor *ct_from_bytes(const void *bytes, size_t byte_count, const int64_t *shape, size_t rank, int32_t dtype,
                         char **error);
// The same without values.
ct_tensor *ct_empty(const int64_t *shape, size_t rank, int32_t dtype, char **error);
int32_t ct_dtype(const ct_tensor *tensor);
size_t ct_rank(const ct_tensor *tensor);
void ct_shape(const ct_tensor *tensor, int64_t *shape);
int64_t ct_element_size(const ct_tensor *tensor);
void ct_device(const ct_tensor *tensor, int32_t *type, int32_t *index);
bool ct_is_channels_last(const ct_tensor *tensor);
// The first byte of a CPU tensor; NULL elsewhere.
void *ct_data(const ct_tensor *tensor);
bool ct_requires_grad(const ct_tensor *tensor);
bool ct_set_requires_grad(ct_tensor *tensor, bool value, char **error);
// The accumulated gradient as a new reference, or NULL.
ct_tensor *ct_grad(const ct_tensor *tensor);
bool ct_set_grad(ct_tensor *tensor, ct_tensor *gradient, char **error);

// Autograd and modes (thread-local).
bool ct_backward(ct_tensor *loss, char **error);
bool ct_gradients(ct_tensor *output, ct_tensor *const *inputs, size_t count, ct_tensor **gradients, char **error);
bool ct_grad_enabled(void);
void ct_set_grad_enabled(bool value);
void *ct_enter_inference(void);
void ct_leave_inference(void *guard);
typedef struct {
    bool enabled;
    int32_t dtype;
    bool cache;
} ct_autocast;
ct_autocast ct_get_autocast(int32_t device_type);
void ct_set_autocast(int32_t device_type, ct_autocast state);
void ct_clear_autocast_cache(void);
void ct_enter_autocast_nesting(void);
int ct_leave_autocast_nesting(void);

// Devices, threads, random numbers.
const char *ct_version(void);
const char *ct_cpu_capability(void);
bool ct_load_cuda(char **error);
int ct_cuda_devices(void);
bool ct_cuda_synchronize(int index, char **error);
int ct_threads(void);
void ct_set_threads(int count);
// Makes the C library keep freed memory for the next allocation, of any thread, instead of handing it back to the kernel.
// To be called before there are threads.
void ct_keep_freed_memory(void);
// The processor's random generator belongs to the calling thread, a GPU's to the process.
bool ct_seed(int32_t device_type, int32_t index, uint64_t seed, char **error);
ct_tensor *ct_random_state(int32_t device_type, int32_t index, char **error);
bool ct_set_random_state(int32_t device_type, int32_t index, ct_tensor *state, char **error);

// What the environment says of how threads of the OpenMP library wait, such as "GOMP_SPINCOUNT=10000"; NULL for nothing.
// Unless it says something, a function that the loader calls first sets that (waiting.c).
const char *ct_waiting(void);

// Processes that compute together, by gloo. All of them make the same calls in the same order.
typedef struct ct_group ct_group;
// Connects to the address where notes are kept, which one process serves unless the program that started them does; `name`
// tells several groups there apart.
ct_group *ct_group_meet(const char *host, uint16_t port, bool serves, const char *name, int64_t seconds, char **error);
// Connects all `size` processes, which have met, with each other.
bool ct_group_join(ct_group *group, int rank, int size, int64_t seconds, char **error);
// Replaces a contiguous CPU tensor, in place, by the sum over all processes.
bool ct_group_sum(ct_group *group, ct_tensor *tensor, int64_t seconds, char **error);
// Closes the connections to the other processes, which notice it; notes can be made and read still.
void ct_group_disconnect(ct_group *group);
bool ct_group_note(ct_group *group, const char *key, char **error);
// False, without an error, where no process has made that note.
bool ct_group_noted(ct_group *group, const char *key, char **error);
void ct_group_leave(ct_group *group);
// A batch norm in training over the images of all processes, differentiable; changes the running statistics.
ct_tensor *ct_group_batch_norm(ct_group *group, ct_tensor *input, ct_tensor *weight, ct_tensor *bias, ct_tensor *mean,
                               ct_tensor *variance, double momentum, double epsilon, char **error);

void ct_free_text(char *text);

#ifdef __cplusplus
}
#endif
#endif
