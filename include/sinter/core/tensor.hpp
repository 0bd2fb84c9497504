#pragma once

#include <sinter/core/located_bytes.hpp>
#include <sinter/core/shape.hpp>
#include <sinter/core/tensor_view.hpp>

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sinter {

/// A dense row-major tensor whose element type is known at run time. Copies share the bytes; write only while unshared.
class any_tensor {
 public:
  any_tensor() = default;

  /// A new tensor, 64-byte aligned, zeroed (strings are empty); or a container of empty items.
  any_tensor(dtype type, sinter::shape extents) : type_(type), shape_(extents) {
    if (type == dtype::string) {
      auto strings = std::make_shared<std::vector<std::string>>(extents.elements());
      data_ = std::shared_ptr<void>(strings, strings->data());
      return;
    }
    if (is_container(type)) {
      hold(std::vector<any_tensor>(extents.elements()));
      return;
    }
    auto const bytes = dense_bytes(type, extents);
    auto* memory = ::operator new (bytes ? bytes : 1, std::align_val_t{64});
    std::memset(memory, 0, bytes);
    data_ = std::shared_ptr<void>(memory, [](void* p) { ::operator delete (p, std::align_val_t{64}); });
  }

  /// A tensor over bytes that somebody else keeps: `data` shares ownership of whatever holds them.
  any_tensor(dtype type, sinter::shape extents, std::shared_ptr<void const> data)
      : type_(type), shape_(extents), data_(std::const_pointer_cast<void>(std::move(data))) {}

  /// A tensor whose elements lie in a file.
  any_tensor(dtype type, sinter::shape extents, std::shared_ptr<located_bytes const> where)
      : type_(type), shape_(extents), located_(std::move(where)) {}

  /// A copy of `values` in row-major order.
  template <tensor_element T>
  static any_tensor of(sinter::shape extents, std::span<T const> values) {
    any_tensor t(dtype_of<T>, extents);
    if (values.size() != t.elements())
      fail(error_code::invalid_argument, "a tensor of shape {} has {} elements, {} were given", extents, t.elements(),
           values.size());
    std::ranges::copy(values, static_cast<T*>(t.data()));
    return t;
  }
  template <tensor_element T>
  static any_tensor of(sinter::shape extents, std::initializer_list<T> values) {
    return of<T>(extents, std::span<T const>(values.begin(), values.size()));
  }
  /// A sequence, an optional (of one item or none) or a map (its keys, its values). Items that show bytes of somebody
  /// else are copied.
  static any_tensor holding(dtype container, std::vector<any_tensor> items);
  template <tensor_element T>
  static any_tensor scalar(T value) {
    return of<T>(sinter::shape{}, {value});
  }

  dtype type() const { return type_; }
  sinter::shape const& shape() const { return shape_; }
  std::size_t elements() const { return shape_.elements(); }
  std::size_t bytes() const { return shape_.elements() * size_of(type_); }
  /// The elements; those in a file are copied to memory first, which may be an io error.
  void const* data() const { return located_ ? located_->make_resident() : data_.get(); }
  void* data() {
    number_ = 0;
    return const_cast<void*>(std::as_const(*this).data());
  }
  explicit operator bool() const { return type_ != dtype::undefined; }
  /// What a container holds.
  std::span<any_tensor const> items() const;

  /// Whether the tensor keeps its elements; not where it shows bytes that somebody else must keep.
  bool owns() const { return located_ || data_.use_count() > 0; }

  /// The elements if they are in memory; null if only a file has them.
  std::byte const* resident() const {
    return located_ ? located_->resident() : static_cast<std::byte const*>(data_.get());
  }
  /// Fills `to` with the bytes of the elements from byte `first` on, and keeps no copy of those in a file. Errors: io.
  void read(std::size_t first, std::span<std::byte> to) const {
    if (located_)
      located_->read(first, to);
    else if (!to.empty())
      std::memcpy(to.data(), static_cast<std::byte const*>(data_.get()) + first, to.size());
  }
  /// Whether both are copies of one tensor.
  bool shares_elements(any_tensor const& other) const { return located_ == other.located_ && data_ == other.data_; }
  /// A number that only tensors with the same bytes have, or 0.
  std::uint64_t number() const { return located_ ? located_->number() : number_; }
  /// Gives a tensor in memory its number; see `next_tensor_number`.
  void set_number(std::uint64_t number) { number_ = number; }

  /// The first elements, as a tensor of shape `s` that shares their bytes.
  any_tensor first(sinter::shape const& s) const {
    SINTER_ASSERT(!located_ && s.elements() <= elements());
    return {type_, s, data_};
  }

  tensor_view view() const { return {type_, shape_, data()}; }
  mutable_tensor_view mutable_view() { return {type_, shape_, data()}; }
  template <tensor_element T>
  std::span<T const> as() const {
    return view().as<T>();
  }

 private:
  void hold(std::vector<any_tensor> items) {
    auto const kept = std::make_shared<std::vector<any_tensor>>(std::move(items));
    data_ = std::shared_ptr<void>(kept, kept->data());
  }

  dtype type_ = dtype::undefined;
  sinter::shape shape_;
  std::shared_ptr<void> data_;                      ///< of elements in memory
  std::shared_ptr<located_bytes const> located_{};  ///< of elements in a file
  std::uint64_t number_ = 0;
};
static_assert(sizeof(any_tensor) <= detail::container_bytes);

/// What a container holds; asking a tensor is `error_code::invalid_argument`.
inline std::span<any_tensor const> items_of(tensor_view v) {
  if (!is_container(v.type))
    fail(error_code::invalid_argument, "a tensor of {} was read as a sequence, optional or map", name(v.type));
  return {static_cast<any_tensor const*>(v.data), v.elements()};
}

inline std::span<any_tensor const> any_tensor::items() const { return items_of(view()); }

/// A tensor or container with bytes of its own.
inline any_tensor copy_of(tensor_view const& v) {
  if (is_container(v.type)) {
    auto const items = items_of(v);
    return any_tensor::holding(v.type, {items.begin(), items.end()});
  }
  any_tensor t(v.type, v.shape);
  if (v.type == dtype::string)
    std::ranges::copy(v.as<std::string>(), static_cast<std::string*>(t.data()));
  else if (v.bytes() > 0)
    std::memcpy(t.data(), v.data, v.bytes());
  return t;
}

inline any_tensor any_tensor::holding(dtype container, std::vector<any_tensor> items) {
  for (auto& item : items)
    if (!item.owns()) item = copy_of(item.view());
  any_tensor t;
  t.type_ = container;
  t.shape_ = sinter::shape{static_cast<std::int64_t>(items.size())};
  t.hold(std::move(items));
  return t;
}

}  // namespace sinter
