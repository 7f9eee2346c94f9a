#include "internal.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/Generator.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/core/GradMode.h>
#include <dlfcn.h>
#include <malloc.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/version.h>

#include <atomic>
#include <cstring>
#include <limits>
#include <mutex>
#include <string>

struct ct_operator {
    c10::OperatorHandle handle;
};

namespace {

std::atomic<int64_t> live{0};

c10::Device device(int32_t type, int32_t index) {
    return c10::Device(static_cast<c10::DeviceType>(type), static_cast<c10::DeviceIndex>(index));
}

// The processor's generator belongs to the calling thread, as the modes of autograd do: what two threads draw does not
// depend on each other. A GPU has one for the process.
at::Generator generator(c10::Device of) {
    if (!of.is_cpu()) return at::globalContext().defaultGenerator(of);
    thread_local at::Generator own = at::detail::createCPUGenerator(c10::default_rng_seed_val);
    return own;
}

// Whether a missing argument is the generator that an operator on the processor's tensors draws from.
bool wantsGenerator(const c10::Argument &argument, const c10::Stack &stack) {
    return argument.name() == "generator" && !stack.empty() && stack[0].isTensor() && stack[0].toTensor().is_cpu();
}

// `to` is the type that the operator's schema requires: an int for a float argument becomes a double.
c10::IValue convert(const ct_value &value, const c10::TypePtr &to) {
    switch (value.tag) {
        case CT_NONE: return c10::IValue();
        case CT_TENSOR: return value.tensor->value;
        case CT_INT:
            if (to->kind() == c10::TypeKind::FloatType) return static_cast<double>(value.integer);
            return value.integer;
        case CT_DOUBLE: return value.number;
        case CT_BOOL: return value.boolean;
        case CT_STRING: return std::string(value.text);
        case CT_INT_LIST: {
            auto *items = static_cast<const int64_t *>(value.list);
            return c10::IValue(c10::List<int64_t>(c10::ArrayRef<int64_t>(items, value.count)));
        }
        case CT_DOUBLE_LIST: {
            auto *items = static_cast<const double *>(value.list);
            return c10::IValue(c10::List<double>(c10::ArrayRef<double>(items, value.count)));
        }
        case CT_TENSOR_LIST: {
            auto *items = static_cast<ct_tensor *const *>(value.list);
            c10::List<at::Tensor> list;
            list.reserve(value.count);
            for (size_t i = 0; i < value.count; ++i) list.push_back(items[i]->value);
            return c10::IValue(std::move(list));
        }
        case CT_OPTIONAL_TENSOR_LIST: {
            auto *items = static_cast<ct_tensor *const *>(value.list);
            c10::List<std::optional<at::Tensor>> list;
            list.reserve(value.count);
            for (size_t i = 0; i < value.count; ++i) {
                list.push_back(items[i] ? std::optional<at::Tensor>(items[i]->value) : std::nullopt);
            }
            return c10::IValue(std::move(list));
        }
        case CT_DEVICE: return device(static_cast<int32_t>(value.integer), value.extra);
    }
    throw std::runtime_error("a value with an unknown tag");
}

void store(const c10::IValue &value, ct_value *results, size_t capacity, size_t &count) {
    if (value.isTensorList()) {
        for (const at::Tensor &tensor : value.toTensorVector()) store(tensor, results, capacity, count);
        return;
    }
    if (count >= capacity) throw std::runtime_error("more results than the caller has room for");
    ct_value &slot = results[count];
    slot = ct_value{};
    if (value.isTensor()) {
        if (value.toTensor().defined()) {
            slot.tag = CT_TENSOR;
            slot.tensor = wrap(value.toTensor());
        }
    } else if (value.isInt()) {
        slot.tag = CT_INT;
        slot.integer = value.toInt();
    } else if (value.isDouble()) {
        slot.tag = CT_DOUBLE;
        slot.number = value.toDouble();
    } else if (value.isBool()) {
        slot.tag = CT_BOOL;
        slot.boolean = value.toBool();
    } else if (!value.isNone()) {
        throw std::runtime_error("a result of a kind that is not supported: " + value.tagKind());
    }
    ++count;
}

}  // namespace

ct_tensor *wrap(at::Tensor value) {
    auto *tensor = new ct_tensor{std::move(value)};
    live.fetch_add(1, std::memory_order_relaxed);
    return tensor;
}

