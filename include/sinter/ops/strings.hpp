#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/kernels/broadcast.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/regex.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Operators on tensors of strings, which are UTF-8.
namespace sinter {

namespace detail {

inline void expect_strings(dtype type) {
  if (type != dtype::string) fail(error_code::malformed_model, "the input holds {}, expected strings", name(type));
}

}  // namespace detail

/// StringConcat, with broadcasting.   https://onnx.ai/onnx/operators/onnx__StringConcat.html
struct string_concat {
  static constexpr op_schema schema{.name = "StringConcat", .since = 20, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    detail::expect_strings(in.element(0));
    detail::expect_strings(in.element(1));
    return {{dtype::string, broadcast(in.shape(0), in.shape(1))}};
  }
  static void evaluate(input_views in, output_views out, attributes const&) {
    auto const y = out[0].as<std::string>();
    auto const parts = {std::pair(in[0], 0), std::pair(in[1], 1)};
    for (auto const& [part, place] : parts) {
      walk_operand operand{.strides = broadcast_strides(part.shape, out[0].shape)};
      strided_walk const walk(out[0].shape, {&operand, 1});
      auto const x = part.as<std::string>();
      walk.for_each_run([&](std::size_t first, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
          y[first + i] +=
              x[static_cast<std::size_t>(operand.offset + static_cast<std::ptrdiff_t>(i) * operand.stride())];
      });
    }
  }
};

/// StringSplit: by a delimiter, or at white space. Shorter lists are filled up with empty strings; output 1 counts.
/// https://onnx.ai/onnx/operators/onnx__StringSplit.html
struct string_split {
  static constexpr op_schema schema{.name = "StringSplit", .since = 20, .max_inputs = 1, .max_outputs = 2};
  struct attributes {
    std::string delimiter{};
    std::int64_t most = INT64_MAX;  ///< splits
  };
  static constexpr std::string_view blanks = " \t\n\r\v\f";

  static attributes parse(attribute_reader const& r) {
    attributes const a{.delimiter = r.get("delimiter", std::string()),
                       .most = r.get<std::int64_t>("maxsplit", INT64_MAX)};
    if (a.most < 0) fail(error_code::malformed_model, "the attribute 'maxsplit' is {}, expected 0 or more", a.most);
    return a;
  }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) {
    detail::expect_strings(in.element(0));
    return {unknown_shape(dtype::string), {dtype::int64, in[0].shape}};
  }

  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a) {
    auto const x = in[0].as<std::string>();
    std::vector<std::vector<std::string_view>> lists;
    std::size_t most = 0;
    for (auto const& text : x) {
      lists.push_back(a.delimiter.empty() ? at_blanks(text, a.most) : at_delimiters(text, a));
      most = std::max(most, lists.back().size());
    }
    auto extents = in[0].shape();
    any_tensor counts(dtype::int64, extents);
    extents.push_back(static_cast<std::int64_t>(most));
    budget("the parts of strings", limits{}.arena_bytes).charge(dense_bytes(dtype::string, extents));
    any_tensor parts(dtype::string, extents);
    auto* const to = static_cast<std::string*>(parts.data());
    auto* const count = static_cast<std::int64_t*>(counts.data());
    for (std::size_t i = 0; i < lists.size(); ++i) {
      std::ranges::copy(lists[i], to + i * most);
      count[i] = static_cast<std::int64_t>(lists[i].size());
    }
    return {parts, counts};
  }

 private:
  static std::vector<std::string_view> at_delimiters(std::string_view text, attributes const& a) {
    std::vector<std::string_view> parts;
    if (text.empty()) return parts;
    for (std::int64_t splits = 0; splits < a.most; ++splits) {
      auto const at = text.find(a.delimiter);
      if (at == text.npos) break;
      parts.push_back(text.substr(0, at));
      text.remove_prefix(at + a.delimiter.size());
    }
    parts.push_back(text);
    return parts;
  }
  /// What is left behind the last split keeps its blanks at the end, as in Python.
  static std::vector<std::string_view> at_blanks(std::string_view text, std::int64_t most) {
    std::vector<std::string_view> parts;
    auto const skip = [&] { text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size())); };
    for (skip(); !text.empty(); skip()) {
      auto const end = most-- > 0 ? std::min(text.find_first_of(blanks), text.size()) : text.size();
      parts.push_back(text.substr(0, end));
      text.remove_prefix(end);
    }
    return parts;
  }
};

/// StringNormalizer: without stop words, then in lower or upper case.
/// https://onnx.ai/onnx/operators/onnx__StringNormalizer.html
struct string_normalizer {
  static constexpr op_schema schema{.name = "StringNormalizer", .since = 10, .max_inputs = 1};
  enum class letters : std::size_t { unchanged, lower, upper };
  struct attributes {
    letters change = letters::unchanged;
    bool case_sensitive = false;
    std::vector<std::string> stopwords{};
  };

