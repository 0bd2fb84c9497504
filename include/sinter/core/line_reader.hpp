#pragma once

#include <sinter/core/error.hpp>
#include <sinter/core/quote.hpp>

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace sinter {

/// Reads text of one statement a line, word by word; indentation is structure, `;` outside of quotes starts a comment.
/// What does not fit is `error_code::invalid_argument`.
class line_reader {
 public:
  /// `separators` end a word, as a blank does; lines count from `first_line` on, indentation from `margin` on.
  line_reader(std::string_view text, std::string_view separators, int first_line = 1, int margin = 0)
      : text_(text), separators_(separators), number_(first_line - 1), margin_(margin) {}

 protected:
  /// The next line that is not empty; `rest` has its words.
  bool next_line() {
    while (!text_.empty()) {
      skip_line();
      rest_ = line_.substr(0, comment_start(line_));
      auto const indent = rest_.find_first_not_of(' ');
      if (indent == std::string_view::npos) continue;
      indent_ = static_cast<int>(indent) - margin_;
      return true;
    }
    return false;
  }

  /// The line and those after it that are indented deeper, or empty; reading goes on behind them.
  std::string_view take_block() {
    auto const* const begin = line_.data();
    auto const depth = static_cast<std::size_t>(margin_) + static_cast<std::size_t>(indent_);
    while (!text_.empty()) {
      auto const next = text_.substr(0, text_.find('\n'));
      auto const indent = next.find_first_not_of(' ');
      if (indent != std::string_view::npos && indent <= depth) break;
      skip_line();
    }
    return {begin, static_cast<std::size_t>(line_.data() + line_.size() - begin)};
  }

  template <typename... Args>
  [[noreturn]] static void reject(fmt::format_string<Args...> format, Args&&... args) {
    fail(error_code::invalid_argument, format, std::forward<Args>(args)...);
  }
  /// Calls `f`; errors name the line.
  template <typename F>
  void at_line(F&& f) const {
    with_context([&, number = number_, line = line_] { return fmt::format("line {}: '{}'", number, line); },
                 std::forward<F>(f));
  }

  int line_number() const { return number_; }
  int indent() const { return indent_; }
  std::string_view rest() const { return rest_; }
  void set_rest(std::string_view rest) { rest_ = rest; }

  bool at_end() { return skip(), rest_.empty(); }
  void expect_end() {
    if (!at_end()) reject("'{}' is left over", rest_);
  }
  std::string_view peek() {
    skip();
    std::size_t n = 0;
    while (n < rest_.size() && rest_[n] != ' ' && separators_.find(rest_[n]) == std::string_view::npos) ++n;
    return rest_.substr(0, n);
  }
  std::string_view word() {
    auto const w = peek();
    if (w.empty()) reject("a word is expected before '{}'", rest_);
    rest_.remove_prefix(w.size());
    return w;
  }
  /// A word, or quoted text.
  std::string name() {
    skip();
    if (!rest_.starts_with('"')) return std::string(word());
    std::size_t at = 0;
    auto text = detail::take_quoted(rest_, at, [](std::size_t, std::string_view why) { reject("{}", why); });
    rest_.remove_prefix(at);
    return text;
  }
  bool accept(std::string_view what) {
    skip();
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }
  bool accept_word(std::string_view what) { return peek() == what && accept(what); }
  void expect(std::string_view what) {
    if (!accept(what)) reject("'{}' is expected before '{}'", what, rest_);
  }

  template <typename T>
  static T number(std::string_view text) {
    T value{};
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) reject("'{}' is no number in range", text);
    return value;
  }
  /// The place of a word in a list of names.
  template <typename Enum, std::size_t N>
  static Enum named(std::array<std::string_view, N> const& names, std::string_view text) {
    for (std::size_t k = 0; k < N; ++k)
      if (names[k] == text) return static_cast<Enum>(k);
    reject("'{}' is unknown here", text);
  }

 private:
  void skip_line() {
    auto const end = text_.find('\n');
    line_ = text_.substr(0, end);
    text_ = end == std::string_view::npos ? std::string_view() : text_.substr(end + 1);
    ++number_;
  }
  void skip() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
  }
  static std::size_t comment_start(std::string_view line) {
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (quoted && line[i] == '\\')
        ++i;
      else if (line[i] == '"')
        quoted = !quoted;
      else if (line[i] == ';' && !quoted)
        return i;
    }
    return line.size();
  }

  std::string_view text_, line_, rest_, separators_;
  int number_ = 0;
  int margin_ = 0;
  int indent_ = 0;
};

}  // namespace sinter
