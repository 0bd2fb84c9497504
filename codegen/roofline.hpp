#pragma once

#include <sinter/core/target.hpp>
#include <sinter/program/traffic.hpp>
#include <sinter/runtime/executor.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace codegen {

/// The least time that work can take on a machine, by its rates.
struct roofline {
  struct level {
    std::string name{};      ///< L1, L2, L3, memory
    std::int64_t holds = 0;  ///< bytes, all workers together
    double bytes_a_second = 0;
  };
  sinter::operation_counts a_second{};  ///< fused multiply-adds of float32, products of tiles; 0: there are none
  std::vector<level> levels{};          ///< the nearest first; the last one holds everything

  /// Whether there is anything to compare with.
  explicit operator bool() const { return a_second.lanes > 0; }
  /// For operations on so many bytes, which come from the nearest level that holds them.
  double seconds(sinter::operation_counts const& operations, std::int64_t bytes) const;
};

/// Measures this machine, all workers of `pool` (may be null) at once; takes about a third of a second. Empty where
/// `machine` has no machine code.
roofline measure_roofline(sinter::target const& machine, sinter::executor* pool);

}  // namespace codegen
