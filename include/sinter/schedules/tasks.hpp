#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/schedules/schedule.hpp>
#include <sinter/schedules/spatial_tiles.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the memory-bound schedules share: how work is cut into tasks, by shape only, and how operands become arguments.
namespace sinter {

/// Bytes that a task of a memory-bound kernel writes, about.
inline constexpr std::int64_t task_bytes = 32 * 1024;

/// Cuts `total` units into pieces of at most `most`, as equal as whole units allow: one or two runs.
inline std::vector<tile_run> equal_runs(std::int64_t total, std::int64_t most) {
  auto const pieces = ceil_div(total, most < 1 ? 1 : most);
  auto const length = total / pieces, longer = total % pieces;
  std::vector<tile_run> runs;
  if (longer > 0) runs.push_back({0, length + 1, longer});
  if (pieces > longer) runs.push_back({longer * (length + 1), length, pieces - longer});
  return runs;
}

/// Pieces of `most` units and a last one with what remains.
inline std::vector<tile_run> full_runs(std::int64_t total, std::int64_t most) {
  std::vector<tile_run> runs;
  if (total >= most) runs.push_back({0, most, total / most});
  if (total % most != 0) runs.push_back({total / most * most, total % most, 1});
  return runs;
}

/// Whether `n` is the operator `op` of ONNX's own domain.
inline bool is_standard_operator(node const& n, std::string_view op) { return n.domain.empty() && n.op == op; }

/// Bytes between items of axis 0.
inline std::int64_t item_stride(operand_info const& o) {
  auto const dense = item_bytes(o.shape(), o.type.element, o.how);
  return o.how == layout::blocked && o.item_stride != 0 ? o.item_stride : dense;
}

/// Elements of one channel of one item: the product of the extents from axis 2 on.
inline std::int64_t pixels_of(shape const& s) {
  return s.rank() <= 2 ? 1 : static_cast<std::int64_t>(s.elements(2, s.rank()));
}
inline std::int64_t channel_blocks_of(shape const& s) { return ceil_div(s[1], channel_block); }

/// Whether an operand is a float32 tensor without empty dimensions.
inline bool is_float_tensor(operand_info const& o) {
  return o.type.element == dtype::float32 && o.type.shape && o.type.shape->elements() > 0;
}

/// The same for 8-bit integers.
inline bool is_byte_tensor(operand_info const& o) {
  return (o.type.element == dtype::int8 || o.type.element == dtype::uint8) && o.type.shape && o.shape().elements() > 0;
}

/// Whether kernels move the elements of an operand, and as what; bits are kept.
inline bool is_movable_tensor(operand_info const& o) { return is_float_tensor(o) || is_byte_tensor(o); }
inline vector::element moved_element(operand_info const& o) {
  using enum vector::element;
  return o.type.element == dtype::int8 ? s8 : o.type.element == dtype::uint8 ? u8 : i32;
}

/// The bytes of a constant as they are.
inline packing pack_raw(operand_info const& o) {
  auto const bytes = static_cast<std::int64_t>(o.constant->bytes());
  return {.key = "raw:" + o.constant_key, .bytes = bytes, .fill = [t = *o.constant, bytes](std::byte* to) {
            t.read(0, {to, static_cast<std::size_t>(bytes)});
          }};
}

/// A constant of rank >= 2 in blocked layout, lanes past the last channel 0.
inline packing pack_blocked(operand_info const& o) {
  auto const& s = o.shape();
  auto const bytes = tensor_bytes(s, dtype::float32, layout::blocked);
  return {.key = "blocked:" + o.constant_key, .bytes = bytes, .fill = [t = *o.constant, bytes](std::byte* to) {
            auto const& extents = t.shape();
            auto const pixels = pixels_of(extents), blocks = channel_blocks_of(extents);
            std::memset(to, 0, static_cast<std::size_t>(bytes));
            auto const* from = static_cast<float const*>(t.data());
            auto* out = reinterpret_cast<float*>(to);
            for (std::int64_t n = 0; n < extents[0]; ++n)
              for (std::int64_t c = 0; c < extents[1]; ++c)
                for (std::int64_t p = 0; p < pixels; ++p)
                  out[((n * blocks + c / 16) * pixels + p) * 16 + c % 16] = *from++;
          }};
}

/// Sixteen ones: the first n of them make a mask of n lanes.
inline packing pack_lane_mask() {
  return {.key = "lane_mask", .bytes = 64, .fill = [](std::byte* to) {
            for (std::size_t i = 0; i < 16; ++i) {
              float const one = 1;
              std::memcpy(to + i * 4, &one, 4);
            }
          }};
}

}  // namespace sinter
