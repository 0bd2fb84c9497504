#pragma once

#include <sinter/schedules/convolution_weights.hpp>
#include <sinter/schedules/row_strips_shape.hpp>
#include <sinter/schedules/strip_image.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Expand, depthwise, project (an inverted residual), or two neighbours of these, also behind the first convolution of
/// a network, in strips of rows, so that the wide tensors between them never leave the near caches:
///
///     parallel for item, part of the rows:
///       for strip:
///         expand the rows that the strip needs anew                (into a ring of two strips, scratch)
///         depthwise rows of the ring, or of the input              (scratch)
///         project them
///
/// The ring has the rows of two strips, and the loop lists a strip for each half: no index is taken modulo.
namespace sinter {
namespace detail {

/// Builds the grids of one group.
class row_strips_code {
 public:
  row_strips_code(row_strips_shape const& s, scheduled_node const& n, target const& machine)
      : n_(n), machine_(machine), s_(s) {
    auto const operand_of = [&](scheduled_node const& each, convolution_shape const& c, bool depthwise, bool blocked) {
      stage made;
      made.weights = code_.weight(depthwise ? depthwise_weights(each, c)
                                            : pack_convolution(each.inputs[1], c, all_blocks(c), blocked));
      made.bias = bind_bias(each, code_);
      made.extras = bind_extras(each, each.op.attributes_as<fused_convolution::attributes>().epilogue, 3, 1, code_);
      return made;
    };
    if (s.expand) expand_ = operand_of(n.before[0], *s.expand, false, !s.from_image);
    depthwise_ = operand_of(s.project ? n.before.back() : n, s.depthwise, true, true);
    if (s.project) project_ = operand_of(n, *s.project, false, true);
    if (s.expand) ring_ = code_.scratch(s.depthwise.out_blocks() * ring_block());
    if (s.project) between_ = code_.scratch(s.depthwise.out_blocks() * s.strip_rows() * out_row());
  }

  fragment build() {
    auto const rows = s_.y().out;
    for (auto const& run : equal_runs(rows, ceil_div(rows, s_.parts())))
      for (std::int64_t i = 0; i < run.count; ++i) {
        auto const first = run.first + i * run.length;
        add_part(first, std::min(first + run.length, rows));
      }
    return std::move(code_);
  }

 private:
  static constexpr std::int64_t pixel = channel_block * 4;

  /// A convolution's constant operands.
  struct stage {
    address weights{};
    std::optional<address> bias{};
    bound_extras extras{};
  };

  std::int64_t wide_row() const { return s_.depthwise.window.x.in * pixel; }
  std::int64_t out_row() const { return s_.depthwise.window.x.out * pixel; }
  /// Bytes of one block of channels in the ring.
  std::int64_t ring_block() const { return 2 * s_.new_rows() * wide_row(); }

  /// Where a wide row lies in the ring: `row` counts from the first row that the strip of this half needs anew; those
  /// before it are at the end of the other half.
  std::int64_t slot(std::int64_t half, std::int64_t row) const {
    return row >= 0 ? half * s_.new_rows() + row : (1 - half) * s_.new_rows() + s_.new_rows() + row;
  }

  /// The first wide row that the strip of result row `out` needs anew.
  std::int64_t first_new(std::int64_t out) const { return s_.y().position(out - 1, s_.y().kernel - 1) + 1; }

  /// Neighbouring blocks of channels: those from `first` on; the loop around, of index `index`, moves on by `count`.
  struct block_range {
    std::int64_t first = 0, count = 1;
    std::size_t index = 0;
  };

  /// Where the blocks lie in a place whose blocks are `block` bytes each.
  static address moved(address at, block_range const& blocks, std::int64_t block) {
    at.offset += blocks.first * block;
    if (blocks.index != 0) at.stride[blocks.index] = blocks.count * block;
    return at;
  }

  /// The operands of blocks besides the input; their weights are `weights` bytes each, and they lie `y_block` bytes
  /// apart from `y` on.
  static void append(std::vector<address>& arguments, stage const& s, block_range const& blocks, std::int64_t weights,
                     address y, std::int64_t y_block) {
    y = moved(y, blocks, y_block);
    arguments.push_back(moved(s.weights, blocks, weights));
    if (s.bias) arguments.push_back(moved(*s.bias, blocks, pixel));
    strides step{};
    if (blocks.index != 0) step[blocks.index] = blocks.count;
    for (auto const& extra : s.extras.at(y.offset, blocks.first, y.stride, step)) arguments.push_back(extra);
    arguments.push_back(y);
  }

