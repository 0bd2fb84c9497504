#pragma once

#include <sinter/schedules/bfloat16_pairs.hpp>
#include <sinter/schedules/convolution_shape.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/schedules/tile_product.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Convolution of a blocked input, rounded to bfloat16, by tiles:
///
///     x, with zeros around it, 32 channels of a pixel side by side = round input
///     parallel for item, 2 output blocks, some rows of the output or up to 128 pixels of one: tile product
///
/// Where the window is one pixel, the plane is one row.
namespace sinter {
namespace detail {

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

/// Builds the grids of one convolution.
class tile_convolution_code {
 public:
  tile_convolution_code(convolution_shape const& s, scheduled_node const& n, target const& machine)
      : n_(n), machine_(machine), s_(s) {
    auto const window = s.window.flattened();
    image_ = {.chunks = s.in_channels / tile_depth, .y = {window.y}, .x = {window.x}};
  }

  fragment build() {
    add_image();
    w_ = code_.weight(pack());
    if (has_input(n_, 2)) bias_ = code_.weight(pack_vector(n_.inputs[2]));
    extras_ = bind_extras(n_, n_.op.attributes_as<fused_convolution::attributes>().epilogue, 3, 1, code_);
    scratch_ = code_.scratch(tile_product_scratch);
    for (auto const& columns : full_runs(s_.out_blocks(), blocks_of_task())) add_columns(columns);
    return std::move(code_);
  }

 private:
  /// The rows of a call, and where those of the next begin.
  struct call_rows {
    tile_run lines, pixels;  ///< of the output: lines that are multiplied together, or pixels of one
  };

  std::int64_t lines() const { return joins_lines() ? 1 : image_.y.a.out; }
  std::int64_t line() const { return joins_lines() ? image_.y.a.out * image_.x.a.out : image_.x.a.out; }
  /// Whether no pixels lie between the lines of the output.
  bool joins_lines() const { return image_.x.extent() == image_.x.a.out; }
  std::int64_t blocks_of_task() const { return lines() * line() <= tile_rows ? 4 : 2; }

  packing pack() const {
    weight_source source{
        .tensor = *n_.inputs[1].constant, .outputs = s_.out_channels, .output_step = s_.in_channels * s_.taps()};
    for (std::int64_t c = 0; c < s_.in_channels; c += tile_depth)
      source.chunks.push_back({.first = c * s_.taps(), .channels = tile_depth, .taps = s_.taps()});
    auto floats = packed(fmt::format("tile_convolution:{}", n_.inputs[1].constant_key), std::move(source), 1);
    return paired(std::move(floats), channel_block);
  }

  void add_image() {
    x_ = code_.temporary("bf16", checked_mul(s_.items, image_.item_bytes()), 0, 1);
    for (std::int64_t phase = 0; phase < image_.y.phases(); ++phase) {
      auto const inside = image_.y.inside(phase);
      auto const end = inside.first + inside.length;
      if (inside.length > 0) round_rows(phase, inside);
      for (std::int64_t of_x = 0; of_x < image_.x.phases(); ++of_x) {
        zero_rows(image_.phase_at(phase, of_x), inside.first);
        zero_rows(image_.phase_at(phase, of_x) + end * image_.row_bytes(), image_.y.extent() - end);
      }
    }
    code_.barrier();
  }

  void round_rows(std::int64_t phase, tile_run const& inside) {
    auto const in_row = image_.x.a.in * 64, in_plane = s_.in_plane() * 64, out_row = image_.row_bytes();
    for (auto const& rows : equal_runs(inside.length, std::max<std::int64_t>(1, task_bytes / out_row))) {
      vector::recipe_key key("round_tiles", machine_);
      auto const& along = image_.x.a;
      key.add(rows.length).add(in_plane).add(image_.phase_bytes()).add(image_.y.a.stride);
      key.add(along.in).add(along.out).add(along.kernel).add(along.stride).add(along.dilation).add(along.pad_begin);
      auto const first = inside.first + rows.first;
      address const x{.in = space::input,
                      .index = 0,
                      .offset = image_.y.input(phase, first) * in_row,
                      .stride = {n_.inputs[0].item_stride, 2 * in_plane, rows.length * image_.y.a.stride * in_row}};
      code_.add({key.take(), [image = image_, rows, in_plane,
                              t = machine_] { return tile_image_kernel(image, rows.length, in_plane, t); }},
                {s_.items, image_.chunks, rows.count},
                {x, moved(x_, image_.phase_at(phase, 0) + first * out_row,
                          {image_.item_bytes(), image_.chunk_bytes(), rows.length * out_row})});
    }
  }

  /// `count` rows of zeros at byte `at` of each chunk.
  void zero_rows(std::int64_t at, std::int64_t count) {
    if (count == 0) return;
    vector::recipe_key key("zero_tiles", machine_);
    auto const bytes = count * image_.row_bytes();
    key.add(bytes);
    code_.add({key.take(), [bytes, t = machine_] { return zero_rows_kernel(bytes, t); }}, {s_.items, image_.chunks},
              {moved(x_, at, {image_.item_bytes(), image_.chunk_bytes()})});
  }

