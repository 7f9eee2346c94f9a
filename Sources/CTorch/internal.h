// What the C++ files of this module share.
#ifndef CTORCH_INTERNAL_H
#define CTORCH_INTERNAL_H

#include "CTorch.h"

#include <ATen/core/Tensor.h>

#include <cstring>
#include <string>

struct ct_tensor {
    at::Tensor value;
};

ct_tensor *wrap(at::Tensor value);

// libtorch appends a C++ backtrace to its messages; the first part is what a reader needs.
inline void report(char **error, const char *text) {
    std::string message(text);
    for (const char *mark : {"\nException raised from", "\nframe #"}) {
        auto end = message.find(mark);
        if (end != std::string::npos) message.resize(end);
    }
    if (error) *error = strdup(message.c_str());
}

// Runs `body`; any C++ exception becomes *error and the value `failure`.
template <class Result, class Body>
Result guarded(char **error, Result failure, Body body) {
    try {
        return body();
    } catch (const c10::Error &e) {
        report(error, e.what_without_backtrace());
    } catch (const std::exception &e) {
        report(error, e.what());
    } catch (...) {
        report(error, "an unknown C++ exception");
    }
    return failure;
}

#endif
