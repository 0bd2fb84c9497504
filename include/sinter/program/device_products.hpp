#pragma once

#include <sinter/core/preferences.hpp>
#include <sinter/program/device_forms.hpp>

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace sinter {

/// How blocks, warps and threads share a matrix product; see emit/cuda/forms/product.cuh.
struct device_tiles {
  std::int64_t tile_m = 64, tile_n = 64, tile_k = 16;
  std::int64_t part_m = 4, part_n = 4;  ///< results of a thread where exact, else of a warp
  std::int64_t stages = 2;
  std::int64_t splits = 1;  ///< blocks that share the sum over k
  sinter::precision precision = sinter::precision::exact;

  constexpr bool exact() const { return precision == sinter::precision::exact; }
  constexpr std::int64_t threads() const { return tile_m / part_m * (tile_n / part_n) * (exact() ? 1 : 32); }
  /// Neighbours among the results of a thread.
  constexpr std::int64_t width() const { return exact() ? 4 : 2; }
  /// For factors of `element`.
  constexpr std::int64_t shared_bytes(dtype element) const {
    bool const tf32 = precision == sinter::precision::tf32;
    auto const bytes = static_cast<std::int64_t>(size_of(element));
    auto const a = tile_m * (tile_k + (exact() || tf32 ? 4 : 8));
    auto const b = bytes == 2 ? tile_n * (tile_k + 8) : tile_k * (tile_n + (tf32 ? 8 : 4));
    return stages * (a + b) * bytes;
  }
};

/// Tiles worth trying, from large to small.
inline constexpr device_tiles tile_choices[] = {{128, 128, 16, 8, 8}, {128, 64, 16, 8, 4}, {64, 64, 16, 4, 4},
                                                {64, 32, 16, 4, 4},   {32, 32, 16, 2, 4},  {16, 64, 16, 2, 4}};
/// The same for matrix units; `precision` is to be set.
inline constexpr device_tiles matrix_tile_choices[] = {{128, 128, 32, 64, 32, 3}, {128, 64, 32, 32, 32, 3},
                                                       {64, 64, 32, 32, 32, 3},   {64, 32, 32, 32, 16, 3},
                                                       {32, 32, 32, 16, 16, 3},   {16, 64, 32, 16, 16, 3}};

/// [batch0, batch1, m, n] = Σ_k a[batch0, batch1, m, k] * b[batch0, batch1, k, n]. Strides are in elements, 0 where an
/// operand is repeated.
struct device_contraction {
  std::int64_t batch0 = 1, batch1 = 1, m = 1, n = 1, k = 1;
  std::int64_t a_batch0 = 0, a_batch1 = 0, a_m = 0, a_k = 1;
  std::int64_t b_batch0 = 0, b_batch1 = 0, b_k = 0, b_n = 1;
  dtype element = dtype::float32;  ///< of a and b; float16 and bfloat16 are for matrix units of that precision

  device_sizes sizes() const { return {batch0, batch1, m, n}; }
};

/// Correlation of images of any layout with weights [groups][r][s][c][f] or, of 16 bits, [groups][f][r][s][c]. Strides
/// of x are in elements.
struct device_convolution {
  std::int64_t n = 1, groups = 1, c = 1, f = 1;  ///< images; groups, input and output channels of each
  std::int64_t h = 1, w = 1, r = 1, s = 1, p = 1, q = 1;
  std::int64_t stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0, dilation_h = 1, dilation_w = 1;
  std::int64_t x_n = 0, x_c = 1, x_h = 0, x_w = 0;
  dtype element = dtype::float32;  ///< of x and weights; float16 and bfloat16 are for matrix units of that precision

  std::int64_t k() const { return r * s * c; }
  device_sizes sizes() const { return {n, p, q, groups * f}; }
};

/// Bytes of the temporary for the sums of splits.
inline std::int64_t split_bytes(device_sizes const& sizes, std::int64_t splits) {
  return splits * product_of(sizes) * static_cast<std::int64_t>(sizeof(float));
}

/// Which argument of a product with splits counts the blocks that have arrived; it is zero before the first launch.
inline constexpr std::size_t arrivals_argument = 3;

/// What products have in common. With splits, arguments behind both factors are the sums, of `split_bytes`, and the
/// arrivals.
inline device_call product_call(std::string form, device_tiles const& tiles, device_sizes const& sizes,
                                std::int64_t vector, std::vector<device_constant> constants,
                                std::vector<device_argument> arguments, device_epilogue epilogue) {
  auto const element = arguments[0].element;
  SINTER_ASSERT(element == dtype::float32 ||
                tiles.precision ==
                    (element == dtype::float16 ? sinter::precision::float16 : sinter::precision::bfloat16));
  device_call call;
  auto& k = call.kernel;
  k.form = std::move(form);
  k.constants = std::move(constants);
  k.constants.insert(k.constants.end(), {{"rank", std::ssize(sizes)},
                                         {"vector", vector},
                                         {"precision", static_cast<std::int64_t>(tiles.precision)},
                                         {"splits", tiles.splits},
                                         {"tile_m", tiles.tile_m},
                                         {"tile_n", tiles.tile_n},
                                         {"tile_k", tiles.tile_k},
                                         {tiles.exact() ? "thread_m" : "warp_m", tiles.part_m},
                                         {tiles.exact() ? "thread_n" : "warp_n", tiles.part_n},
                                         {"stages", tiles.stages}});
  for (std::size_t axis = 0; axis < sizes.size(); ++axis)
    k.constants.push_back({"size" + std::to_string(axis), sizes[axis]});
  k.arguments = std::move(arguments);
  if (tiles.splits > 1) {
    k.arguments.push_back(dense_argument(tiles.splits * product_of(sizes), true));
    k.arguments.push_back(dense_argument(1, true, dtype::uint32));
  }
  add_epilogue(k, std::move(epilogue), sizes);
  k.threads = static_cast<std::int32_t>(tiles.threads());
  k.shared_bytes = static_cast<std::int32_t>(tiles.shared_bytes(element));
  return call;
}

/// Sets the blocks of a product: those along m and n, and of `others`, each split.
inline void set_blocks(device_call& call, device_tiles const& tiles, std::int64_t m, std::int64_t n,
                       std::int64_t others) {
  call.blocks = {long_block_count(m), block_count(n), block_count(others * tiles.splits)};
  if (tiles.splits > 1) call.kernel.arguments[arrivals_argument] = dense_argument(m * n * others, true, dtype::uint32);
}

/// Elements of one copy, of 16 or 4 bytes or 1 element, from rows of `count` neighbours `step` apart; all `strides`
/// must be multiples of it.
inline std::int64_t copy_vector(dtype element, std::int64_t step, std::int64_t count,
                                std::initializer_list<std::int64_t> strides, std::int64_t alignment) {
  if (step != 1) return 1;
  for (std::int64_t const bytes : {16, 4}) {
    auto const elements = bytes / static_cast<std::int64_t>(size_of(element));
    auto const whole = [&](std::int64_t v) { return v % elements == 0; };
    if (whole(count) && std::all_of(strides.begin(), strides.end(), whole) && alignment % bytes == 0) return elements;
  }
  return 1;
}

/// Results that one store may have: more than 1 where rows of `row` results are whole, too.
inline std::int64_t store_vector(device_tiles const& tiles, device_sizes const& sizes, std::int64_t row,
                                 device_epilogue const& epilogue) {
  auto const width = tiles.width();
  return row % width == 0 ? vector_of(epilogue.arguments, sizes, epilogue.alignment, width) : 1;
}

/// Whether tiles have b along k: then copies are along k.
inline bool b_along_k(dtype element) { return size_of(element) == 2; }

inline device_call contraction_call(device_contraction const& c, device_tiles const& tiles, device_epilogue epilogue) {
  auto const a = dense_argument(
      extent_of(device_sizes{c.batch0, c.batch1, c.m, c.k}, device_sizes{c.a_batch0, c.a_batch1, c.a_m, c.a_k}), false,
      c.element);
  auto const b = dense_argument(
      extent_of(device_sizes{c.batch0, c.batch1, c.k, c.n}, device_sizes{c.b_batch0, c.b_batch1, c.b_k, c.b_n}), false,
      c.element);
  auto const vector = store_vector(tiles, c.sizes(), c.n, epilogue);
  auto const a_vector = copy_vector(c.element, c.a_k, c.k, {c.a_batch0, c.a_batch1, c.a_m}, epilogue.alignment);
  bool const along_k = b_along_k(c.element);
  auto const b_step = along_k ? c.b_k : c.b_n, b_other = along_k ? c.b_n : c.b_k;
  auto const b_vector =
      copy_vector(c.element, b_step, along_k ? c.k : c.n, {c.b_batch0, c.b_batch1, b_other}, epilogue.alignment);
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
                            {"b_down", b_step != 1 && b_other == 1}},
                           {a, b}, std::move(epilogue));
  set_blocks(call, tiles, divide_up(c.m, tiles.tile_m), divide_up(c.n, tiles.tile_n), c.batch0 * c.batch1);
  return call;
}

