#pragma once

#include <sinter/kernels/movement.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <array>

namespace sinter {

/// TensorScatter: a cache with an update written from an index of an axis on, which each element of the batch has.
/// https://onnx.ai/onnx/operators/onnx__TensorScatter.html
struct tensor_scatter {
  static constexpr op_schema schema{.name = "TensorScatter", .since = 24, .min_inputs = 2, .max_inputs = 3};
  struct attributes {
    std::int64_t axis = -2;
    bool circular = false;
  };

  static attributes parse(attribute_reader const& r) {
    static constexpr std::array<std::string_view, 2> modes{"linear", "circular"};
    return {.axis = r.get<std::int64_t>("axis", -2), .circular = r.choice("mode", "linear", modes) == 1};
  }

  static std::size_t axis_of(shape const& cache, attributes const& a) {
    auto const axis = normalize_axis(a.axis, cache.rank());
    if (axis == 0) fail(error_code::malformed_model, "the axis is that of the batch");
    return axis;
  }
  static types infer(inputs const& in, attributes const& a) {
    auto expected = in.shape(0);
    auto const axis = axis_of(expected, a);
    auto const& update = in.shape(1);
    if (update.rank() == expected.rank()) expected[axis] = std::min(expected[axis], update[axis]);
    if (update != expected || in.element(1) != in.element(0))
      fail(error_code::malformed_model, "the update is {} {}, the cache {} {}", name(in.element(1)), update,
           name(in.element(0)), in.shape(0));
    if (in.has(2) && in.shape(2) != shape{expected[0]})
      fail(error_code::malformed_model, "the indices have shape {}, expected {}", in.shape(2), expected[0]);
    return {in[0]};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& s = in[0].shape;
    auto const axis = axis_of(s, a);
    auto const rows = s.elements(0, axis), length = static_cast<std::size_t>(in[1].shape[axis]);
    auto const inner = s.elements(axis + 1, s.rank()), rows_of_batch = s[0] ? rows / static_cast<std::size_t>(s[0]) : 0;
    copy_all(in[0], out[0]);
    for (std::size_t row = 0; row < rows; ++row) {
      auto const first = in.size() > 2 && in[2] ? load<std::int64_t>(in[2].type, in[2].data, row / rows_of_batch) : 0;
      if (first < 0 || (!a.circular && first > s[axis] - static_cast<std::int64_t>(length)))
        fail(error_code::invalid_argument, "an index is {}, of {} elements for an update of {}", first, s[axis],
             length);
      for (std::size_t i = 0; i < length; ++i) {
        auto const at = (first % s[axis] + static_cast<std::int64_t>(i)) % s[axis];
        copy_elements(in[1], static_cast<std::int64_t>((row * length + i) * inner), out[0],
                      (static_cast<std::int64_t>(row) * s[axis] + at) * static_cast<std::int64_t>(inner), inner);
      }
    }
  }
};

}  // namespace sinter
