#pragma once

#include <sinter/expr/function.hpp>
#include <sinter/ops/epilogue.hpp>
#include <sinter/program/device_products.hpp>
#include <sinter/schedules/cuda/operands.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <utility>
#include <vector>

/// What convolutions and matrix products have in common: tiles, and what is done with each sum.
namespace sinter::detail::cuda {

/// Extents of a product, and how many there are side by side.
struct product_extents {
  std::int64_t count = 1, m = 1, n = 1, k = 1;
};

/// Multiprocessors of the device that all tiles are chosen for, so that results do not depend on the device.
inline constexpr std::int64_t usual_multiprocessors = 132;

/// Tiles with the least time: blocks run in waves, and one block of a large tile needs fewer loads for its products.
/// Sums of splits go through memory, which costs more of the time where matrix units multiply.
inline device_tiles choose_tiles(product_extents const& e, sinter::precision precision) {
  constexpr std::int64_t least_depth = 128;  // of a split, which else would wait more than it multiplies
  device_tiles best;
  double least = INFINITY;
  bool const exact = precision == sinter::precision::exact;
  for (auto tiles : exact ? std::span(tile_choices) : std::span(matrix_tile_choices)) {
    tiles.precision = precision;
    auto const blocks = e.count * divide_up(e.m, tiles.tile_m) * divide_up(e.n, tiles.tile_n);
    for (tiles.splits = 1; tiles.splits <= 16; tiles.splits *= 2) {
      auto const depth = divide_up(e.k, tiles.splits);
      if (tiles.splits > 1 && depth < least_depth) break;
      auto const waves = static_cast<double>(divide_up(blocks * tiles.splits, usual_multiprocessors));
      auto const loads = static_cast<double>(tiles.tile_m + tiles.tile_n) * 8;
      auto const products = static_cast<double>(tiles.tile_m * tiles.tile_n);
      auto const sums = static_cast<double>(tiles.splits * e.m * e.n * e.count);
      auto const extra = tiles.splits > 1 ? sums * (exact ? 0.1 : 1.5) : 0;
      auto const time = waves * (static_cast<double>(depth) + 64) * (products + loads * 8) + extra;
      if (time < least) least = time, best = tiles;
    }
  }
  return best;
}

/// What a product of a precision reads factors as: 16 bits where one of them is stored so, else float32.
inline dtype factor_element(std::initializer_list<operand_info const*> factors, precision p) {
  auto const narrow = stored_element(p);
  bool const stored = std::ranges::any_of(factors, [&](auto const* o) { return o->how.stored == narrow; });
  return stored ? narrow : dtype::undefined;
}

/// Candidates of a product by all precisions that the device has: `layouts(precision)` is what each asks for,
/// `build(node, precision)` makes it.
template <typename Layouts, typename Build>
std::vector<candidate> product_candidates(Layouts layouts, double cost, target const& t, Build build) {
  using enum precision;
  std::vector<candidate> all;
  for (auto const precision : {exact, tf32, float16, bfloat16}) {
    bool const is_there =
        precision == exact || t.has(feature::sm_80) || (precision == float16 && t.has(feature::sm_75));
    if (!is_there) continue;
    auto const gain = precision == exact ? 1 : precision == tf32 ? 8 : 16;
    all.push_back({.layouts = layouts(precision),
                   .cost = cost / gain,
                   .precision = precision,
                   .build = [build, precision](scheduled_node const& n) { return build(n, precision); }});
  }
  return all;
}

/// The function and arguments of bias, extras and result; `axes` are the coordinates of the form as axes of the result.
struct product_epilogue {
  device_epilogue what{};
  std::vector<address> places{};
};

inline product_epilogue epilogue_of(scheduled_node const& n, std::optional<expr::function> const& after,
                                    auto const& strides_along) {
  product_epilogue e;
  e.what.alignment = alignment_of(n);
  auto result = expr::input(0);
  std::size_t next = 1;
  auto const add = [&](std::size_t i) {
    e.what.arguments.push_back({n.inputs[i].element(), false, 0, strides_along(n.inputs[i], i == 2)});
    e.places.push_back(input_of(n, i));
    return expr::input(next++);
  };
  if (n.inputs.size() > 2 && n.inputs[2].present()) result = result + add(2);
  if (after) {
    std::vector<expr::value> operands{result};
    for (std::size_t i = 3; i < n.inputs.size(); ++i) operands.push_back(add(i));
    result = expr::substitute(*after, operands);
  }
  e.what.function = expr::flatten(result, next);
  e.what.arguments.push_back({n.outputs[0].element(), true, 0, strides_along(n.outputs[0], false)});
  e.places.push_back(output_of());
  return e;
}

/// Adds the launch of a product: with splits, sums go through a temporary.
inline void add_product(fragment& f, device_tiles const& tiles, device_sizes const& sizes, auto const& call, address a,
                        address b, product_epilogue e) {
  auto made = call(std::move(e.what));
  std::vector<address> places{a, b};
  if (tiles.splits > 1) {
    auto const step = static_cast<std::int32_t>(f.launches.size());
    places.push_back(f.temporary("sums of splits", split_bytes(sizes, tiles.splits), step, step));
    places.push_back(f.state(made.kernel.arguments[arrivals_argument].bytes));
  }
  places.insert(places.end(), e.places.begin(), e.places.end());
  f.add(std::move(made), std::move(places));
}

/// Whether the operands behind the product are floats that a function can read.
inline bool has_plain_extras(scheduled_node const& n) {
  return std::all_of(n.inputs.begin() + 2, n.inputs.end(),
                     [](operand_info const& o) { return !o.present() || o.type.element == dtype::float32; });
}

}  // namespace sinter::detail::cuda
