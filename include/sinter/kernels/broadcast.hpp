#pragma once

#include <sinter/kernels/call.hpp>
#include <sinter/kernels/element.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace sinter {

/// Strides (in elements) with which a dense tensor of shape `s` is read when it is broadcast to `target`: 0 where it
/// repeats.
inline shape broadcast_strides(shape const& s, shape const& target) {
  SINTER_ASSERT(s.rank() <= target.rank());
  auto const dense = row_major_strides(s);
  auto strides = shape::filled(target.rank(), 0);
  auto const skip = target.rank() - s.rank();
  for (std::size_t i = 0; i < s.rank(); ++i) strides[skip + i] = s[i] == 1 ? 0 : dense[i];
  return strides;
}

/// An operand of a walk: its stride for each dimension, and the element where it stands, both in elements.
struct walk_operand {
  shape strides{};
  std::int64_t offset = 0;

  /// The stride along a run.
  std::int64_t stride() const { return strides.back(); }
};

/// A walk over a dense result and the strided operands it is made of, with as few dimensions as possible.
class strided_walk {
 public:
  /// Works on `operands`, each with one stride for each dimension of `extents`, whose dimensions it joins.
  strided_walk(shape const& extents, std::span<walk_operand> operands) : operands_(operands) {
    std::size_t kept = 0;  // dimensions of `extents_`, and of the strides that are joined already
    for (std::size_t axis = 0; axis < extents.rank(); ++axis) {
      if (extents[axis] == 1) continue;
      bool const joins = kept > 0 && std::ranges::all_of(operands_, [&](walk_operand const& o) {
                           return o.strides[kept - 1] == o.strides[axis] * extents[axis];
                         });
      if (joins)
        extents_.back() *= extents[axis];
      else
        extents_.push_back(extents[axis]);
      if (!joins) ++kept;
      for (auto& o : operands_) o.strides[kept - 1] = o.strides[axis];
    }
    for (auto& o : operands_) {
      while (o.strides.rank() > std::max<std::size_t>(kept, 1)) o.strides.erase(o.strides.rank() - 1);
      if (o.strides.empty()) o.strides.push_back(0);
      if (kept == 0) o.strides[0] = 0;
    }
    if (kept == 0) extents_.push_back(1);
  }

  /// Calls `body(first, count)` for each run: `count` results from `first` on. The operands stand at the run's first
  /// element meanwhile, and at their start again in the end.
  template <typename Body>
  void for_each_run(Body&& body) const {
    auto const count = static_cast<std::size_t>(extents_.back());
    auto const runs = extents_.elements(0, extents_.rank() - 1);
    std::array<std::int64_t, max_rank> index{};
    for (std::size_t run = 0; count > 0 && run < runs; ++run) {
      body(run * count, count);
      for (std::size_t axis = extents_.rank() - 1; axis-- > 0;) {
        for (auto& o : operands_) o.offset += o.strides[axis];
        if (++index[axis] < extents_[axis]) break;
        for (auto& o : operands_) o.offset -= o.strides[axis] * extents_[axis];
        index[axis] = 0;
      }
    }
  }

 private:
  shape extents_;
  std::span<walk_operand> operands_;
};

inline constexpr std::size_t block_elements = 512;

namespace kernels {

/// A reference to a function that computes the results of a block from the operands' elements; `n` is at most
/// `block_elements`.
template <compute_type T>
class block_function {
 public:
  template <typename Function>
  block_function(Function const& f)
      : object_(&f), call_([](void const* object, T* result, T const* const* operands, std::size_t n) {
          (*static_cast<Function const*>(object))(result, operands, n);
        }) {}
  void operator()(T* result, T const* const* operands, std::size_t n) const { call_(object_, result, operands, n); }

 private:
  void const* object_;
  void (*call_)(void const*, T*, T const* const*, std::size_t);
};

/// out[i] = f(in[0][i], in[1][i], …) with broadcasting, computed in `T`, in blocks. Operands and the result may have
/// any arithmetic type.
template <compute_type T>
status map_blocks(std::span<tensor_view const> in, mutable_tensor_view out, workspace& memory, block_function<T> f) {
  auto const count = in.size();
  auto* const operands = memory.take<walk_operand>(count);
  auto* const buffers = memory.take<T>((count + 1) * block_elements);
  auto* const elements = memory.take<T const*>(count);
  for (auto const& operand : in)
    if (operand) compute_kind_of(operand.type);
  compute_kind_of(out.type);
  if (memory.measuring()) return {};
  for (std::size_t k = 0; k < count; ++k) operands[k].strides = broadcast_strides(in[k].shape, out.shape);
  strided_walk const walk(out.shape, {operands, count});
  bool const direct_store = out.type == dtype_of<T>;
  walk.for_each_run([&](std::size_t first, std::size_t length) {
    for (std::size_t done = 0; done < length; done += block_elements) {
      auto const n = std::min(block_elements, length - done);
      for (std::size_t k = 0; k < count; ++k) {
        auto const stride = operands[k].stride();
        auto const at = static_cast<std::size_t>(operands[k].offset + static_cast<std::int64_t>(done) * stride);
        auto* const buffer = buffers + k * block_elements;
        bool const direct = stride == 1 && in[k].type == dtype_of<T>;
        if (!direct) load_run<T>(in[k].type, in[k].data, at, stride, n, buffer);
        elements[k] = direct ? static_cast<T const*>(in[k].data) + at : buffer;
      }
      T* const result = direct_store ? static_cast<T*>(out.data) + first + done : buffers + count * block_elements;
      f(result, elements, n);
      if (!direct_store) store_run<T>(out.type, out.data, first + done, n, result);
    }
  });
  return {};
}

}  // namespace kernels
}  // namespace sinter
