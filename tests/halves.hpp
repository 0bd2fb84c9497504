#pragma once

#include <string>
#include <string_view>

namespace sinter::test {

/// The text of a graph whose tensors of `half` are of `type`.
inline std::string with_halves_of(std::string_view type, std::string text) {
  for (auto at = text.find("half["); at != std::string::npos; at = text.find("half[")) text.replace(at, 4, type);
  return text;
}

}  // namespace sinter::test
