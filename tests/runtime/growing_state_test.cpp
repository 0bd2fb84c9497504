#include <sinter/graph/text.hpp>
#include <sinter/ops/evaluate.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include "runtime/growing_models.hpp"
#include "runtime/growing_runs.hpp"
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

std::string cache_text(std::string_view body) {
  return "graph opset 18 {\n input x: float[2x1x4]\n input k: float declared [2, past, 4]\n k_next = Concat(k, x) "
         "{axis = 1}\n" +
         std::string(body) + "\n output k_next\n output y\n}";
}
state_pairs const rows_only{{"k", "k_next"}};

}  // namespace

TEST_CASE("a decoder with a cache of keys and values agrees with plain loops at each step") {
  agrees(decoder_text(), 135, 140);  // three capacities
  agrees(decoder_text(), 5, 5);      // as many as fit
}

TEST_CASE("several rows a run, with masks of what lies ahead") {
  agrees(masked_decoder_text(1), 3, 10);
  agrees(masked_decoder_text(3), 34, 120);
  agrees(biased_decoder_text(1), 3, 10);
  agrees(biased_decoder_text(5), 15, 100);
}

TEST_CASE("attention stays whole where the cache grows") {
  agrees(guarded_decoder_text(1), 70, 80);
  agrees(guarded_decoder_text(3), 10, 40);
  for (auto const& text : {decoder_text(), biased_decoder_text(1), guarded_decoder_text(1)}) {
    detail::model_growth const growth{.ports = {.pairs = {{1, 1, 2}, {2, 2, 2}}}, .most = 63};
    signature s{.shapes = {shape{1, 1, 24}, shape{1, 3, 1, 8}, shape{1, 3, 1, 8}}, .added = 1};
    growth.set_capacity(s, 64);
    auto const grown = detail::with_capacity(prepare(parse(text)), s, growth);
    s.shapes.emplace_back(shape{});
    auto const p = plan(bind(grown, s).g, {.machine = target("avx512")});
    CHECK(std::ranges::count(p.steps, std::string_view("attention"), &program_step::by) == 1);
    CHECK(std::ranges::count(p.steps, std::string_view("softmax"), &program_step::by) == 0);
  }
}

TEST_CASE("a prompt and the tokens behind it run in contexts of their own") {
  auto text = masked_decoder_text(1);
  auto const open = [&](std::string from, std::string to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from)) text.replace(at, from.size(), to);
  };
  open("x: float[1x1x24]", "x: float declared [1, sequence, 24]");
  open("{1, 1, 3, 8}", "{1, -1, 3, 8}");
  open("{1, 1, 24}", "{1, -1, 24}");
  open("total = Add(n, rows)", "xs = Shape(x)\n  t = Gather(xs, one) {axis = 0}\n  total = Add(n, t)");
  auto const net = model_of(text, growing(90));
  auto const g = parse(masked_decoder_text(7)), step = parse(masked_decoder_text(1));
  auto const prompt = noise({1, 7, 24}, 1), token = noise({1, 1, 24}, 2);
  any_tensor const none(dtype::float32, {1, 3, 0, 8});
  auto const after_prompt = evaluate(g, {prompt, none, none});
  auto const expected = evaluate(step, {token, after_prompt[1], after_prompt[2]});

  auto reader = net.context({{"x", {1, 7, 24}}}), writer = net.context({{"x", {1, 1, 24}}});
  reader.set_input("x", prompt.view());
  writer.set_input("x", token.view());
  reader.run();
  CHECK(largest_difference({copy_of(reader.output("y"))}, {after_prompt[0]}) < 1e-4f);
  writer.restore_state(reader.save_state());
  auto moved = std::move(writer);
  moved.run();
  CHECK(largest_difference({copy_of(moved.output("y"))}, {expected[0]}) < 1e-4f);
  CHECK(moved.save_state()[0].shape() == shape{1, 3, 8, 8});
  moved.reset_state();
  CHECK(moved.save_state()[0].shape() == shape{1, 3, 0, 8});
  moved.run();
  CHECK(largest_difference({copy_of(moved.output("y"))}, {evaluate(step, {token, none, none})[0]}) < 1e-4f);
  // A run of the model takes and gives state like everything else.
  auto const out = net.run({{"x", token.view()}, {"k", after_prompt[1].view()}, {"v", after_prompt[2].view()}});
  CHECK(largest_difference({copy_of(out["k_next"])}, {expected[1]}) < 1e-5f);
}

