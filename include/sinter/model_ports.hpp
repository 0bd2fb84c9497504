#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/sinter.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The inputs and outputs of a model as its users know them.
namespace sinter::detail {

inline std::vector<port_info> describe_ports(graph const& g, std::span<port const> ports) {
  std::vector<port_info> result;
  for (auto const& p : ports) {
    auto const& v = g.at(p.value);
    result.push_back({v.name, v.type.element, {p.declared}, v.is_constant()});
  }
  return result;
}

inline std::string describe(port_info const& p) { return fmt::format("'{}' ({} {})", p.name, name(p.type), p.shape); }

/// The position of a port; `what` they are: "input" or "output". Errors: invalid_argument, with those that there are.
inline std::size_t port_index(std::span<port_info const> ports, std::string_view name, std::string_view what) {
  for (std::size_t i = 0; i < ports.size(); ++i)
    if (ports[i].name == name) return i;
  std::string names;
  for (auto const& p : ports)
    if (!p.optional) names += (names.empty() ? "" : ", ") + describe(p);
  fail(error_code::invalid_argument, "the model has no {} '{}'; its {}s are {}", what, name, what, names);
}

}  // namespace sinter::detail
