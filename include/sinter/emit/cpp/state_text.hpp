#pragma once

#include <sinter/core/growing_rows.hpp>
#include <sinter/emit/cpp/library.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

/// What an object of a generated class keeps from run to run, as C++ text.
namespace sinter::cpp {

/// State of fixed shape: two memories, of which a run reads one and writes the other.
inline bool keeps_fixed(library const& lib) {
  return std::ranges::any_of(lib.states, [](state_link const& s) { return !s.axis; });
}
/// Whether that lies in the object.
inline bool state_in_object(library const& lib) {
  std::int64_t bytes = 0;
  for (auto const& s : lib.states)
    if (!s.axis) bytes += 2 * port_bytes(lib.inputs[s.input]);
  return bytes <= object_arena_bytes;
}

namespace detail {

/// The axis along which input `i` grows, as state or with it.
inline std::optional<std::size_t> growing_axis(library const& lib, std::size_t i) {
  auto const* const kept = lib.state_of(&state_link::input, i);
  return kept ? kept->axis : lib.inputs[i].grows_along;
}
/// The rows of an input that grows, and where in the memory for all of them they begin.
inline growing_rows rows_of(library const& lib, std::size_t input) {
  auto const axis = *growing_axis(lib, input);
  auto const& type = lib.inputs[input].type;
  return {type.shape->elements(0, axis), type.shape->elements(axis + 1, type.shape->rank()) * size_of(type.element)};
}
inline std::int64_t rows_offset(library const& lib, std::size_t input) {
  std::int64_t end = 0;
  for (std::size_t i = 0; i < input; ++i)
    if (growing_axis(lib, i)) end = checked_add(end, round_up(port_bytes(lib.inputs[i]), arena_alignment));
  return end;
}
inline std::string rows_text(library const& lib, std::size_t input) {
  return fmt::format("rows_->bytes + {}", rows_offset(lib, input));
}

/// The arrays of state of fixed shape.
inline std::string fixed_arrays(library const& lib) {
  std::string text;
  for (auto const& s : lib.states) {
    auto const& p = lib.inputs[s.input];
    if (s.axis) continue;
    text += fmt::format("    alignas(64) std::array<{0}::{1}::element, {0}::{1}::size> {1}{{}};  ///< next: \"{2}\"\n",
                        lib.name, p.identifier, comment_text(lib.outputs[s.output].name));
  }
  return text;
}

inline std::string growing_interface(library const& lib) {
  auto text = fmt::format(
      "  /// The most rows of state that a run may find, and how many it adds.\n"
      "  static constexpr std::size_t max_length = {1}, rows_per_run = {0};\n"
      "  /// How many rows the state has.\n"
      "  std::size_t length() const noexcept {{ return static_cast<std::size_t>(length_); }}\n"
      "  /// What an object keeps from run to run: inputs whose next values a run gives. No rows at first, and zeros.\n"
      "  struct state {{\n    std::size_t length = 0;  ///< rows of each member that grows\n",
      lib.batch.added, lib.batch.sizes.back() - lib.batch.added);
  for (auto const& s : lib.states) {
    auto const& p = lib.inputs[s.input];
    if (s.axis)
      text += fmt::format("    std::vector<{0}::{1}::element> {1}{{}};  ///< {1}::shape(length); next: \"{2}\"\n",
                          lib.name, p.identifier, comment_text(lib.outputs[s.output].name));
  }
  return text + fixed_arrays(lib) +
         "  };\n  state save_state() const;\n"
         "  /// Errors: std::invalid_argument where there is no place for so many rows, or sizes are not those of the "
         "length.\n"
         "  void restore_state(state const& saved);\n  void reset_state() noexcept;\n\n";
}

}  // namespace detail

/// The public members.
inline std::string state_interface(library const& lib) {
  if (lib.states.empty()) return {};
  if (lib.grows()) return detail::growing_interface(lib);
  return "  /// What an object keeps from run to run: inputs whose next values a run gives. Zeros at first.\n"
         "  struct state {\n" +
         detail::fixed_arrays(lib) +
         "  };\n  state const& save_state() const noexcept { return state_[now_]; }\n"
         "  void restore_state(state const& saved) noexcept { state_[now_] = saved; }\n"
         "  void reset_state() noexcept { std::memset(static_cast<void*>(&state_[now_]), 0, sizeof(state)); }\n\n";
}

/// The private members.
inline std::string state_members(library const& lib) {
  std::string text;
  if (lib.grows())
    text += fmt::format(
        "  char const* begin_run_(inputs const& in) noexcept;  // makes room; null, or why a run cannot be\n"
        "  struct alignas(64) rows_memory_ {{\n    std::byte bytes[{}];\n  }};\n"
        "  std::unique_ptr<rows_memory_> rows_ = std::make_unique<rows_memory_>();  // what grows\n"
        "  std::int64_t length_ = 0;\n  std::size_t capacity_ = {};  // for which the rows are laid out\n",
        std::max(detail::rows_offset(lib, lib.inputs.size()), arena_alignment), lib.batch.sizes.front());
  if (!keeps_fixed(lib)) return text;
  std::string_view const type = lib.grows() ? "fixed_state_" : "state";
  if (lib.grows()) text += fmt::format("  struct {} {{\n{}  }};\n", type, detail::fixed_arrays(lib));
  text +=
      fmt::format(fmt::runtime(state_in_object(lib) ? "  std::array<{0}, 2> state_{{}};"
                                                    : "  std::unique_ptr<{0}[]> state_ = std::make_unique<{0}[]>(2);"),
                  type);
  return text + " // a run reads one and writes the other\n  std::size_t now_ = 0;  // the one that is the state\n";
}

/// The address of input `i` as a run reads it, if the object has it; else empty.
inline std::string kept_address(library const& lib, std::size_t i) {
  if (lib.inputs[i].is_length) return "reinterpret_cast<std::byte const*>(&length_)";
  if (detail::growing_axis(lib, i)) return detail::rows_text(lib, i);
  if (!lib.state_of(&state_link::input, i)) return {};
  return fmt::format("reinterpret_cast<std::byte const*>(state_[now_].{}.data())", lib.inputs[i].identifier);
}

/// What follows a run that has not failed: its results are the state. Each line after `indent`.
inline std::string keep_state(library const& lib, std::string_view indent) {
  std::string text;
  for (auto const& s : lib.states)
    if (!s.axis)
      text += fmt::format("{}std::memcpy(state_[1 - now_].{}.data(), to[{}], {});\n", indent,
                          lib.inputs[s.input].identifier, s.output, port_bytes(lib.inputs[s.input]));
  if (keeps_fixed(lib)) text += fmt::format("{}now_ = 1 - now_;\n", indent);
  if (lib.grows()) text += fmt::format("{}length_ += {};\n", indent, lib.batch.added);
  return text;
}

/// Prints the definitions of members of a class with state that grows.
class growing_state_printer {
 public:
  explicit growing_state_printer(library const& lib) : lib_(lib) {}

