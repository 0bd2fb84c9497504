#pragma once

#include <sinter/kernels/movement.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// Trilu: zeroes what is below (or, for the lower triangle, above) the diagonal `k` of each matrix.
/// https://onnx.ai/onnx/operators/onnx__Trilu.html
struct trilu {
  static constexpr op_schema schema{.name = "Trilu", .since = 14, .max_inputs = 2};
  struct attributes {
    bool upper = true;
  };

  static attributes parse(attribute_reader const& r) { return {.upper = r.get("upper", true)}; }
  static types infer(inputs const& in, attributes const&) {
    if (in.shape(0).rank() < 2) fail(error_code::malformed_model, "expected matrices, got {}", in.shape(0));
    if (in.has(1) && in.shape(1).elements() != 1)
      fail(error_code::malformed_model, "k has shape {}, expected a scalar", in.shape(1));
    return {in[0]};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& s = in[0].shape;
    auto const rows = s[s.rank() - 2], columns = s.back();
    auto const matrices = static_cast<std::int64_t>(s.elements(0, s.rank() - 2));
    auto const k = in.size() > 1 && in[1] ? std::clamp<std::int64_t>(integers_of(in[1])[0], -rows, columns) : 0;
    if (out[0].type != dtype::string) std::memset(out[0].data, 0, out[0].bytes());
    for (std::int64_t i = 0; i < matrices * rows; ++i) {
      auto const diagonal = i % rows + k;
      auto const first = a.upper ? std::clamp<std::int64_t>(diagonal, 0, columns) : 0;
      auto const last = a.upper ? columns : std::clamp<std::int64_t>(diagonal + 1, 0, columns);
      copy_elements(in[0], i * columns + first, out[0], i * columns + first, static_cast<std::size_t>(last - first));
    }
  }
};

}  // namespace sinter
