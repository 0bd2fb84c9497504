#pragma once

#include <sinter/core/target_table.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sinter {

/// The machine that code is made for: a device, its features, and facts that schedules may ask for.
///
/// Text form: `x86-64:avx512f,avx512vnni`, `aarch64:neon`, `cuda:sm_90`, `portable`, `none`; facts that are not the
/// device's defaults follow as `/loads=1,l2=2M`. Also read: names of `target_levels` (`avx2`, `avx512`), aliases of
/// features (`vnni`), and `native`, this machine. A feature brings those that it implies, which are not printed.
class target {
 public:
  /// `none`.
  constexpr target() = default;
  /// Reads the text form. Errors: invalid_argument that says what was expected.
  template <std::convertible_to<std::string_view> Text>
  constexpr target(Text const& text) {
    read(text, text);
  }
  /// A device, features of it with all that they imply, and facts.
  constexpr target(device_kind on, feature_set features, machine_facts const& known)
      : device_(on), features_(features), facts_(known) {}

  constexpr device_kind device() const { return device_; }
  constexpr feature_set features() const { return features_; }
  constexpr machine_facts const& facts() const { return facts_; }
  constexpr bool has(feature f) const { return (features_ & bit(f)) != 0; }

  /// Whether one instruction adds the products of four 8-bit integers, or of two of 16 bits, to each lane of registers
  /// with so many of them.
  constexpr bool adds_byte_products(int lanes) const {
    return has(lanes == 16 ? feature::avx512vnni : feature::avxvnni);
  }
  /// float32 elements in a vector register.
  constexpr int lanes() const { return strongest(&feature_row::lanes, row().lanes); }
  /// Vector registers.
  constexpr int registers() const { return strongest(&feature_row::registers, row().registers); }
  /// Registers that hold one block of 16 channels.
  constexpr int registers_per_block() const { return lanes() >= 16 ? 1 : 16 / lanes(); }

  /// The same features with other facts.
  constexpr target with(machine_facts const& known) const { return {device_, features_, known}; }
  /// Whether code for `other` runs here: it asks for nothing, or the device is the same and no feature is missing.
  constexpr bool covers(target const& other) const {
    if (other.device_ == device_kind::none || other.device_ == device_kind::portable) return true;
    return device_ == other.device_ && (other.features_ & ~features_) == 0;
  }

  constexpr device_row const& row() const { return target_devices[static_cast<std::size_t>(device_)]; }

  friend constexpr bool operator==(target const&, target const&) = default;

 private:
  constexpr int strongest(int feature_row::*number, int otherwise) const {
    for (auto const& f : target_features)
      if (has(f.id) && f.*number != 0) otherwise = f.*number;
    return otherwise;
  }
  constexpr void read(std::string_view text, std::string_view whole);
  constexpr void read_device(std::string_view name, std::string_view whole);
  constexpr void read_feature(std::string_view name, std::string_view whole);
  constexpr void read_fact(std::string_view text, std::string_view whole);

  device_kind device_ = device_kind::none;
  feature_set features_ = 0;
  machine_facts facts_{};
};

/// Orders targets by what they have.
constexpr bool weaker(target const& a, target const& b) {
  return a.device() != b.device() ? a.device() < b.device() : a.features() < b.features();
}

/// This machine, its caches and its micro-architecture as the system tells them. Defined in core/target_native.hpp.
target native_target();

/// What of `asked` this process can run: its features that this machine has, and this machine's facts unless `asked`
/// has its own; `none` where no machine code can be made here. Errors: unsupported_feature for a device that is neither
/// this machine nor `none`. Defined in core/target_native.hpp.
target runnable_here(target const& asked);

/// The text form. Defined in core/target_text.hpp.
std::string to_string(target const& t);

namespace detail {

/// The text up to the next `separator`, which `rest` then lies behind.
constexpr std::string_view take_word(std::string_view& rest, char separator) {
  auto const end = rest.find(separator);
  auto const word = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return word;
}

/// The number in `12`, `48K` or `2M`; -1: there is none.
constexpr std::int64_t read_number(std::string_view text) {
  std::int64_t factor = 1, number = 0;
  if (text.ends_with('K')) factor = 1 << 10;
  if (text.ends_with('M')) factor = 1 << 20;
  if (factor > 1) text.remove_suffix(1);
  if (text.empty() || text.size() > 9) return -1;
  for (char const c : text) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  return number * factor;
}

[[noreturn]] void no_target(std::string_view whole);
[[noreturn]] void no_feature(device_row const& device, std::string_view name, std::string_view whole);
[[noreturn]] void no_fact(std::string_view text, std::string_view whole);
[[noreturn]] void no_number(fact_row const& fact, std::string_view value, std::string_view whole);

}  // namespace detail

constexpr void target::read(std::string_view text, std::string_view whole) {
  if (text == "native") return void(*this = native_target());
  for (auto const& level : target_levels)
    if (level.name == text) return read(level.text, whole);
  bool const has_facts = text.find('/') != std::string_view::npos;
  auto facts = text;
  auto features = detail::take_word(facts, '/');
  bool const has_features = features.find(':') != std::string_view::npos;
  if (features.ends_with(',') || facts.ends_with(',')) detail::no_target(whole);
  read_device(detail::take_word(features, ':'), whole);
  while (has_features) {
    read_feature(detail::take_word(features, ','), whole);
    if (features.empty()) break;
  }
  while (has_facts) {
    read_fact(detail::take_word(facts, ','), whole);
    if (facts.empty()) break;
  }
}

constexpr void target::read_device(std::string_view name, std::string_view whole) {
  for (auto const& d : target_devices) {
    if (d.name != name) continue;
    device_ = d.kind;
    facts_ = d.facts;
    return;
  }
  detail::no_target(whole);
}

constexpr void target::read_feature(std::string_view name, std::string_view whole) {
  for (auto const& f : target_features) {
    if (f.device != device_ || (f.name != name && (f.alias.empty() || f.alias != name))) continue;
    features_ |= bit(f.id) | f.implies;
    return;
  }
  detail::no_feature(row(), name, whole);
}

constexpr void target::read_fact(std::string_view text, std::string_view whole) {
  auto value = text;
  auto const name = detail::take_word(value, '=');
  for (auto const& f : target_facts) {
    if (f.name != name) continue;
    auto const number = detail::read_number(value);
    if (number < f.least || number > f.most) detail::no_number(f, value, whole);
    facts_.*f.value = number;
    return;
  }
  detail::no_fact(text, whole);
}

}  // namespace sinter
