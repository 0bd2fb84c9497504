#pragma once

#include <sinter/vector/builder.hpp>
#include <sinter/vector/register_pressure.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace sinter::test {

/// Element types in the order of the arguments of random programs: six inputs, then six outputs.
inline constexpr std::array<vector::element, 6> random_elements{vector::element::f32, vector::element::i32,
                                                                vector::element::f16, vector::element::bf16,
                                                                vector::element::s8,  vector::element::u8};
inline constexpr std::int64_t random_argument_bytes = 16384;

/// Writes programs with all operations, nested loops, partial loads and stores, several streams over one argument and
/// registers that are written more than once. Deterministic in the seed. Values that would leave an operation
/// undefined (to_i32, scale2) or that show a NaN's payload (bits, pack.bf16) are clamped first. `pairs` of bf16 are
/// there where they are asked for: not every machine multiplies them.
class random_program {
 public:
  random_program(std::uint32_t seed, int lanes, int instructions, bool pairs)
      : random_(seed), b_("random_" + std::to_string(seed), lanes), left_(instructions), pairs_(pairs) {}

  vector::program make() && {
    for (std::size_t k = 0; k < 12; ++k) {
      auto const e = random_elements[k % 6];
      pointers_.push_back(b_.argument((k < 6 ? "in" : "out") + std::to_string(k % 6),
                                      k < 6 ? vector::access::in : vector::access::out, random_argument_bytes, e));
    }
    for (int k = 0; k < 4; ++k) {
      auto const base = pick(12);
      extra_.push_back({b_.stream("s" + std::to_string(k), pointers_[base], 64 * static_cast<int>(pick(8))), base});
    }
    for (int k = 0; k < 3; ++k) floats_.push_back(b_.constant(constants[pick(constants.size())]));
    integers_.push_back(b_.constant_i32(static_cast<std::int32_t>(random_())));
    block(0);
    for (auto const r : floats_) store(r, vector::register_type::f32);
    for (auto const r : integers_) store(r, vector::register_type::i32);
    return std::move(b_).take();
  }

 private:
  static constexpr std::array<float, 8> constants{0.0f, 1.0f, -1.5f, 0.1f, -0.0f, 1e-3f, 100.25f, -1e20f};
  static constexpr std::int64_t middle = 4096;  ///< offsets start here: steps may go either way

  std::size_t pick(std::size_t n) { return random_() % n; }
  bool chance(int percent) { return pick(100) < static_cast<std::size_t>(percent); }
  vector::reg any_float() { return floats_[pick(floats_.size())]; }
  vector::reg any_integer() { return integers_[pick(integers_.size())]; }

  void keep(std::vector<vector::reg>& where, vector::reg r) {
    for (auto const known : where)
      if (known == r) return;
    if (where.size() >= 6) where.erase(where.begin() + static_cast<std::ptrdiff_t>(pick(where.size())));
    where.push_back(r);
  }
  void keep_float(vector::reg r) { keep(floats_, r); }
  void keep_integer(vector::reg r) { keep(integers_, r); }

  vector::memory operand(bool input, std::size_t& element) {
    auto const which = (input ? 0 : 6) + pick(6);
    element = which % 6;
    auto const where = middle + static_cast<std::int64_t>(pick(512)) * 4;
    if (chance(30))
      for (auto const& [p, base] : extra_)
        if (base == which) return p.at(where - 512);
    return pointers_[which].at(where);
  }
  vector::memory float_operand() {
    std::size_t element = 0;
    auto m = operand(true, element);
    while (element == 1) m = operand(true, element);
    m.broadcast = chance(40);
    return m;
  }
  int part() { return chance(40) ? 1 + static_cast<int>(pick(static_cast<std::size_t>(b_.lanes()) - 1)) : 0; }

  void store(vector::reg r, vector::register_type type) {
    std::size_t element = 0;
    auto m = operand(false, element);
    while (type == vector::register_type::i32 && (element == 0 || element == 2 || element == 3))
      m = operand(false, element);
    b_.store(m, r, part());
  }
  vector::reg clamped(vector::reg r, float low, float high) {
    return b_.binary(vector::opcode::min, b_.binary(vector::opcode::max, r, b_.constant(low)), b_.constant(high));
  }

  void block(int depth) {
    while (left_ > 0) {
      if (depth < 3 && chance(6)) {
        std::vector<std::pair<vector::pointer, std::int64_t>> steps;
        for (auto const& p : pointers_)
          if (chance(30)) steps.push_back({p, (static_cast<std::int64_t>(pick(65)) - 32) * 4});
        for (auto const& e : extra_)
          if (chance(50)) steps.push_back({e.first, (static_cast<std::int64_t>(pick(65)) - 32) * 4});
        b_.loop(2 + static_cast<std::int64_t>(pick(3)), steps, [&] { block(depth + 1); });
      } else if (depth > 0 && chance(8)) {
        return;
      }
      step();
    }
  }

