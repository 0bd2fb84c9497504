#pragma once

#include <sinter/core/error.hpp>
#include <sinter/core/quote.hpp>
#include <sinter/graph/text_print.hpp>

#include <string>
#include <string_view>

namespace sinter::detail {

/// A word of the text form: a bare or quoted name or number, one punctuation character, or the end.
struct text_token {
  enum class kind { word, quoted, suffix, punctuation, end };
  kind what = kind::end;
  std::string text{};  ///< without quotes and escapes
  std::size_t offset = 0;

  bool is(char c) const { return what == kind::punctuation && text[0] == c; }
  bool is_word(std::string_view w) const { return what == kind::word && text == w; }
  /// Whether the token can be a name: keywords are words too, where they are not expected.
  bool is_name() const { return what == kind::word || what == kind::quoted; }
};

/// Splits text into tokens, one ahead.
class text_lexer {
 public:
  explicit text_lexer(std::string_view text) : text_(text) { advance(); }

  text_token const& peek() const { return token_; }
  text_token next() {
    auto token = std::move(token_);
    advance();
    return token;
  }
  bool accept(char c) {
    if (!token_.is(c)) return false;
    advance();
    return true;
  }
  bool accept_word(std::string_view w) {
    if (!token_.is_word(w)) return false;
    advance();
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail_at(token_.offset, fmt::format("expected '{}', found {}", c, found()));
  }
  std::string found() const {
    return token_.what == text_token::kind::end ? "the end of the text" : "'" + token_.text + "'";
  }

  /// Throws with the line and column of an offset.
  [[noreturn]] void fail_at(std::size_t offset, std::string_view message) const {
    std::size_t line = 1, column = 1;
    for (char const c : text_.substr(0, offset)) {
      column = c == '\n' ? 1 : column + 1;
      line += c == '\n';
    }
    fail(error_code::malformed_model, "{}:{}: {}", line, column, message);
  }

 private:
  void advance() {
    skip_blanks();
    token_ = {text_token::kind::end, {}, at_};
    if (at_ == text_.size()) return;
    if (char const c = text_[at_]; c == '"') {
      token_.what = text_token::kind::quoted;
      token_.text = take_quoted(text_, at_, [&](std::size_t at, std::string_view why) { fail_at(at, why); });
    } else if (c == '%') {
      token_.what = text_token::kind::suffix;
      for (token_.text = text_[at_++]; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9';)
        token_.text += text_[at_++];
    } else if (is_word_character(c)) {
      token_.what = text_token::kind::word;
      while (at_ < text_.size() && is_word_character(text_[at_])) token_.text += text_[at_++];
    } else {
      token_.what = text_token::kind::punctuation;
      token_.text = text_[at_++];
    }
  }

  void skip_blanks() {
    while (at_ < text_.size()) {
      if (text_[at_] == ';')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
        ++at_;
      else
        return;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  text_token token_{};
};

}  // namespace sinter::detail
