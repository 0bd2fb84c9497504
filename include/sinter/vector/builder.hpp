#pragma once

#include <sinter/vector/program.hpp>

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>

namespace sinter::vector {

/// A pointer of the kernel under construction: bytes from an argument or a further stream over one.
struct pointer {
  std::int32_t stream = -1;
  std::int64_t from = 0;
  /// The operand at `offset` bytes; 2 GiB and more are `error_code::limit_exceeded`.
  memory at(std::int64_t offset) const { return {stream, displacement(from + offset), false}; }
  /// One element at `offset` bytes in all lanes.
  memory broadcast(std::int64_t offset) const { return {stream, displacement(from + offset), true}; }
  friend pointer operator+(pointer p, std::int64_t bytes) { return {p.stream, p.from + bytes}; }

 private:
  static std::int32_t displacement(std::int64_t offset) {
    if (offset != static_cast<std::int32_t>(offset))
      fail(error_code::limit_exceeded, "a kernel reaches {} bytes ahead, 2 GiB are the most: take smaller inputs",
           offset);
    return static_cast<std::int32_t>(offset);
  }
};

/// Builds a vector program, an instruction a call. Arguments first, then streams, then code.
class builder {
 public:
  builder(std::string name, int lanes) {
    p_.name = std::move(name), p_.lanes = lanes;
    p_.code.reserve(most_instructions);
    p_.registers.reserve(most_instructions);
  }

  int lanes() const { return p_.lanes; }
  std::int64_t register_bytes() const { return 4 * p_.lanes; }

  pointer argument(std::string name, access mode, std::int64_t bytes, element type = element::f32,
                   std::int32_t alignment = 4) {
    SINTER_ASSERT(p_.streams.size() == p_.arguments.size());
    p_.streams.push_back({name, static_cast<std::int32_t>(p_.arguments.size()), 0});
    p_.arguments.push_back({std::move(name), type, mode, bytes, alignment});
    return {static_cast<std::int32_t>(p_.streams.size() - 1)};
  }
  /// A second induction over the memory of `base`'s argument, starting `offset` bytes in.
  pointer stream(std::string name, pointer base, std::int64_t offset) {
    auto const& s = p_.streams[static_cast<std::size_t>(base.stream)];
    p_.streams.push_back({std::move(name), s.argument, s.offset + base.from + offset});
    return {static_cast<std::int32_t>(p_.streams.size() - 1)};
  }

  reg fresh(register_type type = register_type::f32) {
    p_.registers.push_back(type);
    return {static_cast<std::int32_t>(p_.registers.size() - 1)};
  }

