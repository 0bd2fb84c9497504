#pragma once

#include <sinter/core/tensor_view.hpp>
#include <sinter/kernels/workspace.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

/// How kernels are called: by `evaluate`, by the in-process compiler, and by generated code.
namespace sinter::kernels {

/// Whether a kernel did its work. What can go wrong is a number that comes at run time: `value` lies outside
/// [least, greatest].
struct status {
  bool ok = true;
  std::int64_t value = 0, least = 0, greatest = 0;
  std::int64_t count = 0;  ///< of a counting kernel

  static status found(std::int64_t count) { return {.count = count}; }

  static status outside(std::int64_t value, std::int64_t least, std::int64_t greatest) {
    return {false, value, least, greatest};
  }
};

/// What a kernel computes on: dense row-major views, where an omitted operand has no type; and numbers that came from
/// attributes and constants, whose meaning each kernel states.
struct call {
  std::span<tensor_view const> in;
  std::span<mutable_tensor_view const> out;
  std::span<std::int64_t const> integers;
  std::span<double const> reals;
  workspace& memory;

  /// Input `i`, also past the end.
  tensor_view input(std::size_t i) const { return i < in.size() ? in[i] : tensor_view{}; }
  mutable_tensor_view output(std::size_t i) const { return i < out.size() ? out[i] : mutable_tensor_view{}; }
};

/// A kernel, and how generated code names it: a function of the namespace sinter::kernels, declared in a header of this
/// folder. A kernel throws `error` for element types that it does not take, also where its workspace is measuring; it
/// never throws because of data.
///
/// A counting kernel is one for outputs of which one extent depends on data. It returns this extent, and writes the
/// elements densely from the start of the output, whose view says how much there is room for. With all outputs unused
/// it only counts.
struct kernel {
  status (*run)(call const&) = nullptr;
  std::string_view name{};
  std::string_view header{};
};

}  // namespace sinter::kernels
