#pragma once

#include <sinter/core/preferences.hpp>
#include <sinter/core/target.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/plan/lowered.hpp>
#include <sinter/plan/tail.hpp>
#include <sinter/program/program.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/view.hpp>
#include <sinter/schedules/schedule.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// Lowering: which schedule computes a node, and in which layouts.
namespace sinter::detail {

/// By value: outputs of the graph, and what they are views of.
inline std::vector<bool> outputs_and_viewed(graph const& g) {
  std::vector<bool> found(g.value_count(), false);
  for (auto const& out : g.outputs)
    for (auto v = out.value; v && !found[static_cast<std::size_t>(v.index)];) {
      found[static_cast<std::size_t>(v.index)] = true;
      auto const by = g.at(v).producer;
      v = by && only_reshapes(g.at(by)) ? g.at(by).inputs[0] : value_id{};
    }
  return found;
}

/// Where values lie whose size depends on data but has a bound.
enum class bounded_values : bool { heap, arena };

/// Walks the graph in topological order and gives each node a schedule, layouts and operands in them.
class lowering {
 public:
  lowering(graph const& g, target const& machine, preferences const& prefer, bounded_values where)
      : g_(g), machine_(machine), prefer_(prefer), bounded_(where) {
    prefer_.precision = precision_on(machine, prefer.precision);
    l_.on_device = machine.device() == device_kind::cuda;
    l_.of_value.assign(g.value_count(), -1);
    l_.slot_of_value.assign(g.value_count(), -1);
  }

  lowered run() {
    for (std::size_t i = 0; i < g_.inputs.size(); ++i) add_input(i);
    for (auto const id : g_.topological_order()) add_node(id);
    end_tail();
    for (auto const& out : g_.outputs)
      if (is_planned(out.value)) stored_as(out.value, layout::row_major);
    cover_unused_reorders();
    return std::move(l_);
  }

 private:
  bool is_planned(value_id v) const {
    return v && !g_.at(v).is_constant() && l_.slot_of_value[static_cast<std::size_t>(v.index)] < 0;
  }

  void add_input(std::size_t i) {
    auto const v = g_.inputs[i].value;
    if (g_.at(v).is_constant()) return;
    auto const add = [&](layout how, space in) {
      l_.at(add_stored(v, how, -1)).external = address{.in = in, .index = static_cast<std::uint32_t>(i)};
    };
    add(layout::row_major, space::input);
    if (l_.on_device) add(layout::host, space::given);
  }

  stored_id add_stored(value_id v, layout how, std::int32_t producer) {
    return l_.add({.value = v, .type = g_.at(v).type, .how = how, .producer = producer});
  }

  /// Whether a tensor has its elements in the same order in all layouts of a device.
  bool has_one_order(stored const& t) const { return l_.on_device && cuda::channels_last_is_row_major(*t.type.shape); }

  /// The value in a layout; adds reorders where it is stored in others only.
  stored_id stored_as(value_id v, layout how) {
    if (auto const id = l_.find(v, how); id >= 0) return id;
    auto const other = source_of(v, how);
    auto const number = static_cast<std::int32_t>(l_.operations.size());
    auto const id = add_stored(v, how, number);
    bool const moves = how == layout::host || l_.at(other).how == layout::host;
    auto& reorder = l_.operations.emplace_back();
    reorder.kind = moves ? operation_kind::transfer : operation_kind::reorder;
    reorder.by = moves ? "transfer" : "reorder";
    reorder.inputs = {other};
    reorder.outputs = {id};
    reorder.placed = {false};
    if (moves || !has_one_order(l_.at(id)) || l_.at(other).how.stored != how.stored) return id;
    reorder.kind = operation_kind::view;
    show(id, other, 0);
    return id;
  }

  /// The tensor that a reorder to a layout starts from, rather one that is rounded like it, or not at all; host and
  /// device exchange row-major tensors.
  stored_id source_of(value_id v, layout how) {
    if (how == layout::host) return stored_as(v, layout::row_major);
    auto const rank = [&](layout other) {
      if (other == layout::host) return -1;
      int const alike = other.stored == how.stored ? 2 : other.stored == dtype::undefined ? 1 : 0;
      return static_cast<int>(element_order_count) * (alike + 1) - static_cast<int>(other.order);
    };
    if (auto const id = l_.best(v, rank); id >= 0) return id;
    if (how != layout::row_major) return stored_as(v, layout::row_major);
    SINTER_ASSERT(l_.find(v, layout::host) >= 0);
    return l_.find(v, layout::host);
  }

