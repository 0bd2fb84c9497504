#pragma once

#include <sinter/schedules/bfloat16_pairs.hpp>
#include <sinter/schedules/block_runs.hpp>
#include <sinter/schedules/contraction_kernel.hpp>
#include <sinter/schedules/convolution_shape.hpp>
#include <sinter/schedules/convolution_tile.hpp>
#include <sinter/schedules/convolution_weights.hpp>
#include <sinter/schedules/interleaved_image.hpp>
#include <sinter/schedules/widened_bytes.hpp>

#include <fmt/compile.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Direct convolution, one or two spatial axes, into NCHW16c:
///
///     parallel for item, tile of pixels, group of output blocks:
///       contraction tile: up to 14 pixels x 2 blocks (AVX-512), 6 x 1 (AVX2); padded taps are left out of the code
///
/// Weights that do not stay in the second-level cache are read once: for a group of output blocks one tile follows the
/// other, in a task where there are many groups, and each fetches its share of the weights of the next group.
///
/// The input is NCHW16c, or row-major where it has few channels (the first layer). Results lie side by side, or every
/// few pixels: see `result_places`.
namespace sinter::detail {

/// Builds the grids of one convolution of input 0 of a node. Its channels have values (bias, scale) in blocks of 16
/// with 4 bytes each.
class convolution_code {
 public:
  /// Of floats, with bias input 2 and extras from input 3 on; weights may have 16 bits (half_weights.hpp).
  convolution_code(convolution_shape const& s, scheduled_node const& n, std::optional<expr::function> const& epilogue,
                   target const& machine, fragment& code, tile_factors factors = tile_factors::own)
      : convolution_code(s, n, machine, code) {
    factors_ = factors, epilogue_ = &epilogue;
    if (has_input(n, 2)) packed_values_.push_back(pack_vector(n.inputs[2]));
  }
  /// Of 8-bit integers, blocked or a row-major image (interleaved_image.hpp), with packed bias and scale.
  convolution_code(convolution_shape const& s, scheduled_node const& n, quantized_tile const& quantized, packing bias,
                   packing scale, target const& machine, fragment& code)
      : convolution_code(s, n, machine, code) {
    quantized_ = quantized;
    element_ = result_element_ = 1, unit_ = 4;
    blocked_input_ ? widen_input() : interleave_input();
    packed_values_ = {std::move(bias), std::move(scale)};
    extras_ = addend_of(n, quantized);
  }

  /// Makes it one of pairs (bfloat16_pairs.hpp), with an even number of channels: input 0, blocked, is rounded first.
  void use_pairs() {
    SINTER_ASSERT(blocked_input_ && !quantized_ && s_.groups == 1 && s_.in_channels % 2 == 0);
    factors_ = tile_factors::pairs;
    element_ = 2, unit_ = 2;
    auto const elements = round_up(s_.in_channels, channel_block) * s_.in_plane();
    x_ = add_rounded(code_, s_.items, elements, x_.stride[0], machine_);
    x_.stride[0] = elements * 2;
  }

  /// Adds the grids to the last region; `pack(block group)` is the packing of its weights.
  template <typename Pack>
  void add(Pack&& pack) {
    if (s_.groups == 1) return add_group(all_blocks(s_), pack(all_blocks(s_)));
    for (std::int64_t block = 0; block < s_.out_blocks(); ++block) {
      auto const g = group_of_block(s_, block, blocked_input_);
      add_group(g, pack(g));
    }
  }

 private:
  convolution_code(convolution_shape const& s, scheduled_node const& n, target const& machine, fragment& code)
      : n_(n), machine_(machine), s_(s), code_(code) {
    blocked_input_ = n.inputs[0].how == layout::blocked;
    x_.stride[0] = n.inputs[0].item_stride;
    window_ = s_.places == result_places::dense(s_.window) ? s_.window.flattened() : s_.window;
  }

