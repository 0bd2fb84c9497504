#pragma once

#include <sinter/emit/cpp/host_text.hpp>
#include <sinter/emit/cpp/library.hpp>
#include <sinter/emit/cpp/resident_constants.hpp>
#include <sinter/emit/cpp/typed_header.hpp>

#include <string>
#include <utility>

/// The source files of a library that do not depend on an instruction set.
namespace sinter::cpp {

/// Prints NAME_run.hpp, NAME.cpp and NAME_weights.cpp.
class dispatch_printer {
 public:
  explicit dispatch_printer(library const& lib) : lib_(lib) {}

  /// What the source files share.
  std::string run_header() {
    put("// Made by sinter: what the source files of {} share.\n#pragma once\n\n#include <cstddef>\n", lib_.name);
    if (lib_.threads > 1) put("#include <sinter/runtime/executor.hpp>\n");
    put("\n");
    if (lib_.embed) put("extern \"C\" std::byte const sinter_{}_weights[];\n\n", lib_.name);
    put("namespace {}_detail {{\n\n", lib_.name);
    put("/// Each runs the model: working memory, constants, inputs and the batch in, the places of the outputs "
        "out.\n");
    for (auto const& v : lib_.variants)
      put("{} run_{}({}) noexcept;\n", run_result(lib_), v.name, run_parameter_types(lib_));
    text_ += host_declarations(lib_);
    put("\n}}  // namespace {}_detail\n", lib_.name);
    return std::move(text_);
  }

  /// The members of the class.
  std::string source() {
    put("// Made by sinter: the class {}.\n#include \"{}.hpp\"\n\n#include \"{}_run.hpp\"\n", lib_.name, lib_.name,
        lib_.name);
    put("#include <cstring>\n#include <stdexcept>\n#include <string>\n");
    if (lib_.threads > 1) put("#include <algorithm>\n#include <sinter/runtime/thread_pool.hpp>\n");
    if (!lib_.embed) put("#include <fcntl.h>\n#include <sys/mman.h>\n#include <sys/stat.h>\n#include <unistd.h>\n");
    if (resident()) put("#include <sinter/emit/cpp/resident_constants.hpp>\n");
    put("\nnamespace {{\n\n");
    choose();
    if (resident()) constants();
    if (lib_.threads > 1) choose_executor();
    put("}}  // namespace\n\n");
    supports();
    best();
    if (!lib_.embed) map_weights();
    constructors();
    run();
    return std::move(text_);
  }