  tile_product product(std::int64_t blocks, call_rows const& rows) const {
    tile_product p{.name = fmt::format("tile_conv{}x{}_{}x{}", s_.window.y.kernel, s_.window.x.kernel,
                                       rows.lines.length * rows.pixels.length, blocks)};
    p.rows = rows.pixels.length;
    p.lines = rows.lines.length;
    p.line_pitch = p.lines == 1 ? p.rows : image_.x.extent();
    p.x_row = 64;
    p.chunks = image_.chunks;
    p.x_chunk = image_.chunk_bytes();
    p.taps = image_.taps();
    p.w_row = channel_block * 4;
    p.blocks = blocks;
    p.w_block = p.steps() * p.w_step();
    p.y_row = channel_block * 4;
    p.y_block = s_.out_plane() * channel_block * 4;
    p.bias = bias_.has_value();
    p.epilogue = extras_.code;
    return p;
  }

  /// Lines that are multiplied together: as many as make the fewest tiles.
  std::int64_t lines_of_call() const {
    auto const pitch = image_.x.extent(), most = (most_tile_product_rows - line()) / pitch + 1;
    auto const tiles = [&](std::int64_t count) {
      return count == 0 ? 0 : ceil_div((count - 1) * pitch + line(), tile_rows);
    };
    std::int64_t best = 1;
    for (std::int64_t count = 1; count <= std::min(most, lines()); ++count) {
      auto const all = [&](std::int64_t c) { return lines() / c * tiles(c) + tiles(lines() % c); };
      if (all(count) <= all(best)) best = count;
    }
    return best;
  }

  void add_columns(tile_run const& columns) {
    auto const pixels = full_runs(line(), most_tile_product_rows);
    if (lines() == 1 || pixels.size() > 1 || pixels[0].count > 1) {
      for (auto const& run : pixels) add_products(columns, {{.count = lines()}, run});
    } else {
      for (auto const& run : full_runs(lines(), lines_of_call())) add_products(columns, {run, {.length = line()}});
    }
  }

  void add_products(tile_run const& columns, call_rows const& rows) {
    auto p = product(columns.length, rows);
    auto const& [lines, pixels] = rows;
    bool const along = pixels.count > 1;  // calls of several times go along lines, or down
    auto const x_line = image_.row_bytes(), y_line = line() * p.y_row;
    auto const x_next = lines.length * x_line, y_next = lines.length * y_line;
    auto const most = along ? pixels.count : lines.count;
    p.x_time = along ? pixels.length * p.x_row : x_next;
    for (auto const& calls : full_runs(most, contiguous(along, pixels) ? tile_product_times(p, most) : 1)) {
      p.times = calls.length;
      auto const x = lines.first * x_line + pixels.first * p.x_row,
                 y_at = lines.first * y_line + pixels.first * p.y_row;
      auto const y_time = p.lines * p.rows * p.y_row;
      auto const others = along ? lines.count : 1;
      std::vector<address> arguments{
          moved(x_, x + calls.first * p.x_time, {image_.item_bytes(), 0, x_next, calls.length * p.x_time}),
          moved(w_, columns.first * p.w_block, {0, columns.length * p.w_block})};
      if (bias_) arguments.push_back(moved(*bias_, columns.first * 64, {0, columns.length * 64}));
      address const y{.in = space::output,
                      .index = 0,
                      .offset = columns.first * p.y_block + y_at + calls.first * (along ? y_time : y_next),
                      .stride = {n_.outputs[0].item_stride, columns.length * p.y_block, y_next,
                                 calls.length * (along ? y_time : y_next)}};
      for (auto& extra : extras_.at(y.offset, columns.first, y.stride, {0, columns.length})) arguments.push_back(extra);
      arguments.insert(arguments.end(), {scratch_, y});
      code_.add(tile_product_recipe(p, machine_), {s_.items, columns.count, others, calls.count}, std::move(arguments));
    }
  }

  /// Whether the results of several times of a call lie side by side.
  bool contiguous(bool along, tile_run const& pixels) const { return along || pixels.length == line(); }

  scheduled_node const& n_;
  target machine_;
  convolution_shape s_;
  tile_image image_{};
  address x_{}, w_{}, scratch_{};
  std::optional<address> bias_{};
  bound_extras extras_{};
  fragment code_{};
};

inline constexpr std::int64_t most_tile_taps = 64;  ///< each is code

inline std::vector<candidate> tile_convolution_offer(scheduled_node const& n, target const& t) {
  if (!multiplies_tiles(t) || !is_plain_convolution(n)) return {};
  auto const s = shape_of_convolution(n);
  if (s.groups != 1 || s.in_channels % tile_depth != 0) return {};
  if (s.window.y.pad_begin < 0 || s.window.x.pad_begin < 0 || s.taps() > most_tile_taps) return {};
  auto const pixels = s.window.flattened().x.out;
  return {{.layouts = blocked_convolution_layouts(n, layout::blocked),
           .cost = tile_product_cost(direct_convolution_cost(s), pixels) + rounding_cost(n) + far_traffic_cost(n),
           .weight_growth = 0.5,
           .precision = precision::bfloat16,
           .build = [s, t](scheduled_node const& at) { return tile_convolution_code(s, at, t).build(); }}};
}

}  // namespace detail

inline constexpr schedule tile_convolution_schedule{.name = "bf16 tile convolution",
                                                    .offer = detail::tile_convolution_offer};

}  // namespace sinter
