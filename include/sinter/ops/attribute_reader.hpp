#pragma once

#include <sinter/graph/graph.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter {

/// Reads the attributes of one node with type checks; errors name the attribute. An attribute that an operator never
/// asks for is one that it does not know: `unread` lists those.
class attribute_reader {
 public:
  explicit attribute_reader(node const& n) : node_(n) {}

  std::int64_t version() const { return node_.version; }
  std::size_t input_count() const { return node_.inputs.size(); }
  bool has_input(std::size_t i) const { return i < node_.inputs.size() && node_.inputs[i]; }
  std::size_t output_count() const { return node_.outputs.size(); }
  bool has_output(std::size_t i) const { return i < node_.outputs.size() && node_.outputs[i]; }
  bool has(std::string_view name) const { return node_.attributes.find(name) != node_.attributes.end(); }

  /// The attribute, or `otherwise` where the node has none.
  template <typename T>
  T get(std::string_view name, T otherwise) const {
    auto const* const a = find(name);
    return a ? read<T>(name, *a) : std::move(otherwise);
  }
  /// The attribute; an error where the node has none.
  template <typename T>
  T require(std::string_view name) const {
    auto const* const a = find(name);
    if (!a) fail(error_code::malformed_model, "the attribute '{}' is required", name);
    return read<T>(name, *a);
  }
  /// Those of these attributes that the node has, to be read by another operator.
  attribute_map pass_on(std::initializer_list<std::string_view> names) const {
    attribute_map some;
    for (auto const name : names)
      if (auto const* const a = find(name)) some[name] = *a;
    return some;
  }
  /// Counts an attribute as read that has no effect on the results.
  void ignore(std::string_view name) const { find(name); }

  /// The attributes that nothing has asked for.
  std::vector<std::string_view> unread() const {
    std::vector<std::string_view> names;
    std::size_t i = 0;
    for (auto const& [name, a] : node_.attributes)
      if (auto const at = i++; at >= max_attributes || !read_[at]) names.push_back(name);
    return names;
  }

  /// The position of the attribute's text, or of `otherwise` where the node has none, in a list of names.
  template <std::size_t N>
  std::size_t choice(std::string_view name, std::string_view otherwise,
                     std::array<std::string_view, N> const& names) const {
    auto const text = get(name, std::string(otherwise));
    auto const found = std::ranges::find(names, text);
    if (found == names.end())
      fail(error_code::malformed_model, "the attribute '{}' is '{}', expected one of {}", name, text,
           fmt::join(names, ", "));
    return static_cast<std::size_t>(found - names.begin());
  }

 private:
  /// More attributes than any operator has count as never read.
  static constexpr std::size_t max_attributes = 64;

  attribute const* find(std::string_view name) const {
    auto const it = node_.attributes.find(name);
    if (it == node_.attributes.end()) return nullptr;
    auto const i = static_cast<std::size_t>(std::distance(node_.attributes.begin(), it));
    if (i < max_attributes) read_.set(i);
    return &it->second;
  }

  template <typename T>
  static T read(std::string_view name, attribute const& a) {
    if constexpr (std::same_as<T, bool>) {
      return read<std::int64_t>(name, a) != 0;
    } else {
      if (auto const* v = std::get_if<T>(&a)) return *v;
      fail(error_code::malformed_model, "the attribute '{}' has another type than the operator's schema says", name);
    }
  }

  node const& node_;
  mutable std::bitset<max_attributes> read_{};  ///< by position in the node's map
};

}  // namespace sinter
