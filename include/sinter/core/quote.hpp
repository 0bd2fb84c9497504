#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Quoted text, as the text forms spell names that are no single word.
namespace sinter::detail {

inline std::string quote(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\"";
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (byte < 0x20 || byte == 0x7f)
      ((out += "\\x") += digits[byte / 16]) += digits[byte % 16];
    else
      out += c;
  }
  return out + '"';
}

/// Reads what `quote` wrote from its first quotation mark at `at` on; `at` is left behind the last one.
/// `reject(offset, message)` throws.
template <typename Reject>
std::string take_quoted(std::string_view text, std::size_t& at, Reject&& reject) {
  auto const start = at++;
  auto const need = [&] {
    if (at >= text.size()) reject(start, "the quoted text has no end");
    return text[at++];
  };
  auto const digit = [&] {
    char const d = need();
    if (d >= '0' && d <= '9') return d - '0';
    if (d < 'a' || d > 'f') reject(at - 1, "expected two digits of 0-9, a-f after \\x");
    return d - 'a' + 10;
  };
  std::string out;
  for (char c = need(); c != '"'; c = need()) {
    if (c == '\\' && (c = need()) == 'x') {
      int const high = digit();
      c = static_cast<char>(high * 16 + digit());
    }
    out += c;
  }
  return out;
}

}  // namespace sinter::detail
