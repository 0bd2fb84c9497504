#pragma once

#include <sinter/kernels/reduce.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

using kernels::softmax_kind;

/// Softmax, LogSoftmax and Hardmax along an axis; below version 13, over all dimensions from that axis on.
/// https://onnx.ai/onnx/operators/onnx__Softmax.html
template <softmax_kind Kind>
struct softmax_operator {
  static constexpr op_schema schema{.name = Kind == softmax_kind::softmax   ? "Softmax"
                                            : Kind == softmax_kind::hardmax ? "Hardmax"
                                                                            : "LogSoftmax",
                                    .since = 1,
                                    .max_inputs = 1};
  struct attributes {
    std::int64_t axis = -1;
    bool flatten = false;
  };

  static attributes parse(attribute_reader const& r) {
    bool const flatten = r.version() < 13;
    return {.axis = r.get<std::int64_t>("axis", flatten ? 1 : -1), .flatten = flatten};
  }

  /// The lines that are normalised.
  static kernels::axis_view lines(shape const& s, attributes const& a) {
    auto const rank = static_cast<std::int64_t>(s.rank());
    if (a.flatten && a.axis == rank) return {static_cast<std::int64_t>(s.elements()), 1, 1};
    if (s.empty() && (a.axis == -1 || a.axis == 0)) return {};
    auto const axis = normalize_axis(a.axis, s.rank());
    if (!a.flatten) return kernels::axis_view::of(s, axis);
    return {static_cast<std::int64_t>(s.elements(0, axis)), static_cast<std::int64_t>(s.elements(axis, s.rank())), 1};
  }

  static types infer(inputs const& in, attributes const& a) {
    lines(in.shape(0), a);
    return {in[0]};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const view = lines(in.shape(0), a);
    return {.kernel = {kernels::softmax, "softmax", "reduce.hpp"},
            .integers = {static_cast<std::int64_t>(Kind), view.outer, view.extent, view.inner}};
  }
};

using softmax = softmax_operator<softmax_kind::softmax>;
using log_softmax = softmax_operator<softmax_kind::log_softmax>;
using hardmax = softmax_operator<softmax_kind::hardmax>;

}  // namespace sinter
