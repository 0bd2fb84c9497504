#pragma once

#include <sinter/core/hash.hpp>
#include <sinter/emit/cuda/forms.hpp>
#include <sinter/emit/cuda/kernel_text.hpp>
#include <sinter/program/device_kernel.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Kernels of CUDA devices as text that NVRTC compiles without a header.
namespace sinter::cuda_text {

/// The symbol of a kernel: its form and 16 digits of a digest of all that decides its text. Missing forms and elements
/// are `error_code::system`.
inline std::string kernel_name(device_kernel const& k) {
  auto const text = kernel_printer(k).whole("kernel");
  return fmt::format("{}_{:016x}", k.form, content_digest(std::as_bytes(std::span(text))).low);
}

/// Functions that forms call, of the same bits as where kernels' own functions call them.
inline std::string math_text() {
  auto const function = [](std::string_view name, expr::value const& of_x0) {
    return fmt::format("\nDEVICE float {}(float x0) {{\n{}}}\n", name, body_text(expr::flatten(of_x0, 1), "  "));
  };
  auto const x = expr::input(0);
  return function("exponential", exp(x)) + function("logarithm", log(x)) + function("sigmoid", sigmoid(x)) +
         function("hyperbolic_tangent", tanh(x));
}

/// A module with an entry point for each kernel; equal ones once. The same kernels give the same text. Missing forms,
/// elements and constants are `error_code::system`.
inline std::string cuda_module_text(std::span<device_kernel const> kernels) {
  std::string text{prelude_text};
  std::vector<std::string_view> included;
  auto const include = [&](std::string_view part) {
    if (std::ranges::find(included, part.data(), &std::string_view::data) != included.end()) return;
    included.push_back(part);
    text += part;
  };
  include(elements_text);
  text += math_text();
  for (auto const& f : forms) {
    if (std::ranges::find(kernels, f.name, &device_kernel::form) == kernels.end()) continue;
    for (auto const& part : f.needs) include(part);
    include(f.text);
  }
  std::vector<std::string> symbols;
  for (auto const& k : kernels) {
    auto const symbol = kernel_name(k);
    if (std::ranges::find(symbols, symbol) != symbols.end()) continue;
    symbols.push_back(symbol);
    check_constants(k);
    text += kernel_printer(k).whole(symbol);
  }
  return text;
}

}  // namespace sinter::cuda_text
