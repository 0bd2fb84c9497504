#pragma once

#include <sinter/schedules/contraction_tile.hpp>
#include <sinter/schedules/depthwise_tile.hpp>
#include <sinter/schedules/requantize.hpp>
#include <sinter/vector/builder.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// The kernel of a class of tiles of a depthwise convolution: see depthwise.hpp.
namespace sinter::detail {

struct depthwise_kernel {
  static constexpr std::int64_t channel_bytes = channel_block * 4;  ///< of a value for each channel of a block

  window2d window{};
  tile_class tile{};
  std::int64_t x_origin = 0;  ///< where tap (0,0) of the first pixel lies, in bytes from the argument `x`
  std::int64_t x_bytes = 0;   ///< that the tile reaches from there on
  bool bias = false;
  epilogue_code epilogue{};
  std::optional<quantized_tile> quantized{};  ///< 8-bit integers, whose operands `bias` and scale come after weights
  std::int32_t padding = 0;                   ///< what integers in the padding are

  std::int64_t pixel_bytes() const { return quantized ? channel_block : channel_bytes; }

  vector::recipe recipe(target const& t) const {
    vector::recipe_key key("depthwise", t);
    auto const add = [&](window_axis const& axis, tile_run const& run) {
      key.add(axis.in).add(axis.out).add(axis.kernel).add(axis.stride).add(axis.dilation).add(axis.pad_begin);
      key.add(run.first).add(run.length);
    };
    add(window.y, tile.y);
    add(window.x, tile.x);
    epilogue.add_to(key.add(x_origin).add(x_bytes).add(bias));
    add_quantized(key.add(padding), quantized);
    return {key.take(), [kernel = *this, t] { return kernel.build(t); }};
  }

 private:
  struct pointers {
    vector::pointer x{}, w{}, bias{}, scale{}, y{};
    std::vector<vector::pointer> extras{};
  };
  using place_list = std::vector<applied_epilogue::place>;

  vector::program build(target const& t) const {
    vector::builder b(
        fmt::format("depthwise{}x{}_{}x{}", window.y.kernel, window.x.kernel, tile.y.length, tile.x.length), t.lanes());
    auto const pixel = pixel_bytes(), in_row = window.x.in * pixel, out_row = window.x.out * pixel;
    auto const o = declare(b, (tile.y.length - 1) * out_row + tile.x.length * pixel);
    auto const outside = padding != 0 ? b.constant(static_cast<float>(padding)) : vector::reg{};
    for (int half = 0; half < t.registers_per_block(); ++half) {
      auto const at = half * b.register_bytes(), at_pixel = pixel * half * b.lanes() / channel_block;
      bool const starts_with_bias = bias && !quantized;
      auto const first = starts_with_bias ? b.load(o.bias.at(at)) : b.zero();
      std::vector<vector::reg> sums{first};
      for (std::int64_t p = 1; p < tile.pixels(); ++p) sums.push_back(starts_with_bias ? b.mov(first) : b.zero());
      auto const input = [&](std::int64_t row, std::int64_t col) {
        return o.x.at(x_origin + row * in_row + col * pixel + at_pixel);
      };
      auto const weight = [&](std::int64_t ky, std::int64_t kx) {
        return o.w.at((ky * window.x.kernel + kx) * channel_bytes + at);
      };
      depthwise_emitter(b, window, tile, t.registers(), input, weight, outside).emit(sums);
      place_list places;
      for (std::int64_t p = 0; p < tile.pixels(); ++p)
        places.push_back({p / tile.x.length * out_row + p % tile.x.length * pixel + at_pixel, at, b.lanes()});
      quantized ? requantize(b, o, sums, places) : finish(b, o, sums, places, t);
    }
    return std::move(b).take();
  }

  pointers declare(vector::builder& b, std::int64_t y_bytes) const {
    using vector::access;
    using enum vector::element;
    pointers o;
    o.x = b.argument("x", access::in, x_origin + x_bytes, !quantized ? f32 : quantized->is_signed ? s8 : u8);
    o.w = b.argument("w", access::constant, window.y.kernel * window.x.kernel * channel_bytes);
    if (bias) o.bias = b.argument("b", access::constant, channel_bytes, quantized ? i32 : f32);
    if (quantized) o.scale = b.argument("s", access::constant, channel_bytes);
    o.extras = epilogue.declare(b, y_bytes, channel_bytes, quantized ? quantized->addend_element() : f32);
    o.y = b.argument("y", access::out, y_bytes, !quantized ? f32 : quantized->signed_result ? s8 : u8);
    return o;
  }

  void finish(vector::builder& b, pointers const& o, std::vector<vector::reg> const& sums, place_list const& places,
              target const& t) const {
    applied_epilogue const applied(epilogue, b, o.extras);
    applied.each(
        places, t.registers() - static_cast<int>(sums.size()), [&](std::size_t p) { return sums[p]; },
        [&](std::size_t p, vector::reg v) { b.store(o.y.at(places[p].at), v); });
  }

  void requantize(vector::builder& b, pointers const& o, std::vector<vector::reg> const& sums,
                  place_list const& places) const {
    using enum vector::opcode;
    constexpr auto integer = vector::register_type::i32;
    requantization const scaled(*quantized, b, static_cast<int>(sums.size()) + 1);
    auto const first = b.load(o.bias.at(places[0].channel_at), 0, integer);
    auto const scale = b.load(o.scale.at(places[0].channel_at));
    for (std::size_t p = 0; p < sums.size(); ++p) {
      auto const sum = b.binary(iadd, b.unary(to_i32, sums[p], integer), first, integer);
      auto const at = places[p].at;
      b.store(o.y.at(at), scaled(sum, scale, o.extras, at, b.lanes()));
    }
  }
};

}  // namespace sinter::detail
