#pragma once

#include <sinter/expr/text.hpp>
#include <sinter/schedules/winograd_filter.hpp>
#include <sinter/schedules/winograd_input.hpp>
#include <sinter/schedules/winograd_output.hpp>
#include <sinter/schedules/winograd_weights.hpp>

#include "harness.hpp"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

/// A whole Winograd convolution, kernel by kernel, on memory whose bounds are checked.
namespace sinter::test {

using floats = std::vector<float>;

inline floats normal_floats(std::int64_t count, std::uint32_t seed, float scale = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> draw(0, scale);
  floats v(static_cast<std::size_t>(count));
  for (auto& x : v) x = draw(engine);
  return v;
}

/// `axis` of a 3x3 convolution.
inline window_axis winograd_axis(std::int64_t in, std::int64_t pad_begin, std::int64_t pad_end) {
  return {.in = in, .out = in + pad_begin + pad_end - 2, .kernel = 3, .pad_begin = pad_begin};
}

struct winograd_case {
  winograd_shape shape{};
  std::int64_t items = 1;
  std::int64_t chunk_rows = 2;   ///< rows of tiles in a chunk
  std::int64_t row_tiles = 100;  ///< tiles of a row in a chunk, at most
  std::int64_t interleave = 2;
  bool bias = true;
  std::string epilogue{};
  std::vector<extra_kind> extras{};

  window_axis const& y() const { return shape.window.y; }
  window_axis const& x() const { return shape.window.x; }
};

/// An operand of a kernel: memory from `at` on.
struct bounded {
  floats* memory;
  std::int64_t at = 0;  ///< bytes
};

class winograd_chain {
 public:
  winograd_chain(winograd_case c, target const& machine, kernel_runner run)
      : c_(std::move(c)), s_(c_.shape), machine_(machine), run_(std::move(run)) {
    code_.extras = c_.extras;
    if (!c_.epilogue.empty()) code_.function = expr::expand(expr::parse(c_.epilogue, 1 + c_.extras.size()));
    auto const pixels = c_.y().in * c_.x().in, results = c_.y().out * c_.x().out;
    x_ = normal_floats(c_.items * s_.in_blocks() * pixels * 16, 1);
    auto const scale = 1 / std::sqrt(static_cast<float>(9 * s_.in_channels));
    w_ = any_tensor::of<float>({s_.out_channels, s_.in_channels, 3, 3},
                               normal_floats(s_.out_channels * s_.in_channels * 9, 2, scale));
    bias_ = normal_floats(s_.out_blocks() * 16, 3);
    y_.assign(static_cast<std::size_t>(c_.items * s_.out_blocks() * results * 16), NAN);
    for (std::size_t i = 0; i < c_.extras.size(); ++i)
      extras_.push_back(normal_floats(static_cast<std::int64_t>(y_.size()), 4 + static_cast<std::uint32_t>(i)));
  }

  /// The result, in blocked layout.
  floats const& compute() {
    auto const pack = s_.filters ? packed_winograd_filters : packed_winograd;
    auto const packed = pack("w", w_, s_, c_.interleave);
    u_.assign(static_cast<std::size_t>(packed.bytes / 4), NAN);
    packed.fill(reinterpret_cast<std::byte*>(u_.data()));
    auto const columns = single_runs(tile_axis(winograd_input_axis(c_.x(), s_.m), c_.row_tiles));
    for (item_ = 0; item_ < c_.items; ++item_)
      for (std::int64_t row = 0; row < s_.tile_rows(); row += c_.chunk_rows)
        for (auto const& x : columns) chunk(row, std::min(c_.chunk_rows, s_.tile_rows() - row), x);
    return y_;
  }

  /// The greatest difference from a direct convolution in double, as a part of the rms of its result.
  double error() const {
    double worst = 0, squares = 0, count = 0;
    for (std::int64_t n = 0; n < c_.items; ++n)
      for (std::int64_t k = 0; k < s_.out_channels; ++k)
        for (std::int64_t i = 0; i < c_.y().out; ++i)
          for (std::int64_t j = 0; j < c_.x().out; ++j) {
            auto const at = out_at(n, k, i, j);
            auto const expected = finish(direct(n, k, i, j), n, k, at);
            auto const difference = std::fabs(expected - double{y_[static_cast<std::size_t>(at)]});
            worst = std::max(worst, std::isfinite(difference) ? difference : INFINITY);
            squares += expected * expected, ++count;
          }
    return worst / std::sqrt(squares / count);
  }

