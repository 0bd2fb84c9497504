#pragma once

#include <sinter/program/device_forms.hpp>

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace sinter {

/// How blocks and threads share a matrix product; see emit/cuda/forms/product.cuh.
struct device_tiles {
  std::int64_t tile_m = 64, tile_n = 64, tile_k = 16;
  std::int64_t thread_m = 4, thread_n = 4;
  std::int64_t stages = 2;
  std::int64_t splits = 1;  ///< blocks that share the sum over k

  constexpr std::int64_t threads() const { return tile_m / thread_m * (tile_n / thread_n); }
  constexpr std::int64_t shared_bytes() const {
    return stages * (tile_m * (tile_k + 4) + tile_k * (tile_n + 4)) * static_cast<std::int64_t>(sizeof(float));
  }
};

/// Tiles worth trying, from large to small.
inline constexpr device_tiles tile_choices[] = {
    {128, 128, 16, 8, 8}, {128, 64, 16, 8, 4}, {64, 64, 16, 4, 4},
    {64, 32, 16, 4, 4},   {32, 32, 16, 2, 4},  {16, 64, 16, 2, 4},
};

/// [batch0, batch1, m, n] = Σ_k a[batch0, batch1, m, k] * b[batch0, batch1, k, n]. Strides are in elements, 0 where an
/// operand is repeated.
struct device_contraction {
  std::int64_t batch0 = 1, batch1 = 1, m = 1, n = 1, k = 1;
  std::int64_t a_batch0 = 0, a_batch1 = 0, a_m = 0, a_k = 1;
  std::int64_t b_batch0 = 0, b_batch1 = 0, b_k = 0, b_n = 1;

  device_sizes sizes() const { return {batch0, batch1, m, n}; }
};

/// Correlation of images of any layout with weights [groups][r][s][c][f]. Strides of x are in elements.
struct device_convolution {
  std::int64_t n = 1, groups = 1, c = 1, f = 1;  ///< images; groups, input and output channels of each
  std::int64_t h = 1, w = 1, r = 1, s = 1, p = 1, q = 1;
  std::int64_t stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0, dilation_h = 1, dilation_w = 1;
  std::int64_t x_n = 0, x_c = 1, x_h = 0, x_w = 0;

  std::int64_t k() const { return r * s * c; }
  device_sizes sizes() const { return {n, p, q, groups * f}; }
};

/// Bytes of the temporary between a product with splits and `sum_splits_call`.
inline std::int64_t split_bytes(device_sizes const& sizes, std::int64_t splits) {
  return splits * product_of(sizes) * static_cast<std::int64_t>(sizeof(float));
}

/// What products have in common; with splits the result is the temporary, and the epilogue is that of
/// `sum_splits_call`.
inline device_call product_call(std::string form, device_tiles const& tiles, device_sizes const& sizes,
                                std::int64_t vector, std::vector<device_constant> constants,
                                std::vector<device_argument> arguments, device_epilogue epilogue) {
  device_call call;
  auto& k = call.kernel;
  k.form = std::move(form);
  k.constants = std::move(constants);
  k.constants.insert(k.constants.end(), {{"rank", 4},
                                         {"vector", vector},
                                         {"splits", tiles.splits},
                                         {"tile_m", tiles.tile_m},
                                         {"tile_n", tiles.tile_n},
                                         {"tile_k", tiles.tile_k},
                                         {"thread_m", tiles.thread_m},
                                         {"thread_n", tiles.thread_n},
                                         {"stages", tiles.stages}});
  for (std::size_t axis = 0; axis < sizes.size(); ++axis)
    k.constants.push_back({"size" + std::to_string(axis), sizes[axis]});
  k.arguments = std::move(arguments);
  if (tiles.splits > 1)
    k.arguments.push_back(dense_argument(tiles.splits * product_of(sizes), true));
  else
    add_epilogue(k, std::move(epilogue), sizes);
  k.threads = static_cast<std::int32_t>(tiles.threads());
  k.shared_bytes = static_cast<std::int32_t>(tiles.shared_bytes());
  return call;
}

/// Floats that a copy takes at once from rows of `count` neighbours; all other `strides` must be multiples of them.
inline std::int64_t copy_vector(std::int64_t step, std::int64_t count, std::initializer_list<std::int64_t> strides,
                                std::int64_t alignment) {
  auto const whole = [](std::int64_t v) { return v % 4 == 0; };
  return step == 1 && whole(count) && std::all_of(strides.begin(), strides.end(), whole) && alignment % 16 == 0 ? 4 : 1;
}

/// Results that one store may have: 4 where rows of results are whole, too.
inline std::int64_t store_vector(device_tiles const& tiles, device_sizes const& sizes, std::int64_t row,
                                 device_epilogue const& epilogue) {
  if (row % 4 != 0) return 1;
  return tiles.splits > 1 ? 4 : vector_of(epilogue.arguments, sizes, epilogue.alignment);
}

inline device_call contraction_call(device_contraction const& c, device_tiles const& tiles, device_epilogue epilogue) {
  auto const a = dense_argument(
      extent_of(device_sizes{c.batch0, c.batch1, c.m, c.k}, device_sizes{c.a_batch0, c.a_batch1, c.a_m, c.a_k}));
  auto const b = dense_argument(
      extent_of(device_sizes{c.batch0, c.batch1, c.k, c.n}, device_sizes{c.b_batch0, c.b_batch1, c.b_k, c.b_n}));
  auto const vector = store_vector(tiles, c.sizes(), c.n, epilogue);
  auto const a_vector = copy_vector(c.a_k, c.k, {c.a_batch0, c.a_batch1, c.a_m}, epilogue.alignment);
  auto const b_vector = copy_vector(c.b_n, c.n, {c.b_batch0, c.b_batch1, c.b_k}, epilogue.alignment);
  auto call = product_call("contraction", tiles, c.sizes(), vector,
                           {{"k", c.k},
                            {"a_batch0", c.a_batch0},
                            {"a_batch1", c.a_batch1},
                            {"a_m", c.a_m},
                            {"a_k", c.a_k},
                            {"b_batch0", c.b_batch0},
                            {"b_batch1", c.b_batch1},
                            {"b_k", c.b_k},
                            {"b_n", c.b_n},
                            {"a_vector", a_vector},
                            {"b_vector", b_vector},
                            {"a_down", c.a_k != 1 && c.a_m == 1},
                            {"b_down", c.b_n != 1 && c.b_k == 1}},
                           {a, b}, std::move(epilogue));
  call.blocks = {long_block_count(divide_up(c.m, tiles.tile_m)), block_count(divide_up(c.n, tiles.tile_n)),
                 block_count(c.batch0 * c.batch1 * tiles.splits)};
  return call;
}

inline device_call convolution_call(device_convolution const& c, device_tiles const& tiles, device_epilogue epilogue) {
  auto const x =
      dense_argument(extent_of(device_sizes{c.n, c.groups * c.c, c.h, c.w}, device_sizes{c.x_n, c.x_c, c.x_h, c.x_w}));
  auto const vector = store_vector(tiles, c.sizes(), c.f, epilogue);
  auto const a_vector = copy_vector(c.x_c, c.c, {c.x_n, c.x_h, c.x_w}, epilogue.alignment);
  auto const b_vector = copy_vector(1, c.f, {}, epilogue.alignment);
  auto call = product_call("convolution", tiles, c.sizes(), vector,
                           {{"groups", c.groups},
                            {"c", c.c},
                            {"f", c.f},
                            {"h", c.h},
                            {"w", c.w},
                            {"r", c.r},
                            {"s", c.s},
                            {"k", c.k()},
                            {"stride_h", c.stride_h},
                            {"stride_w", c.stride_w},
                            {"pad_h", c.pad_h},
                            {"pad_w", c.pad_w},
                            {"dilation_h", c.dilation_h},
                            {"dilation_w", c.dilation_w},
                            {"x_n", c.x_n},
                            {"x_c", c.x_c},
                            {"x_h", c.x_h},
                            {"x_w", c.x_w},
                            {"a_vector", a_vector},
                            {"b_vector", b_vector},
                            {"a_down", c.x_c != 1},
                            {"b_down", 0}},
                           {x, dense_argument(c.groups * c.k() * c.f)}, std::move(epilogue));
  call.blocks = {long_block_count(divide_up(c.n * c.p * c.q, tiles.tile_m)), block_count(divide_up(c.f, tiles.tile_n)),
                 block_count(c.groups * tiles.splits)};
  return call;
}

/// The transpose of a convolution from p, q to h, w: x and weights as there, but p, q are the extents of the result,
/// which are larger; pads are what is cut off its beginning.
inline device_call transposed_convolution_call(device_convolution const& c, device_tiles const& tiles,
                                               device_epilogue epilogue) {
  auto const step_h = c.stride_h / std::gcd(c.stride_h, c.dilation_h), taps_h = divide_up(c.r, step_h);
  auto const step_w = c.stride_w / std::gcd(c.stride_w, c.dilation_w), taps_w = divide_up(c.s, step_w);
  auto call = convolution_call(c, tiles, std::move(epilogue));
  auto& k = call.kernel;
  k.form = "transposed_convolution";
  std::ranges::find(k.constants, "k", &device_constant::name)->value = taps_h * taps_w * c.c;
  k.constants.insert(k.constants.end(),
                     {{"step_h", step_h}, {"step_w", step_w}, {"taps_h", taps_h}, {"taps_w", taps_w}});
  auto const outputs = c.n * divide_up(c.p, c.stride_h) * divide_up(c.q, c.stride_w);
  call.blocks[0] = long_block_count(divide_up(outputs, tiles.tile_m));
  call.blocks[2] = block_count(c.groups * c.stride_h * c.stride_w * tiles.splits);
  return call;
}

}  // namespace sinter
