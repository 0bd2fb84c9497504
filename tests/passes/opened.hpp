#pragma once

#include <sinter/compile.hpp>

/// What the passes make of `g`, whose input types are known, if its input shapes are left open until they are bound.
inline sinter::graph optimize_opened(sinter::graph g) {
  auto const s = sinter::signature_of(g);
  for (auto& p : g.inputs) {
    if (g.at(p.value).is_constant()) continue;
    g.at(p.value).type.shape.reset();
    p.declared.reset();
  }
  sinter::optimize_options const how{.verify = true};
  return sinter::bind(sinter::prepare(std::move(g), how), s, how).g;
}
