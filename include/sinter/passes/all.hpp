#pragma once

// Defines what passes/pass.hpp declares: include it once per program.

#include <sinter/graph/verify.hpp>
#include <sinter/passes/canonicalize_convolution.hpp>
#include <sinter/passes/canonicalize_gemm.hpp>
#include <sinter/passes/channel_shuffle.hpp>
#include <sinter/passes/concat_prefix.hpp>
#include <sinter/passes/eliminate_dead.hpp>
#include <sinter/passes/eliminate_identity.hpp>
#include <sinter/passes/eliminate_transposes.hpp>
#include <sinter/passes/fold_affine.hpp>
#include <sinter/passes/fold_batch_normalization.hpp>
#include <sinter/passes/fold_constants.hpp>
#include <sinter/passes/fold_pad.hpp>
#include <sinter/passes/fuse_elementwise.hpp>
#include <sinter/passes/fuse_epilogue.hpp>
#include <sinter/passes/merge_reshapes.hpp>
#include <sinter/passes/pass.hpp>
#include <sinter/passes/recompose.hpp>
#include <sinter/passes/widen_half.hpp>

#include <array>

namespace sinter {

namespace passes {

inline constexpr auto table = std::to_array<pass>({
    {"fold_constants", fold_constants},
    {"eliminate_identity", eliminate_identity},
    {"widen_half", widen_half},
    {"recompose", recompose},
    {"eliminate_transposes", eliminate_transposes},
    {"channel_shuffle", channel_shuffle},
    {"merge_reshapes", merge_reshapes},
    {"concat_prefix", concat_prefix},
    {"eliminate_dead", eliminate_dead},
    {"canonicalize_convolution", canonicalize_convolution},
    {"canonicalize_gemm", canonicalize_gemm},
    {"fold_pad", fold_pad},
    {"fold_batch_normalization", fold_batch_normalization},
    {"fold_affine", fold_affine},
    {"fuse_epilogue", fuse_epilogue},
    {"fuse_elementwise", fuse_elementwise},
});

/// How often the table is run at most; a second round finds what the first one laid open.
inline constexpr int rounds = 4;

}  // namespace passes

std::span<pass const> pass_table() { return passes::table; }

std::int64_t optimize(graph& g, optimize_options const& options) {
  rewriter::observer check;
  if (options.verify) check = [](graph const& now, std::string_view) { verify(now); };
  rewriter r(g, options.stop_after, check, options.fold_bytes);
  for (int round = 0; round < passes::rounds; ++round) {
    auto const before = r.count();
    for (auto const& p : pass_table()) {
      if (p.name == options.stop_before) break;
      r.begin_pass(p.name);
      with_context([&] { return fmt::format("pass {}", p.name); }, [&] { p.run(r); });
    }
    if (r.count() == before) break;
  }
  return r.count();
}

}  // namespace sinter
