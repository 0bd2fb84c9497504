#pragma once

#include <sinter/ops/fused_gemm.hpp>
#include <sinter/schedules/bfloat16_pairs.hpp>
#include <sinter/schedules/block_runs.hpp>
#include <sinter/schedules/contraction_rows.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/gemm_shape.hpp>
#include <sinter/schedules/half_weights.hpp>
#include <sinter/schedules/pack_weights.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Matrix product of row-major activations with a constant or a computed row-major matrix; stacks of them broadcast:
///
///     parallel for product of the stack, group of 16-column blocks, some tiles of rows:
///       for tile of rows:
///         contraction tile: 6 rows x 4 blocks, one row x 8 blocks (AVX-512); 6 x 1, one row x 4 (AVX2)
namespace sinter {
namespace detail {

inline constexpr std::int64_t gemm_interleave = 4;

/// The constant matrix in groups of `interleave` blocks of columns.
inline packing pack_gemm_weights(scheduled_node const& n, gemm_shape const& s,
                                 std::int64_t interleave = gemm_interleave) {
  auto const& b = n.inputs[1];
  bool const transposed = n.op.attributes_as<fused_gemm::attributes>().trans_b;
  weight_source source{.tensor = *b.constant,
                       .outputs = s.columns,
                       .output_step = transposed ? s.depth : 1,
                       .step = transposed ? 1 : s.columns,
                       .chunks = {{.channels = s.depth}}};
  auto key = fmt::format("gemm:{}:{}", b.constant_key, transposed);
  if (interleave != gemm_interleave) key += fmt::format(":{}", interleave);
  return packed(std::move(key), std::move(source), interleave);
}

/// Whether the weights of a group of columns of a packed matrix leave the second-level cache between tiles.
inline bool is_deep(gemm_shape const& s, bool packed, target const& machine) {
  return packed && s.rows > 6 && packed_group_bytes(s.depth, gemm_interleave, 4) > machine.facts().l2;
}

/// Builds the grids of one matrix product.
class gemm_code {
 public:
  /// Factors of bfloat16 are for a packed matrix; pairs of them for an even depth (bfloat16_pairs.hpp).
  gemm_code(gemm_shape const& s, scheduled_node const& n, target const& machine,
            tile_factors factors = tile_factors::own)
      : n_(n), machine_(machine), s_(s), factors_(factors) {
    packed_ = n.inputs[1].constant && s_.has_one_b();
    SINTER_ASSERT(factors == tile_factors::own || packed_);
    SINTER_ASSERT(factors != tile_factors::pairs || s_.depth % 2 == 0);
  }

  fragment build() {
    if (has_pairs())
      x_ = add_rounded(code_, 1, static_cast<std::int64_t>(n_.inputs[0].shape().elements()), 0, machine_);
    w_ = packed_ ? code_.weight(pack()) : address{.in = space::input, .index = 1};
    bias_ = bind_bias(n_, code_);
    auto const& a = n_.op.attributes_as<fused_gemm::attributes>();
    extras_ = bind_extras(n_, a.epilogue, 3, n_.outputs[0].shape().rank() - 1, code_);
    auto const wide = blocks_of_tile();
    auto const runs = block_runs(s_.blocks(), wide, packed_ ? gemm_interleave : 1, s_.columns % channel_block);
    bool const walks = std::ranges::all_of(runs, [&](block_run const& columns) { return walks_rows(columns); });
    for (auto const& rows : equal_runs(s_.rows, walks ? rows_of_task() : rows_of_tile))
      for (auto const& columns : runs) add_grid(rows, columns);
    return std::move(code_);
  }

 private:
  static constexpr std::int64_t rows_of_tile = 6;

