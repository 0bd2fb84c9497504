#pragma once

#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/recurrent_kernel.hpp>
#include <sinter/schedules/tasks.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

/// LSTM, GRU and RNN whose input is projected already (see the pass `project_recurrence`) and whose R is constant:
///
///     parallel for direction, tile of sequences: all steps in one kernel
namespace sinter {
namespace detail {

struct recurrent_node {
  recurrent_kind kind = recurrent_kind::rnn;
  std::string_view kernel{};
  recurrent_attributes const* attributes = nullptr;
  std::int64_t steps = 1, batch = 1, hidden = 1;
};

inline std::optional<recurrent_node> recurrent_node_of(scheduled_node const& n) {
  if (n.n->domain != "sinter") return std::nullopt;
  struct row {
    std::string_view op;
    recurrent_kind kind;
    std::string_view kernel;
  };
  static constexpr row rows[] = {
      {"LSTM", recurrent_kind::lstm, "lstm"}, {"GRU", recurrent_kind::gru, "gru"}, {"RNN", recurrent_kind::rnn, "rnn"}};
  auto const found = std::ranges::find(rows, n.n->op, &row::op);
  if (found == std::end(rows)) return std::nullopt;
  recurrent_node r{.kind = found->kind, .kernel = found->kernel};
  if (!is_float_tensor(n.inputs[0]) || !is_float_tensor(n.inputs[2])) return std::nullopt;
  r.attributes = &n.op.attributes_as<recurrent_attributes>();
  auto const& x = n.inputs[0].shape();
  r.steps = x[r.attributes->batch_first ? 1 : 0];
  r.batch = x[r.attributes->batch_first ? 0 : 1];
  r.hidden = n.inputs[2].shape()[2];
  return r;
}

/// Builds the grids of a layer, one for each direction and size of tile.
class recurrent_code {
 public:
  recurrent_code(recurrent_node const& r, scheduled_node const& n, target const& machine)
      : n_(n), machine_(machine), r_(r), gates_(gates_of(r_.kind)) {}

  fragment build() {
    auto const most = machine_.registers() == 32 ? 4 : 2;  // sequences whose sums fit into the registers
    for (std::int64_t d = 0; d < r_.attributes->directions; ++d)
      for (auto const& rows : equal_runs(r_.batch, most)) add_grid(d, rows);
    return std::move(code_);
  }

 private:
  void add_grid(std::int64_t direction, tile_run const& rows) {
    auto const& a = *r_.attributes;
    recurrent_layer l{.gates = gates_, .steps = r_.steps, .rows = rows.length, .hidden = r_.hidden};
    l.passes = cell_writer(r_.kind, a, static_cast<std::size_t>(direction), has_input(n_, 7)).passes();
    l.backwards = a.reverse || direction == 1;
    l.projection = along_steps(input(0), gates_ * l.units_bytes(), direction, rows, true);
    for (auto const& p : l.passes) l.weights.push_back(packed(pack(l, p, direction)));
    if (has_input(n_, 3)) l.state_bias = packed(pack_units(n_.inputs[3], gates_, direction));
    if (has_input(n_, 7)) l.peephole = packed(pack_units(n_.inputs[7], 3, direction));
    if (has_input(n_, 5)) l.first_hidden = state(input(5), direction, rows);
    if (has_input(n_, 6)) l.first_cell = state(input(6), direction, rows);
    if (has_output(n_, 0)) l.y = along_steps(output(0), r_.hidden * 4, direction, rows, false);
    if (has_output(n_, 1)) l.last_hidden = state(output(1), direction, rows);
    if (has_output(n_, 2)) l.last_cell = state(output(2), direction, rows);
    code_.scratch_bytes = std::max(code_.scratch_bytes, l.scratch_bytes());
    auto const name = fmt::format("{}_{}", r_.kernel, rows.length);
    add_recurrent_grid(code_, l, name, machine_, rows.count);
  }

  address input(std::uint32_t i) {
    if (n_.inputs[i].constant) return packed(pack_raw(n_.inputs[i]));
    return {.in = space::input, .index = i};
  }
  static address output(std::uint32_t i) { return {.in = space::output, .index = i}; }
  address packed(packing w) { return code_.weight(std::move(w)); }

