#pragma once

#include <sinter/expr/function.hpp>
#include <sinter/expr/text.hpp>
#include <sinter/ops/interpret.hpp>
#include <sinter/ops/operator.hpp>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sinter {

/// The attribute `epilogue` of a fused operator; none: the identity.
inline std::optional<expr::function> read_epilogue(attribute_reader const& r) {
  auto const text = r.get<std::string>("epilogue", {});
  if (text.empty()) return std::nullopt;
  auto epilogue = expr::parse(text, 1);
  if (auto const extras = r.input_count() > 3 ? r.input_count() - 3 : 0; epilogue.inputs > extras + 1)
    fail(error_code::malformed_model, "the epilogue reads {} inputs, the node has {} extras", epilogue.inputs, extras);
  return epilogue;
}

/// Replaces each element of `result` by the epilogue of it and of the extras, which broadcast to it.
inline void apply_epilogue(expr::function const& epilogue, input_views extras, mutable_tensor_view result) {
  std::vector<tensor_view> operands{result};
  operands.insert(operands.end(), extras.begin(), extras.end());
  interpret_pointwise(operands, result, [&](std::span<expr::value const> x) { return expr::substitute(epilogue, x); });
}

}  // namespace sinter
