#pragma once

#include <sinter/kernels/staging.hpp>
#include <sinter/ops/entry.hpp>

#include <cmath>

/// The operator of docs/add-an-operator.md.
namespace sinter {
namespace kernels {

/// y[r] = Σ_i |x[r][i] - c[i]|; the mean of these where integers[0] is 1.
inline status row_distances(call const& c) {
  auto const rows = static_cast<std::int64_t>(c.out[0].elements());
  auto const length = static_cast<std::int64_t>(c.in[1].elements());
  bool const mean = c.integers[0] == 1;
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory), to(c.in[1], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (c.memory.measuring()) return {};
    for (std::int64_t r = 0; r < rows; ++r) {
      T sum = 0;
      for (std::int64_t i = 0; i < length; ++i) sum += std::abs(x[r * length + i] - to[i]);
      y[r] = mean ? sum / static_cast<T>(length) : sum;
    }
    return {};
  });
}

}  // namespace kernels

/// RowDistance: the 1-norm of the difference of each row of x, [R, N], and c, [N]; `mean` divides it by N.
struct row_distance {
  static constexpr op_schema schema{
      .name = "RowDistance", .since = 1, .domain = "example", .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    bool mean = false;
  };

  static attributes parse(attribute_reader const& r) { return {.mean = r.get("mean", false)}; }

  static types infer(inputs const& in, attributes const&) {
    auto const& x = in.shape(0);
    if (x.rank() != 2 || in.shape(1) != shape{x[1]})
      fail(error_code::malformed_model, "x has shape {} and c {}, expected RxN and N", x, in.shape(1));
    return {{in.element(0), shape{x[0]}}};
  }

  static kernel_call kernel(inputs const&, attributes const& a) {
    return {.kernel = {kernels::row_distances, "row_distances", "row_distance.hpp"}, .integers = {a.mean}};
  }
};

}  // namespace sinter