  void interleave_input() {
    SINTER_ASSERT(s_.groups == 1 && s_.in_channels <= byte_image::most_channels);
    byte_image const image{s_.items,      n_.inputs[0].item_stride, s_.in_channels,
                           s_.in_plane(), quantized_->is_signed,    quantized_->words};
    x_ = interleave_image(image, x_, machine_, code_);
    planes_ = image.planes(), block_ = byte_image::pixel_bytes;
    blocked_input_ = true;
  }

  void widen_input() {
    if (!quantized_->words) return;
    byte_planes const planes{.items = s_.items,
                             .item_stride = n_.inputs[0].item_stride,
                             .count = ceil_div(s_.in_channels, channel_block),
                             .bytes = s_.in_plane() * channel_block,
                             .is_signed = quantized_->is_signed};
    x_ = widen_bytes(planes, x_, machine_, code_);
    planes_ = 2;
  }

  void add_group(block_group const& g, packing packed) {
    auto const weights = code_.weight(std::move(packed));
    channel_values_.clear();
    for (auto const& values : packed_values_) channel_values_.push_back(code_.weight(values));
    if (epilogue_) extras_ = bind_extras(n_, *epilogue_, 3, 1, code_);
    auto const most = most_of_convolution_tile(window_, s_.out_blocks(), quantized_.has_value(), machine_);
    auto const tiles = tile_plane(window_, most.pixels);
    for (auto const& columns : block_runs(g.blocks, most.blocks, convolution_interleave, half_tail()))
      if (streams_weights(g) && is_task(columns.count, tiles.size()))
        add_grid_of_groups(g, tiles, columns, weights);
      else
        for (auto const& tile : tiles) add_grid(g, tile, columns, weights);
  }

  /// Whether weights are too many to stay in the second-level cache from tile to tile.
  bool streams_weights(block_group const& g) const {
    return group_bytes(g, convolution_interleave) * s_.out_blocks() / convolution_interleave > machine_.facts().l2 / 2;
  }
  /// Whether groups of output blocks are enough tasks, and a body holds the calls of all `classes` of tiles.
  bool is_task(std::int64_t groups, std::size_t classes) const {
    auto const arguments = 4 + channel_values_.size() + extras_.code.extras.size();
    return groups >= 16 && classes * arguments <= most_body_arguments;
  }

  bool half_tail() const { return s_.half_tail() && !quantized_ && factors_ != tile_factors::pairs; }
  /// Steps of the reduction for so many channels.
  std::int64_t units(std::int64_t channels) const { return ceil_div(channels, unit_); }
  std::int64_t result_bytes() const { return channel_block * result_element_; }
  std::int64_t pixel_bytes() const { return blocked_input_ ? block_ * element_ : element_; }
  std::int64_t lane() const { return weight_lane(factors_); }
  std::int64_t group_bytes(block_group const& g, std::int64_t interleave) const {
    return packed_group_bytes(planes_ * units(g.inputs) * s_.taps(), interleave, lane());
  }

  std::vector<reduction_section> sections(block_group const& g) const {
    auto const plane = s_.in_plane() * element_;
    if (!blocked_input_) return {{.chunks = 1, .channels = g.inputs, .x_offset = g.first_input * plane}};
    auto const w_chunk = packed_group_bytes(units(block_) * s_.taps(), convolution_interleave, lane());
    return sections_of_blocks(g.inputs, {block_, unit_, planes_}, planes_ * g.first_input * plane, plane * block_,
                              w_chunk);
  }

