#pragma once

#include <sinter/core/error.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter {

/// A regular expression of RE2's syntax over the code points of UTF-8: literals, classes, groups, alternatives,
/// repetition and assertions of place. Flags and Unicode classes are `error_code::unsupported_feature`. Matching
/// takes time in proportion to pattern times text.
class regular_expression {
 public:
  explicit regular_expression(std::string_view pattern) : pattern_(code_points(pattern)) {
    auto const start = add({.what = kind::match});
    auto const tree = alternatives(0);
    if (at_ < pattern_.size()) wrong("a ')' has no '('");
    entry_ = compile(tree, start);
    pattern_.clear();
  }

  bool matches(std::string_view text) const {
    auto const points = code_points(text);
    std::vector<std::int32_t> now, next;
    std::vector<std::size_t> seen(states_.size(), SIZE_MAX);
    enter(entry_, 0, points, seen, now);
    for (std::size_t i = 0; i < points.size() && !now.empty(); ++i, std::swap(now, next)) {
      next.clear();
      for (auto const state : now)
        if (auto const& s = at(state); s.what == kind::set && accepts(s, points[i]))
          enter(s.next, i + 1, points, seen, next);
    }
    return std::ranges::any_of(now, [&](std::int32_t state) { return at(state).what == kind::match; });
  }

 private:
  using ranges = std::vector<std::pair<std::uint32_t, std::uint32_t>>;  ///< of code points, both ends included
  static constexpr std::uint32_t last_point = 0x10ffff;
  static constexpr std::int64_t most_repetitions = 1000;  // as in RE2
  static constexpr std::size_t most_states = 100'000, most_depth = 200;

  enum class kind : std::uint8_t { match, set, split, begin, end, boundary };
  struct state {
    kind what = kind::match;
    bool negated = false;
    std::int32_t next = -1, other = -1;
    ranges accepted{};
  };

  /// A node of the syntax tree: a state for one code point or an anchor, or what combines others.
  struct tree {
    enum class form : std::uint8_t { one, sequence, choice, repetition } what = form::one;
    state single{};
    std::vector<tree> parts{};
    std::int64_t least = 1, most = 1;  ///< -1: any number
  };

  [[noreturn]] static void wrong(std::string_view what) {
    fail(error_code::malformed_model, "the regular expression is wrong: {}", what);
  }
  [[noreturn]] static void unsupported(std::string_view what) {
    fail(error_code::unsupported_feature, "the regular expression has {}", what);
  }

  // Text.

