#pragma once

#include <sinter/core/tensor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace sinter {
namespace detail {

[[noreturn]] inline void fail_index(std::initializer_list<std::int64_t> index, shape const& s) {
  std::string text;
  for (auto const i : index) {
    if (!text.empty()) text += ", ";
    text += std::to_string(i);
  }
  fail(error_code::invalid_argument, "index ({}) is outside of a tensor of shape {}", text, s);
}

}  // namespace detail

/// An owning dense row-major tensor: a shape and its elements. A value: copies are independent.
template <tensor_element T>
class tensor {
 public:
  using value_type = T;

  tensor() : tensor(sinter::shape{0}) {}
  /// Zeros (false, empty strings).
  explicit tensor(sinter::shape extents)
      : shape_(extents), size_(extents.elements()), elements_(std::make_unique<T[]>(size_)) {}
  /// The elements in row-major order; their number must be that of the shape.
  tensor(sinter::shape extents, std::span<T const> values) : tensor(extents) { assign(values); }
  tensor(sinter::shape extents, std::initializer_list<T> values) : tensor(extents) {
    assign({values.begin(), values.size()});
  }
  /// A copy of what `view` shows, for instance an output; its type must be `T`.
  explicit tensor(tensor_view view) : tensor(view.shape, view.as<T>()) {}

  tensor(tensor const& other) : tensor(other.shape_, other.span()) {}
  tensor(tensor&& other) noexcept
      : shape_(std::exchange(other.shape_, sinter::shape{0})),
        size_(std::exchange(other.size_, 0)),
        elements_(std::move(other.elements_)) {}
  tensor& operator=(tensor other) noexcept {
    std::swap(shape_, other.shape_);
    std::swap(size_, other.size_);
    std::swap(elements_, other.elements_);
    return *this;
  }
  ~tensor() = default;

  sinter::shape const& shape() const { return shape_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return elements_.get(); }
  T const* data() const { return elements_.get(); }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  T const* begin() const { return data(); }
  T const* end() const { return data() + size_; }
  std::span<T> span() { return {data(), size_}; }
  std::span<T const> span() const { return {data(), size_}; }

  /// The element at a position in row-major order; unchecked.
  T& operator[](std::size_t position) { return elements_[position]; }
  T const& operator[](std::size_t position) const { return elements_[position]; }

  /// The element at one index per dimension; wrong ones are `error_code::invalid_argument`.
  template <typename... Index>
  T& at(Index... index) {
    return elements_[position({static_cast<std::int64_t>(index)...})];
  }
  template <typename... Index>
  T const& at(Index... index) const {
    return elements_[position({static_cast<std::int64_t>(index)...})];
  }

  tensor_view view() const { return {dtype_of<T>, shape_, data()}; }
  operator tensor_view() const { return view(); }
  mutable_tensor_view view() { return {dtype_of<T>, shape_, data()}; }
  operator mutable_tensor_view() { return view(); }

 private:
  void assign(std::span<T const> values) {
    if (values.size() != size_)
      fail(error_code::invalid_argument, "a tensor of shape {} has {} elements, {} were given", shape_, size_,
           values.size());
    std::ranges::copy(values, data());
  }
  std::size_t position(std::initializer_list<std::int64_t> index) const {
    bool fits = index.size() == shape_.rank();
    std::int64_t position = 0;
    for (std::size_t i = 0; fits && i < index.size(); ++i) {
      auto const at = index.begin()[i];
      fits = at >= 0 && at < shape_[i];
      position = position * shape_[i] + at;
    }
    if (!fits) detail::fail_index(index, shape_);
    return static_cast<std::size_t>(position);
  }

  sinter::shape shape_;
  std::size_t size_ = 0;
  std::unique_ptr<T[]> elements_;
};

}  // namespace sinter
