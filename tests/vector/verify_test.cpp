#include <sinter/vector/builder.hpp>
#include <sinter/vector/parse.hpp>
#include <sinter/vector/verify.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include "vector/random_program.hpp"
#include <string>

using namespace sinter;

namespace {

std::string const header =
    "kernel k w8\n"
    "  arg x f32 in 256\n"
    "  arg h f16 in 64\n"
    "  arg c f32 const 32\n"
    "  arg y f32 out 256\n"
    "  arg z u8 out 64\n"
    "  arg t i32 const 260\n";

/// What the verifier says of `body` after the header above; empty: nothing.
std::string complaint(std::string const& body) {
  auto const p = vector::parse(header + body);
  return test::message_of([&] { vector::verify(p); });
}

/// The complaint about a program whose instruction `at` was changed by `damage`.
template <typename Damage>
std::string complaint_after(std::string const& body, std::size_t at, Damage damage) {
  auto p = vector::parse(header + body);
  vector::verify(p);
  damage(p.code[at]);
  return test::message_of([&] { vector::verify(p); });
}

}  // namespace

TEST_CASE("programs of the random generator pass") {
  for (int const lanes : {4, 8, 16})
    for (auto const& p : test::random_programs(lanes, 50, 60)) CHECK_NOTHROW(vector::verify(p));
}

TEST_CASE("a complaint names kernel, instruction and text") {
  auto const text = complaint("  v0 = zero\n  v1 = add v0, v2\n");
  CHECK_THAT(text, says("kernel 'k'") && says("instruction 1") && says("v1 = add v0, v2") &&
                       says("v2 is used before it is defined"));
}

TEST_CASE("addresses stay within arguments, over all turns") {
  CHECK(complaint("  v0 = load x[224]\n") == "");
  CHECK_THAT(complaint("  v0 = load x[228]\n"), says("bytes 228 to 260"));
  CHECK_THAT(complaint("  v0 = load x[-4]\n"), says("bytes -4"));
  CHECK(complaint("  v0 = load bcast x[252]\n") == "");
  CHECK(complaint("  v0 = load.3 x[244]\n") == "");
  CHECK_THAT(complaint("  v0 = load.3 x[248]\n"), says("bytes 248 to 260"));
  CHECK(complaint("  loop 8 x+=32\n    v0 = load x[0]\n  v1 = load x[224]\n") == "");
  CHECK_THAT(complaint("  loop 9 x+=32\n    v0 = load x[0]\n"), says("bytes 0 to 288"));
  CHECK(complaint("  loop 8 x+=-32\n    v0 = load x[224]\n") == "");
  CHECK_THAT(complaint("  loop 2 x+=64\n    loop 5 x+=32\n      v0 = load x[36]\n"), says("bytes 36 to 260"));
  CHECK_THAT(complaint("  loop 2 x+=64\n    loop 5 x+=32 x+=4\n      v0 = load x[32]\n"), says("to 272"));
  CHECK_THAT(complaint("  v0 = add v0, x[0]\n"), says("before"));
  CHECK_THAT(complaint("  v0 = zero\n  v1 = add v0, x[240]\n"), says("bytes 240 to 272"));
}

TEST_CASE("streams add to the range") {
  std::string const stream = "  stream s = x[128]\n";
  CHECK(complaint(stream + "  v0 = load s[96]\n") == "");
  CHECK(complaint(stream + "  v0 = load s[-128]\n") == "");
  CHECK_THAT(complaint(stream + "  v0 = load s[100]\n"), says("bytes 228 to 260"));
  CHECK_THAT(complaint("  stream s = x[2]\n"), says("no place of an element"));
  CHECK_THAT(complaint("  stream x = y[0]\n"), says("two streams are called 'x'"));
}

TEST_CASE("misaligned and read-only memory") {
  CHECK_THAT(complaint("  v0 = load x[2]\n"), says("multiple of 4"));
  CHECK(complaint("  v0 = load h[2]\n") == "");
  CHECK_THAT(complaint("  v0 = load h[1]\n"), says("multiple of 2"));
  CHECK_THAT(complaint("  loop 2 x+=2\n    v0 = load x[0]\n"), says("multiple of its element"));
  CHECK_THAT(complaint("  v0 = zero\n  store x[0], v0\n"), says("'x' is not to be written"));
  CHECK_THAT(complaint("  v0 = zero\n  store c[0], v0\n"), says("'c' is not to be written"));
  CHECK(complaint("  v0 = load y[0]\n  store y[32], v0\n") == "");
}

