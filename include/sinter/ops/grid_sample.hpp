#pragma once

#include <sinter/kernels/grid_sample.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/window.hpp>

namespace sinter {

/// GridSample: samples of each image at given positions.   https://onnx.ai/onnx/operators/onnx__GridSample.html
struct grid_sample {
  static constexpr op_schema schema{.name = "GridSample", .since = 16, .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    kernels::grid_rule rule{};
  };

  static attributes parse(attribute_reader const& r) {
    constexpr std::array<std::string_view, 5> modes{"nearest", "linear", "cubic", "bilinear", "bicubic"};
    constexpr std::array<std::string_view, 3> paddings{"zeros", "border", "reflection"};
    auto const mode = r.choice("mode", r.version() < 20 ? "bilinear" : "linear", modes);
    attributes a;
    a.rule.mode = static_cast<kernels::resize_mode>(mode > 2 ? mode - 2 : mode);
    a.rule.padding = static_cast<kernels::grid_padding>(r.choice("padding_mode", "zeros", paddings));
    a.rule.align_corners = r.get("align_corners", false);
    return a;
  }

  static types infer(inputs const& in, attributes const&) {
    auto const &x = in.shape(0), &grid = in.shape(1);
    auto const rank = spatial_rank(x);
    if (grid.rank() != x.rank() || grid[0] != x[0] || grid.back() != static_cast<std::int64_t>(rank))
      fail(error_code::malformed_model, "the grid has shape {}, expected {} x output extents x {} for the input {}",
           grid, x[0], rank, x);
    shape out{x[0], x[1]};
    for (std::size_t i = 0; i < rank; ++i) out.push_back(grid[i + 1]);
    return {{in.element(0), out}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& s = in[0].shape;
    auto const rank = s.rank() - 2;
    auto rule = a.rule;
    for (std::size_t i = 0; i < rank; ++i) rule.extents[i + 3 - rank] = s[i + 2];
    auto const plane = static_cast<std::int64_t>(s.elements(2, s.rank()));
    auto const points = static_cast<std::int64_t>(out[0].shape.elements(2, s.rank()));
    if (plane == 0 || points == 0) return;
    visit_compute(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]);
      kernels::staged_input<double> grid(in[1]);
      kernels::staged_output<T> y(out[0]);
      for (std::int64_t n = 0; n < s[0]; ++n)
        for (std::int64_t p = 0; p < points; ++p) {
          auto const* position = grid + (n * points + p) * static_cast<std::int64_t>(rank);
          std::array<kernels::grid_taps, 3> taps;
          for (std::size_t d = 0; d < 3; ++d)
            taps[d] = d + rank < 3 ? kernels::grid_taps{1, {0}, {1}} : kernels::grid_taps_of(rule, d, position[2 - d]);
          for (std::int64_t c = 0; c < s[1]; ++c)
            y[(n * s[1] + c) * points + p] = kernels::sample<T>(rule, taps, x + (n * s[1] + c) * plane);
        }
    });
  }
};

}  // namespace sinter
