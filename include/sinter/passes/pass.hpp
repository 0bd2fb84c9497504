#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/core/target.hpp>
#include <sinter/graph/rewriter.hpp>

#include <cstdint>
#include <span>
#include <string_view>

namespace sinter {

/// What is known of the inputs of a graph: all shapes, or not.
enum class shapes : std::uint8_t { open, known };

/// One documented rewrite. One that does not need shapes is run on graphs of open shapes as well: there it must not
/// take two types that are unknown for equal, and nothing that inference checks has been checked. `run` visits the
/// graph once, applies its rewrite wherever it fits, and reports each to the rewriter.
struct pass {
  std::string_view name;
  void (*run)(rewriter&);
  shapes needs = shapes::known;
  bool on_bytes = false;  ///< forms operators on 8-bit integers, for which devices have no kernels
};

/// All passes in the order in which they run. Defined in passes/all.hpp.
std::span<pass const> pass_table();

struct optimize_options {
  std::int64_t stop_after = INT64_MAX;  ///< number of rewrites
#ifdef NDEBUG
  bool verify = false;
#else
  bool verify = true;  ///< verifies the graph after each rewrite
#endif
  bool byte_products = true;          ///< runs the passes that form operators on 8-bit integers
  std::string_view stop_before = {};  ///< name of a pass: neither it nor later ones run
  std::size_t fold_bytes = limits{}.fold_bytes;
};

/// What passes do for code of a target.
inline optimize_options passes_for(target const& machine) {
  optimize_options how;
  how.byte_products = machine.device() != device_kind::cuda;
  return how;
}

/// What passes did.
struct rewrite_totals {
  std::int64_t rewrites = 0;
  std::size_t folded_bytes = 0;  ///< of new constants
};

/// Infers what types can be inferred, and runs the passes that do with what is known. Defined in passes/all.hpp.
rewrite_totals run_passes(graph& g, shapes known, optimize_options const& options);

/// Infers all types, folds constants and runs the passes, on the graph, whose input types must be known, and on the
/// subgraphs in it whose input types follow, which may say more of what is around them. Defined in
/// passes/bind_bodies.hpp.
rewrite_totals optimize(graph& g, optimize_options const& options = {});

}  // namespace sinter