  /// Every lane, also those past the last channel, is finite.
  bool finite() const {
    return std::ranges::all_of(y_, [](float v) { return std::isfinite(v); });
  }

 private:
  void call(vector::recipe const& recipe, std::vector<bounded> const& operands) {
    auto const [at, fresh] = kernels_.try_emplace(recipe.key());
    if (fresh) {
      at->second.program = recipe.make();
      CHECK_NOTHROW(vector::verify(at->second.program));
      at->second.function = run_(at->second.program);
    }
    auto const& kernel = at->second.program;
    REQUIRE(kernel.arguments.size() == operands.size());
    std::vector<std::byte*> pointers;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      auto const& [memory, from] = operands[i];
      auto const size = static_cast<std::int64_t>(memory->size() * 4);
      INFO(kernel.name << " argument " << kernel.arguments[i].name << ": " << from << " + " << kernel.arguments[i].bytes
                       << " of " << size);
      if (from < 0 || from + kernel.arguments[i].bytes > size) FAIL("out of bounds");
      pointers.push_back(reinterpret_cast<std::byte*>(memory->data()) + from);
    }
    at->second.function(pointers.data());
  }

  /// Every run by itself, described by the first one of its class: that must do for all of them.
  struct single_run {
    tile_run described, place;
  };
  static std::vector<single_run> single_runs(std::vector<tile_run> const& runs) {
    std::vector<single_run> all;
    for (auto const& run : runs)
      for (std::int64_t i = 0; i < run.count; ++i)
        all.push_back({run, {.first = run.first + i * run.length, .length = run.length}});
    return all;
  }
  static single_run run_at(window_axis const& axis, std::int64_t most, std::int64_t first) {
    for (auto const& run : single_runs(tile_axis(axis, most)))
      if (run.place.first == first) return run;
    FAIL("no run starts at tile " << first);
    return {};
  }

  void chunk(std::int64_t first, std::int64_t rows, single_run const& x) {
    auto const tiles = rows * x.place.length;
    auto const v = planes_of_winograd(s_.in_blocks(), tiles), m = planes_of_winograd(s_.out_blocks(), tiles);
    v_.assign(static_cast<std::size_t>(v.bytes(s_.points()) / 4), NAN);
    m_.assign(static_cast<std::size_t>(m.bytes(s_.points()) / 4), NAN);
    for (auto row = first; row < first + rows; ++row) transform_input(row, x, v, (row - first) * x.place.length);
    s_.filters ? contract_filters(v, m, tiles) : contract(v, m, tiles);
    for (auto row = first; row < first + rows; ++row) transform_output(row, x, m, (row - first) * x.place.length);
  }

  void transform_input(std::int64_t row, single_run const& x, winograd_planes const& v, std::int64_t tile) {
    auto const y_axis = winograd_input_axis(c_.y(), s_.m), x_axis = winograd_input_axis(c_.x(), s_.m);
    auto const y = run_at(y_axis, 1, row);
    auto const t = winograd_input_of(s_, y.described, x.described, v);
    floats scratch(static_cast<std::size_t>(t.scratch_bytes() / 4), NAN);
    auto const at = winograd_part_inside(y_axis, y.place).at * t.x_row + winograd_part_inside(x_axis, x.place).at * 64;
    call(winograd_input_recipe(t, machine_),
         {{&x_, item_ * s_.in_blocks() * t.x_block + at}, {&v_, tile * t.v.tile}, {&scratch}});
  }

  void contract(winograd_planes const& v, winograd_planes const& m, std::int64_t tiles) {
    auto const blocks = s_.out_blocks();
    auto const shape = register_tile_of_winograd(tiles, blocks, machine_);
    for (std::int64_t point = 0; point < s_.points(); ++point)
      for (std::int64_t block = 0; block < blocks; block += shape.blocks)
        for (auto const& run : equal_runs(tiles, shape.tiles))
          for (std::int64_t i = 0; i < run.count; ++i) {
            auto const tile = run.first + i * run.length;
            auto const t = winograd_contraction(s_, v, m, run.length, block, std::min(shape.blocks, blocks - block),
                                                c_.interleave);
            call(contraction_recipe(t, machine_), {{&v_, point * v.point + tile * v.tile},
                                                   {&u_, winograd_weights_at(s_, point, block, c_.interleave)},
                                                   {&m_, point * m.point + block * m.block + tile * m.tile}});
          }
  }

