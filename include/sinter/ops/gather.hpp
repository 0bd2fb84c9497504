#pragma once

#include <sinter/kernels/movement.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <vector>

namespace sinter {

/// An index from the front into `extent` elements; negative ones count from the back, others are an error.
inline std::int64_t checked_index(std::int64_t index, std::int64_t extent) {
  if (index < -extent || index >= extent)
    fail(error_code::invalid_argument, "the index {} is outside a dimension of {}", index, extent);
  return index < 0 ? index + extent : index;
}

inline void expect_indices(dtype type) {
  if (type != dtype::int64 && type != dtype::int32)
    fail(error_code::malformed_model, "indices are {}, expected int64 or int32", name(type));
}

/// Gather: slices along `axis`, chosen by indices.   https://onnx.ai/onnx/operators/onnx__Gather.html
struct gather {
  static constexpr op_schema schema{.name = "Gather", .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    std::int64_t axis = 0;
  };

  static attributes parse(attribute_reader const& r) { return {.axis = r.get<std::int64_t>("axis", 0)}; }

  static types infer(inputs const& in, attributes const& a) {
    expect_indices(in.element(1));
    auto const& s = in.shape(0);
    auto const axis = normalize_axis(a.axis, s.rank());
    shape result;
    for (std::size_t i = 0; i < axis; ++i) result.push_back(s[i]);
    for (auto const extent : in.shape(1)) result.push_back(extent);
    for (std::size_t i = axis + 1; i < s.rank(); ++i) result.push_back(s[i]);
    return {{in.element(0), result}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& s = in[0].shape;
    auto const axis = normalize_axis(a.axis, s.rank());
    auto const outer = s.elements(0, axis);
    auto const inner = static_cast<std::int64_t>(s.elements(axis + 1, s.rank()));
    auto const indices = integers_of(in[1]);
    std::int64_t to = 0;
    for (std::size_t row = 0; row < outer; ++row) {
      for (auto const index : indices) {
        auto const from = (static_cast<std::int64_t>(row) * s[axis] + checked_index(index, s[axis])) * inner;
        copy_elements(in[0], from, out[0], to, static_cast<std::size_t>(inner));
        to += inner;
      }
    }
  }
};

/// GatherElements: out[i][j] = in[index[i][j]][j] (for axis 0).
/// https://onnx.ai/onnx/operators/onnx__GatherElements.html
struct gather_elements {
  static constexpr op_schema schema{.name = "GatherElements", .since = 11, .min_inputs = 2, .max_inputs = 2};
  using attributes = gather::attributes;

  static attributes parse(attribute_reader const& r) { return gather::parse(r); }

  static types infer(inputs const& in, attributes const& a) {
    expect_indices(in.element(1));
    expect_within(in.shape(1), in.shape(0), normalize_axis(a.axis, in.shape(0).rank()));
    return {{in.element(0), in.shape(1)}};
  }

