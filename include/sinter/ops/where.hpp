#pragma once

#include <sinter/kernels/movement.hpp>
#include <sinter/ops/elementwise.hpp>

namespace sinter {

/// Where: condition ? x : y, broadcast.   https://onnx.ai/onnx/operators/onnx__Where.html
struct where {
  static constexpr op_schema schema{.name = "Where", .since = 9, .min_inputs = 3, .max_inputs = 3};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    if (in.element(0) != dtype::boolean)
      fail(error_code::malformed_model, "the condition holds {}, expected bool", name(in.element(0)));
    expect_one_element_type(in, 1);
    return {{in.element(1), broadcast_shape(in)}};
  }

  static void evaluate(input_views in, output_views out, attributes const&) {
    std::vector<shape> strides;
    for (auto const& operand : in) strides.push_back(broadcast_strides(operand.shape, out[0].shape));
    strided_walk const walk(out[0].shape, strides);
    visit_storage(out[0].type, [&]<typename T>() {
      walk.for_each_run([&](std::size_t first, std::size_t count, std::span<std::int64_t const> at) {
        auto const* condition = static_cast<bool const*>(in[0].data) + at[0];
        auto const* x = static_cast<T const*>(in[1].data) + at[1];
        auto const* y = static_cast<T const*>(in[2].data) + at[2];
        auto* const to = static_cast<T*>(out[0].data) + first;
        for (std::size_t i = 0; i < count; ++i) {
          to[i] = *condition ? *x : *y;
          condition += walk.run_stride(0);
          x += walk.run_stride(1);
          y += walk.run_stride(2);
        }
      });
    });
  }

  static expr::value expression(std::span<expr::value const> x, attributes const&) {
    return select(x[0] != 0, x[1], x[2]);
  }
};

}  // namespace sinter
