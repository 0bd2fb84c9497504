#pragma once

#include <sinter/schedules/convolution_shape.hpp>
#include <sinter/schedules/depthwise_kernel.hpp>
#include <sinter/schedules/pack_weights.hpp>
#include <sinter/schedules/taps.hpp>
#include <sinter/schedules/tasks.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Depthwise convolution (one input channel and one output channel a group) in NCHW16c:
///
///     parallel for item, block of 16 channels, tile of pixels:       (a task does all tiles of a small plane)
///       register tile: up to 14 pixels (AVX-512), 8 (AVX2); see depthwise_tile.hpp
///
/// Of 8-bit integers (quantized_depthwise.hpp) the products are those of floats, too: their sums are integers that
/// float32 holds exactly.
namespace sinter {
namespace detail {

/// The weights as [block of channels][tap][16].
inline packing depthwise_weights(scheduled_node const& n, convolution_shape const& s) {
  weight_source source{.tensor = *n.inputs[1].constant,
                       .outputs = s.out_channels,
                       .output_step = s.taps(),
                       .chunks = {{.channels = 1, .taps = s.taps()}}};
  return packed("depthwise:" + n.inputs[1].constant_key, std::move(source), 1);
}

/// Builds the grids of one depthwise convolution.
class depthwise_code {
 public:
  /// Of floats, with bias input 2 and extras from input 3 on.
  depthwise_code(convolution_shape const& s, scheduled_node const& n, target const& machine)
      : n_(n), machine_(machine), s_(s) {
    weights_ = code_.weight(depthwise_weights(n_, s_));
    if (auto const bias = bind_bias(n_, code_)) values_.push_back(*bias);
    extras_ = bind_extras(n_, n_.op.attributes_as<fused_convolution::attributes>().epilogue, 3, 1, code_);
  }
  /// Of 8-bit integers, with packed weights of float32, bias and scale; the padding reads `padding`.
  depthwise_code(convolution_shape const& s, scheduled_node const& n, quantized_tile const& quantized,
                 std::int32_t padding, std::array<packing, 3> constants, target const& machine)
      : n_(n), machine_(machine), s_(s), quantized_(quantized), padding_(padding) {
    weights_ = code_.weight(std::move(constants[0]));
    for (std::size_t i : {1, 2}) values_.push_back(code_.weight(std::move(constants[i])));
    extras_ = addend_of(n, quantized);
  }

  fragment build() {
    auto const tiles = tile_plane(s_.window, pixels_of_tile());
    if (s_.out_plane() * pixel_bytes() <= task_bytes && tiles.size() * operands() <= most_body_arguments)
      add_planes(tiles);
    else
      for (auto const& tile : tiles) add_grid(tile);
    return std::move(code_);
  }

 private:
  static constexpr std::int64_t channel_bytes = depthwise_kernel::channel_bytes;

  std::int64_t pixel_bytes() const { return quantized_ ? channel_block : channel_bytes; }
  std::int64_t pixels_of_tile() const {
    if (machine_.registers() == 32) return 14;
    if (quantized_) return 7;
    return extras_.code.fits_in_registers() ? 8 : 5;
  }
  std::size_t operands() const { return 3 + values_.size() + extras_.sources.size(); }

  /// A task for each tile.
  void add_grid(tile_class const& tile) {
    grid g{.extents = {s_.items, s_.out_blocks(), tile.y.count, tile.x.count}};
    g.body.push_back(call(tile, 2, 3));
    code_.add(std::move(g));
  }

  /// A task for each small plane: tiles at its border find near what those beside them have read.
  void add_planes(std::vector<tile_class> const& tiles) {
    grid g{.extents = {s_.items, s_.out_blocks()}};
    for (auto const& tile : tiles) {
      std::size_t loops = 0;
      for (auto const turns : {tile.y.count, tile.x.count})
        if (turns > 1) g.body.push_back({.what = statement::kind::loop, .turns = turns}), ++loops;
      g.body.push_back(call(tile, grid_rank, grid_rank + loops - 1));
      g.body.insert(g.body.end(), loops, {.what = statement::kind::end});
    }
    code_.add(std::move(g));
  }

