#pragma once

#include <sinter/schedules/bfloat16_pairs.hpp>
#include <sinter/schedules/convolution_shape.hpp>
#include <sinter/schedules/half_weights.hpp>
#include <sinter/schedules/winograd_chunks.hpp>
#include <sinter/schedules/winograd_filter.hpp>
#include <sinter/schedules/winograd_input.hpp>
#include <sinter/schedules/winograd_output.hpp>
#include <sinter/schedules/winograd_weights.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// The code of a Winograd convolution: see winograd.hpp.
namespace sinter::detail {

/// Builds the regions of one convolution.
class winograd_code {
 public:
  winograd_code(winograd_shape const& s, std::int64_t items, scheduled_node const& n, target const& machine)
      : winograd_code(s, s, items, n, machine) {
    weights_ = code_.weight(s_.filters ? pack_filters() : pack());
    if (auto const bias = bind_bias(n, code_)) channel_values_ = {*bias};
    extras_ = bind_extras(n, n.op.attributes_as<fused_convolution::attributes>().epilogue, 3, 1, code_);
  }
  /// Of blocked 8-bit integers less the zero point `zero`; `pack(shape of the products, interleave)` packs weights.
  template <typename Pack>
  winograd_code(winograd_shape const& s, std::int64_t items, scheduled_node const& n, quantized_tile const& quantized,
                std::int32_t zero, packing bias, packing scale, target const& machine, Pack&& pack)
      : winograd_code(s, products_of_winograd_bytes(s), items, n, machine) {
    quantized_ = quantized;
    bytes_ = {quantized.is_signed, zero};
    weights_ = code_.weight(pack(products_, group_));
    channel_values_ = {code_.weight(std::move(bias)), code_.weight(std::move(scale))};
    extras_ = addend_of(n, quantized);
  }

  fragment build() {
    cut_.staged ? build_staged() : build_chunks();
    return std::move(code_);
  }

 private:
  /// `products` is the shape that V and the weights have.
  winograd_code(winograd_shape const& s, winograd_shape const& products, std::int64_t items, scheduled_node const& n,
                target const& machine)
      : n_(n), machine_(machine), s_(s), products_(products), cut_(cut_of_winograd(products, machine)), items_(items) {
    group_ = s.filters ? winograd_filter_group(s, s.tiles(), machine)
                       : winograd_group(s, cut_.rows * std::min(cut_.row_tiles, s.row_tiles()));
  }

  packing pack() const {
    auto floats = s_;
    floats.factors = tile_factors::own;
    auto all = packed_winograd(n_.inputs[1].constant_key, *n_.inputs[1].constant, floats, group_);
    return s_.pairs() ? paired(std::move(all), group_ * channel_block) : stored(std::move(all), s_.factors);
  }
  packing pack_filters() const {
    return packed_winograd_filters(n_.inputs[1].constant_key, *n_.inputs[1].constant, s_, group_);
  }

  // Statements. Grid axes: item, chunk along the rows, chunk along the columns; staged: item, group of blocks.

  static constexpr std::size_t chunk_axis = 1, column_axis = 2, outer_loop = grid_rank, inner_loop = grid_rank + 1;

  static void loop(std::vector<statement>& body, std::int64_t turns) {
    body.push_back({.what = statement::kind::loop, .turns = turns});
  }
  static void end(std::vector<statement>& body) { body.push_back({.what = statement::kind::end}); }

  /// The input transforms of rows of tiles: row i of them goes to tile `i * x.length` of V.
  void transform_input(std::vector<statement>& body, winograd_chunk const& c, winograd_rows const& rows, address v,
                       winograd_planes const& planes) {
    auto const y_axis = winograd_input_axis(s_.window.y, s_.m), x_axis = winograd_input_axis(s_.window.x, s_.m);
    tile_run const y{c.first + rows.first}, x{c.x.first, c.x.length};
    auto const t = winograd_input_of(s_, y, x, planes, bytes_);
    auto const row = s_.m * t.x_row;
    address in{.in = space::input,
               .offset = winograd_part_inside(y_axis, y).at * t.x_row + winograd_part_inside(x_axis, x).at * t.pixel()};
    in.stride[0] = n_.inputs[0].item_stride;
    in.stride[chunk_axis] = c.length * row;
    in.stride[column_axis] = x.length * s_.m * t.pixel();
    in.stride[outer_loop] = row;
    v.offset += rows.first * x.length * planes.tile;
    v.stride[outer_loop] = x.length * planes.tile;
    loop(body, rows.count);
    body.push_back(code_.call(winograd_input_recipe(t, machine_), {in, v, transform_scratch_}));
    end(body);
  }