  /// Enough to fetch the next group's weights in their time, few enough for several tasks. A grid has tasks of equal
  /// height, and each grid reads all weights: those that do not stay in the second-level cache are read by one.
  std::int64_t rows_of_task() const {
    constexpr std::int64_t tasks = 16, least = 4 * rows_of_tile, most = 16 * rows_of_tile;
    auto const others = ceil_div(s_.blocks(), blocks_of_tile()) * s_.stacks[0].extent * s_.stacks[1].extent;
    auto const rows = std::clamp(ceil_div(s_.rows, ceil_div(tasks, others)), least, most);
    if (!streams_weights()) return rows;
    auto const pieces = ceil_div(s_.rows, rows);
    for (auto equal = pieces; equal < 2 * pieces && s_.rows / equal >= least; ++equal)
      if (s_.rows % equal == 0) return s_.rows / equal;
    return 2 * others >= tasks ? s_.rows : rows;
  }
  bool streams_weights() const {
    return packed_ && packed_group_bytes(units(), s_.blocks(), lane()) > machine_.facts().l2 / 2;
  }
  /// Few rows leave registers for more blocks, which keeps the multipliers busy; weights from beyond L1 do not keep up
  /// with them, and threads share narrower tiles.
  std::int64_t blocks_of_tile() const {
    if (machine_.registers() != 32) return s_.rows > 1 ? 1 : packed_ ? 4 : 2;
    bool const few_tasks = s_.blocks() < 32 && packed_group_bytes(units(), s_.blocks(), lane()) > machine_.facts().l1d;
    return s_.rows == 1 && packed_ && !few_tasks ? 8 : 4;
  }

  packing pack() const {
    auto floats = pack_gemm_weights(n_, s_);
    return has_pairs() ? paired(std::move(floats), gemm_interleave * channel_block)
                       : stored(std::move(floats), factors_);
  }

  /// Steps of the reduction.
  std::int64_t units() const { return has_pairs() ? s_.depth / 2 : s_.depth; }
  bool has_pairs() const { return factors_ == tile_factors::pairs; }
  /// Bytes of a lane of packed weights, and of the weights of a group of blocks.
  std::int64_t lane() const { return weight_lane(factors_); }
  std::int64_t group_bytes() const { return packed_group_bytes(units(), gemm_interleave, lane()); }

  std::int64_t weight_at(std::int64_t block) const {
    if (!packed_) return block * channel_block * 4;
    return block / gemm_interleave * group_bytes() + block % gemm_interleave * channel_block * lane();
  }

  contraction_tile tile_of(std::int64_t rows, block_run const& columns, depth_part const& part) const {
    auto const* const name = widens_weights(factors_) ? "half_gemm" : has_pairs() ? "bf16_gemm" : "gemm";
    contraction_tile t{.name = fmt::format("{}_{}x{}", name, rows, columns.blocks)};
    t.cols = rows;
    t.x_col = units() * 4;
    t.factors = factors_;
    t.taps_y = {{0, 1, {true}}};
    t.taps_x = {{0, 1, std::vector<bool>(static_cast<std::size_t>(rows), true)}};
    t.sections = {{.chunks = 1, .channels = part.count}};
    t.w_channel = packed_ ? gemm_interleave * channel_block * lane() : s_.columns * 4;
    for (std::int64_t b = 0; b < columns.blocks; ++b)
      t.w_blocks.push_back(weight_at(columns.first + b) - weight_at(columns.first));
    t.y_col = s_.columns * 4;
    t.dense_weights = packed_;
    if (packed_) t.w_prefetch = weight_prefetch(packed_group_bytes(units(), s_.blocks(), lane()), machine_);
    t.bias = bias_ && part.starts();
    t.resumes = !part.starts();
    if (part.ends) t.epilogue = extras_.code;
    bool const last = columns.first + columns.blocks == s_.blocks() && columns.count == 1;
    if (last && s_.columns % channel_block) t.last_lanes = static_cast<std::int32_t>(s_.columns % channel_block);
    return t;
  }

  /// Whether kernels may loop over tiles: these have a loop of channels in them, or are short.
  bool walks_rows(block_run const& columns) const {
    if (units() >= 2 * most_channels_a_turn) return true;
    for (auto rows = std::min(s_.rows, rows_of_tile); rows > 0; --rows) {
      auto const code = build_contraction(tile_of(rows, columns, {0, units()}), machine_).code;
      if (std::ranges::find(code, vector::opcode::loop, &vector::instruction::op) == code.end() &&
          std::ssize(code) > vector::longest_innermost_body)
        return false;
    }
    return true;
  }

