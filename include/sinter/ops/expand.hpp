#pragma once

#include <sinter/ops/reshape.hpp>

#include <vector>

namespace sinter {

/// Expand: broadcasts to a shape; where that says 1, the input's dimension stays.
/// https://onnx.ai/onnx/operators/onnx__Expand.html
struct expand {
  static constexpr op_schema schema{.name = "Expand", .since = 8, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    auto const target = in.integers(1);
    if (!target) return {unknown_shape(in.element(0))};
    auto const result = broadcast(in.shape(0), shape(std::span(*target)));
    result.elements();  // none is negative
    return {{in.element(0), result}};
  }
  static kernel_call kernel(inputs const& in, attributes const&) {
    auto const target = in.integers(1);
    if (!target) return {};
    auto const result = broadcast(in.shape(0), shape(std::span(*target)));
    return move_call(0, result, broadcast_strides(in.shape(0), result));
  }
};

/// out[i] = in[i mod extent] along each axis; each dimension of `out` is a multiple of that of `in`.
inline kernel_call tile_call(shape const& in, shape const& out) {
  auto const dense = row_major_strides(in);
  shape strides, extents;
  for (std::size_t i = 0; i < in.rank(); ++i) {
    auto const repeats = in[i] ? out[i] / in[i] : 1;
    if (repeats != 1) {
      strides.push_back(0);
      extents.push_back(repeats);
    }
    strides.push_back(dense[i]);
    extents.push_back(in[i]);
  }
  return move_call(0, extents, strides);
}

/// Tile   https://onnx.ai/onnx/operators/onnx__Tile.html
struct tile {
  static constexpr op_schema schema{.name = "Tile", .since = 6, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    auto const repeats = in.integers(1);
    if (!repeats) return {unknown_shape(in.element(0))};
    auto result = in.shape(0);
    if (repeats->size() != result.rank())
      fail(error_code::malformed_model, "{} repeats are given for {}", repeats->size(), result);
    for (std::size_t i = 0; i < result.rank(); ++i) result[i] = checked_mul(result[i], (*repeats)[i]);
    result.elements();
    return {{in.element(0), result}};
  }
  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const out = infer(in, a)[0].shape;
    return out ? tile_call(in.shape(0), *out) : kernel_call{};
  }
};

/// Tile before operator set 6: repeats one axis; both are scalar inputs of any numeric type.
struct legacy_tile {
  static constexpr op_schema schema{.name = "Tile", .since = 1, .min_inputs = 3, .max_inputs = 3};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    auto const repeats = in.value(1), axis = in.value(2);
    if (!repeats || !axis) return {unknown_shape(in.element(0))};
    if (repeats->elements() != 1 || axis->elements() != 1)
      fail(error_code::malformed_model, "tiles and axis have shapes {} and {}, expected scalars", repeats->shape,
           axis->shape);
    auto result = in.shape(0);
    auto& extent = result[normalize_axis(integers_of(*axis)[0], result.rank())];
    extent = checked_mul(extent, integers_of(*repeats)[0]);
    return {{in.element(0), result}};
  }
  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const out = infer(in, a)[0].shape;
    return out ? tile_call(in.shape(0), *out) : kernel_call{};
  }
};

}  // namespace sinter