  void step() {
    --left_;
    switch (pick(14)) {
      case 0:
      case 1: return load();
      case 2:
        return chance(50) ? store(any_float(), vector::register_type::f32)
                          : store(any_integer(), vector::register_type::i32);
      case 3: return fma();
      case 4: return unary();
      case 5: return choose();
      case 6: return integer();
      case 7: return convert();
      case 8: return lanes();
      case 9: return in_place();
      default: return binary();
    }
  }

  void load() {
    std::size_t element = 0;
    auto m = operand(true, element);
    m.broadcast = chance(30);
    bool const integer = element != 0 && element != 2 && element != 3 && chance(50);
    auto const type = integer ? vector::register_type::i32 : vector::register_type::f32;
    auto const r = b_.load(m, m.broadcast ? 0 : part(), type);
    integer ? keep_integer(r) : keep_float(r);
    if (chance(10)) b_.prefetch(m);
  }
  vector::opcode arithmetic() {
    return static_cast<vector::opcode>(static_cast<int>(vector::opcode::add) + static_cast<int>(pick(6)));
  }
  void binary() {
    auto const a = any_float();
    keep_float(chance(30) ? b_.binary(arithmetic(), a, float_operand()) : b_.binary(arithmetic(), a, any_float()));
  }
  void fma() {
    auto const a = any_float(), b = any_float(), c = any_float();
    if (chance(30)) return b_.fma_to(c, a, float_operand());
    if (chance(30)) return b_.fma_to(c, a, b);
    keep_float(chance(50) ? b_.fma(a, b, c) : b_.fnma(a, b, c));
  }
  void unary() {
    constexpr std::array<vector::opcode, 4> ops{vector::opcode::sqrt, vector::opcode::round, vector::opcode::floor,
                                                vector::opcode::mov};
    keep_float(b_.unary(ops[pick(ops.size())], any_float()));
  }
  void choose() {
    if (chance(30))
      return keep_float(b_.binary(vector::opcode::scale2, any_float(),
                                  b_.unary(vector::opcode::round, clamped(any_float(), -126, 127))));
    auto const cc = static_cast<vector::compare>(pick(6));
    keep_float(b_.select(cc, any_float(), any_float(), any_float(), any_float()));
  }
  vector::memory integer_operand() {
    auto m = pointers_[1].at(middle + static_cast<std::int64_t>(pick(512)) * 4);
    m.broadcast = chance(40);
    return m;
  }
  void pair() {
    if (chance(30)) return keep_integer(b_.pack_bf16(clamped(any_float(), -1e30f, 1e30f), b_.constant(constants[4])));
    if (chance(30)) return keep_float(b_.dot2_bf16(any_integer(), any_integer(), any_float()));
    auto const sum = any_float(), a = any_integer();
    chance(60) ? b_.dot2_bf16_to(sum, a, integer_operand()) : b_.dot2_bf16_to(sum, a, any_integer());
  }
  void integer() {
    using vector::opcode;
    if (pairs_ && chance(40)) return pair();
    if (chance(25)) {
      auto const sum = any_integer(), a = any_integer();
      if (chance(50)) return chance(40) ? b_.dot2_to(sum, a, integer_operand()) : b_.dot2_to(sum, a, any_integer());
      return chance(40) ? b_.dot4_to(sum, a, integer_operand()) : b_.dot4_to(sum, a, any_integer());
    }
    if (chance(10)) return keep_integer(b_.dot4(any_integer(), any_integer(), any_integer()));
    if (chance(10)) return keep_integer(b_.dot2(any_integer(), any_integer(), any_integer()));
    if (chance(10)) {
      auto table = integer_operand();
      table.broadcast = false;
      return keep_integer(b_.lookup(any_integer(), table));
    }
    if (chance(30)) {
      constexpr std::array<opcode, 3> shifts{opcode::ishl, opcode::ishr, opcode::isra};
      return keep_integer(b_.shift(shifts[pick(3)], any_integer(), static_cast<std::int32_t>(pick(32))));
    }
    auto const op = static_cast<opcode>(static_cast<int>(opcode::iadd) + static_cast<int>(pick(8)));
    keep_integer(b_.binary(op, any_integer(), any_integer(), vector::register_type::i32));
  }
  void convert() {
    constexpr auto i32 = vector::register_type::i32;
    switch (pick(4)) {
      case 0: return keep_integer(b_.unary(vector::opcode::to_i32, clamped(any_float(), -1e9f, 1e9f), i32));
      case 1: return keep_float(b_.unary(vector::opcode::to_f32, any_integer()));
      case 2: return keep_integer(b_.unary(vector::opcode::bits, clamped(any_float(), -1e30f, 1e30f), i32));
      default: {
        auto const small = b_.shift(vector::opcode::ishr, any_integer(), 3);  // no NaN: the exponent is not all ones
        return keep_float(b_.unary(vector::opcode::floats, small));
      }
    }
  }
  void lanes() {
    if (chance(30)) return keep_float(b_.hsum(any_float()));
    if (chance(30)) return keep_float(b_.hmax(any_float()));
    if (chance(30)) return keep_float(b_.halves(any_float(), any_float()));
    if (chance(50)) {
      std::vector<std::int32_t> table;
      for (int k = 0; k < b_.lanes(); ++k)
        table.push_back(static_cast<std::int32_t>(pick(static_cast<std::size_t>(b_.lanes()))));
      return keep_float(b_.shuffle(any_float(), std::move(table)));
    }
    std::vector<vector::reg> square;
    for (int k = 0; k < b_.lanes(); ++k) square.push_back(b_.load(pointers_[0].at(middle + 64 * k)));
    b_.transpose(square);
    for (auto const r : square) b_.store(pointers_[6].at(middle + 1024 + 64 * r.id % 1024), r);
  }
  void in_place() {
    auto const d = any_float(), a = any_float(), b = any_float();
    if (chance(50)) return b_.binary_to(d, arithmetic(), a, b);
    b_.mov_to(d, a);
  }

