#pragma once

#include <sinter/core/tensor.hpp>
#include <sinter/kernels/broadcast.hpp>

#include <vector>

namespace sinter::kernels {

/// The elements of a tensor as `T`: its own memory where it holds `T`, else a converted copy. An omitted tensor has
/// null data.
template <compute_type T>
class staged_input {
 public:
  staged_input(tensor_view v) {
    if (!v) return;
    if (v.type == dtype_of<T>) {
      data_ = static_cast<T const*>(v.data);
    } else {
      copy_.resize(v.elements());
      load_run<T>(v.type, v.data, 0, 1, copy_.size(), copy_.data());
      data_ = copy_.data();
    }
  }
  staged_input(staged_input const&) = delete;

  T const* data() const { return data_; }
  operator T const*() const { return data_; }

 private:
  std::vector<T> copy_;
  T const* data_ = nullptr;
};

/// Memory for the elements of a tensor as `T`: its own where it holds `T`, else a buffer that the destructor converts.
/// An unused output has null data.
template <compute_type T>
class staged_output {
 public:
  explicit staged_output(mutable_tensor_view v) : view_(v) {
    if (!v) return;
    if (v.type == dtype_of<T>) {
      data_ = static_cast<T*>(v.data);
    } else {
      compute_kind_of(v.type);  // refuses types that the destructor could not store
      buffer_.resize(v.elements());
      data_ = buffer_.data();
    }
  }
  staged_output(staged_output const&) = delete;
  ~staged_output() {
    if (!buffer_.empty()) store_run<T>(view_.type, view_.data, 0, buffer_.size(), buffer_.data());
  }

  T* data() const { return data_; }
  operator T*() const { return data_; }

 private:
  mutable_tensor_view view_;
  std::vector<T> buffer_;
  T* data_ = nullptr;
};

/// As `visit_compute` for sums and products only: all integers are computed in uint64_t, where overflow wraps, and
/// converted back modulo their size.
template <typename Body>
decltype(auto) visit_modular(dtype type, Body&& body) {
  if (is_floating(type)) return visit_floating(type, body);
  return visit_compute(dtype::uint64, body);
}

/// The elements of a tensor, repeated as broadcasting to `target` says.
template <compute_type T>
std::vector<T> broadcast_elements(tensor_view v, shape const& target) {
  std::vector<T> values(target.elements());
  auto const strides = broadcast_strides(v.shape, target);
  strided_walk const walk(target, {&strides, 1});
  walk.for_each_run([&](std::size_t first, std::size_t count, std::span<std::int64_t const> offsets) {
    load_run<T>(v.type, v.data, static_cast<std::size_t>(offsets[0]), walk.run_stride(0), count, values.data() + first);
  });
  return values;
}

}  // namespace sinter::kernels
