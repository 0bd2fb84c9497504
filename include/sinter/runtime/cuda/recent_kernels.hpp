#pragma once

#include <sinter/core/joined_text.hpp>
#include <sinter/runtime/cuda/module.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace sinter {

/// The kernels that a queue was given last, for the text of an error: a device does not say which kernel failed.
class recent_kernels {
 public:
  void add(cuda_function const* f) { last_[count_++ % last_.size()] = f; }
  void add(std::span<cuda_function const* const> functions) {
    auto const kept = std::min(functions.size(), last_.size());
    count_ += functions.size() - kept;
    for (auto const* f : functions.last(kept)) add(f);
  }
  void clear() { count_ = 0; }

  /// "'a', 'b'", the last first; empty without kernels.
  std::string text() const {
    std::string all;
    auto const kept = std::min(count_, last_.size());
    for (std::size_t i = 1; i <= kept; ++i)
      all += joined_text(i == 1 ? "'" : ", '", last_[(count_ - i) % last_.size()]->name, "'");
    return count_ > kept ? joined_text(all, " and ", count_ - kept, " before") : all;
  }

 private:
  std::array<cuda_function const*, 8> last_{};
  std::size_t count_ = 0;
};

}  // namespace sinter
