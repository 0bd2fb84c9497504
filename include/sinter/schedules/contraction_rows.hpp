#pragma once

#include <sinter/schedules/contraction_kernel.hpp>

#include <cstdint>
#include <utility>
#include <vector>

/// Register tiles of a matrix product one below another: a kernel that multiplies many rows with some columns of
/// weights, which stay in the second-level cache, and fetches those behind them there by the way.
///
///     for run of rows, tile of it: contraction tile
namespace sinter {

struct contraction_rows {
  contraction_tile tile{};        ///< as high as all of them
  std::vector<tile_run> runs{};   ///< tiles of equal height, from top to bottom
  std::int64_t next_at = 0;       ///< how far behind the weights lies what later calls read, in bytes
  std::int64_t next_weights = 0;  ///< how much of it is fetched; 0: nothing

  std::int64_t tiles() const {
    std::int64_t count = 0;
    for (auto const& run : runs) count += run.count;
    return count;
  }
  /// How much of it a tile fetches.
  std::int64_t bytes_ahead() const { return round_up(ceil_div(next_weights, tiles()), cache_line); }
};

/// Appends the code of all tiles to a kernel; each fetches as much of the next weights, from `operands.ahead` on.
inline void emit_contraction_rows(contraction_rows const& rows, vector::builder& b, contraction_operands operands) {
  auto const ahead = rows.bytes_ahead();
  for (auto const& run : rows.runs) {
    auto t = rows.tile;
    t.cols = run.length;
    t.taps_x[0].inside.resize(static_cast<std::size_t>(run.length));
    t.w_ahead = ahead;
    auto at = operands;
    std::vector<std::pair<vector::pointer, std::int64_t>> steps;
    auto const walk = [&](vector::pointer& p, std::int64_t row) {
      steps.emplace_back(p, run.length * row);
      p = p + run.first * row;
    };
    walk(at.x, t.x_col);
    walk(at.y, t.y_col);
    for (std::size_t i = 0; i < at.extras.size(); ++i)
      if (t.epilogue.extras[i] == extra_kind::element) walk(at.extras[i], t.y_col);
    if (ahead > 0) steps.emplace_back(at.ahead, ahead);
    b.loop(run.count, steps, [&] { emit_contraction(t, b, at); });
    operands.ahead = operands.ahead + run.count * ahead;
  }
}

/// The vector program; its arguments are those of `declare_operands`.
inline vector::program build_contraction_rows(contraction_rows const& rows, target const& machine) {
  vector::builder b(rows.tile.name, machine.lanes());
  auto o = declare_operands(rows.tile, b);
  if (rows.next_weights > 0) o.ahead = b.stream("ahead", o.w, rows.next_at);
  emit_contraction_rows(rows, b, std::move(o));
  return std::move(b).take();
}

inline vector::recipe contraction_rows_recipe(contraction_rows rows, target const& machine) {
  vector::recipe_key key("contraction_rows", machine);
  key.add_all(rows.runs, [](vector::recipe_key& k, tile_run const& run) { k.add(run.length).add(run.count); });
  key.add(rows.next_at).add(rows.next_weights);
  auto all = key.take() + key_of(rows.tile, machine);
  return {std::move(all), [rows = std::move(rows), machine] { return build_contraction_rows(rows, machine); }};
}

}  // namespace sinter
