#pragma once

#include <sinter/core/shape.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sinter {

/// A dimension of a declared input or output: a size, or -1 with the symbol that the model gives it (may be empty).
struct dimension {
  std::int64_t extent = -1;
  std::string symbol{};
  bool known() const { return extent >= 0; }
};

/// The shape that a model declares for an input or output; none: even the rank is open.
using declared_dimensions = std::optional<std::vector<dimension>>;

/// Text form: `Nx3x?x224`, `scalar`, or `any shape`.
inline std::string to_string(declared_dimensions const& declared) {
  if (!declared) return "any shape";
  std::string text;
  for (auto const& d : *declared) {
    if (!text.empty()) text += 'x';
    text += d.known() ? std::to_string(d.extent) : d.symbol.empty() ? "?" : d.symbol;
  }
  return text.empty() ? "scalar" : text;
}

/// The shape, if all of its dimensions are known.
inline std::optional<shape> static_shape(declared_dimensions const& declared) {
  if (!declared) return std::nullopt;
  shape s;
  for (auto const& d : *declared) {
    if (!d.known()) return std::nullopt;
    s.push_back(d.extent);
  }
  return s;
}

/// Whether `s` is one of the shapes that `declared` stands for.
inline bool fits(declared_dimensions const& declared, shape const& s) {
  if (!declared) return true;
  if (declared->size() != s.rank()) return false;
  for (std::size_t i = 0; i < s.rank(); ++i)
    if ((*declared)[i].known() && (*declared)[i].extent != s[i]) return false;
  return true;
}

}  // namespace sinter
