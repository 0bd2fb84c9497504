#pragma once

#include <sinter/schedules/contraction_rows.hpp>
#include <sinter/schedules/convolution.hpp>
#include <sinter/schedules/moves.hpp>

#include <fmt/compile.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Pointwise convolution in float32 where neither the input nor the weights stay in the second-level cache. The plane
/// is cut into bands of pixels that do, and these are copied: blocks of channels of NCHW16c lie a plane apart, and so
/// often in the same sets of the cache.
///
///     parallel for item, band, block of channels: copy                                (arena)
///     parallel for item, band, group of output blocks: contraction tiles of the band
namespace sinter {
namespace detail {

/// Builds the regions of one convolution, whose window is flat.
class convolution_bands_code {
 public:
  convolution_bands_code(convolution_shape const& s, scheduled_node const& n, target const& machine)
      : n_(n), machine_(machine), s_(s), pixels_(s.out_plane()) {}

  /// Pixels of a band, at most.
  static std::int64_t most_pixels(convolution_shape const& s, target const& machine) {
    return std::max<std::int64_t>(1, machine.facts().l2 / 2 / (s.in_channels * 4));
  }

  fragment build() {
    weights_ = code_.weight(pack_convolution(n_.inputs[1], s_, all_blocks(s_), true));
    bias_ = bind_bias(n_, code_);
    extras_ = bind_extras(n_, n_.op.attributes_as<fused_convolution::attributes>().epilogue, 3, 1, code_);
    auto const bands = equal_runs(pixels_, most_pixels(s_, machine_));
    copied_ = code_.temporary("bands", checked_mul(s_.items, item_bytes()), 0, 1);
    copied_.stride[0] = item_bytes();
    code_.barrier();
    for (auto const& band : bands) copy(band);
    code_.barrier();
    auto const groups = s_.out_blocks() / convolution_interleave, rest = s_.out_blocks() % convolution_interleave;
    for (auto const& band : bands) {
      if (groups > 0) multiply(band, 0, convolution_interleave, groups);
      if (rest > 0) multiply(band, groups * convolution_interleave, rest, 1);
    }
    return std::move(code_);
  }

 private:
  static constexpr std::int64_t pixel_bytes = channel_block * 4;

  std::int64_t in_blocks() const { return ceil_div(s_.in_channels, channel_block); }
  std::int64_t item_bytes() const { return in_blocks() * pixels_ * pixel_bytes; }
  std::int64_t group_bytes() const { return packed_group_bytes(s_.in_channels, convolution_interleave, 4); }

  /// Where the bands of a run lie one after the other.
  address band_of(tile_run const& run) const {
    auto to = copied_;
    to.offset = run.first * in_blocks() * pixel_bytes;
    to.stride[1] = run.length * in_blocks() * pixel_bytes;
    return to;
  }

  void copy(tile_run const& run) {
    address from{.in = space::input, .offset = run.first * pixel_bytes};
    from.stride = {n_.inputs[0].item_stride, run.length * pixel_bytes, pixels_ * pixel_bytes};
    auto to = band_of(run);
    to.stride[2] = run.length * pixel_bytes;
    moved_dimension const pixels{run.length * channel_block, 4, 4};
    vector::recipe_key key("copied_band", machine_);
    key.add(run.length);
    code_.add({key.take(),
               [=, t = machine_] {
                 return copy_runs_kernel(vector::element::i32, {1, 0, 0}, pixels, t);
               }},
              {s_.items, run.count, in_blocks()}, {from, to});
  }

  /// The products of `groups` groups of `blocks` output blocks from `first` on; each fetches the weights of the next.
  void multiply(tile_run const& run, std::int64_t first, std::int64_t blocks, std::int64_t groups) {
    auto const most = most_of_convolution_tile(s_.window.flattened(), s_.out_blocks(), false, machine_);
    grid g{.extents = {s_.items, run.count, groups}};
    for (std::int64_t b = 0; b < blocks; b += most.blocks)
      g.body.push_back(call_of(run, first + b, std::min(most.blocks, blocks - b), most.pixels));
    code_.add(std::move(g));
  }

