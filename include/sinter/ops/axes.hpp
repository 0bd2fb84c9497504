#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/ops/operator.hpp>

#include <optional>
#include <vector>

namespace sinter {

/// The elements of an integer tensor as int64.
inline std::vector<std::int64_t> integers_of(tensor_view v) {
  std::vector<std::int64_t> values(v.elements());
  load_run<std::int64_t>(v.type, v.data, 0, 1, values.size(), values.data());
  return values;
}

/// All slices of a tensor along an axis; without one, its elements as a list.
inline bounded_shape all_slices(shape const& s, std::optional<std::int64_t> axis) {
  if (!axis) return {{static_cast<std::int64_t>(s.elements())}, 0};
  return {s, normalize_axis(*axis, s.rank())};
}

/// A set of axes of one tensor; bit i is axis i.
class axis_set {
 public:
  axis_set() = default;
  /// Axes from a model: negative ones count from the back; out of range or twice the same is an error.
  axis_set(std::vector<std::int64_t> const& axes, std::size_t rank) {
    for (auto const axis : axes) {
      auto const i = normalize_axis(axis, rank, "an axis");
      if (contains(i)) fail(error_code::malformed_model, "the axes name axis {} twice", axis);
      bits_ |= 1u << i;
    }
  }
  static axis_set all(std::size_t rank) {
    axis_set s;
    s.bits_ = (1u << rank) - 1;
    return s;
  }

  bool contains(std::size_t axis) const { return bits_ >> axis & 1u; }
  bool empty() const { return bits_ == 0; }
  std::int64_t bits() const { return bits_; }

  /// Number of elements of the dimensions in the set.
  std::int64_t elements(shape const& s) const {
    std::int64_t product = 1;
    for (std::size_t i = 0; i < s.rank(); ++i)
      if (contains(i)) product = checked_mul(product, s[i]);
    return product;
  }
  /// `s` with the dimensions in the set reduced to 1, or dropped.
  shape reduced(shape const& s, bool keep) const {
    shape out;
    for (std::size_t i = 0; i < s.rank(); ++i) {
      if (!contains(i))
        out.push_back(s[i]);
      else if (keep)
        out.push_back(1);
    }
    return out;
  }

 private:
  unsigned bits_ = 0;
};

}  // namespace sinter
