#pragma once

#include <sinter/expr/function.hpp>

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sinter::expr {

/// The text of an operation's name; of `select` without its comparison.
constexpr std::string_view name(op code) {
  constexpr std::string_view names[] = {
      "input",      "constant",       "add",     "sub",   "mul",    "div",    "min",        "max",
      "fma",        "sqrt",           "round",   "floor", "scale2", "select", "exponent",   "mantissa",
      "round_half", "round_bfloat16", "neg",     "abs",   "ceil",   "sign",   "reciprocal", "exp",
      "log",        "tanh",           "sigmoid", "erf",   "sin",    "cos",    "pow"};
  return names[static_cast<int>(code)];
}

/// One line of text: statements separated by "; ", the last one the result. Operands are inputs x0, x1, …, earlier
/// statements t0, t1, …, and constants, which read back to the same bits: `t0 = add x0 x1; select.lt t0 0 x0 1.5`.
std::string print(function const& f);

/// Reads what `print` writes; simplifies as `flatten` does. The function has at least `inputs` operands, more if the
/// text names more. Bad text is `error_code::malformed_model`.
function parse(std::string_view text, std::size_t inputs = 0);

namespace detail {

inline std::string print_constant(float v) {
  if (v != v) return fmt::format("0x{:08x}", std::bit_cast<std::uint32_t>(v));
  return fmt::format("{}", v);
}

/// Splits text at a separator; skips spaces around the parts.
class splitter {
 public:
  splitter(std::string_view text, char separator) : rest_(text), separator_(separator) {}
  std::optional<std::string_view> next() {
    if (done_) return std::nullopt;
    auto const end = rest_.find(separator_);
    auto part = rest_.substr(0, end);
    done_ = end == std::string_view::npos;
    if (!done_) rest_.remove_prefix(end + 1);
    while (!part.empty() && is_space(part.front())) part.remove_prefix(1);
    while (!part.empty() && is_space(part.back())) part.remove_suffix(1);
    return part;
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  std::string_view rest_;
  char separator_;
  bool done_ = false;
};

inline std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> result;
  splitter split(text, ' ');
  while (auto const word = split.next())
    if (!word->empty()) result.push_back(*word);
  return result;
}

template <typename T>
std::optional<T> number(std::string_view text, int base = 10) {
  T v{};
  std::from_chars_result r{};
  if constexpr (std::is_floating_point_v<T>)
    r = std::from_chars(text.data(), text.data() + text.size(), v);
  else
    r = std::from_chars(text.data(), text.data() + text.size(), v, base);
  if (r.ec != std::errc{} || r.ptr != text.data() + text.size()) return std::nullopt;
  return v;
}

/// `x12` with letter x is 12.
inline std::optional<std::uint16_t> numbered(std::string_view word, char letter) {
  if (word.empty() || word.front() != letter) return std::nullopt;
  return number<std::uint16_t>(word.substr(1));
}

class reader {
 public:
  explicit reader(std::string_view text, std::size_t inputs) : text_(text), lines_(inputs) {}

  std::uint16_t run() {
    splitter statements(text_, ';');
    std::uint16_t result = 0;
    bool named = true;
    while (auto const s = statements.next()) {
      if (!named) bad(*s, "only the last statement has no name");
      result = statement(*s, named);
      if (named) temporaries_.push_back(result);
    }
    if (named) bad(text_, "the last statement is the result and has no name");
    return result;
  }
  function take(std::uint16_t result) const { return lines_.take(result); }

 private:
  [[noreturn]] void bad(std::string_view part, std::string_view why) const {
    fail(error_code::malformed_model, "'{}' in the expression '{}': {}", part, text_, why);
  }

  std::uint16_t statement(std::string_view s, bool& named) {
    auto w = words(s);
    named = w.size() > 1 && w[1] == "=";
    if (named) {
      if (w[0] != fmt::format("t{}", temporaries_.size())) bad(s, fmt::format("expected t{}", temporaries_.size()));
      w.erase(w.begin(), w.begin() + 2);
    }
    if (w.empty()) bad(s, "a statement is empty");
    if (w.size() == 1 && !operation(w[0])) return operand(w[0]);
    auto line = operation(w[0]);
    if (!line) bad(s, fmt::format("no operation is called '{}'", w[0]));
    auto const expected = static_cast<std::size_t>(arity(line->code));
    if (w.size() != expected + 1) bad(s, fmt::format("{} takes {} operands", w[0], expected));
    for (std::size_t k = 0; k < expected; ++k) line->operands[k] = operand(w[k + 1]);
    return lines_.add(*line);
  }

  static std::optional<instruction> operation(std::string_view word) {
    for (int i = static_cast<int>(op::add); i <= static_cast<int>(op::pow); ++i) {
      auto const code = static_cast<op>(i);
      if (code != op::select) {
        if (word == name(code)) return instruction{.code = code};
        continue;
      }
      constexpr std::string_view prefix = "select.";
      if (!word.starts_with(prefix)) continue;
      for (int c = 0; c < 6; ++c)
        if (word.substr(prefix.size()) == compare_names[static_cast<std::size_t>(c)])
          return instruction{.code = code, .cc = static_cast<compare>(c)};
    }
    return std::nullopt;
  }

  std::uint16_t operand(std::string_view word) {
    if (auto const i = numbered(word, 'x')) return lines_.input(*i);
    if (auto const i = numbered(word, 't')) {
      if (*i >= temporaries_.size()) bad(word, "used before it is defined");
      return temporaries_[*i];
    }
    if (word.starts_with("0x")) {
      if (auto const bits = number<std::uint32_t>(word.substr(2), 16))
        return lines_.constant(std::bit_cast<float>(*bits));
    } else if (auto const v = number<float>(word)) {
      return lines_.constant(*v);
    }
    bad(word, "expected x<number>, t<number> or a constant");
  }

  std::string_view text_;
  assembler lines_;
  std::vector<std::uint16_t> temporaries_;
};

}  // namespace detail

inline std::string print(function const& f) {
  std::vector<std::string> names;
  std::string text;
  int temporaries = 0;
  for (std::size_t i = 0; i < f.lines.size(); ++i) {
    auto const& line = f.lines[i];
    bool const last = i + 1 == f.lines.size();
    std::string body;
    if (line.code == op::input) {
      body = fmt::format("x{}", line.index);
    } else if (line.code == op::constant) {
      body = detail::print_constant(line.value);
    } else {
      body = name(line.code);
      if (line.code == op::select) body += fmt::format(".{}", compare_names[static_cast<std::size_t>(line.cc)]);
      for (std::size_t k = 0; k < static_cast<std::size_t>(arity(line.code)); ++k)
        body += " " + names[line.operands[k]];
    }
    if (last) return text + body;
    if (arity(line.code) == 0) {
      names.push_back(std::move(body));
    } else {
      names.push_back(fmt::format("t{}", temporaries++));
      text += names.back() + " = " + body + "; ";
    }
  }
  return text;
}

inline function parse(std::string_view text, std::size_t inputs) {
  detail::reader r(text, inputs);
  auto f = r.take(r.run());
  for (auto const& line : f.lines)
    if (line.code == op::input) f.inputs = std::max<std::size_t>(f.inputs, line.index + 1u);
  return f;
}

}  // namespace sinter::expr