  /// The layout that a value has without a reorder: of several, that of convolutions, and then the smallest.
  layout current_layout(value_id v) {
    auto const rank = [](layout how) {
      constexpr int by_order[element_order_count] = {1, 3, 2, 0, 0};
      return 2 * by_order[static_cast<std::size_t>(how.order)] + (how.stored != dtype::undefined);
    };
    auto const id = v ? l_.best(v, rank) : -1;
    return id < 0 ? layout::row_major : l_.at(id).how;
  }

  scheduled_node scheduled(node const& n, bound_operator const& op, std::uint32_t first_input = 0) {
    scheduled_node s{.n = &n, .op = op, .first_input = first_input};
    s.inputs.reserve(n.inputs.size());
    for (auto const in : n.inputs) s.inputs.push_back(describe_operand(g_, in, current_layout(in)));
    for (auto const out : n.outputs) s.outputs.push_back(describe_operand(g_, out, layout::row_major));
    return s;
  }

  static bool computable(scheduled_node const& s) {
    auto const shaped = [](operand_info const& o) {
      if (!o.present() || o.constant) return true;
      return is_plain(o.type.element) && o.type.shape && o.shape().elements() > 0;
    };
    return !s.inputs.empty() && !s.outputs.empty() && std::ranges::all_of(s.inputs, shaped) &&
           std::ranges::all_of(s.outputs, shaped);
  }

  /// Whether a value has no planned place: its size depends on data, or it holds strings.
  bool is_open(value_id v) const {
    auto const& type = g_.at(v).type;
    return !type.shape || type.element == dtype::undefined || !is_plain(type.element);
  }

  bool needs_island(node const& n) const {
    auto const open = [&](value_id v) { return v && !g_.at(v).is_constant() && is_open(v); };
    return std::ranges::any_of(n.inputs, open) || std::ranges::any_of(n.outputs, open);
  }

  void add_node(node_id id) {
    auto const& n = g_.at(id);
    if (tail_.takes(n)) return tail_.add(id);
    if (tail_.feeds(n)) end_tail();
    operation op{.node = id, .op = bind(n)};
    op.values = n.inputs;
    if (auto const most = bounds_of(n, op.op); !most.empty()) return add_bounded(std::move(op), n, most);
    if (op.op.entry->form && !l_.on_device && has_planned_bodies(g_, n)) return add_bodies(std::move(op), n);
    if (op.op.allocates() || needs_island(n)) {
      op.compiled = compiles_parts() && compiles_subgraphs(g_, id, op.op);
      return add_island(std::move(op), n);
    }
    auto const node_view = scheduled(n, op.op);
    if (auto const schedules = schedule_table(machine_.device()); computable(node_view) && !stays_on_host(node_view)) {
      for (auto const& s : schedules)
        if (!s.match) choose(op, s, node_view);
      for (auto const& s : schedules)
        if (s.match) choose_group(op, s);
    }
    if (op.is_view() && !is_planned(op.values[0])) op.kind = operation_kind::host;  // of a constant
    if (op.kind == operation_kind::host) use_host_layout(op, n);
    add_operands(std::move(op), n);
  }

  void add_bodies(operation op, node const& n) {
    op.kind = operation_kind::bodies;
    use_host_layout(op, n);
    add_operands(std::move(op), n);
  }

  /// Whether a node computes a few elements of what only the host has: it takes less time than a launch.
  bool stays_on_host(scheduled_node const& n) {
    constexpr std::size_t few = 1024;
    if (!l_.on_device || only_reshapes(*n.n)) return false;  // views are nothing to compute
    auto const is_small = [](operand_info const& o) { return !o.present() || o.shape().elements() <= few; };
    if (!std::ranges::all_of(n.inputs, is_small) || !std::ranges::all_of(n.outputs, is_small)) return false;
    auto const on_host = [](operand_info const& in) { return in.how == layout::host; };
    auto const there = [&](operand_info const& in) { return !in.present() || in.constant || on_host(in); };
    return std::ranges::any_of(n.inputs, on_host) && std::ranges::all_of(n.inputs, there);
  }

  void use_host_layout(operation& op, node const& n) const {
    op.how.layouts.inputs.assign(n.inputs.size(), l_.host_layout());
    op.how.layouts.outputs.assign(n.outputs.size(), l_.host_layout());
  }