  /// Bytes that are no UTF-8 stand for themselves.
  static std::vector<std::uint32_t> code_points(std::string_view text) {
    std::vector<std::uint32_t> points;
    for (std::size_t i = 0; i < text.size(); ++i) {
      auto const byte = [&](std::size_t k) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[k])); };
      auto const first = byte(i);
      std::size_t const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
      bool whole = more > 0 && i + more < text.size();
      for (std::size_t k = 1; whole && k <= more; ++k) whole = (byte(i + k) & 0xc0) == 0x80;
      if (!whole) {
        points.push_back(first);
        continue;
      }
      auto point = first & (0x3fu >> more);
      for (std::size_t k = 1; k <= more; ++k) point = point << 6 | (byte(i + k) & 0x3f);
      points.push_back(point);
      i += more;
    }
    return points;
  }

  // Syntax.

  bool peek(char c) const { return at_ < pattern_.size() && pattern_[at_] == static_cast<std::uint32_t>(c); }
  bool accept(char c) { return peek(c) && ++at_; }
  bool accept(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i)
      if (at_ + i >= pattern_.size() || pattern_[at_ + i] != static_cast<std::uint32_t>(text[i])) return false;
    at_ += text.size();
    return true;
  }
  std::uint32_t take() {
    if (at_ == pattern_.size()) wrong("it ends too early");
    return pattern_[at_++];
  }

  tree alternatives(std::size_t depth) {
    if (depth > most_depth) fail(error_code::limit_exceeded, "groups are nested more than {} deep", most_depth);
    tree result{.what = tree::form::choice};
    do result.parts.push_back(sequence(depth));
    while (accept('|'));
    return result;
  }
  tree sequence(std::size_t depth) {
    tree result{.what = tree::form::sequence};
    while (at_ < pattern_.size() && !peek('|') && !peek(')')) result.parts.push_back(repeated(depth));
    return result;
  }

  tree repeated(std::size_t depth) {
    auto result = atom(depth);
    std::int64_t least = 1, most = 1;
    if (accept('*'))
      least = 0, most = -1;
    else if (accept('+'))
      most = -1;
    else if (accept('?'))
      least = 0;
    else if (!accept_counts(least, most))
      return result;
    accept('?');  // which match is preferred does not matter
    if (peek('*') || peek('+') || peek('?')) wrong("a repetition is repeated");
    tree whole{.what = tree::form::repetition, .single = {}, .parts = {}, .least = least, .most = most};
    whole.parts.push_back(std::move(result));
    return whole;
  }

  /// {n}, {n,} or {n,m}; braces with something else in them stand for themselves.
  bool accept_counts(std::int64_t& least, std::int64_t& most) {
    auto const start = at_;
    auto const number = [&](std::int64_t& to) {
      auto const first = at_;
      for (to = 0; at_ < pattern_.size() && pattern_[at_] >= '0' && pattern_[at_] <= '9'; ++at_)
        to = std::min(to * 10 + static_cast<std::int64_t>(pattern_[at_] - '0'), most_repetitions + 1);
      return at_ > first;
    };
    if (accept('{') && number(least)) {
      most = least;
      if (accept(',') && !number(most)) most = -1;
      if (accept('}')) {
        if (std::max(least, most) > most_repetitions || (most >= 0 && most < least))
          wrong("a repetition is out of range");
        return true;
      }
    }
    at_ = start;
    return false;
  }

  tree atom(std::size_t depth) {
    if (accept('(')) {
      if (accept("?P<") || accept("?<")) {
        while (take() != '>') {
        }
      } else if (!accept("?:") && peek('?')) {
        unsupported("flags or assertions: (?…");
      }
      auto result = alternatives(depth + 1);
      if (!accept(')')) wrong("a '(' has no ')'");
      return result;
    }
    if (peek('*') || peek('+') || peek('?')) wrong("there is nothing to repeat");
    tree result;
    auto& s = result.single;
    s.what = kind::set;
    if (accept('['))
      s.negated = accept('^'), s.accepted = bracket();
    else if (accept('.'))
      s.negated = true, s.accepted = {{'\n', '\n'}};
    else if (accept('^'))
      s.what = kind::begin;
    else if (accept('$'))
      s.what = kind::end;
    else if (accept('\\'))
      escape(s);
    else
      s.accepted = {{pattern_[at_], pattern_[at_]}}, ++at_;
    return result;
  }

  static ranges class_named(char name) {
    switch (name) {
      case 'd': return {{'0', '9'}};
      case 's': return {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
      default: return {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    }
  }
  static bool is_class(std::uint32_t c) {
    return c < 0x80 && std::string_view("dDsSwW").find(static_cast<char>(c)) != std::string_view::npos;
  }

  void escape(state& s) {
    if (accept('A')) return void(s.what = kind::begin);
    if (accept('z')) return void(s.what = kind::end);
    if (peek('b') || peek('B')) {
      s.what = kind::boundary;
      s.negated = take() == 'B';
      return;
    }
    if (at_ < pattern_.size() && is_class(pattern_[at_])) {
      auto const name = static_cast<char>(take());
      s.negated = name < 'a';
      s.accepted = class_named(static_cast<char>(name | 0x20));
      return;
    }
    auto const point = escaped_point();
    s.accepted = {{point, point}};
  }

  std::uint32_t escaped_point() {
    auto const c = take();
    constexpr std::string_view names = "atnfrv", values = "\a\t\n\f\r\v";
    if (c < 0x80 && names.find(static_cast<char>(c)) != names.npos)
      return static_cast<std::uint32_t>(values[names.find(static_cast<char>(c))]);
    if (c == 'x') return hexadecimal();
    bool const letter = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0x80;
    if (letter) unsupported(fmt::format("the escape \\{}", static_cast<char>(c)));
    return c;
  }
  std::uint32_t hexadecimal() {
    bool const braced = accept('{');
    std::uint32_t value = 0;
    for (int digits = 0; braced ? !accept('}') : digits < 2; ++digits) {
      auto const c = take();
      auto const lower = c | 0x20;
      bool const digit = c >= '0' && c <= '9';
      if (!digit && (lower < 'a' || lower > 'f')) wrong("a digit of \\x is no hexadecimal one");
      value = value << 4 | (digit ? c - '0' : lower - 'a' + 10);
      if (value > last_point) wrong("\\x is no code point");
    }
    return value;
  }

  ranges bracket() {
    ranges result;
    for (bool first = true; first || !peek(']'); first = false) {
      if (accept("[:")) unsupported("a class [:…:]");
      if (peek('\\') && at_ + 1 < pattern_.size() && is_class(pattern_[at_ + 1])) {
        auto const name = static_cast<char>(pattern_[at_ + 1]);
        at_ += 2;
        if (name < 'a') unsupported(fmt::format("the class \\{} in brackets", name));
        auto const more = class_named(name);
        result.insert(result.end(), more.begin(), more.end());
        continue;
      }
      auto const from = accept('\\') ? escaped_point() : take();
      auto to = from;
      if (peek('-') && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']') {
        ++at_;
        to = accept('\\') ? escaped_point() : take();
      }
      if (to < from) wrong("a range of characters runs backward");
      result.emplace_back(from, to);
    }
    ++at_;
    return result;
  }

  // States.

  state const& at(std::int32_t i) const { return states_[static_cast<std::size_t>(i)]; }
  std::int32_t add(state s) {
    if (states_.size() == most_states) fail(error_code::limit_exceeded, "the regular expression is too large");
    states_.push_back(std::move(s));
    return static_cast<std::int32_t>(states_.size() - 1);
  }

  /// The first state of what matches `t` and then goes on to `next`.
  std::int32_t compile(tree const& t, std::int32_t next) {
    switch (t.what) {
      case tree::form::one: {
        auto s = t.single;
        s.next = next;
        return add(std::move(s));
      }
      case tree::form::sequence:
        for (auto part = t.parts.rbegin(); part != t.parts.rend(); ++part) next = compile(*part, next);
        return next;
      case tree::form::choice: {
        auto first = compile(t.parts.back(), next);
        for (auto part = t.parts.rbegin() + 1; part != t.parts.rend(); ++part)
          first = add({.what = kind::split, .next = compile(*part, next), .other = first});
        return first;
      }
      default: break;
    }
    auto const end = next;
    if (t.most < 0) {
      auto const again = add({.what = kind::split, .next = -1, .other = end});
      auto const body = compile(t.parts[0], again);
      states_[static_cast<std::size_t>(again)].next = body;
      next = again;
    }
    for (auto i = t.least; i < t.most; ++i)
      next = add({.what = kind::split, .next = compile(t.parts[0], next), .other = end});
    for (std::int64_t i = 0; i < t.least; ++i) next = compile(t.parts[0], next);
    return next;
  }

  static bool accepts(state const& s, std::uint32_t c) {
    return std::ranges::any_of(s.accepted, [&](auto const& r) { return r.first <= c && c <= r.second; }) != s.negated;
  }

  /// Whether what an assertion says of position `i` is true.
  static bool holds(state const& s, std::size_t i, std::vector<std::uint32_t> const& points) {
    auto const is_word = [&](std::size_t k) {
      return k < points.size() && accepts({.accepted = class_named('w')}, points[k]);
    };
    if (s.what == kind::begin) return i == 0;
    if (s.what == kind::end) return i == points.size();
    return ((i > 0 && is_word(i - 1)) != is_word(i)) != s.negated;
  }

  /// Adds what is reached from `first` without a code point, at position `i`; `seen` marks what was added.
  void enter(std::int32_t first, std::size_t i, std::vector<std::uint32_t> const& points,
             std::vector<std::size_t>& seen, std::vector<std::int32_t>& to) const {
    std::vector<std::int32_t> waiting{first};
    while (!waiting.empty()) {
      auto const id = waiting.back();
      waiting.pop_back();
      if (std::exchange(seen[static_cast<std::size_t>(id)], i) == i) continue;
      auto const& s = at(id);
      if (s.what == kind::set || s.what == kind::match)
        to.push_back(id);
      else if (s.what == kind::split)
        waiting.insert(waiting.end(), {s.next, s.other});
      else if (holds(s, i, points))
        waiting.push_back(s.next);
    }
  }

  std::vector<std::uint32_t> pattern_;
  std::size_t at_ = 0;
  std::vector<state> states_{};
  std::int32_t entry_ = 0;
};

}  // namespace sinter
