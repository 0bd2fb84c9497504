#pragma once

#include <sinter/ops/layer_normalization.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/row_walk.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// LayerNormalization and RMSNormalization of contiguous rows, row-major.
///
///     for run of rows:                                             (grid)
///       for row:
///         mean = sum x / length                                    (RMSNormalization: 0)
///         factor = 1 / sqrt(sum (x - mean)^2 / length + epsilon)
///         for piece: y = (x - mean) * factor * scale + bias
namespace sinter {

namespace detail {

struct layer_norm_rows {
  bool centred = true;
  bool biased = false;
  bool rounds = false;  ///< results are `tiled_rows` of bfloat16, of up to 32 rows
  std::int64_t rows = 1, length = 1;
  float epsilon = 1e-5f;
};

/// Whether `factors` has the extents of a row of `s`, which starts at axis `first`; extents before it are 1.
inline bool same_row(shape const& factors, shape const& s, std::size_t first) {
  if (factors.rank() > s.rank()) return false;
  for (std::size_t i = 0; i < s.rank(); ++i) {
    auto const skipped = s.rank() - factors.rank();
    auto const extent = i < skipped ? 1 : factors[i - skipped];
    if (extent != (i < first ? 1 : s[i])) return false;
  }
  return true;
}

inline std::optional<layer_norm_rows> layer_norm_rows_of(scheduled_node const& n) {
  layer_norm_rows r;
  r.centred = is_standard_operator(*n.n, "LayerNormalization");
  if (!r.centred && !is_standard_operator(*n.n, "RMSNormalization")) return std::nullopt;
  for (std::size_t i = 1; i < n.n->outputs.size(); ++i)
    if (n.n->outputs[i]) return std::nullopt;
  auto const read = [&]<typename Operator>(Operator) {
    auto const& a = n.op.attributes_as<typename Operator::attributes>();
    r.epsilon = a.epsilon;
    return a.axis;
  };
  auto const axis = r.centred ? read(normalization_from_axis<true>{}) : read(normalization_from_axis<false>{});
  if (!is_float_tensor(n.inputs[0])) return std::nullopt;
  auto const& s = n.inputs[0].shape();
  auto const first = normalize_axis(axis, s.rank());
  r.rows = static_cast<std::int64_t>(s.elements(0, first));
  r.length = static_cast<std::int64_t>(s.elements(first, s.rank()));
  r.biased = has_input(n, 2);
  // The same factors for every row: their extents are those of the row, or 1 before it.
  for (std::size_t i = 1; i < (r.biased ? 3u : 2u); ++i)
    if (!is_float_tensor(n.inputs[i]) || static_cast<std::int64_t>(n.inputs[i].shape().elements()) != r.length ||
        !same_row(n.inputs[i].shape(), s, first))
      return std::nullopt;
  return r;
}

/// One task: `rows` rows.
class layer_norm_kernel {
 public:
  layer_norm_kernel(layer_norm_rows const& shape, target const& t) : shape_(shape), b_("layer_norm", t.lanes()) {}

  vector::program build() && {
    auto const row = shape_.length * 4;
    x_ = b_.argument("x", vector::access::in, shape_.rows * row);
    scale_ = b_.argument("scale", vector::access::in, row);
    if (shape_.biased) bias_ = b_.argument("bias", vector::access::in, row);
    ones_ = b_.argument("ones", vector::access::constant, 64);
    auto const y_row = shape_.rounds ? 64 : row;
    if (shape_.rounds)
      y_ = b_.argument("y", vector::access::out, (row / 128 - 1) * rounded_step + shape_.rows * y_row,
                       vector::element::i32);
    else
      y_ = b_.argument("y", vector::access::out, shape_.rows * row);
    b_.loop(shape_.rows, {{x_, row}, {y_, y_row}}, [&] {
      row_walk const walk(b_, shape_.length);
      auto const inverse = b_.constant(1.0f / static_cast<float>(shape_.length));
      mean_ = {};
      if (shape_.centred) mean_ = b_.binary(vector::opcode::mul, sum(walk, false), inverse);
      auto const variance = b_.binary(vector::opcode::mul, sum(walk, true), inverse);
      auto const deviation =
          b_.unary(vector::opcode::sqrt, b_.binary(vector::opcode::add, variance, b_.constant(shape_.epsilon)));
      normalise(walk, b_.binary(vector::opcode::div, b_.constant(1), deviation));
    });
    return std::move(b_).take();
  }

 private:
  static constexpr std::int64_t rounded_step = 32 * 64;  ///< from 32 numbers of a row to the next

