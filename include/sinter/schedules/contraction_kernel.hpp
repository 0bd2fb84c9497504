#pragma once

#include <sinter/schedules/contraction.hpp>
#include <sinter/vector/recipe.hpp>

#include <utility>

/// The kernel of one register tile.
namespace sinter {

/// The vector program of a tile. Its arguments are those of `declare_operands`.
inline vector::program build_contraction(contraction_tile const& t, target const& machine) {
  vector::builder b(t.name, machine.lanes());
  auto const o = declare_operands(t, b);
  emit_contraction(t, b, o);
  return std::move(b).take();
}

inline vector::recipe contraction_recipe(contraction_tile tile, target const& machine) {
  auto key = key_of(tile, machine);
  return {std::move(key), [tile = std::move(tile), machine] { return build_contraction(tile, machine); }};
}

}  // namespace sinter
