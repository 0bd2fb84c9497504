#pragma once

#include <sinter/kernels/gather.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <vector>

namespace sinter {

/// Whether the indices of input 1 are not known, or one of them is none for its dimension of `s`: tuples for the
/// dimensions from `first` on, or single ones for dimension `first`.
inline bool may_miss(inputs const& in, shape const& s, std::size_t first, std::size_t tuple = 1) {
  auto const indices = in.integers(1);
  if (!indices) return true;
  for (std::size_t i = 0; i < indices->size(); ++i)
    if (!kernels::is_index((*indices)[i], s[first + i % tuple])) return true;
  return false;
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

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const axis = normalize_axis(a.axis, in.shape(0).rank());
    return {.kernel = {kernels::gather, "gather", "gather.hpp"},
            .integers = {static_cast<std::int64_t>(axis)},
            .may_fail = may_miss(in, in.shape(0), axis)};
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

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const axis = normalize_axis(a.axis, in.shape(0).rank());
    return {.kernel = {kernels::gather_elements, "gather_elements", "gather.hpp"},
            .integers = {static_cast<std::int64_t>(axis)},
            .may_fail = may_miss(in, in.shape(0), axis)};
  }
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

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const batch = static_cast<std::size_t>(a.batch_dims);
    return {.kernel = {kernels::gather_slices, "gather_slices", "gather.hpp"},
            .integers = {a.batch_dims},
            .may_fail = may_miss(in, in.shape(0), batch, static_cast<std::size_t>(in.shape(1).back()))};
  }
};

}  // namespace sinter
