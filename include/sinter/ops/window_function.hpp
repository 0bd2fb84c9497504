#pragma once

#include <sinter/kernels/staging.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <cmath>
#include <numbers>

namespace sinter {

enum class window_kind { hann, hamming, blackman };

/// HannWindow, HammingWindow and BlackmanWindow: sums of cosines that fade a signal in and out.
/// https://onnx.ai/onnx/operators/onnx__HannWindow.html
template <window_kind Kind>
struct window_function {
  static constexpr op_schema schema{.name = Kind == window_kind::hann      ? "HannWindow"
                                            : Kind == window_kind::hamming ? "HammingWindow"
                                                                           : "BlackmanWindow",
                                    .since = 17,
                                    .max_inputs = 1};
  struct attributes {
    dtype type = dtype::float32;
    bool periodic = true;
  };

  static attributes parse(attribute_reader const& r) {
    auto const type = r.get<std::int64_t>("output_datatype", 1);
    if (type < 1 || type >= dtype_count)
      fail(error_code::malformed_model, "the attribute 'output_datatype' is {}, expected a data type", type);
    return {.type = static_cast<dtype>(type), .periodic = r.get("periodic", true)};
  }

  static dtype element(inputs const&, attributes const& a, std::size_t) { return a.type; }
  static types infer(inputs const& in, attributes const& a) {
    auto const size = in.integers(0);
    if (!size) return {unknown_shape(a.type)};
    if (size->size() != 1 || size->front() < 0)
      fail(error_code::malformed_model, "the size is {}, expected one number of 0 or more", fmt::join(*size, ", "));
    return {{a.type, shape{size->front()}}};
  }

  static void evaluate(input_views, output_views out, attributes const& a) {
    auto const count = out[0].elements();
    auto const period = static_cast<double>(a.periodic ? count : count - 1);
    for (std::size_t i = 0; i < count; ++i) {
      auto const angle = period > 0 ? 2 * std::numbers::pi * static_cast<double>(i) / period : std::numbers::pi;
      auto const c = std::cos(angle);
      auto const value = Kind == window_kind::hann      ? 0.5 - 0.5 * c
                         : Kind == window_kind::hamming ? 25.0 / 46 - 21.0 / 46 * c
                                                        : 0.42 - 0.5 * c + 0.08 * std::cos(2 * angle);
      store<double>(out[0].type, out[0].data, i, value);
    }
  }
};

/// All window functions.
struct window_function_family {
  static constexpr auto entries =
      operator_list<window_function<window_kind::hann>, window_function<window_kind::hamming>,
                    window_function<window_kind::blackman>>::entries;
};

}  // namespace sinter
