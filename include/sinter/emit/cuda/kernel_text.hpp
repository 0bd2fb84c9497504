#pragma once

#include <sinter/core/error.hpp>
#include <sinter/emit/cuda/forms.hpp>
#include <sinter/emit/cuda/function_text.hpp>
#include <sinter/expr/text.hpp>
#include <sinter/program/device_kernel.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

/// One kernel as device text: a struct with the constants, arguments and function that its form works with, and the
/// entry point that calls the form.
namespace sinter::cuda_text {

/// The type of elements in device text.
inline std::string_view type_text(dtype element) {
  switch (element) {
    case dtype::float32: return "float";
    case dtype::float16: return "half";
    case dtype::bfloat16: return "bfloat16";
    case dtype::boolean: return "boolean";
    case dtype::uint8: return "u8";
    case dtype::int8: return "s8";
    case dtype::uint16: return "u16";
    case dtype::int16: return "s16";
    case dtype::uint32: return "u32";
    case dtype::int32: return "s32";
    case dtype::uint64: return "u64";
    case dtype::int64: return "s64";
    default: fail(error_code::system, "kernels of CUDA devices have no elements of type {}", name(element));
  }
}

/// The name of a constant or argument without the number at its end: `size` of `size0`.
inline std::string_view family(std::string_view name) {
  auto const end = name.find_last_not_of("0123456789");
  return name.substr(0, end + 1);
}

/// Checks that a kernel has all constants that the text of its form names. Errors: system.
inline void check_constants(device_kernel const& k) {
  constexpr std::string_view prefix = "Kernel::", letters = "abcdefghijklmnopqrstuvwxyz_0123456789";
  auto const text = find_form(k.form).text;
  for (auto at = text.find(prefix); at != text.npos; at = text.find(prefix, at + 1)) {
    auto const from = text.substr(at + prefix.size());
    auto const name = from.substr(0, from.find_first_not_of(letters));
    if (name == "index" || name == "threads" || family(name) == "argument") continue;
    auto const is_it = [&](device_constant const& c) { return c.name == name || family(c.name) == name; };
    if (std::ranges::none_of(k.constants, is_it))
      fail(error_code::system, "a kernel of the form '{}' has no constant '{}'", k.form, name);
  }
}

/// Prints one kernel; the text is the same for kernels that compute the same.
class kernel_printer {
 public:
  explicit kernel_printer(device_kernel const& k) : k_(k), form_(find_form(k.form)) {
    auto const has_strides = [](device_argument const& a) { return !a.strides.empty(); };
    first_operand_ = std::ranges::find_if(k_.arguments, has_strides) - k_.arguments.begin();
    SINTER_ASSERT(std::all_of(k_.arguments.begin() + first_operand_, k_.arguments.end(), has_strides));
  }