TEST_CASE("types") {
  CHECK_THAT(complaint("  v0 = zero.i32\n  v1 = add v0, v0\n"), says("v0 is i32"));
  CHECK_THAT(complaint("  v0 = zero\n  v1 = iadd v0, v0\n"), says("v0 is f32"));
  CHECK_THAT(complaint("  v0 = load.i32 x[0]\n"), says("do not convert to f32"));
  CHECK_THAT(complaint("  v0 = zero.i32\n  store y[0], v0\n"), says("do not convert to f32"));
  CHECK(complaint("  v0 = zero.i32\n  store z[0], v0\n") == "");
  CHECK_THAT(complaint("  v0 = zero.i32\n  v1 = dot4.u8s8 v0, x[0], v0\n"), says("is f32, not i32"));
  CHECK_THAT(complaint("  v0 = zero\n  v1 = zero.i32\n  v2 = dot4.u8s8 v1, v0, v1\n"), says("v0 is f32"));
  CHECK(complaint("  v0 = zero\n  v1 = zero.i32\n  v2 = dot2.bf16 v1, v1, v0\n  v3 = pack.bf16 v2, v0\n") == "");
  CHECK_THAT(complaint("  v0 = zero\n  v1 = zero.i32\n  v2 = dot2.bf16 v1, v1, v1\n"), says("v1 is i32"));
  CHECK_THAT(complaint("  v0 = zero\n  v1 = zero.i32\n  v2 = dot2.bf16 v1, v0, v0\n"), says("v0 is f32"));
  CHECK_THAT(complaint("  v0 = zero.i32\n  v1 = pack.bf16 v0, v0\n"), says("v0 is i32"));
  CHECK_THAT(complaint("  v0 = zero\n  v1 = zero.i32\n  v2 = select.lt v0, v0, v0, v1\n"), says("differ in type"));
}

TEST_CASE("tables of bytes") {
  CHECK_THAT(complaint("  v0 = zero.i32\n  v1 = lookup.u8 v0, t[8]\n"), says("bytes 8 to 264"));
  CHECK(complaint("  v0 = zero.i32\n  v1 = lookup.u8 v0, t[4]\n") == "");
  CHECK_THAT(complaint("  v0 = zero.i32\n  v1 = lookup.u8 v0, x[0]\n"), says("is f32, not i32"));
  CHECK_THAT(complaint("  v0 = zero.i32\n  v1 = lookup.u8 v0, bcast t[0]\n"), says("no broadcast"));
  CHECK_THAT(complaint("  v0 = zero\n  v1 = lookup.u8 v0, t[0]\n"), says("v0 is f32"));
}

