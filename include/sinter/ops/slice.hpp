#pragma once

#include <sinter/ops/reshape.hpp>

#include <algorithm>
#include <vector>

namespace sinter {

/// Slice: starts, ends, axes and steps are attributes before operator set 10 and inputs since; bounds are clamped.
/// https://onnx.ai/onnx/operators/onnx__Slice.html
struct slice {
  static constexpr op_schema schema{.name = "Slice", .max_inputs = 5};
  struct attributes {
    integers_source starts{};
    integers_source ends{};
    integers_source axes{};
  };

  /// What one axis keeps: `count` elements from `start` on, `step` apart.
  struct range {
    std::int64_t start = 0;
    std::int64_t step = 1;
    std::int64_t count = 0;
  };
  using ranges = std::vector<range>;  ///< one for each axis

  static attributes parse(attribute_reader const& r) {
    return {.starts = integers_source::parse(r, "starts", 10),
            .ends = integers_source::parse(r, "ends", 10),
            .axes = integers_source::parse(r, "axes", 10)};
  }

  /// The part of an axis of `extent` elements from `start` up to `end`; both may lie outside. Unlike in Python, a start
  /// before the first element is that element, also where the slice runs backward.
  static range clamp(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t extent) {
    if (step == 0) fail(error_code::malformed_model, "a step of a slice is 0");
    auto const from_front = [&](std::int64_t i) { return i < 0 ? i + extent : i; };
    auto const first = step > 0 ? std::clamp<std::int64_t>(from_front(start), 0, extent)
                                : std::min(std::max<std::int64_t>(from_front(start), 0), extent - 1);
    auto const last = step > 0 ? std::clamp<std::int64_t>(from_front(end), 0, extent)
                               : std::clamp<std::int64_t>(from_front(end), -1, extent - 1);
    auto const distance = step > 0 ? last - first : first - last;
    if (distance <= 0) return {.start = 0, .step = 1, .count = 0};
    auto const stride = step > 0 ? step : step == INT64_MIN ? INT64_MAX : -step;
    auto const count = (distance - 1) / stride + 1;
    return {.start = first, .step = count == 1 ? 1 : step, .count = count};
  }

  static ranges resolve(shape const& s, std::vector<std::int64_t> const& starts, std::vector<std::int64_t> const& ends,
                        std::vector<std::int64_t> axes, std::vector<std::int64_t> steps) {
    if (axes.empty())
      for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
    if (steps.empty()) steps.assign(starts.size(), 1);
    if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
      fail(error_code::malformed_model, "{} starts, {} ends, {} axes and {} steps are given, expected as many of each",
           starts.size(), ends.size(), axes.size(), steps.size());
    ranges result;
    for (auto const extent : s) result.push_back({.start = 0, .step = 1, .count = extent});
    for (std::size_t i = 0; i < starts.size(); ++i) {
      auto const axis = normalize_axis(axes[i], s.rank());
      result[axis] = clamp(starts[i], ends[i], steps[i], s[axis]);
    }
    return result;
  }

  static types infer(inputs const& in, attributes const& a) {
    if (!a.starts.given(in, 1) || !a.ends.given(in, 2))
      fail(error_code::malformed_model, "starts and ends are required");
    auto const starts = a.starts.read(in, 1), ends = a.ends.read(in, 2), axes = a.axes.read(in, 3);
    auto const steps = in.has(4) ? in.integers(4) : std::nullopt;
    if (!starts || !ends || (!axes && a.axes.given(in, 3)) || (!steps && in.has(4)))
      return {unknown_shape(in.element(0))};
    shape result;
    for (auto const& r : resolve(in.shape(0), *starts, *ends, axes.value_or(std::vector<std::int64_t>()),
                                 steps.value_or(std::vector<std::int64_t>())))
      result.push_back(r.count);
    return {{in.element(0), result}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const starts = a.starts.read(in, 1), ends = a.ends.read(in, 2), axes = a.axes.read(in, 3);
    auto const steps = in.has(4) ? in.integers(4) : std::nullopt;
    if (!starts || !ends || (!axes && a.axes.given(in, 3)) || (!steps && in.has(4))) return {};
    auto const& s = in.shape(0);
    auto strides = row_major_strides(s);
    shape extents;
    std::int64_t offset = 0;
    for (auto const& r : resolve(s, *starts, *ends, axes.value_or(std::vector<std::int64_t>()),
                                 steps.value_or(std::vector<std::int64_t>()))) {
      auto& stride = strides[extents.rank()];
      offset += r.start * stride;
      stride *= r.step;
      extents.push_back(r.count);
    }
    return move_call(offset, extents, strides);
  }
};

}  // namespace sinter