  /// The most that the outputs of `n` can hold, if they get places for it: some depend on data, and nothing else has an
  /// unknown size or holds strings.
  std::vector<bounded_shape> bounds_of(node const& n, bound_operator const& op) const {
    auto const unknown = [&](value_id v) { return v && !g_.at(v).type.shape; };
    auto const strings = [&](value_id v) { return v && !is_plain(g_.at(v).type.element); };
    if (bounded_ == bounded_values::heap || std::ranges::none_of(n.outputs, unknown) ||
        std::ranges::any_of(n.inputs, strings) || std::ranges::any_of(n.outputs, strings))
      return {};
    return with_context([&] { return describe(n); }, [&] { return op.bounds(inputs(operands_of(g_, n))); });
  }

  /// A host call whose outputs of unknown size get places for the most that they can hold, and slots that show what
  /// there is.
  void add_bounded(operation op, node const& n, std::vector<bounded_shape> const& most) {
    use_host_layout(op, n);
    add_operands(std::move(op), n);
    for (std::size_t i = 0; i < n.outputs.size(); ++i) {
      auto const v = n.outputs[i];
      if (!v || !is_open(v)) continue;
      auto& place = l_.at(l_.find(v, l_.host_layout()));
      place.type.shape = most[i].most;
      place.open_axis = most[i].axis;
      add_slot(v);
    }
  }

  void add_slot(value_id v) { l_.slot_of_value[static_cast<std::size_t>(v.index)] = l_.slots++; }

  /// Takes a candidate of `s` that is cheaper than what the operation has; `replaced` is the cost of the nodes before
  /// it that would be computed with it. Returns whether it took one.
  bool choose(operation& op, schedule const& s, scheduled_node const& n, double replaced = 0) {
    bool taken = false;
    for (auto& offered : s.offer(n, machine_)) {
      if (!is_wanted(offered)) continue;
      auto const cost = offered.cost + cost_of_reorders(n, offered.layouts);
      if (cost >= op.cost + replaced) continue;
      op.cost = cost;
      op.kind = offered.layouts.view ? operation_kind::view : operation_kind::scheduled;
      op.by = s.name;
      op.how = std::move(offered);
      taken = true;
      replaced = 0;
    }
    return taken;
  }

  bool is_wanted(candidate const& c) const {
    bool const rounds = c.precision != precision::exact && c.precision != prefer_.precision;
    return !rounds && (!prefer_.precise || c.error <= 1) && (!prefer_.small_weights || c.weight_growth <= 2);
  }

  /// Lets a schedule of groups compute the operation together with operations before it.
  void choose_group(operation& op, schedule const& s) {
    auto const before = s.match(g_, op.node);
    if (before.empty() || !op.before.empty()) return;
    scheduled_node group;
    std::vector<scheduled_node> nodes;
    std::vector<value_id> values;
    double replaced = 0;
    auto const add = [&](node_id id, bound_operator const& bound) {
      nodes.push_back(scheduled(g_.at(id), bound, static_cast<std::uint32_t>(values.size())));
      values.insert(values.end(), g_.at(id).inputs.begin(), g_.at(id).inputs.end());
    };
    for (auto const id : before) {
      auto const* const single = operation_of(id);
      bool const single_node = single && (single->kind == operation_kind::scheduled || single->is_view());
      if (!single_node || !single->before.empty()) return;
      replaced += single->cost;
      add(id, single->op);
    }
    add(op.node, op.op);
    group = std::move(nodes.back());
    nodes.pop_back();
    group.before = std::move(nodes);
    if (!choose(op, s, group, replaced)) return;
    op.before = before;
    op.values = std::move(values);
    for (auto const id : before) operation_of(id)->kind = operation_kind::covered;
  }

  /// Reorders for nodes that a later operation computes in another layout.
  void cover_unused_reorders() {
    std::vector<bool> used(l_.tensors.size(), false);
    for (auto const& out : g_.outputs)
      if (is_planned(out.value)) used[static_cast<std::size_t>(l_.find(out.value, layout::row_major))] = true;
    for (auto i = l_.operations.size(); i-- > 0;) {
      auto& op = l_.operations[i];
      bool const moves = op.kind == operation_kind::reorder || op.kind == operation_kind::transfer;
      if (moves && !used[static_cast<std::size_t>(op.outputs[0])]) op.kind = operation_kind::covered;
      if (op.kind == operation_kind::covered) continue;
      for (auto const id : op.inputs)
        if (id >= 0) used[static_cast<std::size_t>(id)] = true;
    }
  }

  operation* operation_of(node_id id) {
    auto const found = std::ranges::find(l_.operations, id, &operation::node);
    return found == l_.operations.end() ? nullptr : &*found;
  }

