#pragma once

#include <sinter/emit/cpp/library.hpp>

#include <set>
#include <string>
#include <string_view>

/// The source file of a library's calls of shipped kernels, which do not depend on an instruction set.
namespace sinter::cpp {

/// Declarations for NAME_run.hpp.
inline std::string host_declarations(library const& lib) {
  if (lib.hosts.all().empty()) return {};
  std::string text =
      "\n/// Operators without vector code: the addresses of inputs, outputs and workspace in; false: a number that "
      "came\n"
      "/// at run time is out of range.\n";
  for (auto const& h : lib.hosts.all()) text += fmt::format("bool {}(std::byte* const* at) noexcept;\n", h.symbol);
  return text;
}

/// NAME_host.cpp.
inline std::string host_source(library const& lib) {
  auto text = fmt::format(
      "// Made by sinter: the operators of {0} that have no vector code.\n#include \"{0}_run.hpp\"\n\n", lib.name);
  std::set<std::string_view> headers;
  for (auto const& h : lib.hosts.all()) headers.insert(h.header);
  for (auto const& header : headers) text += fmt::format("#include <sinter/kernels/{}>\n", header);
  text += fmt::format("{}namespace {}_detail {{\n", headers.empty() ? "" : "\n", lib.name);
  for (auto const& h : lib.hosts.all()) {
    text += '\n';
    for (auto const& names : h.users) text += "// " + comment_text(names) + '\n';
    text += fmt::format("bool {}([[maybe_unused]] std::byte* const* at) noexcept {{\n{}}}\n", h.symbol, h.body);
  }
  return text + fmt::format("\n}}  // namespace {}_detail\n", lib.name);
}

}  // namespace sinter::cpp
