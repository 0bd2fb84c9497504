#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/emit/x86/emit.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/passes/pass.hpp>
#include <sinter/plan/plan.hpp>
#include <sinter/runtime/compiled_graph.hpp>
#include <sinter/runtime/executable.hpp>
#include <sinter/runtime/machine_code.hpp>
#include <sinter/runtime/weight_store.hpp>

#include <chrono>
#include <memory>
#include <utility>

/// The pipeline from a graph to an executable, a chapter a function call.
namespace sinter {

struct compile_options {
  target machine{};
  limits bounds{};
  optimize_options passes{};
  memory_guard guard = memory_guard::plain;
  std::size_t cached_signatures = 32;  ///< executables kept of each part of the graph whose shapes depend on data
};

/// How long the chapters of one compilation took, in milliseconds.
struct compile_times {
  double passes = 0;  ///< inference, folding and rewrites
  double plan = 0;    ///< schedules, layouts, vector programs, memory
  double emission = 0;
  double packing = 0;  ///< of weights that no earlier signature packed
};

namespace detail {

/// Runs one chapter and notes its time.
template <typename Chapter>
decltype(auto) timed(double& milliseconds, Chapter&& chapter) {
  struct stopwatch {
    double& result;
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    ~stopwatch() {
      result = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    }
  } watch{milliseconds};
  return chapter();
}

}  // namespace detail

inline executable compile(graph g, compile_options const& options, weight_store& store, executor* pool,
                          compile_times* times = nullptr);

namespace detail {

/// Compiles parts of a graph while it runs, and parts of these, as deep as `bounds.depth` says; below, `evaluate` runs
/// them.
inline runner_factory part_compiler(compile_options options, weight_store& store, executor* pool) {
  if (options.bounds.depth == 0) return {};
  --options.bounds.depth;
  return [options, &store, pool](std::shared_ptr<graph const> part) {
    auto const compile_part = [options, &store, pool](graph g) { return compile(std::move(g), options, store, pool); };
    return std::make_shared<compiled_graph>(std::move(part), compile_part, options.cached_signatures, options.bounds);
  };
}

}  // namespace detail

/// Compiles a graph whose input types are known. Operators that the library lacks are one error that lists them all.
/// Packed weights go to `store`, which the executables of all signatures of one model share; `pool` (may be null) fills
/// them and runs what is worth sharing. Both must outlive the executable, which compiles more when it runs: parts of
/// the graph whose shapes depend on data, for the shapes that come.
inline executable compile(graph g, compile_options const& options, weight_store& store, executor* pool,
                          compile_times* times) {
  compile_times t;
  check_supported(g);
  detail::timed(t.passes, [&] { optimize(g, options.passes); });
  auto p = detail::timed(t.plan, [&] { return plan(g, {.machine = options.machine, .bounds = options.bounds}); });
  auto code = detail::timed(t.emission, [&] {
    if (p.kernels.empty()) return kernel_code{};
    budget code_bytes("machine code", options.bounds.code_bytes);
    return machine_code(emit_x86(p.kernels, options.machine.set, code_bytes));
  });
  auto result = detail::timed(t.packing, [&] {
    return executable(std::move(p), std::move(code), store, pool, options.guard,
                      detail::part_compiler(options, store, pool));
  });
  if (times) *times = t;
  return result;
}

}  // namespace sinter