/// Convolution of a form, `k` factors of each result of which `whole_k` neighbours lie together in the weights of 16
/// bits.
inline device_call convolution_form_call(std::string form, device_convolution const& c, std::int64_t k,
                                         std::int64_t whole_k, device_tiles const& tiles, device_sizes const& sizes,
                                         device_epilogue epilogue) {
  auto const x =
      dense_argument(extent_of(device_sizes{c.n, c.groups * c.c, c.h, c.w}, device_sizes{c.x_n, c.x_c, c.x_h, c.x_w}),
                     false, c.element);
  bool const along_k = b_along_k(c.element);
  auto const vector = store_vector(tiles, sizes, c.f, epilogue);
  auto const a_vector = copy_vector(c.element, c.x_c, c.c, {c.x_n, c.x_h, c.x_w}, epilogue.alignment);
  auto const b_vector = copy_vector(c.element, 1, along_k ? whole_k : c.f, {c.k() * c.f}, epilogue.alignment);
  return product_call(std::move(form), tiles, sizes, vector,
                      {{"groups", c.groups},
                       {"c", c.c},
                       {"f", c.f},
                       {"h", c.h},
                       {"w", c.w},
                       {"r", c.r},
                       {"s", c.s},
                       {"k", k},
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
                       {"w_k", along_k ? 1 : c.f},
                       {"w_f", along_k ? c.k() : 1},
                       {"a_vector", a_vector},
                       {"b_vector", b_vector},
                       {"a_down", c.x_c != 1},
                       {"b_down", 0}},
                      {x, dense_argument(c.groups * c.k() * c.f, false, c.element)}, std::move(epilogue));
}

