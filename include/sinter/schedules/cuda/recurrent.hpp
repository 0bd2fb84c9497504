#pragma once

#include <sinter/ops/recurrent.hpp>
#include <sinter/program/device_copy.hpp>
#include <sinter/program/device_recurrent.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/operands.hpp>
#include <sinter/schedules/recurrent.hpp>
#include <sinter/schedules/rounded.hpp>
#include <sinter/schedules/tasks.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

/// LSTM and GRU whose input is projected already (see the pass `project_recurrence`) and whose R is constant: a launch
/// of the form `recurrent` for each step and direction. States are float32; R is stored like the input.
namespace sinter::detail::cuda {

/// `count` elements of a constant of float32 from `first` on, or zeros without a constant.
inline packing pack_floats(operand_info const* from, std::int64_t first, std::int64_t count,
                           dtype element = dtype::float32) {
  auto const bytes = count * static_cast<std::int64_t>(size_of(element));
  if (!from)
    return {.key = fmt::format("cuda:zeros:{}", count), .bytes = bytes, .fill = [bytes](std::byte* to) {
              std::memset(to, 0, static_cast<std::size_t>(bytes));
            }};
  return {.key = fmt::format("cuda:{}:{}:{}:{}", name(element), from->constant_key, first, count),
          .bytes = bytes,
          .fill = [t = *from->constant, first, count, element](std::byte* to) {
            write_elements(to, element, [&](auto const& put) {
              for (auto const value : t.as<float>().subspan(std::size_t(first), std::size_t(count))) put(value);
            });
          }};
}

/// Builds the launches of a layer.
class recurrent_steps {
 public:
  recurrent_steps(scheduled_node const& n, recurrent_node const& r) : n_(n), r_(r) {
    step_.cell = r.kind == recurrent_kind::lstm ? device_cell::lstm : device_cell::gru;
    step_.batch = r.batch;
    step_.hidden = r.hidden;
    step_.x_batch = directions() * row();
    step_.peephole = has_input(n, 7);
    step_.element = n.inputs[0].element();
  }

  fragment build() {
    for (std::int64_t d = 0; d < directions(); ++d) add_direction(d);
    for (auto& t : f_.temporaries) t.last = static_cast<std::int32_t>(f_.launches.size()) - 1;
    return std::move(f_);
  }

 private:
  bool lstm() const { return step_.cell == device_cell::lstm; }
  std::int64_t directions() const { return r_.attributes->directions; }
  std::int64_t gates() const { return lstm() ? 4 : 3; }
  std::int64_t row() const { return kernels::projection_size(gates(), r_.hidden); }
  /// Floats of a state.
  std::int64_t state() const { return r_.batch * r_.hidden; }

  static address behind(address a, std::int64_t elements, dtype element = dtype::float32) {
    a.offset += elements * static_cast<std::int64_t>(size_of(element));
    return a;
  }
  address temporary(char const* name) {
    auto const now = static_cast<std::int32_t>(f_.launches.size());
    return f_.temporary(name, state() * static_cast<std::int64_t>(sizeof(float)), now, now);
  }
  address zeros(std::int64_t count) { return f_.weight(pack_floats(nullptr, 0, count)); }
  /// A state that input `i` gives, or zeros.
  address first_state(std::size_t i, std::int64_t direction) {
    return has_input(n_, i) ? behind(input_of(n_, i), direction * state()) : zeros(state());
  }
  void copy_state(address from, address to) {
    f_.add(copy_call({.sizes = {state()}, .from = {1}, .to = {1}, .alignment = r_.hidden % 4 == 0 ? 16 : 4}),
           {from, to});
  }

  /// What a step reads besides x and the states.
  std::vector<address> constants(std::int64_t d) {
    std::vector<address> all;
    if (lstm() && step_.peephole)
      all.push_back(f_.weight(pack_floats(&n_.inputs[7], d * 3 * r_.hidden, 3 * r_.hidden)));
    if (!lstm())
      all.push_back(has_input(n_, 3) ? f_.weight(pack_floats(&n_.inputs[3], (d * 3 + 2) * r_.hidden, r_.hidden))
                                     : zeros(r_.hidden));
    return all;
  }

