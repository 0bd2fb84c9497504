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
  for (auto const& out : g.outputs)
    if (out.value)
      use(l.of_value[static_cast<std::size_t>(out.value.index)][static_cast<std::size_t>(layout::row_major)],
          static_cast<std::int32_t>(l.operations.size()));
  return result;
}

/// Lets producers write into the tensor that joins their results, where the schedule of the joining node allows it.
inline void place_parts(lowered& l) {
  for (auto& op : l.operations) {
    if (op.how.layouts.input_places.empty() || op.kind == operation_kind::covered) continue;
    for (std::size_t i = 0; i < op.how.layouts.input_places.size(); ++i) {
      auto const id = op.inputs[i];
      if (id < 0 || op.how.layouts.input_places[i] < 0) continue;
      auto& part = l.at(id);
      if (part.base >= 0 || part.external || part.viewed || part.producer < 0) continue;
      part.base = op.outputs[0];
      part.base_offset = op.how.layouts.input_places[i];
      part.part = true;
      l.at(op.outputs[0]).has_parts = true;
      op.placed[i] = true;
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
