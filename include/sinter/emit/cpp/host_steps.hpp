#pragma once

#include <sinter/emit/cpp/grid_text.hpp>
#include <sinter/emit/cpp/library.hpp>
#include <sinter/program/program.hpp>

#include <fmt/format.h>

#include <string>
#include <string_view>

/// Steps that call shipped kernels, as C++ text.
namespace sinter::cpp {

/// A function of a source file, which its statements for these steps are calls of.
inline constexpr std::string_view host_call_function =
    "\n/// Calls a kernel of the host on these addresses.\ntemplate <typename... Address>\n"
    "bool call(bool (*kernel)(std::byte* const*) noexcept, Address... at) noexcept {\n"
    "  std::byte* const arguments[] = {at...};\n  return kernel(arguments);\n}\n";

/// What addresses of operands begin with, besides those that `text_of` names.
struct host_bases {
  std::string_view weights = "weights";  ///< constants, in the host's memory
  std::string_view nothing = "work";     ///< where an operand without elements is
};

/// The statement of a step that calls a shipped kernel: operands that are given, then the workspace.
inline std::string host_statement(library const& lib, program const& p, program_step const& s, host_call const& h,
                                  host_bases const& bases = {}) {
  auto text = "call(" + lib.hosts.symbol_of(h);
  for (auto const* views : {&h.inputs, &h.outputs})
    for (auto const& v : *views)
      if (v.type.element != dtype::undefined)
        text += ", " +
                (v.type.shape->elements() == 0 ? std::string(bases.nothing) : text_of(lib, p, v.where, bases.weights));
  if (h.scratch_bytes > 0) text += ", " + text_of(lib, p, h.scratch);
  if (!h.kernel.may_fail) return text + ");\n";
  return fmt::format(
      "if (!{})) return {};\n", text,
      c_literal(describe(p.at(s.nodes[0])) + ": an index or length that came at run time is out of range"));
}

}  // namespace sinter::cpp
