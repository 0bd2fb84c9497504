#pragma once

#include <sinter/ops/quantized.hpp>
#include <sinter/schedules/pack_weights.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Packing of the constants of products of 8-bit integers: int8 weights without their zero points in the order of
/// pack_weights.hpp, where four channels are one; a bias that has the zero point of the input in it; scales.
namespace sinter {

/// Weights of a quantised product. The one of output o, channel c and tap t is element o * output_step +
/// c * channel_step + t of `tensor`, less its zero point.
struct quantized_weights {
  any_tensor tensor{}, zero_point{};
  std::int64_t outputs = 0, channels = 0, taps = 1;
  std::int64_t output_step = 0, channel_step = 0;
  std::int64_t multiple = 4;  ///< of channels, which zeros fill up to

  /// Fours of channels, of those from `first` on.
  std::int64_t units(std::int64_t first = 0) const { return (round_up(channels, multiple) - first) / 4; }

  /// All of them, [outputs][channels][taps].
  std::vector<std::int32_t> values() const {
    auto const all = integers_of(tensor), zeros = integers_of(zero_point);
    std::vector<std::int32_t> result;
    result.reserve(all.size());
    for (std::int64_t o = 0; o < outputs; ++o)
      for (std::int64_t c = 0; c < channels; ++c)
        for (std::int64_t t = 0; t < taps; ++t)
          result.push_back(all[static_cast<std::size_t>(o * output_step + c * channel_step + t)] -
                           zeros[zeros.size() == 1 ? 0 : static_cast<std::size_t>(o)]);
    return result;
  }
};

/// The same of words, `chunk` channels a plane (widened_bytes.hpp): for each group of blocks of outputs: chunk, first
/// and second words, tap, four channels; of these for each output the two words.
inline packing pack_quantized_words(std::string key, quantized_weights w, std::int64_t interleave, std::int64_t chunk) {
  auto const width = interleave * channel_block, group = packed_group_bytes(2 * w.units() * w.taps, interleave);
  auto const bytes = checked_mul(ceil_div(w.outputs, width), group);
  return {.key = std::move(key), .bytes = bytes, .fill = [=, w = std::move(w)](std::byte* to) {
            std::memset(to, 0, static_cast<std::size_t>(bytes));
            auto const values = w.values();
            auto const* from = values.data();
            for (std::int64_t o = 0; o < w.outputs; ++o)
              for (std::int64_t c = 0; c < w.channels; ++c) {
                auto const first = c / chunk * chunk, in_chunk = c % chunk;
                auto const units = ceil_div(std::min(chunk, w.channels - first), std::int64_t{4});
                auto const unit = first / 2 * w.taps + in_chunk % 2 * units * w.taps + in_chunk / 4;
                auto* at = to + o / width * group + unit * width * 4 + o % width * 4 + in_chunk % 4 / 2 * 2;
                for (std::int64_t t = 0; t < w.taps; ++t, at += units * width * 4) {
                  auto const word = static_cast<std::int16_t>(*from++);
                  std::memcpy(at, &word, 2);
                }
              }
          }};
}

/// For each group of `interleave` blocks of 16 outputs: chunk of channels, tap, four channels; of these for each output
/// the four. Channels past the last are 0.
inline packing pack_quantized(std::string key, quantized_weights w, std::int64_t interleave,
                              std::int64_t chunk = channel_block) {
  auto const width = interleave * channel_block, group = packed_group_bytes(w.units() * w.taps, interleave);
  auto const bytes = checked_mul(ceil_div(w.outputs, width), group);
  return {.key = std::move(key), .bytes = bytes, .fill = [=, w = std::move(w)](std::byte* to) {
            std::memset(to, 0, static_cast<std::size_t>(bytes));
            auto const values = w.values();
            auto const* from = values.data();
            for (std::int64_t o = 0; o < w.outputs; ++o)
              for (std::int64_t c = 0; c < w.channels; ++c) {
                auto const first = c / chunk * chunk, units = std::min(chunk / 4, w.units(first));
                auto const unit = first / 4 * w.taps + c % chunk / 4;
                auto* at = to + o / width * group + unit * width * 4 + o % width * 4 + c % 4;
                for (std::int64_t t = 0; t < w.taps; ++t, at += units * width * 4)
                  *at = static_cast<std::byte>(*from++);
              }
          }};
}

/// Either of them, by a key that says which.
inline packing pack_products(std::string_view kind, std::string_view name, quantized_weights w, std::int64_t interleave,
                             std::int64_t chunk, bool words) {
  if (words)
    return pack_quantized_words(fmt::format("{} words:{}:{}", kind, name, interleave), std::move(w), interleave, chunk);
  return pack_quantized(fmt::format("{}:{}:{}", kind, name, interleave), std::move(w), interleave);
}

/// Those of a depthwise convolution as float32: for each block of 16 outputs, tap.
inline packing pack_quantized_depthwise(std::string key, quantized_weights w) {
  auto const bytes = checked_mul(round_up(w.outputs, channel_block) * 4, w.taps);
  return {.key = std::move(key), .bytes = bytes, .fill = [=, w = std::move(w)](std::byte* to) {
            std::memset(to, 0, static_cast<std::size_t>(bytes));
            auto const values = w.values();
            for (std::int64_t o = 0; o < w.outputs; ++o)
              for (std::int64_t t = 0; t < w.taps; ++t) {
                auto const value = static_cast<float>(values[static_cast<std::size_t>(o * w.taps + t)]);
                auto const at = (o / channel_block * w.taps + t) * channel_block + o % channel_block;
                std::memcpy(to + at * 4, &value, 4);
              }
          }};
}

/// For each output the bias (may be none), int32, less `zero` times the sum of its weights: what the input's zero point
/// adds to each sum.
inline packing pack_quantized_bias(std::string key, quantized_weights w, any_tensor bias, std::int32_t zero) {
  auto const bytes = round_up(w.outputs, channel_block) * 4;
  return {.key = std::move(key), .bytes = bytes, .fill = [=, w = std::move(w), bias = std::move(bias)](std::byte* to) {
            std::memset(to, 0, static_cast<std::size_t>(bytes));
            auto const values = w.values(), given = bias ? integers_of(bias) : std::vector<std::int32_t>{};
            for (std::int64_t o = 0; o < w.outputs; ++o) {
              std::int64_t sum = given.empty() ? 0 : given[static_cast<std::size_t>(o)];
              for (std::int64_t k = 0; k < w.channels * w.taps; ++k)
                sum -= std::int64_t{zero} * values[static_cast<std::size_t>(o * w.channels * w.taps + k)];
              auto const kept = static_cast<std::int32_t>(sum);
              std::memcpy(to + o * 4, &kept, 4);
            }
          }};
}

}  // namespace sinter