extern "C" {

const ct_operator *ct_find_operator(const char *name, const char *overload, char **error) {
    return guarded<const ct_operator *>(error, nullptr, [&]() -> const ct_operator * {
        auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
        if (!handle) {
            report(error, "this libtorch has no such operator");
            return nullptr;
        }
        return new ct_operator{*handle};
    });
}

bool ct_call(const ct_operator *op, const ct_value *arguments, size_t argument_count, ct_value *results,
             size_t *result_count, char **error) {
    size_t capacity = *result_count;
    *result_count = 0;
    return guarded(error, false, [&] {
        const auto &schema = op->handle.schema().arguments();
        if (argument_count > schema.size()) throw std::runtime_error("too many arguments for this operator");
        c10::Stack stack;
        stack.reserve(schema.size());
        for (size_t i = 0; i < schema.size(); ++i) {
            if (i < argument_count) {
                stack.push_back(convert(arguments[i], schema[i].type()));
            } else if (wantsGenerator(schema[i], stack)) {
                stack.push_back(generator(c10::Device(c10::kCPU)));
            } else if (schema[i].default_value()) {
                stack.push_back(*schema[i].default_value());
            } else {
                throw std::runtime_error("argument \"" + schema[i].name() + "\" is missing");
            }
        }
        op->handle.callBoxed(stack);
        for (const auto &value : stack) store(value, results, capacity, *result_count);
        return true;
    });
}

void ct_release(ct_tensor *tensor) {
    delete tensor;
    live.fetch_sub(1, std::memory_order_relaxed);
}

int64_t ct_live_tensors(void) { return live.load(std::memory_order_relaxed); }

ct_tensor *ct_from_bytes(const void *bytes, size_t byte_count, const int64_t *shape, size_t rank, int32_t dtype,
                         char **error) {
    return guarded<ct_tensor *>(error, nullptr, [&] {
        auto options = at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype));
        c10::InferenceMode off(false);
        at::Tensor tensor = at::empty(at::IntArrayRef(shape, rank), options);
        if (tensor.nbytes() != byte_count) throw std::runtime_error("the bytes do not fill the shape");
        if (byte_count) std::memcpy(tensor.mutable_data_ptr(), bytes, byte_count);
        return wrap(std::move(tensor));
    });
}

ct_tensor *ct_empty(const int64_t *shape, size_t rank, int32_t dtype, char **error) {
    return guarded<ct_tensor *>(error, nullptr, [&] {
        auto options = at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype));
        c10::InferenceMode off(false);
        return wrap(at::empty(at::IntArrayRef(shape, rank), options));
    });
}

int32_t ct_dtype(const ct_tensor *tensor) { return static_cast<int32_t>(tensor->value.scalar_type()); }
size_t ct_rank(const ct_tensor *tensor) { return static_cast<size_t>(tensor->value.dim()); }

void ct_shape(const ct_tensor *tensor, int64_t *shape) {
    auto sizes = tensor->value.sizes();
    std::copy(sizes.begin(), sizes.end(), shape);
}

int64_t ct_element_size(const ct_tensor *tensor) { return static_cast<int64_t>(tensor->value.element_size()); }

void ct_device(const ct_tensor *tensor, int32_t *type, int32_t *index) {
    *type = static_cast<int32_t>(tensor->value.device().type());
    *index = tensor->value.device().index();
}

bool ct_is_channels_last(const ct_tensor *tensor) {
    return tensor->value.is_contiguous(at::MemoryFormat::ChannelsLast);
}

void *ct_data(const ct_tensor *tensor) {
    return tensor->value.device().is_cpu() ? tensor->value.data_ptr() : nullptr;
}

bool ct_requires_grad(const ct_tensor *tensor) { return tensor->value.requires_grad(); }

bool ct_set_requires_grad(ct_tensor *tensor, bool value, char **error) {
    return guarded(error, false, [&] {
        tensor->value.set_requires_grad(value);
        return true;
    });
}

ct_tensor *ct_grad(const ct_tensor *tensor) {
    const at::Tensor &gradient = tensor->value.grad();
    return gradient.defined() ? wrap(gradient) : nullptr;
}

bool ct_set_grad(ct_tensor *tensor, ct_tensor *gradient, char **error) {
    return guarded(error, false, [&] {
        tensor->value.mutable_grad() = gradient ? gradient->value : at::Tensor();
        return true;
    });
}

