#pragma once

#include <sinter/ops/conv.hpp>

namespace sinter {

/// ConvTranspose: the adjoint of a convolution.   https://onnx.ai/onnx/operators/onnx__ConvTranspose.html
struct conv_transpose {
  static constexpr op_schema schema{.name = "ConvTranspose", .since = 1, .min_inputs = 2, .max_inputs = 3};
  struct attributes {
    convolution_attributes convolution{};
    std::vector<std::int64_t> output_padding{};
    std::vector<std::int64_t> output_shape{};
  };

  static attributes parse(attribute_reader const& r) {
    using integers = std::vector<std::int64_t>;
    attributes a{.convolution = parse_convolution(r),
                 .output_padding = r.get("output_padding", integers{}),
                 .output_shape = r.get("output_shape", integers{})};
    check_range("output_padding", a.output_padding, 0);
    check_range("output_shape", a.output_shape, 0);
    return a;
  }

  /// The window of the convolution whose adjoint this is: its `out` is the input here, its `in` the output here.
  static kernels::window place(shape const& x, shape const& weights, attributes const& a) {
    auto const rank = spatial_rank(x);
    check_operands(x, weights, a);
    auto const& v = a.convolution.window;
    kernels::window w;
    for (std::size_t i = 0; i < rank; ++i) {
      auto const d = i + 3 - rank;
      w.out[d] = x[i + 2];
      w.kernel[d] = weights[i + 2];
      if (!v.strides.empty()) w.stride[d] = v.strides[i];
      if (!v.dilations.empty()) w.dilation[d] = v.dilations[i];
      auto const extra = a.output_padding.empty() ? 0 : a.output_padding[i];
      auto const full =
          checked_add(checked_mul(w.stride[d], w.out[d] - 1) + extra + 1, checked_mul(w.kernel[d] - 1, w.dilation[d]));
      bool const same = v.padding == auto_pad::same_upper || v.padding == auto_pad::same_lower;
      if (same || !a.output_shape.empty()) {
        auto const wanted = a.output_shape.empty() ? checked_mul(w.out[d], w.stride[d])
                                                   : a.output_shape[a.output_shape.size() - rank + i];
        auto const total = std::max<std::int64_t>(full - wanted, 0);
        w.pad_begin[d] = v.padding == auto_pad::same_upper ? total / 2 : total - total / 2;
        w.in[d] = wanted;
      } else {
        auto const begin = v.pads.empty() ? 0 : v.pads[i], end = v.pads.empty() ? 0 : v.pads[i + rank];
        w.pad_begin[d] = begin;
        w.in[d] = full - begin - end;
      }
      if (w.in[d] < 0)
        fail(error_code::malformed_model, "the attribute 'pads' leaves {} output elements in dimension {}", w.in[d], i);
    }
    return w;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const w = place(in.shape(0), in.shape(1), a);
    auto const channels = checked_mul(in.shape(1)[1], a.convolution.groups);
    check_vector(in, 2, channels, "bias");
    shape out{in.shape(0)[0], channels};
    for (std::size_t i = 2; i < in.shape(0).rank(); ++i) out.push_back(w.in[i + 3 - in.shape(0).rank()]);
    return {{in.element(0), out}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    return {.kernel = {kernels::transposed_convolution, "transposed_convolution", "convolution.hpp"},
            .integers = numbers_of(place(in.shape(0), in.shape(1), a), {a.convolution.groups})};
  }

 private:
  static void check_operands(shape const& x, shape const& weights, attributes const& a) {
    auto const rank = spatial_rank(x);
    if (weights.rank() != x.rank() || weights[0] != x[1])
      fail(error_code::malformed_model, "the weights have shape {}, expected {} input channels and rank {}", weights,
           x[1], x.rank());
    if (x[1] % a.convolution.groups != 0)
      fail(error_code::malformed_model, "the attribute 'group' is {}, expected a divisor of the {} input channels",
           a.convolution.groups, x[1]);
    auto const& v = a.convolution.window;
    detail::expect_length("strides", v.strides.size(), rank);
    detail::expect_length("dilations", v.dilations.size(), rank);
    detail::expect_length("pads", v.pads.size(), 2 * rank);
    detail::expect_length("output_padding", a.output_padding.size(), rank);
    if (a.output_shape.size() != rank + 2) detail::expect_length("output_shape", a.output_shape.size(), rank);
    if (!v.kernel.empty() && !std::ranges::equal(v.kernel, weights.span().subspan(2)))
      fail(error_code::malformed_model, "the attribute 'kernel_shape' is {}, the weights have shape {}",
           fmt::join(v.kernel, "x"), weights);
  }
};

}  // namespace sinter
