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

/// `call` with the epilogue, whose lines follow its numbers, as `kernels::pointwise_after` reads them.
inline kernel_call with_epilogue(kernel_call call, std::optional<expr::function> const& epilogue) {
  if (!epilogue) return call;
  auto const after = pointwise_call(*epilogue);
  call.integers.insert(call.integers.end(), after.integers.begin(), after.integers.end());
  call.reals = after.reals;
  return call;
}

}  // namespace sinter
