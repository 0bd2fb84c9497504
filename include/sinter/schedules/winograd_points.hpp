#pragma once

#include <sinter/schedules/block_runs.hpp>
#include <sinter/schedules/winograd.hpp>
#include <sinter/schedules/winograd_phases.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// 3x3 convolution of stride 1, dilated or not, by F(2x2, 3x3) or F(4x4, 3x3), one point after the other: for tiles and
/// weights of which neither stays in the near caches. Weights are read once for a slab of tiles, and V of one point
/// stays in the second-level cache while they are.
///
///     for slab of tiles:
///       parallel for item, phase of y, phase of x, row of tiles: V = input transform            (arena)
///       parallel for point, group of output blocks, item: M[point] = U[group][point] V[point]   (arena)
///       parallel for item, phase of y, phase of x, group: output transform of all rows
namespace sinter {
namespace detail {

/// Builds the regions of one convolution.
class winograd_points_code {
 public:
  winograd_points_code(winograd_shape const& s, std::int64_t items, scheduled_node const& n, target const& machine)
      : n_(n),
        machine_(machine),
        s_(s),
        items_(items),
        group_(std::min<std::int64_t>(2, s.out_blocks())),
        x_phases_(phases_of_winograd(s.window.x)),
        slabs_(winograd_slabs(s, most_tiles())),
        row_tiles_(phase_tiles(s.window.x, s.m)) {}

  fragment build() {
    weights_ = code_.weight(packed_winograd(n_.inputs[1].constant_key, *n_.inputs[1].constant, s_, group_));
    bias_ = bind_bias(n_, code_);
    extras_ = bind_extras(n_, n_.op.attributes_as<fused_convolution::attributes>().epilogue, 3, 1, code_);
    take_memory();
    for (auto const& slab : slabs_) {
      code_.barrier();
      each_row(slab, [&](part const& p) { transform_input(slab, p); });
      code_.barrier();
      for (auto const& run : groups()) contract(slab, run);
      code_.barrier();
      each_row(slab, [&](part const& p) {
        for (auto const& run : groups()) transform_output(slab, p, run);
      });
    }
    return std::move(code_);
  }

 private:
  /// Tiles of a slab whose transforms are alike: rows, and in each of them `x.length` tiles of each phase.
  struct part {
    winograd_phases phases{};  ///< of x
    winograd_rows rows{};      ///< from the slab's first row on
    tile_run x{};
    std::int64_t tile = 0;  ///< the first of them in the slab
  };

  static constexpr std::size_t y_axis = 1, x_axis = 2, last_axis = 3, row_loop = grid_rank;

  /// As many tiles as make the transforms' traffic that of the weights, or of which the second-level cache holds V of a
  /// point.
  std::int64_t most_tiles() const {
    return std::clamp<std::int64_t>(machine_.facts().l2 / 2 / (s_.in_channels * 4), 64, 256);
  }

  std::int64_t tiles(winograd_slab const& slab) const { return slab.count * slab.rows * row_tiles_; }
  winograd_planes v_planes(winograd_slab const& slab) const { return planes_of_v(s_, tiles(slab)); }
  winograd_planes m_planes(winograd_slab const& slab) const { return planes_of_winograd(s_.out_blocks(), tiles(slab)); }
  winograd_shape phase_shape(winograd_slab const& slab, part const& p) const {
    auto s = s_;
    s.window = {slab.y.axis, p.phases.axis};
    return s;
  }

  void take_memory() {
    std::int64_t v = 0, m = 0;
    for (auto const& slab : slabs_) {
      v = std::max(v, v_planes(slab).bytes(s_.points()));
      m = std::max(m, m_planes(slab).bytes(s_.points()));
    }
    auto const last = static_cast<std::int32_t>(3 * slabs_.size() - 1);
    v_ = code_.temporary("V", checked_mul(items_, v), 0, last);
    m_ = code_.temporary("M", checked_mul(items_, m), 1, last);
    v_item_ = v, m_item_ = m;
    auto const columns = winograd_input{.m = s_.m, .tiles = winograd_chunk_tiles}.scratch_bytes();
    scratch_ = code_.scratch(std::max(columns, s_.m * s_.alpha() * channel_block * 4));
  }