  /// The weights as bytes of the object file, which the assembler reads from NAME.weights.
  std::string weights_source() {
    put("// Made by sinter: the constants, read by the assembler. The folder of {0}.weights must be among its include "
        "folders.\n",
        lib_.name);
    put("asm(R\"(\n  .pushsection .rodata.sinter_{0},\"a\",%progbits\n  .balign 64\n  .globl sinter_{0}_weights\n"
        "  .hidden sinter_{0}_weights\n  .type sinter_{0}_weights, %object\nsinter_{0}_weights:\n"
        "  .incbin \"{0}.weights\"\n  .size sinter_{0}_weights, .-sinter_{0}_weights\n  .popsection\n)\");\n",
        lib_.name);
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  /// Whether constants that are part of the program are copied when the first object is made.
  bool resident() const {
    return lib_.embed && lib_.memory.weight_bytes >= static_cast<std::int64_t>(resident_constants_bytes);
  }
  bool in_object() const { return lib_.memory.working_bytes <= object_arena_bytes; }

  void constants() {
    put("std::byte const* constants() noexcept {{\n"
        "  static std::byte const* const at = sinter::make_resident(sinter_{0}_weights, {0}::weight_bytes);\n"
        "  return at;\n}}\n\n",
        lib_.name);
  }

  void choose() {
    put("auto function({}::instruction_set set) {{\n", lib_.name);
    put("  if (!{0}::supports(set)) throw std::runtime_error(\"{0}: the processor lacks the instruction set\");\n",
        lib_.name);
    put("  switch (set) {{\n");
    for (auto const& v : lib_.variants)
      put("    case {0}::instruction_set::{1}: return {0}_detail::run_{1};\n", lib_.name, v.name);
    put("  }}\n  throw std::runtime_error(\"{}: no such instruction set\");\n}}\n\n", lib_.name);
  }

  /// What the processor is asked before code for `set` runs.
  static std::string condition(target const& set) {
    std::string all;
    for (auto const& f : target_features)
      for (auto const probe : f.probes)
        if (set.has(f.id) && !probe.empty())
          all += fmt::format("{}__builtin_cpu_supports(\"{}\")", all.empty() ? "" : " &&\n             ", probe);
    return all.empty() ? "true" : all;
  }

  void supports() {
    put("bool {}::supports(instruction_set set) noexcept {{\n  switch (set) {{\n", lib_.name);
    for (auto const& v : lib_.variants) put("    case instruction_set::{}: return {};\n", v.name, condition(v.set));
    put("  }}\n  return false;\n}}\n\n");
  }

  void best() {
    put("{0}::instruction_set {0}::best() {{\n", lib_.name);
    for (auto v = lib_.variants.rbegin(); v != lib_.variants.rend(); ++v)
      put("  if (supports(instruction_set::{0})) return instruction_set::{0};\n", v->name);
    put("  throw std::runtime_error(\"{}: the processor has none of", lib_.name);
    for (auto const& v : lib_.variants) put(" {}", v.name);
    put("\");\n}}\n\n");
  }

  void map_weights() {
    put(R"({0}::weights::weights(std::filesystem::path const& file) {{
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
        lib_.name, lib_.weight_hash);
  }

  /// Who runs the tasks of an object.
  void choose_executor() {
    put(R"(std::shared_ptr<::sinter::executor> executor_for(::sinter::executor* given) {{
  constexpr int most = {0}::threads;
  if (!given) return ::sinter::shared_thread_pool(std::min(most, ::sinter::available_processors()));
  if (given->workers() > most)
    throw std::invalid_argument("{0}: the executor has " + std::to_string(given->workers()) +
                                " workers; the library is made for at most " + std::to_string(most));
  return {{given, [](::sinter::executor*) {{}}}};
}}

)",
        lib_.name);
  }

  void constructors() {
    auto const first = lib_.embed ? "" : "weights const& constants, ";
    auto const last = lib_.threads > 1 ? ", ::sinter::executor* executor" : "";
    auto const given = resident()   ? std::string("constants()")
                       : lib_.embed ? fmt::format("sinter_{}_weights", lib_.name)
                                    : std::string("constants.data()");
    auto const head = fmt::format("run_(function(set)), constants_({}){}", given,
                                  lib_.threads > 1 ? ", threads_(executor_for(executor))" : "");
    put("{0}::{0}({1}instruction_set set{2})\n    : {3}", lib_.name, first, last, head);
    if (in_object()) return put(" {{}}\n\n");
    put(", own_(new arena()), work_(own_->bytes) {{}}\n\n");
    put("{0}::{0}({1}arena& memory, instruction_set set{2})\n    : {3}, work_(memory.bytes) {{\n"
        "  std::memset(work_, 0, arena_bytes);\n}}\n\n",
        lib_.name, first, last, head);
  }

  void run() {
    if (lib_.batch.kind == batch_kind::listed) return;  // its definition is in the header
    if (lib_.batch.kind == batch_kind::fixed) {
      put("{0}::outputs {0}::run([[maybe_unused]] inputs const& in) noexcept {{\n{1}}}\n", lib_.name,
          run_statements(lib_, "1", "  "));
      return;
    }
    put("{0}::outputs {0}::run(std::size_t n, [[maybe_unused]] inputs const& in) {{\n", lib_.name);
    put("    if (n < 1 || n > max_batch)\n      throw std::invalid_argument(\"{}: a batch of \" + std::to_string(n) + "
        "\"; "
        "it "
        "takes 1 to {}\");\n",
        lib_.name, lib_.batch.sizes.back());
    for (auto const& p : lib_.inputs)
      if (p.grows())
        put("    if (in.{1}.size() != {1}::size(n))\n"
            "      throw std::invalid_argument(\"{0}: input '{1}' has \" + std::to_string(in.{1}.size()) +\n"
            "                                  \" elements; this batch takes \" + std::to_string({1}::size(n)));\n",
            lib_.name, p.identifier);
    put("{}}}\n", run_statements(lib_, "n", "  "));
  }

  library const& lib_;
  std::string text_;
};

}  // namespace sinter::cpp
