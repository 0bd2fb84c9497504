#pragma once

#include <sinter/schedules/contraction_tile.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/register_pressure.hpp>

#include <bit>
#include <cstdint>
#include <vector>

/// From sums of products of 8-bit integers to 8-bit integers, in registers.
namespace sinter {

/// The register that makes four int8 in each lane uint8, 128 more, by ixor; none where they are uint8.
inline vector::reg input_flip(quantized_tile const& q, vector::builder& b) {
  return q.is_signed ? b.constant_i32(static_cast<std::int32_t>(0x80808080u)) : vector::reg{};
}

/// What the zero point of the input adds to sums: it, a byte in memory, times the sums of the weights.
inline vector::reg zero_point_product(quantized_tile const& q, vector::builder& b, vector::memory zero_point,
                                      vector::memory weight_sums) {
  using enum vector::opcode;
  constexpr auto i32 = vector::register_type::i32;
  auto point = b.load(zero_point, 0, i32);
  if (q.is_signed) point = b.binary(iadd, point, b.constant_i32(128), i32);  // as dot4 takes it
  return b.binary(imul, point, b.load(weight_sums, 0, i32), i32);
}

/// round(sum · scale) + zero point within bounds, to be stored as an 8-bit integer, which saturates.
class requantization {
 public:
  /// Constants stay in registers where `live` ones, which are in use, leave enough.
  requantization(quantized_tile const& q, vector::builder& b, int live = 0) : b_(b) {
    using enum vector::opcode;
    constexpr int constants = 5, others = 3;
    bool const keep = live + constants + others <= vector::register_count(b.lanes());
    auto const integer = [&](vector::opcode op, bool needed, std::int32_t value) {
      if (needed) whole_.push_back(step(op, vector::register_type::i32, value, keep));
    };
    // What is beyond any 8-bit integer, but fits int32.
    auto const real = [&](vector::opcode op, float value) {
      if (q.large) real_.push_back(step(op, vector::register_type::f32, std::bit_cast<std::int32_t>(value), keep));
    };
    real(min, 0x1p30f);
    real(max, -0x1p30f);
    integer(iadd, q.zero_point != 0, q.zero_point);
    integer(imax, q.least > (q.signed_result ? -128 : 0), q.least);
    integer(imin, q.greatest < (q.signed_result ? 127 : 255), q.greatest);
  }

  vector::reg operator()(vector::reg sum, vector::reg scale) const {
    using enum vector::opcode;
    auto const scaled = apply(real_, b_.binary(mul, b_.unary(to_f32, sum), scale));
    return apply(whole_, b_.unary(to_i32, scaled, vector::register_type::i32));
  }

 private:
  /// An operation with a constant.
  struct operation {
    vector::opcode op;
    vector::register_type type;
    std::int32_t bits;
    vector::reg kept{};
  };

  vector::reg constant(operation const& o) const {
    return o.type == vector::register_type::i32 ? b_.constant_i32(o.bits) : b_.constant(std::bit_cast<float>(o.bits));
  }
  operation step(vector::opcode op, vector::register_type type, std::int32_t bits, bool keep) const {
    operation o{op, type, bits};
    if (keep) o.kept = constant(o);
    return o;
  }
  vector::reg apply(std::vector<operation> const& operations, vector::reg value) const {
    for (auto const& o : operations) value = b_.binary(o.op, value, o.kept ? o.kept : constant(o), o.type);
    return value;
  }

  vector::builder& b_;
  std::vector<operation> real_{}, whole_{};  ///< before and after the conversion
};

}  // namespace sinter