TEST_CASE("operand forms") {
  std::string const body = "  v0 = zero\n  v1 = add v0, v0\n  v2 = load x[0]\n  store y[0], v1\n  v3 = sqrt v0\n";
  using vector::instruction;
  using vector::memory;
  using vector::reg;
  CHECK_THAT(complaint_after(body, 1, [](instruction& i) { i.b = {}; }), says("second source"));
  CHECK_THAT(complaint_after(body, 1, [](instruction& i) { i.m = {0, 0, false}; }), says("second source"));
  CHECK_THAT(complaint_after(body, 1, [](instruction& i) { i.c = reg{0}; }), says("third source"));
  CHECK_THAT(complaint_after(body, 1, [](instruction& i) { i.e = reg{0}; }), says("fourth source"));
  CHECK_THAT(complaint_after(body, 1, [](instruction& i) { i.d = {}; }), says("result"));
  CHECK_THAT(complaint_after(body, 1, [](instruction& i) { i.d = reg{99}; }), says("v99 does not exist"));
  CHECK_THAT(complaint_after(body, 1, [](instruction& i) { i.imm = 1; }), says("1 does not fit"));
  CHECK_THAT(complaint_after(body, 1, [](instruction& i) { i.extra = 0; }), says("table 0"));
  CHECK_THAT(complaint_after(body, 1, [](instruction& i) { i.cc = vector::compare::lt; }), says("comparison"));
  CHECK_THAT(complaint_after(body, 1, [](instruction& i) { i.count = 2; }), says("2 does not fit"));
  CHECK_THAT(complaint_after(body, 2, [](instruction& i) { i.m = {}; }), says("memory operand"));
  CHECK_THAT(complaint_after(body, 2, [](instruction& i) { i.m.stream = 17; }), says("no stream 17"));
  CHECK_THAT(complaint_after(body, 2, [](instruction& i) { i.count = 8; }), says("8 lanes"));
  CHECK_THAT(complaint_after(body, 2, [](instruction& i) { i.count = 3, i.m.broadcast = true; }), says("3 lanes"));
  CHECK_THAT(complaint_after(body, 3, [](instruction& i) { i.m.broadcast = true; }), says("broadcast"));
  CHECK_THAT(complaint_after(body, 3, [](instruction& i) { i.d = reg{0}; }), says("result"));
  CHECK_THAT(complaint_after(body, 4, [](instruction& i) { i.a = {}; }), says("first source"));
  CHECK_THAT(complaint_after(body, 4, [](instruction& i) { i.m = memory{0, 0, false}; }), says("memory operand"));
  CHECK_THAT(complaint_after(body, 4, [](instruction& i) { i.op = static_cast<vector::opcode>(200); }),
             says("no such operation"));
}

TEST_CASE("tables") {
  CHECK(complaint("  v0 = zero\n  v1 = shuffle v0, 7 6 5 4 3 2 1 0\n") == "");
  CHECK_THAT(complaint("  v0 = zero\n  v1 = shuffle v0, 8 6 5 4 3 2 1 0\n"), says("no lane 8"));
  CHECK_THAT(complaint("  v0 = zero\n  v1 = shuffle v0, 6 5 4 3 2 1 0\n"), says("7 entries"));
  CHECK_THAT(complaint("  v0 = zero\n  transpose v0, v0, v0, v0, v0, v0, v0, v0\n"), says("twice"));
  CHECK_THAT(complaint("  v0 = zero.i32\n  v1 = ishl v0, 32\n"), says("32 does not fit"));
}

TEST_CASE("loops are balanced, turn, and have short bodies") {
  auto p = vector::parse(header + "  loop 2\n    v0 = zero\n");
  auto open = p;
  open.code.pop_back();
  CHECK_THROWS_WITH(vector::verify(open), says("1 loops stay open"));
  auto closed = p;
  closed.code.push_back({.op = vector::opcode::end});
  CHECK_THROWS_WITH(vector::verify(closed), says("no loop is open"));
  CHECK_THAT(complaint("  loop 0\n    v0 = zero\n"), says("at least once"));
  std::string body = "  loop 2\n";
  for (int k = 0; k < 600; ++k) body += "    v0 = zero\n";
  CHECK(complaint(body) == "");
  CHECK_THAT(complaint(body + "    v0 = zero\n"), says("601 instructions"));
  CHECK_THAT(complaint("  loop 2 x+=2000000000000000000\n    v0 = zero\n"), says("too far"));
}

TEST_CASE("registers fit the target") {
  auto const tile = [](int registers, std::string const& last) {
    std::string body;
    for (int k = 0; k < registers; ++k) body += fmt::format("  v{} = load x[0]\n", k);
    body += last;
    for (int k = 0; k < registers; ++k) body += fmt::format("  store y[0], v{}\n", k);
    return complaint(body);
  };
  CHECK(tile(16, "") == "");
  CHECK_THAT(tile(17, ""), says("17 registers are in use, the target has 16"));
  CHECK(tile(15, "  v0 = add v0, bcast x[0]\n") == "");
  CHECK(tile(16, "  v0 = add v0, x[0]\n") == "");
  CHECK_THAT(tile(16, "  v0 = add v0, bcast x[0]\n"), says("17 registers"));
  CHECK_THAT(tile(16, "  loop 2\n    v99 = zero\n"), says("17 registers"));
}