  std::string whole() {
    put("namespace {{\n\n/// Rows for which there is code.\nconstexpr std::size_t capacities[] = {{{}}};\n",
        fmt::join(lib_.batch.sizes, ", "));
    put("/// The least that has place for `rows`, or the largest.\nstd::size_t capacity_for(std::size_t rows) noexcept "
        "{{\n  auto const* at = capacities;\n  while (*at < rows && *at < {}) ++at;\n  return *at;\n}}\n",
        lib_.batch.sizes.back());
    for (std::size_t i = 0; i < lib_.inputs.size(); ++i) {
      if (!detail::growing_axis(lib_, i)) continue;
      auto const rows = detail::rows_of(lib_, i);
      put("constexpr sinter::growing_rows rows_of_{}{{.lines = {}, .row_bytes = {}}};\n", lib_.inputs[i].identifier,
          rows.lines, rows.row_bytes);
    }
    text_ += "\n}  // namespace\n\n";
    begin_run();
    save();
    restore();
    reset();
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  /// Calls `print` with the name of each state that grows, and the text of its address.
  template <typename Print>
  void each(Print print) {
    for (auto const& s : lib_.states)
      if (s.axis) print(lib_.inputs[s.input].identifier, detail::rows_text(lib_, s.input));
  }
  template <typename Print>
  void each_fixed(Print print) {
    for (auto const& s : lib_.states)
      if (!s.axis) print(lib_.inputs[s.input].identifier);
  }
  /// The same for inputs that grow and are given.
  template <typename Print>
  void each_given(Print print) {
    for (std::size_t i = 0; i < lib_.inputs.size(); ++i)
      if (lib_.inputs[i].grows_along)
        print(lib_.inputs[i].identifier, detail::rows_text(lib_, i), lib_.inputs[i].more_rows);
  }

  void begin_run() {
    put("char const* {}::begin_run_([[maybe_unused]] inputs const& in) noexcept {{\n"
        "  if (length() > max_length) return {};\n",
        lib_.name, c_literal("the state has no place for more rows: reset it"));
    each_given([&](std::string const& name, std::string const&, std::int64_t more) {
      put("  if (in.{0}.size() != {0}::size(length() + {1}))\n    return {2};\n", name, more,
          c_literal(fmt::format("input {}: its size is that of length() and {} more", name, more)));
    });
    put("  if (auto const larger = capacity_for(length() + {}); larger > capacity_) {{\n", lib_.batch.added);
    each([&](std::string const& name, std::string const& at) {
      put("    rows_of_{}.widen({}, length(), capacity_, larger);\n", name, at);
    });
    text_ += "    capacity_ = larger;\n  }\n";
    each_given([&](std::string const& name, std::string const& at, std::int64_t more) {
      put("  rows_of_{0}.restore({1}, length() + {2}, capacity_, reinterpret_cast<std::byte const*>(in.{0}.data()));\n",
          name, at, more);
    });
    text_ += "  return nullptr;\n}\n\n";
  }

  void save() {
    put("{0}::state {0}::save_state() const {{\n  state saved;\n  saved.length = length();\n", lib_.name);
    each([&](std::string const& name, std::string const& at) {
      put("  saved.{0}.resize({0}::size(length()));\n"
          "  rows_of_{0}.save({1}, length(), capacity_, reinterpret_cast<std::byte*>(saved.{0}.data()));\n",
          name, at);
    });
    each_fixed([&](std::string const& name) { put("  saved.{0} = state_[now_].{0};\n", name); });
    text_ += "  return saved;\n}\n\n";
  }

  void restore() {
    put("void {0}::restore_state(state const& saved) {{\n  if (saved.length > {1}", lib_.name, lib_.batch.sizes.back());
    each([&](std::string const& name, std::string const&) {
      put(" || saved.{0}.size() != {0}::size(saved.length)", name);
    });
    put(")\n    throw std::invalid_argument(\"{}: a state of \" + std::to_string(saved.length) +\n"
        "                                \" rows; there is place for {}, and each member has the size of its "
        "length\");\n",
        lib_.name, lib_.batch.sizes.back());
    put("  length_ = static_cast<std::int64_t>(saved.length);\n  capacity_ = capacity_for(length() + {});\n",
        lib_.batch.added);
    each([&](std::string const& name, std::string const& at) {
      put("  rows_of_{0}.restore({1}, length(), capacity_, reinterpret_cast<std::byte const*>(saved.{0}.data()));\n",
          name, at);
    });
    each_fixed([&](std::string const& name) { put("  state_[now_].{0} = saved.{0};\n", name); });
    text_ += "}\n\n";
  }

  void reset() {
    put("void {}::reset_state() noexcept {{\n  length_ = 0;\n  capacity_ = capacities[0];\n", lib_.name);
    each([&](std::string const& name, std::string const& at) {
      put("  std::memset({}, 0, rows_of_{}.bytes(capacity_));\n", at, name);
    });
    each_fixed([&](std::string const& name) { put("  state_[now_].{}.fill({{}});\n", name); });
    text_ += "}\n\n";
  }

  library const& lib_;
  std::string text_;
};

}  // namespace sinter::cpp
