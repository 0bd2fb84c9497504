#pragma once

#include <sinter/core/float16.hpp>
#include <sinter/vector/opcodes.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
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

inline bool holds(compare cc, float a, float b) {
  switch (cc) {
    case compare::eq: return a == b;
    case compare::ne: return a != b;
    case compare::lt: return a < b;
    case compare::le: return a <= b;
    case compare::gt: return a > b;
    case compare::ge: return a >= b;
  }
  return false;
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
    auto const* const from = streams_[static_cast<std::size_t>(i.m.stream)] + i.m.offset;
    for (int l = 0; l < p_.lanes; ++l)
      d[l] = l < lanes ? load_element(from + (i.m.broadcast ? 0 : l * size_of(e)), e, type) : 0u;
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

  void transpose(instruction const& i) {
    auto const& ids = table(i);
    std::array<lane_bits, 16> square;
    for (int r = 0; r < p_.lanes; ++r) square[r] = at(reg{ids[r]});
    for (int r = 0; r < p_.lanes; ++r)
      for (int l = 0; l < p_.lanes; ++l) at(reg{ids[r]})[l] = square[l][r];
  }

  void step_over(instruction const& i) {
    switch (i.op) {
      case opcode::load: return load(at(i.d), i, type_of(p_, i.d), i.count > 0 ? i.count : p_.lanes);
      case opcode::store: return store(i);
      case opcode::prefetch: return;
      case opcode::hsum:
      case opcode::hmax: return butterfly(i);
      case opcode::transpose: return transpose(i);
      case opcode::shuffle: {
        auto const a = at(i.a);
        for (int l = 0; l < p_.lanes; ++l) at(i.d)[l] = a[table(i)[l]];
        return;
      }
      default: return lanewise(i);
    }
  }

  void lanewise(instruction const& i) {
    lane_bits const none{};
    lane_bits const a = i.a ? at(i.a) : none;
    lane_bits b = i.b ? at(i.b) : none;
    if (i.m) load(b, i, register_type::f32, p_.lanes);
    lane_bits const c = i.c ? at(i.c) : none;
    lane_bits const e = i.e ? at(i.e) : none;
    auto& d = at(i.d);
    bool const integer = info(i.op).source == operand_type::i32;
    for (int l = 0; l < p_.lanes; ++l)
      d[l] = integer ? bits_of(integer_lane(i, as_int(a[l]), as_int(b[l]))) : float_lane(i, a[l], b[l], c[l], e[l]);
    if (i.op == opcode::to_f32)
      for (int l = 0; l < p_.lanes; ++l) d[l] = bits_of(static_cast<float>(as_int(a[l])));
  }

  static std::int32_t integer_lane(instruction const& i, std::int32_t a, std::int32_t b) {
    auto const ua = static_cast<std::uint32_t>(a), ub = static_cast<std::uint32_t>(b);
    switch (i.op) {
      case opcode::iadd: return as_int(ua + ub);
      case opcode::isub: return as_int(ua - ub);
      case opcode::imul: return as_int(ua * ub);
      case opcode::imin: return std::min(a, b);
      case opcode::imax: return std::max(a, b);
      case opcode::iand: return a & b;
      case opcode::ior: return a | b;
      case opcode::ixor: return a ^ b;
      case opcode::ishl: return as_int(ua << i.imm);
      case opcode::ishr: return as_int(ua >> i.imm);
      case opcode::isra: return a >> i.imm;
      default: return a;  // floats; to_f32 is converted by the caller
    }
  }

  static std::uint32_t float_lane(instruction const& i, std::uint32_t ra, std::uint32_t rb, std::uint32_t rc,
                                  std::uint32_t re) {
    float const a = as_float(ra), b = as_float(rb), c = as_float(rc);
    switch (i.op) {
      case opcode::zero: return 0;
      case opcode::constant: return bits_of(i.imm);
      case opcode::add: return bits_of(a + b);
      case opcode::sub: return bits_of(a - b);
      case opcode::mul: return bits_of(a * b);
      case opcode::div: return bits_of(a / b);
      case opcode::min: return bits_of(min_of(a, b));
      case opcode::max: return bits_of(max_of(a, b));
      case opcode::fma: return bits_of(std::fma(a, b, c));
      case opcode::fnma: return bits_of(std::fma(-a, b, c));
      case opcode::sqrt: return bits_of(std::sqrt(a));
      case opcode::round: return bits_of(std::nearbyint(a));
      case opcode::floor: return bits_of(std::floor(a));
      case opcode::scale2: return bits_of(a * power_of_two(b));
      case opcode::select: return holds(i.cc, a, b) ? rc : re;
      case opcode::to_i32: return bits_of(round_to_i32(a));
      default: return ra;  // mov, bits
    }
  }

  program const& p_;
  std::vector<lane_bits> registers_;
  std::vector<std::byte*> streams_;
  std::vector<open_loop> open_;
};

/// Runs a verified program on the memory behind `arguments`: the oracle of the emitters, which give equal bits (but
/// for the payload of NaNs).
inline void interpret(program const& p, std::byte* const* arguments) { interpreter(p, arguments).run(); }

}  // namespace sinter::vector
