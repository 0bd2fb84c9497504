#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace sinter {

namespace detail {

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\n')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\n')) text.remove_suffix(1);
  if (text.starts_with('+')) text.remove_prefix(1);
  return text;
}

}  // namespace detail

/// A number as text: decimal, exponent, "inf", "nan" in any case. None where the text is no number.
inline std::optional<double> parse_double(std::string_view text) {
  text = detail::trimmed(text);
  double value = 0;
  auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed == std::errc::result_out_of_range) {
    bool const small = text.find("e-") != text.npos || text.find("E-") != text.npos;
    double const magnitude = small ? 0 : std::numeric_limits<double>::infinity();
    return text.starts_with('-') ? -magnitude : magnitude;
  }
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

inline std::optional<std::int64_t> parse_integer(std::string_view text) {
  text = detail::trimmed(text);
  std::int64_t value = 0;
  auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The shortest text that reads back as `value`, as numpy prints a scalar: "1.0", "1e-05", "nan", "-inf".
template <typename T>
std::string number_text(T value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[512];
  auto const magnitude = std::fabs(value);
  bool const scientific = magnitude != 0 && (magnitude < T(1e-4) || magnitude >= T(1e16));
  auto const format = scientific ? std::chars_format::scientific : std::chars_format::fixed;
  auto const [end, failed] = std::to_chars(buffer, buffer + sizeof buffer, value, format);
  std::string text(buffer, failed == std::errc{} ? end : buffer);
  if (!scientific && text.find('.') == text.npos) text += ".0";
  return text;
}

}  // namespace sinter
