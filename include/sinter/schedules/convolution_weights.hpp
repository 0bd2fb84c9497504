#pragma once

#include <sinter/schedules/convolution_shape.hpp>
#include <sinter/schedules/pack_weights.hpp>

#include <fmt/compile.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

/// The packed weights of direct convolutions, dense and grouped.
namespace sinter::detail {

/// Blocks of output channels whose weights lie side by side.
inline constexpr std::int64_t convolution_interleave = 2;

/// Output blocks that read the same input channels.
struct block_group {
  std::int64_t first_input = 0, inputs = 1, first_block = 0, blocks = 1;
};

/// All blocks of a convolution that is not grouped.
inline block_group all_blocks(convolution_shape const& s) {
  return {.inputs = s.in_channels, .blocks = s.out_blocks()};
}

/// One block of a grouped convolution with the input channels that it reads: whole blocks if the input is blocked.
inline block_group group_of_block(convolution_shape const& s, std::int64_t block, bool blocked_input) {
  auto const first_group = block * channel_block / s.group_outputs();
  auto const last_output = std::min((block + 1) * channel_block, s.out_channels) - 1;
  auto const last_group = last_output / s.group_outputs();
  auto const step = blocked_input ? channel_block : 1;
  auto const first = first_group * s.group_inputs() / step * step;
  auto const end = std::min(round_up((last_group + 1) * s.group_inputs(), step), s.in_channels);
  return {.first_input = first, .inputs = end - first, .first_block = block, .blocks = 1};
}

/// The weights of one block of a grouped convolution over all the input channels that the block reads: zeros where an
/// output channel does not read an input channel.
template <typename T>
any_tensor dense_weights(any_tensor const& weights, convolution_shape const& s, block_group const& g) {
  auto const outputs = std::min(channel_block, s.out_channels - g.first_block * channel_block);
  any_tensor dense(dtype_of<T>, {outputs, g.inputs, s.taps()});
  auto* to = static_cast<T*>(dense.data());
  auto const* from = static_cast<T const*>(weights.data());
  for (std::int64_t o = 0; o < outputs; ++o) {
    auto const output = g.first_block * channel_block + o;
    auto const first = output / s.group_outputs() * s.group_inputs() - g.first_input;
    auto const count = s.group_inputs() * s.taps();
    std::copy_n(from + output * count, count, to + (o * g.inputs + first) * s.taps());
  }
  return dense;
}

/// Packs the weights of a block group: chunk, tap y, tap x, channel of the chunk, output channel. The chunks are blocks
/// of a blocked input, or all channels. `whole_blocks`: a last block of at most 8 channels is not packed for half a
/// one.
inline packing pack_convolution(operand_info const& w, convolution_shape const& s, block_group const& g,
                                bool blocked_input, bool whole_blocks = false) {
  weight_source source{.tensor = *w.constant, .outputs = s.out_channels, .output_step = s.group_inputs() * s.taps()};
  if (s.groups > 1) {
    source.tensor = dense_weights<float>(*w.constant, s, g);
    source.outputs = std::min(channel_block, s.out_channels - g.first_block * channel_block);
    source.output_step = g.inputs * s.taps();
  }
  auto const chunk = blocked_input && s.taps() > 1 ? channel_block : g.inputs;
  for (std::int64_t c = 0; c < g.inputs; c += chunk)
    source.chunks.push_back({.first = c * s.taps(), .channels = std::min(chunk, g.inputs - c), .taps = s.taps()});
  auto key = fmt::format(FMT_COMPILE("convolution:{}:{}:{}:{}:{}{}"), w.constant_key, blocked_input, s.groups,
                         g.first_block, g.blocks, whole_blocks ? ":whole" : "");
  source.half_tail = s.half_tail() && !whole_blocks;
  return packed(std::move(key), std::move(source), convolution_interleave);
}

}  // namespace sinter::detail