bool ct_backward(ct_tensor *loss, char **error) {
    return guarded(error, false, [&] {
        torch::autograd::backward({loss->value}, {});
        return true;
    });
}

bool ct_gradients(ct_tensor *output, ct_tensor *const *inputs, size_t count, ct_tensor **gradients, char **error) {
    return guarded(error, false, [&] {
        std::vector<at::Tensor> variables;
        for (size_t i = 0; i < count; ++i) variables.push_back(inputs[i]->value);
        auto found = torch::autograd::grad({output->value}, variables, {}, std::nullopt, false, true);
        for (size_t i = 0; i < count; ++i) gradients[i] = found[i].defined() ? wrap(found[i]) : nullptr;
        return true;
    });
}

bool ct_grad_enabled(void) { return c10::GradMode::is_enabled(); }
void ct_set_grad_enabled(bool value) { c10::GradMode::set_enabled(value); }
void *ct_enter_inference(void) { return new c10::InferenceMode(true); }
void ct_leave_inference(void *guard) { delete static_cast<c10::InferenceMode *>(guard); }

ct_autocast ct_get_autocast(int32_t type) {
    auto device_type = static_cast<c10::DeviceType>(type);
    return {at::autocast::is_autocast_enabled(device_type),
            static_cast<int32_t>(at::autocast::get_autocast_dtype(device_type)),
            at::autocast::is_autocast_cache_enabled()};
}

void ct_set_autocast(int32_t type, ct_autocast state) {
    auto device_type = static_cast<c10::DeviceType>(type);
    at::autocast::set_autocast_enabled(device_type, state.enabled);
    at::autocast::set_autocast_dtype(device_type, static_cast<at::ScalarType>(state.dtype));
    at::autocast::set_autocast_cache_enabled(state.cache);
}

void ct_clear_autocast_cache(void) { at::autocast::clear_cache(); }
void ct_enter_autocast_nesting(void) { at::autocast::increment_nesting(); }
int ct_leave_autocast_nesting(void) { return at::autocast::decrement_nesting(); }

const char *ct_version(void) { return TORCH_VERSION; }

const char *ct_cpu_capability(void) {
    static const std::string capability = at::get_cpu_capability();
    return capability.c_str();
}

bool ct_load_cuda(char **error) {
    static std::once_flag once;
    static void *library = nullptr;
    static std::string message;
    std::call_once(once, [] {
        library = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL);
        if (!library) message = dlerror();
    });
    if (!library) report(error, message.c_str());
    return library != nullptr;
}

int ct_cuda_devices(void) {
    return guarded(nullptr, 0, [] {
        if (!at::hasCUDA()) return 0;
        return static_cast<int>(c10::impl::VirtualGuardImpl(c10::DeviceType::CUDA).deviceCount());
    });
}

bool ct_cuda_synchronize(int index, char **error) {
    return guarded(error, false, [&] {
        c10::impl::VirtualGuardImpl(c10::DeviceType::CUDA).synchronizeDevice(static_cast<c10::DeviceIndex>(index));
        return true;
    });
}

int ct_threads(void) { return at::get_num_threads(); }
void ct_set_threads(int count) { at::set_num_threads(count); }

void ct_keep_freed_memory(void) {
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
    mallopt(M_TOP_PAD, 64 << 20);
#endif
}

bool ct_seed(int32_t type, int32_t index, uint64_t seed, char **error) {
    return guarded(error, false, [&] {
        at::Generator chosen = generator(device(type, index));
        std::lock_guard<std::mutex> lock(chosen.mutex());
        chosen.set_current_seed(seed);
        return true;
    });
}

ct_tensor *ct_random_state(int32_t type, int32_t index, char **error) {
    return guarded<ct_tensor *>(error, nullptr, [&] {
        at::Generator chosen = generator(device(type, index));
        std::lock_guard<std::mutex> lock(chosen.mutex());
        return wrap(chosen.get_state());
    });
}

bool ct_set_random_state(int32_t type, int32_t index, ct_tensor *state, char **error) {
    return guarded(error, false, [&] {
        at::Generator chosen = generator(device(type, index));
        std::lock_guard<std::mutex> lock(chosen.mutex());
        chosen.set_state(state->value);
        return true;
    });
}

void ct_free_text(char *text) { free(text); }

}  // extern "C"