TEST_CASE("caches along other axes, and heads that share keys") {
  agrees(R"(
graph opset 18 {
  input q: float[1x6x1x8]
  input x: float[1x1x2x8]
  input z: float[1x2x1x8]
  input k: float declared [1, 2, 8, past]
  input v: float declared [1, past, 2, 8]
  xt = Transpose(x) {perm = [0, 2, 3, 1]}
  zt = Transpose(z) {perm = [0, 2, 1, 3]}
  k_next = Concat(k, xt) {axis = 3}
  v_next = Concat(v, zt) {axis = 1}
  const third = int64[1] {2}
  const two = int64[1] {2}
  const three = int64[1] {3}
  const four = int64[1] {4}
  const eight = int64[1] {8}
  const six = int64[1] {6}
  const one = int64[1] {1}
  const first = int64[1] {0}
  ks = Shape(k_next)
  length = Slice(ks, three, four, first)
  kr = Unsqueeze(k_next, third)
  kwide = Concat(one, two, three, eight, length) {axis = 0}
  kg = Expand(kr, kwide)
  kflat = Concat(one, six, eight, length) {axis = 0}
  kh = Reshape(kg, kflat)
  vt = Transpose(v_next) {perm = [0, 2, 1, 3]}
  vr = Unsqueeze(vt, third)
  vwide = Concat(one, two, three, length, eight) {axis = 0}
  vg = Expand(vr, vwide)
  vflat = Concat(one, six, length, eight) {axis = 0}
  vh = Reshape(vg, vflat)
  s = MatMul(q, kh)
  p = Softmax(s) {axis = -1}
  y = MatMul(p, vh)
  output y
  output k_next
  output v_next
})",
         70, 80);
}

TEST_CASE("what lies behind the rows does not reach results, whatever becomes of it") {
  // Log of what is not there is -inf, and Exp is 1.
  agrees(cache_text(R"(
 square = Mul(k_next, k_next)
 l = Log(square)
 e = Exp(k_next)
 lt = Transpose(l) {perm = [0, 2, 1]}
 s = MatMul(x, lt)
 p = Softmax(s) {axis = -1}
 y = MatMul(p, e))"),
         70, 80, rows_only);
  // Sums over the rows without a softmax.
  agrees(cache_text(R"(
 e = Exp(k_next)
 et = Transpose(e) {perm = [0, 2, 1]}
 y = MatMul(et, e))"),
         70, 80, rows_only);
}

TEST_CASE("parts of what grows: the last rows, one of them, those up to the length") {
  agrees(cache_text(R"(
 const last = int64[] {-1}
 const zero = int64[1] {0}
 const one = int64[1] {1}
 const far = int64[1] {9223372036854775807}
 s = Shape(k)
 const two = int64[1] {2}
 n = Slice(s, one, two)
 const axis = int64[1] {1}
 a = Gather(k_next, last) {axis = 1}
 b = Slice(k_next, n, far, axis, one)
 c = Slice(k_next, zero, far, axis, one)
 d = Gather(c, last) {axis = 1}
 flat = Squeeze(b, axis)
 f = Add(a, flat)
 y = Add(f, d))"),
         5, 80, rows_only);
}

TEST_CASE("numbers that depend on the length are computed when it runs") {
  agrees(cache_text(R"(
 const one = int64[] {1}
 const four = int64[] {4}
 s = Shape(k_next)
 n = Gather(s, one) {axis = 0}
 m = Min(n, four)
 y = Cast(m) {to = 1})"),
         7, 10, rows_only);
}

