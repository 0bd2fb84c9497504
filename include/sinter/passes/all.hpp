#pragma once

// Defines what passes/pass.hpp declares: include it once per program.

#include <sinter/graph/verify.hpp>
#include <sinter/passes/bake_captures.hpp>
#include <sinter/passes/bind_bodies.hpp>
#include <sinter/passes/canonicalize_convolution.hpp>
#include <sinter/passes/canonicalize_gemm.hpp>
#include <sinter/passes/channel_shuffle.hpp>
#include <sinter/passes/concat_prefix.hpp>
#include <sinter/passes/eliminate_dead.hpp>
#include <sinter/passes/eliminate_identity.hpp>
#include <sinter/passes/eliminate_transposes.hpp>
#include <sinter/passes/expand_composites.hpp>
#include <sinter/passes/fold_affine.hpp>
#include <sinter/passes/fold_batch_normalization.hpp>
#include <sinter/passes/fold_constants.hpp>
#include <sinter/passes/fold_dequantized.hpp>
#include <sinter/passes/fold_focus.hpp>
#include <sinter/passes/fold_pad.hpp>
#include <sinter/passes/fuse_activation.hpp>
#include <sinter/passes/fuse_condition.hpp>
#include <sinter/passes/fuse_elementwise.hpp>
#include <sinter/passes/fuse_epilogue.hpp>
#include <sinter/passes/fuse_integer_product.hpp>
#include <sinter/passes/fuse_quantized.hpp>
#include <sinter/passes/fuse_quantized_addend.hpp>
#include <sinter/passes/fuse_quantized_elementwise.hpp>
#include <sinter/passes/hoist_activation.hpp>
#include <sinter/passes/inline_branches.hpp>
#include <sinter/passes/lower_batch_normalization.hpp>
#include <sinter/passes/lower_einsum.hpp>
#include <sinter/passes/lower_integer_convolution.hpp>
#include <sinter/passes/lower_volume_convolution.hpp>
#include <sinter/passes/merge_convolutions.hpp>
#include <sinter/passes/merge_equal_nodes.hpp>
#include <sinter/passes/merge_reshapes.hpp>
#include <sinter/passes/narrow_product.hpp>
#include <sinter/passes/pass.hpp>
#include <sinter/passes/project_recurrence.hpp>
#include <sinter/passes/recognise_recurrence.hpp>
#include <sinter/passes/recompose.hpp>
#include <sinter/passes/reshape_before_transpose.hpp>
#include <sinter/passes/slice_gather.hpp>
#include <sinter/passes/transpose_between_reshapes.hpp>
#include <sinter/passes/unstack_before_transpose.hpp>
#include <sinter/passes/widen_half.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace sinter {

