#pragma once

#include <sinter/schedules/contraction_tile.hpp>
#include <sinter/schedules/spatial_tiles.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

/// How large the register tiles of direct convolutions are, and what they reduce.
namespace sinter::detail {

/// Blocks of output channels; few pixels leave registers for more of them, which keeps the multipliers busy.
inline std::int64_t blocks_of_convolution_tile(window2d const& w, bool quantized, target const& machine) {
  auto const pixels = w.y.out * w.x.out;
  if (quantized) return quantized_blocks(pixels, machine);
  if (machine.registers() == 32) return pixels == 1 ? 8 : pixels <= 6 ? 4 : 2;
  return pixels == 1 ? 4 : pixels <= 2 ? 2 : 1;
}

/// Pixels and blocks of a tile, at most.
struct convolution_tile {
  std::int64_t pixels = 1, blocks = 1;
};

/// Fewer pixels than what registers allow where padding cuts a wide kernel into so many groups of taps that code gets
/// long.
inline convolution_tile most_of_convolution_tile(window2d const& w, std::int64_t out_blocks, bool quantized,
                                                 target const& machine) {
  // One block takes an operand from memory for each product: no more pixels than its loads can feed.
  auto const one_block = machine.facts().loads < (machine.facts().split512 ? 1 : 2) ? 14 : 24;
  auto const blocks = blocks_of_convolution_tile(w, quantized, machine);
  std::int64_t pixels = quantized                  ? quantized_pixels(blocks, machine)
                        : machine.registers() < 32 ? 6
                        : out_blocks == 1          ? one_block
                                                   : 14;
  auto const registers = blocks * machine.registers_per_block();
  auto const is_long = [&](tile_run const& x) {
    auto const groups = static_cast<std::int64_t>(group_taps(w.x, x).size());
    return groups * contraction_instructions(pixels, registers) > vector::longest_innermost_body;
  };
  auto const longest = w.x.kernel * contraction_instructions(pixels, registers);
  if (longest <= vector::longest_innermost_body) return {pixels, blocks};
  while (pixels > 1 && std::ranges::any_of(tile_axis(w.x, pixels), is_long)) pixels /= 2;
  return {pixels, blocks};
}

/// How channels lie in memory: `block` of them side by side, of which a step of the reduction multiplies `unit`; each
/// block in `planes` planes.
struct channel_planes {
  std::int64_t block, unit, planes;
};

/// The reduction over `channels` channels from byte `x_first` of the input on, whose planes are `x_chunk` bytes apart,
/// and the weights of each `w_chunk`.
inline std::vector<reduction_section> sections_of_blocks(std::int64_t channels, channel_planes const& how,
                                                         std::int64_t x_first, std::int64_t x_chunk,
                                                         std::int64_t w_chunk) {
  auto const chunks = how.planes * (channels / how.block), rest = channels % how.block;
  std::vector<reduction_section> all;
  if (chunks > 0)
    all.push_back(
        {.chunks = chunks, .channels = ceil_div(how.block, how.unit), .x_offset = x_first, .x_chunk = x_chunk});
  if (rest > 0)
    all.push_back({.chunks = how.planes,
                   .channels = ceil_div(rest, how.unit),
                   .x_offset = x_first + chunks * x_chunk,
                   .x_chunk = x_chunk,
                   .w_offset = chunks * w_chunk});
  return all;
}

/// Which axis of a grid counts what; axis 0 counts items.
struct grid_axes {
  std::size_t block, y, x;
};

/// What tiles fetch of the weights that lie `at` bytes behind their own: `bytes` each, after `before` other tiles.
struct fetched_weights {
  std::int64_t at = 0, bytes = 0, before = 0;
};

}  // namespace sinter::detail
