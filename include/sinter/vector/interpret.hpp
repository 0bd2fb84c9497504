#pragma once

#include <sinter/core/float16.hpp>
#include <sinter/core/tile.hpp>
#include <sinter/vector/opcodes.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <unordered_map>
#include <vector>

namespace sinter::vector {

/// Lanes of one register as bits; f32 and i32 alike.
using lane_bits = std::array<std::uint32_t, 16>;

inline float as_float(std::uint32_t bits) { return std::bit_cast<float>(bits); }
inline std::int32_t as_int(std::uint32_t bits) { return static_cast<std::int32_t>(bits); }
inline std::uint32_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }
inline std::uint32_t bits_of(std::int32_t value) { return static_cast<std::uint32_t>(value); }

template <typename T>
T read_as(std::byte const* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <typename T>
void write_as(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

/// To nearest, ties to even; INT32_MIN for NaN and for what does not fit.
inline std::int32_t round_to_i32(float value) {
  if (!(value >= -0x1p31f && value < 0x1p31f)) return INT32_MIN;
  return static_cast<std::int32_t>(std::nearbyint(value));
}

/// One element of memory as a lane of `type`.
inline std::uint32_t load_element(std::byte const* at, element e, register_type type) {
  auto const whole = [&](std::int32_t v) {
    return type == register_type::i32 ? bits_of(v) : bits_of(static_cast<float>(v));
  };
  switch (e) {
    case element::f32: return read_as<std::uint32_t>(at);
    case element::i32: return whole(read_as<std::int32_t>(at));
    case element::f16: return bits_of(half_to_float(read_as<std::uint16_t>(at)));
    case element::bf16: return bits_of(bfloat16_to_float(read_as<std::uint16_t>(at)));
    case element::s8: return whole(read_as<std::int8_t>(at));
    case element::u8: return whole(read_as<std::uint8_t>(at));
  }
  return 0;
}

/// A lane of `type` as one element of memory: rounded to even, 8-bit integers saturated.
inline void store_element(std::byte* at, element e, register_type type, std::uint32_t lane) {
  auto const whole = [&] { return type == register_type::i32 ? as_int(lane) : round_to_i32(as_float(lane)); };
  switch (e) {
    case element::f32: return write_as(at, lane);
    case element::i32: return write_as(at, whole());
    case element::f16: return write_as(at, float_to_half(as_float(lane)));
    case element::bf16: return write_as(at, float_to_bfloat16(as_float(lane)));
    case element::s8: return write_as(at, static_cast<std::int8_t>(std::clamp(whole(), -128, 127)));
    case element::u8: return write_as(at, static_cast<std::uint8_t>(std::clamp(whole(), 0, 255)));
  }
}

inline float max_of(float a, float b) { return a > b ? a : b; }
inline float min_of(float a, float b) { return a < b ? a : b; }

/// 2^n for integral n in -126..127.
inline float power_of_two(float n) { return as_float(static_cast<std::uint32_t>(static_cast<int>(n) + 127) << 23); }

/// One run of one program.
class interpreter {
 public:
  interpreter(program const& p, std::byte* const* arguments) : p_(p), registers_(p.registers.size()) {
    for (auto const& s : p.streams) streams_.push_back(arguments[s.argument] + s.offset);
  }

  void run() {
    for (std::size_t at = 0; at < p_.code.size(); ++at) {
      auto const& i = p_.code[at];
      if (i.op == opcode::loop)
        open_.push_back({at, i.count});
      else if (i.op == opcode::end)
        at = turn(at);
      else
        step_over(i);
    }
  }

 private:
  struct open_loop {
    std::size_t head;
    std::int32_t left;
  };

  lane_bits& at(reg r) { return registers_[static_cast<std::size_t>(r.id)]; }
  auto const& table(instruction const& i) const { return p_.tables[static_cast<std::size_t>(i.extra)]; }

  /// After one turn of the innermost loop: the instruction before the next one to run.
  std::size_t turn(std::size_t end) {
    auto& loop = open_.back();
    auto const& head = p_.code[loop.head];
    bool const last = --loop.left == 0;
    if (head.extra >= 0)
      for (auto const& s : p_.steps[static_cast<std::size_t>(head.extra)])
        streams_[static_cast<std::size_t>(s.stream)] += last ? -s.bytes * (head.count - 1) : s.bytes;
    if (!last) return loop.head;
    open_.pop_back();
    return end;
  }

  void load(lane_bits& d, instruction const& i, register_type type, int lanes) {
    auto const e = element_of(p_, i.m);
    if (i.m.broadcast) {
      d.fill(load_element(streams_[static_cast<std::size_t>(i.m.stream)] + i.m.offset, e, type));
      return;
    }
    auto const* const from = streams_[static_cast<std::size_t>(i.m.stream)] + i.m.offset;
    for (int l = 0; l < p_.lanes; ++l) d[l] = l < lanes ? load_element(from + l * size_of(e), e, type) : 0u;
  }

  void store(instruction const& i) {
    auto const e = element_of(p_, i.m);
    auto* const to = streams_[static_cast<std::size_t>(i.m.stream)] + i.m.offset;
    int const lanes = i.count > 0 ? i.count : p_.lanes;
    for (int l = 0; l < lanes; ++l) store_element(to + l * size_of(e), e, type_of(p_, i.a), at(i.a)[l]);
  }

  void butterfly(instruction const& i) {
    auto t = at(i.a);
    for (int s = p_.lanes / 2; s > 0; s /= 2) {
      auto const u = t;
      for (int l = 0; l < p_.lanes; ++l) {
        float const x = as_float(u[l]), y = as_float(u[l ^ s]);
        t[l] = bits_of(i.op == opcode::hsum ? x + y : max_of(x, y));
      }
    }
    at(i.d) = t;
  }

  void halves(instruction const& i) {
    auto const a = at(i.a), b = at(i.b);
    for (int l = 0; l < p_.lanes; ++l) at(i.d)[l] = l < p_.lanes / 2 ? a[l] : b[l];
  }

  void transpose(instruction const& i) {
    auto const& ids = table(i);
    std::array<lane_bits, 16> square;
    for (int r = 0; r < p_.lanes; ++r) square[r] = at(reg{ids[r]});
    for (int r = 0; r < p_.lanes; ++r)
      for (int l = 0; l < p_.lanes; ++l) at(reg{ids[r]})[l] = square[l][r];
  }

  tile_words& tile(reg r) { return tiles_[r.id].words; }
  void load_tile(instruction const& i) {
    auto& to = tiles_[i.d.id];
    to.shape = shape_of(p_, i);
    to.words = {};
    if (!i.m) return;
    auto const* from = streams_[static_cast<std::size_t>(i.m.stream)] + i.m.offset;
    for (int row = 0; row < to.shape.rows; ++row, from += to.shape.stride)
      std::memcpy(to.words.at[row], from, static_cast<std::size_t>(to.shape.bytes));
  }
  void store_tile(instruction const& i) {
    auto const& from = tile(i.a);
    auto const shape = shape_of(p_, i);
    auto* to = streams_[static_cast<std::size_t>(i.m.stream)] + i.m.offset;
    for (int row = 0; row < shape.rows; ++row, to += shape.stride)
      std::memcpy(to, from.at[row], static_cast<std::size_t>(shape.bytes));
  }
  void multiply_tiles(instruction const& i) {
    auto const &a = tiles_[i.a.id].shape, &b = tiles_[i.b.id].shape;
    auto const add = i.op == opcode::tile_dot4 ? add_byte_tiles : add_bfloat16_tiles;
    add(tile(i.d), tile(i.a), tile(i.b), {.rows = a.rows, .depth = b.rows, .columns = b.bytes / 4});
  }

  void step_over(instruction const& i) {
    switch (i.op) {
      case opcode::tile_zero:
      case opcode::tile_load:
      case opcode::tile_load_once: return load_tile(i);
      case opcode::tile_store: return store_tile(i);
      case opcode::tile_dot2_bf16:
      case opcode::tile_dot4: return multiply_tiles(i);
      case opcode::load: return load(at(i.d), i, type_of(p_, i.d), i.count > 0 ? i.count : p_.lanes);
      case opcode::store: return store(i);
      case opcode::prefetch:
      case opcode::prefetch_far: return;
      case opcode::hsum:
      case opcode::hmax: return butterfly(i);
      case opcode::halves: return halves(i);
      case opcode::transpose: return transpose(i);
      case opcode::shuffle: {
        auto const a = at(i.a);
        for (int l = 0; l < p_.lanes; ++l) at(i.d)[l] = a[table(i)[l]];
        return;
      }
      default: return lanewise(i);
    }
  }

  /// The second source: a register, or memory.
  lane_bits const& second(instruction const& i) {
    if (!i.m) return at(i.b);
    load(operand_, i, memory_type(i.op), p_.lanes);
    return operand_;
  }
  template <typename F>
  void one(instruction const& i, F f) {
    auto const& a = at(i.a);
    auto& d = at(i.d);
    for (int l = 0; l < p_.lanes; ++l) d[l] = bits_of(f(a[l]));
  }
  template <typename F>
  void floats(instruction const& i, F f) {
    auto const &a = at(i.a), &b = second(i);
    auto& d = at(i.d);
    for (int l = 0; l < p_.lanes; ++l) d[l] = bits_of(f(as_float(a[l]), as_float(b[l])));
  }
  template <typename F>
  void integers(instruction const& i, F f) {
    auto const &a = at(i.a), &b = at(i.b);
    auto& d = at(i.d);
    for (int l = 0; l < p_.lanes; ++l) d[l] = f(a[l], b[l]);
  }
  void multiply_add(instruction const& i, float sign) {
    auto const &a = at(i.a), &b = second(i), &c = at(i.c);
    auto& d = at(i.d);
    for (int l = 0; l < p_.lanes; ++l) d[l] = bits_of(std::fma(sign * as_float(a[l]), as_float(b[l]), as_float(c[l])));
  }
  void dot4(instruction const& i) {
    auto const &a = at(i.a), &b = second(i), &c = at(i.c);
    auto& d = at(i.d);
    for (int l = 0; l < p_.lanes; ++l) {
      auto sum = c[l];
      for (int k = 0; k < 32; k += 8)
        sum += (a[l] >> k & 0xff) * bits_of(std::int32_t{static_cast<std::int8_t>(b[l] >> k & 0xff)});
      d[l] = sum;
    }
  }
  void dot2(instruction const& i) {
    auto const &a = at(i.a), &b = second(i), &c = at(i.c);
    auto& d = at(i.d);
    auto const word = [](std::uint32_t lane, int k) { return std::int32_t{static_cast<std::int16_t>(lane >> k)}; };
    for (int l = 0; l < p_.lanes; ++l) {
      auto sum = c[l];
      for (int k = 0; k < 32; k += 16) sum += bits_of(word(a[l], k) * word(b[l], k));
      d[l] = sum;
    }
  }
  void lookup(instruction const& i) {
    auto const& a = at(i.a);
    auto const* const table = streams_[static_cast<std::size_t>(i.m.stream)] + i.m.offset;
    auto& d = at(i.d);
    for (int l = 0; l < p_.lanes; ++l) {
      std::uint32_t found = 0;
      for (int k = 0; k < 32; k += 8) found |= std::to_integer<std::uint32_t>(table[a[l] >> k & 0xff]) << k;
      d[l] = found;
    }
  }
  void dot2_bf16(instruction const& i) {
    auto const &a = at(i.a), &b = second(i), &c = at(i.c);
    auto& d = at(i.d);
    for (int l = 0; l < p_.lanes; ++l) d[l] = bits_of(add_bfloat16_products(a[l], b[l], as_float(c[l])));
  }
  void pack_bf16(instruction const& i) {
    auto const a = at(i.a), b = at(i.b);
    auto const rounded = [&](int l) -> std::uint32_t {
      return float_to_normal_bfloat16(as_float(l < p_.lanes ? a[l] : b[l - p_.lanes]));
    };
    for (int l = 0; l < p_.lanes; ++l) at(i.d)[l] = rounded(2 * l) | rounded(2 * l + 1) << 16;
  }
  void select(instruction const& i) {
    auto const &a = at(i.a), &b = at(i.b), &yes = at(i.c), &no = at(i.e);
    auto& d = at(i.d);
    for (int l = 0; l < p_.lanes; ++l) d[l] = holds(i.cc, as_float(a[l]), as_float(b[l])) ? yes[l] : no[l];
  }

  void lanewise(instruction const& i) {
    using word = std::uint32_t;
    switch (i.op) {
      case opcode::zero: return at(i.d).fill(0);
      case opcode::constant: return at(i.d).fill(bits_of(i.imm));
      case opcode::add: return floats(i, [](float a, float b) { return a + b; });
      case opcode::sub: return floats(i, [](float a, float b) { return a - b; });
      case opcode::mul: return floats(i, [](float a, float b) { return a * b; });
      case opcode::div: return floats(i, [](float a, float b) { return a / b; });
      case opcode::min: return floats(i, min_of);
      case opcode::max: return floats(i, max_of);
      case opcode::fma: return multiply_add(i, 1);
      case opcode::fnma: return multiply_add(i, -1);
      case opcode::dot4: return dot4(i);
      case opcode::dot2: return dot2(i);
      case opcode::lookup: return lookup(i);
      case opcode::dot2_bf16: return dot2_bf16(i);
      case opcode::pack_bf16: return pack_bf16(i);
      case opcode::scale2: return floats(i, [](float a, float n) { return a * power_of_two(n); });
      case opcode::select: return select(i);
      case opcode::iadd: return integers(i, [](word a, word b) { return a + b; });
      case opcode::isub: return integers(i, [](word a, word b) { return a - b; });
      case opcode::imul: return integers(i, [](word a, word b) { return a * b; });
      case opcode::imin: return integers(i, [](word a, word b) { return as_int(a) < as_int(b) ? a : b; });
      case opcode::imax: return integers(i, [](word a, word b) { return as_int(a) > as_int(b) ? a : b; });
      case opcode::iand: return integers(i, [](word a, word b) { return a & b; });
      case opcode::ior: return integers(i, [](word a, word b) { return a | b; });
      case opcode::ixor: return integers(i, [](word a, word b) { return a ^ b; });
      default: return unary(i);
    }
  }

  void unary(instruction const& i) {
    using word = std::uint32_t;
    switch (i.op) {
      case opcode::sqrt: return one(i, [](word a) { return std::sqrt(as_float(a)); });
      case opcode::round: return one(i, [](word a) { return std::nearbyint(as_float(a)); });
      case opcode::floor: return one(i, [](word a) { return std::floor(as_float(a)); });
      case opcode::to_i32: return one(i, [](word a) { return round_to_i32(as_float(a)); });
      case opcode::to_f32: return one(i, [](word a) { return static_cast<float>(as_int(a)); });
      case opcode::ishl: return one(i, [&](word a) { return as_int(a << i.imm); });
      case opcode::ishr: return one(i, [&](word a) { return as_int(a >> i.imm); });
      case opcode::isra: return one(i, [&](word a) { return as_int(a) >> i.imm; });
      default: return one(i, [](word a) { return as_int(a); });  // mov, bits, floats
    }
  }

  struct tile_register {
    tile_shape shape{};
    tile_words words{};
  };

  program const& p_;
  std::vector<lane_bits> registers_;
  std::unordered_map<std::int32_t, tile_register> tiles_;
  lane_bits operand_{};  ///< the memory operand of an instruction
  std::vector<std::byte*> streams_;
  std::vector<open_loop> open_;
};

/// Runs a verified program on the memory behind `arguments`: the oracle of the emitters, which give equal bits (but
/// for the payload of NaNs).
inline void interpret(program const& p, std::byte* const* arguments) { interpreter(p, arguments).run(); }

}  // namespace sinter::vector