  contraction_tile tile_code(block_group const& g, tile_class const& tile, std::int64_t blocks) const {
    auto const pixel = pixel_bytes(), in_row = window_.x.in * pixel;
    contraction_tile t{.name = fmt::format(FMT_COMPILE("conv{}x{}_{}x{}x{}"), window_.y.kernel, window_.x.kernel,
                                           tile.y.length, tile.x.length, blocks)};
    t.rows = tile.y.length;
    t.cols = tile.x.length;
    t.x_row = window_.y.stride * in_row;
    t.x_col = window_.x.stride * pixel;
    t.x_tap_row = window_.y.dilation * in_row;
    t.x_tap_col = window_.x.dilation * pixel;
    t.x_channel = blocked_input_ ? 4 : s_.in_plane() * 4;
    t.quantized = quantized_;
    t.factors = factors_;
    t.taps_y = group_taps(window_.y, tile.y, t.padding_counts());
    t.taps_x = group_taps(window_.x, tile.x, t.padding_counts());
    t.kernel_rows = window_.y.kernel;
    t.kernel_cols = window_.x.kernel;
    if (t.taps_y.empty() || t.taps_x.empty()) {  // the tile lies in the padding
      t.taps_y = t.taps_x = {};
    } else {
      t.sections = sections(g);
    }
    t.w_channel = convolution_interleave * channel_block * lane();
    t.y_row = s_.places.row * result_bytes();
    t.y_col = s_.places.col * result_bytes();
    t.y_block = s_.places.plane * result_bytes();
    t.bias = !channel_values_.empty();
    t.epilogue = extras_.code;
    t.w_prefetch = weight_prefetch(group_bytes(g, g.blocks), machine_);
    return t;
  }

  /// A task for each tile and group of output blocks.
  void add_grid(block_group const& g, tile_class const& tile, block_run const& columns, address const& w) {
    auto const axis =
        streams_weights(g) ? grid_axes{.block = 1, .y = 2, .x = 3} : grid_axes{.block = 3, .y = 1, .x = 2};
    grid code{.extents = {s_.items}};
    code.extents[axis.block] = columns.count;
    code.extents[axis.y] = tile.y.count;
    code.extents[axis.x] = tile.x.count;
    auto const count = tile.y.count * tile.x.count;  // one of few tiles would do nothing but fetch
    auto const fetched = streams_weights(g) && count >= 4 ? next_weights(g, columns, count) : fetched_weights{};
    code.body.push_back(call_of(g, tile, columns, axis, w, fetched));
    code_.add(std::move(code));
  }

  /// A task for each group of output blocks.
  void add_grid_of_groups(block_group const& g, std::vector<tile_class> const& tiles, block_run const& columns,
                          address const& w) {
    grid_axes const axis{.block = 1, .y = grid_rank, .x = grid_rank + 1};
    grid code{.extents = {s_.items, columns.count}};
    std::int64_t count = 0;
    for (auto const& tile : tiles) count += tile.y.count * tile.x.count;
    auto next = next_weights(g, columns, count);
    for (auto const& tile : tiles) {
      for (auto const turns : {tile.y.count, tile.x.count})
        code.body.push_back({.what = statement::kind::loop, .turns = turns});
      code.body.push_back(call_of(g, tile, columns, axis, w, next));
      code.body.insert(code.body.end(), 2, {.what = statement::kind::end});
      next.before += tile.y.count * tile.x.count;
    }
    code_.add(std::move(code));
  }

  /// What each of `count` tiles fetches of the weights of the next group of output blocks.
  fetched_weights next_weights(block_group const& g, block_run const& columns, std::int64_t count) const {
    auto const next = weight_at(g, columns.first + columns.step) - weight_at(g, columns.first);
    bool const whole = columns.blocks % convolution_interleave == 0 && 2 * next <= machine_.facts().l2;
    return {.at = next, .bytes = whole ? next / count / cache_line * cache_line : 0};
  }

  std::int64_t weight_at(block_group const& g, std::int64_t block) const {
    return block / convolution_interleave * group_bytes(g, convolution_interleave) +
           block % convolution_interleave * channel_block * lane();
  }

