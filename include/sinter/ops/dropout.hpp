#pragma once

#include <sinter/kernels/copy.hpp>
#include <sinter/kernels/random.hpp>
#include <sinter/ops/entry.hpp>

#include <optional>

namespace sinter {

/// Dropout. In inference the identity, and a mask that keeps everything; since operator set 12 input 2 may ask for
/// training, where elements are dropped at random.   https://onnx.ai/onnx/operators/onnx__Dropout.html
struct dropout {
  static constexpr op_schema schema{.name = "Dropout", .max_inputs = 3, .max_outputs = 2};
  struct attributes {
    dtype mask = dtype::boolean;  ///< undefined: the type of the data
  };

  static attributes parse(attribute_reader const& r) {
    for (auto const* name : {"is_test", "ratio"}) r.ignore(name);  // runs are inference
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
  static kernel_call kernel(inputs const&, attributes const&) {
    return {.kernel = {kernels::copy_with_mask, "copy_with_mask", "copy.hpp"}, .reads = 1};
  }
};

/// Dropout since operator set 12, where a third input may ask for training.
struct training_dropout {
  static constexpr op_schema schema{.name = "Dropout", .since = 12, .max_inputs = 3, .max_outputs = 2};
  struct attributes {
    std::optional<std::int64_t> seed{};
  };

  static attributes parse(attribute_reader const& r) {
    if (!r.has("seed")) return {};
    return {r.require<std::int64_t>("seed")};
  }
  static dtype element(inputs const& in, attributes const&, std::size_t output) {
    return output == 0 ? in.element(0) : dtype::boolean;
  }
  static types infer(inputs const& in, attributes const&) { return dropout::infer(in, {}); }
  static kernel_call kernel(inputs const& in, attributes const& a) {
    if (!in.has(2)) return dropout::kernel(in, {});
    auto const trains = in.value(2), ratio = in.value(1);
    if (!trains || (in.has(1) && !ratio)) return {};
    auto const share = ratio ? load<double>(ratio->type, ratio->data, 0) : 0.5;
    if (load<std::int64_t>(trains->type, trains->data, 0) == 0 || share == 0) return dropout::kernel(in, {});
    if (!(share > 0 && share < 1)) fail(error_code::invalid_argument, "the ratio is {}, expected 0 up to 1", share);
    return {.kernel = {kernels::drop, "drop", "random.hpp"},
            .integers = {a.seed ? 1 : 0, a.seed.value_or(0)},
            .reals = {share},
            .reads = 1};
  }
};

}  // namespace sinter
