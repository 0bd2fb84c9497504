#pragma once

#include <sinter/kernels/staging.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// AffineGrid: the positions that GridSample reads to apply an affine map to each image.
/// https://onnx.ai/onnx/operators/onnx__AffineGrid.html
struct affine_grid {
  static constexpr op_schema schema{.name = "AffineGrid", .since = 20, .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    bool align_corners = false;
  };

  static attributes parse(attribute_reader const& r) { return {.align_corners = r.get("align_corners", false)}; }

  static types infer(inputs const& in, attributes const&) {
    auto const size = in.integers(1);
    if (!size) return {unknown_shape(in.element(0))};
    auto const rank = static_cast<std::int64_t>(size->size()) - 2;
    if ((rank != 2 && rank != 3) || in.shape(0) != shape{(*size)[0], rank, rank + 1})
      fail(error_code::malformed_model, "theta has shape {} for the size {}, expected Nx2x3 for NxCxHxW or Nx3x4",
           in.shape(0), fmt::join(*size, "x"));
    shape out{(*size)[0]};
    for (std::int64_t i = 0; i < rank; ++i) out.push_back((*size)[static_cast<std::size_t>(i) + 2]);
    out.push_back(rank);
    out.elements();
    return {{in.element(0), out}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    heap_workspace memory;
    auto const& s = out[0].shape;
    auto const rank = s.back();
    auto const points = static_cast<std::int64_t>(s.elements(1, s.rank() - 1));
    visit_floating(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> theta(in[0], memory);
      kernels::staged_output<T> y(out[0], memory);
      for (std::int64_t n = 0; n < s[0]; ++n)
        for (std::int64_t p = 0; p < points; ++p) {
          double position[3]{};  // x, y, z: the last dimension first
          auto rest = p;
          for (std::int64_t d = 0; d < rank; ++d) {
            auto const extent = s[static_cast<std::size_t>(rank - d)];
            position[d] = normalised(rest % extent, extent, a.align_corners);
            rest /= extent;
          }
          for (std::int64_t i = 0; i < rank; ++i) {
            auto const* row = theta + (n * rank + i) * (rank + 1);
            auto sum = static_cast<double>(row[rank]);
            for (std::int64_t d = 0; d < rank; ++d) sum += static_cast<double>(row[d]) * position[d];
            y[(n * points + p) * rank + i] = static_cast<T>(sum);
          }
        }
    });
  }

 private:
  /// The position of element `i` of `extent`, where -1 and 1 are the centres of the outermost elements or their edges.
  static double normalised(std::int64_t i, std::int64_t extent, bool align_corners) {
    auto const n = static_cast<double>(extent), at = static_cast<double>(i);
    if (!align_corners) return (2 * at + 1) / n - 1;
    return extent > 1 ? 2 * at / (n - 1) - 1 : -1;
  }
};

}  // namespace sinter
