#pragma once

#include <sinter/schedules/winograd_shape.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/recipe.hpp>

#include <cstdint>
#include <optional>

/// The values that an input transform of Winograd convolution works on: float32, or pairs of integers. A pair is one
/// int32, the value of a channel and 2^16 times that of the same channel of the next block: sums of pairs are pairs of
/// sums. In the end its halves are the two integers, which dot2 multiplies.
namespace sinter {

/// 8-bit integers, whose values are those less their zero point.
struct winograd_bytes {
  bool is_signed = false;
  std::int32_t zero_point = 0;
};

/// What V and the weights are of: two blocks of channels lie side by side.
inline winograd_shape products_of_winograd_bytes(winograd_shape s) {
  s.in_channels = ceil_div(s.in_blocks(), std::int64_t{2}) * channel_block;
  return s;
}

inline void add_bytes(vector::recipe_key& key, std::optional<winograd_bytes> const& bytes) {
  key.add(bytes.has_value());
  if (bytes) key.add(bytes->is_signed).add(bytes->zero_point);
}

namespace detail {

class winograd_values_of {
 public:
  winograd_values_of(std::optional<winograd_bytes> const& bytes, vector::builder& b) : bytes_(bytes), b_(b) {
    if (bytes_) sign_ = b_.constant_i32(0x8000);
  }

  /// The elements of the input and of what is kept of its transform.
  vector::element input() const {
    return !bytes_ ? element() : bytes_->is_signed ? vector::element::s8 : vector::element::u8;
  }
  vector::element element() const { return bytes_ ? vector::element::i32 : vector::element::f32; }
  vector::register_type type() const { return bytes_ ? vector::register_type::i32 : vector::register_type::f32; }
  vector::reg zero() { return b_.zero(type()); }

  /// What `load` will give: pairs of values that are `other` bytes apart, 0: the second of them are zeros.
  void start(std::int64_t other) {
    other_ = other;
    auto const zeros = bytes_ ? bytes_->zero_point * (other != 0 ? 0x10001 : 1) : 0;
    zeros_ = zeros != 0 ? b_.constant_i32(zeros) : vector::reg{};
  }
  /// The values at byte `at`.
  vector::reg load(vector::pointer x, std::int64_t at) {
    auto value = b_.load(x.at(at), 0, type());
    if (other_ != 0) value = add(value, b_.shift(vector::opcode::ishl, b_.load(x.at(at + other_), 0, type()), 16));
    return zeros_ ? b_.binary(vector::opcode::isub, value, zeros_, type()) : value;
  }

  /// The halves of the sum of a pair and 2^16 times the other are the two where a negative one takes none from the
  /// other.
  vector::reg finish(vector::reg value) {
    if (!bytes_) return value;
    auto const sign = b_.binary(vector::opcode::iand, value, sign_, type());
    return add(value, b_.shift(vector::opcode::ishl, sign, 1));
  }

 private:
  vector::reg add(vector::reg a, vector::reg b) { return b_.binary(vector::opcode::iadd, a, b, type()); }

  std::optional<winograd_bytes> const& bytes_;
  vector::builder& b_;
  std::int64_t other_ = 0;
  vector::reg sign_{}, zeros_{};
};

}  // namespace detail
}  // namespace sinter
