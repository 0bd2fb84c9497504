#pragma once

#include <sinter/kernels/staging.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <span>

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
  /// Whether it can share an area with another: not if it has none, or a side that is NaN.
  bool can_meet() const { return right > left && bottom > top; }
};

/// The number of a box and what it is sorted by.
struct ranked_box {
  float key;
  std::int64_t index;
};

/// Boxes that were chosen, a list for each side and one of areas, so that compilers compare several boxes at once.
struct kept_boxes {
  float *left, *top, *right, *bottom, *area;

  void put(std::int64_t i, box const& b) const {
    left[i] = b.left, top[i] = b.top, right[i] = b.right, bottom[i] = b.bottom, area[i] = b.area();
  }

  /// Whether `b` shares more than the part `most` of the area of both with one of the boxes from `i` to `end`.
  bool overlap(box const& b, float most, std::int64_t i, std::int64_t end) const {
    constexpr std::int64_t side_by_side = 16;
    auto const of_b = b.area();
    for (; i + side_by_side <= end; i += side_by_side) {
      int found = 0;
      for (std::int64_t k = 0; k < side_by_side; ++k) found |= overlaps(b, of_b, most, i + k);
      if (found) return true;
    }
    for (; i < end; ++i)
      if (overlaps(b, of_b, most, i)) return true;
    return false;
  }

 private:
  bool overlaps(box const& b, float of_b, float most, std::int64_t i) const {
    auto const width = std::min(b.right, right[i]) - std::max(b.left, left[i]);
    auto const height = std::min(b.bottom, bottom[i]) - std::max(b.top, top[i]);
    auto const common = width * height, all = of_b + area[i] - common;
    return (width > 0) & (height > 0) & (all > 0) & (common / all > most);
  }
};

/// Those of a group that were chosen lie in `kept_boxes` from `begin` to `end`.
struct box_group {
  std::int64_t begin, end;
};

/// Chooses among the boxes of an image. All lists have room for as many.
struct box_choice {
  std::int64_t most = 0;
  float overlap = 0;
  std::optional<float> score{};  ///< a box has more

  box const* boxes = nullptr;
  ranked_box* ranked = nullptr;
  box_group* groups = nullptr;
  std::int64_t* group_of = nullptr;  ///< of a box; none of one that meets no other: -1
  kept_boxes kept{};

  /// Puts the numbers of the chosen ones of `count` boxes, best first, to the front of `ranked`; returns how many they
  /// are. Of equal scores the first is better, a NaN is worst.
  std::int64_t choose(float const* scores, std::int64_t count) const {
    auto* end = ranked;
    for (std::int64_t i = 0; i < count; ++i)
      if (!score || scores[i] > *score) *end++ = {0, i};
    group({ranked, end});
    for (auto* r = ranked; r != end; ++r) r->key = scores[r->index];
    std::sort(ranked, end, [](ranked_box const& p, ranked_box const& q) {
      bool const p_nan = p.key != p.key, q_nan = q.key != q.key;
      if (p_nan != q_nan) return q_nan;
      return !p_nan && p.key != q.key ? p.key > q.key : p.index < q.index;
    });
    auto* to = ranked;
    for (auto const* r = ranked; r != end && to - ranked < most; ++r)
      if (keep(r->index)) *to++ = *r;
    return to - ranked;
  }

 private:
  /// Makes groups of boxes such that those of different groups have no column in common. Often these are the classes:
  /// networks shift the boxes of each to a place of its own.
  void group(std::span<ranked_box> candidates) const {
    auto const meeting = std::partition(candidates.begin(), candidates.end(),
                                        [&](ranked_box const& r) { return boxes[r.index].can_meet(); });
    for (auto& r : candidates) r.key = boxes[r.index].left, group_of[r.index] = -1;
    std::sort(candidates.begin(), meeting, [](ranked_box const& p, ranked_box const& q) { return p.key < q.key; });
    std::int64_t group = -1, at = 0;
    auto reach = -std::numeric_limits<float>::infinity();
    for (auto r = candidates.begin(); r != meeting; ++r, ++at) {
      if (group < 0 || r->key >= reach) groups[++group] = {at, at};
      reach = std::max(reach, boxes[r->index].right);
      group_of[r->index] = group;
    }
  }

  /// Keeps box `i` unless it overlaps one that was kept.
  bool keep(std::int64_t i) const {
    if (group_of[i] < 0) return true;
    auto& g = groups[group_of[i]];
    if (kept.overlap(boxes[i], overlap, g.begin, g.end)) return false;
    kept.put(g.end++, boxes[i]);
    return true;
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
  auto const room = static_cast<std::size_t>(count);
  auto* const boxes = c.memory.take<box>(room);
  box_choice choice{.boxes = boxes,
                    .ranked = c.memory.take<ranked_box>(room),
                    .groups = c.memory.take<box_group>(room),
                    .group_of = c.memory.take<std::int64_t>(room)};
  auto& kept = choice.kept;
  for (auto** list : {&kept.left, &kept.top, &kept.right, &kept.bottom, &kept.area}) *list = c.memory.take<float>(room);
  if (c.memory.measuring()) return {};
  auto const given = [&](std::size_t i) { return c.input(i) && c.input(i).elements() > 0; };
  if (given(2)) choice.most = most[0];
  if (given(3)) choice.overlap = overlap[0];
  if (given(4)) choice.score = score[0];
  std::int64_t rows = 0;
  auto* to = static_cast<std::int64_t*>(c.output(0).data);
  for (std::int64_t image = 0; image < images; ++image) {
    for (std::int64_t i = 0; i < count; ++i) boxes[i] = box::of(corners + (image * count + i) * 4, c.integers[0] != 0);
    for (std::int64_t k = 0; k < classes; ++k) {
      auto const chosen = choice.choose(scores + (image * classes + k) * count, count);
      for (std::int64_t i = 0; i < chosen && to; ++i, to += 3) to[0] = image, to[1] = k, to[2] = choice.ranked[i].index;
      rows += chosen;
    }
  }
  return status::found(rows);
}

}  // namespace sinter::kernels
