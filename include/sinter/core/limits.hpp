#pragma once

#include <sinter/core/error.hpp>

#include <cstddef>
#include <cstdint>

namespace sinter {

/// Bounds on what a model may cost. Each is charged before memory is taken; passing one is
/// `error_code::limit_exceeded`.
struct limits {
  std::size_t model_bytes = std::size_t{8} << 30;              ///< size of the model file and its external data
  std::size_t nodes = 1'000'000;                               ///< nodes of a graph, subgraphs included
  std::size_t depth = 64;                                      ///< nesting of subgraphs and functions
  std::size_t fold_bytes = std::size_t{2} << 30;               ///< constants made by constant folding
  std::size_t arena_bytes = std::size_t{16} << 30;             ///< activations of one context
  std::size_t weight_bytes = std::size_t{16} << 30;            ///< packed weights of a model
  std::size_t code_bytes = std::size_t{256} << 20;             ///< machine code of a model
  std::size_t cached_signatures_bytes = std::size_t{1} << 30;  ///< arenas and code kept for input signatures
};

/// What is left of one bound. `charge` throws `error_code::limit_exceeded` and charges nothing when too little is left.
class budget {
 public:
  budget(char const* what, std::size_t bytes) : what_(what), total_(bytes), left_(bytes) {}
  void charge(std::size_t bytes) {
    if (bytes > left_)
      fail(error_code::limit_exceeded,
           "{} would take {} bytes more, {} of {} are left; raise sinter::limits if the model is trusted", what_, bytes,
           left_, total_);
    left_ -= bytes;
  }
  std::size_t used() const { return total_ - left_; }
  std::size_t left() const { return left_; }

 private:
  char const* what_;
  std::size_t total_;
  std::size_t left_;
};

}  // namespace sinter
