// Processes that compute together: libtorch's c10d, with gloo.
#define USE_C10D_GLOO

#include "internal.h"

#include <c10/util/Logging.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>

struct ct_group {
    c10::intrusive_ptr<c10d::Store> store;
    c10::intrusive_ptr<c10d::ProcessGroupGloo> processes;

    void sum(at::Tensor &tensor, std::chrono::seconds patience) {
        if (!processes) throw std::runtime_error("between the processes: the group has ended");
        std::vector<at::Tensor> tensors{tensor};
        c10d::AllreduceOptions options;
        options.timeout = patience;
        try {
            processes->allreduce(tensors, options)->wait();
        } catch (const std::exception &e) {
            // By these words the error is recognised, also where it comes up in a backward pass.
            throw std::runtime_error(std::string("between the processes: ") + e.what());
        }
    }
};

namespace {

// libtorch's flight recorder notes every sum. Groups of one process, as tests have them, change its map without a lock, which
// ended the process by SIGSEGV; nobody reads it here. Set while there is one thread.
__attribute__((constructor)) void leave_out_flight_recorder() { setenv("TORCH_FR_BUFFER_SIZE", "0", /*overwrite=*/0); }

constexpr std::chrono::minutes patience{30};

// The dimensions of an input over which a channel's statistics are taken.
constexpr std::array<int64_t, 3> places{0, 2, 3};

// Batch normalisation over the batches of all processes. The gradients of weight and bias are those of this process's part:
// they are added up with all others.
struct SharedBatchNorm : torch::autograd::Function<SharedBatchNorm> {
    // A number for each channel, in the shape of the input.
    static at::Tensor across(const at::Tensor &numbers, const at::Tensor &like) {
        return numbers.view({1, like.size(1), 1, 1}).to(like.scalar_type());
    }

    static at::Tensor forward(torch::autograd::AutogradContext *context, at::Tensor input, at::Tensor weight,
                              at::Tensor bias, at::Tensor mean, at::Tensor variance, double momentum, double epsilon,
                              int64_t address) {
        auto *group = reinterpret_cast<ct_group *>(address);
        auto x = input.to(at::kFloat);
        int64_t channels = x.size(1);
        double own = channels ? static_cast<double>(x.numel()) / channels : 0;
        // Sums over the images: of 1, of x, of x squared. Variance and mean are taken first, since these sums may cancel.
        auto sums = at::zeros({2 * channels + 1}, at::kDouble);
        if (own > 0) {
            auto [v, m] = at::var_mean(x, places, /*unbiased=*/false);
            auto first = m.to(at::kDouble), second = v.to(at::kDouble) + first * first;
            sums = at::cat({first * own, second * own, at::full({1}, own, first.options())}).cpu();
        }
        group->sum(sums, patience);
        double all = std::max(1.0, sums[2 * channels].item<double>());
        auto average = sums.narrow(0, 0, channels) / all;
        auto spread = (sums.narrow(0, channels, channels) / all - average * average).clamp_min(0);
        auto unbiased = spread * (all / std::max(1.0, all - 1));
        mean.mul_(1 - momentum).add_(average.to(mean.options()), momentum);
        variance.mul_(1 - momentum).add_(unbiased.to(variance.options()), momentum);
        auto center = average.to(x.options()), scale = (spread + epsilon).rsqrt().to(x.options());
        auto normal = (x - across(center, x)) * across(scale, x);
        context->save_for_backward({normal, weight, scale});
        context->saved_data["all"] = all;
        context->saved_data["group"] = address;
        return (normal * across(weight, x) + across(bias, x)).to(input.scalar_type());
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                   torch::autograd::variable_list gradients) {
        auto saved = context->get_saved_variables();
        const auto &normal = saved[0], &weight = saved[1], &scale = saved[2];
        double all = context->saved_data["all"].toDouble();
        auto *group = reinterpret_cast<ct_group *>(context->saved_data["group"].toInt());
        auto dy = gradients[0].to(at::kFloat);
        auto ofBias = dy.sum(places), ofWeight = (dy * normal).sum(places);
        auto sums = at::cat({ofBias, ofWeight}).to(at::kDouble).cpu();
        group->sum(sums, patience);
        auto means = (sums / all).to(dy.options());
        int64_t channels = dy.size(1);
        auto dx = (dy - across(means.narrow(0, 0, channels), dy) - normal * across(means.narrow(0, channels, channels), dy)) *
                  across(weight * scale, dy);
        return {dx.to(gradients[0].scalar_type()), ofWeight, ofBias, at::Tensor(), at::Tensor(), at::Tensor(),
                at::Tensor(), at::Tensor()};
    }
};

}  // namespace

extern "C" {

ct_group *ct_group_meet(const char *host, uint16_t port, bool serves, const char *name, int64_t seconds, char **error) {
    // What libtorch prints of connections (below level 3, fatal) names the host as it is, and comes as errors too.
    if (!std::getenv("TORCH_CPP_LOG_LEVEL")) FLAGS_caffe2_log_level = 3;
    return guarded<ct_group *>(error, nullptr, [&] {
        c10d::TCPStoreOptions options;
        options.port = port;
        options.isServer = serves;
        options.waitWorkers = false;
        options.timeout = std::chrono::seconds(seconds);
        auto store = c10::make_intrusive<c10d::PrefixStore>(name, c10::make_intrusive<c10d::TCPStore>(host, options));
        return new ct_group{store, {}};
    });
}

bool ct_group_join(ct_group *group, int rank, int size, int64_t seconds, char **error) {
    return guarded(error, false, [&] {
        auto options = c10d::ProcessGroupGloo::Options::create_default(std::chrono::seconds(seconds));
        group->processes = c10::make_intrusive<c10d::ProcessGroupGloo>(group->store, rank, size, options);
        return true;
    });
}

bool ct_group_sum(ct_group *group, ct_tensor *tensor, int64_t seconds, char **error) {
    return guarded(error, false, [&] {
        group->sum(tensor->value, std::chrono::seconds(seconds));
        return true;
    });
}

void ct_group_disconnect(ct_group *group) {
    guarded(nullptr, false, [&] {
        group->processes.reset();
        return true;
    });
}

bool ct_group_note(ct_group *group, const char *key, char **error) {
    return guarded(error, false, [&] {
        group->store->set(key, std::vector<uint8_t>{1});
        return true;
    });
}

bool ct_group_noted(ct_group *group, const char *key, char **error) {
    return guarded(error, false, [&] { return group->store->check({key}); });
}

void ct_group_leave(ct_group *group) {
    ct_group_disconnect(group);
    guarded(nullptr, false, [&] {
        delete group;
        return true;
    });
}

ct_tensor *ct_group_batch_norm(ct_group *group, ct_tensor *input, ct_tensor *weight, ct_tensor *bias, ct_tensor *mean,
                               ct_tensor *variance, double momentum, double epsilon, char **error) {
    return guarded<ct_tensor *>(error, nullptr, [&] {
        return wrap(SharedBatchNorm::apply(input->value, weight->value, bias->value, mean->value, variance->value,
                                           momentum, epsilon, reinterpret_cast<int64_t>(group)));
    });
}

}  // extern "C"
