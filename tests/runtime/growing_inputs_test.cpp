// Inputs that grow with the state, as attention masks, and operators that are attention with a cache.
#include "catch.hpp"
#include "error_message.hpp"
#include "runtime/growing_models.hpp"
#include "runtime/growing_runs.hpp"
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

options growing_with_mask(std::int64_t most, std::int64_t rows) {
  auto how = growing(most);
  how.bounds.push_back({"total", most + rows});
  return how;
}

/// Heads of queries, keys and values of `rows` rows, and a body that makes y, k_next and v_next of q, x, z, k and v.
std::string attention_text(std::int64_t rows, std::string_view inputs, std::string_view body) {
  return fmt::format(R"(
graph opset 23 opset com.microsoft 1 {{
  input q: float[1x{0}x24]
  input x: float[1x{0}x{2}]
  input z: float[1x{0}x{2}]
  input k: float declared [1, {1}, past, 8]
  input v: float declared [1, {1}, past, 8]
{3}
{4}
  output y
  output k_next
  output v_next
}})",
                     rows, rows == 2 ? 1 : 3, rows == 2 ? 8 : 24, inputs, body);
}

void agrees_with_mask(std::string const& text, int steps, std::int64_t rows, bool holes = true) {
  auto const most = rows * steps;
  side_by_side both(text, growing_with_mask(most, rows), rows, holes);
  auto c = both.net().context();
  both.run(c, steps);
}
void agrees_without(std::string const& text, int steps, std::int64_t rows) {
  side_by_side both(text, growing(rows * steps), rows);
  auto c = both.net().context();
  both.run(c, steps);
}

}  // namespace

TEST_CASE("a mask as long as the cache and the rows of the run") {
  for (std::int64_t const rows : {1, 3})
    agrees_with_mask(cached_heads_text(rows) + R"(
  input mask: int64 declared [1, total]
  seen = Cast(mask) {to = 9}
  const axes = int64[2] {1, 2}
  wide = Unsqueeze(seen, axes)
  kt = Transpose(k_next) {perm = [0, 1, 3, 2]}
  scores = MatMul(q, kt)
  visible = Where(wide, scores, hidden)
  p = Softmax(visible) {axis = -1}
)" + std::string(merged_heads_text),
                     35, rows);
}

TEST_CASE("positions that are counted in the mask, and masks that are looked up") {
  agrees_with_mask(cached_heads_text(3) + R"(
  input mask: int64 declared [1, total]
  summed = CumSum(mask, one)
  far = Gather(table, summed)
  const last = int64[] {-1}
  latest = Gather(far, last) {axis = 1}
  count = ReduceSum(mask, one_axis) {keepdims = 0}
  real = Cast(count) {to = 1}
  columns = Range(zero, total, one)
  picked = Gather(mask, columns) {axis = 1}
  pairs = Unsqueeze(columns, one_axis)
  zeros = Sub(pairs, pairs)
  tuples = Concat(zeros, pairs) {axis = 1}
  same = GatherND(mask, tuples)
  both = Mul(picked, same)
  seen = Cast(both) {to = 9}
  kt = Transpose(k_next) {perm = [0, 1, 3, 2]}
  scores = MatMul(q, kt)
  visible = Where(seen, scores, hidden)
  p = Softmax(visible) {axis = -1}
  y_far = Add(latest, real)
  output y_far
)" + std::string(merged_heads_text),
                   30, 3);
}

TEST_CASE("an input as long as the cache alone") {
  agrees_without(cached_heads_text(2) + R"(
  input weight: float declared [past]
  kt = Transpose(k) {perm = [0, 1, 3, 2]}
  scores = MatMul(q, kt)
  weighted = Mul(scores, weight)
  old = MatMul(weighted, v)
  newt = Transpose(k_next) {perm = [0, 1, 3, 2]}
  fresh = MatMul(q, newt)
  p = Softmax(fresh) {axis = -1}
  y_old = Add(old, nothing)
  output y_old
)" + std::string(merged_heads_text),
                 40, 2);
}

TEST_CASE("Attention with past keys and values") {
  auto const heads = "q_num_heads = 3, kv_num_heads = 3";
  for (std::int64_t const rows : {1, 4}) {
    auto const run = [&](std::string_view attributes) {
      agrees_without(
          attention_text(
              rows, "", fmt::format("  y, k_next, v_next = Attention(q, x, z, _, k, v) {{{}, {}}}", heads, attributes)),
          24, rows);
    };
    run("is_causal = 0");
    run("is_causal = 1, scale = 0.5");
    run("softcap = 2.0, is_causal = 1");
  }
  // Heads that share keys, with masks of numbers and of bool.
  for (auto const type : {"float", "bool"})
    agrees_with_mask(attention_text(2, fmt::format("  input mask: {} declared [2, total]\n", type),
                                    "  y, k_next, v_next = Attention(q, x, z, mask, k, v) {q_num_heads = 3, "
                                    "kv_num_heads = 1, is_causal = 1}"),
                     40, 2);
}

