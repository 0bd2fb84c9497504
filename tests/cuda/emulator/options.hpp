#pragma once

#include <array>
#include <cstdint>

namespace emulator {

/// Which threads go first. Each runs until it has to wait.
enum class schedule { forward, reverse, random };
/// Late: when they are waited for, what they write being NaN until then. Early: at once.
enum class copy_timing { late, early };

struct options {
  schedule order = schedule::forward;
  copy_timing copies = copy_timing::late;
  std::uint32_t seed = 1;

  options of_block(std::uint64_t index) const { return {order, copies, seed + static_cast<std::uint32_t>(index)}; }
};

/// A kernel is right if it computes the same under all of these.
inline constexpr std::array every_option{
    options{schedule::forward, copy_timing::late, 1}, options{schedule::reverse, copy_timing::early, 1},
    options{schedule::random, copy_timing::late, 1}, options{schedule::random, copy_timing::early, 2}};

struct launch_size {
  std::array<std::uint32_t, 3> blocks{1, 1, 1};
  std::uint32_t threads = 1;
  std::uint32_t shared_bytes = 0;
};

}  // namespace emulator