  layer_operand along_rows(address from, std::int64_t step, std::int64_t row, std::int64_t direction,
                           tile_run const& rows) {
    from.offset = direction + rows.first * row;
    from.stride[0] = rows.length * row;
    return {.from = from, .step = step, .row = row};
  }
  /// X·W [steps, batch, directions, elements], Y [steps, directions, batch, elements]; batch first, both are
  /// [batch, steps, directions, elements].
  layer_operand along_steps(address from, std::int64_t element_bytes, std::int64_t direction, tile_run const& rows,
                            bool direction_last) {
    auto const all = r_.attributes->directions * element_bytes;
    if (r_.attributes->batch_first) return along_rows(from, all, r_.steps * all, direction * element_bytes, rows);
    if (direction_last) return along_rows(from, r_.batch * all, all, direction * element_bytes, rows);
    return along_rows(from, r_.batch * all, element_bytes, direction * r_.batch * element_bytes, rows);
  }
  /// [directions, batch, hidden], or batch first.
  layer_operand state(address from, std::int64_t direction, tile_run const& rows) {
    auto const bytes = r_.hidden * 4;
    if (r_.attributes->batch_first)
      return along_rows(from, 0, r_.attributes->directions * bytes, direction * bytes, rows);
    return along_rows(from, 0, bytes, direction * r_.batch * bytes, rows);
  }

  /// R of a pass: [block of 16 units][factor][gate][16], zero where there is no unit or factor.
  packing pack(recurrent_layer const& l, cell_pass const& p, std::int64_t direction) const {
    auto const& r = n_.inputs[2];
    auto key = fmt::format("recurrent:{}:{}:{}", r.constant_key, r_.hidden, direction);
    for (auto const& g : p.gates) key += fmt::format(":{}", g.gate);
    auto const bytes = checked_mul(l.blocks(), block_bytes(l, p));
    return {.key = std::move(key),
            .bytes = bytes,
            .fill = [=, gates = p.gates, all = gates_, hidden = r_.hidden, depth = l.depth(),
                     tensor = *r.constant](std::byte* to) {
              std::memset(to, 0, static_cast<std::size_t>(bytes));
              auto* const out = reinterpret_cast<float*>(to);
              auto const n = static_cast<std::int64_t>(gates.size());
              for (std::int64_t g = 0; g < n; ++g)
                for (std::int64_t unit = 0; unit < hidden; ++unit) {
                  auto const row = (direction * all + gates[static_cast<std::size_t>(g)].gate) * hidden + unit;
                  auto const* from = static_cast<float const*>(tensor.data()) + row * hidden;
                  for (std::int64_t k = 0; k < hidden; ++k)
                    out[((unit / 16 * depth + k) * n + g) * 16 + unit % 16] = from[k];
                }
            }};
  }

  /// `count` values for each unit of a direction, [count][units], in whole blocks.
  packing pack_units(operand_info const& values, std::int64_t count, std::int64_t direction) const {
    auto const hidden = r_.hidden, padded = round_up(hidden, channel_block);
    auto const bytes = checked_mul(count, padded * 4);
    return {.key = fmt::format("units:{}:{}:{}:{}", values.constant_key, hidden, count, direction),
            .bytes = bytes,
            .fill = [=, tensor = *values.constant](std::byte* to) {
              std::memset(to, 0, static_cast<std::size_t>(bytes));
              auto const* from = static_cast<float const*>(tensor.data()) + direction * count * hidden;
              for (std::int64_t i = 0; i < count; ++i)
                std::memcpy(to + i * padded * 4, from + i * hidden, static_cast<std::size_t>(hidden * 4));
            }};
  }

  scheduled_node const& n_;
  target machine_;
  recurrent_node r_;
  std::int64_t gates_;
  fragment code_;
};

inline std::vector<candidate> recurrent_offer(scheduled_node const& n, target const& t) {
  auto const r = recurrent_node_of(n);
  if (!r || !n.inputs[2].constant || has_input(n, 4)) return {};
  for (std::size_t i : {3, 7})
    if (has_input(n, i) && !n.inputs[i].constant) return {};
  return {{.layouts = {.inputs = std::vector(n.inputs.size(), layout::row_major),
                       .outputs = std::vector(n.outputs.size(), layout::row_major)},
           .cost = traffic_cost(n),
           .build = [r = *r, t](scheduled_node const& at) { return recurrent_code(r, at, t).build(); }}};
}

}  // namespace detail

inline constexpr schedule recurrent_schedule{.name = "recurrent", .offer = detail::recurrent_offer};

}  // namespace sinter
