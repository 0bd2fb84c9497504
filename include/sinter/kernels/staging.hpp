#pragma once

#include <sinter/kernels/broadcast.hpp>

namespace sinter::kernels {

/// The elements of a tensor as `T`: its own memory where it holds `T`, else a converted copy. An omitted tensor has
/// null data.
template <compute_type T>
class staged_input {
 public:
  staged_input(tensor_view v, workspace& memory) {
    if (!v) return;
    if (v.type == dtype_of<T>) {
      data_ = static_cast<T const*>(v.data);
      return;
    }
    compute_kind_of(v.type);
    auto* const copy = memory.take<T>(v.elements());
    if (!memory.measuring()) load_run<T>(v.type, v.data, 0, 1, v.elements(), copy);
    data_ = copy;
  }
  staged_input(staged_input const&) = delete;

  T const* data() const { return data_; }
  operator T const*() const { return data_; }

 private:
  T const* data_ = nullptr;
};

/// Memory for the elements of a tensor as `T`: its own where it holds `T`, else a buffer that the destructor converts.
/// An unused output has null data.
template <compute_type T>
class staged_output {
 public:
  staged_output(mutable_tensor_view v, workspace& memory) : view_(v) {
    if (!v) return;
    if (v.type == dtype_of<T>) {
      data_ = static_cast<T*>(v.data);
      return;
    }
    compute_kind_of(v.type);  // refuses types that the destructor could not store
    data_ = memory.take<T>(v.elements());
    converts_ = !memory.measuring();
  }
  staged_output(staged_output const&) = delete;
  ~staged_output() {
    if (converts_) store_run<T>(view_.type, view_.data, 0, view_.elements(), data_);
  }

  T* data() const { return data_; }
  operator T*() const { return data_; }

 private:
  mutable_tensor_view view_;
  T* data_ = nullptr;
  bool converts_ = false;
};

/// As `visit_compute` for sums and products only: all integers are computed in uint64_t, where overflow wraps, and
/// converted back modulo their size.
template <typename Body>
decltype(auto) visit_modular(dtype type, Body&& body) {
  if (is_floating(type)) return visit_floating(type, body);
  return visit_compute(dtype::uint64, body);
}

/// The elements of a tensor, repeated as broadcasting to `target` says; null for an omitted tensor.
template <compute_type T>
T const* broadcast_elements(tensor_view v, shape const& target, workspace& memory) {
  if (!v) return nullptr;
  compute_kind_of(v.type);
  auto* const values = memory.take<T>(target.elements());
  if (memory.measuring()) return values;
  walk_operand operand{.strides = broadcast_strides(v.shape, target)};
  strided_walk const walk(target, {&operand, 1});
  walk.for_each_run([&](std::size_t first, std::size_t count) {
    load_run<T>(v.type, v.data, static_cast<std::size_t>(operand.offset), operand.stride(), count, values + first);
  });
  return values;
}

}  // namespace sinter::kernels
