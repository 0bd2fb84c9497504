#pragma once

#include <sinter/schedules/schedule.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

/// Packing of convolution and GEMM weights: for each group of `interleave` blocks of 16 output channels, the reduction
/// in the order of the kernels' additions, the output channels innermost.
namespace sinter {

/// `channels` x `taps` neighbouring elements of an output channel's weights, from element `first` on. They are packed
/// tap by tap: all channels of tap 0, then of tap 1, …
struct weight_chunk {
  std::int64_t first = 0, channels = 0, taps = 1;
};

/// Weights in the model's order. The element at position i of output channel o is tensor[o * output_step + i * step].
struct weight_source {
  any_tensor tensor{};
  std::int64_t outputs = 0;      ///< output channels
  std::int64_t output_step = 0;  ///< elements between them
  std::int64_t step = 1;         ///< elements between the positions of one
  std::vector<weight_chunk> chunks{};

  std::int64_t reduction() const {
    std::int64_t n = 0;
    for (auto const& c : chunks) n += c.channels * c.taps;
    return n;
  }
};

inline std::int64_t packed_group_bytes(std::int64_t reduction, std::int64_t interleave) {
  return reduction * interleave * channel_block * 4;
}

namespace detail {

/// Elements of float32 weights at any address.
struct weight_bytes {
  std::byte const* start = nullptr;
  weight_bytes at(std::int64_t element) const { return {start + element * 4}; }
  void copy(std::int64_t count, float* to) const { std::memcpy(to, start, static_cast<std::size_t>(count) * 4); }
};

/// to[i] = from[i * step], four at a time, which is fast wherever the loop lies in memory.
inline void gather(float const* from, std::int64_t step, std::int64_t count, float* to) {
  std::int64_t i = 0;
  for (; i + 4 <= count; i += 4, from += 4 * step) {
    auto const a = from[0], b = from[step], c = from[2 * step], d = from[3 * step];
    to[i] = a;
    to[i + 1] = b;
    to[i + 2] = c;
    to[i + 3] = d;
  }
  for (; i < count; ++i, from += step) to[i] = *from;
}

/// Packs one chunk of `present` output channels into rows of `width`. The channels' elements, which lie far apart and
/// often in the same cache sets, first go to neighbouring rows.
inline void pack_chunk(weight_bytes from, std::int64_t output_step, std::int64_t present, std::int64_t width,
                       weight_chunk const& chunk, std::vector<float>& rows, float* to) {
  auto const length = chunk.channels * chunk.taps, pitch = length + 4;
  rows.resize(static_cast<std::size_t>(present * pitch));
  for (std::int64_t o = 0; o < present; ++o) from.at(o * output_step).copy(length, rows.data() + o * pitch);
  for (std::int64_t tap = 0; tap < chunk.taps; ++tap)
    for (std::int64_t c = 0; c < chunk.channels; ++c, to += width) {
      gather(rows.data() + c * chunk.taps + tap, pitch, present, to);
      std::fill(to + present, to + width, 0.0f);
    }
}

}  // namespace detail

/// Fills `to` as the file head says. Output channels past the last are zero.
inline void pack_weights(weight_source const& w, std::int64_t interleave, float* to) {
  constexpr std::int64_t piece = 128;  // elements of an output channel that are packed at once, to stay in cache
  auto const width = interleave * channel_block;
  std::vector<float> rows;
  for (std::int64_t first = 0; first < w.outputs; first += width) {
    auto const present = std::min(width, w.outputs - first);
    auto const group = detail::weight_bytes{w.tensor.unaligned()}.at(first * w.output_step);
    for (auto const& chunk : w.chunks) {
      auto const channels_a_piece = chunk.taps == 1 ? std::min(piece, chunk.channels) : chunk.channels;
      for (std::int64_t c = 0; c < chunk.channels; c += channels_a_piece) {
        weight_chunk const part{chunk.first + c * chunk.taps, std::min(channels_a_piece, chunk.channels - c),
                                chunk.taps};
        if (w.output_step == 1) {
          for (std::int64_t k = 0; k < part.channels; ++k) {
            auto* const row = to + k * width;
            group.at((part.first + k) * w.step).copy(present, row);
            std::fill(row + present, row + width, 0.0f);
          }
        } else {
          detail::pack_chunk(group.at(part.first), w.output_step, present, width, part, rows, to);
        }
        to += part.channels * part.taps * width;
      }
    }
  }
}

/// The packing as a weight block of a schedule's code. Either the positions of a channel or the channels lie side by
/// side.
inline packed_weight packed(std::string key, weight_source source, std::int64_t interleave) {
  SINTER_ASSERT(source.step == 1 || (source.output_step == 1 && source.chunks[0].taps == 1));
  auto const groups = ceil_div(source.outputs, interleave * channel_block);
  auto const bytes = checked_mul(groups, packed_group_bytes(source.reduction(), interleave));
  return {.key = std::move(key), .bytes = bytes, .fill = [source = std::move(source), interleave](std::byte* to) {
            pack_weights(source, interleave, reinterpret_cast<float*>(to));
          }};
}

}  // namespace sinter