  /// Calls `f(part)` for all tiles of a slab.
  template <typename F>
  void each_row(winograd_slab const& slab, F&& f) const {
    std::int64_t before = 0;
    for (auto const& phases : x_phases_) {
      auto const width = ceil_div(phases.axis.out, s_.m);
      part p{.phases = phases};
      for (auto const& rows : winograd_rows_of(phase_shape(slab, p), slab.first, slab.rows))
        for (auto const& run : equal_runs(width, winograd_chunk_tiles))
          for (std::int64_t i = 0; i < run.count; ++i) {
            p.rows = rows;
            p.x = {run.first + i * run.length, run.length, 1};
            p.tile = rows.first * row_tiles_ + before + p.x.first;
            f(p);
          }
      before += phases.count * width;
    }
  }

  /// Groups of output blocks: whole ones, and what is left.
  std::vector<block_run> groups() const { return block_runs(s_.out_blocks(), group_, group_, false); }

  /// Where the tiles of a part begin in V or M, for a grid over phases.
  void walk_tiles(address& a, winograd_slab const& slab, part const& p, std::int64_t tile) const {
    a.offset += p.tile * tile;
    a.stride[y_axis] = slab.rows * row_tiles_ * tile;
    a.stride[x_axis] = ceil_div(p.phases.axis.out, s_.m) * tile;
  }

  void transform_input(winograd_slab const& slab, part const& p) {
    auto const s = phase_shape(slab, p);
    tile_run const row{slab.first + p.rows.first};
    auto t = winograd_input_of(s, row, p.x, v_planes(slab));
    auto const line = s_.window.x.in * t.pixel();
    t.x_column = s_.window.x.dilation * t.pixel();
    t.x_row = s_.window.y.dilation * line;
    t.x_block = s_.window.y.in * line;
    address in{.in = space::input};
    in.offset = (slab.y.in + slab.phase) * line + p.phases.in * t.pixel();
    in.offset += winograd_part_inside(winograd_input_axis(s.window.y, s.m), row).at * t.x_row;
    in.offset += winograd_part_inside(winograd_input_axis(s.window.x, s.m), p.x).at * t.x_column;
    in.stride = {n_.inputs[0].item_stride, line, t.pixel(), s.m * t.x_row};
    auto v = v_;
    walk_tiles(v, slab, p, t.v.tile);
    v.stride[0] = v_item_;
    v.stride[last_axis] = row_tiles_ * t.v.tile;
    code_.add(winograd_input_recipe(t, machine_), {items_, slab.count, p.phases.count, p.rows.count},
              {in, v, scratch_});
  }

  /// The products of all points and groups of a run; each fetches the weights of the next group.
  void contract(winograd_slab const& slab, block_run const& run) {
    auto const planes = v_planes(slab), m = m_planes(slab);
    auto const shape = register_tile_of_winograd(tiles(slab), run.blocks, machine_);
    auto const group_bytes = winograd_group_bytes(s_, group_), point_bytes = winograd_point_bytes(s_, group_);
    grid g{.extents = {s_.points(), run.count, items_}};
    for (std::int64_t b = 0; b < run.blocks; b += shape.blocks) {
      winograd_register_tile const most{shape.tiles, std::min(shape.blocks, run.blocks - b)};
      auto v = v_, w = weights_, out = m_;
      v.stride = {planes.point, 0, v_item_};
      w.offset = winograd_weights_at(s_, 0, run.first + b, group_);
      w.stride = {point_bytes, group_bytes};
      out.offset = (run.first + b) * m.block;
      out.stride = {m.point, group_ * m.block, m_item_};
      auto product = winograd_contractions(s_, planes, m, tiles(slab), most, b, group_);
      if (product.next_weights > 0) product.next_at += group_bytes - point_bytes;
      g.body.push_back(code_.call(contraction_rows_recipe(std::move(product), machine_), {v, w, out}));
    }
    code_.add(std::move(g));
  }

