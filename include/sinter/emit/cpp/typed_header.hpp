#pragma once

#include <sinter/emit/cpp/library.hpp>
#include <sinter/emit/cpp/state_text.hpp>

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
      if (auto const view = each(ports[i], i); !view.empty())
        text += (text.empty() ? "" : fmt::format(",\n{}    ", indent)) + view;
    return text;
  };
  auto const from = views(lib.inputs, [&](library_port const& p, std::size_t i) {
    if (auto kept = kept_address(lib, i); !kept.empty()) return kept;
    return fmt::format("reinterpret_cast<std::byte const*>(in.{}.data())", p.identifier);
  });
  auto const to = views(lib.outputs, [&](library_port const& p, std::size_t i) {
    bool const by_call = lib.batch.kind == batch_kind::any && p.grows();
    if (lib.state_of(&state_link::output, i)) return std::string();
    return fmt::format("{}(reinterpret_cast<{} const*>(to[{}]), {}{})", port_type(lib, p, "view"),
                       port_type(lib, p, "element"), i, port_member(lib, p, "size"),
                       by_call ? fmt::format("({})", batch) : "");
  });
  bool const fails = may_fail(lib);
  auto const error =
      fails ? fmt::format("{}problem ? problem : \"\"", to.empty() ? "" : fmt::format(",\n{}    ", indent)) : "";
  auto keep = keep_state(lib, fails ? std::string(indent) + "  " : std::string(indent));
  if (fails && !keep.empty()) keep = fmt::format("{0}if (!problem) {{\n{1}{0}}}\n", indent, keep);
  auto const work = lib.on_device()                                  ? ""
                    : lib.memory.working_bytes <= object_arena_bytes ? "memory_.bytes, constants_, "
                                                                     : "work_, constants_, ";
  std::string_view const problem = !fails         ? ""
                                   : !lib.grows() ? "char const* const problem = "
                                                  : "if (!problem) problem = ";
  return fmt::format(
      "{11}{0}std::array<std::byte const*, {1}> const from{{{2}}};\n{0}std::array<std::byte const*, {3}> to{{}};\n"
      "{0}{7}run_({4}from.data(), to.data(), {5}{8});\n{10}{0}return {{{6}{9}}};\n",
      indent, lib.inputs.size(), from, lib.outputs.size(), work, batch, to, problem,
      lib.threads > 1 ? ", *threads_" : "", error, keep,
      lib.grows() ? fmt::format("{}char const* problem = begin_run_(in);\n", indent) : "");
}

/// Prints NAME.hpp: what libraries for all devices have alike; how an object is made and kept is the device's.
class header_printer {
 public:
  explicit header_printer(library const& lib) : lib_(lib) {}
  virtual ~header_printer() = default;

  std::string whole() {
    put("// Made by sinter from an ONNX model.\n#pragma once\n\n");
    put("#include <array>\n#include <cstddef>\n#include <cstdint>\n");
    if (!lib_.embed) put("#include <filesystem>\n");
    if (!lib_.states.empty()) put("#include <cstring>\n");
    includes();
    put("#include <span>\n#include <string_view>\n");
    put("{}\n", lib_.grows() ? "#include <vector>\n" : "");
    declarations();
    put("/// A model for inputs of {}. {}\n",
        batch().kind == batch_kind::fixed ? "fixed shapes"
        : lib_.grows()                    ? "fixed shapes and state that grows"
                                          : "fixed shapes but for the batch",
        object_contract());
    put("class {} {{\n public:\n", lib_.name);
    sizes();
    put("  /// Bytes of constants, which all objects share.\n");
    put("  static constexpr std::size_t weight_bytes = {};\n\n", lib_.memory.weight_bytes);
    batches();
    targets();
    for (auto const& p : lib_.inputs)
      if (!p.is_length) port(p, "Input");
    for (auto const& p : lib_.outputs) port(p, "Output");
    members("inputs", lib_.inputs, &state_link::input, input_contract());
    members("outputs", lib_.outputs, &state_link::output,
            "What a run gives: views of the object's memory, valid until its next run.",
            !may_fail(lib_) ? ""
            : lib_.grows()
                ? "    /// Empty; or why the run stopped: the state is longer than max_length, or a number in the "
                  "inputs is out\n    /// of range. Then the other members view nothing useful, and the "
                  "state is as before.\n    std::string_view error{};\n"
                : "    /// Empty; or why the run stopped: a number in the inputs is out of range. Then the "
                  "other members view\n"
                  "    /// nothing useful.\n    std::string_view error{};\n");
    if (!lib_.embed) weights();
    constructors();
    run();
    text_ += state_interface(lib_);
    private_part();
    text_ += state_members(lib_);
    put("}};\n");
    return std::move(text_);
  }

 protected:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  library_batch const& batch() const { return lib_.batch; }

  library const& lib_;

 private:
  virtual void includes() {}
  virtual void declarations() {}
  virtual char const* object_contract() const = 0;
  virtual char const* input_contract() const = 0;
  virtual char const* run_contract() const = 0;
  virtual bool may_throw() const = 0;  ///< whether a run may
  virtual void sizes() = 0;            ///< of the memory of an object
  virtual void targets() = 0;          ///< that there is code for
  virtual void constructors() = 0;
  virtual void private_part() = 0;

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
    bool const by_call = p.grows() && (batch().kind == batch_kind::any || lib_.grows());
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

  void members(char const* type, std::vector<library_port> const& ports, std::size_t state_link::*side,
               char const* contract, char const* more = "") {
    put("  /// {}\n{}  struct {} {{\n", contract, batch().kind == batch_kind::listed ? for_listed : "", type);
    for (std::size_t i = 0; i < ports.size(); ++i)
      if (!lib_.state_of(side, i) && !ports[i].is_length)
        put("    {} {};\n", port_type(lib_, ports[i], "view"), ports[i].identifier);
    put("{}  }};\n\n", more);
  }

  void run() {
    char const *const contract = run_contract(), *const throws = may_throw() ? "" : " noexcept";
    switch (batch().kind) {
      case batch_kind::growing:
      case batch_kind::fixed: put("  /// {}\n  outputs run(inputs const& in){};\n\n", contract, throws); break;
      case batch_kind::any:
        put("  /// {}\n  /// For a batch of `n`, 1 to max_batch. Errors: std::invalid_argument for another `n`, and "
            "for an\n"
            "  /// input that has not the size for `n`.\n  outputs run(std::size_t n, inputs const& in);\n\n",
            contract);
        break;
      case batch_kind::listed:
        put("  /// {}\n  /// For one of the listed batches: run<{}>(…).\n{}", contract, batch().sizes.back(),
            for_listed);
        put("  outputs<Batch> run(inputs<Batch> const& in){} {{\n{}  }}\n\n", throws,
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

  std::string text_;
};

}  // namespace sinter::cpp
