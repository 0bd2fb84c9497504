#pragma once

#include <sinter/emit/cpp/library.hpp>
#include <sinter/emit/cpp/print.hpp>

#include <set>
#include <string>
#include <utility>
#include <vector>

/// The source file of one instruction set: its kernels, and the function that runs the program as loops of calls.
namespace sinter::cpp {

/// Prints the source file of one variant.
class variant_printer {
 public:
  variant_printer(library const& lib, library_variant const& variant)
      : lib_(lib), v_(variant), users_(v_.plan.kernels.size()) {
    for (std::size_t k = 0; k < v_.plan.kernels.size(); ++k)
      symbols_.push_back(fmt::format("{}_{}", identifier(v_.plan.kernels[k].name), k));
    for (auto const& s : v_.plan.steps)
      for (auto const& g : v_.plan.regions[s.index].grids) users_[g.kernel].insert(s.names);
  }

  std::string whole() {
    put("// Made by sinter: the kernels and the order of their calls for {}.\n", set_name(v_.set));
    // g++ 12 takes the registers that its own intrinsics leave undefined for mistakes.
    text_ +=
        "#if defined(__GNUC__) && !defined(__clang__)\n#pragma GCC diagnostic ignored \"-Wuninitialized\"\n"
        "#pragma GCC diagnostic ignored \"-Wmaybe-uninitialized\"\n#endif\n";
    put("#include <sinter/emit/cpp/sinter_simd.hpp>\n\n#include \"{}_run.hpp\"\n", lib_.name);
    text_ += "#include <bit>\n#include <cstddef>\n#include <cstdint>\n\nnamespace {\n\nusing namespace sinter::simd;\n";
    text_ +=
        "\n/// Calls a kernel on these addresses.\ntemplate <typename... Address>\n"
        "void call(void (*kernel)(std::byte* const*) noexcept, Address... at) noexcept {\n"
        "  std::byte* const arguments[] = {at...};\n  kernel(arguments);\n}\n";
    for (std::size_t k = 0; k < v_.plan.kernels.size(); ++k) kernel(k);
    text_ += "\n}  // namespace\n\n";
    run();
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  void kernel(std::size_t k) {
    constexpr std::size_t most_users = 8;
    text_ += '\n';
    std::size_t listed = 0;
    for (auto const& names : users_[k]) {
      if (listed++ < most_users) put("// {}\n", comment_text(names));
    }
    if (listed > most_users) put("// and {} more\n", listed - most_users);
    text_ += function_printer(v_.plan.kernels[k]).whole(symbols_[k], "[[gnu::noinline]]");
  }

  void run() {
    put("void {}_detail::run_{}([[maybe_unused]] std::byte* work, [[maybe_unused]] std::byte const* constants,\n",
        lib_.name, set_name(v_.set));
    text_ +=
        "    [[maybe_unused]] std::byte const* const* inputs, [[maybe_unused]] std::byte const** outputs) noexcept {\n";
    put("  [[maybe_unused]] std::byte* const arena = work;\n");
    put("  [[maybe_unused]] std::byte* const scratch = work + {};\n", lib_.scratch_offset);
    put("  [[maybe_unused]] std::byte* const weights = const_cast<std::byte*>(constants);  // kernels only read "
        "them\n");
    for (std::size_t i = 0; i < lib_.inputs.size(); ++i)
      put("  [[maybe_unused]] std::byte* const in{0} = const_cast<std::byte*>(inputs[{0}]);  // {1}, only read\n", i,
          comment_text(lib_.inputs[i].name));
    for (std::size_t i = 0; i < lib_.outputs.size(); ++i)
      put("  [[maybe_unused]] std::byte* const out{} = work + {};  // {}\n", i, lib_.output_offsets[i],
          comment_text(lib_.outputs[i].name));
    for (auto const& s : v_.plan.steps) {
      put("\n  // {}\n", comment_text(s.names));
      for (auto const& g : v_.plan.regions[s.index].grids) calls(g);
    }
    text_ += '\n';
    for (std::size_t i = 0; i < lib_.outputs.size(); ++i) put("  outputs[{}] = {};\n", i, output(i));
    text_ += "}\n";
  }

  std::string output(std::size_t i) const {
    if (v_.output_offsets[i] >= 0) return fmt::format("weights + {}", v_.output_offsets[i]);
    if (port_bytes(lib_.outputs[i]) == 0) return "work";
    return address(v_.plan.outputs[i].where);
  }

  std::string address(place const& where) const {
    auto const at = [&](std::string_view base, std::int64_t offset) {
      return offset ? fmt::format("{} + {}", base, offset) : std::string(base);
    };
    switch (where.where) {
      case space::arena: return at("arena", where.offset);
      case space::scratch: return at("scratch", where.offset);
      case space::input: return at(fmt::format("in{}", where.index), where.offset);
      case space::output: return at(fmt::format("out{}", where.index), where.offset);
      case space::weight: return at("weights", v_.weight_offsets[where.index] + where.offset);
    }
    SINTER_ASSERT(false);
    return {};
  }

  /// The loops over one grid; axes of one turn have none.
  void calls(grid const& g) {
    std::size_t depth = 1;
    for (std::size_t axis = 0; axis < grid_rank; ++axis) {
      if (g.extent[axis] == 1) continue;
      put("{:{}}for (std::ptrdiff_t i{} = 0; i{} < {}; ++i{})\n", "", 2 * depth++, axis, axis, g.extent[axis], axis);
    }
    put("{:{}}call({}", "", 2 * depth, symbols_[g.kernel]);
    for (std::size_t i = 0; i < g.arguments.size(); ++i) {
      put(", {}", address(g.arguments[i].base));
      for (std::size_t axis = 0; axis < grid_rank; ++axis)
        if (auto const stride = g.arguments[i].stride[axis]; stride && g.extent[axis] > 1)
          put(" {} {} * i{}", stride < 0 ? '-' : '+', stride < 0 ? -stride : stride, axis);
    }
    text_ += ");\n";
  }

  library const& lib_;
  library_variant const& v_;
  std::vector<std::set<std::string>> users_;  // by kernel: the steps that call it
  std::vector<std::string> symbols_;
  std::string text_;
};

}  // namespace sinter::cpp
