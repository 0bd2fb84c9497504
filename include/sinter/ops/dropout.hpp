#pragma once

#include <sinter/kernels/copy.hpp>
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
    for (auto const* name : {"is_test", "ratio", "seed"}) r.ignore(name);  // runs are inference
    return {.mask = r.version() < 10 ? dtype::undefined : dtype::boolean};
  }
  static dtype element(inputs const& in, attributes const& a, std::size_t output) {
    return output == 0 || a.mask == dtype::undefined ? in.element(0) : a.mask;
  }
  static types infer(inputs const& in, attributes const& a) {
    for (std::size_t i = 1; i < in.size(); ++i)
      if (in.has(i) && in.shape(i).elements() != 1)
        fail(error_code::malformed_model, "input {} has shape {}, expected a scalar", i, in.shape(i));
    return {in[0], {element(in, a, 1), in.shape(0)}};
  }
  static kernel_call kernel(inputs const& in, attributes const&) {
    for (std::size_t i = 1; i < 3; ++i)
      if (in.has(i) && !in.value(i)) return {};
    auto const trains = in.value(2), ratio = in.value(1);
    if (trains && load<std::int64_t>(trains->type, trains->data, 0) != 0 &&
        (!ratio || load<float>(ratio->type, ratio->data, 0) != 0))
      fail(error_code::unsupported_feature, "training mode is not supported");
    return {.kernel = {kernels::copy_with_mask, "copy_with_mask", "copy.hpp"}, .reads = 1};
  }
};

}  // namespace sinter