  /// The reduction in parts whose weights, and those of the next one, stay in the second-level cache from tile to tile;
  /// sums wait in y.
  std::vector<depth_part> parts() const {
    if (!is_deep(s_, packed_, machine_)) return {{0, units()}};
    std::vector<depth_part> all;
    auto const most = std::max(machine_.facts().l2 / 4 * units() / group_bytes(), most_channels_a_turn);
    auto const count = round_up(ceil_div(units(), ceil_div(units(), most)), most_channels_a_turn);
    for (std::int64_t first = 0; first < units(); first += count)
      all.push_back({first, std::min(count, units() - first), first + count >= units()});
    return all;
  }

  void add_grid(tile_run const& rows, block_run const& columns) {
    grid code{.extents = {slow().extent, columns.count, rows.count, quick().extent}};
    for (auto const& part : parts()) code.body.push_back(call_of(rows, columns, part));
    code_.add(std::move(code));
  }

  // Products that share a matrix B follow one another.
  bool swaps_stacks() const { return s_.stacks[1].b != 0; }
  stack_axis const& slow() const { return s_.stacks[swaps_stacks() ? 1 : 0]; }
  stack_axis const& quick() const { return s_.stacks[swaps_stacks() ? 0 : 1]; }

  statement call_of(tile_run const& rows, block_run const& columns, depth_part const& part) {
    auto t = tile_of(rows.length, columns, part);
    auto const inner = s_.stacks[1].extent;
    auto const a_bytes = s_.rows * t.x_col, b_bytes = s_.depth * s_.columns * 4, y_bytes = s_.rows * t.y_col;
    auto x = x_;
    x.offset += rows.first * t.x_col + part.first * 4;
    x.stride = {slow().a * a_bytes, 0, rows.length * t.x_col, quick().a * a_bytes};
    auto w = w_;
    w.offset = weight_at(columns.first) + part.first * t.w_channel;
    w.stride = {slow().b * b_bytes, weight_at(columns.first + columns.step) - weight_at(columns.first), 0,
                quick().b * b_bytes};
    std::vector<address> arguments{x, w};
    if (t.bias) {
      auto b = *bias_;
      b.offset = columns.first * 64;
      b.stride = {0, columns.step * 64, 0, 0};
      arguments.push_back(b);
    }
    address const y{.in = space::output,
                    .index = 0,
                    .offset = rows.first * t.y_col + columns.first * 64,
                    .stride = {(swaps_stacks() ? 1 : inner) * y_bytes, columns.step * 64, rows.length * t.y_col,
                               (swaps_stacks() ? inner : 1) * y_bytes}};
    if (part.ends)
      for (auto& extra : extras_.at(y.offset, columns.first, y.stride, {0, columns.step})) arguments.push_back(extra);
    arguments.push_back(y);
    auto const w_bytes = part.count * t.w_channel;
    contraction_rows all{.tile = std::move(t),
                         .runs = tile_axis({.in = rows.length, .out = rows.length}, rows_of_tile)};
    bool const walks_groups = columns.blocks == gemm_interleave && all.tiles() >= 4;
    if (all.tile.w_prefetch > 0 && walks_groups) all.next_at = all.next_weights = w_bytes;
    return code_.call(contraction_rows_recipe(std::move(all), machine_), std::move(arguments));
  }

