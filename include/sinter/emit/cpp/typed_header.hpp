#pragma once

#include <sinter/emit/cpp/library.hpp>

#include <fmt/format.h>

#include <string>
#include <utility>

/// The header that users of a library include: names are members, shapes and types are types.
namespace sinter::cpp {

/// Whether a port's type is a template for the batch.
inline bool is_template(library const& lib, library_port const& p) {
  return lib.batch.kind == batch_kind::listed && p.grows();
}

/// The name of a member of a port's type, inside of templates for the batch.
inline std::string port_member(library const& lib, library_port const& p, std::string_view member) {
  return fmt::format("{}::{}{}::{}", lib.name, p.identifier, is_template(lib, p) ? "<Batch>" : "", member);
}
inline std::string port_type(library const& lib, library_port const& p, std::string_view member) {
  return (is_template(lib, p) ? "typename " : "") + port_member(lib, p, member);
}

/// The extents of a port, and the number of its elements, in terms of the batch.
inline std::vector<std::string> extent_texts(library_port const& p, std::string_view batch) {
  std::vector<std::string> result;
  for (std::size_t axis = 0; axis < p.per_item.size(); ++axis) {
    auto const factor = p.per_item[axis];
    result.push_back(!factor       ? fmt::format("{}", (*p.type.shape)[axis])
                     : factor == 1 ? std::string(batch)
                                   : fmt::format("{} * {}", factor, batch));
  }
  return result;
}
inline std::string elements_text(library_port const& p, std::string_view batch) {
  std::int64_t constant = 1;
  std::string rest;
  for (std::size_t axis = 0; axis < p.per_item.size(); ++axis) {
    constant *= p.per_item[axis] ? p.per_item[axis] : (*p.type.shape)[axis];
    if (p.per_item[axis]) rest += fmt::format(" * {}", batch);
  }
  return fmt::format("{}{}", constant, rest);
}

/// The statements of `run`, for the batch that the expression `batch` gives, each line after `indent`.
inline std::string run_statements(library const& lib, std::string_view batch, std::string_view indent) {
  auto const views = [&](std::vector<library_port> const& ports, auto&& each) {
    std::string text;
    for (std::size_t i = 0; i < ports.size(); ++i)
      text += (i ? fmt::format(",\n{}    ", indent) : "") + each(ports[i], i);
    return text;
  };
  auto const from = views(lib.inputs, [](library_port const& p, std::size_t) {
    return fmt::format("reinterpret_cast<std::byte const*>(in.{}.data())", p.identifier);
  });
  auto const to = views(lib.outputs, [&](library_port const& p, std::size_t i) {
    bool const by_call = lib.batch.kind == batch_kind::any && p.grows();
    return fmt::format("{}(reinterpret_cast<{} const*>(to[{}]), {}{})", port_type(lib, p, "view"),
                       port_type(lib, p, "element"), i, port_member(lib, p, "size"),
                       by_call ? fmt::format("({})", batch) : "");
  });
  bool const may_fail = lib.hosts.may_fail();
  auto const error =
      may_fail ? fmt::format("{}problem ? problem : \"\"", to.empty() ? "" : fmt::format(",\n{}    ", indent)) : "";
  return fmt::format(
      "{0}std::array<std::byte const*, {1}> const from{{{2}}};\n{0}std::array<std::byte const*, {3}> to{{}};\n"
      "{0}{7}run_({4}, constants_, from.data(), to.data(), {5}{8});\n{0}return {{{6}{9}}};\n",
      indent, lib.inputs.size(), from, lib.outputs.size(),
      lib.memory.working_bytes <= object_arena_bytes ? "memory_.bytes" : "work_", batch, to,
      may_fail ? "char const* const problem = " : "", lib.threads > 1 ? ", *threads_" : "", error);
}

/// Prints NAME.hpp.
class header_printer {
 public:
  explicit header_printer(library const& lib) : lib_(lib) {}

