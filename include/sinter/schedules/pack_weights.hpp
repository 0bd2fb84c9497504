#pragma once

#include <sinter/core/four_lanes.hpp>
#include <sinter/schedules/schedule.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
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
  std::int64_t length() const { return channels * taps; }
};

/// Weights in the model's order. The element at position i of output channel o is tensor[o * output_step + i * step].
struct weight_source {
  any_tensor tensor{};
  std::int64_t outputs = 0;      ///< output channels
  std::int64_t output_step = 0;  ///< elements between them
  std::int64_t step = 1;         ///< elements between the positions of one
  std::vector<weight_chunk> chunks{};
  /// At most 8 output channels of the last block exist: they are packed twice, into both halves of its 16 lanes.
  bool half_tail = false;

  std::int64_t reduction() const {
    std::int64_t n = 0;
    for (auto const& c : chunks) n += c.length();
    return n;
  }
};

/// `lane` is bytes of a weight.
inline std::int64_t packed_group_bytes(std::int64_t reduction, std::int64_t interleave, std::int64_t lane = 4) {
  return reduction * interleave * channel_block * lane;
}

/// How far ahead kernels fetch packed weights of `bytes` bytes, in bytes: 0, not at all, where they stay in the
/// first-level cache.
inline std::int64_t weight_prefetch(std::int64_t bytes, target const& machine) {
  return 2 * bytes >= machine.facts().l1d ? 8192 : 0;
}

namespace detail {

/// Rows of float32 weights, wherever a tensor has its elements: those in a file are read into a buffer that stays in
/// the first-level cache.
class weight_rows {
 public:
  static constexpr std::int64_t buffered = 128 << 10;  ///< elements to load at most, where one row has no more
  static constexpr std::int64_t small = 32 << 10;      ///< elements that one read is worth

  explicit weight_rows(any_tensor const& tensor)
      : tensor_(tensor), memory_(reinterpret_cast<float const*>(tensor.resident())) {
    auto const elements = static_cast<std::int64_t>(tensor.elements());
    if (memory_ || elements > small) return;
    read(0, elements, take(elements));
    memory_ = buffer_.get();
  }

  /// Makes row r of `count` the `length` elements from `first` + r * `step` on.
  void load(std::int64_t first, std::int64_t count, std::int64_t step, std::int64_t length) {
    if (memory_) {
      start_ = memory_ + first;
      step_ = step;
      return;
    }
    auto* const to = take(count * length);
    start_ = to;
    step_ = length;
    if (step == length) return read(first, count * length, to);
    for (std::int64_t r = 0; r < count; ++r) read(first + r * step, length, to + r * length);
  }

  float const* row(std::int64_t r) const { return start_ + r * step_; }
  /// Elements between rows.
  std::int64_t step() const { return step_; }

 private:
  float* take(std::int64_t elements) {
    if (elements > capacity_) buffer_ = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(elements));
    capacity_ = std::max(capacity_, elements);
    return buffer_.get();
  }
  void read(std::int64_t first, std::int64_t count, float* to) const {
    tensor_.read(static_cast<std::size_t>(first) * 4,
                 std::as_writable_bytes(std::span(to, static_cast<std::size_t>(count))));
  }

  any_tensor const& tensor_;
  float const* memory_;  ///< all elements, or null
  std::unique_ptr<float[]> buffer_{};
  std::int64_t capacity_ = 0;
  float const* start_ = nullptr;
  std::int64_t step_ = 0;
};

/// to[c][o + r] = from[r * step + c] for 4 x 4 elements.
inline void transpose_square(float const* from, std::int64_t step, float* const* to, std::int64_t o) {
  auto const a = load_four(from), b = load_four(from + step), c = load_four(from + 2 * step),
             d = load_four(from + 3 * step);
  auto const ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  auto const ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7), cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  store_four(to[0] + o, __builtin_shufflevector(ab, cd, 0, 1, 4, 5));
  store_four(to[1] + o, __builtin_shufflevector(ab, cd, 2, 3, 6, 7));
  store_four(to[2] + o, __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5));
  store_four(to[3] + o, __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7));
}

/// Packs weights whose positions lie side by side, a row for each output channel.
class row_packer {
 public:
  row_packer(weight_source const& w, std::int64_t width) : w_(w), width_(width), parts_(parts_of(w)), rows_(w.tensor) {}

  void pack(float* to) {
    for (std::int64_t first = 0; first < w_.outputs; first += width_, to += w_.reduction() * width_)
      for (std::int64_t o = 0; o < width_; o += most_rows)
        pack_rows(first + o, std::min(most_rows, width_ - o), to + o);
  }

 private:
  /// Rows that are loaded and packed together: so many lie in the file in one piece, or in few long ones.
  static constexpr std::int64_t most_rows = 2 * channel_block;

  struct row_count {
    std::int64_t present = 0, all = 0;  ///< those that lack are zeros
  };
  /// Neighbouring parts and the elements of a row that they need.
  struct run {
    std::int64_t begin = 0, end = 0;
    std::size_t next = 0;
  };

  /// Packs `count` output channels from `first` on, as far as there are so many, a part of each column of their group.
  void pack_rows(std::int64_t first, std::int64_t count, float* to) {
    auto const present = std::clamp<std::int64_t>(w_.outputs - first, 0, count);
    for (std::size_t i = 0; i < parts_.size();) {
      auto const [begin, end, next] = run_from(i, weight_rows::buffered / most_rows);
      if (present > 0) rows_.load(first * w_.output_step + begin, present, w_.output_step, end - begin);
      for (; i < next; ++i) {
        pack_part(parts_[i], parts_[i].first - begin, {present, count}, to);
        to += parts_[i].length() * width_;
      }
    }
  }

