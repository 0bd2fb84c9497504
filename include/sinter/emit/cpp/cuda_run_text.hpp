#pragma once

#include <sinter/emit/cpp/cuda_header.hpp>
#include <sinter/emit/cpp/grid_text.hpp>
#include <sinter/emit/cpp/host_steps.hpp>
#include <sinter/emit/cpp/library.hpp>
#include <sinter/emit/cpp/source_parts.hpp>
#include <sinter/emit/cuda/emit.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// The source file of one architecture: its code, and the functions that give the steps of a run to a device.
namespace sinter::cpp {

/// Where the compiled kernels of a variant lie, one after the other in the file NAME_SET.cubins.
struct variant_modules {
  struct place {
    std::int64_t offset = 0;
    std::int64_t bytes = 0;
  };
  std::vector<place> modules{};  ///< one for each kernel of the variant
};

/// Prints NAME_SET.cpp of a library for CUDA devices.
class cuda_variant_printer {
 public:
  cuda_variant_printer(library const& lib, library_variant const& variant, variant_modules const& modules)
      : lib_(lib), v_(variant), modules_(modules) {}

  std::string whole() {
    auto const symbol = fmt::format("sinter_{}_{}", lib_.name, v_.name);
    put("// Made by sinter: the kernels for {} and the order of their launches. The assembler reads the kernels; the "
        "folder\n// of {}_{}.cubins must be among its include folders.\n",
        architecture(v_.set), lib_.name, v_.name);
    put("#include <sinter/runtime/cuda/library.hpp>\n\n#include \"{}_run.hpp\"\n#include <array>\n", lib_.name);
    put("#include <cstddef>\n#include <string_view>\n\n");
    text_ += bytes_of_file(symbol, fmt::format("{}_{}.cubins", lib_.name, v_.name));
    put("extern \"C\" char const {}[];\n\nnamespace {}_detail {{\nnamespace {{\n\n", symbol, lib_.name);
    put("using object = sinter::cuda_library_object;\n");
    if (!lib_.hosts.all().empty()) text_ += host_call_function;
    kernels();
    for (std::size_t plan = 0; plan < v_.plans.size(); ++plan) function(plan);
    dispatch();
    put("\n}}  // namespace\n\nsinter::cuda_library_code code_{}() {{\n", v_.name);
    put("  static std::array<std::string_view, {}> const modules{{", modules_.modules.size());
    for (auto const& m : modules_.modules) put("\n      std::string_view({} + {}, {}),", symbol, m.offset, m.bytes);
    put("}};\n  return {{.arch = {}, .modules = modules, .kernels = kernels, .run = run}};\n}}\n\n}}  // namespace "
        "{}_detail\n",
        architecture(v_.set).substr(3), lib_.name);
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  void kernels() {
    auto const& all = v_.device_kernels;
    put("\n/// Name, arguments, threads of a block, bytes that these share.\n");
    put("constexpr std::array<sinter::cuda_library_kernel, {}> kernels{{", all.size());
    for (std::size_t k = 0; k < all.size(); ++k)
      put("{}\n    {{\"{}\", {}, {}, {}}}", k ? "," : "{", cuda_text::kernel_name(all[k]), all[k].arguments.size(),
          all[k].threads, all[k].shared_bytes);
    put("{}}};\n", all.empty() ? "" : "}");
  }

  /// What runs the plan of one batch size.
  void function(std::size_t plan) {
    auto const& p = v_.plans[plan];
    put("\n/// For a batch of {}.\n", lib_.batch.sizes[plan]);
    put("char const* run_{}([[maybe_unused]] object& o, [[maybe_unused]] std::byte const* const* inputs,\n"
        "    [[maybe_unused]] std::byte const** outputs) {{\n",
        lib_.batch.sizes[plan]);
    auto const& device = lib_.memory.device;
    put("  [[maybe_unused]] std::byte* const state = o.device() + {};\n",
        static_cast<std::int64_t>(plan) * device.state_stride);
    put("  [[maybe_unused]] std::byte* const arena = o.device() + {};\n", device.arena_offset);
    put("  [[maybe_unused]] std::byte* const weights = o.weights();\n");
    put("  [[maybe_unused]] std::byte* const constants = const_cast<std::byte*>(o.constants());  // only read\n");
    put("  [[maybe_unused]] std::byte* const host = o.host();\n");
    inputs(p);
    if (!p.checks.empty()) put("  o.start_checks({}, {});\n", first_check(p), p.checks.size());
    steps(p);
    text_ += '\n';
    for (std::size_t i = 0; i < lib_.outputs.size(); ++i) output(plan, i);
    checks(p);
    put("}}\n");
  }

  std::string first_check(program const& p) const {
    return fmt::format("state + {}", sinter::detail::check_offset(p, 0));
  }

  /// The end of a run: an index that a launch could not use is an error.
  void checks(program const& p) {
    if (p.checks.empty()) return put("  return nullptr;\n");
    put("  static constexpr std::array<char const*, {}> problems{{\n", p.checks.size());
    for (std::size_t i = 0; i < p.checks.size(); ++i) {
      auto const& c = p.checks[i];
      put("{}      {}", i ? ",\n" : "",
          c_literal(fmt::format("{}: an index that came at run time lies outside {} to {}", describe(p.at(c.node)),
                                c.least, c.greatest)));
    }
    put("}};\n  return o.failed_check({}, problems);\n", first_check(p));
  }

  void inputs(program const& p) {
    std::vector<bool> on_device(p.inputs.size()), on_host(p.inputs.size());
    for_each_address(p, [&](address const& a) {
      if (a.in == space::input) on_device[a.index] = true;
      if (a.in == space::given) on_host[a.index] = true;
    });
    auto const& memory = lib_.memory;
    for (std::size_t i = 0; i < p.inputs.size(); ++i) {
      auto const name = comment_text(lib_.inputs[i].name);
      if (on_device[i])
        put("  std::byte* const in{0} = o.input_on_device(inputs[{0}], {1}, o.device() + {2});  // {3}\n", i,
            bytes(p.inputs[i]), memory.device.input_offsets[i], name);
      if (on_host[i])
        put("  std::byte* const given{0} = o.input_on_host(inputs[{0}], {1}, host + {2});  // {3}\n", i,
            bytes(p.inputs[i]), memory.device.given_offsets[i], name);
    }
  }

  /// Launches without another step between them are one recording.
  void steps(program const& p) {
    bool recording = false;
    for (auto const& s : p.steps) {
      bool const is_launch = std::holds_alternative<launch>(s.action);
      if (recording && !is_launch) put("  }});\n");
      if (is_launch && !recording) put("\n  o.replay({}, [&] {{\n", recordings_++);
      recording = is_launch;
      put("{}{}// {}\n", is_launch ? "" : "\n", is_launch ? "    " : "  ", comment_text(describe(p, s)));
      if (auto const* l = std::get_if<launch>(&s.action)) give(p, *l);
      if (auto const* t = std::get_if<transfer>(&s.action)) give(p, *t);
      if (auto const* h = std::get_if<host_call>(&s.action))
        put("  {}", host_statement(lib_, p, s, *h, {.weights = "constants", .nothing = "host"}));
    }
    if (recording) put("  }});\n");
  }

  void give(program const& p, launch const& l) {
    put("    o.launch({}, {{{}}}, {{", l.kernel.index, fmt::join(l.blocks, ", "));
    for (std::size_t i = 0; i < l.arguments.size(); ++i) put("{}{}", i ? ", " : "", text_of(lib_, p, l.arguments[i]));
    put("}});\n");
  }

  void give(program const& p, transfer const& t) {
    if (bytes(t.from) == 0) return;
    bool const down = is_of_host(t.to.where.in);
    put("  o.{}({}, {}, {});\n", down ? "download" : "upload", text_of(lib_, p, t.to.where),
        text_of(lib_, p, t.from.where), bytes(t.from));
    if (down) put("  o.wait();\n");
  }

  void output(std::size_t plan, std::size_t i) {
    auto const& p = v_.plans[plan];
    if (auto const weight = v_.constant_outputs[plan][i])
      return put("  outputs[{}] = constants + {};\n", i, lib_.memory.weights[*weight].offset);
    auto const to = fmt::format("host + {}", lib_.memory.output_offsets[i]);
    put("  outputs[{}] = {};  // {}\n", i, to, comment_text(lib_.outputs[i].name));
    if (bytes(p.outputs[i]) > 0)
      put("  o.download({}, {}, {});\n", to, text_of(lib_, p, p.outputs[i].where), bytes(p.outputs[i]));
  }

  /// The function for all batch sizes.
  void dispatch() {
    put("\nchar const* run(object& o, std::byte const* const* inputs, std::byte const** outputs,\n"
        "    [[maybe_unused]] std::ptrdiff_t n) {{\n");
    for (std::size_t i = 0; i + 1 < v_.plans.size(); ++i)
      put("  if (n == {0}) return run_{0}(o, inputs, outputs);\n", lib_.batch.sizes[i]);
    put("  return run_{}(o, inputs, outputs);\n}}\n", lib_.batch.sizes.back());
  }

  static std::size_t bytes(view_binding const& v) { return v.type.shape->elements() * size_of(v.type.element); }

  library const& lib_;
  library_variant const& v_;
  variant_modules const& modules_;
  std::size_t recordings_ = 0;
  std::string text_;
};

}  // namespace sinter::cpp
