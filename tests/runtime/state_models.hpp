#pragma once

#include <sinter/compile.hpp>
#include <sinter/graph/text.hpp>
#include <sinter/model_state.hpp>
#include <sinter/passes/infer_types.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

/// Models that take and give state, for tests.
namespace sinter::test {

inline model model_of(graph g, options how) {
  how.threads = 1;
  auto inferred = g;
  passes::infer_types(inferred);
  for (auto const& p : g.outputs) g.at(p.value).type.element = inferred.at(p.value).type.element;
  auto const compile_it = [](rewritten_graph const& prepared, signature const& s, compile_environment const& e) {
    return compile(prepared, s, {.machine = e.machine, .bounds = e.limits}, *e.store, e.pool);
  };
  return model_state::make(std::move(g), how, compile_it, [](graph imported) { return prepare(std::move(imported)); });
}
inline model model_of(std::string_view text, options how) { return model_of(parse(std::string(text)), std::move(how)); }

/// An LSTM of 16 units over `steps` steps: x, h, c to y, h_next, c_next.
inline std::string lstm_text(std::int64_t steps) {
  return fmt::format(R"(
graph opset 14 {{
  input x: float[{}x1x16]
  input h: float[1x1x16]
  input c: float[1x1x16]
  const w = float[1x64x16] random(1)
  const r = float[1x64x16] random(2)
  y, h_next, c_next = LSTM(x, w, r, _, _, h, c) {{hidden_size = 16}}
  output y
  output h_next
  output c_next
}})",
                     steps);
}

/// Two convolutions over time with 3 taps, the second one dilated, whose inputs begin with what they have seen last.
inline std::string convolutions_text(std::int64_t length) {
  return fmt::format(R"(
graph opset 13 {{
  input x: float[1x8x{}]
  input a: float[1x8x2]
  input b: float[1x8x4]
  const w = float[8x8x3] random(1)
  const v = float[8x8x3] random(2)
  const axis = int64[1] {{2}}
  const two = int64[1] {{-2}}
  const four = int64[1] {{-4}}
  const end = int64[1] {{9223372036854775807}}
  p = Concat(a, x) {{axis = 2}}
  f = Conv(p, w)
  h = Relu(f)
  q = Concat(b, h) {{axis = 2}}
  y = Conv(q, v) {{dilations = [2]}}
  a_next = Slice(p, two, end, axis)
  b_next = Slice(q, four, end, axis)
  output y
  output a_next
  output b_next
}})",
                     length);
}

}  // namespace sinter::test
