#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>

/// Text of a model in C++ text: nothing that a file says gets there unescaped.
namespace sinter::cpp {

inline bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Words that no generated name may be: keywords and alternative tokens of C++20, macros that standard headers and
/// compilers define, and names that the generated code relies on.
inline bool is_taken(std::string_view word) {
  static constexpr std::string_view words[] = {"alignas",      "alignof",
                                               "and",          "and_eq",
                                               "asm",          "assert",
                                               "auto",         "bitand",
                                               "bitor",        "bool",
                                               "break",        "case",
                                               "catch",        "char",
                                               "char16_t",     "char32_t",
                                               "char8_t",      "class",
                                               "co_await",     "co_return",
                                               "co_yield",     "compl",
                                               "concept",      "const",
                                               "const_cast",   "consteval",
                                               "constexpr",    "constinit",
                                               "continue",     "decltype",
                                               "default",      "delete",
                                               "do",           "double",
                                               "dynamic_cast", "else",
                                               "enum",         "errno",
                                               "explicit",     "export",
                                               "extern",       "false",
                                               "float",        "for",
                                               "friend",       "goto",
                                               "i386",         "if",
                                               "inline",       "int",
                                               "linux",        "long",
                                               "main",         "math_errhandling",
                                               "mutable",      "namespace",
                                               "new",          "noexcept",
                                               "not",          "not_eq",
                                               "nullptr",      "offsetof",
                                               "operator",     "or",
                                               "or_eq",        "private",
                                               "protected",    "public",
                                               "register",     "reinterpret_cast",
                                               "requires",     "return",
                                               "short",        "signed",
                                               "sinter",       "sizeof",
                                               "static",       "static_assert",
                                               "static_cast",  "std",
                                               "stderr",       "stdin",
                                               "stdout",       "struct",
                                               "switch",       "template",
                                               "this",         "thread_local",
                                               "throw",        "true",
                                               "try",          "typedef",
                                               "typeid",       "typename",
                                               "union",        "unix",
                                               "unsigned",     "using",
                                               "virtual",      "void",
                                               "volatile",     "wchar_t",
                                               "while",        "xor",
                                               "xor_eq"};
  return std::ranges::binary_search(words, word);
}

/// The name as a C++ identifier: other characters become `_`, runs of `_` one, and no reserved name comes out. A name
/// of capitals only, which may be a macro, gets a `_` at its end, and so does a word of the language.
inline std::string identifier(std::string_view name) {
  std::string text;
  for (char const c : name) {
    char const next = is_plain(c) ? c : '_';
    if (next != '_' || text.empty() || text.back() != '_') text += next;
  }
  if (!text.empty() && text[0] >= '0' && text[0] <= '9') text.insert(text.begin(), '_');
  if (text.size() > 1 && text[0] == '_' && !(text[1] >= '0' && text[1] <= '9')) text.erase(text.begin());
  if (text.empty() || text == "_") text = "unnamed";
  bool const capitals = text.size() > 1 && std::ranges::none_of(text, [](char c) { return c >= 'a' && c <= 'z'; }) &&
                        text[0] >= 'A' && text[0] <= 'Z';
  if ((capitals || is_taken(text)) && text.back() != '_') text += '_';
  return text;
}

/// Identifiers of one scope. Equal ones are numbered: `x`, `x_2`, `x_3`.
class identifier_scope {
 public:
  explicit identifier_scope(std::set<std::string, std::less<>> taken = {}) : taken_(std::move(taken)) {}

  std::string add(std::string_view name) {
    auto const wanted = identifier(name);
    auto found = wanted;
    for (int n = 2; !taken_.insert(found).second; ++n)
      found = fmt::format("{}{}{}", wanted, wanted.back() == '_' ? "" : "_", n);
    return found;
  }

 private:
  std::set<std::string, std::less<>> taken_;
};

/// The text for a comment of one line: what is not printable ASCII, and the backslash, as `\xNN`.
inline std::string comment_text(std::string_view text) {
  std::string result;
  for (char const c : text) {
    if (c >= ' ' && c <= '~' && c != '\\')
      result += c;
    else
      fmt::format_to(std::back_inserter(result), "\\x{:02x}", static_cast<unsigned char>(c));
  }
  return result;
}

/// The text as a string literal.
inline std::string c_literal(std::string_view text) {
  std::string result = "\"";
  for (char const c : text) {
    if (is_plain(c) || std::string_view(" ./:+-").find(c) != std::string_view::npos)
      result += c;
    else
      fmt::format_to(std::back_inserter(result), "\\{:03o}", static_cast<unsigned char>(c));
  }
  return result + '"';
}

/// The text as a `std::string_view` literal expression.
inline std::string string_literal(std::string_view text) {
  return fmt::format("{{{}, {}}}", c_literal(text), text.size());
}

}  // namespace sinter::cpp
