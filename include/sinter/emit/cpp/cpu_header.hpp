#pragma once

#include <sinter/emit/cpp/typed_header.hpp>

#include <cstddef>

namespace sinter::cpp {

/// Prints NAME.hpp of a library for CPUs.
class cpu_header_printer final : public header_printer {
 public:
  using header_printer::header_printer;

 private:
  bool in_object() const { return lib_.memory.working_bytes <= object_arena_bytes; }

  void includes() override {
    if (!in_object() || lib_.threads > 1 || !state_in_object(lib_) || lib_.grows()) put("#include <memory>\n");
    if (lib_.threads > 1) put("#include <sinter/runtime/executor.hpp>\n");
  }
  char const* object_contract() const override {
    return "An object is its working memory: one object for each thread.";
  }
  char const* input_contract() const override { return "What a run reads; each member must be set."; }
  char const* run_contract() const override {
    return lib_.threads > 1
               ? "Runs the model on the calling thread and others, with the same bits for any number. Allocates "
                 "nothing."
               : "Runs the model on the calling thread. Allocates nothing, takes no lock, makes no system call.";
  }
  bool may_throw() const override { return false; }

  void sizes() override {
    put("  /// Bytes of working memory, all that a run needs: activations, scratch, outputs.\n");
    put("  static constexpr std::size_t arena_bytes = {};\n", lib_.memory.working_bytes);
  }

  void targets() override {
    if (lib_.threads > 1)
      put("  /// The most threads that a run uses, the caller's among them.\n  static constexpr int threads = {};\n\n",
          lib_.threads);
    put("  /// The instruction sets that there is code for, weakest first.\n  enum class instruction_set {{ ");
    for (std::size_t i = 0; i < lib_.variants.size(); ++i) put("{}{}", i ? ", " : "", lib_.variants[i].name);
    put(" }};\n  /// Whether the processor has the instruction set.\n");
    put("  static bool supports(instruction_set set) noexcept;\n");
    put("  /// The best that the processor has; std::runtime_error if it has none.\n");
    put("  static instruction_set best();\n\n");
  }

  void constructors() override {
    put("  /// Working memory.\n  struct alignas(64) arena {{\n    std::byte bytes[arena_bytes];\n  }};\n\n");
    char const* const first = lib_.embed ? "" : "weights const& constants, ";
    char const* const last = lib_.threads > 1 ? ", ::sinter::executor* executor = nullptr" : "";
    if (lib_.threads > 1)
      put("  /// `executor` runs the tasks, with at most `threads` workers (else: std::invalid_argument); it must "
          "outlive "
          "the object.\n  /// Null: a pool of up to `threads` threads, one for each processor, which the models of a "
          "program share.\n");
    put("  /// Errors: std::runtime_error if the processor lacks the instruction set.\n");
    put("  explicit {}({}instruction_set set = best(){});\n", lib_.name, first, last);
    if (!in_object()) {
      put("  /// Works in memory of the caller's, which must outlive the object.\n");
      put("  explicit {}({}arena& memory, instruction_set set = best(){});\n", lib_.name, first, last);
    }
    put("  {0}({0} const&) = delete;\n\n", lib_.name);
  }

  void private_part() override {
    put(" private:\n  {} (*run_)({}) noexcept;\n", run_result(lib_), run_parameter_types(lib_));
    put("  std::byte const* constants_;\n");
    if (lib_.threads > 1) put("  std::shared_ptr<::sinter::executor> threads_;\n");
    if (in_object())
      put("  arena memory_{{}};\n");
    else
      put("  std::unique_ptr<arena> own_;\n  std::byte* work_;\n");
  }
};

}  // namespace sinter::cpp