TEST_CASE("nothing is compiled once a context is there") {
  int compilations = 0;
  auto const compile_it = [&](rewritten_graph const& prepared, signature const& s, compile_environment const& e) {
    ++compilations;
    return compile(prepared, s, {.machine = e.machine, .bounds = e.limits}, *e.store, e.pool);
  };
  auto how = growing(140);
  how.threads = 1;
  auto g = parse(decoder_text());
  for (auto const& p : g.outputs) g.at(p.value).type.element = dtype::float32;
  auto const net =
      model_state::make(std::move(g), how, compile_it, [](graph imported) { return prepare(std::move(imported)); });
  auto c = net.context();
  CHECK(compilations == 4);  // 64, 96, 128 and 141 rows
  auto const x = noise({1, 1, 24}, 3);
  c.set_input("x", x.view());
  for (int i = 0; i < 140; ++i) c.run();
  CHECK(compilations == 4);
  CHECK_THAT(message_of([&] {
               c.run();
               c.run();
             }),
             says("the state has 141 rows, and a run takes at most 140"));
  c.reset_state();
  c.run();
  CHECK(net.context().save_state()[0].shape() == shape{1, 3, 0, 8});
  CHECK(compilations == 4);
}

TEST_CASE("state that grows and state that does not") {
  agrees(R"(
graph opset 18 {
  input x: float[2x1x4]
  input k: float declared [2, past, 4]
  input h: float[2x1x4]
  h_next = Add(h, x)
  k_next = Concat(k, h_next) {axis = 1}
  const last = int64[] {-1}
  y = Gather(k_next, last) {axis = 1}
  output y
  output k_next
  output h_next
})",
         70, 80, {{"h", "h_next"}, {"k", "k_next"}});
}

TEST_CASE("what cannot grow is refused, with the node and the reason") {
  auto const why = [](std::string_view body) { return growth_refusal(cache_text(body), growing(10, rows_only)); };
  CHECK_THAT(why(" y = ReduceMean(k_next) {keepdims = 1}"), says("(ReduceMean) cannot run with a length that grows"));
  CHECK_THAT(why(" y = Neg(k_next)"), says("the output 'y' grows and is no state"));
  CHECK_THAT(why(" d = Concat(k_next, k_next) {axis = 1}\n y = Softmax(d) {axis = 0}"), says("(Concat) cannot run"));
  CHECK_THAT(why(" const f = int64[3] {1, -1, 8}\n r = Reshape(k_next, f)\n y = Neg(r)"), says("split or joined"));
  CHECK_THAT(why(" const a = int64[1] {0}\n const b = int64[1] {2}\n const c = int64[1] {1}\n"
                 " y = Slice(k_next, a, b, c)"),
             says("may not be there at first"));
  CHECK_THAT(
      growth_refusal(
          "graph opset 18 {\n input x: float[2x1]\n input k: float declared [2, past]\n j = Concat(k, x) {axis = 1}\n"
          " y = Neg(j)\n output y\n}",
          growing(10, {{"k", "y"}})),
      says("is not the input 'k' with rows behind it"));
  CHECK_THAT(growth_refusal("graph opset 18 {\n input k: float declared [2, past]\n y = Neg(k)\n output y\n}",
                            growing(10, {{"k", "y"}})),
             says("does not have a fixed number of rows more"));
  CHECK_THAT(growth_refusal(decoder_text(), growing(0)), says("'past' is at most 0"));
  auto elsewhere = growing(10);
  elsewhere.bounds = {{"other", 10}};
  CHECK_THAT(growth_refusal(decoder_text(), elsewhere), says("'other' is no dimension of an input of options::state"));

  auto c = model_of(decoder_text(), growing(10)).context();
  CHECK_THAT(message_of([&] { c.output("k_next"); }), says("read it with save_state"));
  any_tensor const few(dtype::float32, {1, 3, 2, 8}), more(dtype::float32, {1, 3, 4, 8}),
      many(dtype::float32, {1, 3, 12, 8}), other(dtype::float32, {1, 2, 4, 8});
  CHECK_THAT(message_of([&] { c.restore_state(std::vector{few, more}); }), says("2 rows and 4 rows"));
  CHECK_THAT(message_of([&] { c.restore_state(std::vector{few, other}); }), says("state 'v': expected"));
  CHECK_THAT(message_of([&] { c.restore_state(std::vector{many, many}); }), says("with 0 to 11 along axis 2"));
  limits small;
  small.arena_bytes = 1 << 18;
  auto how = growing(100000);
  how.limits = small;
  CHECK_THAT(growth_refusal(decoder_text(), how), says("bytes more"));
}
