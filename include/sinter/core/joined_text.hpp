#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

namespace sinter {

/// Strings and integers one after the other, where fmt is not to be had: in what is shipped with generated programs.
template <typename... Parts>
std::string joined_text(Parts const&... parts) {
  std::string text;
  auto const add = [&](auto const& part) {
    if constexpr (std::integral<std::remove_cvref_t<decltype(part)>>)
      text += std::to_string(part);
    else
      text += std::string_view(part);
  };
  (add(parts), ...);
  return text;
}

}  // namespace sinter
