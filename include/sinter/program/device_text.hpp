#pragma once

#include <sinter/core/dtype.hpp>
#include <sinter/core/quote.hpp>
#include <sinter/expr/text.hpp>
#include <sinter/program/device_kernel.hpp>

#include <fmt/format.h>

#include <string>

namespace sinter {

/// The text form of a kernel of a device, one line:
///
///     pointwise threads 256 shared 0 rank=1 d0=4096 in float 16384 steps 1 out float 16384 steps 1 "max x0 0"
///
///     kernel   = form "threads" number "shared" bytes ["computes" element] {name "=" number} {argument} [function]
///     argument = ("in" | "out") element bytes ["steps" number {"," number}]
///
/// The function is in the text form of expr/text.hpp, quoted.
inline std::string print(device_kernel const& k) {
  auto text = fmt::format("{} threads {} shared {}", k.form, k.threads, k.shared_bytes);
  if (k.computes != dtype::float32) text += fmt::format(" computes {}", name(k.computes));
  for (auto const& c : k.constants) text += fmt::format(" {}={}", c.name, c.value);
  for (auto const& a : k.arguments) {
    text += fmt::format(" {} {} {}", a.written ? "out" : "in", name(a.element), a.bytes);
    if (!a.strides.empty()) text += fmt::format(" steps {}", fmt::join(a.strides, ", "));
  }
  if (!k.function.lines.empty()) text += " " + detail::quote(expr::print(k.function));
  return text;
}

}  // namespace sinter