  static attributes parse(attribute_reader const& r) {
    static constexpr std::array<std::string_view, 3> names{"NONE", "LOWER", "UPPER"};
    attributes a{.change = static_cast<letters>(r.choice("case_change_action", "NONE", names)),
                 .case_sensitive = r.get("is_case_sensitive", false),
                 .stopwords = r.get("stopwords", std::vector<std::string>())};
    if (auto const locale = r.get("locale", std::string());
        !locale.empty() && !locale.starts_with("en") && locale != "C")
      fail(error_code::unsupported_feature, "the locale is '{}', expected one of English", locale);
    if (!a.case_sensitive)
      for (auto& word : a.stopwords) word = in_case(word, letters::lower);
    return a;
  }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) {
    detail::expect_strings(in.element(0));
    return {unknown_shape(dtype::string)};
  }

  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a) {
    auto extents = in[0].shape();
    if (extents.rank() < 1 || extents.rank() > 2 || (extents.rank() == 2 && extents[0] != 1))
      fail(error_code::invalid_argument, "the strings have shape {}, expected C or 1xC", extents);
    std::vector<std::string> kept;
    for (auto const& text : in[0].as<std::string>()) {
      auto const word = a.case_sensitive || a.stopwords.empty() ? text : in_case(text, letters::lower);
      if (std::ranges::find(a.stopwords, word) == a.stopwords.end()) kept.push_back(in_case(text, a.change));
    }
    if (kept.empty()) kept.emplace_back();
    extents.back() = static_cast<std::int64_t>(kept.size());
    return {any_tensor::of<std::string>(extents, std::span<std::string const>(kept))};
  }

  /// Letters of ASCII, Latin-1, Greek and Cyrillic change.
  static std::string in_case(std::string const& text, letters change) {
    if (change == letters::unchanged) return text;
    bool const lower = change == letters::lower;
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
      auto const c = static_cast<unsigned char>(text[i]);
      if (c < 0x80) {
        bool const changes = lower ? c >= 'A' && c <= 'Z' : c >= 'a' && c <= 'z';
        result += static_cast<char>(changes ? c ^ 0x20 : c);
      } else if ((c & 0xe0) == 0xc0 && i + 1 < text.size()) {
        auto const code = (c & 0x1fu) << 6 | (static_cast<unsigned char>(text[i + 1]) & 0x3fu);
        auto const changed = two_byte_letter(code, lower);
        result += static_cast<char>(0xc0 | changed >> 6);
        result += static_cast<char>(0x80 | (changed & 0x3f));
        ++i;
      } else {
        result += text[i];
      }
    }
    return result;
  }

 private:
  /// A code point of two bytes in UTF-8 in the other case, if it is a letter that has one there.
  static constexpr unsigned two_byte_letter(unsigned code, bool lower) {
    struct range {
      unsigned first, last, distance;  // of capitals
    };
    constexpr range ranges[] = {{0xc0, 0xd6, 32},   {0xd8, 0xde, 32},   {0x391, 0x3a1, 32},
                                {0x3a3, 0x3ab, 32}, {0x410, 0x42f, 32}, {0x400, 0x40f, 80}};
    for (auto const& r : ranges) {
      if (lower && code >= r.first && code <= r.last) return code + r.distance;
      if (!lower && code >= r.first + r.distance && code <= r.last + r.distance) return code - r.distance;
    }
    return code;
  }
};

/// RegexFullMatch: whether an expression matches the whole of each string.
/// https://onnx.ai/onnx/operators/onnx__RegexFullMatch.html
struct regex_full_match {
  static constexpr op_schema schema{.name = "RegexFullMatch", .since = 20, .max_inputs = 1};
  struct attributes {
    std::shared_ptr<regular_expression const> pattern{};
  };

  static attributes parse(attribute_reader const& r) {
    return {std::make_shared<regular_expression const>(r.get<std::string>("pattern", ""))};
  }
  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::boolean; }
  static types infer(inputs const& in, attributes const&) {
    detail::expect_strings(in.element(0));
    return {{dtype::boolean, in.shape(0)}};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    std::ranges::transform(in[0].as<std::string>(), out[0].as<bool>().begin(),
                           [&](std::string const& text) { return a.pattern->matches(text); });
  }
};

/// All of them, as one line of the list of operators.
struct string_family {
  static constexpr std::array entries{entry_of<string_concat>(), entry_of<string_split>(),
                                      entry_of<string_normalizer>(), entry_of<regex_full_match>()};
};

}  // namespace sinter
