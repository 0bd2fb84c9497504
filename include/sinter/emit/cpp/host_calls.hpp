#pragma once

#include <sinter/emit/cpp/identifier.hpp>
#include <sinter/program/program.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Calls of shipped kernels as C++ text.
namespace sinter::cpp {

namespace detail {

inline std::string literal(std::int64_t v) { return v == INT64_MIN ? "INT64_MIN" : std::to_string(v); }
inline std::string literal(double v) {
  if (std::isfinite(v)) return fmt::format("{:a}", v);
  return fmt::format("std::bit_cast<double>(std::uint64_t{{{:#x}}})", std::bit_cast<std::uint64_t>(v));
}

/// The definition of an array, or nothing for an empty one.
template <typename T>
std::string numbers_text(std::string_view type, std::string_view name, std::vector<T> const& values) {
  std::string text;
  for (auto const v : values) text += (text.empty() ? "" : ", ") + literal(v);
  return text.empty() ? text : fmt::format("  static constexpr {} {}[] = {{{}}};\n", type, name, text);
}

/// The same for views whose addresses are `at[next]` and on.
inline std::string views_text(std::string_view type, std::string_view name, std::vector<view_binding> const& views,
                              std::size_t& next) {
  std::string text;
  for (auto const& v : views) {
    text += text.empty() ? "" : ", ";
    if (v.type.element == dtype::undefined)
      text += "{}";
    else
      text += fmt::format("{{sinter::dtype{{{} /* {} */}}, {{{}}}, at[{}]}}", static_cast<int>(v.type.element),
                          sinter::name(v.type.element), fmt::join(v.type.shape->span(), ", "), next++);
  }
  return text.empty() ? text : fmt::format("  sinter::{} const {}[] = {{{}}};\n", type, name, text);
}

}  // namespace detail

/// The statements of a function that makes this call. Its parameter `at` are the addresses of the operands that are not
/// omitted, then that of the workspace.
inline std::string host_body(host_call const& call) {
  auto const& k = call.kernel;
  std::size_t next = 0;
  auto text = detail::views_text("tensor_view", "inputs", call.inputs, next);
  text += detail::views_text("mutable_tensor_view", "outputs", call.outputs, next);
  text += detail::numbers_text("std::int64_t", "integers", k.integers);
  text += detail::numbers_text("double", "reals", k.reals);
  text += fmt::format("  sinter::kernels::planned_workspace memory({});\n",
                      call.scratch_bytes > 0 ? fmt::format("at[{}]", next) : "nullptr");
  return text + fmt::format("  return sinter::kernels::{}({{{}, {}, {}, {}, memory}}).ok;\n", k.kernel.name,
                            call.inputs.empty() ? "{}" : "inputs", call.outputs.empty() ? "{}" : "outputs",
                            k.integers.empty() ? "{}" : "integers", k.reals.empty() ? "{}" : "reals");
}

/// A function that calls a shipped kernel.
struct host_function {
  std::string symbol{};
  std::string body{};
  std::string_view header{};      ///< the kernel's
  std::set<std::string> users{};  ///< the nodes that call it
};

/// The distinct functions of programs.
class host_functions {
 public:
  void add(program const& p) {
    for_each_action<host_call>(p, [&](host_call const& call, std::size_t step) {
      auto body = host_body(call);
      auto found = std::ranges::find(functions_, body, &host_function::body);
      if (found == functions_.end())
        found = functions_.insert(found, {.symbol = symbols_.add(fmt::format("host_{}", call.op.entry->schema.name)),
                                          .body = std::move(body),
                                          .header = call.kernel.kernel.header});
      found->users.insert(describe(p, p.steps[step]));
      may_fail_ = may_fail_ || call.kernel.may_fail;
    });
  }

  std::vector<host_function> const& all() const { return functions_; }
  std::string const& symbol_of(host_call const& call) const {
    return std::ranges::find(functions_, host_body(call), &host_function::body)->symbol;
  }
  /// Whether a run may meet numbers that are out of range.
  bool may_fail() const { return may_fail_; }

 private:
  std::vector<host_function> functions_{};
  identifier_scope symbols_{};
  bool may_fail_ = false;
};

}  // namespace sinter::cpp
