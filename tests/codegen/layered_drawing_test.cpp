#include "layered_drawing.hpp"

#include "catch.hpp"
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

using codegen::drawing;

namespace {

drawing drawing_of(std::size_t boxes, std::vector<std::pair<std::size_t, std::size_t>> const& lines) {
  drawing d;
  for (std::size_t b = 0; b < boxes; ++b)
    d.boxes.push_back({.width = 100 + static_cast<double>(b % 3) * 40, .height = 40 + static_cast<double>(b % 2) * 10});
  for (auto const& [from, to] : lines) d.lines.push_back({.from = from, .to = to, .bundle = from});
  codegen::lay_out(d);
  return d;
}

double middle(codegen::box const& b) { return b.at.x + b.width / 2; }

bool apart(codegen::box const& a, codegen::box const& b) {
  return a.at.x + a.width < b.at.x || b.at.x + b.width < a.at.x || a.at.y + a.height < b.at.y ||
         b.at.y + b.height < a.at.y;
}

/// Whether an upright part of a line runs through a box.
bool crosses(codegen::line const& l, codegen::box const& b) {
  for (std::size_t i = 1; i < l.path.size(); ++i) {
    auto const from = l.path[i - 1], to = l.path[i];
    if (from.x == to.x && from.x > b.at.x && from.x < b.at.x + b.width && from.y < b.at.y + b.height && to.y > b.at.y)
      return true;
  }
  return false;
}

/// What holds of every drawing.
void check(drawing const& d) {
  for (std::size_t a = 0; a < d.boxes.size(); ++a) {
    auto const& box = d.boxes[a];
    CHECK((box.at.x >= 0 && box.at.y >= 0 && box.at.x + box.width <= d.width && box.at.y + box.height <= d.height));
    for (std::size_t b = 0; b < a; ++b) CHECK(apart(box, d.boxes[b]));
  }
  for (auto const& l : d.lines) {
    auto const& from = d.boxes[l.from];
    auto const& to = d.boxes[l.to];
    REQUIRE(l.path.size() >= 2);
    CHECK(l.path.front() == codegen::point{middle(from), from.at.y + from.height});
    CHECK(l.path.back() == codegen::point{middle(to), to.at.y});
    for (std::size_t i = 1; i < l.path.size(); ++i) CHECK(l.path[i - 1].y <= l.path[i].y);
    for (auto const& b : d.boxes) CHECK_FALSE(crosses(l, b));
  }
}

}  // namespace

TEST_CASE("a chain is drawn as a straight line down") {
  auto const d = drawing_of(5, {{0, 1}, {1, 2}, {2, 3}, {3, 4}});
  check(d);
  for (auto const& l : d.lines) CHECK(l.path.size() == 2);
  for (auto const& b : d.boxes) CHECK(middle(b) == middle(d.boxes[0]));
}

TEST_CASE("a line that passes layers goes around the boxes in them") {
  auto const d = drawing_of(5, {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {0, 4}, {1, 4}});
  check(d);
  CHECK(d.lines[4].path.size() > 2);
}

TEST_CASE("lines of one bundle run together until they branch off") {
  auto const d = drawing_of(6, {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {0, 3}, {0, 5}});
  check(d);
  CHECK(d.lines[5].path[1] == d.lines[6].path[1]);
}

TEST_CASE("lines that need not cross do not") {
  // 0 leads to 2 and 3, 1 to 2 and 4: 2 belongs into the middle.
  auto const d = drawing_of(5, {{0, 2}, {0, 3}, {1, 2}, {1, 4}});
  check(d);
  auto const left = [&](std::size_t a, std::size_t b) { return middle(d.boxes[a]) < middle(d.boxes[b]); };
  CHECK(left(3, 2) == left(0, 1));
  CHECK(left(2, 4) == left(0, 1));
}

TEST_CASE("what is needed late only stands near where it is needed") {
  auto const d = drawing_of(5, {{0, 1}, {1, 2}, {2, 3}, {4, 3}});
  check(d);
  CHECK(d.boxes[4].at.y >= d.boxes[2].at.y - 5);
}

TEST_CASE("drawings of many graphs hold what holds of all, and the same graph is drawn the same way") {
  unsigned state = 1;
  auto const random = [&](std::size_t below) { return (state = state * 1664525 + 1013904223) / 65536 % below; };
  for (std::size_t const boxes : {0, 1, 2, 7, 20, 60}) {
    std::vector<std::pair<std::size_t, std::size_t>> lines;
    for (std::size_t to = 1; to < boxes; ++to)
      for (std::size_t i = 0; i < 1 + to % 3; ++i) {
        std::size_t const near = std::min<std::size_t>(to, 12);
        std::pair const line{to - 1 - (random(5) == 0 ? random(to) : random(near)), to};
        if (std::ranges::find(lines, line) == lines.end()) lines.push_back(line);
      }
    auto const d = drawing_of(boxes, lines), again = drawing_of(boxes, lines);
    check(d);
    for (std::size_t b = 0; b < boxes; ++b) CHECK(d.boxes[b].at == again.boxes[b].at);
  }
}