/// Coordinates of `e` with fewer axes before the last one: those that all arguments, and `x`, pass through alike. `x`
/// has strides along the axes before the last.
inline device_sizes join_rows(device_sizes sizes, device_sizes& x, device_epilogue& e) {
  auto const columns = sizes.back();
  sizes.pop_back();
  std::vector<std::int64_t> last;
  std::vector<device_sizes*> strides{&x};
  for (auto& a : e.arguments) {
    last.push_back(a.strides.back());
    a.strides.pop_back();
    strides.push_back(&a.strides);
  }
  merge_axes(sizes, strides);
  for (std::size_t i = 0; i < last.size(); ++i) e.arguments[i].strides.push_back(last[i]);
  sizes.push_back(columns);
  return sizes;
}

/// A convolution whose results have one pixel each, `a_m` elements apart, as a product of matrices; the coordinates of
/// `e` are pixels and channels, and become those of the product.
inline device_call pixels_call(device_convolution const& c, std::int64_t a_m, device_tiles const& tiles,
                               device_epilogue e) {
  auto const of_group = [&](std::int64_t step) { return c.groups == 1 ? 0 : step; };
  for (auto& a : e.arguments) a.strides = {of_group(a.strides[1] * c.f), 0, a.strides[0], a.strides[1]};
  bool const along_k = b_along_k(c.element);
  return contraction_call({.batch0 = c.groups,
                           .m = c.n * c.p * c.q,
                           .n = c.f,
                           .k = c.c,
                           .a_batch0 = of_group(c.c * c.x_c),
                           .a_m = a_m,
                           .a_k = c.x_c,
                           .b_batch0 = of_group(c.c * c.f),
                           .b_k = along_k ? 1 : c.f,
                           .b_n = along_k ? c.c : 1,
                           .element = c.element},
                          tiles, std::move(e));
}

inline device_call convolution_call(device_convolution const& c, device_tiles const& tiles, device_epilogue epilogue) {
  device_sizes x{c.x_n, c.x_h, c.x_w};
  auto pixels = epilogue;
  bool const is_pixel = c.r * c.s * c.stride_h * c.stride_w == 1 && c.p == c.h && c.q == c.w;
  if (is_pixel && join_rows(c.sizes(), x, pixels).size() == 2) return pixels_call(c, x[0], tiles, std::move(pixels));
  x = {0, 0, 0};
  auto const sizes = join_rows(c.sizes(), x, epilogue);
  auto call = convolution_form_call("convolution", c, c.k(), c.k(), tiles, sizes, std::move(epilogue));
  auto const m = c.n * c.p * c.q;
  call.kernel.constants.insert(call.kernel.constants.end(), {{"m", m}, {"p", c.p}, {"q", c.q}});
  set_blocks(call, tiles, divide_up(m, tiles.tile_m), divide_up(c.f, tiles.tile_n), c.groups);
  return call;
}

/// The transpose of a convolution from p, q to h, w: x and weights as there, but p, q are the extents of the result,
/// which are larger; pads are what is cut off its beginning.
inline device_call transposed_convolution_call(device_convolution const& c, device_tiles const& tiles,
                                               device_epilogue epilogue) {
  auto const step_h = c.stride_h / std::gcd(c.stride_h, c.dilation_h), taps_h = divide_up(c.r, step_h);
  auto const step_w = c.stride_w / std::gcd(c.stride_w, c.dilation_w), taps_w = divide_up(c.s, step_w);
  auto call = convolution_form_call("transposed_convolution", c, taps_h * taps_w * c.c, c.c, tiles, c.sizes(),
                                    std::move(epilogue));
  call.kernel.constants.insert(call.kernel.constants.end(),
                               {{"step_h", step_h}, {"step_w", step_w}, {"taps_h", taps_h}, {"taps_w", taps_w}});
  auto const outputs = c.n * divide_up(c.p, c.stride_h) * divide_up(c.q, c.stride_w);
  set_blocks(call, tiles, divide_up(outputs, tiles.tile_m), divide_up(c.f, tiles.tile_n),
             c.groups * c.stride_h * c.stride_w);
  return call;
}

}  // namespace sinter
