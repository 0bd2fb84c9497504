#pragma once

#include <sinter/ops/reshape.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace sinter {

/// Pad: pads, value and axes are attributes before operator set 11 and inputs since; negative pads crop.
/// https://onnx.ai/onnx/operators/onnx__Pad.html
struct pad {
  static constexpr op_schema schema{.name = "Pad", .max_inputs = 4};
  struct attributes {
    kernels::pad_mode mode{};
    integers_source pads{};
    float value = 0;
  };

  static attributes parse(attribute_reader const& r) {
    auto const mode = r.get<std::string>("mode", "constant");
    constexpr std::string_view modes[] = {"constant", "reflect", "edge", "wrap"};
    auto const found = std::ranges::find(modes, mode);
    if (found == std::end(modes))
      fail(error_code::malformed_model, "mode is '{}', expected constant, reflect, edge or wrap", mode);
    return {.mode = static_cast<kernels::pad_mode>(found - std::begin(modes)),
            .pads = integers_source::parse(r, r.version() < 2 ? "paddings" : "pads", 11),
            .value = r.version() < 11 ? r.get("value", 0.0f) : 0.0f};
  }

  /// Elements added before and after each axis.
  struct amounts {
    std::vector<std::int64_t> before{};
    std::vector<std::int64_t> after{};
  };

  static amounts resolve(std::size_t rank, std::vector<std::int64_t> const& pads,
                         std::optional<std::vector<std::int64_t>> const& axes) {
    auto const count = axes ? axes->size() : rank;
    if (pads.size() != 2 * count)
      fail(error_code::malformed_model, "{} pads are given, expected {}", pads.size(), 2 * count);
    amounts a{std::vector<std::int64_t>(rank, 0), std::vector<std::int64_t>(rank, 0)};
    for (std::size_t i = 0; i < count; ++i) {
      auto const axis = axes ? normalize_axis((*axes)[i], rank) : i;
      a.before[axis] = pads[i];
      a.after[axis] = pads[count + i];
    }
    return a;
  }

  static types infer(inputs const& in, attributes const& a) {
    if (!a.pads.given(in, 1)) fail(error_code::malformed_model, "pads are not given");
    if (in.has(2) && (in.element(2) != in.element(0) || in.shape(2).elements() != 1))
      fail(error_code::malformed_model, "the padding value is {} {}, expected one {}", name(in.element(2)), in.shape(2),
           name(in.element(0)));
    auto const pads = a.pads.read(in, 1);
    auto const axes = in.has(3) ? in.integers(3) : std::nullopt;
    if (!pads || (in.has(3) && !axes)) return {unknown_shape(in.element(0))};
    auto result = in.shape(0);
    auto const added = resolve(result.rank(), *pads, axes);
    for (std::size_t i = 0; i < result.rank(); ++i) {
      auto const extent = checked_add(checked_add(result[i], added.before[i]), added.after[i]);
      if (extent < 0 || (result[i] == 0 && extent > 0 && a.mode != kernels::pad_mode::constant))
        fail(error_code::malformed_model, "dimension {} of {} cannot be padded by {} and {}", i, in.shape(0),
             added.before[i], added.after[i]);
      result[i] = extent;
    }
    return {{in.element(0), result}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const out = infer(in, a)[0].shape;
    if (!out) return {};
    kernel_call call{.kernel = {kernels::pad, "pad", "copy.hpp"},
                     .integers = {static_cast<std::int64_t>(a.mode)},
                     .reals = {static_cast<double>(a.value)},
                     .reads = 3};
    auto const added = resolve(out->rank(), *a.pads.read(in, 1), in.has(3) ? in.integers(3) : std::nullopt);
    for (std::size_t i = 0; i < out->rank(); ++i) {
      checked_sub(0, added.before[i]);  // the kernel's positions fit in 64 bits
      checked_sub((*out)[i], added.before[i]);
      call.integers.push_back(added.before[i]);
    }
    return call;
  }
};

}  // namespace sinter
