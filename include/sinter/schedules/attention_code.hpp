#pragma once

#include <sinter/schedules/attention_kernel.hpp>
#include <sinter/schedules/attention_plan.hpp>
#include <sinter/schedules/moves.hpp>
#include <sinter/schedules/tasks.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

/// The code of an attention. Heads are read and written where they lie: transposes around them are strides. The scores
/// of a task stay in its worker's scratch:
///
///     for batch, key head, group of keys:                        (grid; not where few queries read a key)
///       pack the keys, blocks of 16 side by side; copy values whose rows lie far apart
///     for batch, key head, query head of it, 6 queries:          (grid)
///       s = scale * Q·K' + biases                                for tiles of 6 x 4 blocks (AVX2: 6 x 1)
///       for row: s = e^(s - greatest), factor = 1 / sum
///       y = s·V * factor
///
/// With tiles of bfloat16 (tile_attention.hpp) values are packed as well, and a task has 32 queries.
/// Causal: in up to 8 parts of the queries, each with the keys that its last query sees.
namespace sinter::detail {

/// Numbers to add to scores: minus infinity from column `seen` + r on in row r, else 0.
inline packing pack_hidden(std::int64_t rows, std::int64_t columns, std::int64_t seen) {
  return {.key = fmt::format("hidden:{}x{}:{}", rows, columns, seen),
          .bytes = rows * columns * 4,
          .fill = [rows, columns, seen](std::byte* to) {
            auto* numbers = reinterpret_cast<float*>(to);
            for (std::int64_t r = 0; r < rows; ++r)
              for (std::int64_t c = 0; c < columns; ++c)
                *numbers++ = c < seen + r ? 0.0f : -std::numeric_limits<float>::infinity();
          }};
}

/// Makes that code.
class attention_code {
 public:
  /// Where Q, K, V and, if there is one, the mask lie. `rounds`: products are those of tiles of bfloat16.
  attention_code(attention_plan const& p, bool rounds, std::vector<address> places, fragment code, target const& t)
      : p_(p), a_(p_.what), rounds_(rounds), places_(std::move(places)), machine_(t), code_(std::move(code)) {
    key_heads_ = a_.heads / a_.share;
    values_ = places_[2];
    values_.stride = {a_.v.batch * 4, a_.v.head * 4};
    attention_tile const largest{
        .rows = std::min(rows_of_task(), a_.queries), .keys = a_.keys, .d = a_.d, .e = a_.e, .rounds = rounds_};
    scratch_ = code_.scratch(largest.scratch_bytes());
  }

  fragment build() {
    if (rounds_) {
      pack_tiles();
      code_.barrier();
    } else if (packs()) {
      pack();
      if (has_far_values()) gather_values();
      code_.barrier();
    } else {
      packed_ = places_[1];
      packed_.stride = {a_.k.batch * 4, a_.k.head * 4};
    }
    if (!causal()) {
      add_queries(0, a_.queries, a_.keys);
      return std::move(code_);
    }
    auto const part = causal_part();
    for (std::int64_t first = 0; first < a_.queries; first += part)
      add_queries(first, std::min(part, a_.queries - first), std::min(first + part, a_.keys));
    return std::move(code_);
  }

 private:
  std::int64_t rows_of_task() const { return rounds_ ? tile_product_rows : 6; }

  bool causal() const { return a_.highest.has_value(); }
  /// Whether keys are packed before queries are multiplied with them. A packed key costs about as much as one query.
  bool packs() const { return a_.queries * a_.share > 4 || a_.d > key_rows::most_elements; }

  /// Queries of a part, in whole tasks.
  std::int64_t causal_part() const {
    constexpr std::int64_t parts = 8, least = 48;
    return round_up(std::max(least, ceil_div(a_.queries, parts)), rows_of_task());
  }

  /// A temporary of `bytes` bytes for each head of keys or values that there is.
  address packed(char const* name, device_attention::strides const& of, std::int64_t bytes) {
    auto const batches = of.batch == 0 ? 1 : a_.batch, heads = of.head == 0 ? 1 : key_heads_;
    auto to = code_.temporary(name, checked_mul(batches * heads, bytes), 0, 1);
    to.stride = {batches == 1 ? 0 : heads * bytes, heads == 1 ? 0 : bytes};
    return to;
  }

  void pack() {
    packed_keys const p(machine_, a_.keys, a_.d);
    packed_ = packed("keys", a_.k, p.bytes());
    for (auto const& run : full_runs(a_.keys, p.group_keys())) {
      vector::recipe_key key("pack_keys", machine_);
      key.add(a_.d).add(run.length).add(a_.k.row);
      code_.add({key.take(),
                 [p, n = run.length, row = a_.k.row * 4, t = machine_] { return pack_keys_kernel(p, n, row, t); }},
                packing_tasks(a_.k, run),
                packing_operands(a_.k, places_[1], packed_, run, p.group_bytes() / p.group_keys()));
    }
  }

