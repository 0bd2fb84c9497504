#pragma once

#include <sinter/kernels/staging.hpp>
#include <sinter/ops/entry.hpp>

#include <cmath>

namespace sinter {

/// Det: the determinant of each square matrix of a stack.   https://onnx.ai/onnx/operators/onnx__Det.html
struct det {
  static constexpr op_schema schema{.name = "Det", .since = 11, .max_inputs = 1};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    auto const& s = in.shape(0);
    if (s.rank() < 2 || s[s.rank() - 2] != s.back())
      fail(error_code::malformed_model, "the input has shape {}, expected square matrices", s);
    return {{in.element(0), shape(s.span().first(s.rank() - 2))}};
  }

  static void evaluate(input_views in, output_views out, attributes const&) {
    auto const n = in[0].shape.back();
    auto const count = static_cast<std::int64_t>(out[0].elements());
    visit_floating(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]);
      kernels::staged_output<T> y(out[0]);
      for (std::int64_t i = 0; i < count; ++i)
        y[i] = static_cast<T>(determinant({x + i * n * n, x + (i + 1) * n * n}, n));
    });
  }

 private:
  /// By elimination with partial pivoting; destroys its copy of the matrix.
  static double determinant(std::vector<double> m, std::int64_t n) {
    double result = 1;
    auto const at = [&](std::int64_t i, std::int64_t j) -> double& { return m[static_cast<std::size_t>(i * n + j)]; };
    for (std::int64_t k = 0; k < n; ++k) {
      auto pivot = k;
      for (auto i = k + 1; i < n; ++i)
        if (std::abs(at(i, k)) > std::abs(at(pivot, k))) pivot = i;
      if (at(pivot, k) == 0) return 0;
      if (pivot != k) {
        for (std::int64_t j = 0; j < n; ++j) std::swap(at(k, j), at(pivot, j));
        result = -result;
      }
      result *= at(k, k);
      for (auto i = k + 1; i < n; ++i) {
        auto const factor = at(i, k) / at(k, k);
        for (auto j = k; j < n; ++j) at(i, j) -= factor * at(k, j);
      }
    }
    return result;
  }
};

}  // namespace sinter
