#pragma once

#include <sinter/plan/lowered.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

/// Which tensors share bytes: parts written straight into the tensor that joins them, and results that overwrite an
/// operand that nobody needs any more.
namespace sinter::detail {

/// Operations during which the bytes of a tensor and of all that shares them are in use.
struct lifetime {
  std::int32_t first = INT32_MAX, last = -1;
  void include(std::int32_t operation) {
    first = std::min(first, operation);
    last = std::max(last, operation);
  }
  void include(lifetime const& other) {
    first = std::min(first, other.first);
    last = std::max(last, other.last);
  }
};

/// Lifetimes by root tensor, indexed by stored id; others are empty. Operation `operations.size()` is the end of the
/// run.
inline std::vector<lifetime> root_lifetimes(lowered const& l, graph const& g) {
  std::vector<lifetime> result(l.tensors.size());
  auto const use = [&](stored_id id, std::int32_t operation) {
    if (id >= 0) result[static_cast<std::size_t>(l.root(id))].include(operation);
  };
  for (std::size_t i = 0; i < l.operations.size(); ++i) {
    auto const& op = l.operations[i];
    if (op.is_view() || op.kind == operation_kind::covered) continue;
    for (auto const id : op.inputs) use(id, static_cast<std::int32_t>(i));
    for (auto const id : op.outputs) use(id, static_cast<std::int32_t>(i));
  }
  for (auto const& out : g.outputs) {
    if (!out.value) continue;
    bool const in_slot = l.slot_of_value[static_cast<std::size_t>(out.value.index)] >= 0;
    use(l.find(out.value, in_slot ? l.host_layout() : layout::row_major),
        static_cast<std::int32_t>(l.operations.size()));
  }
  return result;
}

/// Whether a tensor of another shape can show the runs of a slice: some of its innermost axes make up one.
inline bool has_runs(shape const& s, std::int64_t run) {
  std::int64_t inner = 1;
  for (auto axis = s.rank(); axis-- > 0 && inner < run;) inner *= s[axis];
  return inner == run;
}

/// By stored id: tensors that may become parts of others, as far as those that write, read or show them go. On a CPU
/// all blocked tensors may.
inline std::vector<bool> find_sliceable(lowered const& l, graph const& g) {
  std::vector<bool> may(l.tensors.size(), true);
  if (!l.on_device) return may;
  auto const deny = [&](stored_id id) {
    if (id >= 0) may[static_cast<std::size_t>(id)] = false;
  };
  for (auto const& out : g.outputs)
    if (out.value) deny(l.find(out.value, layout::row_major));
  for (auto i = l.operations.size(); i-- > 0;) {
    auto const& op = l.operations[i];
    if (op.kind == operation_kind::covered || op.kind == operation_kind::reorder) continue;
    if (op.is_view()) {
      auto const& shown = l.at(op.outputs[0]);
      bool const fits = may[static_cast<std::size_t>(op.outputs[0])] && shown.base_offset == 0 &&
                        l.at(op.inputs[0]).base < 0 && shown.how.order == element_order::row_major &&
                        has_runs(*shown.type.shape, l.at(op.inputs[0]).run());
      if (!fits) deny(op.inputs[0]);
      continue;
    }
    if (op.kind == operation_kind::scheduled && op.how.layouts.slices) continue;
    std::ranges::for_each(op.inputs, deny);
    std::ranges::for_each(op.outputs, deny);
  }
  return may;
}

/// Lets rows be written into the state that is their operator's input, where no other operator does so.
inline void append_in_place(lowered& l, graph const& g) {
  std::vector<std::int32_t> appending(l.tensors.size(), 0);
  auto const each = [&](auto&& visit) {
    for (auto& op : l.operations) {
      if (op.kind != operation_kind::host || !op.op.entry->appends || op.inputs[0] < 0) continue;
      auto const& from = l.at(op.inputs[0]).external;
      if (from && from->in == space::input && g.inputs[from->index].appended) visit(op);
    }
  };
  each([&](operation const& op) { ++appending[static_cast<std::size_t>(op.inputs[0])]; });
  each([&](operation const& op) {
    if (appending[static_cast<std::size_t>(op.inputs[0])] == 1) l.at(op.outputs[0]).base = op.inputs[0];
  });
}

/// Makes `id` the part of `whole` that begins `offset` bytes into each item or run.
inline void make_part(lowered& l, stored_id id, stored_id whole, std::int64_t offset) {
  auto& part = l.at(id);
  part.base = whole;
  part.base_offset = offset;
  part.part = true;
  l.at(whole).has_parts = true;
}

/// Lets producers write into the tensor that joins their results, and readers of parts read the tensor that is cut,
/// where the schedule of the joining or cutting node allows it.
inline void place_parts(lowered& l, graph const& g) {
  auto const may = find_sliceable(l, g);
  auto const is_open = [&](stored_id id) { return id >= 0 && may[static_cast<std::size_t>(id)] && l.at(id).base < 0; };
  for (auto& op : l.operations) {
    if (op.kind == operation_kind::covered) continue;
    auto const &in = op.how.layouts.input_places, &out = op.how.layouts.output_places;
    for (std::size_t i = 0; i < in.size(); ++i) {
      auto const id = op.inputs[i];
      if (in[i] < 0 || !is_open(id) || l.at(id).external || l.at(id).viewed || l.at(id).producer < 0) continue;
      make_part(l, id, op.outputs[0], in[i]);
      op.placed[i] = true;
    }
    op.placed_outputs.assign(out.size(), false);
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out[i] < 0 || op.inputs[0] < 0 || !is_open(op.outputs[i])) continue;
      make_part(l, op.outputs[i], op.inputs[0], out[i]);
      l.at(op.inputs[0]).viewed = true;
      op.placed_outputs[i] = true;
    }
  }
}

/// Lets results overwrite operands in place.
inline void overwrite_operands(lowered& l, graph const& g) {
  auto lifetimes = root_lifetimes(l, g);
  for (std::size_t i = 0; i < l.operations.size(); ++i) {
    auto& op = l.operations[i];
    if (op.kind == operation_kind::covered) continue;
    if (op.how.layouts.in_place.empty() || op.outputs[0] < 0 || l.at(op.outputs[0]).base >= 0) continue;
    for (auto const slot : op.how.layouts.in_place) {
      auto const id = op.inputs[slot];
      if (id < 0) continue;
      auto const root = l.root(id);
      auto const& operand = l.at(id);
      auto& result = l.at(op.outputs[0]);
      auto const shared =
          std::ranges::count_if(op.inputs, [&](stored_id other) { return other >= 0 && l.root(other) == root; });
      if (shared != 1 || l.at(root).external || l.at(root).has_parts || operand.part || result.has_parts) continue;
      if (operand.how != result.how || operand.bytes() != result.bytes() || operand.bytes() != l.at(root).bytes())
        continue;
      if (lifetimes[static_cast<std::size_t>(root)].last != static_cast<std::int32_t>(i)) continue;
      result.base = id;
      lifetimes[static_cast<std::size_t>(root)].include(lifetimes[static_cast<std::size_t>(op.outputs[0])]);
      break;
    }
  }
}

}  // namespace sinter::detail
