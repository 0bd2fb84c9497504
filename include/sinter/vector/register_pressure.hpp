#pragma once

#include <sinter/vector/liveness.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

/// How many registers a program needs at once.
namespace sinter::vector {

/// Vector registers of the instruction set that runs programs of `lanes` lanes.
constexpr int register_count(int lanes) { return lanes == 16 ? 32 : 16; }

/// Registers that a store of a `type` register to elements of type `e` needs besides its operand.
constexpr int store_temporaries(int lanes, element e, register_type type, bool partial) {
  bool const wide = lanes == 16;
  switch (e) {
    case element::f32: return !wide && partial ? 1 : 0;
    case element::i32: return (type == register_type::f32 ? 1 : 0) + (!wide && partial ? 1 : 0);
    case element::f16: return wide || !partial ? 0 : 1;
    case element::bf16: return wide ? 1 : 3;
    case element::s8: return wide ? (type == register_type::f32 ? 1 : 0) : 2;
    case element::u8: return wide ? (type == register_type::f32 ? 2 : 1) : 2;
  }
  return 0;
}

/// True where the second source of arithmetic is read from memory by the instruction itself.
inline bool folds(program const& p, instruction const& i) {
  auto const wanted = memory_type(i.op) == register_type::i32 ? element::i32 : element::f32;
  return element_of(p, i.m) == wanted && (!i.m.broadcast || p.lanes == 16);
}

/// True where the second source of a product of integers is read into a register before it: those of bytes and words
/// have no broadcast of their own.
inline bool loads_integers(program const& p, instruction const& i) { return i.m && (i.m.broadcast || !folds(p, i)); }

/// Registers that instruction `i` needs besides its operands: what remains after legalisation for the target.
inline int temporaries(program const& p, instruction const& i) {
  bool const wide = p.lanes == 16;
  switch (i.op) {
    case opcode::hsum:
    case opcode::hmax:
    case opcode::transpose:
    case opcode::shuffle: return 1;
    case opcode::dot4: return 2 + (loads_integers(p, i) ? 1 : 0);
    case opcode::dot2: return 1 + (loads_integers(p, i) ? 1 : 0);
    case opcode::lookup: return 3;  // instruction sets without it look into 16 parts of the table
    case opcode::dot2_bf16: return (i.c == i.d ? 0 : 1) + (i.m && !folds(p, i) ? 1 : 0);
    case opcode::tile_load:
    case opcode::tile_load_once:
    case opcode::prefetch:
    case opcode::prefetch_far:
    case opcode::tile_store: return 0;
    case opcode::scale2:
    case opcode::select: return wide ? 0 : 1;
    case opcode::load: return !wide && i.count > 0 && size_of(element_of(p, i.m)) == 4 ? 1 : 0;
    case opcode::store: return store_temporaries(p.lanes, element_of(p, i.m), type_of(p, i.a), i.count > 0);
    default: return i.m && !folds(p, i) ? 1 : 0;
  }
}

/// The most vector registers in use at once, temporaries included, and where.
struct register_pressure {
  int registers = 0;
  std::int32_t at = 0;
};

inline register_pressure find_pressure(program const& p, std::vector<live_range> const& ranges) {
  std::vector<std::int32_t> change(p.code.size(), 0);
  for (std::size_t r = 0; r < ranges.size(); ++r) {
    auto const& range = ranges[r];
    if (range.first < 0 || p.registers[r] == register_type::tile) continue;
    ++change[static_cast<std::size_t>(range.first)];
    --change[static_cast<std::size_t>(range.last)];
  }
  register_pressure most;
  int live = 0;
  for (std::size_t at = 0; at < p.code.size(); ++at) {
    int const before = live;
    live += change[at];
    int unread = 0;
    // A result that is never read still takes a register while it is written.
    for_each_result(p, p.code[at], [&](reg r) {
      auto const& range = ranges[static_cast<std::size_t>(r.id)];
      bool const is_unread = range.first == range.last && range.first == static_cast<std::int32_t>(at);
      if (is_unread && type_of(p, r) != register_type::tile) unread = 1;
    });
    int const used = std::max(before, live + unread) + temporaries(p, p.code[at]);
    if (used > most.registers) most = {used, static_cast<std::int32_t>(at)};
  }
  return most;
}

}  // namespace sinter::vector
