#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/expr/text.hpp>
#include <sinter/ops/conv.hpp>
#include <sinter/ops/epilogue.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sinter {

/// sinter.Conv: ONNX Conv with explicit geometry, followed by an elementwise epilogue.
///
/// Inputs X [N,C,spatial…], W [M,C/group,kernel…], B [M] (may be omitted), then extras e1…: each has the output's
/// shape, or broadcasts to it per channel ([M,1,1], [1,M,1,1], [N,M,1,1]) or as a scalar. The attribute `epilogue` is
/// an expression function in text form: input 0 is the result of the convolution with its bias, input i is extra i; the
/// output is its result. Without it the convolution is the output.
struct fused_convolution {
  static constexpr op_schema schema{.name = "Conv", .since = 1, .domain = "sinter", .min_inputs = 2};

  struct attributes {
    std::vector<std::int64_t> kernel_shape{};
    std::vector<std::int64_t> strides{};
    std::vector<std::int64_t> dilations{};
    std::vector<std::int64_t> pads{};  ///< all begins, then all ends
    std::int64_t group = 1;
    std::optional<expr::function> epilogue{};
  };

  static attributes parse(attribute_reader const& r) {
    auto a = parse_geometry(r);
    a.epilogue = read_epilogue(r);
    return a;
  }
  static attributes parse_geometry(attribute_reader const& r) {
    using list = std::vector<std::int64_t>;
    attributes a{.kernel_shape = r.require<list>("kernel_shape"),
                 .strides = r.require<list>("strides"),
                 .dilations = r.require<list>("dilations"),
                 .pads = r.require<list>("pads"),
                 .group = r.require<std::int64_t>("group")};
    auto const rank = a.kernel_shape.size();
    if (a.strides.size() != rank || a.dilations.size() != rank || a.pads.size() != 2 * rank || a.group < 1)
      fail(error_code::malformed_model, "the geometry of a convolution with {} spatial axes is inconsistent", rank);
    return a;
  }

  /// The shape of the result for an input and weights; checks that they fit.
  static shape result_shape(shape const& x, shape const& w, attributes const& a) {
    auto const rank = a.kernel_shape.size();
    if (x.rank() != rank + 2 || w.rank() != rank + 2 || x[1] != checked_mul(w[1], a.group) || w[0] % a.group != 0)
      fail(error_code::malformed_model, "weights of shape {} do not fit an input of shape {} in {} groups", w, x,
           a.group);
    shape out{x[0], w[0]};
    for (std::size_t i = 0; i < rank; ++i) {
      auto const reach = checked_add(checked_mul(a.dilations[i], a.kernel_shape[i] - 1), 1);
      auto const room = checked_sub(checked_add(x[i + 2], checked_add(a.pads[i], a.pads[rank + i])), reach);
      if (a.strides[i] < 1 || a.kernel_shape[i] != w[i + 2] || room < 0)
        fail(error_code::malformed_model, "a kernel of shape {} does not fit an input of shape {}", w, x);
      out.push_back(room / a.strides[i] + 1);
    }
    return out;
  }
  static kernels::window window(shape const& x, shape const& w, attributes const& a) {
    return convolution_window(
        x, w,
        {.window = {.kernel = a.kernel_shape, .strides = a.strides, .dilations = a.dilations, .pads = a.pads},
         .groups = a.group});
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const out = result_shape(in.shape(0), in.shape(1), a);
    if (in.element(1) != in.element(0))
      fail(error_code::malformed_model, "the weights are {}, the input is {}", name(in.element(1)),
           name(in.element(0)));
    check_vector(in, 2, in.shape(1)[0], "bias");
    return {{in.element(0), out}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    return with_epilogue({.kernel = {kernels::convolution, "convolution", "convolution.hpp"},
                          .integers = numbers_of(window(in.shape(0), in.shape(1), a), {a.group})},
                         a.epilogue);
  }
};

}  // namespace sinter