  /// Those of the wide rows [first, first + count) that lie in the image into the ring, the first of them to slot `to`.
  /// The loop moves on by `step` result rows a turn.
  void expand(std::vector<statement>& body, block_range const& blocks, std::int64_t first, std::int64_t count,
              std::int64_t to, std::int64_t step = 0) {
    auto const begin = std::clamp<std::int64_t>(-first, 0, count);
    auto const end = std::clamp<std::int64_t>(s_.y().in - first, begin, count);
    if (!s_.expand || begin == end) return;
    auto [kernel, x] = s_.from_image ? from_image(blocks, first + begin, end - begin, step)
                                     : from_wide(blocks, first + begin, end - begin, step);
    std::vector<address> arguments{x};
    auto ring = ring_;
    ring.offset += (to + begin) * wide_row();
    append(arguments, expand_, blocks, s_.expand->in_channels * s_.expand->taps() * pixel, ring, ring_block());
    body.push_back(code_.call(std::move(kernel), std::move(arguments)));
  }

  /// The kernel that makes wide rows [first, first + count), and what it reads.
  std::pair<vector::recipe, address> from_wide(block_range const& blocks, std::int64_t first, std::int64_t count,
                                               std::int64_t step) const {
    strip_pointwise k{.name = fmt::format("expand_{}x{}", count, s_.depthwise.window.x.in)};
    k.pixels = count * s_.depthwise.window.x.in;
    k.in_channels = s_.expand->in_channels;
    k.out_blocks = blocks.count;
    k.half_tail = s_.expand->half_tail() && blocks.first + blocks.count == s_.expand->out_blocks();
    k.x_block = s_.expand->in_plane() * pixel;
    k.y_block = ring_block();
    k.bias = expand_.bias.has_value();
    k.epilogue = expand_.extras.code;
    return {strip_pointwise_recipe(std::move(k), machine_), in_input(first, wide_row(), step * s_.stride())};
  }

  /// The same where an image is read.
  std::pair<vector::recipe, address> from_image(block_range const& blocks, std::int64_t first, std::int64_t count,
                                                std::int64_t step) const {
    auto const& image = s_.expand->window;
    auto const top = image.y.position(first, 0);
    auto const begin = std::max<std::int64_t>(top, 0), end = std::min(top + image.y.inputs(count), image.y.in);
    strip_image k{.name = fmt::format("image_{}x{}", count, image.x.out), .window = image};
    k.window.y = {end - begin, count, image.y.kernel, image.y.stride, image.y.dilation, begin - top};
    k.in_channels = s_.expand->in_channels;
    k.out_blocks = blocks.count;
    k.half_tail = s_.expand->half_tail() && blocks.first + blocks.count == s_.expand->out_blocks();
    k.x_channel = s_.expand->in_plane() * 4;
    k.y_block = ring_block();
    k.bias = expand_.bias.has_value();
    k.epilogue = expand_.extras.code;
    auto x = in_input(begin, image.x.in * 4, step * s_.stride() * image.y.stride);
    return {strip_image_recipe(std::move(k), machine_), x};
  }

  /// Expand and depthwise for `rows` result rows from `out` on, by a strip of this half.
  void widen(std::vector<statement>& body, block_range const& blocks, std::int64_t out, std::int64_t rows,
             std::int64_t half, std::int64_t step) {
    expand(body, blocks, first_new(out), rows * s_.stride(), half * s_.new_rows(), step);
    auto most = rows;
    while (most > 1 && s_.depthwise_rows(most).tile_columns(machine_) == 0) most /= 2;
    for (std::int64_t row = 0; row < rows; row += most)
      depthwise(body, blocks, out, row, std::min(most, rows - row), rows, half, step);
  }

  /// A strip of `rows` result rows from `out` on. Depthwise finds in the first-level cache what expand makes of a few
  /// blocks.
  void strip(std::vector<statement>& body, std::int64_t out, std::int64_t rows, std::int64_t half, std::int64_t step) {
    auto const all = s_.depthwise.out_blocks(), few = s_.expand ? convolution_interleave : all;
    auto const groups = all / few, rest = all % few;
    if (groups > 1) body.push_back({.what = statement::kind::loop, .turns = groups});
    std::size_t const index = groups > 1 ? grid_rank + (step != 0 ? 1 : 0) : 0;
    if (groups > 0) widen(body, {.count = few, .index = index}, out, rows, half, step);
    if (groups > 1) body.push_back({.what = statement::kind::end});
    if (rest > 0) widen(body, {.first = groups * few, .count = rest}, out, rows, half, step);
    if (s_.project) project(body, out, rows, step);
  }

  /// Of a strip of `rows` result rows from `out` on: the depthwise rows [row, row + count).
  void depthwise(std::vector<statement>& body, block_range const& blocks, std::int64_t out, std::int64_t row,
                 std::int64_t count, std::int64_t rows, std::int64_t half, std::int64_t step) {
    auto d = s_.depthwise_rows(count);
    auto const first = s_.y().position(out + row, 0);
    d.first_inside = std::clamp<std::int64_t>(-first, 0, d.input_rows());
    d.end_inside = std::clamp<std::int64_t>(s_.y().in - first, d.first_inside, d.input_rows());
    d.blocks = blocks.count;
    d.x_block = s_.expand ? ring_block() : s_.depthwise.in_plane() * pixel;
    d.y_row = out_row();
    d.y_block = s_.project ? rows * out_row() : s_.depthwise.out_plane() * pixel;
    d.bias = depthwise_.bias.has_value();
    d.epilogue = depthwise_.extras.code;
    std::vector<address> arguments;
    for (auto i = d.first_inside; i < d.end_inside; ++i)
      arguments.push_back(s_.expand ? in_ring(blocks, half, row * s_.stride() + i - s_.halo())
                                    : in_input(first + i, wide_row(), step * s_.stride()));
    auto y = s_.project ? between_ : in_output(out, step);
    y.offset += row * out_row();
    append(arguments, depthwise_, blocks, s_.depthwise.taps() * pixel, y, d.y_block);
    body.push_back(code_.call(strip_depthwise_recipe(std::move(d), machine_), std::move(arguments)));
  }