  /// An error unless `part` has the rank of `whole` and, but for `axis`, no larger dimensions.
  static void expect_within(shape const& part, shape const& whole, std::size_t axis) {
    bool fits = part.rank() == whole.rank();
    for (std::size_t i = 0; fits && i < part.rank(); ++i) fits = i == axis || part[i] <= whole[i];
    if (!fits)
      fail(error_code::malformed_model, "indices of shape {} do not fit a tensor of shape {} along axis {}", part,
           whole, axis);
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& s = in[0].shape;
    auto const axis = normalize_axis(a.axis, s.rank());
    auto strides = row_major_strides(s);
    auto const along = strides[axis];
    strides[axis] = 0;
    auto const indices = integers_of(in[1]);
    strided_walk const walk(out[0].shape, std::span(&strides, 1));
    visit_storage(out[0].type, [&]<typename T>() {
      auto const* x = static_cast<T const*>(in[0].data);
      auto* y = static_cast<T*>(out[0].data);
      walk.for_each_run([&](std::size_t first, std::size_t count, std::span<std::int64_t const> at) {
        for (std::size_t i = 0; i < count; ++i)
          y[first + i] = x[at[0] + static_cast<std::int64_t>(i) * walk.run_stride(0) +
                           checked_index(indices[first + i], s[axis]) * along];
      });
    });
  }
};

/// The slices that tuples of indices choose: for GatherND and ScatterND.
class slice_tuples {
 public:
  /// The last dimension of `indices` holds tuples for the dimensions of `s` that follow the batch.
  slice_tuples(shape const& s, tensor_view indices, std::size_t batch_dims) : indices_(integers_of(indices)) {
    length_ = static_cast<std::size_t>(indices.shape.back());
    size_ = static_cast<std::int64_t>(s.elements(batch_dims + length_, s.rank()));
    count_ = indices.shape.elements(0, indices.shape.rank() - 1);
    auto const batches = s.elements(0, batch_dims);
    per_batch_ = batches ? count_ / batches : 0;
    for (std::size_t i = 0; i < length_; ++i) extents_.push_back(s[batch_dims + i]);
    batch_stride_ = static_cast<std::int64_t>(s.elements(batch_dims, s.rank()));
  }

  std::size_t count() const { return count_; }
  std::int64_t slice_elements() const { return size_; }
  /// The first element of the slice that tuple `i` chooses.
  std::int64_t offset(std::size_t i) const {
    std::int64_t at = 0;
    for (std::size_t k = 0; k < length_; ++k)
      at = at * extents_[k] + checked_index(indices_[i * length_ + k], extents_[k]);
    return static_cast<std::int64_t>(i / per_batch_) * batch_stride_ + at * size_;
  }

 private:
  std::vector<std::int64_t> indices_;
  shape extents_;
  std::size_t length_ = 0;
  std::size_t count_ = 0;
  std::size_t per_batch_ = 0;
  std::int64_t size_ = 0;
  std::int64_t batch_stride_ = 0;
};

/// GatherND   https://onnx.ai/onnx/operators/onnx__GatherND.html
struct gather_nd {
  static constexpr op_schema schema{.name = "GatherND", .since = 11, .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    std::int64_t batch_dims = 0;
  };

  static attributes parse(attribute_reader const& r) { return {.batch_dims = r.get<std::int64_t>("batch_dims", 0)}; }

  static types infer(inputs const& in, attributes const& a) {
    expect_indices(in.element(1));
    auto const& s = in.shape(0);
    auto const& tuples = in.shape(1);
    auto const rank = static_cast<std::int64_t>(std::min(s.rank(), tuples.rank()));
    if (a.batch_dims < 0 || a.batch_dims >= rank || tuples.back() < 0 ||
        tuples.back() > static_cast<std::int64_t>(s.rank()) - a.batch_dims)
      fail(error_code::malformed_model, "tuples of shape {} with {} batch dimensions do not index a tensor of shape {}",
           tuples, a.batch_dims, s);
    auto const batch = static_cast<std::size_t>(a.batch_dims);
    for (std::size_t i = 0; i < batch; ++i)
      if (s[i] != tuples[i])
        fail(error_code::malformed_model, "batch dimension {} is {} in the data and {} in the indices", i, s[i],
             tuples[i]);
    shape result;
    for (std::size_t i = 0; i + 1 < tuples.rank(); ++i) result.push_back(tuples[i]);
    for (auto i = batch + static_cast<std::size_t>(tuples.back()); i < s.rank(); ++i) result.push_back(s[i]);
    return {{in.element(0), result}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    slice_tuples const tuples(in[0].shape, in[1], static_cast<std::size_t>(a.batch_dims));
    auto const size = tuples.slice_elements();
    for (std::size_t i = 0; i < tuples.count(); ++i)
      copy_elements(in[0], tuples.offset(i), out[0], static_cast<std::int64_t>(i) * size,
                    static_cast<std::size_t>(size));
  }
};

}  // namespace sinter
