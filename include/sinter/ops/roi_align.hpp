#pragma once

#include <sinter/kernels/roi_align.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/window.hpp>

namespace sinter {

/// RoiAlign: each region of interest, pooled to a fixed size from bilinear samples.
/// https://onnx.ai/onnx/operators/onnx__RoiAlign.html
struct roi_align {
  static constexpr op_schema schema{.name = "RoiAlign", .since = 10, .min_inputs = 3, .max_inputs = 3};
  struct attributes {
    std::int64_t height = 1, width = 1;
    std::int64_t samples = 0;  ///< in each direction of a bin; 0: as many as the bin has elements
    float scale = 1;
    bool max = false;
    bool half_pixel = true;
  };

  static attributes parse(attribute_reader const& r) {
    constexpr std::array<std::string_view, 2> modes{"avg", "max"}, pixels{"output_half_pixel", "half_pixel"};
    attributes const a{
        .height = r.get<std::int64_t>("output_height", 1),
        .width = r.get<std::int64_t>("output_width", 1),
        .samples = r.get<std::int64_t>("sampling_ratio", 0),
        .scale = r.get("spatial_scale", 1.0f),
        .max = r.choice("mode", "avg", modes) == 1,
        .half_pixel = r.choice("coordinate_transformation_mode", pixels[r.version() >= 16 ? 1 : 0], pixels) == 1};
    check_range("output_height", {a.height}, 1);
    check_range("output_width", {a.width}, 1);
    check_range("sampling_ratio", {a.samples}, 0);
    return a;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const &x = in.shape(0), &rois = in.shape(1);
    if (x.rank() != 4 || rois.rank() != 2 || rois[1] != 4 || in.shape(2) != shape{rois[0]})
      fail(error_code::malformed_model, "the inputs have shapes {}, {} and {}, expected NxCxHxW, Rx4 and R", x, rois,
           in.shape(2));
    return {{in.element(0), shape{rois[0], x[1], a.height, a.width}}};
  }

  static kernel_call kernel(inputs const&, attributes const& a) {
    return {.kernel = {kernels::pool_regions, "pool_regions", "roi_align.hpp"},
            .integers = {a.height, a.width, a.samples, a.max, a.half_pixel},
            .reals = {static_cast<double>(a.scale)},
            .may_fail = true};
  }
};

}  // namespace sinter