  address in_ring(block_range const& blocks, std::int64_t half, std::int64_t row) const {
    auto at = moved(ring_, blocks, ring_block());
    at.offset += slot(half, row) * wide_row();
    return at;
  }
  /// Row `row` of the group's input, whose rows are `bytes` apart; the loop moves on by `step` of them a turn.
  address in_input(std::int64_t row, std::int64_t bytes, std::int64_t step) const {
    address at{.in = space::input, .index = n_.before[0].first_input, .offset = row * bytes};
    at.stride[0] = n_.before[0].inputs[0].item_stride;
    at.stride[grid_rank] = step * bytes;
    return at;
  }

  /// Row `row` of the group's result; the loop moves on by `step` of them a turn.
  address in_output(std::int64_t row, std::int64_t step) const {
    address at{.in = space::output, .offset = row * out_row()};
    at.stride[0] = n_.outputs[0].item_stride;
    at.stride[grid_rank] = step * out_row();
    return at;
  }

  void project(std::vector<statement>& body, std::int64_t out, std::int64_t rows, std::int64_t step) {
    strip_pointwise k{.name = fmt::format("project_{}x{}", rows, s_.project->window.x.out)};
    k.pixels = rows * s_.project->window.x.out;
    k.in_channels = s_.project->in_channels;
    k.out_blocks = s_.project->out_blocks();
    k.half_tail = s_.project->half_tail();
    k.x_block = rows * out_row();
    k.y_block = s_.project->out_plane() * pixel;
    k.bias = project_.bias.has_value();
    k.epilogue = project_.extras.code;
    std::vector<address> arguments{between_};
    append(arguments, project_, {}, 0, in_output(out, step), 0);
    body.push_back(code_.call(strip_pointwise_recipe(std::move(k), machine_), std::move(arguments)));
  }

  /// The result rows [first, end).
  void add_part(std::int64_t first, std::int64_t end) {
    grid g{.extents = {s_.depthwise.items}};
    auto const rows = s_.strip_rows();
    auto const strip = [&](std::int64_t out, std::int64_t half, std::int64_t step) {
      this->strip(g.body, out, std::min(rows, end - out), half, step);
    };
    expand(g.body, {.count = s_.depthwise.out_blocks()}, first_new(first) - s_.halo(), s_.halo(),
           2 * s_.new_rows() - s_.halo());
    // Strips whose wide rows lie inside the image, in pairs.
    auto const inside = [&](std::int64_t out) {
      return out + 2 * rows <= end && s_.y().position(out, 0) >= 0 && first_new(out) + 2 * s_.new_rows() <= s_.y().in;
    };
    auto out = first;
    if (!inside(out) && out + 2 * rows <= end) strip(out, 0, 0), strip(out + rows, 1, 0), out += 2 * rows;
    std::int64_t pairs = 0;
    while (inside(out + pairs * 2 * rows)) ++pairs;
    if (pairs > 0) {
      g.body.push_back({.what = statement::kind::loop, .turns = pairs});
      strip(out, 0, 2 * rows);
      strip(out + rows, 1, 2 * rows);
      g.body.push_back({.what = statement::kind::end});
      out += pairs * 2 * rows;
    }
    for (std::int64_t half = 0; out < end; out += rows, half = 1 - half) strip(out, half, 0);
    code_.add(std::move(g));
  }

  scheduled_node const& n_;
  target machine_;
  row_strips_shape s_;
  stage expand_{}, depthwise_{}, project_{};
  address ring_{}, between_{};
  fragment code_{};
};

inline std::vector<candidate> row_strips_offer(scheduled_node const& n, target const& t) {
  auto const s = row_strips_of(n, t);
  if (!s) return {};
  auto far = n;  // what goes in and out of the group
  far.inputs.push_back(n.before[0].inputs[0]);
  far.inputs[0] = {};
  return {{.layouts = row_strips_layouts(n, *s),
           .cost = row_strips_cost(*s) + far_traffic_cost(far),
           .build = [s = *s, t](scheduled_node const& at) { return row_strips_code(s, at, t).build(); }}};
}

}  // namespace detail

inline constexpr schedule image_strips_schedule{
    .name = "row strips from an image", .offer = detail::row_strips_offer, .match = detail::image_strips_match};

inline constexpr schedule row_strips_schedule{
    .name = "row strips", .offer = detail::row_strips_offer, .match = detail::row_strips_match};

}  // namespace sinter
