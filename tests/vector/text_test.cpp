#include <sinter/vector/hash.hpp>
#include <sinter/vector/parse.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include "vector/random_program.hpp"
#include <string>

using namespace sinter;

TEST_CASE("the text of a kernel") {
  std::string const text =
      "kernel conv 1x1 w16\n"
      "  arg x f32 in 37760\n"
      "  arg w bf16 const 4096 align 64\n"
      "  arg y f32 out 128\n"
      "  stream q = x[64]\n"
      "  v0 = load w[0]\n"
      "  v1 = mov v0\n"
      "  v2 = const -1.5\n"
      "  v3 = const bits 0x7fc00000\n"
      "  v4 = const.i32 -7\n"
      "  loop 4 x+=12544 q+=-4\n"
      "    loop 8 x+=8 w+=128\n"
      "      v1 = fma v2, bcast x[0], v1\n"
      "  v5 = ishl v4, 3\n"
      "  v6 = select.ge v0, v1, v4, v5\n"
      "  v7 = shuffle v1, 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0\n"
      "  v8 = load.5 q[64]\n"
      "  prefetch x[128]\n"
      "  store.7 y[64], v7\n";
  auto const p = vector::parse(text);
  CHECK(p.name == "conv 1x1");
  CHECK(p.registers[6] == vector::register_type::i32);
  CHECK(p.code.size() == 16);
  CHECK(vector::print(p) == text);
}

TEST_CASE("printing and parsing keep random programs") {
  for (int const lanes : {4, 8, 16})
    for (auto const& p : test::random_programs(lanes, 50, 80)) {
      auto const text = vector::print(p);
      auto const q = vector::parse(text);
      CHECK(equal(p, q));
      CHECK(hash(p) == hash(q));
      CHECK(vector::print(q) == text);
    }
}

TEST_CASE("comments and blank lines mean nothing") {
  auto const p = vector::parse(
      "; a kernel\nkernel k w8   ; of 8 lanes\n\n  arg y f32 out 32 ; out\n  v0 = zero;\n  store y[0], v0\n");
  CHECK(vector::print(p) == "kernel k w8\n  arg y f32 out 32\n  v0 = zero\n  store y[0], v0\n");
}

TEST_CASE("what is no text form is refused with its line") {
  auto const complaint = [](std::string const& body) {
    return test::message_of([&] { vector::parse("kernel k w8\n  arg x f32 in 32\n" + body); });
  };
  CHECK_THAT(complaint("  v0 = zero\n  v1 = frobnicate v0\n"), says("no operation 'frobnicate'") && says("line 4"));
  CHECK_THAT(complaint("  v0 = load z[0]\n"), says("no stream 'z'"));
  CHECK_THAT(complaint("  v0 = load x[0\n"), says("']' is expected"));
  CHECK_THAT(complaint("  v0 = load x[99999999999]\n"), says("no number in range"));
  CHECK_THAT(complaint("      v0 = zero\n"), says("indentation"));
  CHECK_THAT(complaint("  v0 = zero v1\n"), says("left over"));
  CHECK_THAT(complaint("  loop 4 x-=4\n"), says("a step is expected"));
  CHECK_THAT(complaint("  arg y f33 in 32\n"), says("'f33' is unknown"));
  CHECK_THAT(complaint("  v0 = const bits 12\n"), says("0x"));
  CHECK_THAT(complaint("  v99999999 = zero\n"), says("out of range"));
}

TEST_CASE("equality looks at everything but names") {
  auto const text = [](std::string const& body) {
    return vector::parse("kernel k w8\n  arg x f32 in 64\n  arg y f32 out 64\n" + body);
  };
  auto const base = text(
      "  v0 = load x[0]\n  loop 2 x+=32\n    v0 = add v0, x[0]\n  v1 = shuffle v0, 0 1 2 3 4 5 6 7\n  store y[0], "
      "v1\n");
  auto renamed = base;
  renamed.name = "other";
  renamed.arguments[0].name = renamed.streams[0].name = "other";
  CHECK(equal(base, renamed));
  CHECK(hash(base) == hash(renamed));
  auto const differs = [&](auto change) {
    auto p = base;
    change(p);
    return !equal(base, p) && hash(base) != hash(p);
  };
  CHECK(differs([](auto& p) { p.lanes = 16; }));
  CHECK(differs([](auto& p) { p.arguments[0].bytes = 96; }));
  CHECK(differs([](auto& p) { p.arguments[0].type = vector::element::f16; }));
  CHECK(differs([](auto& p) { p.code[0].m.offset = 4; }));
  CHECK(differs([](auto& p) { p.code[1].count = 3; }));
  CHECK(differs([](auto& p) { p.steps[0][0].bytes = 36; }));
  CHECK(differs([](auto& p) { p.tables[0][0] = 1; }));
  CHECK(differs([](auto& p) { p.code.pop_back(); }));
  CHECK(differs([](auto& p) { p.code[2].op = vector::opcode::sub; }));
}
