#pragma once

#include <sinter/emit/cpp/host_text.hpp>
#include <sinter/emit/cpp/library.hpp>
#include <sinter/emit/cpp/resident_constants.hpp>
#include <sinter/emit/cpp/source_parts.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

/// The source files of a library for CPUs that do not depend on an instruction set.
namespace sinter::cpp {

/// Probes of features that are functions of ours.
struct probe_function {
  feature of;
  std::string_view probe, function, header;
};
inline constexpr auto probe_functions =
    std::to_array<probe_function>({{feature::avxvnni, "avxvnni", "has_avx_vnni", "sinter/core/avx_vnni.hpp"},
                                   {feature::amx, "amx", "has_amx", "sinter/core/amx.hpp"}});

/// Prints NAME_run.hpp and NAME.cpp of a library for CPUs.
class dispatch_printer {
 public:
  explicit dispatch_printer(library const& lib) : lib_(lib) {}

  /// What the source files share.
  std::string run_header() {
    put("// Made by sinter: what the source files of {} share.\n#pragma once\n\n#include <cstddef>\n", lib_.name);
    if (lib_.threads > 1) put("#include <sinter/runtime/executor.hpp>\n");
    put("\n");
    text_ += weights_declaration(lib_);
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
    for (auto const& p : probe_functions)
      if (std::ranges::any_of(lib_.variants, [&](auto const& v) { return v.set.has(p.of); }))
        put("#include <{}>\n", p.header);
    text_ += map_weights_includes(lib_);
    if (resident()) put("#include <sinter/emit/cpp/resident_constants.hpp>\n");
    if (lib_.grows()) put("#include <sinter/core/growing_rows.hpp>\n");
    put("\nnamespace {}_detail {{\nnamespace {{\n\n", lib_.name);
    choose();
    if (resident()) constants();
    if (lib_.threads > 1) choose_executor();
    put("}}  // namespace\n}}  // namespace {}_detail\n\n", lib_.name);
    supports();
    best();
    text_ += map_weights_text(lib_);
    constructors();
    if (lib_.grows()) text_ += growing_state_printer(lib_).whole();
    text_ += run_text(lib_);
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
        if (set.has(f.id) && !probe.empty()) all += (all.empty() ? "" : " &&\n             ") + question(probe);
    return all.empty() ? "true" : all;
  }
  static std::string question(std::string_view probe) {
    for (auto const& p : probe_functions)
      if (p.probe == probe) return fmt::format("::sinter::{}()", p.function);
    return fmt::format("__builtin_cpu_supports(\"{}\")", probe);
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
    auto const given = resident() ? lib_.name + "_detail::constants()" : constants_text(lib_);
    auto const head =
        fmt::format("run_({0}_detail::function(set)), constants_({1}){2}", lib_.name, given,
                    lib_.threads > 1 ? fmt::format(", threads_({}_detail::executor_for(executor))", lib_.name) : "");
    put("{0}::{0}({1}instruction_set set{2})\n    : {3}", lib_.name, first, last, head);
    if (in_object()) return put(" {{}}\n\n");
    put(", own_(new arena()), work_(own_->bytes) {{}}\n\n");
    put("{0}::{0}({1}arena& memory, instruction_set set{2})\n    : {3}, work_(memory.bytes) {{\n"
        "  std::memset(work_, 0, arena_bytes);\n}}\n\n",
        lib_.name, first, last, head);
  }

  library const& lib_;
  std::string text_;
};

}  // namespace sinter::cpp