  /// The contractions of all points, inside of the loop over groups. `block` is the first of `blocks` output blocks.
  void contract(std::vector<statement>& body, std::int64_t tiles, std::int64_t block, std::int64_t blocks, address v,
                winograd_planes const& planes, std::size_t group_index) {
    auto const shape = register_tile_of_winograd(tiles, blocks, machine_);
    auto const m = planes_of_winograd(group_, tiles);
    loop(body, s_.points());
    for (std::int64_t b = 0; b < blocks; b += shape.blocks) {
      winograd_register_tile const most{shape.tiles, std::min(shape.blocks, blocks - b)};
      auto in = v, w = weights_, out = m_;
      in.stride[inner_loop] = planes.point;
      w.offset = winograd_weights_at(products_, 0, block + b, group_);
      w.stride[group_index] = winograd_group_bytes(products_, group_);
      w.stride[inner_loop] = winograd_point_bytes(products_, group_);
      out.offset += b * m.block;
      out.stride[inner_loop] = m.point;
      auto product = winograd_contractions(products_, planes, m, tiles, most, b, group_);
      if (quantized_) product.tile.quantized = {.sums = true, .words = true};
      body.push_back(code_.call(contraction_rows_recipe(std::move(product), machine_), {in, w, out}));
    }
    end(body);
  }

  /// The same of filters that are transformed by the way.
  void contract_filters(std::vector<statement>& body, std::int64_t tiles, std::int64_t block, std::int64_t blocks,
                        address const& v, winograd_planes const& planes, std::size_t group_index) {
    auto const p = filter_product(tiles, blocks, planes);
    auto filters = weights_;
    filters.offset = block / group_ * p.group_bytes();
    filters.stride[group_index] = p.group_bytes();
    body.push_back(code_.call(winograd_filter_recipe(p, machine_), {filters, v, m_, filters_}));
  }

  winograd_filter_product filter_product(std::int64_t tiles, std::int64_t blocks, winograd_planes const& v) const {
    return {.m = s_.m,
            .in_channels = s_.in_channels,
            .tiles = tiles,
            .blocks = blocks,
            .interleave = group_,
            .v = v,
            .sums = planes_of_winograd(group_, tiles),
            .most = register_tile_of_winograd(tiles, blocks, machine_)};
  }

  /// The output transforms of a chunk, inside of the loop over groups.
  void transform_output(std::vector<statement>& body, winograd_chunk const& c, std::int64_t block, std::int64_t blocks,
                        std::size_t group_index) {
    auto const planes = planes_of_winograd(group_, c.tiles());
    for (auto const& rows : c.rows) {
      tile_run const y{c.first + rows.first}, x{c.x.first, c.x.length};
      auto const t = winograd_output_of(s_, y, x, planes, blocks, !channel_values_.empty(), extras_.code, quantized_);
      address out{.in = space::output,
                  .offset = block * t.y_block + y.first * s_.m * t.y_row + x.first * s_.m * t.pixel()};
      out.stride[0] = n_.outputs[0].item_stride;
      out.stride[chunk_axis] = c.length * s_.m * t.y_row;
      out.stride[column_axis] = x.length * s_.m * t.pixel();
      out.stride[group_index] = group_ * t.y_block;
      out.stride[inner_loop] = s_.m * t.y_row;
      strides groups{};
      groups[group_index] = group_;
      auto m = m_;
      m.offset += rows.first * x.length * planes.tile;
      m.stride[inner_loop] = x.length * planes.tile;
      std::vector<address> arguments{m};
      for (auto values : channel_values_) {
        values.offset = block * 64;
        values.stride[group_index] = group_ * 64;
        arguments.push_back(values);
      }
      for (auto& extra : extras_.at(out.offset, block, out.stride, groups)) arguments.push_back(extra);
      arguments.push_back(out);
      if (t.scratch_bytes(machine_) > 0) arguments.push_back(transform_scratch_);
      loop(body, rows.count);
      body.push_back(code_.call(winograd_output_recipe(t, machine_), std::move(arguments)));
      end(body);
    }
  }

