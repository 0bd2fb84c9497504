#include "comparison.hpp"

#include <sinter/kernels/element.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace codegen {

using sinter::any_tensor;
using sinter::dtype;

namespace {

std::string describe(any_tensor const& t) {
  return fmt::format("{} {}", sinter::name(t.type()), sinter::to_string(t.shape()));
}

/// The numbers that a tensor holds; a complex one counts as two.
struct numbers {
  explicit numbers(any_tensor const& t) : type(t.type()), count(t.elements()), data(t.data()) {
    if (sinter::info(type).kind != sinter::dtype_kind::complex) return;
    type = type == dtype::complex64 ? dtype::float32 : dtype::float64;
    count *= 2;
  }
  double at(std::size_t i) const { return sinter::load<double>(type, data, i); }

  dtype type;
  std::size_t count;
  void const* data;
};

double largest_magnitude(numbers const& n) {
  double largest = 0;
  for (std::size_t i = 0; i < n.count; ++i)
    if (auto const x = std::abs(n.at(i)); std::isfinite(x)) largest = std::max(largest, x);
  return largest;
}

template <typename T>
void add_bad(comparison& c, std::size_t element, T const& got, T const& expected) {
  if (c.bad++ == 0) c.first_bad = fmt::format("element {} is {}, expected {}", element, got, expected);
}

void compare_numbers(comparison& c, numbers const& got, numbers const& expected, tolerance const& allowed) {
  auto const atol = allowed.atol.value_or(allowed.share * largest_magnitude(expected));
  c.rtol = allowed.rtol, c.atol = std::max(c.atol, atol);
  for (std::size_t i = 0; i < expected.count; ++i) {
    auto const a = got.at(i), b = expected.at(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    bool const finite = std::isfinite(a) && std::isfinite(b);
    auto const off = finite ? std::abs(a - b) : std::numeric_limits<double>::infinity();
    c.absolute = std::max(c.absolute, off);
    if (b != 0) c.relative = std::max(c.relative, finite ? off / std::abs(b) : off);
    if (!(off <= atol + allowed.rtol * std::abs(b))) add_bad(c, i, a, b);
  }
}

void compare_values(comparison& c, any_tensor const& got, any_tensor const& expected, tolerance const& allowed) {
  if (got.type() != expected.type() || got.shape() != expected.shape()) {
    if (c.problem.empty()) c.problem = fmt::format("it is {}, expected {}", describe(got), describe(expected));
    return;
  }
  auto const count = expected.elements();
  if (!sinter::is_container(expected.type())) c.elements += count;
  if (sinter::is_container(expected.type())) {
    for (std::size_t i = 0; i < count; ++i) compare_values(c, got.items()[i], expected.items()[i], allowed);
  } else if (expected.type() == dtype::string) {
    auto const a = got.as<std::string>(), b = expected.as<std::string>();
    for (std::size_t i = 0; i < count; ++i)
      if (a[i] != b[i]) add_bad(c, i, a[i], b[i]);
  } else {
    compare_numbers(c, numbers(got), numbers(expected), allowed);
  }
}

}  // namespace

comparison compare_tensors(std::string name, any_tensor const& got, any_tensor const& expected,
                           tolerance const& allowed) {
  comparison c{.name = std::move(name), .type = describe(expected)};
  compare_values(c, got, expected, allowed);
  return c;
}

std::string to_string(comparison const& c) {
  auto text = fmt::format("{} {} {}: ", c.good() ? "good" : "BAD ", c.name, c.type);
  if (!c.problem.empty()) return text + c.problem;
  text += fmt::format("differs by at most {:.3g}, relatively {:.3g} (rtol {:.3g}, atol {:.3g})", c.absolute, c.relative,
                      c.rtol, c.atol);
  if (c.bad > 0) text += fmt::format("; {} of {} are beyond that, {}", c.bad, c.elements, c.first_bad);
  return text;
}

}  // namespace codegen
