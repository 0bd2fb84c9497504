#pragma once

#include <sinter/kernels/non_max_suppression.hpp>
#include <sinter/ops/entry.hpp>

#include <algorithm>
#include <optional>
#include <vector>

namespace sinter {

/// NonMaxSuppression: for each image and class the best boxes that overlap no better one too much, as rows of image,
/// class and box.   https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html
struct non_max_suppression {
  static constexpr op_schema schema{.name = "NonMaxSuppression", .since = 10, .min_inputs = 2, .max_inputs = 5};
  struct attributes {
    bool centred = false;  ///< boxes are x, y, width, height and not two corners
  };

  static attributes parse(attribute_reader const& r) { return {.centred = r.get("center_point_box", false)}; }

  /// As many boxes of each image and class as may be chosen.
  static std::vector<bounded_shape> bounds(inputs const& in, attributes const&) {
    auto const &boxes = in.shape(0), &scores = in.shape(1);
    if (boxes.rank() != 3 || scores.rank() != 3 || boxes[2] != 4 || boxes[0] != scores[0] || boxes[1] != scores[2])
      fail(error_code::malformed_model,
           "boxes and scores have shapes {} and {}, expected images x boxes x 4 and images x classes x boxes", boxes,
           scores);
    auto const groups = checked_mul(scores[0], scores[1]);
    return {{{checked_mul(groups, most_of_a_group(in)), 3}, 0}};
  }

  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::int64; }
  static types infer(inputs const& in, attributes const& a) {
    return {bounds(in, a)[0].type(dtype::int64, count(kernel(in, a), in.counted()))};
  }

  static kernel_call kernel(inputs const&, attributes const& a) {
    return {.kernel = {kernels::non_max_suppression, "non_max_suppression", "non_max_suppression.hpp"},
            .integers = {a.centred}};
  }

 private:
  static std::int64_t most_of_a_group(inputs const& in) {
    auto const boxes = in.shape(1)[2];
    if (!in.has(2) || in.shape(2).elements() == 0) return 0;
    auto const given = in.integers(2);
    return given ? std::clamp<std::int64_t>(given->front(), 0, boxes) : boxes;
  }
};

}  // namespace sinter
