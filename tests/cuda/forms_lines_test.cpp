#include <sinter/program/device_rows.hpp>

#include "forms.hpp"
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

using namespace sinter;

namespace {

/// [outer][length][inner].
struct lines {
  std::int64_t outer = 1, length = 1, inner = 1;

  std::int64_t elements() const { return outer * length * inner; }
  /// Calls visit(place) with a function from the elements of each line to their places.
  template <typename Visit>
  void for_each(Visit const& visit) const {
    for (std::int64_t o = 0; o < outer; ++o)
      for (std::int64_t i = 0; i < inner; ++i)
        visit([=, this](std::int64_t at) { return static_cast<std::size_t>((o * length + at) * inner + i); });
  }
};

/// Few different values, so that the extreme ones come often.
std::vector<float> repeated_floats(lines const& l) {
  auto x = random_floats(l.elements(), 7);
  for (auto& v : x) v = std::round(v * 4);
  return x;
}

void add_arg_reduce(emulated_calls& calls, lines const& l, bool greatest, bool last, std::vector<float> const& x) {
  std::vector<std::int64_t> y;
  l.for_each([&](auto const& place) {
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < l.length; ++i) {
      auto const v = x[place(i)], before = x[place(best)];
      if ((greatest ? v > before : v < before) || (last && v == before)) best = i;
    }
    y.push_back(best);
  });
  device_rows const rows{{l.outer, l.inner, l.length}, 2, {l.length * l.inner, 1, l.inner}};
  calls.expect_result(arg_reduce_call(rows, greatest, last), {calls.input(x)}, y);
}

template <typename T>
void add_accumulation(emulated_calls& calls, lines const& l, device_accumulation a, std::vector<T> const& x) {
  a.outer = l.outer, a.length = l.length, a.inner = l.inner, a.element = dtype_of<T>;
  std::vector<T> y(x.size());
  l.for_each([&](auto const& place) {
    T running = a.product ? 1 : 0;
    for (std::int64_t i = 0; i < l.length; ++i) {
      auto const at = place(a.reverse ? l.length - 1 - i : i);
      auto const next = static_cast<T>(a.product ? running * x[at] : running + x[at]);
      y[at] = a.exclusive ? running : next;
      running = next;
    }
  });
  calls.expect_result(accumulate_call(a), {calls.input(x)}, y);
}

}  // namespace

TEST_CASE("where the greatest and the least element of a row lie", "[device]") {
  emulated_calls calls;
  for (lines const l : {lines{5, 7, 1}, {2, 700, 1}, {1, 3, 40}, {2, 600, 9}, {3, 1, 1}, {1, 20000, 1}})
    for (bool const greatest : {false, true})
      for (bool const last : {false, true}) add_arg_reduce(calls, l, greatest, last, repeated_floats(l));
  calls.run();
}

TEST_CASE("extremes among NaN and infinities", "[device]") {
  emulated_calls calls;
  constexpr auto nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  std::vector<float> const x{nan,       2,         1,         3,          //
                             1,         nan,       3,         nan,        //
                             -infinity, -infinity, -infinity, -infinity,  //
                             infinity,  infinity,  infinity,  nan,        //
                             nan,       nan,       nan,       nan};
  for (bool const greatest : {false, true})
    for (bool const last : {false, true}) add_arg_reduce(calls, {5, 4, 1}, greatest, last, x);
  calls.run();
}

TEST_CASE("running sums and products", "[device]") {
  emulated_calls calls;
  for (lines const l : {lines{3, 9, 1}, {2, 21, 5}, {1, 1, 300}})
    for (bool const exclusive : {false, true})
      for (bool const reverse : {false, true}) {
        device_accumulation const a{.exclusive = exclusive, .reverse = reverse};
        add_accumulation(calls, l, a, random_floats(l.elements()));
        std::vector<std::int64_t> wide(static_cast<std::size_t>(l.elements()));
        std::iota(wide.begin(), wide.end(), std::int64_t{1} << 40);
        add_accumulation(calls, l, a, wide);
        std::vector<std::int32_t> factors(wide.size());
        for (std::size_t i = 0; i < factors.size(); ++i) factors[i] = i % 3 == 0 ? 2 : -1;
        auto product = a;
        product.product = true;
        add_accumulation(calls, l, product, factors);
      }
  calls.run();
}