  /// The call for a class of tiles, whose rows and columns the indices `row` and `column` count where there are
  /// several.
  statement call(tile_class const& tile, std::size_t row, std::size_t column) {
    auto const& w = s_.window;
    auto const stride = [&](strides first, std::int64_t of_row, std::int64_t of_column) {
      if (tile.y.count > 1) first[row] = of_row;
      if (tile.x.count > 1) first[column] = of_column;
      return first;
    };
    auto const in_row = w.x.in * pixel_bytes(), out_row = w.x.out * pixel_bytes();
    auto taps_y = group_taps(w.y, tile.y), taps_x = group_taps(w.x, tile.x);
    depthwise_kernel kernel{.window = w,
                            .tile = tile,
                            .bias = !values_.empty(),
                            .epilogue = extras_.code,
                            .quantized = quantized_,
                            .padding = padding_};
    address x{.in = space::input, .index = 0};
    x.stride = {n_.inputs[0].item_stride, s_.in_plane() * pixel_bytes()};
    if (taps_y.empty() || taps_x.empty()) {  // the tile lies in the padding
      taps_y = taps_x = {};
    } else {
      // The lowest position that any tap of the tile reads.
      auto const y0 = std::max<std::int64_t>(0, w.y.position(tile.y.first, taps_y.front().first));
      auto const x0 = std::max<std::int64_t>(0, w.x.position(tile.x.first, taps_x.front().first));
      x.offset = y0 * in_row + x0 * pixel_bytes();
      x.stride = stride(x.stride, tile.y.length * w.y.stride * in_row, tile.x.length * w.x.stride * pixel_bytes());
      kernel.x_origin =
          w.y.position(tile.y.first, 0) * in_row + w.x.position(tile.x.first, 0) * pixel_bytes() - x.offset;
    }
    kernel.x_bytes = reach(taps_y, w.y, in_row) + reach(taps_x, w.x, pixel_bytes()) + pixel_bytes();
    std::vector<address> arguments{x, weights_};
    arguments.back().stride[1] = s_.taps() * channel_bytes;
    for (auto const& value : values_) arguments.push_back(value), arguments.back().stride[1] = channel_bytes;
    address const y{.in = space::output,
                    .index = 0,
                    .offset = tile.y.first * out_row + tile.x.first * pixel_bytes(),
                    .stride = stride({n_.outputs[0].item_stride, s_.out_plane() * pixel_bytes()},
                                     tile.y.length * out_row, tile.x.length * pixel_bytes())};
    for (auto& extra : extras_.at(y.offset, 0, y.stride, {0, 1})) arguments.push_back(extra);
    arguments.push_back(y);
    return code_.call(kernel.recipe(machine_), std::move(arguments));
  }

  static std::int64_t reach(std::vector<tap_group> const& taps, window_axis const& axis, std::int64_t step) {
    std::int64_t most = 0;
    for (auto const& group : taps)
      for (std::size_t i = 0; i < group.inside.size(); ++i)
        if (group.inside[i])
          most = std::max(
              most,
              (static_cast<std::int64_t>(i) * axis.stride + (group.first + group.count - 1) * axis.dilation) * step);
    return most;
  }

  scheduled_node const& n_;
  target machine_;
  convolution_shape s_;
  address weights_{};
  std::vector<address> values_{};  ///< bias, if any; of integers bias and scale
  std::optional<quantized_tile> quantized_{};
  std::int32_t padding_ = 0;  ///< what it reads
  bound_extras extras_;
  fragment code_;
};

inline double depthwise_cost(convolution_shape const& s) {
  auto const sums = static_cast<double>(s.out_blocks() * channel_block) * static_cast<double>(s.out_plane());
  return multiply_add_cost(sums * static_cast<double>(s.taps()), 0.5);
}

inline std::vector<candidate> depthwise_offer(scheduled_node const& n, target const& t) {
  if (!is_plain_convolution(n)) return {};
  auto const s = shape_of_convolution(n);
  if (s.groups == 1 || s.group_inputs() != 1 || s.group_outputs() != 1 || s.taps() > 49) return {};
  return {{.layouts = blocked_convolution_layouts(n, layout::blocked),
           .cost = depthwise_cost(s) + far_traffic_cost(n),
           .build = [s, t](scheduled_node const& at) { return depthwise_code(s, at, t).build(); }}};
}

}  // namespace detail

inline constexpr schedule depthwise_schedule{.name = "depthwise convolution", .offer = detail::depthwise_offer};

}  // namespace sinter