  void add_direction(std::int64_t d) {
    bool const backwards = r_.attributes->reverse || d == 1;
    auto const weights = gates() * r_.hidden * r_.hidden;
    auto const matrix = f_.weight(pack_floats(&n_.inputs[2], d * weights, weights, step_.element));
    auto const last_of = [&](std::size_t output) { return behind(output_of(output), d * state()); };
    bool const keeps_steps = has_output(n_, 0) && n_.n->outputs[0], keeps_last = has_output(n_, 1) && n_.n->outputs[1];
    std::vector<address> cell;
    if (lstm()) {
      cell.push_back(has_output(n_, 2) && n_.n->outputs[2] ? last_of(2) : temporary("cell state"));
      copy_state(first_state(6, d), cell[0]);
    }
    auto const others = constants(d);
    std::vector<address> passing;  // states that are no results
    if (!keeps_steps) passing = {temporary("state"), temporary("next state")};
    auto before = first_state(5, d);
    for (std::int64_t i = 0; i < r_.steps; ++i) {
      auto const step = backwards ? r_.steps - 1 - i : i;
      bool const last = i + 1 == r_.steps;
      auto const next = keeps_steps          ? behind(output_of(0), (step * directions() + d) * state())
                        : last && keeps_last ? last_of(1)
                                             : passing[static_cast<std::size_t>(i % 2)];
      auto const x = behind(input_of(n_, 0), step * r_.batch * step_.x_batch + d * row(), step_.element);
      std::vector<address> places{x, matrix, before, next};
      places.insert(places.end(), cell.begin(), cell.end());
      places.insert(places.end(), others.begin(), others.end());
      f_.add(recurrent_call(step_), std::move(places));
      before = next;
    }
    if (keeps_steps && keeps_last) copy_state(before, last_of(1));
  }

  scheduled_node const& n_;
  recurrent_node r_;
  device_recurrent step_{};
  fragment f_{};
};

/// Whether the form computes the cells of a layer: with the usual activations and nothing unusual.
inline bool has_usual_cells(recurrent_node const& r) {
  using enum kernels::activation_kind;
  auto const& a = *r.attributes;
  bool const lstm = r.kind == recurrent_kind::lstm;
  if (!lstm && (r.kind != recurrent_kind::gru || !a.linear_before_reset)) return false;
  std::size_t const each = lstm ? 3 : 2;
  for (std::size_t i = 0; i < a.activations.size(); ++i)
    if (a.activations[i].kind != (i % each == 0 ? sigmoid : tanh)) return false;
  return a.clip == 0 && !a.input_forget && !a.batch_first;
}

inline std::vector<candidate> recurrent_offer(scheduled_node const& n, target const&) {
  constexpr std::int64_t most_launches = 4096;
  auto const r = recurrent_node_of(n);
  if (!r || !has_usual_cells(*r) || r->steps * r->attributes->directions > most_launches) return {};
  if (!n.inputs[2].constant || has_input(n, 4)) return {};
  for (std::size_t i : {3, 7})
    if (has_input(n, i) && !n.inputs[i].constant) return {};
  layout_choice layouts{.inputs = std::vector(n.inputs.size(), layout::row_major),
                        .outputs = std::vector(n.outputs.size(), layout::row_major)};
  layouts.inputs[0] = row_major_of(n.inputs[0]);
  return {{.layouts = std::move(layouts), .cost = traffic_cost(n), .build = [r = *r](scheduled_node const& at) {
             return recurrent_steps(at, r).build();
           }}};
}

inline constexpr schedule recurrent_schedule{.name = "cuda recurrent", .offer = recurrent_offer};

}  // namespace sinter::detail::cuda