  reg zero(register_type type = register_type::f32) { return emit({.op = opcode::zero}, type); }
  reg constant(float value) { return emit({.op = opcode::constant, .imm = std::bit_cast<std::int32_t>(value)}); }
  reg constant_i32(std::int32_t value) { return emit({.op = opcode::constant, .imm = value}, register_type::i32); }
  reg mov(reg a) { return emit({.op = opcode::mov, .a = a}, p_.registers[static_cast<std::size_t>(a.id)]); }
  void mov_to(reg d, reg a) { emit_to(d, {.op = opcode::mov, .a = a}); }
  reg unary(opcode op, reg a, register_type type = register_type::f32) { return emit({.op = op, .a = a}, type); }
  reg binary(opcode op, reg a, reg b, register_type type = register_type::f32) {
    return emit({.op = op, .a = a, .b = b}, type);
  }
  reg binary(opcode op, reg a, memory b) { return emit({.op = op, .a = a, .m = b}); }
  void binary_to(reg d, opcode op, reg a, reg b) { emit_to(d, {.op = op, .a = a, .b = b}); }
  void binary_to(reg d, opcode op, reg a, memory b) { emit_to(d, {.op = op, .a = a, .m = b}); }
  reg fma(reg a, reg b, reg c) { return emit({.op = opcode::fma, .a = a, .b = b, .c = c}); }
  /// accumulator = a * b + accumulator
  void fma_to(reg accumulator, reg a, reg b) {
    emit_to(accumulator, {.op = opcode::fma, .a = a, .b = b, .c = accumulator});
  }
  void fma_to(reg accumulator, reg a, memory b) {
    emit_to(accumulator, {.op = opcode::fma, .a = a, .c = accumulator, .m = b});
  }
  reg dot4(reg a, reg b, reg c) { return emit({.op = opcode::dot4, .a = a, .b = b, .c = c}, register_type::i32); }
  /// accumulator += the sum of the products of a's four u8 and b's four s8, lane by lane
  void dot4_to(reg accumulator, reg a, reg b) {
    emit_to(accumulator, {.op = opcode::dot4, .a = a, .b = b, .c = accumulator});
  }
  void dot4_to(reg accumulator, reg a, memory b) {
    emit_to(accumulator, {.op = opcode::dot4, .a = a, .c = accumulator, .m = b});
  }
  reg dot2(reg a, reg b, reg c) { return emit({.op = opcode::dot2, .a = a, .b = b, .c = c}, register_type::i32); }
  /// accumulator += the sum of the products of the two s16 of a and of b, lane by lane
  void dot2_to(reg accumulator, reg a, reg b) {
    emit_to(accumulator, {.op = opcode::dot2, .a = a, .b = b, .c = accumulator});
  }
  void dot2_to(reg accumulator, reg a, memory b) {
    emit_to(accumulator, {.op = opcode::dot2, .a = a, .c = accumulator, .m = b});
  }
  /// The bytes of `a`, each replaced by that of the 256 bytes at `table` (i32) with its number.
  reg lookup(reg a, memory table) { return emit({.op = opcode::lookup, .a = a, .m = table}, register_type::i32); }
  reg dot2_bf16(reg a, reg b, reg c) { return emit({.op = opcode::dot2_bf16, .a = a, .b = b, .c = c}); }
  /// accumulator += the products of a's and b's two bf16, lane by lane
  void dot2_bf16_to(reg accumulator, reg a, reg b) {
    emit_to(accumulator, {.op = opcode::dot2_bf16, .a = a, .b = b, .c = accumulator});
  }
  void dot2_bf16_to(reg accumulator, reg a, memory b) {
    emit_to(accumulator, {.op = opcode::dot2_bf16, .a = a, .c = accumulator, .m = b});
  }
  reg pack_bf16(reg a, reg b) { return binary(opcode::pack_bf16, a, b, register_type::i32); }
  reg fnma(reg a, reg b, reg c) { return emit({.op = opcode::fnma, .a = a, .b = b, .c = c}); }
  reg shift(opcode op, reg a, std::int32_t distance) {
    return emit({.op = op, .a = a, .imm = distance}, register_type::i32);
  }
  /// compare(a, b) ? c : d
  reg select(compare cc, reg a, reg b, reg c, reg otherwise) {
    return emit({.op = opcode::select, .cc = cc, .a = a, .b = b, .c = c, .e = otherwise});
  }
  /// All lanes, or the first `count` (the others become 0).
  reg load(memory m, std::int32_t count = 0, register_type type = register_type::f32) {
    return emit({.op = opcode::load, .m = m, .count = partial(count)}, type);
  }
  void store(memory m, reg a, std::int32_t count = 0) {
    append({.op = opcode::store, .a = a, .m = m, .count = partial(count)});
  }
  void prefetch(memory m) { append({.op = opcode::prefetch, .m = m}); }
  void prefetch_far(memory m) { append({.op = opcode::prefetch_far, .m = m}); }
  reg hsum(reg a) { return unary(opcode::hsum, a); }
  reg hmax(reg a) { return unary(opcode::hmax, a); }
  /// The first half of a's lanes, the second half of b's.
  reg halves(reg a, reg b) { return binary(opcode::halves, a, b); }
  /// Transposes a square of `lanes()` registers in place.
  void transpose(std::span<reg const> square) {
    SINTER_ASSERT(square.size() == static_cast<std::size_t>(p_.lanes));
    std::vector<std::int32_t> ids;
    for (auto const r : square) ids.push_back(r.id);
    p_.tables.push_back(std::move(ids));
    append({.op = opcode::transpose, .extra = static_cast<std::int32_t>(p_.tables.size() - 1)});
  }
  reg shuffle(reg a, std::vector<std::int32_t> table) {
    SINTER_ASSERT(table.size() == static_cast<std::size_t>(p_.lanes));
    p_.tables.push_back(std::move(table));
    return emit({.op = opcode::shuffle, .a = a, .extra = static_cast<std::int32_t>(p_.tables.size() - 1)},
                p_.registers[static_cast<std::size_t>(a.id)]);
  }