  scheduled_node const& n_;
  target machine_;
  gemm_shape s_;
  tile_factors factors_;
  bool packed_ = false;
  address x_{.in = space::input, .index = 0};
  address w_{};
  std::optional<address> bias_{};
  bound_extras extras_;
  fragment code_;
};

/// The shape of a node that these kernels compute.
inline std::optional<gemm_shape> shape_of_plain_gemm(scheduled_node const& n) {
  if (n.n->domain != "sinter" || n.n->op != "Gemm" || n.inputs[0].type.element != dtype::float32) return {};
  auto const& a = n.op.attributes_as<fused_gemm::attributes>();
  auto const s = shape_of_gemm(n, a.trans_b);
  if (!s || n.inputs[0].shape().elements() == 0 || n.outputs[0].shape().elements() == 0) return {};
  if (a.trans_b && (!n.inputs[1].constant || !s->has_one_b())) return {};
  if (has_input(n, 2) && !n.inputs[2].constant) return {};
  return supports_extras(n, 3, n.outputs[0].shape().rank() - 1) ? s : std::nullopt;
}

inline candidate gemm_candidate(scheduled_node const& n, gemm_shape const& s, target const& t) {
  auto const& a = n.op.attributes_as<fused_gemm::attributes>();
  auto const products = static_cast<double>(s.stacks[0].extent * s.stacks[1].extent * s.rows);
  auto const sums = products * static_cast<double>(s.blocks() * channel_block);
  auto const axis = n.outputs[0].shape().rank() - 1;
  return {.layouts = {.inputs = std::vector(n.inputs.size(), layout::row_major),
                      .outputs = {layout::row_major},
                      .in_place = is_deep(s, n.inputs[1].constant && s.has_one_b(), t)
                                      ? std::vector<std::uint32_t>{}
                                      : overwritable_extras(n, a.epilogue, 3, axis)},
          .cost = multiply_add_cost(sums * static_cast<double>(s.depth)),
          .build = [s, t](scheduled_node const& at) { return gemm_code(s, at, t).build(); }};
}

inline std::vector<candidate> gemm_offer(scheduled_node const& n, target const& t) {
  auto const s = shape_of_plain_gemm(n);
  if (!s) return {};
  return {gemm_candidate(n, *s, t)};
}

/// A product of a constant matrix with other factors; sums are float32.
inline candidate gemm_candidate(scheduled_node const& n, gemm_shape const& s, target const& t, tile_factors factors) {
  auto how = gemm_candidate(n, s, t);
  how.weight_growth = 0.5;
  how.build = [s, t, factors](scheduled_node const& at) { return gemm_code(s, at, t, factors).build(); };
  return how;
}

/// The same with pairs of bfloat16: matrix and input are rounded.
inline std::vector<candidate> bfloat16_gemm_offer(scheduled_node const& n, target const& t) {
  auto const s = shape_of_plain_gemm(n);
  if (!s || !n.inputs[1].constant || !s->has_one_b() || !multiplies_pairs(t) || s->depth % 2 != 0) return {};
  auto how = gemm_candidate(n, *s, t, tile_factors::pairs);
  how.cost = pairs_cost(n, how.cost);
  how.precision = precision::bfloat16;
  return {std::move(how)};
}

/// The same with a constant matrix in 16 bits. Few rows that read large ones wait for memory, and there is half of it
/// to read.
inline std::vector<candidate> half_gemm_offer(scheduled_node const& n, target const& t) {
  constexpr std::int64_t few_rows = 6, near = 512 << 10;
  std::vector<candidate> offered;
  auto const s = shape_of_plain_gemm(n);
  if (!s || !n.inputs[1].constant || !s->has_one_b()) return offered;
  bool const waits = s->rows <= few_rows && s->depth * s->columns * 4 > near;
  for (auto const& [factors, rounds] : half_storages(*n.inputs[1].constant)) {
    auto& how = offered.emplace_back(gemm_candidate(n, *s, t, factors));
    how.cost *= waits ? 0.75 : half_weights_cost;
    how.precision = rounds;
  }
  return offered;
}

}  // namespace detail

inline constexpr schedule gemm_schedule{.name = "gemm", .offer = detail::gemm_offer};
inline constexpr schedule half_gemm_schedule{.name = "half gemm", .offer = detail::half_gemm_offer};
inline constexpr schedule bfloat16_gemm_schedule{.name = "bf16 gemm", .offer = detail::bfloat16_gemm_offer};

}  // namespace sinter
