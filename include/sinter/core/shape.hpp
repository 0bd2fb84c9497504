#pragma once

#include <sinter/core/error.hpp>
#include <sinter/core/extents.hpp>

#include <fmt/core.h>

#include <string>

/// Prints like `to_string`. Defined in formatters.hpp.
template <>
struct fmt::formatter<sinter::shape> : fmt::formatter<fmt::string_view> {
  fmt::format_context::iterator format(sinter::shape const& s, fmt::format_context& context) const;
};
