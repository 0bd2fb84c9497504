#pragma once

#include <sinter/ops/microsoft/quantized.hpp>

#include <vector>

namespace sinter::microsoft {

/// QLinearAveragePool: X, its scale and zero point, scale and zero point of the result.
struct qlinear_average_pool {
  static constexpr op_schema schema{.name = "QLinearAveragePool", .domain = domain, .min_inputs = 2, .max_inputs = 5};
  struct attributes {
    attribute_map window{};
    bool last = false;
  };

  static attributes parse(attribute_reader const& r) {
    require_inputs(r, {3});
    return {.window = r.pass_on({"auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides"}),
            .last = r.get("channels_last", false)};
  }
  static graph body(inputs const& in, attributes const& a) {
    expect_quantized(in, 0, 1);
    body_builder b(in);
    auto const x = dequantized(b, 0, 1);
    auto y = b("AveragePool", {a.last ? channels_first(b, x) : x}, a.window);
    if (a.last) y = channels_last(b, y);
    return b.finish({quantized(b, y, 3, in.element(0))});
  }
};

/// QLinearGlobalAveragePool: likewise, of the whole plane.
struct qlinear_global_average_pool {
  static constexpr op_schema schema{
      .name = "QLinearGlobalAveragePool", .domain = domain, .min_inputs = 5, .max_inputs = 5};
  struct attributes {
    bool last = false;
  };

  static attributes parse(attribute_reader const& r) { return {r.get("channels_last", false)}; }
  static graph body(inputs const& in, attributes const& a) {
    expect_quantized(in, 0, 1);
    body_builder b(in);
    auto const x = dequantized(b, 0, 1);
    auto y = b("GlobalAveragePool", {a.last ? channels_first(b, x) : x});
    if (a.last) y = channels_last(b, y);
    return b.finish({quantized(b, y, 3, in.element(0))});
  }
};

/// QLinearReduceMean: likewise, along axes.
struct qlinear_reduce_mean {
  static constexpr op_schema schema{.name = "QLinearReduceMean", .domain = domain, .min_inputs = 2, .max_inputs = 5};
  struct attributes {
    std::vector<std::int64_t> axes{};
    std::int64_t keep = 1;
  };
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) {
    require_inputs(r, {3});
    return {.axes = r.require<std::vector<std::int64_t>>("axes"), .keep = r.require<std::int64_t>("keepdims")};
  }
  static graph body(inputs const& in, attributes const& a) {
    expect_quantized(in, 0, 1);
    body_builder b(in);
    auto const y = b("ReduceMean", {dequantized(b, 0, 1), b.integers(a.axes)}, {{"keepdims", a.keep}});
    return b.finish({quantized(b, y, 3, in.element(0))});
  }
};

/// NhwcMaxPool: MaxPool of a tensor whose channels are last.
struct nhwc_max_pool {
  static constexpr op_schema schema{.name = "NhwcMaxPool", .domain = domain, .max_inputs = 1};
  struct attributes {
    attribute_map window{};
  };

  static attributes parse(attribute_reader const& r) {
    return {r.pass_on({"auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides"})};
  }
  static graph body(inputs const& in, attributes const& a) {
    body_builder b(in);
    return b.finish({channels_last(b, b("MaxPool", {channels_first(b, b.input(0))}, a.window))});
  }
};

/// QLinearConv, whose input and output may have their channels last.
struct qlinear_conv {
  static constexpr op_schema schema{.name = "QLinearConv", .domain = domain, .min_inputs = 8, .max_inputs = 9};
  struct attributes {
    attribute_map window{};
    bool last = false;
  };

  static attributes parse(attribute_reader const& r) {
    return {.window = r.pass_on({"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"}),
            .last = r.get("channels_last", false)};
  }
  static dtype element(inputs const& in, attributes const&, std::size_t) { return in.element(7); }
  static graph body(inputs const& in, attributes const& a) {
    body_builder b(in);
    std::vector<value_id> operands;
    for (std::size_t i = 0; i < in.size(); ++i) operands.push_back(b.input(i));
    if (a.last) operands[0] = channels_first(b, operands[0]);
    auto const y = b("QLinearConv", operands, a.window);
    return b.finish({a.last ? channels_last(b, y) : y});
  }
};

}  // namespace sinter::microsoft