  statement call_of(tile_run const& run, std::int64_t block, std::int64_t blocks, std::int64_t pixels) {
    contraction_rows rows{.tile = tile_of(run, blocks), .runs = equal_runs(run.length, pixels)};
    rows.next_at = group_bytes();
    rows.next_weights = group_bytes() * blocks / convolution_interleave;
    auto w = weights_;
    w.offset = block / convolution_interleave * group_bytes() + block % convolution_interleave * pixel_bytes;
    w.stride[2] = group_bytes();
    std::vector<address> arguments{band_of(run), w};
    if (bias_) {
      auto& bias = arguments.emplace_back(*bias_);
      bias.offset = block * pixel_bytes;
      bias.stride[2] = convolution_interleave * pixel_bytes;
    }
    address y{.in = space::output, .offset = (block * pixels_ + run.first) * pixel_bytes};
    y.stride = {n_.outputs[0].item_stride, run.length * pixel_bytes, convolution_interleave * pixels_ * pixel_bytes};
    for (auto& extra : extras_.at(y.offset, block, y.stride, {0, 0, convolution_interleave}))
      arguments.push_back(extra);
    arguments.push_back(y);
    return code_.call(contraction_rows_recipe(std::move(rows), machine_), std::move(arguments));
  }

  contraction_tile tile_of(tile_run const& run, std::int64_t blocks) const {
    contraction_tile t{.name = fmt::format(FMT_COMPILE("band{}x{}"), run.length, blocks)};
    t.cols = run.length;
    t.x_col = pixel_bytes;
    t.taps_y = {{.inside = {true}}};
    t.taps_x = {{.inside = std::vector<bool>(static_cast<std::size_t>(run.length), true)}};
    t.sections = sections_of_blocks(s_.in_channels, {channel_block, 1, 1}, 0, run.length * pixel_bytes,
                                    packed_group_bytes(channel_block, convolution_interleave, 4));
    t.w_channel = convolution_interleave * pixel_bytes;
    for (std::int64_t b = 0; b < blocks; ++b) t.w_blocks.push_back(b * pixel_bytes);
    t.y_col = pixel_bytes;
    t.y_block = pixels_ * pixel_bytes;
    t.bias = bias_.has_value();
    t.epilogue = extras_.code;
    return t;
  }

  scheduled_node const& n_;
  target machine_;
  convolution_shape s_;
  std::int64_t pixels_;
  address weights_{}, copied_{};
  std::optional<address> bias_{};
  bound_extras extras_{};
  fragment code_{};
};

/// Whether the input of several bands and the weights leave the second-level cache.
inline bool goes_by_bands(convolution_shape const& s, target const& machine) {
  auto const flat = s.window.flattened();
  if (s.groups != 1 || s.in_channels <= few_channels || s.half_tail() || !flat.x.pointwise() || flat.y.out != 1)
    return false;
  return s.out_plane() >= 2 * convolution_bands_code::most_pixels(s, machine) &&
         checked_mul(s.in_channels * 4, s.out_channels) > machine.facts().l2 / 2;
}

inline std::vector<candidate> convolution_bands_offer(scheduled_node const& n, target const& t) {
  if (!is_plain_convolution(n) || !goes_by_bands(shape_of_convolution(n), t)) return {};
  auto const s = shape_of_convolution(n);
  return {{.layouts = blocked_convolution_layouts(n, layout::blocked),
           .cost = direct_convolution_cost(s) + far_traffic_cost(n),
           .build = [s, t](scheduled_node const& at) { return convolution_bands_code(s, at, t).build(); }}};
}

}  // namespace detail

inline constexpr schedule convolution_bands_schedule{.name = "direct convolution of bands",
                                                     .offer = detail::convolution_bands_offer};

}  // namespace sinter
