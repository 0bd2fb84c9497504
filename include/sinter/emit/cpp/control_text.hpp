#pragma once

#include <sinter/emit/cpp/grid_text.hpp>
#include <sinter/emit/cpp/library.hpp>
#include <sinter/program/copy_runs.hpp>
#include <sinter/program/program.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>

/// Control and the copies of what turns pass on, as C++ text.
namespace sinter::cpp {

/// Functions of a source file with such steps, which read elements and copy runs of bytes.
inline constexpr std::string_view control_functions =
    "\n[[maybe_unused]] inline std::int64_t integer(std::byte const* at) noexcept {\n"
    "  std::int64_t value;\n  std::memcpy(&value, at, sizeof(value));\n  return value;\n}\n"
    "[[maybe_unused]] inline bool truth(std::byte const* at) noexcept { return *at != std::byte{0}; }\n"
    "[[maybe_unused]] inline void copy_runs(std::byte* to, std::byte const* from, std::ptrdiff_t count,\n"
    "    std::size_t bytes, std::ptrdiff_t to_stride, std::ptrdiff_t from_stride) noexcept {\n"
    "  for (std::ptrdiff_t i = 0; i < count; ++i) std::memcpy(to + i * to_stride, from + i * from_stride, bytes);\n}\n";

/// Whether a program has such steps.
inline bool has_control(program const& p) {
  bool found = false;
  for_each_action<control>(p, [&](control const&, std::size_t) { found = true; });
  return found;
}

/// The line that begins, goes on with or ends a block; `step` numbers it.
inline std::string control_line(library const& lib, program const& p, control const& c, std::size_t step) {
  using kind = control::kind;
  auto const at = [&](view_binding const& v) { return text_of(lib, p, v.where); };
  if (c.what == kind::branch) return fmt::format("if (truth({})) {{", at(c.condition));
  if (c.what == kind::otherwise) return "} else {";
  if (c.what == kind::end) return "}";
  std::string goes_on;
  if (c.count.type.element != dtype::undefined) goes_on = fmt::format("turn{} < integer({})", step, at(c.count));
  if (c.condition.type.element != dtype::undefined)
    goes_on += fmt::format("{}truth({})", goes_on.empty() ? "" : " && ", at(c.condition));
  return fmt::format("for (std::int64_t turn{0} = 0; {1}; ++turn{0}) {{ std::memcpy({2}, &turn{0}, sizeof(turn{0}));",
                     step, goes_on, at(c.turn));
}

/// The statement of a copy.
inline std::string copy_statement(library const& lib, program const& p, tensor_copy const& c) {
  auto const r = runs_of(c);
  auto const at = [&](view_binding const& v, std::int64_t step) {
    auto text = text_of(lib, p, v.where);
    if (step == 0) return text;
    auto const turn = fmt::format("integer({})", text_of(lib, p, c.turn.where));
    return fmt::format("{} + {} * {}", text, step, r.backwards ? fmt::format("({} - {})", r.last, turn) : turn);
  };
  return fmt::format("copy_runs({}, {}, {}, {}, {}, {});\n", at(c.to, r.to_step), at(c.from, r.from_step), r.count,
                     r.bytes, r.to_stride, r.from_stride);
}

}  // namespace sinter::cpp
