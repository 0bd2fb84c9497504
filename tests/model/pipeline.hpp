#pragma once

#include <sinter/compile.hpp>
#include <sinter/kernels/element.hpp>
#include <sinter/program/verify.hpp>
#include <sinter/runtime/thread_pool.hpp>
#include <sinter/vector/interpret.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// The pipeline from a graph to outputs, for tests.
namespace sinter::test {

/// How to compile and run.
struct pipeline_options {
  target set{"avx512"};
  executor* pool = nullptr;
  memory_guard guard = memory_guard::plain;
  preferences prefer{};
  bool interpret = false;  ///< runs the vector programs in the interpreter in place of machine code
};

inline any_tensor own(tensor_view v) {
  any_tensor t(v.type, v.shape);
  if (v.bytes() > 0) std::memcpy(t.data(), v.data, v.bytes());
  return t;
}

/// The outputs of the second of two runs, in which arena and scratch hold what the first one left.
inline std::vector<any_tensor> run_twice(executable const& code, std::vector<any_tensor> const& operands) {
  workspace w(code.memory());
  std::vector<tensor_view> in;
  for (auto const& t : operands) in.push_back(t.view());
  for (int turn = 0; turn < 2; ++turn) code.run(w, in);
  std::vector<any_tensor> results;
  for (auto const& r : w.results) results.push_back(own(r));
  return results;
}

/// A compiled graph with its weights. The plan has passed the validator.
struct pipeline {
  model_store store{};
  executable code;

  pipeline(graph g, pipeline_options const& how) : code(make(std::move(g), how)) { verify(code.plan()); }

  std::vector<any_tensor> run(std::vector<any_tensor> const& operands) const { return run_twice(code, operands); }

 private:
  executable make(graph g, pipeline_options const& how) {
    if (!how.interpret)
      return compile(std::move(g), {.machine = how.set, .prefer = how.prefer, .guard = how.guard}, store, how.pool);
    optimize(g);
    kernel_code code;
    code.interpret = [](vector::program const& kernel, std::byte* const* arguments) {
      vector::interpret(kernel, arguments);
    };
    return executable(plan(g, {.machine = how.set, .prefer = how.prefer}), std::move(code), store.weights, how.pool,
                      how.guard);
  }
};

inline std::vector<any_tensor> run_compiled(graph const& g, std::vector<any_tensor> const& operands,
                                            pipeline_options const& how) {
  return pipeline(g, how).run(operands);
}

/// Whether tensors have equal bytes.
inline bool equal_bits(std::vector<any_tensor> const& a, std::vector<any_tensor> const& b) {
  return std::ranges::equal(a, b, [](any_tensor const& x, any_tensor const& y) {
    return x.type() == y.type() && x.shape() == y.shape() && std::memcmp(x.data(), y.data(), x.bytes()) == 0;
  });
}

/// A tensor's numbers in another float type.
inline any_tensor convert(any_tensor const& t, dtype type) {
  if (t.type() == type) return t;
  any_tensor result(type, t.shape());
  for (std::size_t i = 0; i < t.elements(); ++i)
    store<double>(type, result.data(), i, load<double>(t.type(), t.data(), i));
  return result;
}

/// What is wrong with `got`, or nothing: floats must agree to 1e-3 of the expected number and 1e-4 of the largest one
/// of the tensor (or of `least`, where sums may cancel), everything else exactly.
inline std::string difference(std::vector<any_tensor> const& got, std::vector<any_tensor> const& expected,
                              double least = 0) {
  if (got.size() != expected.size()) return fmt::format("{} outputs, expected {}", got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    auto const &a = got[i], &b = expected[i];
    if (a.type() != b.type() || a.shape() != b.shape())
      return fmt::format("output {} is {} {}, expected {} {}", i, name(a.type()), a.shape(), name(b.type()), b.shape());
    if (a.type() != dtype::float32) {
      if (std::memcmp(a.data(), b.data(), a.bytes()) != 0) return fmt::format("output {} is not equal", i);
      continue;
    }
    auto const x = a.view().as<float>(), y = b.view().as<float>();
    double largest = least;
    for (double const v : y) largest = std::max(largest, std::isfinite(v) ? std::abs(v) : 0);
    for (std::size_t k = 0; k < y.size(); ++k) {
      if (x[k] == y[k] || (std::isnan(x[k]) && std::isnan(y[k]))) continue;
      double const bound = 1e-3 * std::abs(static_cast<double>(y[k])) + 1e-4 * largest;
      if (!(std::abs(static_cast<double>(x[k]) - y[k]) <= bound))
        return fmt::format("output {}, element {} of {}: {}, expected {} to within {}", i, k, a.shape(), x[k], y[k],
                           bound);
    }
  }
  return {};
}

}  // namespace sinter::test
