#pragma once

#include <sinter/kernels/movement.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <vector>

namespace sinter {

/// CenterCropPad: the middle of axes that are too long, zeros around those that are too short.
/// https://onnx.ai/onnx/operators/onnx__CenterCropPad.html
struct center_crop_pad {
  static constexpr op_schema schema{.name = "CenterCropPad", .since = 18, .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    std::vector<std::int64_t> axes{};
  };

  static attributes parse(attribute_reader const& r) { return {r.get("axes", std::vector<std::int64_t>())}; }

  static types infer(inputs const& in, attributes const& a) {
    auto result = in.shape(0);
    auto const target = in.integers(1);
    if (!target) return {unknown_shape(in.element(0))};
    if (target->size() != (a.axes.empty() ? result.rank() : a.axes.size()))
      fail(error_code::malformed_model, "{} extents are given for {} axes", target->size(),
           a.axes.empty() ? result.rank() : a.axes.size());
    for (std::size_t i = 0; i < target->size(); ++i) {
      if ((*target)[i] < 0) fail(error_code::malformed_model, "an extent is {}, expected 0 or more", (*target)[i]);
      result[a.axes.empty() ? i : normalize_axis(a.axes[i], result.rank())] = (*target)[i];
    }
    return {{in.element(0), result}};
  }

  static void evaluate(input_views in, output_views out, attributes const&) {
    auto const x = in[0];
    auto const y = out[0];
    if (y.type != dtype::string) std::memset(y.data, 0, y.bytes());
    auto common = x.shape;
    std::int64_t from = 0, to = 0;
    auto const sources = row_major_strides(x.shape), places = row_major_strides(y.shape);
    for (std::size_t i = 0; i < common.rank(); ++i) {
      common[i] = std::min(x.shape[i], y.shape[i]);
      from += (x.shape[i] - common[i]) / 2 * sources[i];
      to += (y.shape[i] - common[i]) / 2 * places[i];
    }
    std::array operands{walk_operand{.strides = sources, .offset = from},
                        walk_operand{.strides = places, .offset = to}};
    strided_walk const walk(common, operands);
    walk.for_each_run([&](std::size_t, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) {
        auto const step = static_cast<std::ptrdiff_t>(i);
        copy_elements(x, operands[0].offset + step * operands[0].stride(), y,
                      operands[1].offset + step * operands[1].stride(), 1);
      }
    });
  }
};

}  // namespace sinter
