#pragma once

#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/kernel_call.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

/// Transpose, Slice, Expand, Tile, DepthToSpace and others that move elements of float32 or 8 bits as strides say,
/// row-major.
/// Dimensions that stay neighbours are joined first.
///
/// Where the innermost dimension stays, or repeats     Where another one becomes innermost:
/// an element:
///     for the other output dimensions: copy a run         for the other output dimensions, 16 rows of the matrix of
///                                                         the two:                                            (grid)
///                                                           for square of lanes x lanes: load, transpose, store
namespace sinter {

namespace detail {

/// A dimension of the output with its stride in the input, 0 where it repeats; strides in bytes.
struct moved_dimension {
  std::int64_t extent = 1, from = 4, to = 4;
};

/// Output dimensions, outermost first, joined where they are neighbours in both tensors; strides are in elements of
/// `size` bytes.
inline std::vector<moved_dimension> moved_dimensions(std::span<std::int64_t const> extents,
                                                     std::span<std::int64_t const> strides, std::int64_t size) {
  std::vector<moved_dimension> result;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (extents[i] == 1) continue;
    auto const from = strides[i] * size;
    if (!result.empty() && result.back().from == from * extents[i])
      result.back() = {result.back().extent * extents[i], from, 0};
    else
      result.push_back({extents[i], from, 0});
  }
  if (result.empty()) result.push_back({1, size, size});
  auto to = size;
  for (auto d = result.rbegin(); d != result.rend(); ++d) d->to = std::exchange(to, to * d->extent);
  return result;
}

/// A move as a grid of copies or of matrix transpositions.
struct moved_tensor {
  vector::element element = vector::element::i32;
  std::int64_t offset = 0;                 ///< bytes
  bool turned = false;                     ///< the last output dimension is not contiguous in the input
  std::vector<moved_dimension> outside{};  ///< as many as leave one axis of the grid
  moved_dimension row{};                   ///< turned: contiguous in the input, strided in the output
  moved_dimension column{};                ///< contiguous in the output
};

/// Whether `n` is one of the operators that move elements as strides say.
inline bool moves_elements(node const& n) {
  constexpr std::array<std::string_view, 6> names{"Transpose", "Slice",        "Expand",
                                                  "Tile",      "DepthToSpace", "SpaceToDepth"};
  return n.domain.empty() && std::ranges::find(names, n.op) != names.end();
}

/// What the node moves; none: a stride is negative, there are too many dimensions, or it is another node.
inline std::optional<moved_tensor> moved_tensor_of(scheduled_node const& n) {
  if (!moves_elements(*n.n) || !is_movable_tensor(n.inputs[0]) || !is_movable_tensor(n.outputs[0])) return std::nullopt;
  auto const call = kernel_call_of(n);
  auto const negative = [](std::int64_t number) { return number < 0; };
  if (call.kernel.name != "move" || std::ranges::any_of(call.integers, negative)) return std::nullopt;
  std::span const numbers(call.integers);
  auto const rank = (numbers.size() - 1) / 2;
  auto const element = moved_element(n.inputs[0]);
  std::int64_t const size = vector::size_of(element);
  moved_tensor m{.element = element,
                 .offset = numbers[0] * size,
                 .outside = moved_dimensions(numbers.subspan(1, rank), numbers.subspan(1 + rank), size)};
  m.column = m.outside.back();
  m.outside.pop_back();
  m.turned = m.column.from != size && m.column.from != 0;
  if (m.turned) {
    auto const contiguous = std::ranges::find(m.outside, size, &moved_dimension::from);
    if (contiguous != m.outside.end()) {
      m.row = *contiguous;
      m.outside.erase(contiguous);
    }
  }
  if (m.outside.size() > (m.turned ? 3u : 4u)) return std::nullopt;
  return m;
}

/// Copies a run of elements for each of `rows` rows, or repeats one.
inline vector::program copy_runs_kernel(vector::element element, moved_dimension const& rows,
                                        moved_dimension const& column, target const& t) {
  auto const size = vector::size_of(element);
  vector::builder b("copy_runs", t.lanes());
  auto const count = column.extent, reach = (count - 1) * column.from + size;
  auto const x = b.argument("x", vector::access::in, (rows.extent - 1) * rows.from + reach, element, size);
  auto const y = b.argument("y", vector::access::out, (rows.extent - 1) * rows.to + count * size, element, size);
  auto const vectors = count / t.lanes(), unroll = std::clamp<std::int64_t>(vectors, 1, 4);
  auto const bytes = std::int64_t{size} * t.lanes();
  auto const i32 = vector::register_type::i32;
  b.loop(rows.extent, {{x, rows.from}, {y, rows.to}}, [&] {
    auto const repeated = column.from == 0 ? b.load(x.broadcast(0), 0, i32) : vector::reg{};
    auto const move = [&](std::int64_t at, std::int64_t lanes) {
      auto const n = static_cast<std::int32_t>(lanes);
      b.store(y.at(at), repeated ? repeated : b.load(x.at(at), n, i32), n);
    };
    std::vector<std::pair<vector::pointer, std::int64_t>> steps{{y, unroll * bytes}};
    if (!repeated) steps.emplace_back(x, unroll * bytes);
    if (vectors > 0)
      b.loop(vectors / unroll, steps, [&] {
        for (std::int64_t v = 0; v < unroll; ++v) move(v * bytes, t.lanes());
      });
    for (auto at = vectors / unroll * unroll * t.lanes(); at < count; at += t.lanes())
      move(at * size, std::min<std::int64_t>(t.lanes(), count - at));
  });
  return std::move(b).take();
}

/// y[r][c] = x[c][r] for `rows` <= 16 rows of the output and all columns.
class turned_kernel {
 public:
  turned_kernel(vector::element element, moved_dimension const& row, moved_dimension const& column, target const& t)
      : element_(element == vector::element::i32 ? vector::element::f32 : element),
        row_(row),
        column_(column),
        b_("transpose", t.lanes()) {}

