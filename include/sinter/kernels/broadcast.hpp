#pragma once

#include <sinter/core/tensor.hpp>
#include <sinter/kernels/element.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

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

/// A walk over a dense result and the strided operands it is made of, with as few dimensions as possible.
class strided_walk {
 public:
  /// Each of `operand_strides` has one stride, in elements, for each dimension of `extents`.
  strided_walk(shape const& extents, std::span<shape const> operand_strides) : strides_(operand_strides.size()) {
    for (std::size_t axis = 0; axis < extents.rank(); ++axis) {
      if (extents[axis] == 1) continue;
      bool joins = !extents_.empty();
      for (std::size_t k = 0; joins && k < strides_.size(); ++k)
        joins = strides_[k].back() == operand_strides[k][axis] * extents[axis];
      if (joins)
        extents_.back() *= extents[axis];
      else
        extents_.push_back(extents[axis]);
      for (std::size_t k = 0; k < strides_.size(); ++k) {
        if (joins)
          strides_[k].back() = operand_strides[k][axis];
        else
          strides_[k].push_back(operand_strides[k][axis]);
      }
    }
    if (!extents_.empty()) return;
    extents_.push_back(1);
    for (auto& s : strides_) s.push_back(0);
  }

  /// The stride of operand `k` along a run.
  std::int64_t run_stride(std::size_t k) const { return strides_[k].back(); }

  /// Calls `body(first, count, offsets)` for each run: `count` results from `first` on, operands from `offsets` on.
  template <typename Body>
  void for_each_run(Body&& body) const {
    auto const count = static_cast<std::size_t>(extents_.back());
    auto const runs = extents_.elements(0, extents_.rank() - 1);
    std::vector<std::int64_t> offsets(strides_.size(), 0);
    std::array<std::int64_t, max_rank> index{};
    for (std::size_t run = 0; count > 0 && run < runs; ++run) {
      body(run * count, count, std::span<std::int64_t const>(offsets));
      for (std::size_t axis = extents_.rank() - 1; axis-- > 0;) {
        for (std::size_t k = 0; k < offsets.size(); ++k) offsets[k] += strides_[k][axis];
        if (++index[axis] < extents_[axis]) break;
        for (std::size_t k = 0; k < offsets.size(); ++k) offsets[k] -= strides_[k][axis] * extents_[axis];
        index[axis] = 0;
      }
    }
  }

 private:
  shape extents_;
  std::vector<shape> strides_;
};

/// Results of a block from the operands' elements; `n` is at most `block_elements`.
template <compute_type T>
using block_function = std::function<void(T* result, std::span<T const* const> operands, std::size_t n)>;

inline constexpr std::size_t block_elements = 512;

/// out[i] = f(in[0][i], in[1][i], …) with broadcasting, computed in `T`, in blocks. Operands and the result may have
/// any arithmetic type.
template <compute_type T>
void map_blocks(std::span<tensor_view const> in, mutable_tensor_view out, block_function<T> const& f) {
  std::vector<shape> strides;
  for (auto const& operand : in) strides.push_back(broadcast_strides(operand.shape, out.shape));
  strided_walk const walk(out.shape, strides);
  std::vector<T> buffers((in.size() + 1) * block_elements);
  auto const buffer = [&](std::size_t k) { return buffers.data() + k * block_elements; };
  std::vector<T const*> operands(in.size());
  bool const direct_store = out.type == dtype_of<T>;
  walk.for_each_run([&](std::size_t first, std::size_t count, std::span<std::int64_t const> offsets) {
    for (std::size_t done = 0; done < count; done += block_elements) {
      auto const n = std::min(block_elements, count - done);
      for (std::size_t k = 0; k < in.size(); ++k) {
        auto const stride = walk.run_stride(k);
        auto const at = static_cast<std::size_t>(offsets[k] + static_cast<std::int64_t>(done) * stride);
        if (stride == 1 && in[k].type == dtype_of<T>) {
          operands[k] = static_cast<T const*>(in[k].data) + at;
        } else {
          load_run<T>(in[k].type, in[k].data, at, stride, n, buffer(k));
          operands[k] = buffer(k);
        }
      }
      T* const result = direct_store ? static_cast<T*>(out.data) + first + done : buffer(in.size());
      f(result, operands, n);
      if (!direct_store) store_run<T>(out.type, out.data, first + done, n, result);
    }
  });
}

}  // namespace sinter