  /// The cost of bringing the inputs into the layouts wanted. It is the same for what is stored in fewer bits, as are
  /// all costs, so that the same schedules are chosen.
  static double cost_of_reorders(scheduled_node const& n, layout_choice const& wanted) {
    double bytes = 0;
    for (std::size_t i = 0; i < n.inputs.size(); ++i) {
      auto const& in = n.inputs[i];
      if (in.present() && !in.constant && in.how != wanted.inputs[n.first_input + i])
        bytes += 2 * static_cast<double>(item_bytes(in.shape(), in.type.element, in.how.as(dtype::undefined)));
    }
    auto cost = traffic_cost(bytes);
    for (auto const& each : n.before) cost += cost_of_reorders(each, wanted);
    return cost;
  }

  void add_operands(operation op, node const& n) {
    auto const made_inside = [&](value_id v) {
      return v && std::ranges::find(op.before, g_.at(v).producer) != op.before.end();
    };
    for (std::size_t i = 0; i < op.values.size(); ++i) {
      auto const v = op.values[i];
      op.inputs.push_back(is_planned(v) && !made_inside(v) ? stored_as(v, op.how.layouts.inputs[i]) : -1);
    }
    op.placed.assign(op.inputs.size(), false);
    auto const number = static_cast<std::int32_t>(l_.operations.size());
    for (std::size_t i = 0; i < n.outputs.size(); ++i)
      op.outputs.push_back(n.outputs[i] ? add_stored(n.outputs[i], layout_of_output(op, i), number) : -1);
    if (op.is_view()) add_view(op, number);
    l_.operations.push_back(std::move(op));
  }

  /// How output `i` lies in memory: in 16 bits where the schedule can and the user wants that, unless it leaves.
  layout layout_of_output(operation const& op, std::size_t i) const {
    auto const& choice = op.how.layouts;
    auto const v = g_.at(op.node).outputs[i];
    if (!choice.rounds) return choice.outputs[i];
    bool const whole = leaves_[static_cast<std::size_t>(v.index)] || g_.at(v).type.element != dtype::float32;
    return choice.outputs[i].as(whole ? dtype::undefined : stored_element(prefer_.precision));
  }

  /// Output 0 of operation `number` shows the bytes of input 0; where these are a graph input's, on the host, too.
  void add_view(operation const& op, std::int32_t number) {
    auto const offset = *op.how.layouts.view;
    show(op.outputs[0], op.inputs[0], offset);
    auto const on_host = l_.find(op.values[0], layout::host);
    if (on_host < 0 || on_host == op.inputs[0] || !l_.at(l_.root(on_host)).external) return;
    show(add_stored(l_.at(op.outputs[0]).value, layout::host, number), on_host, offset);
  }

  void show(stored_id shown, stored_id whole, std::int64_t offset) {
    auto& view = l_.at(shown);
    view.base = whole;
    view.base_offset = offset;
    view.part = l_.at(whole).how == layout::blocked && view.how == layout::blocked;
    l_.at(whole).viewed = true;
  }

  /// Whether what runs on a heap may be machine code.
  bool compiles_parts() const { return machine_.device() != device_kind::none && !l_.on_device; }

  /// The nodes of the tail become one island if compiling them pays, else one each.
  void end_tail() {
    auto nodes = tail_.take();
    if (compiles_parts() && worth_compiling(g_, nodes)) {
      auto part = std::make_shared<graph_part const>(extract(g_, std::move(nodes)));
      return add_island({.node = part->nodes.front(), .part = part}, part->inputs, part->outputs);
    }
    for (auto const id : nodes) add_island({.node = id, .op = bind(g_.at(id))}, g_.at(id));
  }

  void add_island(operation op, node const& n) { add_island(std::move(op), n.inputs, n.outputs); }

  void add_island(operation op, std::vector<value_id> const& inputs, std::vector<value_id> const& outputs) {
    op.kind = operation_kind::island;
    for (auto const in : inputs) op.inputs.push_back(operand_of_island(in));
    auto const number = static_cast<std::int32_t>(l_.operations.size());
    for (auto const out : outputs) {
      bool const planned = out && !is_open(out);
      op.outputs.push_back(planned ? add_stored(out, l_.host_layout(), number) : -1);
      if (out && !planned) add_slot(out);
    }
    l_.operations.push_back(std::move(op));
  }

  /// The tensor that the island reads, also through a slot.
  stored_id operand_of_island(value_id v) {
    if (is_planned(v)) return stored_as(v, l_.host_layout());
    return v ? l_.find(v, l_.host_layout()) : -1;
  }

  graph const& g_;
  target machine_;
  preferences prefer_;
  bounded_values bounded_;
  std::vector<bool> leaves_ = outputs_and_viewed(g_);
  lowered l_;
  tail tail_{g_};  ///< the nodes before `end_tail`
};

}  // namespace sinter::detail
