#pragma once

#include <sinter/ops/reshape.hpp>

#include <array>
#include <optional>
#include <vector>

namespace sinter {

/// Transpose: dimension i of the result is dimension perm[i] of the input; without perm, the order is reversed.
/// https://onnx.ai/onnx/operators/onnx__Transpose.html
struct transpose {
  static constexpr op_schema schema{.name = "Transpose", .max_inputs = 1};
  struct attributes {
    std::optional<std::vector<std::int64_t>> perm{};
  };

  static attributes parse(attribute_reader const& r) {
    if (!r.has("perm")) return {};
    return {.perm = r.require<std::vector<std::int64_t>>("perm")};
  }

  /// The source dimension of each dimension of the result.
  static std::vector<std::size_t> order(attributes const& a, std::size_t rank) {
    std::vector<std::size_t> result;
    if (!a.perm) {
      for (auto i = rank; i-- > 0;) result.push_back(i);
      return result;
    }
    std::vector<bool> seen(rank, false);
    for (auto const axis : *a.perm) result.push_back(normalize_axis(axis, rank, "an entry of perm"));
    for (auto const axis : result) seen[axis] = true;
    if (result.size() != rank || std::ranges::find(seen, false) != seen.end())
      fail(error_code::malformed_model, "perm {} is no permutation of {} dimensions", fmt::join(*a.perm, ","), rank);
    return result;
  }

  static types infer(inputs const& in, attributes const& a) {
    shape result;
    for (auto const axis : order(a, in.shape(0).rank())) result.push_back(in.shape(0)[axis]);
    return {{in.element(0), result}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const& s = in.shape(0);
    auto const dense = row_major_strides(s);
    shape extents, strides;
    for (auto const axis : order(a, s.rank())) {
      extents.push_back(s[axis]);
      strides.push_back(dense[axis]);
    }
    return move_call(0, extents, strides);
  }
};

namespace detail {

struct block_attributes {
  std::int64_t block = 1;  ///< pixels of a side
  bool depth_first =
      true;  ///< whether the position in a block is the outer part of the channel (DCR), not the inner (CRD)

  static block_attributes parse(attribute_reader const& r) {
    auto const block = r.require<std::int64_t>("blocksize");
    if (block < 1) fail(error_code::malformed_model, "blocksize is {}, expected at least 1", block);
    constexpr std::array<std::string_view, 2> modes{"CRD", "DCR"};
    return {.block = block, .depth_first = r.choice("mode", "DCR", modes) == 1};
  }
};

inline void expect_image(shape const& s) {
  if (s.rank() != 4) fail(error_code::malformed_model, "expected a tensor of 4 dimensions, got {}", s);
}

}  // namespace detail

/// DepthToSpace: blocks of channels become blocks of pixels.   https://onnx.ai/onnx/operators/onnx__DepthToSpace.html
struct depth_to_space {
  static constexpr op_schema schema{.name = "DepthToSpace", .max_inputs = 1};
  using attributes = detail::block_attributes;

  static attributes parse(attribute_reader const& r) { return attributes::parse(r); }
  static types infer(inputs const& in, attributes const& a) {
    auto const& s = in.shape(0);
    detail::expect_image(s);
    auto const square = checked_mul(a.block, a.block);
    if (s[1] % square != 0)
      fail(error_code::malformed_model, "{} channels are no multiple of the square of blocksize {}", s[1], a.block);
    return {{in.element(0), shape{s[0], s[1] / square, checked_mul(s[2], a.block), checked_mul(s[3], a.block)}}};
  }
  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const& s = in.shape(0);
    auto const channels = s[1] / (a.block * a.block), image = s[2] * s[3];
    auto const outer = (a.depth_first ? channels * a.block : a.block) * image;
    auto const inner = (a.depth_first ? channels : 1) * image;
    auto const channel = (a.depth_first ? 1 : a.block * a.block) * image;
    return move_call(0, {s[0], channels, s[2], a.block, s[3], a.block}, {s[1] * image, channel, s[3], outer, 1, inner});
  }
};

/// SpaceToDepth: blocks of pixels become blocks of channels.   https://onnx.ai/onnx/operators/onnx__SpaceToDepth.html
struct space_to_depth {
  static constexpr op_schema schema{.name = "SpaceToDepth", .max_inputs = 1};
  using attributes = detail::block_attributes;

  static attributes parse(attribute_reader const& r) { return attributes::parse(r); }
  static types infer(inputs const& in, attributes const& a) {
    auto const& s = in.shape(0);
    detail::expect_image(s);
    if (s[2] % a.block != 0 || s[3] % a.block != 0)
      fail(error_code::malformed_model, "an image of {}x{} is no multiple of blocksize {}", s[2], s[3], a.block);
    return {
        {in.element(0), shape{s[0], checked_mul(s[1], checked_mul(a.block, a.block)), s[2] / a.block, s[3] / a.block}}};
  }
  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const& s = in.shape(0);
    auto const b = a.block, rows = s[2] / b, columns = s[3] / b;
    auto const batch = s[1] * s[2] * s[3], channel = s[2] * s[3], row = s[3] * b;
    if (a.depth_first) return move_call(0, {s[0], b, b, s[1], rows, columns}, {batch, s[3], 1, channel, row, b});
    return move_call(0, {s[0], s[1], b, b, rows, columns}, {batch, channel, s[3], 1, row, b});
  }
};

}  // namespace sinter