namespace passes {

inline constexpr auto table = std::to_array<pass>({
    // simplifications
    {"fold_constants", fold_constants, shapes::open},
    {"expand_composites", expand_composites, shapes::open},
    {"inline_branches", inline_branches, shapes::open},
    {"bake_captures", bake_captures, shapes::open},
    {"eliminate_identity", eliminate_identity, shapes::open},
    {"merge_equal_nodes", merge_equal_nodes, shapes::open},
    {"fuse_quantized", fuse_quantized, shapes::open, true},
    {"fuse_quantized_elementwise", fuse_quantized_elementwise, shapes::known, true},
    {"fuse_integer_product", fuse_integer_product, shapes::known, true},
    {"fuse_quantized_addend", fuse_quantized_addend, shapes::open, true},
    {"lower_integer_convolution", lower_integer_convolution, shapes::known, true},
    {"fold_dequantized", fold_dequantized, shapes::known, true},
    {"widen_half", widen_half},
    {"lower_einsum", lower_einsum},
    {"fuse_condition", fuse_condition},
    {"recompose", recompose},
    {"transpose_between_reshapes", transpose_between_reshapes},
    {"eliminate_transposes", eliminate_transposes},
    {"reshape_before_transpose", reshape_before_transpose},
    {"channel_shuffle", channel_shuffle},
    {"merge_reshapes", merge_reshapes},
    {"slice_gather", slice_gather},
    {"unstack_before_transpose", unstack_before_transpose},
    {"concat_prefix", concat_prefix, shapes::open},
    {"eliminate_dead", eliminate_dead, shapes::open},
    {"hoist_activation", hoist_activation, shapes::open},
    {"canonicalize_convolution", canonicalize_convolution, shapes::open},
    {"canonicalize_gemm", canonicalize_gemm, shapes::open},
    {"narrow_product", narrow_product},
    {"recognise_recurrence", recognise_recurrence},
    {"project_recurrence", project_recurrence, shapes::open},
    {"fold_focus", fold_focus},
    {"fold_pad", fold_pad},
    {"fold_batch_normalization", fold_batch_normalization, shapes::open},
    {"fold_affine", fold_affine, shapes::open},
    {"merge_convolutions", merge_convolutions, shapes::open},
    {"lower_volume_convolution", lower_volume_convolution},
    // fusions
    {"fuse_activation", fuse_activation, shapes::open},
    {"lower_batch_normalization", lower_batch_normalization},
    {"fuse_epilogue", fuse_epilogue},
    {"fuse_elementwise", fuse_elementwise},
});

inline constexpr auto first_fusion =
    static_cast<std::size_t>(std::ranges::find(table, "fuse_activation", &pass::name) - std::begin(table));
static_assert(first_fusion < std::size(table));

/// How often a group of passes is run at most; a further round finds what the one before laid open.
inline constexpr int rounds = 6;

/// Erases nodes that name no output: nothing can need them, and passes may rely on an output.
inline void erase_nodes_without_outputs(graph& g) {
  for (std::size_t i = 0; i < g.node_capacity(); ++i) {
    node_id const id{static_cast<std::int32_t>(i)};
    auto const& outputs = g.at(id).outputs;
    if (!g.at(id).erased && std::ranges::none_of(outputs, [](value_id out) { return static_cast<bool>(out); }))
      g.erase(id);
  }
}

/// Runs the passes that do with what is known in turn until none of them rewrites anything. A pass that found nothing
/// runs again only after a rewrite.
inline void run_to_fixed_point(rewriter& r, std::span<pass const> group, shapes known, bool byte_products) {
  std::vector<std::int64_t> settled(group.size(), -1);  // rewrites after the last run of each pass that found nothing
  for (int round = 0; round < rounds; ++round) {
    auto const before = r.count();
    for (std::size_t i = 0; i < group.size(); ++i) {
      auto const& p = group[i];
      auto const count = r.count();
      if (p.needs > known || settled[i] == count || (p.on_bytes && !byte_products)) continue;
      r.begin_pass(p.name);
      with_context([&] { return fmt::format("pass {}", p.name); }, [&] { p.run(r); });
      if (r.count() == count) settled[i] = count;
    }
    if (r.count() == before) return;
  }
}

}  // namespace passes

std::span<pass const> pass_table() { return passes::table; }

rewrite_totals run_passes(graph& g, shapes known, optimize_options const& options) {
  rewriter::observer check;
  if (options.verify) check = [](graph const& now, std::string_view) { verify(now); };
  rewriter r(g, options.stop_after, check, options.fold_bytes);
  passes::erase_nodes_without_outputs(g);
  auto const all = pass_table();
  auto const stop = std::ranges::find(all, options.stop_before, &pass::name);
  auto const wanted = static_cast<std::size_t>(stop - all.begin());
  passes::run_to_fixed_point(r, all.first(std::min(wanted, passes::first_fusion)), known, options.byte_products);
  if (wanted > passes::first_fusion)
    passes::run_to_fixed_point(r, all.subspan(passes::first_fusion, wanted - passes::first_fusion), known,
                               options.byte_products);
  verify_types(g);
  return {r.count(), r.fold_budget().used()};
}

}  // namespace sinter
