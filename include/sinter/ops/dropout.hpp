#pragma once

#include <sinter/kernels/movement.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// Dropout as inference has it: the identity, and a mask that keeps everything. A training mode that drops elements is
/// an error.   https://onnx.ai/onnx/operators/onnx__Dropout.html
struct dropout {
  static constexpr op_schema schema{.name = "Dropout", .max_inputs = 3, .max_outputs = 2};
  struct attributes {
    dtype mask = dtype::boolean;  ///< undefined: the type of the data
  };

  static attributes parse(attribute_reader const& r) {
    return {.mask = r.version() < 10 ? dtype::undefined : dtype::boolean};
  }
  static types infer(inputs const& in, attributes const& a) {
    for (std::size_t i = 1; i < in.size(); ++i)
      if (in.has(i) && in.shape(i).elements() != 1)
        fail(error_code::malformed_model, "input {} has shape {}, expected a scalar", i, in.shape(i));
    return {in[0], {a.mask == dtype::undefined ? in.element(0) : a.mask, in.shape(0)}};
  }
  static void evaluate(input_views in, output_views out, attributes const&) {
    bool const trains = in.size() > 2 && in[2] && load<std::int64_t>(in[2].type, in[2].data, 0) != 0;
    bool const drops = in.size() < 2 || !in[1] || load<float>(in[1].type, in[1].data, 0) != 0;
    if (trains && drops) fail(error_code::unsupported_feature, "training mode is not supported");
    if (out[0]) copy_all(in[0], out[0]);
    if (out.size() < 2 || !out[1]) return;
    for (std::size_t i = 0; i < out[1].elements(); ++i) store<float>(out[1].type, out[1].data, i, 1);
  }
};

}  // namespace sinter
