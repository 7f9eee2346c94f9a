// The wheel of torch has the headers of c10d, but not those of gloo, which they include: this is all that they need.
#pragma once

#include <chrono>

namespace gloo {

class Context {
  public:
    void setTimeout(std::chrono::milliseconds timeout);
};

}  // namespace gloo
