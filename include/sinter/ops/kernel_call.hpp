#pragma once

#include <sinter/core/error.hpp>
#include <sinter/core/tensor.hpp>
#include <sinter/kernels/call.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sinter {

using input_views = std::span<tensor_view const>;           ///< omitted inputs have no type
using output_views = std::span<mutable_tensor_view const>;  ///< unused outputs have no type

/// One call of a shipped kernel, as data: `evaluate` and the in-process compiler make it, generated code spells it.
struct kernel_call {
  kernels::kernel kernel{};
  std::vector<std::int64_t> integers{};
  std::vector<double> reals{};
  std::size_t reads = SIZE_MAX;  ///< inputs that the kernel sees, from the front; what the others say is in the numbers
  std::vector<shape> shapes{};   ///< of these inputs as the kernel sees them; empty: as they are
  bool may_fail = false;         ///< numbers that come at run time may be out of range

  explicit operator bool() const { return kernel.run != nullptr; }

  /// The inputs that the kernel sees, as it sees them.
  std::vector<tensor_view> views(input_views in) const {
    std::vector<tensor_view> seen(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(std::min(reads, in.size())));
    for (std::size_t i = 0; i < seen.size() && !shapes.empty(); ++i) seen[i].shape = shapes[i];
    return seen;
  }
  /// Calls the kernel on what `views` gave.
  kernels::status run(input_views seen, output_views out, kernels::workspace& memory) const {
    return kernel.run({seen, out, integers, reals, memory});
  }
};

/// A workspace that takes its memory from the heap as it is asked for.
class heap_workspace final : public kernels::workspace {
 public:
  heap_workspace() : workspace(false) {}

 private:
  std::byte* more(std::size_t bytes) override {
    blocks_.emplace_back(dtype::uint8, shape{static_cast<std::int64_t>(bytes)});
    return static_cast<std::byte*>(blocks_.back().data());
  }
  std::vector<any_tensor> blocks_;
};

/// `error_code::invalid_argument` unless the kernel did its work.
inline void expect_success(kernels::status const& s) {
  if (!s.ok)
    fail(error_code::invalid_argument, "an index or length is {}, expected {} to {}", s.value, s.least, s.greatest);
}

/// Calls the kernel with memory from the heap; returns what a counting kernel counts. A call that is empty although all
/// inputs are known is an error: one of them has a type that the operator does not take.
inline std::int64_t run(kernel_call const& call, input_views in, output_views out) {
  heap_workspace memory;
  if (!call) fail(error_code::malformed_model, "an input that must hold integers holds something else");
  auto const s = call.run(call.views(in), out, memory);
  expect_success(s);
  return s.count;
}

/// What a counting kernel counts, if all inputs are known.
inline std::optional<std::int64_t> count(kernel_call const& call, std::optional<std::vector<tensor_view>> const& in) {
  return in ? std::optional(run(call, *in, {})) : std::nullopt;
}

}  // namespace sinter