TEST_CASE("Attention with windows of keys") {
  auto text = attention_text(3, "",
                             "  y, k_next, v_next = Attention(q, x, z, _, k, v) {q_num_heads = 3, kv_num_heads = 3, "
                             "left_window_size = 4, right_window_size = 1}");
  text.replace(text.find("opset 23"), 8, "opset 28");
  agrees_without(text, 25, 3);
}

TEST_CASE("MultiHeadAttention with past keys and values") {
  for (std::int64_t const rows : {1, 3}) {
    agrees_without(attention_text(rows, "  const bias = float[72] random(4)\n",
                                  "  y, k_next, v_next = com.microsoft:MultiHeadAttention(q, x, z, bias, _, _, k, v) "
                                  "{num_heads = 3, unidirectional = 1}"),
                   25, rows);
    agrees_with_mask(
        attention_text(
            rows,
            fmt::format("  input mask: int32 declared [1, total]\n  input near: float declared [1, 3, {}, "
                        "total]\n",
                        rows),
            "  y, k_next, v_next = com.microsoft:MultiHeadAttention(q, x, z, _, mask, near, k, v) {num_heads = "
            "3, scale = 0.25}"),
        25, rows);
  }
}

TEST_CASE("GroupQueryAttention with a cache, rotation and a window") {
  for (std::int64_t const rows : {1, 2, 3})
    for (auto const& [operands, more] :
         {std::pair{"q, x, z", ""}, std::pair{"q, x, z", ", do_rotary = 1, local_window_size = 5"},
          std::pair{"packed, _, _", ""}, std::pair{"packed, _, _", ", do_rotary = 1, rotary_interleaved = 1"}})
      agrees_with_mask(attention_text(rows, R"(
  input mask: int64 declared [1, total]
  const cosines = float[200x4] random(5)
  const sines = float[200x4] random(6)
  const axis = int64[1] {1}
  const one = int64[] {1}
)",
                                      fmt::format(R"(
  sum = ReduceSum(mask, axis) {{keepdims = 0}}
  less = Sub(sum, one)
  last = Cast(less) {{to = 6}}
  s = Shape(mask)
  n = Gather(s, one) {{axis = 0}}
  all = Cast(n) {{to = 6}}
  packed = Concat(q, x, z) {{axis = 2}}
  y, k_next, v_next = com.microsoft:GroupQueryAttention({}, k, v, last, all, cosines, sines) {{num_heads = 3, kv_num_heads = {}{}}})",
                                                  operands, rows == 2 ? 1 : 3, more)),
                       40, rows, false);
}

TEST_CASE("inputs that grow are checked when a context runs") {
  auto const text = cached_heads_text(1) + R"(
  input mask: float declared [1, total]
  kt = Transpose(k_next) {perm = [0, 1, 3, 2]}
  scores = MatMul(q, kt)
  visible = Add(scores, mask)
  p = Softmax(visible) {axis = -1}
)" + std::string(merged_heads_text);
  auto const net = model_of(text, growing_with_mask(20, 1));
  auto c = net.context();
  any_tensor const x = noise({1, 1, 24}, 1), mask(dtype::float32, {1, 2}), wide(dtype::float32, {2, 2});
  c.set_input("x", x.view());
  CHECK_THAT(message_of([&] { c.run(); }), says("input 'mask' is not set"));
  CHECK_THAT(message_of([&] { c.set_input("mask", wide.view()); }), says("got 2x2"));
  c.set_input("mask", mask.view());
  CHECK_THAT(message_of([&] { c.run(); }), says("the state has 0 rows, axis 1 must be 1, got 2"));
  // A bound of the mask's own is one of the state.
  auto how = growing_with_mask(20, 1);
  how.bounds[1].most = 10;
  auto small = model_of(text, how).context();
  small.set_input("x", x.view());
  small.restore_state(
      std::vector{any_tensor(dtype::float32, {1, 3, 10, 8}), any_tensor(dtype::float32, {1, 3, 10, 8})});
  CHECK_THAT(message_of([&] { small.run(); }), says("a run takes at most 9"));
  CHECK_THAT(growth_refusal(text, growing(20)), says("the shape of input 'mask' (float 1xtotal) is open"));
  auto tight = growing_with_mask(20, 1);
  tight.bounds[1].most = 0;
  CHECK_THAT(growth_refusal(text, tight), says("'total' is at most 0"));
}
