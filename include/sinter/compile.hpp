#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/core/preferences.hpp>
#include <sinter/core/target.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/passes/prepare.hpp>
#include <sinter/plan/plan.hpp>
#include <sinter/runtime/compiled_graph.hpp>
#include <sinter/runtime/executable.hpp>
#include <sinter/runtime/model_store.hpp>
#include <sinter/runtime/signature.hpp>

#include <chrono>
#include <memory>
#include <utility>

// clang-format off
/// The pipeline from a graph to an executable, a chapter a function call:
///
///     prepare   once for a model: passes that need no shapes     passes/prepare.hpp
///     bind      for one signature: shapes, inference, passes
///     plan      schedules, layouts, memory: the program          plan/plan.hpp
///     emit      machine code, or C++ text                        emit/x86/emit.hpp, emit/cpp/library.hpp
///     link      weights packed, addresses bound: what runs       runtime/executable.hpp
// clang-format on
namespace sinter {

struct compile_options {
  target machine{};
  limits bounds{};
  optimize_options passes{};
  preferences prefer{};
  memory_guard guard = memory_guard::plain;
  std::size_t cached_signatures = 32;  ///< executables kept of each part of the graph whose shapes depend on data
};

/// How long the chapters of one compilation took, in milliseconds.
struct compile_times {
  double passes = 0;  ///< inference, folding and rewrites for the signature
  double plan = 0;    ///< schedules, layouts, vector programs, memory
  double emission = 0;
  double packing = 0;  ///< of weights that no earlier signature packed
};

/// The graph for one signature, types inferred and passes run; `how.stop_after` and `how.fold_bytes` count what
/// `prepare` did. Errors: those of inference and of passes.
inline rewritten_graph bind(rewritten_graph const& prepared, signature const& s, optimize_options how = {}) {
  bool const anew = !prepared.imported.inputs.empty() && replaces_default(prepared.imported, s);
  rewritten_graph result{.g = specialize(anew ? prepared.imported : prepared.g, s),
                         .done = anew ? rewrite_totals{} : prepared.done};
  how.stop_after -= std::min(how.stop_after, result.done.rewrites);
  how.fold_bytes -= std::min(how.fold_bytes, result.done.folded_bytes);
  auto const now = optimize(result.g, how);
  result.done.rewrites += now.rewrites;
  result.done.folded_bytes += now.folded_bytes;
  return result;
}

/// Code for the kernels of a program; `store` has that of kernels which earlier signatures use.
inline kernel_code emit(program const& p, target const& machine, code_store& store) { return store.emit(p, machine); }

/// What runs. `parts` makes what runs the parts of the graph whose shapes depend on data; none: `evaluate` does.
inline executable link(program p, kernel_code code, weight_store& store, executor* pool,
                       memory_guard guard = memory_guard::plain, runner_factory const& parts = {}) {
  return executable(std::move(p), std::move(code), store, pool, guard, parts);
}

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

inline executable compile(graph g, compile_options const& options, model_store& store, executor* pool,
                          compile_times* times = nullptr);

namespace detail {

/// Compiles parts of a graph while it runs, and parts of these, as deep as `bounds.depth` says; below, `evaluate` runs
/// them.
inline runner_factory part_compiler(compile_options options, model_store& store, executor* pool) {
  if (options.bounds.depth == 0) return {};
  --options.bounds.depth;
  return [options, &store, pool](std::shared_ptr<graph const> part) {
    auto const compile_part = [options, &store, pool](graph g) { return compile(std::move(g), options, store, pool); };
    return std::make_shared<compiled_graph>(std::move(part), compile_part, options.cached_signatures, options.bounds);
  };
}

}  // namespace detail

/// All chapters that follow `prepare`. What is the same for all signatures of a model is made once, in `store`; `pool`
/// (may be null) fills weights and runs what is worth sharing. Both must outlive the executable, which compiles more
/// when it runs: parts of the graph whose shapes depend on data, for the shapes that come.
inline executable compile(rewritten_graph const& prepared, signature const& s, compile_options const& options,
                          model_store& store, executor* pool, compile_times* times = nullptr) {
  compile_times t;
  auto bound = detail::timed(t.passes, [&] { return bind(prepared, s, options.passes); });
  auto p = detail::timed(t.plan, [&] {
    return plan(
        bound.g,
        {.machine = options.machine, .bounds = options.bounds, .prefer = options.prefer, .kernels = &store.kernels});
  });
  auto code = detail::timed(t.emission, [&] { return emit(p, options.machine, store.code); });
  auto result = detail::timed(t.packing, [&] {
    return link(std::move(p), std::move(code), store.weights, pool, options.guard,
                detail::part_compiler(options, store, pool));
  });
  if (times) *times = t;
  return result;
}

/// All chapters, for a graph whose input types are known.
inline executable compile(graph g, compile_options const& options, model_store& store, executor* pool,
                          compile_times* times) {
  auto const s = signature_of(g);
  return compile(prepare(std::move(g), options.passes), s, options, store, pool, times);
}

}  // namespace sinter
