#pragma once

#include <sinter/emit/cpp/library.hpp>

#include <string>
#include <utility>

/// The header that users of a library include: names are members, shapes and types are types.
namespace sinter::cpp {

/// Prints NAME.hpp.
class header_printer {
 public:
  explicit header_printer(library const& lib) : lib_(lib) {}

  std::string whole() {
    put("// Made by sinter from an ONNX model.\n#pragma once\n\n");
    put("#include <array>\n#include <cstddef>\n#include <cstdint>\n");
    if (!lib_.embed) put("#include <filesystem>\n");
    if (!in_object()) put("#include <memory>\n");
    put("#include <span>\n#include <string_view>\n\n");
    put("/// A model for inputs of fixed shapes. An object is its working memory: one object for each thread.\n");
    put("class {} {{\n public:\n", lib_.name);
    put("  /// Bytes of working memory, all that a run needs: activations, scratch, outputs.\n");
    put("  static constexpr std::size_t arena_bytes = {};\n", lib_.arena_bytes);
    put("  /// Bytes of constants, which all objects share.\n");
    put("  static constexpr std::size_t weight_bytes = {};\n\n", lib_.weight_bytes);
    instruction_sets();
    for (auto const& p : lib_.inputs) port(p, "Input");
    for (auto const& p : lib_.outputs) port(p, "Output");
    members("inputs", lib_.inputs, "What a run reads; each member must be set.");
    members("outputs", lib_.outputs, "What a run gives: views of the object's memory, valid until its next run.");
    if (!lib_.embed) weights();
    constructors();
    put("  /// Runs the model on the calling thread. Allocates nothing, takes no lock, makes no system call.\n");
    put("  outputs run(inputs const& in) noexcept;\n\n");
    private_part();
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  bool in_object() const { return lib_.arena_bytes <= object_arena_bytes; }

  void instruction_sets() {
    put("  /// The instruction sets that there is code for, weakest first.\n  enum class instruction_set {{ ");
    for (std::size_t i = 0; i < lib_.variants.size(); ++i) put("{}{}", i ? ", " : "", set_name(lib_.variants[i].set));
    put(" }};\n  /// Whether the processor has the instruction set.\n");
    put("  static bool supports(instruction_set set) noexcept;\n");
    put("  /// The best that the processor has; std::runtime_error if it has none.\n");
    put("  static instruction_set best();\n\n");
  }

  void port(library_port const& p, char const* what) {
    auto const& s = *p.type.shape;
    put("  /// {} \"{}\": {} {}, row-major{}.\n", what, comment_text(p.name), sinter::name(p.type.element), s,
        p.type.element == dtype::float16 || p.type.element == dtype::bfloat16 ? ", elements as bits" : "");
    put("  struct {} {{\n    using element = {};\n", p.identifier, element_type(p.type.element));
    put("    static constexpr std::string_view name{};\n", string_literal(p.name));
    put("    static constexpr std::array<std::size_t, {}> shape{{{}}};\n", s.rank(), fmt::join(s.span(), ", "));
    put("    static constexpr std::size_t size = {};\n", s.elements());
    put("    using view = std::span<element{}, size>;\n  }};\n\n", " const");
  }

  void members(char const* type, std::vector<library_port> const& ports, char const* contract) {
    put("  /// {}\n  struct {} {{\n", contract, type);
    for (auto const& p : ports) put("    {}::{}::view {};\n", lib_.name, p.identifier, p.identifier);
    put("  }};\n\n");
  }

  void weights() {
    put("  /// The file {}.weights, mapped; must outlive the objects that use it.\n  class weights {{\n   public:\n",
        lib_.name);
    put("    /// std::runtime_error if the file cannot be mapped or is not that of this model.\n");
    put("    explicit weights(std::filesystem::path const& file);\n    weights(weights const&) = delete;\n");
    put("    ~weights();\n    std::byte const* data() const noexcept {{ return data_; }}\n\n");
    put("   private:\n    std::byte const* data_ = nullptr;\n  }};\n\n");
  }

  void constructors() {
    put("  /// Working memory.\n  struct alignas(64) arena {{\n    std::byte bytes[arena_bytes];\n  }};\n\n");
    char const* const first = lib_.embed ? "" : "weights const& constants, ";
    put("  /// Errors: std::runtime_error if the processor lacks the instruction set.\n");
    put("  explicit {}({}instruction_set set = best());\n", lib_.name, first);
    if (!in_object()) {
      put("  /// Works in memory of the caller's, which must outlive the object.\n");
      put("  explicit {}({}arena& memory, instruction_set set = best());\n", lib_.name, first);
    }
    put("  {0}({0} const&) = delete;\n\n", lib_.name);
  }

  void private_part() {
    put(" private:\n  void (*run_)(std::byte*, std::byte const*, std::byte const* const*, std::byte const**) "
        "noexcept;\n");
    put("  std::byte const* constants_;\n");
    if (in_object())
      put("  arena memory_{{}};\n");
    else
      put("  std::unique_ptr<arena> own_;\n  std::byte* work_;\n");
    put("}};\n");
  }

  library const& lib_;
  std::string text_;
};

}  // namespace sinter::cpp
