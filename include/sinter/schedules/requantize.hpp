#pragma once

#include <sinter/schedules/contraction_tile.hpp>
#include <sinter/vector/builder.hpp>

#include <cstdint>

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
  requantization(quantized_tile const& q, vector::builder& b) : b_(b) {
    auto const integer = [&](bool needed, std::int32_t value) {
      return needed ? b.constant_i32(value) : vector::reg{};
    };
    // What is beyond any 8-bit integer, but fits int32.
    if (q.large) lowest_ = b.constant(-0x1p30f), highest_ = b.constant(0x1p30f);
    zero_point_ = integer(q.zero_point != 0, q.zero_point);
    least_ = integer(q.least > (q.signed_result ? -128 : 0), q.least);
    greatest_ = integer(q.greatest < (q.signed_result ? 127 : 255), q.greatest);
  }

  vector::reg operator()(vector::reg sum, vector::reg scale) const {
    using enum vector::opcode;
    constexpr auto i32 = vector::register_type::i32;
    auto value = b_.binary(mul, b_.unary(to_f32, sum), scale);
    if (lowest_) value = b_.binary(max, b_.binary(min, value, highest_), lowest_);
    auto whole = b_.unary(to_i32, value, i32);
    if (zero_point_) whole = b_.binary(iadd, whole, zero_point_, i32);
    if (least_) whole = b_.binary(imax, whole, least_, i32);
    if (greatest_) whole = b_.binary(imin, whole, greatest_, i32);
    return whole;
  }

 private:
  vector::builder& b_;
  vector::reg lowest_{}, highest_{}, zero_point_{}, least_{}, greatest_{};  ///< where they are needed
};

}  // namespace sinter
