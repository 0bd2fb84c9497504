#pragma once

/// Implementation part of core/target.hpp, its text form: include it in one translation unit of a program.

#include <sinter/core/error.hpp>
#include <sinter/core/target.hpp>

#include <fmt/format.h>

namespace sinter {
namespace detail {

/// The names in a table, for people.
template <typename Table, typename Wanted>
std::string names_in(Table const& table, Wanted&& wanted) {
  std::string all;
  for (auto const& row : table)
    if (wanted(row)) all += (all.empty() ? "" : ", ") + std::string(row.name);
  return all;
}

inline std::string number_text(std::int64_t n) {
  if (n != 0 && n % (1 << 20) == 0) return fmt::format("{}M", n >> 20);
  if (n != 0 && n % (1 << 10) == 0) return fmt::format("{}K", n >> 10);
  return fmt::format("{}", n);
}

void no_target(std::string_view whole) {
  auto const any = [](auto const&) { return true; };
  fail(error_code::invalid_argument,
       "'{}' is no target; expected native, {}, or a device ({}) with features, as x86-64:avx512f,avx512vnni", whole,
       names_in(target_levels, any), names_in(target_devices, any));
}

void no_feature(device_row const& device, std::string_view name, std::string_view whole) {
  auto const known = names_in(target_features, [&](auto const& f) { return f.device == device.kind; });
  fail(error_code::invalid_argument, "target '{}': '{}' is no feature of {}; expected {}", whole, name, device.name,
       known.empty() ? "none" : known);
}

void no_number(fact_row const& fact, std::string_view value, std::string_view whole) {
  fail(error_code::invalid_argument, "target '{}': {} is '{}', expected a number from {} to {}, as 2, 48K or 2M", whole,
       fact.name, value, fact.least, fact.most);
}

void no_fact(std::string_view text, std::string_view whole) {
  fail(error_code::invalid_argument, "target '{}': '{}' is no fact of a machine; expected {}, as l2=2M", whole, text,
       names_in(target_facts, [](auto const&) { return true; }));
}

}  // namespace detail

std::string to_string(target const& t) {
  std::string text(t.row().name);
  feature_set implied = 0;
  for (auto const& f : target_features)
    if (t.has(f.id)) implied |= f.implies;
  char separator = ':';
  for (auto const& f : target_features)
    if (t.has(f.id) && !(implied & bit(f.id))) {
      text += separator + std::string(f.name);
      separator = ',';
    }
  separator = '/';
  for (auto const& f : target_facts)
    if (t.facts().*f.value != t.row().facts.*f.value) {
      text += fmt::format("{}{}={}", separator, f.name, detail::number_text(t.facts().*f.value));
      separator = ',';
    }
  return text;
}

}  // namespace sinter