  /// Lays out scratch: what the transforms work in, one after the other; M; V of a chunk, which is returned.
  address lay_out_scratch(std::int64_t tiles, std::int64_t v_bytes) {
    auto const row = std::min(cut_.row_tiles, s_.row_tiles());
    auto const columns = winograd_input{.m = s_.m, .tiles = row}.scratch_bytes();
    transform_scratch_ = code_.scratch(std::max(columns, s_.m * s_.alpha() * 64));
    m_ = code_.scratch(planes_of_winograd(group_, tiles).bytes(s_.points()));
    return code_.scratch(v_bytes);
  }

  /// Calls `f(first block, blocks, groups)` for runs of groups: whole ones, and what is left.
  template <typename F>
  void each_group(F&& f) {
    auto const whole = s_.out_blocks() / group_, rest = s_.out_blocks() % group_;
    if (whole > 0) f(std::int64_t{0}, group_, whole);
    if (rest > 0) f(whole * group_, rest, std::int64_t{1});
  }

  void build_chunks() {
    auto const most = cut_.rows * cut_.row_tiles;
    auto const v = lay_out_scratch(most, planes_of_v(products_, most).bytes(s_.points()));
    for (auto& c : winograd_chunks(s_, cut_))
      for (auto const& x : winograd_runs(s_.window.x, s_.m, cut_.row_tiles)) {
        c.x = x;
        auto const planes = planes_of_v(products_, c.tiles());
        grid g{.extents = {items_, c.count, x.count}};
        for (auto const& rows : c.rows) transform_input(g.body, c, rows, v, planes);
        each_group([&](std::int64_t block, std::int64_t blocks, std::int64_t groups) {
          loop(g.body, groups);
          contract(g.body, c.tiles(), block, blocks, v, planes, outer_loop);
          transform_output(g.body, c, block, blocks, outer_loop);
          end(g.body);
        });
        code_.add(std::move(g));
      }
  }

  void build_staged() {
    winograd_chunk const all{
        .rows = winograd_rows_of(s_, 0, s_.tile_rows()), .length = s_.tile_rows(), .x = {.length = s_.row_tiles()}};
    auto const planes = planes_of_v(products_, all.tiles());
    auto const v_bytes = planes.bytes(s_.points());
    lay_out_scratch(all.tiles(), 0);
    if (s_.filters) filters_ = code_.scratch(filter_product(all.tiles(), group_, planes).scratch_bytes());
    auto v = code_.temporary("V", checked_mul(items_, v_bytes), 0, 1);
    v.stride[0] = v_bytes;
    for (auto const& rows : all.rows)
      for (std::int64_t i = 0; i < rows.count; ++i) {
        grid g{.extents = {items_}};
        transform_input(g.body, all, {rows.first + i, 1}, v, planes);
        code_.add(std::move(g));
      }
    code_.barrier();
    each_group([&](std::int64_t block, std::int64_t blocks, std::int64_t groups) {
      grid g{.extents = {items_, groups}};
      loop(g.body, 1);
      if (s_.filters)
        contract_filters(g.body, all.tiles(), block, blocks, v, planes, chunk_axis);
      else
        contract(g.body, all.tiles(), block, blocks, v, planes, chunk_axis);
      transform_output(g.body, all, block, blocks, chunk_axis);
      end(g.body);
      code_.add(std::move(g));
    });
  }

  scheduled_node const& n_;
  target machine_;
  winograd_shape s_, products_;
  winograd_cut cut_;
  std::int64_t items_;
  std::int64_t group_ = 2;  ///< output blocks whose weights lie side by side
  address weights_{}, filters_{}, m_{}, transform_scratch_{};
  std::vector<address> channel_values_{};  ///< bias; scale
  std::optional<quantized_tile> quantized_{};
  std::optional<winograd_bytes> bytes_{};
  bound_extras extras_{};
  fragment code_{};
};

}  // namespace sinter::detail