  void contract_filters(winograd_planes const& v, winograd_planes const& m, std::int64_t tiles) {
    for (std::int64_t block = 0; block < s_.out_blocks(); block += c_.interleave) {
      auto const blocks = std::min(c_.interleave, s_.out_blocks() - block);
      winograd_filter_product const p{.m = s_.m,
                                      .in_channels = s_.in_channels,
                                      .tiles = tiles,
                                      .blocks = blocks,
                                      .interleave = c_.interleave,
                                      .v = v,
                                      .sums = m,
                                      .most = register_tile_of_winograd(tiles, blocks, machine_)};
      floats scratch(static_cast<std::size_t>(p.scratch_bytes() / 4), NAN);
      call(winograd_filter_recipe(p, machine_),
           {{&u_, block / c_.interleave * p.group_bytes()}, {&v_}, {&m_, block * m.block}, {&scratch}});
    }
  }

  void transform_output(std::int64_t row, single_run const& in, winograd_planes const& m, std::int64_t tile) {
    auto const y = run_at(winograd_output_axis(c_.y(), s_.m), 1, row);
    auto const x = run_at(winograd_output_axis(c_.x(), s_.m), c_.row_tiles, in.place.first);
    auto const t = winograd_output_of(s_, y.described, x.described, m, s_.out_blocks(), c_.bias, code_);
    floats scratch(static_cast<std::size_t>(t.scratch_bytes(machine_) / 4), NAN);
    auto const at = item_ * s_.out_blocks() * t.y_block + row * s_.m * t.y_row + x.place.first * s_.m * 64;
    std::vector<bounded> operands{{&m_, tile * t.planes.tile}};
    if (c_.bias) operands.push_back({&bias_});
    for (std::size_t i = 0; i < c_.extras.size(); ++i)
      operands.push_back({&extras_[i], c_.extras[i] == extra_kind::element        ? at
                                       : c_.extras[i] == extra_kind::item_channel ? item_ * s_.out_blocks() * 64
                                                                                  : 0});
    operands.push_back({&y_, at});
    if (!scratch.empty()) operands.push_back({&scratch});
    call(winograd_output_recipe(t, machine_), operands);
  }

  std::int64_t out_at(std::int64_t n, std::int64_t k, std::int64_t i, std::int64_t j) const {
    return (((n * s_.out_blocks() + k / 16) * c_.y().out + i) * c_.x().out + j) * 16 + k % 16;
  }

  double direct(std::int64_t n, std::int64_t k, std::int64_t i, std::int64_t j) const {
    auto const w = w_.as<float>();
    double sum = c_.bias ? bias_[static_cast<std::size_t>(k)] : 0;
    for (std::int64_t a = 0; a < 3; ++a)
      for (std::int64_t b = 0; b < 3; ++b) {
        if (!c_.y().inside(i, a) || !c_.x().inside(j, b)) continue;
        auto const row = c_.y().position(i, a), column = c_.x().position(j, b);
        for (std::int64_t c = 0; c < s_.in_channels; ++c) {
          auto const at = (((n * s_.in_blocks() + c / 16) * c_.y().in + row) * c_.x().in + column) * 16 + c % 16;
          sum += double{x_[static_cast<std::size_t>(at)]} *
                 double{w[static_cast<std::size_t>(((k * s_.in_channels + c) * 3 + a) * 3 + b)]};
        }
      }
    return sum;
  }

  double finish(double value, std::int64_t n, std::int64_t k, std::int64_t at) const {
    if (code_.empty()) return value;
    std::vector<float> operands{static_cast<float>(value)};
    for (std::size_t i = 0; i < c_.extras.size(); ++i) {
      auto const kind = c_.extras[i];
      auto const from = kind == extra_kind::element        ? at
                        : kind == extra_kind::channel      ? k
                        : kind == extra_kind::item_channel ? n * s_.out_blocks() * 16 + k
                                                           : 0;
      operands.push_back(extras_[i][static_cast<std::size_t>(from)]);
    }
    return double{expr::evaluate(code_.function, operands.data())};
  }

  struct prepared {
    vector::program program{};
    kernel_call function{};
  };

  winograd_case c_;
  winograd_shape const& s_;
  target machine_;
  kernel_runner run_;
  epilogue_code code_{};
  floats x_, u_, v_, m_, bias_, y_;
  any_tensor w_;
  std::vector<floats> extras_;
  std::map<std::string, prepared> kernels_;
  std::int64_t item_ = 0;
};

}  // namespace sinter::test
