#pragma once

#include <sinter/program/fragment.hpp>
#include <sinter/schedules/spatial_tiles.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/recipe.hpp>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

/// Inputs of convolutions as tiles read them: rounded to bfloat16, with their padding, in the arena.
namespace sinter::detail {

/// One axis of the rounded input, in phases: each has every `stride`-th pixel of the padded input, so that windows of
/// neighbouring results begin at neighbouring pixels of a phase.
struct tile_image_axis {
  window_axis a{};

  std::int64_t phases() const { return a.kernel == 1 ? 1 : a.stride; }
  /// Pixels of each phase that windows reach.
  std::int64_t extent() const { return a.out + (a.kernel - 1) * a.dilation / a.stride; }
  std::int64_t tap_phase(std::int64_t k) const { return k * a.dilation % a.stride; }
  std::int64_t tap_pixel(std::int64_t k) const { return k * a.dilation / a.stride; }
  /// Where pixel `e` of a phase lies in the input.
  std::int64_t input(std::int64_t phase, std::int64_t e) const { return e * a.stride + phase - a.pad_begin; }
  /// The pixels of a phase that lie in the input.
  tile_run inside(std::int64_t phase) const {
    tile_run run{.length = 0};
    while (run.first < extent() && input(phase, run.first) < 0) ++run.first;
    while (run.first + run.length < extent() && input(phase, run.first + run.length) < a.in) ++run.length;
    return run;
  }
};

/// The rounded input: [item][chunk of 32 channels][phase of y][phase of x][height][width][32].
struct tile_image {
  std::int64_t chunks = 0;
  tile_image_axis y{}, x{};

  std::int64_t row_bytes() const { return x.extent() * 64; }
  std::int64_t phase_bytes() const { return y.extent() * row_bytes(); }
  std::int64_t phase_at(std::int64_t of_y, std::int64_t of_x) const {
    return (of_y * x.phases() + of_x) * phase_bytes();
  }
  std::int64_t chunk_bytes() const { return phase_at(y.phases(), 0); }
  std::int64_t item_bytes() const { return chunks * chunk_bytes(); }
  /// Where the windows' taps begin, row by row.
  std::vector<std::int64_t> taps() const {
    std::vector<std::int64_t> all;
    for (std::int64_t i = 0; i < y.a.kernel; ++i)
      for (std::int64_t k = 0; k < x.a.kernel; ++k)
        all.push_back(phase_at(y.tap_phase(i), x.tap_phase(k)) + y.tap_pixel(i) * row_bytes() + x.tap_pixel(k) * 64);
    return all;
  }
};

/// Rounds `rows` rows of two blocks of channels, `plane` bytes apart, to one chunk, all phases of x.
inline vector::program tile_image_kernel(tile_image const& image, std::int64_t rows, std::int64_t plane,
                                         target const& t) {
  vector::builder b("round_tiles", t.lanes());
  using vector::access;
  auto const& along = image.x;
  auto const in_row = along.a.in * 64, in_step = image.y.a.stride * in_row;
  auto const x = b.argument("x", access::in, plane + (rows - 1) * in_step + in_row);
  auto const y = b.argument("y", access::out, image.phase_at(0, along.phases() - 1) + rows * image.row_bytes(),
                            vector::element::i32);
  auto const zero = b.zero(vector::register_type::i32);
  b.loop(rows, {{x, in_step}, {y, image.row_bytes()}}, [&] {
    for (std::int64_t phase = 0; phase < along.phases(); ++phase) {
      auto const to = image.phase_at(0, phase);
      auto const inside = along.inside(phase);
      for (std::int64_t k = 0; k < along.extent(); ++k)
        if (k < inside.first || k >= inside.first + inside.length) b.store(y.at(to + k * 64), zero);
      if (inside.length == 0) continue;
      auto const from = along.input(phase, inside.first) * 64;
      b.loop(inside.length, {{x, along.a.stride * 64}, {y, 64}}, [&] {
        b.store(y.at(to + inside.first * 64), b.pack_bf16(b.load(x.at(from)), b.load(x.at(from + plane))));
      });
    }
  });
  return std::move(b).take();
}

inline vector::program zero_rows_kernel(std::int64_t bytes, target const& t) {
  vector::builder b("zero_tiles", t.lanes());
  auto const y = b.argument("y", vector::access::out, bytes, vector::element::i32);
  auto const zero = b.zero(vector::register_type::i32);
  b.loop(bytes / 64, {{y, 64}}, [&] { b.store(y.at(0), zero); });
  return std::move(b).take();
}

/// Adds a grid that makes `bytes` bytes of `to` zeros.
inline void add_zeros(fragment& code, address const& to, std::array<extent, grid_rank> const& tasks, std::int64_t bytes,
                      target const& t) {
  if (bytes == 0) return;
  vector::recipe_key key("zero_tiles", t);
  key.add(bytes);
  code.add({key.take(), [bytes, t] { return zero_rows_kernel(bytes, t); }}, tasks, {to});
}

}  // namespace sinter::detail