  std::string whole(std::string_view symbol) && {
    put("\nstruct {}_form {{\n", symbol);
    constants();
    arguments();
    if (has_function()) function(), store();
    put("}};\nKERNEL({}) void {}({}) {{\n", k_.threads, symbol, parameters());
    put("  wait_for_previous_kernel();\n  let_next_kernel_start();\n");
    put("  {}({}_form{{{}}});\n}}\n", form_.name, symbol, names());
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  bool has_function() const { return first_operand_ < std::ssize(k_.arguments); }
  std::ptrdiff_t result() const { return std::ssize(k_.arguments) - 1; }
  device_argument const& argument(std::ptrdiff_t i) const { return k_.arguments[static_cast<std::size_t>(i)]; }

  /// Offsets have 64 bits where an argument needs them.
  bool is_wide() const {
    return std::ranges::any_of(k_.arguments, [](device_argument const& a) {
      return a.bytes / static_cast<std::int64_t>(size_of(a.element)) > std::numeric_limits<std::int32_t>::max();
    });
  }

  /// Constants with a number are a function of it: size(0).
  void constants() {
    put("  typedef {} index;\n  static constexpr int threads = {};\n", is_wide() ? "s64" : "s32", k_.threads);
    auto const& all = k_.constants;
    for (auto c = all.begin(); c != all.end();) {
      auto const name = family(c->name);
      if (name == c->name) {
        put("  static constexpr {} {} = {};\n", c->value == static_cast<std::int32_t>(c->value) ? "s32" : "s64", name,
            c->value);
        ++c;
        continue;
      }
      put("  DEVICE static constexpr index {}(int i) {{\n    return", name);
      int number = 0;
      for (; c != all.end() && family(c->name) == name; ++c, ++number) {
        SINTER_ASSERT(c->name == fmt::format("{}{}", name, number));
        put(" i == {} ? {} :", number, c->value);
      }
      put(" 0;\n  }}\n");
    }
  }

  std::string pointer(device_argument const& a) const {
    return fmt::format("{}{}*", type_text(a.element), a.written ? "" : " const");
  }
  void arguments() {
    for (std::size_t i = 0; i < k_.arguments.size(); ++i) put("  {} argument{};\n", pointer(k_.arguments[i]), i);
  }
  std::string parameters() const {
    std::string text;
    for (std::size_t i = 0; i < k_.arguments.size(); ++i)
      text += fmt::format("{}{} argument{}", i ? ", " : "", pointer(k_.arguments[i]), i);
    return text;
  }
  std::string names() const {
    std::string text;
    for (std::size_t i = 0; i < k_.arguments.size(); ++i) text += fmt::format("{}argument{}", i ? ", " : "", i);
    return text;
  }

  std::string_view number() const { return type_text(k_.computes); }

  std::size_t inputs() const { return static_cast<std::size_t>(result() - first_operand_) + (form_.computes ? 1 : 0); }

  /// `prefix`0`suffix`, `prefix`1`suffix`, …: one for each input of the function.
  std::string list(std::string_view prefix, std::string_view suffix = {}) const {
    std::string text;
    for (std::size_t i = 0; i < inputs(); ++i) text += fmt::format("{}{}{}{}", i ? ", " : "", prefix, i, suffix);
    return text;
  }

  void function() {
    SINTER_ASSERT(k_.function.lines.empty() ? inputs() >= 1 : k_.function.inputs <= inputs());
    SINTER_ASSERT(k_.computes == dtype::float32 || !form_.computes);
    put("\n  // {}\n", k_.function.lines.empty() ? "x0" : expr::print(k_.function));
    put("  DEVICE static {} function({}) {{\n", number(), list(fmt::format("{} x", number())));
    text_ += k_.function.lines.empty() ? "    return x0;\n" : body_text(k_.function, "    ", k_.computes);
    text_ += "  }\n";
  }

  /// The place of an argument's element at coordinates d.
  std::string place(std::ptrdiff_t i) const {
    std::string text = fmt::format("argument{}", i);
    auto const& strides = argument(i).strides;
    for (std::size_t axis = 0; axis < strides.size(); ++axis)
      if (strides[axis] != 0) text += fmt::format(" + d[{}] * {}", axis, strides[axis]);
    return text;
  }

  /// Stores the function of what the form computed, if anything, and the operands, for `width` coordinates from d on
  /// along the last axis.
  void store() {
    SINTER_ASSERT(argument(result()).written);
    auto const rank = argument(result()).strides.size();
    put("\n  template <int width>\n  DEVICE void store({}index const (&d)[{}]) const {{\n",
        form_.computes ? "float const (&x0)[width], " : "", rank);
    std::size_t input = form_.computes ? 1 : 0;
    for (auto i = first_operand_; i < result(); ++i, ++input) {
      SINTER_ASSERT(argument(i).strides.size() == rank && !argument(i).written);
      put("    {3} x{0}[width];\n    load_elements<{1}>(x{0}, {2});\n", input, argument(i).strides.back(), place(i),
          number());
    }
    put("    {} y[width];\n#pragma unroll\n", number());
    put("    for (int i = 0; i < width; ++i) y[i] = function({});\n", list("x", "[i]"));
    put("    store_elements<{}>({}, y);\n  }}\n", argument(result()).strides.back(), place(result()));
  }

  device_kernel const& k_;
  form const& form_;
  std::ptrdiff_t first_operand_ = 0;
  std::string text_;
};

}  // namespace sinter::cuda_text