  std::string whole() {
    put("// Made by sinter from an ONNX model.\n#pragma once\n\n");
    put("#include <array>\n#include <cstddef>\n#include <cstdint>\n");
    if (!lib_.embed) put("#include <filesystem>\n");
    if (!in_object() || lib_.threads > 1) put("#include <memory>\n");
    if (lib_.threads > 1) put("#include <sinter/runtime/executor.hpp>\n");
    put("#include <span>\n#include <string_view>\n\n");
    put("/// A model for inputs of {}. An object is its working memory: one object for each thread.\n",
        batch().kind == batch_kind::fixed ? "fixed shapes" : "fixed shapes but for the batch");
    put("class {} {{\n public:\n", lib_.name);
    put("  /// Bytes of working memory, all that a run needs: activations, scratch, outputs.\n");
    put("  static constexpr std::size_t arena_bytes = {};\n", lib_.memory.working_bytes);
    put("  /// Bytes of constants, which all objects share.\n");
    put("  static constexpr std::size_t weight_bytes = {};\n\n", lib_.memory.weight_bytes);
    if (lib_.threads > 1)
      put("  /// The most threads that a run uses, the caller's among them.\n  static constexpr int threads = {};\n\n",
          lib_.threads);
    batches();
    instruction_sets();
    for (auto const& p : lib_.inputs) port(p, "Input");
    for (auto const& p : lib_.outputs) port(p, "Output");
    members("inputs", lib_.inputs, "What a run reads; each member must be set.");
    members("outputs", lib_.outputs, "What a run gives: views of the object's memory, valid until its next run.",
            lib_.hosts.may_fail()
                ? "    /// Empty; or why the run stopped: a number in the inputs is out of range. Then the "
                  "other members view\n"
                  "    /// nothing useful.\n    std::string_view error{};\n"
                : "");
    if (!lib_.embed) weights();
    constructors();
    run();
    private_part();
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  library_batch const& batch() const { return lib_.batch; }
  bool in_object() const { return lib_.memory.working_bytes <= object_arena_bytes; }

  void instruction_sets() {
    put("  /// The instruction sets that there is code for, weakest first.\n  enum class instruction_set {{ ");
    for (std::size_t i = 0; i < lib_.variants.size(); ++i) put("{}{}", i ? ", " : "", lib_.variants[i].name);
    put(" }};\n  /// Whether the processor has the instruction set.\n");
    put("  static bool supports(instruction_set set) noexcept;\n");
    put("  /// The best that the processor has; std::runtime_error if it has none.\n");
    put("  static instruction_set best();\n\n");
  }

  void batches() {
    if (batch().kind == batch_kind::any)
      put("  /// The largest batch.\n  static constexpr std::size_t max_batch = {};\n\n", batch().sizes.back());
    if (batch().kind != batch_kind::listed) return;
    put("  /// The batches that there is code for.\n  static constexpr std::array<std::size_t, {}> "
        "batch_sizes{{{}}};\n",
        batch().sizes.size(), fmt::join(batch().sizes, ", "));
    put("  template <std::size_t Batch>\n  static constexpr bool has_batch = Batch == {};\n\n",
        fmt::join(batch().sizes, " || Batch == "));
  }
  /// What makes a member a template for the listed batches.
  static constexpr char const* for_listed = "  template <std::size_t Batch>\n    requires has_batch<Batch>\n";

  void port(library_port const& p, char const* what) {
    bool const by_call = p.grows() && batch().kind == batch_kind::any;
    auto const name = by_call ? "n" : "Batch";
    auto const extents = extent_texts(p, name);
    put("  /// {} \"{}\": {} {}, row-major{}.\n", what, comment_text(p.name), sinter::name(p.type.element),
        extents.empty() ? "scalar" : fmt::format("{}", fmt::join(extent_texts(p, "N"), "x")),
        p.type.element == dtype::float16 || p.type.element == dtype::bfloat16 ? ", elements as bits" : "");
    if (is_template(lib_, p)) put("{}", for_listed);
    put("  struct {} {{\n    using element = {};\n", p.identifier, element_type(p.type.element));
    put("    static constexpr std::string_view name{};\n", string_literal(p.name));
    if (by_call) {
      put("    static constexpr std::array<std::size_t, {}> shape(std::size_t n) {{ return {{{}}}; }}\n",
          extents.size(), fmt::join(extents, ", "));
      put("    static constexpr std::size_t size(std::size_t n) {{ return {}; }}\n", elements_text(p, name));
    } else {
      put("    static constexpr std::array<std::size_t, {}> shape{{{}}};\n", extents.size(), fmt::join(extents, ", "));
      put("    static constexpr std::size_t size = {};\n", elements_text(p, name));
    }
    put("    using view = std::span<element const{}>;\n  }};\n\n", by_call ? "" : ", size");
  }

  void members(char const* type, std::vector<library_port> const& ports, char const* contract, char const* more = "") {
    put("  /// {}\n{}  struct {} {{\n", contract, batch().kind == batch_kind::listed ? for_listed : "", type);
    for (auto const& p : ports) put("    {} {};\n", port_type(lib_, p, "view"), p.identifier);
    put("{}  }};\n\n", more);
  }

  void run() {
    char const* const contract =
        lib_.threads > 1
            ? "Runs the model on the calling thread and others, with the same bits for any number. Allocates nothing."
            : "Runs the model on the calling thread. Allocates nothing, takes no lock, makes no system call.";
    switch (batch().kind) {
      case batch_kind::fixed: put("  /// {}\n  outputs run(inputs const& in) noexcept;\n\n", contract); break;
      case batch_kind::any:
        put("  /// {}\n  /// For a batch of `n`, 1 to max_batch. Errors: std::invalid_argument for another `n`, and "
            "for an\n"
            "  /// input that has not the size for `n`.\n  outputs run(std::size_t n, inputs const& in);\n\n",
            contract);
        break;
      case batch_kind::listed:
        put("  /// {}\n  /// For one of the listed batches: run<{}>(…).\n{}", contract, batch().sizes.back(),
            for_listed);
        put("  outputs<Batch> run(inputs<Batch> const& in) noexcept {{\n{}  }}\n\n",
            run_statements(lib_, "Batch", "    "));
        break;
    }
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

  void private_part() {
    put(" private:\n  {} (*run_)({}) noexcept;\n", run_result(lib_), run_parameter_types(lib_));
    put("  std::byte const* constants_;\n");
    if (lib_.threads > 1) put("  std::shared_ptr<::sinter::executor> threads_;\n");
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
