#pragma once

#include <sinter/emit/cpp/cuda_header.hpp>
#include <sinter/emit/cpp/host_text.hpp>
#include <sinter/emit/cpp/library.hpp>
#include <sinter/emit/cpp/source_parts.hpp>

#include <fmt/format.h>

#include <string>

/// The source files of a library for CUDA devices that are alike for all architectures.
namespace sinter::cpp {

/// NAME_run.hpp.
inline std::string cuda_run_header(library const& lib) {
  auto text = fmt::format(
      "// Made by sinter: what the source files of {0} share.\n#pragma once\n\n#include <cstddef>\n\n{1}"
      "namespace sinter {{\nstruct cuda_library_code;\n}}\n\nnamespace {0}_detail {{\n\n/// The code for each "
      "architecture.\n",
      lib.name, weights_declaration(lib));
  for (auto const& v : lib.variants) text += fmt::format("sinter::cuda_library_code code_{}();\n", v.name);
  return text + host_declarations(lib) + fmt::format("\n}}  // namespace {}_detail\n", lib.name);
}

/// NAME.cpp.
inline std::string cuda_source(library const& lib) {
  std::string codes;
  for (auto const& v : lib.variants)
    codes += fmt::format("{}{}_detail::code_{}()", codes.empty() ? "" : ", ", lib.name, v.name);
  auto text = fmt::format(
      "// Made by sinter: the class {0}.\n#include \"{0}.hpp\"\n\n#include \"{0}_run.hpp\"\n#include <cstring>\n"
      "#include <sinter/runtime/cuda/library.hpp>\n#include <stdexcept>\n#include <string>\n{1}",
      lib.name, map_weights_includes(lib));
  text += fmt::format(R"(
namespace {{

sinter::cuda_library const& library() {{
  static sinter::cuda_library_code const codes[] = {{{1}}};
  static sinter::cuda_library const all{{.name = "{0}",
                                        .codes = codes,
                                        .weight_bytes = {0}::weight_bytes,
                                        .device_bytes = {0}::arena_bytes,
                                        .state_bytes = {2},
                                        .host_bytes = {0}::host_bytes}};
  return all;
}}

}}  // namespace

bool {0}::supports(int device) noexcept {{ return sinter::runs_library(library(), device); }}

)",
                      lib.name, codes, lib.memory.device.arena_offset);
  text += map_weights_text(lib);
  text += fmt::format(R"({0}::{0}({1}int device)
    : object_(std::make_shared<sinter::cuda_library_object>(library(), {2}, device)) {{}}

char const* {0}::run_(std::byte const* const* from, std::byte const** to, std::ptrdiff_t n) {{
  return object_->run(from, to, n);
}}

)",
                      lib.name, lib.embed ? "" : "weights const& constants, ", constants_text(lib));
  return text + run_text(lib);
}

}  // namespace sinter::cpp
