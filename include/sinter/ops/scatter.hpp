#pragma once

#include <sinter/ops/gather.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace sinter {

/// How an update changes the element that it meets.
enum class scatter_reduction : std::uint8_t { none, add, mul, min, max };

inline scatter_reduction parse_scatter_reduction(attribute_reader const& r) {
  auto const mode = r.get<std::string>("reduction", "none");
  constexpr std::string_view modes[] = {"none", "add", "mul", "min", "max"};
  auto const found = std::ranges::find(modes, mode);
  if (found == std::end(modes))
    fail(error_code::malformed_model, "reduction is '{}', expected none, add, mul, min or max", mode);
  return static_cast<scatter_reduction>(found - std::begin(modes));
}

template <compute_type T>
T scattered(scatter_reduction how, T old, T update) {
  using natural = std::conditional_t<std::is_integral_v<T>, std::uint64_t, T>;  // wraps
  switch (how) {
    case scatter_reduction::add: return static_cast<T>(static_cast<natural>(old) + static_cast<natural>(update));
    case scatter_reduction::mul: return static_cast<T>(static_cast<natural>(old) * static_cast<natural>(update));
    case scatter_reduction::min: return std::min(old, update);
    case scatter_reduction::max: return std::max(old, update);
    default: return update;
  }
}

/// Applies `count` updates from element `from` on to the elements of `out` from `to` on.
inline void apply_updates(scatter_reduction how, tensor_view updates, std::int64_t from, mutable_tensor_view out,
                          std::int64_t to, std::size_t count) {
  if (how == scatter_reduction::none) return copy_elements(updates, from, out, to, count);
  visit_compute(out.type, [&]<typename T>() {
    for (std::size_t i = 0; i < count; ++i) {
      auto const at = static_cast<std::size_t>(to) + i;
      auto const update = load<T>(updates.type, updates.data, static_cast<std::size_t>(from) + i);
      store<T>(out.type, out.data, at, scattered(how, load<T>(out.type, out.data, at), update));
    }
  });
}

/// ScatterElements: out = data, then out[index[i][j]][j] = update[i][j] (for axis 0), in row-major order.
/// https://onnx.ai/onnx/operators/onnx__ScatterElements.html
struct scatter_elements {
  static constexpr op_schema schema{.name = "ScatterElements", .since = 11, .min_inputs = 3, .max_inputs = 3};
  struct attributes {
    std::int64_t axis = 0;
    scatter_reduction reduction{};
  };

  static attributes parse(attribute_reader const& r) {
    return {.axis = r.get<std::int64_t>("axis", 0), .reduction = parse_scatter_reduction(r)};
  }

  static types infer(inputs const& in, attributes const& a) {
    expect_indices(in.element(1));
    if (in.shape(1) != in.shape(2) || in.element(0) != in.element(2))
      fail(error_code::malformed_model, "updates are {} {}, expected {} {}", name(in.element(2)), in.shape(2),
           name(in.element(0)), in.shape(1));
    gather_elements::expect_within(in.shape(1), in.shape(0), normalize_axis(a.axis, in.shape(0).rank()));
    return {in[0]};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    copy_all(in[0], out[0]);
    auto const& s = in[0].shape;
    auto const axis = normalize_axis(a.axis, s.rank());
    auto strides = row_major_strides(s);
    auto const along = strides[axis];
    strides[axis] = 0;
    auto const indices = integers_of(in[1]);
    strided_walk const walk(in[1].shape, std::span(&strides, 1));
    walk.for_each_run([&](std::size_t first, std::size_t count, std::span<std::int64_t const> at) {
      for (std::size_t i = 0; i < count; ++i) {
        auto const to = at[0] + static_cast<std::int64_t>(i) * walk.run_stride(0) +
                        checked_index(indices[first + i], s[axis]) * along;
        apply_updates(a.reduction, in[2], static_cast<std::int64_t>(first + i), out[0], to, 1);
      }
    });
  }
};

/// Scatter: what ScatterElements was called in operator sets 9 and 10.
/// https://onnx.ai/onnx/operators/onnx__Scatter.html
struct scatter : scatter_elements {
  static constexpr op_schema schema{.name = "Scatter", .since = 9, .min_inputs = 3, .max_inputs = 3};
};

/// ScatterND   https://onnx.ai/onnx/operators/onnx__ScatterND.html
struct scatter_nd {
  static constexpr op_schema schema{.name = "ScatterND", .since = 11, .min_inputs = 3, .max_inputs = 3};
  struct attributes {
    scatter_reduction reduction{};
  };

  static attributes parse(attribute_reader const& r) { return {.reduction = parse_scatter_reduction(r)}; }

  static types infer(inputs const& in, attributes const&) {
    expect_indices(in.element(1));
    auto const& s = in.shape(0);
    auto const& tuples = in.shape(1);
    if (tuples.empty() || tuples.back() > static_cast<std::int64_t>(s.rank()))
      fail(error_code::malformed_model, "tuples of shape {} do not index a tensor of shape {}", tuples, s);
    shape expected;
    for (std::size_t i = 0; i + 1 < tuples.rank(); ++i) expected.push_back(tuples[i]);
    for (auto i = static_cast<std::size_t>(tuples.back()); i < s.rank(); ++i) expected.push_back(s[i]);
    if (in.shape(2) != expected || in.element(2) != in.element(0))
      fail(error_code::malformed_model, "updates are {} {}, expected {} {}", name(in.element(2)), in.shape(2),
           name(in.element(0)), expected);
    return {in[0]};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    copy_all(in[0], out[0]);
    slice_tuples const tuples(in[0].shape, in[1], 0);
    auto const size = tuples.slice_elements();
    for (std::size_t i = 0; i < tuples.count(); ++i)
      apply_updates(a.reduction, in[2], static_cast<std::int64_t>(i) * size, out[0], tuples.offset(i),
                    static_cast<std::size_t>(size));
  }
};

}  // namespace sinter
