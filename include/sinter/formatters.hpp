#pragma once

// Part of the implementation: how shapes and types print.

#include <sinter/sinter.hpp>

#include <fmt/format.h>

fmt::format_context::iterator fmt::formatter<sinter::shape>::format(sinter::shape const& s,
                                                                    fmt::format_context& context) const {
  return fmt::formatter<fmt::string_view>::format(sinter::to_string(s), context);
}

fmt::format_context::iterator fmt::formatter<sinter::port_shape>::format(sinter::port_shape const& s,
                                                                         fmt::format_context& context) const {
  return fmt::formatter<fmt::string_view>::format(sinter::to_string(s.dimensions), context);
}

fmt::format_context::iterator fmt::formatter<sinter::dtype>::format(sinter::dtype type,
                                                                    fmt::format_context& context) const {
  return fmt::formatter<fmt::string_view>::format(sinter::name(type), context);
}
