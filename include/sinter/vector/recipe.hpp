#pragma once

#include <sinter/core/target.hpp>
#include <sinter/vector/program.hpp>

#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace sinter::vector {

/// Collects the values that decide a program; equal keys come from equal values, of one family, as long as the
/// order of types is one.
class recipe_key {
 public:
  /// `family` tells the programs of one builder from those of others; of `machine`, a builder may use no more than the
  /// lanes and registers unless their consequences are added.
  recipe_key(std::string_view family, target const& machine) {
    bytes_.reserve(256);
    bytes_.assign(family.begin(), family.end());
    bytes_.push_back('\0');
    add(machine.lanes()).add(machine.registers());
  }

  template <typename T>
  requires std::is_integral_v<T> || std::is_enum_v<T> recipe_key& add(T value) {
    auto const wide = static_cast<std::int64_t>(value);
    if (0 <= wide && wide < long_form) {
      bytes_.push_back(static_cast<char>(wide));
      return *this;
    }
    char bytes[sizeof wide];
    bytes_.push_back(static_cast<char>(long_form));
    std::memcpy(bytes, &wide, sizeof wide);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof wide);
    return *this;
  }
  recipe_key& add(float value) { return add(std::bit_cast<std::int32_t>(value)); }
  /// The length of a range and its elements, each added by `add_element(key, element)`.
  template <std::ranges::sized_range Range, typename Add>
  recipe_key& add_all(Range const& range, Add&& add_element) {
    add(std::ranges::size(range));
    for (auto const& element : range) add_element(*this, element);
    return *this;
  }
  template <std::ranges::sized_range Range>
  recipe_key& add_all(Range const& range) {
    return add_all(range, [](recipe_key& key, auto const& element) { key.add(element); });
  }

  std::string take() const { return {bytes_.begin(), bytes_.end()}; }

 private:
  /// Smaller numbers are one byte; this byte stands before the eight of all others.
  static constexpr std::int64_t long_form = 255;

  std::vector<char> bytes_;
};

/// How to build a program, and a key of all that decides it but names: of equal keys only one need be built.
class recipe {
 public:
  recipe() = default;
  recipe(program finished) : build_([finished = std::move(finished)] { return finished; }) {}
  recipe(std::string key, std::function<program()> build) : key_(std::move(key)), build_(std::move(build)) {}

  /// Empty for a finished program.
  std::string const& key() const { return key_; }
  program make() const { return build_(); }

 private:
  std::string key_;
  std::function<program()> build_;
};

}  // namespace sinter::vector