  vector::program build() && {
    auto const argument = [&](char const* name, vector::access mode, std::int64_t bytes) {
      return b_.argument(name, mode, bytes, element_, size());
    };
    x_ = argument("x", vector::access::in, (column_.extent - 1) * column_.from + row_.extent * size());
    y_ = argument("y", vector::access::out, (row_.extent - 1) * row_.to + column_.extent * size());
    auto const lanes = b_.lanes();
    auto const squares = column_.extent / lanes;
    auto const last_x = b_.stream("last_x", x_, squares * lanes * column_.from);
    if (squares > 0) b_.loop(squares, {{x_, lanes * column_.from}, {y_, lanes * size()}}, [&] { rows(x_, 0, lanes); });
    if (auto const rest = column_.extent % lanes; rest > 0) rows(last_x, squares * lanes * size(), rest);
    return std::move(b_).take();
  }

 private:
  int size() const { return vector::size_of(element_); }
  void rows(vector::pointer x, std::int64_t to, std::int64_t columns) {
    for (std::int64_t first = 0; first < row_.extent; first += b_.lanes())
      square(x, first, to, std::min<std::int64_t>(b_.lanes(), row_.extent - first), columns);
  }

  void square(vector::pointer x, std::int64_t first, std::int64_t to, std::int64_t rows, std::int64_t columns) {
    std::vector<vector::reg> r;
    for (std::int64_t c = 0; c < b_.lanes(); ++c)
      r.push_back(c < columns ? b_.load(x.at(c * column_.from + first * size()), static_cast<std::int32_t>(rows))
                              : b_.zero());
    b_.transpose(r);
    for (std::int64_t i = 0; i < rows; ++i)
      b_.store(y_.at((first + i) * row_.to + to), r[static_cast<std::size_t>(i)], static_cast<std::int32_t>(columns));
  }

  vector::element element_;
  moved_dimension row_, column_;
  vector::builder b_;
  vector::pointer x_{}, y_{};
};

/// Adds a grid over the outside dimensions, and over pieces of dimension `cut`.
inline void add_moved_grid(fragment& code, moved_tensor const& m, tile_run const& piece, moved_dimension const& cut,
                           vector::program kernel) {
  std::array<extent, grid_rank> extents{};
  address in{.in = space::input, .offset = m.offset + piece.first * cut.from};
  address out{.in = space::output, .offset = piece.first * cut.to};
  std::size_t axis = 0;
  for (auto const& d : m.outside) {
    extents[axis] = d.extent;
    in.stride[axis] = d.from, out.stride[axis] = d.to;
    ++axis;
  }
  extents[axis] = piece.count;
  in.stride[axis] = piece.length * cut.from, out.stride[axis] = piece.length * cut.to;
  code.add(std::move(kernel), extents, {in, out});
}

inline fragment moves_build(moved_tensor m, target const& t) {
  fragment code;
  if (m.turned) {
    for (auto const& piece : full_runs(m.row.extent, 16)) {
      auto row = m.row;
      row.extent = piece.length;
      add_moved_grid(code, m, piece, m.row, turned_kernel(m.element, row, m.column, t).build());
    }
  } else {
    moved_dimension rows{1, 0, 0};
    if (!m.outside.empty()) rows = m.outside.back(), m.outside.pop_back();
    auto const most = std::max<std::int64_t>(1, task_bytes / vector::size_of(m.element) / m.column.extent);
    for (auto const& piece : equal_runs(rows.extent, most)) {
      auto part = rows;
      part.extent = piece.length;
      add_moved_grid(code, m, piece, rows, copy_runs_kernel(m.element, part, m.column, t));
    }
  }
  return code;
}

inline std::vector<candidate> moves_offer(scheduled_node const& n, target const& t) {
  auto const m = moved_tensor_of(n);
  if (!m) return {};
  return {{.layouts = {.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::row_major}},
           .cost = traffic_cost(n),
           .build = [m = *m, t](scheduled_node const&) { return moves_build(m, t); }}};
}

}  // namespace detail

inline constexpr schedule moves_schedule{.name = "moves", .offer = detail::moves_offer};

}  // namespace sinter
