#pragma once

#include <sinter/schedules/convolution_shape.hpp>
#include <sinter/schedules/depthwise_tile.hpp>
#include <sinter/schedules/pack_weights.hpp>
#include <sinter/schedules/requantize.hpp>
#include <sinter/schedules/taps.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <fmt/format.h>

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
  static constexpr std::int64_t channel_bytes = channel_block * 4;

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
    address x{.in = space::input, .index = 0};
    x.stride = {n_.inputs[0].item_stride, s_.in_plane() * pixel_bytes()};
    if (taps_y.empty() || taps_x.empty()) {  // the tile lies in the padding
      taps_y = taps_x = {};
      x_origin_ = 0;
    } else {
      // The lowest position that any tap of the tile reads.
      auto const y0 = std::max<std::int64_t>(0, w.y.position(tile.y.first, taps_y.front().first));
      auto const x0 = std::max<std::int64_t>(0, w.x.position(tile.x.first, taps_x.front().first));
      x.offset = y0 * in_row + x0 * pixel_bytes();
      x.stride = stride(x.stride, tile.y.length * w.y.stride * in_row, tile.x.length * w.x.stride * pixel_bytes());
      x_origin_ = w.y.position(tile.y.first, 0) * in_row + w.x.position(tile.x.first, 0) * pixel_bytes() - x.offset;
    }
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
    return code_.call(build_kernel(tile, taps_y, taps_x), std::move(arguments));
  }

  vector::program build_kernel(tile_class const& tile, std::vector<tap_group> const& taps_y,
                               std::vector<tap_group> const& taps_x) {
    using vector::access;
    using enum vector::element;
    auto const& window = s_.window;
    vector::builder b(
        fmt::format("depthwise{}x{}_{}x{}", window.y.kernel, window.x.kernel, tile.y.length, tile.x.length),
        machine_.lanes());
    auto const pixel = pixel_bytes(), in_row = window.x.in * pixel, out_row = window.x.out * pixel;
    auto const y_bytes = (tile.y.length - 1) * out_row + tile.x.length * pixel;
    auto const x_bytes = reach(taps_y, window.y, in_row) + reach(taps_x, window.x, pixel) + x_origin_ + pixel;
    pointers o;
    o.x = b.argument("x", access::in, x_bytes, !quantized_ ? f32 : quantized_->is_signed ? s8 : u8);
    o.w = b.argument("w", access::constant, s_.taps() * channel_bytes);
    if (!values_.empty()) o.bias = b.argument("b", access::constant, channel_bytes, quantized_ ? i32 : f32);
    if (quantized_) o.scale = b.argument("s", access::constant, channel_bytes);
    o.extras = extras_.code.declare(b, y_bytes, channel_bytes);
    o.y = b.argument("y", access::out, y_bytes, !quantized_ ? f32 : quantized_->signed_result ? s8 : u8);
    auto const padding = padding_ != 0 ? b.constant(static_cast<float>(padding_)) : vector::reg{};
    for (int half = 0; half < machine_.registers_per_block(); ++half) {
      auto const at = half * b.register_bytes(), x_at = x_origin_ + half * b.lanes() * pixel / channel_block;
      bool const starts_with_bias = !values_.empty() && !quantized_;
      auto const first = starts_with_bias ? b.load(o.bias.at(at)) : b.zero();
      std::vector<vector::reg> sums{first};
      for (std::int64_t p = 1; p < tile.pixels(); ++p) sums.push_back(starts_with_bias ? b.mov(first) : b.zero());
      auto const input = [&](std::int64_t row, std::int64_t col) { return o.x.at(x_at + row * in_row + col * pixel); };
      auto const weight = [&](std::int64_t ky, std::int64_t kx) {
        return o.w.at((ky * window.x.kernel + kx) * channel_bytes + at);
      };
      depthwise_emitter(b, window, tile, machine_.registers(), input, weight, padding).emit(sums);
      auto const y_at = half * b.lanes() * pixel / channel_block;
      std::vector<applied_epilogue::place> places;
      for (std::int64_t p = 0; p < tile.pixels(); ++p)
        places.push_back({p / tile.x.length * out_row + p % tile.x.length * pixel + y_at, at, b.lanes()});
      quantized_ ? requantize(b, o, sums, places) : finish(b, o, sums, places);
    }
    return std::move(b).take();
  }

  struct pointers {
    vector::pointer x{}, w{}, bias{}, scale{}, y{};
    std::vector<vector::pointer> extras{};
  };
  using place_list = std::vector<applied_epilogue::place>;

  void finish(vector::builder& b, pointers const& o, std::vector<vector::reg> const& sums,
              place_list const& places) const {
    applied_epilogue const epilogue(extras_.code, b, o.extras);
    epilogue.each(
        places, machine_.registers() - static_cast<int>(sums.size()), [&](std::size_t p) { return sums[p]; },
        [&](std::size_t p, vector::reg v) { b.store(o.y.at(places[p].at), v); });
  }

  void requantize(vector::builder& b, pointers const& o, std::vector<vector::reg> const& sums,
                  place_list const& places) const {
    using enum vector::opcode;
    constexpr auto integer = vector::register_type::i32;
    requantization const scaled(*quantized_, b);
    auto const bias = b.load(o.bias.at(places[0].channel_at), 0, integer),
               scale = b.load(o.scale.at(places[0].channel_at));
    for (std::size_t p = 0; p < sums.size(); ++p) {
      auto const sum = b.binary(iadd, b.unary(to_i32, sums[p], integer), bias, integer);
      b.store(o.y.at(places[p].at), scaled(sum, scale));
    }
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
  std::int64_t x_origin_ = 0;
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
