#pragma once

#include <sinter/emit/cpp/library.hpp>
#include <sinter/emit/cpp/typed_header.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

/// Parts of the source files of a library that are alike for all devices.
namespace sinter::cpp {

/// A file as bytes of the object file behind the symbol `symbol`; the assembler reads it from its include folders.
inline std::string bytes_of_file(std::string_view symbol, std::string_view file) {
  return fmt::format(
      "asm(R\"(\n  .pushsection .rodata.{0},\"a\",%progbits\n  .balign 64\n  .globl {0}\n  .hidden {0}\n"
      "  .type {0}, %object\n{0}:\n  .incbin \"{1}\"\n  .size {0}, .-{0}\n  .popsection\n)\");\n",
      symbol, file);
}

/// NAME_weights.cpp.
inline std::string weights_source(library const& lib) {
  return fmt::format(
             "// Made by sinter: the constants, read by the assembler. The folder of {0}.weights must be among its "
             "include folders.\n",
             lib.name) +
         bytes_of_file(fmt::format("sinter_{}_weights", lib.name), lib.name + ".weights");
}

/// The declaration of what that file defines, for NAME_run.hpp.
inline std::string weights_declaration(library const& lib) {
  return lib.embed ? fmt::format("extern \"C\" std::byte const sinter_{}_weights[];\n\n", lib.name) : std::string();
}

/// What NAME.cpp needs to map a file of weights, and the members of the class that do so.
inline std::string_view map_weights_includes(library const& lib) {
  return lib.embed ? "" : "#include <fcntl.h>\n#include <sys/mman.h>\n#include <sys/stat.h>\n#include <unistd.h>\n";
}
inline std::string map_weights_text(library const& lib) {
  if (lib.embed) return {};
  return fmt::format(R"({0}::weights::weights(std::filesystem::path const& file) {{
  constexpr std::uint64_t expected = {1:#x};
  constexpr std::size_t file_bytes = weight_bytes + sizeof expected;
  int const descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw std::runtime_error("{0}: cannot open the weights: " + file.string());
  struct stat status {{}};
  bool const fits = ::fstat(descriptor, &status) == 0 && static_cast<std::size_t>(status.st_size) == file_bytes;
  void* const memory = fits ? ::mmap(nullptr, file_bytes, PROT_READ, MAP_PRIVATE, descriptor, 0) : MAP_FAILED;
  ::close(descriptor);
  auto const* const bytes = static_cast<std::byte const*>(memory);
  bool const right = memory != MAP_FAILED && std::memcmp(bytes + weight_bytes, &expected, sizeof expected) == 0;
  if (!right && memory != MAP_FAILED) ::munmap(memory, file_bytes);
  if (!right) throw std::runtime_error("{0}: this file does not hold the weights of the model: " + file.string());
  data_ = bytes;
}}

{0}::weights::~weights() {{ ::munmap(const_cast<std::byte*>(data_), weight_bytes + sizeof(std::uint64_t)); }}

)",
                     lib.name, lib.weight_hash);
}

/// The weights as an expression in the constructors.
inline std::string constants_text(library const& lib) {
  return lib.embed ? fmt::format("sinter_{}_weights", lib.name) : std::string("constants.data()");
}

/// The definition of `run`, unless it is in the header.
inline std::string run_text(library const& lib) {
  if (lib.batch.kind == batch_kind::listed) return {};
  if (lib.batch.kind == batch_kind::fixed || lib.grows())
    return fmt::format("{0}::outputs {0}::run([[maybe_unused]] inputs const& in){1} {{\n{2}}}\n", lib.name,
                       lib.on_device() ? "" : " noexcept",
                       run_statements(lib, lib.grows() ? "static_cast<std::ptrdiff_t>(capacity_)" : "1", "  "));
  auto text = fmt::format("{0}::outputs {0}::run(std::size_t n, [[maybe_unused]] inputs const& in) {{\n", lib.name);
  auto const put = [&]<typename... Args>(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
  };
  put("    if (n < 1 || n > max_batch)\n      throw std::invalid_argument(\"{}: a batch of \" + std::to_string(n) + "
      "\"; it takes 1 to {}\");\n",
      lib.name, lib.batch.sizes.back());
  for (auto const& p : lib.inputs)
    if (p.grows())
      put("    if (in.{1}.size() != {1}::size(n))\n"
          "      throw std::invalid_argument(\"{0}: input '{1}' has \" + std::to_string(in.{1}.size()) +\n"
          "                                  \" elements; this batch takes \" + std::to_string({1}::size(n)));\n",
          lib.name, p.identifier);
  return text + run_statements(lib, "n", "  ") + "}\n";
}

}  // namespace sinter::cpp