  std::mt19937 random_;
  vector::builder b_;
  int left_;
  bool pairs_;
  std::vector<vector::pointer> pointers_;
  std::vector<std::pair<vector::pointer, std::size_t>> extra_;
  std::vector<vector::reg> floats_, integers_;
};

/// Random programs that fit into the registers of their target, the first `count` of them.
inline std::vector<vector::program> random_programs(int lanes, std::size_t count, int instructions,
                                                    bool pairs = false) {
  std::vector<vector::program> programs;
  std::vector<vector::live_range> ranges;
  for (std::uint32_t seed = 1; programs.size() < count; ++seed) {
    auto p = random_program(seed, lanes, instructions, pairs).make();
    find_live_ranges(p, ranges);
    if (find_pressure(p, ranges).registers <= vector::register_count(lanes)) programs.push_back(std::move(p));
  }
  return programs;
}

/// Memory for the arguments of a random program, each 64-byte aligned with 4 KiB around it.
class random_memory {
 public:
  explicit random_memory(std::uint32_t seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> value(-200.0f, 200.0f);
    for (std::size_t k = 0; k < 12; ++k) {
      auto& bytes = blocks_.emplace_back(static_cast<std::size_t>(random_argument_bytes));
      bool const halves =
          random_elements[k % 6] == vector::element::f16 || random_elements[k % 6] == vector::element::bf16;
      for (std::size_t at = 0; at < bytes.size(); at += 4) {
        auto bits = random() % 16 == 0 ? std::uint32_t(random()) : std::bit_cast<std::uint32_t>(value(random));
        if (halves) bits = (random() & 0xbbffbbffu) | (random() % 64 == 0 ? 0x7c00u : 0u);
        if (random_elements[k % 6] == vector::element::s8 || random_elements[k % 6] == vector::element::u8)
          bits = static_cast<std::uint32_t>(random());
        std::memcpy(bytes.data() + at, &bits, 4);
      }
    }
    for (auto& b : blocks_) arguments_.push_back(b.data());
  }
  random_memory(random_memory const&) = delete;

  std::byte* const* arguments() const { return arguments_.data(); }

  /// Where the outputs differ, NaNs of all payloads being equal; empty: nowhere.
  std::string difference(random_memory const& other) const {
    for (std::size_t k = 6; k < 12; ++k) {
      auto const e = random_elements[k % 6];
      auto const size = static_cast<std::size_t>(size_of(e));
      for (std::size_t at = 0; at < blocks_[k].size(); at += size) {
        std::uint32_t a = 0, b = 0;
        std::memcpy(&a, blocks_[k].data() + at, size);
        std::memcpy(&b, other.blocks_[k].data() + at, size);
        if (a != b && !(is_nan(e, a) && is_nan(e, b)))
          return fmt::format("output {} byte {}: {:#x} and {:#x}", k - 6, at, a, b);
      }
    }
    return {};
  }

 private:
  static bool is_nan(vector::element e, std::uint32_t bits) {
    switch (e) {
      case vector::element::f32: return (bits & 0x7fffffffu) > 0x7f800000u;
      case vector::element::f16: return (bits & 0x7fffu) > 0x7c00u;
      case vector::element::bf16: return (bits & 0x7fffu) > 0x7f80u;
      default: return false;
    }
  }

  std::vector<std::vector<std::byte>> blocks_;
  std::vector<std::byte*> arguments_;
};

}  // namespace sinter::test
