#pragma once

#include <sinter/kernels/staging.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <array>

namespace sinter {

/// NonMaxSuppression: for each image and class the best boxes that overlap no better one too much, as rows of image,
/// class and box.   https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html
struct non_max_suppression {
  static constexpr op_schema schema{.name = "NonMaxSuppression", .since = 10, .min_inputs = 2, .max_inputs = 5};
  struct attributes {
    bool centred = false;  ///< boxes are x, y, width, height and not two corners
  };

  static attributes parse(attribute_reader const& r) { return {.centred = r.get("center_point_box", false)}; }

  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::int64; }
  static types infer(inputs const& in, attributes const&) {
    check(in.shape(0), in.shape(1));
    return {unknown_shape(dtype::int64)};
  }

  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a) {
    heap_workspace memory;
    check(in[0].shape(), in[1].shape());
    auto const given = [&](std::size_t i) { return i < in.size() && in[i] && in[i].elements() > 0; };
    limits_of_boxes limits;
    if (given(2)) limits.most = integers_of(in[2].view())[0];
    if (given(3)) limits.overlap = load<float>(in[3].type(), in[3].data(), 0);
    if (given(4)) limits.score = load<float>(in[4].type(), in[4].data(), 0);
    kernels::staged_input<float> boxes(in[0].view(), memory), scores(in[1].view(), memory);
    auto const images = in[1].shape()[0], classes = in[1].shape()[1], count = in[1].shape()[2];
    std::vector<std::int64_t> rows;
    for (std::int64_t image = 0; image < images; ++image) {
      std::vector<box> corners;
      for (std::int64_t i = 0; i < count; ++i) corners.push_back(box_at(boxes + (image * count + i) * 4, a.centred));
      for (std::int64_t c = 0; c < classes; ++c)
        for (auto const i : choose(corners, scores + (image * classes + c) * count, limits))
          rows.insert(rows.end(), {image, c, i});
    }
    shape const found{static_cast<std::int64_t>(rows.size()) / 3, 3};
    return {any_tensor::of<std::int64_t>(found, std::span<std::int64_t const>(rows))};
  }

 private:
  struct box {
    float left = 0, top = 0, right = 0, bottom = 0;
    float area() const { return (right - left) * (bottom - top); }
  };
  struct limits_of_boxes {
    std::int64_t most = 0;
    float overlap = 0;
    std::optional<float> score{};
  };

  static void check(shape const& boxes, shape const& scores) {
    if (boxes.rank() != 3 || scores.rank() != 3 || boxes[2] != 4 || boxes[0] != scores[0] || boxes[1] != scores[2])
      fail(error_code::malformed_model,
           "boxes and scores have shapes {} and {}, expected images x boxes x 4 and images x classes x boxes", boxes,
           scores);
  }

  static box box_at(float const* b, bool centred) {
    if (centred) return {b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2};
    return {std::min(b[1], b[3]), std::min(b[0], b[2]), std::max(b[1], b[3]), std::max(b[0], b[2])};
  }

  static float overlap(box const& a, box const& b) {
    auto const width = std::min(a.right, b.right) - std::max(a.left, b.left);
    auto const height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
    if (!(width > 0) || !(height > 0)) return 0;
    auto const common = width * height, all = a.area() + b.area() - common;
    return all > 0 ? common / all : 0;
  }

  static std::vector<std::int64_t> choose(std::vector<box> const& boxes, float const* scores,
                                          limits_of_boxes const& limits) {
    std::vector<std::int64_t> candidates, chosen;
    for (std::size_t i = 0; i < boxes.size(); ++i)
      if (!limits.score || scores[i] > *limits.score) candidates.push_back(static_cast<std::int64_t>(i));
    std::ranges::stable_sort(candidates, [&](auto i, auto j) { return scores[i] > scores[j]; });
    for (auto const i : candidates) {
      if (static_cast<std::int64_t>(chosen.size()) >= limits.most) break;
      auto const& b = boxes[static_cast<std::size_t>(i)];
      if (std::ranges::none_of(chosen,
                               [&](auto j) { return overlap(b, boxes[static_cast<std::size_t>(j)]) > limits.overlap; }))
        chosen.push_back(i);
    }
    return chosen;
  }
};

}  // namespace sinter
