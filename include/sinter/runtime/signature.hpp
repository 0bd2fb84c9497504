#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/core/preferences.hpp>
#include <sinter/core/target.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/runtime/executor.hpp>
#include <sinter/runtime/model_store.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sinter {

/// What an executable is compiled for: the shape of each input of the graph; none where an input keeps its default.
struct signature {
  std::vector<std::optional<shape>> shapes{};
  std::int64_t capacity = 0;  ///< of state that grows, as its inputs' shapes say; 0: lengths are what these say
  std::int64_t added = 0;     ///< rows that a run adds to it
  friend bool operator==(signature const&, signature const&) = default;
};

/// Text form: `1x3x224x224, default, 10`.
inline std::string to_string(signature const& s) {
  std::string text;
  for (auto const& extents : s.shapes) {
    if (!text.empty()) text += ", ";
    text += extents ? to_string(*extents) : "default";
  }
  if (s.capacity > 0) text += fmt::format(", state of at most {}", s.capacity);
  return text;
}

/// The signature that the known types of a graph's inputs say; inputs that have a default keep it.
inline signature signature_of(graph const& g) {
  signature s;
  for (auto const& p : g.inputs) {
    auto const& v = g.at(p.value);
    s.shapes.push_back(v.is_constant() ? std::nullopt : v.type.shape);
  }
  return s;
}

/// Whether the signature gives a shape to an input of `g` that has a default.
inline bool replaces_default(graph const& g, signature const& s) {
  for (std::size_t i = 0; i < s.shapes.size(); ++i)
    if (s.shapes[i] && g.at(g.inputs[i].value).is_constant()) return true;
  return false;
}

/// `g` for one signature: the types of its inputs are known, and inputs that have a default are constants unless the
/// signature gives them a shape. The list of inputs stays as it is.
inline graph specialize(graph g, signature const& s) {
  SINTER_ASSERT(s.shapes.size() == g.inputs.size());
  for (std::size_t i = 0; i < s.shapes.size(); ++i) {
    auto& v = g.at(g.inputs[i].value);
    if (!s.shapes[i]) continue;
    v.constant = {};
    v.type.shape = s.shapes[i];
  }
  return g;
}

/// What an executable shares with the others of its model, and what it may cost.
struct compile_environment {
  target machine{};
  sinter::limits limits{};
  model_store* store = nullptr;
  executor* pool = nullptr;  ///< null: one thread
  std::size_t cached_signatures = 32;
  preferences prefer{};
};

}  // namespace sinter
