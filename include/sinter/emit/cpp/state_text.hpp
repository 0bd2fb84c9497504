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
  return std::ranges::any_of(lib.states, [](library_state const& s) { return !s.axis; });
}
/// Whether that lies in the object.
inline bool state_in_object(library const& lib) {
  std::int64_t bytes = 0;
  for (auto const& s : lib.states)
    if (!s.axis) bytes += 2 * port_bytes(lib.inputs[s.input]);
  return bytes <= object_arena_bytes;
}

namespace detail {

/// The rows of state that grows, and where in the memory for all of it they begin.
inline growing_rows rows_of(library const& lib, library_state const& s) {
  auto const& type = lib.inputs[s.input].type;
  return {type.shape->elements(0, *s.axis),
          type.shape->elements(*s.axis + 1, type.shape->rank()) * size_of(type.element)};
}
inline std::int64_t rows_offset(library const& lib, std::size_t state) {
  std::int64_t end = 0;
  for (std::size_t i = 0; i < state; ++i)
    if (lib.states[i].axis)
      end = checked_add(end, round_up(port_bytes(lib.inputs[lib.states[i].input]), arena_alignment));
  return end;
}
inline std::string rows_text(library const& lib, std::size_t state) {
  return fmt::format("rows_->bytes + {}", rows_offset(lib, state));
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
      "  /// The most rows of state that a run may find, to which it adds {}.\n"
      "  static constexpr std::size_t max_length = {};\n"
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
        "  void make_room_() noexcept;  // for the rows of a run\n"
        "  struct alignas(64) rows_memory_ {{\n    std::byte bytes[{}];\n  }};\n"
        "  std::unique_ptr<rows_memory_> rows_ = std::make_unique<rows_memory_>();  // what grows\n"
        "  std::int64_t length_ = 0;\n  std::size_t capacity_ = {};  // for which the rows are laid out\n",
        std::max(detail::rows_offset(lib, lib.states.size()), arena_alignment), lib.batch.sizes.front());
  if (!keeps_fixed(lib)) return text;
  std::string_view const type = lib.grows() ? "fixed_state_" : "state";
  if (lib.grows()) text += fmt::format("  struct {} {{\n{}  }};\n", type, detail::fixed_arrays(lib));
  text +=
      fmt::format(fmt::runtime(state_in_object(lib) ? "  std::array<{0}, 2> state_{{}};"
                                                    : "  std::unique_ptr<{0}[]> state_ = std::make_unique<{0}[]>(2);"),
                  type);
  return text + " // a run reads one and writes the other\n  std::size_t now_ = 0;  // the one that is the state\n";
}

/// The address of the state `i` as a run reads it.
inline std::string state_address(library const& lib, std::size_t i) {
  auto const& s = lib.states[i];
  if (s.axis) return detail::rows_text(lib, i);
  return fmt::format("reinterpret_cast<std::byte const*>(state_[now_].{}.data())", lib.inputs[s.input].identifier);
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
    each([&](std::size_t i, library_port const&) {
      auto const rows = detail::rows_of(lib_, lib_.states[i]);
      put("constexpr sinter::growing_rows rows_of_{}{{.lines = {}, .row_bytes = {}}};\n", i, rows.lines,
          rows.row_bytes);
    });
    text_ += "\n}  // namespace\n\n";
    make_room();
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
  template <typename Print>
  void each(Print print) {
    for (std::size_t i = 0; i < lib_.states.size(); ++i)
      if (lib_.states[i].axis) print(i, lib_.inputs[lib_.states[i].input]);
  }
  template <typename Print>
  void each_fixed(Print print) {
    for (auto const& s : lib_.states)
      if (!s.axis) print(lib_.inputs[s.input].identifier);
  }

  void make_room() {
    put("void {}::make_room_() noexcept {{\n  auto const larger = capacity_for(length() + {});\n"
        "  if (larger <= capacity_) return;\n",
        lib_.name, lib_.batch.added);
    each([&](std::size_t i, library_port const&) {
      put("  rows_of_{}.widen({}, length(), capacity_, larger);\n", i, detail::rows_text(lib_, i));
    });
    text_ += "  capacity_ = larger;\n}\n\n";
  }

  void save() {
    put("{0}::state {0}::save_state() const {{\n  state saved;\n  saved.length = length();\n", lib_.name);
    each([&](std::size_t i, library_port const& p) {
      put("  saved.{0}.resize({0}::size(length()));\n  rows_of_{1}.save({2}, length(), capacity_, "
          "reinterpret_cast<std::byte*>(saved.{0}.data()));\n",
          p.identifier, i, detail::rows_text(lib_, i));
    });
    each_fixed([&](std::string const& name) { put("  saved.{0} = state_[now_].{0};\n", name); });
    text_ += "  return saved;\n}\n\n";
  }

  void restore() {
    put("void {0}::restore_state(state const& saved) {{\n  if (saved.length > {1}", lib_.name, lib_.batch.sizes.back());
    each([&](std::size_t, library_port const& p) {
      put(" || saved.{0}.size() != {0}::size(saved.length)", p.identifier);
    });
    put(")\n    throw std::invalid_argument(\"{}: a state of \" + std::to_string(saved.length) + \" rows; there is "
        "place "
        "for {}, and each member has the size of its length\");\n",
        lib_.name, lib_.batch.sizes.back());
    put("  reset_state();\n  length_ = static_cast<std::int64_t>(saved.length);\n"
        "  capacity_ = capacity_for(length() + {});\n",
        lib_.batch.added);
    each([&](std::size_t i, library_port const& p) {
      put("  rows_of_{}.restore({}, length(), capacity_, reinterpret_cast<std::byte const*>(saved.{}.data()));\n", i,
          detail::rows_text(lib_, i), p.identifier);
    });
    each_fixed([&](std::string const& name) { put("  state_[now_].{0} = saved.{0};\n", name); });
    text_ += "}\n\n";
  }

  void reset() {
    put("void {}::reset_state() noexcept {{\n", lib_.name);
    each([&](std::size_t i, library_port const&) {
      put("  std::memset({}, 0, rows_of_{}.bytes(capacity_));\n", detail::rows_text(lib_, i), i);
    });
    each_fixed([&](std::string const& name) { put("  state_[now_].{}.fill({{}});\n", name); });
    text_ += "  length_ = 0;\n  capacity_ = capacities[0];\n}\n\n";
  }

  library const& lib_;
  std::string text_;
};

}  // namespace sinter::cpp
