#pragma once

#include <sinter/kernels/staging.hpp>

#include <algorithm>
#include <array>
#include <optional>

namespace sinter::kernels {

/// A rectangle by its sides.
struct box {
  float left, top, right, bottom;

  /// From four numbers: centre, width and height, or two opposite corners (y before x).
  static box of(float const* b, bool centred) {
    if (centred) return {b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2};
    return {std::min(b[1], b[3]), std::min(b[0], b[2]), std::max(b[1], b[3]), std::max(b[0], b[2])};
  }
  float area() const { return (right - left) * (bottom - top); }
};

/// Boxes that were chosen, a list for each side and one of areas, so that compilers compare several boxes at once.
class kept_boxes {
 public:
  /// `room`: for the most boxes that may be added, five times.
  explicit kept_boxes(std::array<float*, 5> const& room)
      : left_(room[0]), top_(room[1]), right_(room[2]), bottom_(room[3]), area_(room[4]) {}

  std::int64_t count() const { return count_; }
  void add(box const& b) {
    left_[count_] = b.left, top_[count_] = b.top, right_[count_] = b.right, bottom_[count_] = b.bottom;
    area_[count_++] = b.area();
  }

  /// Whether `b` shares more than the part `most` of the area of both with one of the boxes.
  bool overlap(box const& b, float most) const {
    constexpr std::int64_t side_by_side = 16;
    auto const area = b.area();
    std::int64_t i = 0;
    for (; i + side_by_side <= count_; i += side_by_side) {
      int found = 0;
      for (std::int64_t k = 0; k < side_by_side; ++k) found |= part(b, area, i + k) > most;
      if (found) return true;
    }
    for (; i < count_; ++i)
      if (part(b, area, i) > most) return true;
    return false;
  }

 private:
  /// The area that `b` shares with box `i`, over the area of both.
  float part(box const& b, float area, std::int64_t i) const {
    auto const width = std::min(b.right, right_[i]) - std::max(b.left, left_[i]);
    auto const height = std::min(b.bottom, bottom_[i]) - std::max(b.top, top_[i]);
    auto const common = width * height, all = area + area_[i] - common, share = common / all;
    bool const meet = (width > 0) & (height > 0) & (all > 0);
    return meet ? share : 0.0f;
  }

  float *left_, *top_, *right_, *bottom_, *area_;
  std::int64_t count_ = 0;
};

/// What boxes are chosen.
struct box_choice {
  std::int64_t most = 0;
  float overlap = 0;
  std::optional<float> score{};  ///< a box has more

  /// Puts the numbers of the chosen ones of `count` boxes to the front of `chosen`, which has room for all, best first;
  /// returns how many they are. Of equal scores the first is better, a NaN is worst.
  std::int64_t choose(box const* boxes, float const* scores, std::int64_t count, std::int64_t* chosen,
                      kept_boxes kept) const {
    auto* end = chosen;
    for (std::int64_t i = 0; i < count; ++i)
      if (!score || scores[i] > *score) *end++ = i;
    std::sort(chosen, end, [&](std::int64_t i, std::int64_t j) {
      auto const p = scores[i], q = scores[j];
      bool const p_nan = p != p, q_nan = q != q;
      if (p_nan != q_nan) return q_nan;
      return !p_nan && p != q ? p > q : i < j;
    });
    for (auto const* i = chosen; i != end && kept.count() < most; ++i)
      if (!kept.overlap(boxes[*i], overlap)) {
        chosen[kept.count()] = *i;
        kept.add(boxes[*i]);
      }
    return kept.count();
  }
};

/// For each image and class the best boxes that overlap no better one too much, as rows of image, class and box; a
/// counting kernel. Inputs: boxes, scores, and where they are given and not empty the most boxes of a class, the
/// overlap that is allowed and the score to exceed. Number: whether boxes are given by their centres.
inline status non_max_suppression(call const& c) {
  staged_input<float> corners(c.in[0], c.memory), scores(c.in[1], c.memory);
  staged_input<std::int64_t> most(c.input(2), c.memory);
  staged_input<float> overlap(c.input(3), c.memory), score(c.input(4), c.memory);
  auto const& s = c.in[1].shape;
  auto const images = s[0], classes = s[1], count = s[2];
  auto* const boxes = c.memory.take<box>(static_cast<std::size_t>(count));
  auto* const chosen = c.memory.take<std::int64_t>(static_cast<std::size_t>(count));
  std::array<float*, 5> room{};
  for (auto& list : room) list = c.memory.take<float>(static_cast<std::size_t>(count));
  if (c.memory.measuring()) return {};
  auto const given = [&](std::size_t i) { return c.input(i) && c.input(i).elements() > 0; };
  box_choice choice;
  if (given(2)) choice.most = most[0];
  if (given(3)) choice.overlap = overlap[0];
  if (given(4)) choice.score = score[0];
  std::int64_t rows = 0;
  auto* to = static_cast<std::int64_t*>(c.output(0).data);
  for (std::int64_t image = 0; image < images; ++image) {
    for (std::int64_t i = 0; i < count; ++i) boxes[i] = box::of(corners + (image * count + i) * 4, c.integers[0] != 0);
    for (std::int64_t k = 0; k < classes; ++k) {
      auto const kept = choice.choose(boxes, scores + (image * classes + k) * count, count, chosen, kept_boxes(room));
      for (std::int64_t i = 0; i < kept && to; ++i, to += 3) to[0] = image, to[1] = k, to[2] = chosen[i];
      rows += kept;
    }
  }
  return status::found(rows);
}

}  // namespace sinter::kernels
