#pragma once

#include <sinter/program/address.hpp>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace sinter {

/// Which kernel of a program.
struct kernel_id {
  std::uint32_t index = 0;
  friend bool operator==(kernel_id, kernel_id) = default;
};

/// One line of the body of a grid: a call of a kernel, or the start or end of a loop around the lines between them.
struct statement {
  enum class kind : std::uint8_t { call, loop, end } what = kind::call;
  kernel_id kernel{};                ///< of a call
  std::vector<address> arguments{};  ///< of a call, in the order of the kernel's
  extent turns{};                    ///< of a loop
  friend bool operator==(statement const&, statement const&) = default;
};

/// Most arguments of all calls of a body together.
inline constexpr std::size_t most_body_arguments = 256;

/// Independent tasks, one for each tuple of indices, last axis fastest. A task runs the body from its first line to its
/// last.
struct grid {
  std::array<extent, grid_rank> extents{};
  std::vector<statement> body{};

  /// How many for a length of `n`.
  std::int64_t tasks(std::int64_t n = 0) const {
    std::int64_t count = 1;
    for (auto const e : extents) count *= e.at(n);
    return count;
  }
  friend bool operator==(grid const&, grid const&) = default;
};

/// Grids side by side; the end of a region is a barrier.
struct region {
  std::vector<grid> grids{};
};

/// A kernel of a device, run by blocks of threads; launches run one after the other.
struct launch {
  kernel_id kernel{};                            ///< of `program::device_kernels`
  std::array<std::uint32_t, 3> blocks{1, 1, 1};  ///< x, y, z
  std::vector<address> arguments{};              ///< in the order of the kernel's, without strides
  friend bool operator==(launch const&, launch const&) = default;
};

/// Calls `f(call, turns)` for each call of a body; `turns` are the extents of the loops around it, outermost first.
template <typename Body, typename F>
void for_each_call(Body& body, F&& f) {
  std::vector<extent> turns;
  for (auto& s : body) {
    if (s.what == statement::kind::loop) turns.push_back(s.turns);
    if (s.what == statement::kind::end) turns.pop_back();
    if (s.what == statement::kind::call) f(s, std::as_const(turns));
  }
}

}  // namespace sinter
