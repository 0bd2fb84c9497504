#pragma once

#include <sinter/vector/program.hpp>

#include <array>
#include <string_view>

namespace sinter::vector {

/// Which operands an instruction has.
enum class operand_form : std::uint8_t {
  none,        ///< d
  constant,    ///< d, imm
  unary,       ///< d, a
  binary,      ///< d, a, b or m
  ternary,     ///< d, a, b or m, c
  choice,      ///< d, a, b, c, e
  shift,       ///< d, a, imm
  lookup,      ///< d, a, m
  load,        ///< d, m
  store,       ///< m, a
  prefetch,    ///< m
  transpose,   ///< table of registers
  shuffle,     ///< d, a, table
  tile_zero,   ///< d, table
  tile_load,   ///< d, m, table
  tile_store,  ///< m, a, table
  loop,        ///< count, steps
  end
};

/// Operands of an instruction, a bit each.
enum operand_bits : unsigned {
  result_bit = 1,
  source_bit = 2,  ///< the first one
  second_bit = 4,
  third_bit = 8,
  fourth_bit = 16,
  memory_bit = 32
};

/// Those that an instruction of that form has.
constexpr unsigned operands_of(operand_form form) {
  using enum operand_form;
  switch (form) {
    case none:
    case constant:
    case tile_zero: return result_bit;
    case unary:
    case shift:
    case shuffle: return result_bit | source_bit;
    case binary: return result_bit | source_bit | second_bit;
    case ternary: return result_bit | source_bit | second_bit | third_bit;
    case lookup: return result_bit | source_bit | memory_bit;
    case choice: return result_bit | source_bit | second_bit | third_bit | fourth_bit;
    case load:
    case tile_load: return result_bit | memory_bit;
    case store:
    case tile_store: return source_bit | memory_bit;
    case prefetch: return memory_bit;
    default: return 0;
  }
}

/// Those that are there.
inline unsigned operands_of(instruction const& i) {
  auto const bit = [](bool is_there, operand_bits b) { return is_there ? unsigned{b} : 0U; };
  return bit(bool(i.d), result_bit) | bit(bool(i.a), source_bit) | bit(bool(i.b), second_bit) |
         bit(bool(i.c), third_bit) | bit(bool(i.e), fourth_bit) | bit(bool(i.m), memory_bit);
}

/// Register type of sources or result; any: f32 or i32.
enum class operand_type : std::uint8_t { f32, i32, tile, any };

struct opcode_info {
  std::string_view name{};
  operand_form form = operand_form::none;
  operand_type source = operand_type::any;
  operand_type result = operand_type::any;  ///< any: the type of `d`; where there are sources of any type, theirs
  bool memory = false;                      ///< the second source may be memory
};

/// Indexed by `opcode`.
inline constexpr std::array<opcode_info, static_cast<std::size_t>(opcode::end) + 1> opcode_table = [] {
  using enum operand_form;
  constexpr auto f = operand_type::f32;
  constexpr auto i = operand_type::i32;
  constexpr auto t = operand_type::tile;
  constexpr auto any = operand_type::any;
  return std::array<opcode_info, static_cast<std::size_t>(opcode::end) + 1>{{
      {"zero", none, any, any, false},
      {"const", constant, any, any, false},
      {"mov", unary, any, any, false},
      {"add", binary, f, f, true},
      {"sub", binary, f, f, true},
      {"mul", binary, f, f, true},
      {"div", binary, f, f, true},
      {"min", binary, f, f, true},
      {"max", binary, f, f, true},
      {"fma", ternary, f, f, true},
      {"fnma", ternary, f, f, true},
      {"sqrt", unary, f, f, false},
      {"round", unary, f, f, false},
      {"floor", unary, f, f, false},
      {"scale2", binary, f, f, false},
      {"select", choice, f, any, false},
      {"iadd", binary, i, i, false},
      {"isub", binary, i, i, false},
      {"imul", binary, i, i, false},
      {"imin", binary, i, i, false},
      {"imax", binary, i, i, false},
      {"iand", binary, i, i, false},
      {"ior", binary, i, i, false},
      {"ixor", binary, i, i, false},
      {"ishl", shift, i, i, false},
      {"ishr", shift, i, i, false},
      {"isra", shift, i, i, false},
      {"dot4.u8s8", ternary, i, i, true},
      {"dot2.s16", ternary, i, i, true},
      {"lookup.u8", operand_form::lookup, i, i, false},
      {"bits", unary, f, i, false},
      {"floats", unary, i, f, false},
      {"to_i32", unary, f, i, false},
      {"to_f32", unary, i, f, false},
      {"dot2.bf16", ternary, i, f, true},
      {"pack.bf16", binary, f, i, false},
      {"load", load, any, any, false},
      {"store", store, any, any, false},
      {"prefetch", prefetch, any, any, false},
      {"prefetch.far", prefetch, any, any, false},
      {"hsum", unary, f, f, false},
      {"hmax", unary, f, f, false},
      {"halves", binary, f, f, false},
      {"transpose", operand_form::transpose, any, any, false},
      {"shuffle", operand_form::shuffle, any, any, false},
      {"tile.zero", tile_zero, any, t, false},
      {"tile.load", tile_load, any, t, false},
      {"tile.load.once", tile_load, any, t, false},
      {"tile.store", tile_store, t, any, false},
      {"tile.dot2.bf16", ternary, t, t, false},
      {"tile.dot4.u8s8", ternary, t, t, false},
      {"loop", loop, any, any, false},
      {"end", end, any, any, false},
  }};
}();

constexpr opcode_info const& info(opcode op) { return opcode_table[static_cast<std::size_t>(op)]; }

/// Whether an operation makes, fills or stores a tile.
constexpr bool moves_tile(opcode op) { return opcode::tile_zero <= op && op <= opcode::tile_store; }

/// Whether an operation has to do with tiles.
constexpr bool handles_tiles(opcode op) { return moves_tile(op) || info(op).result == operand_type::tile; }

/// Whether `extra` is the number of a table.
constexpr bool has_table(opcode op) {
  return op == opcode::transpose || op == opcode::shuffle || op == opcode::loop || moves_tile(op);
}

/// The element type behind a memory operand.
inline element element_of(program const& p, memory const& m) {
  auto const& s = p.streams[static_cast<std::size_t>(m.stream)];
  return p.arguments[static_cast<std::size_t>(s.argument)].type;
}

/// The register type as which an operation takes a memory operand in place of a register.
constexpr register_type memory_type(opcode op) {
  return info(op).source == operand_type::i32 ? register_type::i32 : register_type::f32;
}

inline register_type type_of(program const& p, reg r) { return p.registers[static_cast<std::size_t>(r.id)]; }

/// Rows of a tile and bytes of each, and bytes between rows in memory.
struct tile_shape {
  std::int32_t rows = 0, bytes = 0, stride = 0;
  /// Whether registers of both are alike.
  bool matches(tile_shape const& other) const { return rows == other.rows && bytes == other.bytes; }
};

/// Of an instruction that moves a tile.
inline tile_shape shape_of(program const& p, instruction const& i) {
  auto const& table = p.tables[static_cast<std::size_t>(i.extra)];
  return {table[0], table[1], table[2]};
}

/// Elements from the first to the last that `i` touches in memory.
inline std::int64_t touched_lanes(program const& p, instruction const& i) {
  if (i.op == opcode::lookup) return 64;
  if (moves_tile(i.op)) {
    auto const shape = shape_of(p, i);
    return (std::int64_t{shape.rows - 1} * shape.stride + shape.bytes + 3) / 4;
  }
  return i.m.broadcast ? 1 : i.count > 0 ? i.count : p.lanes;
}

/// Calls `f(reg)` for each register that `i` reads.
template <typename F>
void for_each_source(program const& p, instruction const& i, F&& f) {
  if (i.a) f(i.a);
  if (i.b) f(i.b);
  if (i.c) f(i.c);
  if (i.e) f(i.e);
  if (i.op == opcode::transpose)
    for (auto const id : p.tables[static_cast<std::size_t>(i.extra)]) f(reg{id});
}

/// Calls `f(reg)` for each register that `i` writes.
template <typename F>
void for_each_result(program const& p, instruction const& i, F&& f) {
  if (i.d) f(i.d);
  if (i.op == opcode::transpose)
    for (auto const id : p.tables[static_cast<std::size_t>(i.extra)]) f(reg{id});
}

}  // namespace sinter::vector