  void pack_tiles() {
    tiled_keys const k{a_.keys, a_.d};
    tiled_values const v{a_.keys, a_.e};
    packed_ = packed("keys", a_.k, k.bytes());
    auto const values = packed("values", a_.v, v.bytes());
    auto const add = [&](char const* name, auto all, auto kernel, device_attention::strides const& s,
                         address const& from, address const& to) {
      for (auto const& run : full_runs(a_.keys, keys_of_packing)) {
        vector::recipe_key key(name, machine_);
        key.add(run.length).add(all.width).add(s.row);
        auto part = all;
        part.keys = run.length;
        code_.add({key.take(), [=, row = s.row * 4, t = machine_] { return kernel(part, row, t); }},
                  packing_tasks(s, run), packing_operands(s, from, to, run, all.key_bytes()));
      }
    };
    add("pack_key_tiles", k, pack_key_tiles_kernel, a_.k, places_[1], packed_);
    add("pack_value_tiles", v, pack_value_tiles_kernel, a_.v, places_[2], values);
    values_ = values;
  }
  static constexpr std::int64_t keys_of_packing = 2 * tile_depth;

  std::array<extent, grid_rank> packing_tasks(device_attention::strides const& s, tile_run const& run) const {
    return {s.batch == 0 ? 1 : a_.batch, s.head == 0 ? 1 : key_heads_, run.count};
  }
  /// Rows of a run, which are packed to `key_bytes` bytes each.
  static std::vector<address> packing_operands(device_attention::strides const& s, address from, address to,
                                               tile_run const& run, std::int64_t key_bytes) {
    from.offset += run.first * s.row * 4;
    from.stride = {s.batch * 4, s.head * 4, run.length * s.row * 4};
    to.offset += run.first * key_bytes;
    to.stride[2] = run.length * key_bytes;
    return {from, to};
  }

  /// Whether the values of a head are rows of a larger tensor in so many pages that all tasks would wait for these.
  bool has_far_values() const {
    constexpr std::int64_t far = 256 << 10;
    return a_.v.row > a_.e && checked_mul(a_.keys, a_.v.row * 4) > far;
  }

  /// Copies the values of each head side by side.
  void gather_values() {
    auto const row = a_.e * 4, head = a_.keys * row;
    values_ = packed("values", a_.v, head);
    for (auto const& run : equal_runs(a_.keys, std::max<std::int64_t>(1, task_bytes / row))) {
      moved_dimension const rows{run.length, a_.v.row * 4, row}, column{a_.e, 4, 4};
      vector::recipe_key key("gather_values", machine_);
      key.add(run.length).add(a_.v.row).add(a_.e);
      code_.add({key.take(), [=, t = machine_] { return copy_runs_kernel(vector::element::i32, rows, column, t); }},
                packing_tasks(a_.v, run), packing_operands(a_.v, places_[2], values_, run, row));
    }
    p_.what.v = {values_.stride[0] / 4, values_.stride[1] / 4, a_.e};
  }

  /// Queries [first, first + count), which see at most `keys` keys.
  void add_queries(std::int64_t first, std::int64_t count, std::int64_t keys) {
    for (auto run : equal_runs(count, rows_of_task())) {
      run.first += first;
      attention_tile tile{.rows = run.length,
                          .keys = keys,
                          .d = a_.d,
                          .e = a_.e,
                          .q_row = a_.q.row * 4,
                          .v_row = a_.v.row * 4,
                          .y_row = p_.result[2] * 4,
                          .k_row = rounds_ || packs() ? 0 : a_.k.row * 4,
                          .scale = a_.scale,
                          .unseen = a_.unseen,
                          .guarded = p_.guarded,
                          .rounds = rounds_};
      std::vector<address> arguments{queries(places_[0], a_.q, run), packed_, values_};
      if (a_.mask) {
        tile.biases.push_back({.row = a_.mask->row * 4, .each_key = a_.mask_key != 0});
        arguments.push_back(queries(places_[3], *a_.mask, run));
      }
      if (causal()) {
        tile.biases.push_back({.first = first, .row = causal_part() * 4});
        auto triangle = code_.weight(pack_hidden(causal_part(), causal_part(), 1));
        triangle.offset = (run.first - first) * causal_part() * 4;
        triangle.stride[3] = run.length * causal_part() * 4;
        arguments.push_back(triangle);
      }
      if (auto const edge = tile.edge(); keys % edge != 0)
        arguments.push_back(code_.weight(pack_hidden(1, edge, keys % edge)));
      arguments.push_back(scratch_);
      arguments.push_back(queries({.in = space::output}, {p_.result[0], p_.result[1], p_.result[2]}, run));
      code_.add({tile.key(machine_).take(), [tile, t = machine_] { return attention_kernel(tile, t).build(); }},
                {a_.batch, key_heads_, a_.share, run.count}, std::move(arguments));
    }
  }

  /// The rows of a run in a tensor with a row for each query.
  address queries(address of, device_attention::strides const& s, tile_run const& run) const {
    of.offset += run.first * s.row * 4;
    of.stride = {s.batch * 4, a_.share * s.head * 4, s.head * 4, run.length * s.row * 4};
    return of;
  }

  attention_plan p_;
  device_attention const& a_;
  bool rounds_ = false;
  std::vector<address> places_;
  target machine_;
  fragment code_;
  std::int64_t key_heads_ = 1;
  address packed_{}, values_{}, scratch_{};
};

/// An operand of a node: a constant becomes a weight of `code`.
inline address attention_operand(scheduled_node const& n, std::size_t i, fragment& code) {
  if (n.inputs[i].constant) return code.weight(pack_raw(n.inputs[i]));
  return {.in = space::input, .index = n.first_input + static_cast<std::uint32_t>(i)};
}

}  // namespace sinter::detail
