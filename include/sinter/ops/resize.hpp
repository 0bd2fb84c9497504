#pragma once

#include <sinter/kernels/resize.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <array>
#include <string>

namespace sinter {

enum class aspect_policy { stretch, not_larger, not_smaller };

struct resize_attributes {
  kernels::resize_rule rule{};
  aspect_policy policy = aspect_policy::stretch;
  std::vector<std::int64_t> axes{};  ///< which axes scales, sizes and roi speak of; none: all
  std::vector<float> scales{};       ///< of operators that have them as an attribute
};

namespace detail {

inline kernels::resize_mode parse_resize_mode(attribute_reader const& r) {
  constexpr std::array<std::string_view, 4> names{"nearest", "linear", "cubic", "bilinear"};
  auto const i = r.choice("mode", "nearest", names);
  return i == 3 ? kernels::resize_mode::linear : static_cast<kernels::resize_mode>(i);
}

}  // namespace detail

/// The axes of a resize, each with its extents and scale.
class resize_plan {
 public:
  /// Either `sizes` or `scales` is given, in the order of the attribute `axes`; `roi` may be empty.
  resize_plan(shape const& x, resize_attributes const& a, std::vector<double> const& roi, std::vector<double> scales,
              std::vector<std::int64_t> sizes)
      : output(x) {
    std::vector<std::size_t> which;
    axis_set(a.axes, x.rank());
    for (auto const axis : a.axes) which.push_back(normalize_axis(axis, x.rank()));
    for (std::size_t i = 0; a.axes.empty() && i < x.rank(); ++i) which.push_back(i);
    auto const count = which.size();
    if ((sizes.empty() ? scales.size() : sizes.size()) != count)
      fail(error_code::malformed_model, "{} {} are given, expected {}", sizes.empty() ? scales.size() : sizes.size(),
           sizes.empty() ? "scales" : "sizes", count);
    if (!roi.empty() && roi.size() != 2 * count)
      fail(error_code::malformed_model, "the input 'roi' has {} elements, expected {}", roi.size(), 2 * count);
    if (!sizes.empty()) scales = fit(x, which, a.policy, sizes);
    axes.resize(x.rank());
    for (std::size_t i = 0; i < x.rank(); ++i) axes[i] = {.in = x[i], .out = x[i]};
    for (std::size_t i = 0; i < count; ++i) {
      auto& axis = axes[which[i]];
      check(axis, scales[i]);
      axis.scale = scales[i];
      axis.out =
          sizes.empty() ? static_cast<std::int64_t>(std::floor(scales[i] * static_cast<double>(axis.in))) : sizes[i];
      if (!roi.empty()) {
        axis.roi_begin = roi[i];
        axis.roi_end = roi[i + count];
      }
      output[which[i]] = axis.out;
    }
  }

  shape output{};
  std::vector<kernels::resize_axis> axes{};

 private:
  static void check(kernels::resize_axis const& axis, double scale) {
    if (!(scale > 0) || !(scale * static_cast<double>(axis.in) < 0x1p40))
      fail(error_code::malformed_model, "a scale is {}, expected more than 0 and an output that fits in memory", scale);
    if (axis.in == 0) fail(error_code::malformed_model, "an axis to be resized has no elements");
  }

  /// The scales that lead to `sizes`; with a policy one for all axes, to which the sizes are then fitted.
  static std::vector<double> fit(shape const& x, std::vector<std::size_t> const& which, aspect_policy policy,
                                 std::vector<std::int64_t>& sizes) {
    std::vector<double> scales;
    for (std::size_t i = 0; i < which.size(); ++i)
      scales.push_back(static_cast<double>(sizes[i]) / static_cast<double>(x[which[i]]));
    if (policy == aspect_policy::stretch || scales.empty()) return scales;
    auto const common = policy == aspect_policy::not_larger ? std::ranges::min(scales) : std::ranges::max(scales);
    for (std::size_t i = 0; i < which.size(); ++i) {
      check({.in = x[which[i]]}, common);
      sizes[i] = static_cast<std::int64_t>(std::floor(common * static_cast<double>(x[which[i]]) + 0.5));
      scales[i] = common;
    }
    return scales;
  }
};

/// The elements of a float tensor as double.
inline std::vector<double> doubles_of(tensor_view v) {
  std::vector<double> values(v.elements());
  load_run<double>(v.type, v.data, 0, 1, values.size(), values.data());
  return values;
}

inline kernel_call resize_call(kernels::resize_rule const& rule, resize_plan const& plan) {
  kernel_call call{.kernel = {kernels::resample, "resample", "resize.hpp"},
                   .integers = {static_cast<std::int64_t>(rule.mode), static_cast<std::int64_t>(rule.nearest),
                                static_cast<std::int64_t>(rule.coordinates), rule.exclude_outside, rule.antialias},
                   .reals = {rule.cubic_a, rule.extrapolation},
                   .reads = 1};
  for (auto const& axis : plan.axes) {
    call.integers.insert(call.integers.end(), {axis.in, axis.out});
    call.reals.insert(call.reals.end(), {axis.scale, axis.roi_begin, axis.roi_end});
  }
  return call;
}

/// Resize.   https://onnx.ai/onnx/operators/onnx__Resize.html
struct resize {
  static constexpr op_schema schema{.name = "Resize", .since = 11, .max_inputs = 4};
  using attributes = resize_attributes;

