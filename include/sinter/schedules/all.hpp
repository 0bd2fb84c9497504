#pragma once

// Defines what schedules/schedule.hpp declares: include it once per program.

#include <sinter/schedules/convolution.hpp>
#include <sinter/schedules/depthwise.hpp>
#include <sinter/schedules/gemm.hpp>
#include <sinter/schedules/view.hpp>

#include <array>

namespace sinter {

std::span<schedule const> schedule_table() {
  // The first one that applies is taken: special cases stand before general ones.
  static constexpr std::array table{
      view_schedule,
      depthwise_schedule,
      convolution_schedule,
      gemm_schedule,
  };
  return table;
}

}  // namespace sinter