  void transform_output(winograd_slab const& slab, part const& p, block_run const& run) {
    tile_run const row{slab.first + p.rows.first};
    auto t =
        winograd_output_of(phase_shape(slab, p), row, p.x, m_planes(slab), run.blocks, bias_.has_value(), extras_.code);
    auto const line = s_.window.x.out * t.pixel();
    t.y_column = s_.window.x.dilation * t.pixel();
    t.y_row = s_.window.y.dilation * line;
    t.y_block = s_.window.y.out * line;
    address out{.in = space::output};
    out.offset = run.first * t.y_block + (slab.y.out + slab.phase) * line + p.phases.out * t.pixel();
    out.offset += row.first * s_.m * t.y_row + p.x.first * s_.m * t.y_column;
    out.stride = {n_.outputs[0].item_stride, line, t.pixel(), group_ * t.y_block, s_.m * t.y_row};
    auto m = m_;
    walk_tiles(m, slab, p, t.planes.tile);
    m.offset += run.first * t.planes.block;
    m.stride[0] = m_item_;
    m.stride[last_axis] = group_ * t.planes.block;
    m.stride[row_loop] = row_tiles_ * t.planes.tile;
    strides group_step{};
    group_step[last_axis] = group_;
    std::vector<address> arguments{m};
    if (bias_) {
      auto& bias = arguments.emplace_back(*bias_);
      bias.offset = run.first * channel_block * 4;
      bias.stride[last_axis] = group_ * channel_block * 4;
    }
    for (auto& extra : extras_.at(out.offset, run.first, out.stride, group_step)) arguments.push_back(extra);
    arguments.push_back(out);
    if (t.scratch_bytes(machine_) > 0) arguments.push_back(scratch_);
    grid g{.extents = {items_, slab.count, p.phases.count, run.count}};
    g.body.push_back({.what = statement::kind::loop, .turns = p.rows.count});
    g.body.push_back(code_.call(winograd_output_recipe(std::move(t), machine_), std::move(arguments)));
    g.body.push_back({.what = statement::kind::end});
    code_.add(std::move(g));
  }

  scheduled_node const& n_;
  target machine_;
  winograd_shape s_;
  std::int64_t items_;
  std::int64_t group_;  ///< output blocks whose weights lie side by side
  std::vector<winograd_phases> x_phases_;
  std::vector<winograd_slab> slabs_;
  std::int64_t row_tiles_;  ///< of all phases
  address weights_{}, v_{}, m_{}, scratch_{};
  std::int64_t v_item_ = 0, m_item_ = 0;  ///< bytes between items
  std::optional<address> bias_{};
  bound_extras extras_{};
  fragment code_{};
};

/// Whether to go by points: always where there are phases, else where chunks of tiles would read weights that leave the
/// second-level cache so often that it costs more than moving V and M, which nothing fetches ahead: three times as much
/// a byte.
inline bool goes_by_points(winograd_shape const& s, target const& machine) {
  if (s.window.y.dilation > 1 || s.window.x.dilation > 1) return true;
  auto const cut = cut_of_winograd(s, machine);
  if (cut.staged || transforms_filters(s)) return false;
  auto const chunks = ceil_div(s.tile_rows(), cut.rows) * ceil_div(s.row_tiles(), cut.row_tiles);
  auto const channels = s.in_channels + s.out_channels;
  auto const weights = checked_mul(s.points() * 4 * s.in_channels, s.out_channels);
  auto const moved = checked_mul(2 * s.points() * 4 * channels, s.tile_rows() * s.row_tiles());
  return weights > machine.facts().l2 / 2 && checked_mul(weights, chunks - 1) > 3 * moved;
}

/// The plane whose tiles are those of all phases, for the cost.
inline winograd_shape all_phases(winograd_shape s) {
  for (auto* axis : {&s.window.y, &s.window.x}) axis->out = phase_tiles(*axis, s.m) * s.m;
  return s;
}

inline std::vector<candidate> winograd_points_offer(scheduled_node const& n, target const& t) {
  if (!is_plain_convolution(n)) return {};
  auto const c = shape_of_convolution(n);
  if (c.groups != 1 || n.inputs[0].shape().rank() != 4 || !is_dilated_winograd_window(c.window)) return {};
  std::vector<candidate> offered;
  for (std::int64_t const m : {2, 4}) {
    winograd_shape const s{.window = c.window, .in_channels = c.in_channels, .out_channels = c.out_channels, .m = m};
    if (!goes_by_points(s, t)) continue;
    offered.push_back(winograd_candidate(n, all_phases(s), m == 2 ? 0.8 : 2.2, t));
    offered.back().build = [s, items = c.items, t](scheduled_node const& at) {
      return winograd_points_code(s, items, at, t).build();
    };
  }
  return in_units_of_model(std::move(offered), n);
}

}  // namespace detail

inline constexpr schedule winograd_points_schedule{.name = "Winograd convolution by points",
                                                   .offer = detail::winograd_points_offer};

}  // namespace sinter
