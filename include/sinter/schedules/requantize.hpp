#pragma once

#include <sinter/ops/quantized.hpp>
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

/// The addend of a quantised product as an operand of its grids.
inline bound_extras addend_of(scheduled_node const& n, quantized_tile const& tile) {
  if (!tile.addend) return {};
  constexpr auto slot = quantized_product_result::addend;
  bound_extras bound{.code = {.extras = {extra_kind::element}}};
  bound.sources = {{.in = space::input, .index = n.first_input + static_cast<std::uint32_t>(slot)}};
  bound.item_strides = {n.inputs[slot].how == layout::blocked ? n.inputs[slot].item_stride : 0};
  return bound;
}

/// round(sum · scale) + zero point within bounds, perhaps plus an addend, to be stored as an 8-bit integer, which
/// saturates.
class requantization {
 public:
  /// As many constants stay in registers as `live` ones, which are in use, leave.
  requantization(quantized_tile const& q, vector::builder& b, int live = 0) : b_(b) {
    using enum vector::opcode;
    int const others = q.addend ? 4 : 3;
    room_ = vector::register_count(b.lanes()) - others - live;
    auto const integer = [&](vector::opcode op, bool needed, std::int32_t value) {
      if (needed) whole_.push_back(step(op, vector::register_type::i32, value));
    };
    auto const real = [&](std::vector<operation>& to, vector::opcode op, float value) {
      to.push_back(step(op, vector::register_type::f32, std::bit_cast<std::int32_t>(value)));
    };
    if (q.addend) {
      real(quotient_, mul, 1 / q.addend->sum_step);
      real(quotient_, fma, -q.addend->sum_step);
      real(real_, min, q.addend->greatest);
      real(real_, max, q.addend->least);
      real(real_, mul, q.addend->product_step);
      if (q.addend->zero_point != 0) real(addend_, sub, q.addend->zero_point);
      real(addend_, mul, q.addend->step);
    } else if (q.large) {  // what is beyond any 8-bit integer, but fits int32
      real(real_, min, 0x1p30f);
      real(real_, max, -0x1p30f);
    }
    integer(iadd, q.zero_point != 0, q.zero_point);
    integer(imax, q.least > (q.signed_result ? -128 : 0), q.least);
    integer(imin, q.greatest < (q.signed_result ? 127 : 255), q.greatest);
  }

  /// `extras` is the addend, if there is one: its first `lanes` elements from byte `at` on belong to `sum`.
  vector::reg operator()(vector::reg sum, vector::reg scale, std::vector<vector::pointer> const& extras,
                         std::int64_t at, std::int32_t lanes) const {
    if (extras.empty()) return whole(apply(real_, scaled(sum, scale)));
    auto const own = apply(real_, b_.unary(vector::opcode::round, scaled(sum, scale)));
    auto const added = apply(addend_, b_.load(extras[0].at(at), lanes));
    return whole(quotient(b_.binary(vector::opcode::add, own, added)));
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
  operation step(vector::opcode op, vector::register_type type, std::int32_t bits) {
    operation o{op, type, bits};
    if (room_-- > 0) o.kept = constant(o);
    return o;
  }
  vector::reg value_of(operation const& o) const { return o.kept ? o.kept : constant(o); }
  /// The bits of a division by the step of the sum: a quotient from the reciprocal, and what is left of the dividend.
  vector::reg quotient(vector::reg sum) const {
    auto const first = b_.binary(vector::opcode::mul, sum, value_of(quotient_[0]));
    auto const rest = b_.fma(first, value_of(quotient_[1]), sum);
    return b_.fma(rest, value_of(quotient_[0]), first);
  }
  vector::reg scaled(vector::reg sum, vector::reg scale) const {
    return b_.binary(vector::opcode::mul, b_.unary(vector::opcode::to_f32, sum), scale);
  }
  vector::reg whole(vector::reg real) const {
    return apply(whole_, b_.unary(vector::opcode::to_i32, real, vector::register_type::i32));
  }
  vector::reg apply(std::vector<operation> const& operations, vector::reg value) const {
    for (auto const& o : operations) value = b_.binary(o.op, value, value_of(o), o.type);
    return value;
  }

  vector::builder& b_;
  int room_ = 0;                                        ///< registers for constants
  std::vector<operation> real_{}, addend_{}, whole_{};  ///< on the product, on the addend, on integers
  std::vector<operation> quotient_{};                   ///< the reciprocal of the step of the sum, and less that step
};

}  // namespace sinter