  vector::reg centred(row_part const& at) {
    auto const x = b_.load(x_.at(at.offset), at.count);
    return mean_ ? b_.binary(vector::opcode::sub, x, mean_) : x;
  }

  /// Of the elements, or of the squares of their distances from the mean.
  vector::reg sum(row_walk const& walk, bool squares) {
    std::vector<vector::reg> sums;
    for (std::size_t i = 0; i < walk.accumulators(); ++i) sums.push_back(b_.zero());
    walk.run({x_}, [&](row_part const& at) {
      auto const s = sums[at.accumulator];
      if (at.count == 0) return b_.binary_to(s, vector::opcode::add, s, b_.zero());
      if (!squares) return b_.binary_to(s, vector::opcode::add, s, b_.load(x_.at(at.offset), at.count));
      auto d = centred(at);
      if (!at.whole) d = b_.binary(vector::opcode::mul, d, b_.load(ones_.at(0), at.count));
      b_.fma_to(s, d, d);
    });
    return walk.fold(sums, vector::opcode::add, vector::opcode::hsum);
  }

  void normalise(row_walk const& walk, vector::reg factor) {
    std::vector<vector::pointer> streams{x_, y_, scale_};
    if (shape_.biased) streams.push_back(bias_);
    if (shape_.rounds) return normalise_rounded(factor);
    walk.run(streams, [&](row_part const& at) {
      if (at.count > 0) b_.store(y_.at(at.offset), normalised(at, factor), at.count);
    });
  }

  void normalise_rounded(vector::reg factor) {
    std::vector<std::pair<vector::pointer, std::int64_t>> steps{{x_, 128}, {scale_, 128}, {y_, rounded_step}};
    if (shape_.biased) steps.emplace_back(bias_, 128);
    b_.loop(shape_.length / 32, steps, [&] {
      auto const low = normalised({.offset = 0, .count = 16}, factor);
      b_.store(y_.at(0), b_.pack_bf16(low, normalised({.offset = 64, .count = 16}, factor)));
    });
  }

  vector::reg normalised(row_part const& at, vector::reg factor) {
    auto const d = b_.binary(vector::opcode::mul, centred(at), factor);
    auto const scale = b_.load(scale_.at(at.offset), at.count);
    return shape_.biased ? b_.fma(d, scale, b_.load(bias_.at(at.offset), at.count))
                         : b_.binary(vector::opcode::mul, d, scale);
  }

  layer_norm_rows shape_;
  vector::builder b_;
  vector::pointer x_{}, scale_{}, bias_{}, ones_{}, y_{};
  vector::reg mean_{};
};

inline fragment layer_norm_build(layer_norm_rows const& all, scheduled_node const& n, target const& t) {
  fragment code;
  auto const row_source = [&](std::uint32_t i) -> address {
    if (!n.inputs[i].constant) return {.in = space::input, .index = i};
    return code.weight(pack_raw(n.inputs[i]));
  };
  bool const rounds = n.outputs[0].how.order == element_order::tiled_rows;
  for (auto const& run : rounds ? full_runs(all.rows, 32) : row_runs(all.rows, all.length)) {
    auto part = all;
    part.rows = run.length;
    part.rounds = rounds;
    auto const bytes = all.length * 4, out_bytes = rounds ? bytes / 2 : bytes;
    address out{.in = space::output, .offset = run.first * out_bytes, .stride = {run.length * out_bytes}};
    auto in = row_source(0);
    in.offset = run.first * bytes, in.stride = {run.length * bytes};
    std::vector<address> arguments{in, row_source(1)};
    if (all.biased) arguments.push_back(row_source(2));
    arguments.push_back(code.weight(pack_lane_mask()));
    arguments.push_back(out);
    code.add(layer_norm_kernel(part, t).build(), {run.count}, std::move(arguments));
  }
  return code;
}

inline std::vector<candidate> layer_norm_offer(scheduled_node const& n, target const& t) {
  auto const rows = layer_norm_rows_of(n);
  if (!rows) return {};
  layout_choice layouts{.inputs = std::vector(n.inputs.size(), layout::row_major),
                        .outputs = std::vector(n.outputs.size(), layout::row_major)};
  if (!n.inputs[0].constant) layouts.in_place = {0};
  layouts.roundable.output = t.lanes() == 16 && rows->length % 32 == 0 && rows->length == n.inputs[0].shape().back();
  return {{.layouts = std::move(layouts),
           .cost = traffic_cost(n),
           .build = [rows = *rows, t](scheduled_node const& at) { return layer_norm_build(rows, at, t); }}};
}

}  // namespace detail

inline constexpr schedule layer_norm_schedule{.name = "layer norm", .offer = detail::layer_norm_offer};

}  // namespace sinter