  static attributes parse(attribute_reader const& r) {
    using namespace kernels;
    constexpr std::array<std::string_view, 4> nearest{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    constexpr std::array<std::string_view, 7> coordinates{
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
        "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
    constexpr std::array<std::string_view, 3> policies{"stretch", "not_larger", "not_smaller"};
    attributes a;
    a.rule.mode = detail::parse_resize_mode(r);
    a.rule.nearest = static_cast<nearest_mode>(r.choice("nearest_mode", "round_prefer_floor", nearest));
    a.rule.coordinates =
        static_cast<coordinate_mode>(r.choice("coordinate_transformation_mode", "half_pixel", coordinates));
    a.rule.cubic_a = static_cast<double>(r.get("cubic_coeff_a", -0.75f));
    a.rule.extrapolation = static_cast<double>(r.get("extrapolation_value", 0.0f));
    a.rule.exclude_outside = r.get("exclude_outside", false);
    a.rule.antialias = r.get("antialias", false);
    a.policy = static_cast<aspect_policy>(r.choice("keep_aspect_ratio_policy", "stretch", policies));
    a.axes = r.get("axes", std::vector<std::int64_t>{});
    return a;
  }

  /// The plan, unless an input that decides it is not known yet.
  template <typename Value>
  static std::optional<resize_plan> plan(shape const& x, attributes const& a, std::size_t inputs, Value&& value) {
    std::vector<double> given[4];
    for (std::size_t i = 1; i < 4 && i < inputs; ++i) {
      std::optional<tensor_view> const v = value(i);
      if (!v) return std::nullopt;
      if (*v) given[i] = doubles_of(*v);
    }
    if (a.rule.coordinates != kernels::coordinate_mode::tf_crop_and_resize) given[1].clear();
    if (given[2].empty() == given[3].empty())
      fail(error_code::malformed_model, "{} of the inputs 'scales' and 'sizes' are given, expected exactly one",
           given[2].empty() ? "none" : "both");
    return resize_plan(x, a, given[1], given[2], {given[3].begin(), given[3].end()});
  }

  /// The same for inputs during inference.
  static std::optional<resize_plan> plan(inputs const& in, attributes const& a) {
    return plan(in.shape(0), a, in.size(),
                [&](std::size_t i) { return in.has(i) ? in.value(i) : std::optional(tensor_view{}); });
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const p = plan(in, a);
    return {p ? tensor_type{in.element(0), p->output} : unknown_shape(in.element(0))};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const p = plan(in, a);
    return p ? resize_call(a.rule, *p) : kernel_call{};
  }
};

/// Resize of version 10, and Upsample: scales only, as an attribute up to Upsample 8, and coordinates that are divided.
/// https://onnx.ai/onnx/operators/onnx__Upsample.html
template <bool Upsample>
struct resize_by_scales {
  static constexpr op_schema schema{
      .name = Upsample ? "Upsample" : "Resize", .since = Upsample ? 1 : 10, .max_inputs = 2};
  using attributes = resize_attributes;

  static attributes parse(attribute_reader const& r) {
    attributes a;
    a.rule.mode = detail::parse_resize_mode(r);
    a.rule.nearest = kernels::nearest_mode::floor;
    a.rule.coordinates = kernels::coordinate_mode::asymmetric;
    if (r.has("scales")) a.scales = r.get("scales", std::vector<float>{});
    if (r.has("height_scale")) a.scales = {1, 1, r.require<float>("height_scale"), r.require<float>("width_scale")};
    return a;
  }

  static resize_plan plan(shape const& x, attributes const& a, std::optional<tensor_view> scales) {
    return scales ? resize_plan(x, a, {}, doubles_of(*scales), {})
                  : resize_plan(x, a, {}, {a.scales.begin(), a.scales.end()}, {});
  }

  static types infer(inputs const& in, attributes const& a) {
    if (in.has(1) && !in.value(1)) return {unknown_shape(in.element(0))};
    return {{in.element(0), plan(in.shape(0), a, in.value(1)).output}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    if (in.has(1) && !in.value(1)) return {};
    return resize_call(a.rule, plan(in.shape(0), a, in.value(1)));
  }
};

}  // namespace sinter
