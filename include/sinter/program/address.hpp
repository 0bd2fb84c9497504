#pragma once

#include <sinter/core/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sinter {

/// What an address is relative to.
enum class space : std::uint8_t {
  input,    ///< of the program
  output,   ///< of the program
  arena,    ///< a tensor of the arena
  weight,   ///< a packed constant
  scratch,  ///< memory of the worker that runs the task
  host,     ///< a tensor in the host's memory, of a program for a device that has memory of its own
  given,    ///< an input of such a program, in the host's memory
  state,    ///< memory that keeps its bytes from run to run; zero before the first
  check     ///< a word that is zero unless a launch of the run met an index outside, which it then holds
};

/// What an address begins with in text, by `space`; no prefix begins another.
inline constexpr std::array<std::string_view, 9> space_prefixes{"in", "out", "t", "w", "s", "h", "given", "m", "c"};

/// Whether a space has several memories, which an address numbers.
constexpr bool is_numbered(space in) { return in != space::scratch && in != space::state; }

/// Whether what lies there is the host's, in a program for a device.
constexpr bool is_of_host(space in) { return in == space::host || in == space::given || in == space::scratch; }

/// Axes of a grid, loops around a call of its body, and both: the indices that an address may depend on.
inline constexpr std::size_t grid_rank = 4, loop_depth = 2, index_rank = grid_rank + loop_depth;

/// Bytes for one step of each index, grid axes first.
using strides = std::array<std::int64_t, index_rank>;

/// Bytes as a function of the indices around a call: those of a space from `offset` + Σ index·stride on.
struct address {
  space in = space::input;
  std::uint32_t index = 0;  ///< which input, output, tensor, weight or check; 0 where there is one only
  std::int64_t offset = 0;
  strides stride{};
  friend bool operator==(address const&, address const&) = default;
};

/// A number of turns or tasks, `base + step * n` for a length n that is known when the program runs.
struct extent {
  std::int32_t base = 1, step = 0;

  constexpr extent() = default;
  /// A constant; more than 2^31 - 1 is `error_code::limit_exceeded`.
  constexpr extent(std::int64_t turns) : base(static_cast<std::int32_t>(turns)) {
    if (turns < 0 || turns > INT32_MAX)
      fail(error_code::limit_exceeded, "a loop of {} turns, 2^31 - 1 are the most: take smaller inputs", turns);
  }

  static constexpr extent growing(std::int32_t step) {
    extent e(0);
    e.step = step;
    return e;
  }
  constexpr bool grows() const { return step != 0; }
  constexpr std::int64_t at(std::int64_t n) const { return base + step * n; }
  /// The number, of an extent that does not grow.
  constexpr std::int64_t turns() const {
    SINTER_ASSERT(!grows());
    return base;
  }
  friend constexpr bool operator==(extent, extent) = default;
};

}  // namespace sinter
