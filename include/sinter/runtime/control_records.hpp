#pragma once

#include <sinter/program/copy_runs.hpp>
#include <sinter/program/program.hpp>
#include <sinter/runtime/linked_grid.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

/// Control and copies as a run sees them.
namespace sinter {

/// Bytes at a place, or of a constant.
struct bound_bytes {
  bound_place where{};
  std::byte const* constant = nullptr;
  bool is_given = false;

  std::byte const* at(std::byte* const* table) const { return constant ? constant : table[where.base] + where.offset; }
  template <typename T>
  T read(std::byte* const* table) const {
    T value;
    std::memcpy(&value, at(table), sizeof(T));
    return value;
  }
};

/// A step of control.
struct control_record {
  control::kind what = control::kind::end;
  bound_bytes condition{}, count{}, turn{};
  /// The record that ends what this one begins or goes on with; of the end of turns the one that begins them.
  std::size_t partner = 0;
  bool ends_turns = false;

  /// Whether a turn of this number begins; writes the number.
  bool begins_turn(std::byte* const* table, std::int64_t number) const {
    if (count.is_given && number >= count.read<std::int64_t>(table)) return false;
    if (condition.is_given && !holds(table)) return false;
    std::memcpy(table[turn.where.base] + turn.where.offset, &number, sizeof(number));
    return true;
  }
  /// Whether a condition holds, which is given.
  bool holds(std::byte* const* table) const { return condition.read<std::uint8_t>(table) != 0; }
};

struct copy_record {
  bound_bytes from{}, to{}, turn{};
  copy_runs runs{};

  void run(std::byte* const* table) const {
    auto const position = turn.is_given ? runs.position(turn.read<std::int64_t>(table)) : 0;
    auto const* source = from.at(table) + position * runs.from_step;
    auto* target = table[to.where.base] + to.where.offset + position * runs.to_step;
    for (std::int64_t i = 0; i < runs.count; ++i)
      std::memcpy(target + i * runs.to_stride, source + i * runs.from_stride, static_cast<std::size_t>(runs.bytes));
  }
};

}  // namespace sinter
