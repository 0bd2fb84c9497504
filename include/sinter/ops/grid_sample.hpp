#pragma once

#include <sinter/kernels/grid_sample.hpp>
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

  static kernel_call kernel(inputs const&, attributes const& a) {
    return {.kernel = {kernels::sample_grid, "sample_grid", "grid_sample.hpp"},
            .integers = {static_cast<std::int64_t>(a.rule.mode), static_cast<std::int64_t>(a.rule.padding),
                         a.rule.align_corners}};
  }
};

}  // namespace sinter