  /// The chunks, long ones of one tap cut into pieces that can be loaded one by one.
  static std::vector<weight_chunk> parts_of(weight_source const& w) {
    constexpr std::int64_t piece = 1024;
    std::vector<weight_chunk> parts;
    for (auto const& chunk : w.chunks) {
      auto const channels = chunk.taps == 1 ? piece : chunk.channels;
      for (std::int64_t c = 0; c < chunk.channels; c += channels)
        parts.push_back({chunk.first + c * chunk.taps, std::min(channels, chunk.channels - c), chunk.taps});
    }
    return parts;
  }

  /// As many parts from part `i` on as need at most `most` elements of a row, but at least one.
  run run_from(std::size_t i, std::int64_t most) const {
    run r{parts_[i].first, parts_[i].first + parts_[i].length(), i + 1};
    for (; r.next < parts_.size(); ++r.next) {
      auto const& part = parts_[r.next];
      auto const begin = std::min(r.begin, part.first), end = std::max(r.end, part.first + part.length());
      if (end - begin > most) break;
      r.begin = begin;
      r.end = end;
    }
    return r;
  }

  /// Packs one part, which starts at column `first` of the loaded rows, all taps of a channel in turn. Whole cache
  /// lines of the rows are used before others are touched: the rows often lie in the same cache sets.
  void pack_part(weight_chunk const& part, std::int64_t first, row_count rows, float* to) const {
    constexpr std::int64_t line = 16;
    std::array<float*, line> columns{};
    std::int64_t tap = 0, channel = 0, column = 0;  // of the next element: its channel's first column, its own
    for (std::int64_t j = 0; j < part.length(); j += line) {
      auto const count = std::min(line, part.length() - j);
      for (std::int64_t k = 0; k < count; ++k) {
        columns[static_cast<std::size_t>(k)] = to + column;
        if (++tap == part.taps)
          tap = 0, column = channel += width_;
        else
          column += part.channels * width_;
      }
      pack_columns(first + j, {columns.data(), static_cast<std::size_t>(count)}, rows);
    }
  }

  /// Packs the columns from `first` on of the loaded rows to where `columns` say.
  void pack_columns(std::int64_t first, std::span<float* const> columns, row_count rows) const {
    auto const step = rows_.step();
    auto const* from = rows_.row(0) + first;
    std::int64_t o = 0;
    for (; o + 4 <= rows.present; o += 4, from += 4 * step) {
      std::size_t k = 0;
      for (; k + 4 <= columns.size(); k += 4) transpose_square(from + k, step, columns.data() + k, o);
      for (; k < columns.size(); ++k)
        for (std::int64_t r = 0; r < 4; ++r) columns[k][o + r] = from[r * step + static_cast<std::int64_t>(k)];
    }
    for (; o < rows.present; ++o, from += step)
      for (std::size_t k = 0; k < columns.size(); ++k) columns[k][o] = from[k];
    for (auto* const column : columns) std::fill(column + rows.present, column + rows.all, 0.0f);
  }

  weight_source const& w_;
  std::int64_t width_;
  std::vector<weight_chunk> parts_;
  weight_rows rows_;
};

/// Packs weights whose output channels lie side by side, a row for each position.
inline void pack_columns(weight_source const& w, std::int64_t width, float* to) {
  weight_rows rows(w.tensor);
  auto const group = w.reduction() * width, most = std::max<std::int64_t>(1, weight_rows::small / w.step);
  std::int64_t position = 0;
  for (auto const& chunk : w.chunks)
    for (std::int64_t k = 0; k < chunk.channels; k += most) {
      auto const count = std::min(most, chunk.channels - k);
      rows.load((chunk.first + k) * w.step, count, w.step, w.outputs);
      for (std::int64_t first = 0; first < w.outputs; first += width) {
        auto const present = std::min(width, w.outputs - first);
        auto* row = to + first / width * group + position * width;
        for (std::int64_t r = 0; r < count; ++r, row += width) {
          std::copy_n(rows.row(r) + first, present, row);
          std::fill(row + present, row + width, 0.0f);
        }
      }
      position += count;
    }
}

}  // namespace detail

/// Copies the first half of the last block to the second.
inline void repeat_tail(weight_source const& w, std::int64_t width, float* to) {
  auto const last = w.outputs - 1, reduction = w.reduction();
  auto* row = to + last / width * reduction * width + last % width / channel_block * channel_block;
  for (std::int64_t k = 0; k < reduction; ++k, row += width)
    std::copy_n(row, channel_block / 2, row + channel_block / 2);
}

/// Fills `to` as the file head says. Output channels past the last are zero.
inline void pack_weights(weight_source const& w, std::int64_t interleave, float* to) {
  auto const width = interleave * channel_block;
  if (w.output_step == 1)
    detail::pack_columns(w, width, to);
  else
    detail::row_packer(w, width).pack(to);
  if (w.half_tail) repeat_tail(w, width, to);
}

/// The packing as a weight block of a schedule's code. Either the positions of a channel or the channels lie side by
/// side.
inline packing packed(std::string key, weight_source source, std::int64_t interleave) {
  SINTER_ASSERT(source.step == 1 || (source.output_step == 1 && source.chunks[0].taps == 1));
  auto const groups = ceil_div(source.outputs, interleave * channel_block);
  auto const bytes = checked_mul(groups, packed_group_bytes(source.reduction(), interleave));
  return {.key = std::move(key), .bytes = bytes, .fill = [source = std::move(source), interleave](std::byte* to) {
            pack_weights(source, interleave, reinterpret_cast<float*>(to));
          }};
}

}  // namespace sinter