  /// The call of the kernel of a class of tiles.
  statement call_of(block_group const& g, tile_class const& tile, block_run const& columns, grid_axes const& axis,
                    address w, fetched_weights const& next) {
    auto t = tile_code(g, tile, columns.blocks);
    for (std::int64_t b = 0; b < columns.blocks; ++b)
      t.w_blocks.push_back(weight_at(g, columns.first + b) - weight_at(g, columns.first));
    t.half_tail = half_tail() && columns.count == 1 && columns.first + columns.blocks == g.blocks;
    bool const fetches = next.bytes > 0 && !t.sections.empty();
    if (fetches) t.w_ahead = next.bytes, t.w_ahead_at = next.at;
    w.offset = weight_at(g, columns.first);
    w.stride[axis.block] = weight_at(g, columns.first + columns.step) - weight_at(g, columns.first);
    std::vector<address> arguments{input_of_tile(t, tile, axis), w};

    auto const block = g.first_block + columns.first;
    strides block_step{};
    block_step[axis.block] = columns.step;
    for (auto value : channel_values_) {
      value.offset = block * 64;
      value.stride[axis.block] = columns.step * 64;
      arguments.push_back(value);
    }
    address y{.in = space::output, .index = 0};
    y.offset = s_.places.first * result_bytes();
    y.offset += block * t.y_block + tile.y.first * t.y_row + tile.x.first * t.y_col;
    y.stride[0] = n_.outputs[0].item_stride;
    y.stride[axis.block] = columns.step * t.y_block;
    y.stride[axis.y] = tile.y.length * t.y_row;
    y.stride[axis.x] = tile.x.length * t.y_col;
    for (auto& extra : extras_.at(y.offset, block, y.stride, block_step)) arguments.push_back(extra);
    arguments.push_back(y);
    if (fetches) {
      w.offset += next.before * next.bytes;
      w.stride[axis.y] = tile.x.count * next.bytes;
      w.stride[axis.x] = next.bytes;
      arguments.push_back(w);
    }
    return code_.call(contraction_recipe(std::move(t), machine_), std::move(arguments));
  }

  /// The input of a grid. The argument points at the lowest byte that its tile reads; a tile that lies in the padding
  /// reads nothing.
  address input_of_tile(contraction_tile& t, tile_class const& tile, grid_axes const& axis) const {
    auto x = x_;
    if (t.sections.empty()) return x;
    if (!any_inside(t.taps_y) || !any_inside(t.taps_x)) {
      for (auto* taps : {&t.taps_y, &t.taps_x})
        for (auto& group : *taps) group.inside.assign(group.inside.size(), false);
      return x;
    }
    auto const origin = window_.y.position(tile.y.first, 0) * window_.x.in + window_.x.position(tile.x.first, 0);
    auto const lowest = lowest_tap(t.taps_y, t.x_row, t.x_tap_row) + lowest_tap(t.taps_x, t.x_col, t.x_tap_col);
    t.x_origin = -lowest;
    x.offset += origin * pixel_bytes() + lowest;
    x.stride[axis.y] = tile.y.length * t.x_row;
    x.stride[axis.x] = tile.x.length * t.x_col;
    return x;
  }

  scheduled_node const& n_;
  target machine_;
  convolution_shape s_;
  bool blocked_input_ = false;
  window2d window_;
  address x_{.in = space::input, .index = 0};
  std::int64_t element_ = 4;            ///< bytes of an element of the input
  std::int64_t result_element_ = 4;     ///< and of the result
  std::int64_t unit_ = 1;               ///< channels that a step of the reduction multiplies, of all planes together
  std::int64_t block_ = channel_block;  ///< channels side by side in a blocked input
  std::int64_t planes_ = 1;             ///< of the input for each block of channels (widened_bytes.hpp)
  tile_factors factors_ = tile_factors::own;
  std::optional<quantized_tile> quantized_{};
  std::optional<expr::function> const* epilogue_ = nullptr;
  std::vector<packing> packed_values_{};
  std::vector<address> channel_values_{};
  bound_extras extras_;
  fragment& code_;
};

}  // namespace sinter::detail
