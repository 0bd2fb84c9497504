#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/kernels/movement.hpp>
#include <sinter/ops/operator.hpp>

#include <utility>
#include <vector>

namespace sinter {

/// Tensors of one type and shape that are put together along a new axis, as scan outputs are.
class stack {
 public:
  /// Whether the last tensor comes first.
  explicit stack(bool reversed = false) : reversed_(reversed) {}

  /// Type of the tensors, for when none comes.
  void start(tensor_type const& type) { type_ = type; }

  void push(any_tensor const& t) {
    if (is_container(t.type()))
      fail(error_code::malformed_model, "a scan output is {}, expected a tensor", name(t.type()));
    if (!parts_.empty() && (t.type() != parts_[0].type() || t.shape() != parts_[0].shape()))
      fail(error_code::malformed_model, "a scan output is {} {} in one turn and {} {} in another",
           name(parts_[0].type()), parts_[0].shape(), name(t.type()), t.shape());
    bytes_.charge(t.bytes());
    parts_.push_back(t.owns() ? t : copy_of(t.view()));
  }

  /// The whole, with the new axis at `axis`, which may count from the back.
  any_tensor take(std::int64_t axis = 0) const {
    auto const type = parts_.empty() ? type_ : tensor_type{parts_[0].type(), parts_[0].shape()};
    auto extents = type.shape.value_or(shape{});
    auto const at = normalize_axis(axis, extents.rank() + 1, "the axis of a scan output");
    extents.insert(at, static_cast<std::int64_t>(parts_.size()));
    any_tensor whole(type.element, extents);
    auto const inner = static_cast<std::int64_t>(extents.elements(at + 1, extents.rank()));
    auto const outer = static_cast<std::int64_t>(extents.elements(0, at));
    auto const count = static_cast<std::int64_t>(parts_.size());
    auto const to = whole.mutable_view();
    for (std::int64_t i = 0; i < count; ++i) {
      auto const& part = parts_[static_cast<std::size_t>(reversed_ ? count - 1 - i : i)];
      for (std::int64_t row = 0; row < outer; ++row)
        copy_elements(part.view(), row * inner, to, (row * count + i) * inner, static_cast<std::size_t>(inner));
    }
    return whole;
  }

 private:
  bool reversed_;
  tensor_type type_{};
  std::vector<any_tensor> parts_{};
  budget bytes_{"the scan outputs of a loop", limits{}.arena_bytes};
};

/// The tensor at `index` of an axis, without that axis.
inline any_tensor slice_of(any_tensor const& t, std::size_t axis, std::int64_t index) {
  auto extents = t.shape();
  auto const count = extents[axis];
  extents.erase(axis);
  any_tensor part(t.type(), extents);
  auto const inner = static_cast<std::int64_t>(extents.elements(axis, extents.rank()));
  auto const outer = static_cast<std::int64_t>(extents.elements(0, axis));
  for (std::int64_t row = 0; row < outer; ++row)
    copy_elements(t.view(), (row * count + index) * inner, part.mutable_view(), row * inner,
                  static_cast<std::size_t>(inner));
  return part;
}

}  // namespace sinter
