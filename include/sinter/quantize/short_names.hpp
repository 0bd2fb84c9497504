#pragma once

#include <sinter/graph/graph.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <set>
#include <string>

namespace sinter::quantize {

/// Numbers the values of a graph but for its inputs and outputs, and takes the names of its nodes: those of exporters
/// are paths of modules, as long as the weights of a small model.
inline void shorten_names(graph& g) {
  std::set<std::string> kept;
  for (auto const& p : g.inputs) kept.insert(g.at(p.value).name);
  for (auto const& p : g.outputs) kept.insert(g.at(p.value).name);
  std::int64_t next = 0;
  for (value_id v{0}; v.index < static_cast<std::int32_t>(g.value_count()); ++v.index) {
    if (kept.contains(g.at(v).name)) continue;
    if (!g.at(v).producer && g.at(v).users.empty()) continue;
    do g.at(v).name = fmt::format("{}", next++);
    while (kept.contains(g.at(v).name));
  }
  for (auto const id : g.topological_order()) g.at(id).name.clear();
}

}  // namespace sinter::quantize
