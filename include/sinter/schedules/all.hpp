#pragma once

#include <sinter/schedules/elementwise.hpp>
#include <sinter/schedules/schedule.hpp>

#include <array>
#include <span>

namespace sinter {

/// The table of schedules: a node gets the first one that applies.
std::span<schedule const> schedule_table() {
  static constexpr std::array table{
      elementwise_schedule,
  };
  return table;
}

}  // namespace sinter