  /// A tile of zeros, of `rows` times `bytes` bytes.
  reg tile_zero(std::int64_t rows, std::int64_t bytes) {
    return emit({.op = opcode::tile_zero, .extra = tile(rows, bytes, 0)}, register_type::tile);
  }
  /// A tile whose rows lie `stride` bytes apart; `once`: caches need not keep them.
  reg tile_load(memory m, std::int64_t rows, std::int64_t bytes, std::int64_t stride, bool once = false) {
    return emit({.op = once ? opcode::tile_load_once : opcode::tile_load, .m = m, .extra = tile(rows, bytes, stride)},
                register_type::tile);
  }
  void tile_store(memory m, reg a, std::int64_t rows, std::int64_t bytes, std::int64_t stride) {
    append({.op = opcode::tile_store, .a = a, .m = m, .extra = tile(rows, bytes, stride)});
  }
  /// sum += a · b, of pairs of bf16 (opcode::tile_dot2_bf16) or four bytes (opcode::tile_dot4)
  void tile_dot_to(reg sum, opcode op, reg a, reg b) { emit_to(sum, {.op = op, .a = a, .b = b, .c = sum}); }

  /// A loop of `turns` >= 1; `body()` emits its code; a loop of one turn is its body. Streams advance after each turn
  /// by their steps and are restored at the end.
  template <typename Body>
  void loop(std::int64_t turns, std::vector<std::pair<pointer, std::int64_t>> const& advance, Body&& body) {
    SINTER_ASSERT(turns >= 1 && turns <= INT32_MAX);
    if (turns == 1) return body();
    std::vector<step> steps;
    for (auto const& [p, bytes] : advance) steps.push_back({p.stream, bytes});
    p_.steps.push_back(std::move(steps));
    append({.op = opcode::loop,
            .count = static_cast<std::int32_t>(turns),
            .extra = static_cast<std::int32_t>(p_.steps.size() - 1)});
    body();
    append({.op = opcode::end});
  }

  program take() && { return std::move(p_); }

 private:
  static constexpr std::size_t most_instructions = 1024;  ///< of nearly all programs

  std::int32_t tile(std::int64_t rows, std::int64_t bytes, std::int64_t stride) {
    auto const whole = [](std::int64_t n) {
      if (n != static_cast<std::int32_t>(n))
        fail(error_code::limit_exceeded, "rows of a tile lie {} bytes apart, 2 GiB are the most: take smaller inputs",
             n);
      return static_cast<std::int32_t>(n);
    };
    p_.tables.push_back({whole(rows), whole(bytes), whole(stride)});
    return static_cast<std::int32_t>(p_.tables.size() - 1);
  }
  std::int32_t partial(std::int32_t count) const { return count >= p_.lanes ? 0 : count; }
  void append(instruction i) { p_.code.push_back(i); }
  reg emit(instruction i, register_type type = register_type::f32) {
    i.d = fresh(type);
    append(i);
    return i.d;
  }
  void emit_to(reg d, instruction i) {
    i.d = d;
    append(i);
  }

  program p_;
};

}  // namespace sinter::vector
