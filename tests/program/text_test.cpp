#include <sinter/program/parse.hpp>
#include <sinter/program/verify.hpp>
#include <sinter/vector/hash.hpp>
#include <sinter/vector/verify.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include "program/plans.hpp"
#include <random>
#include <string>

using namespace sinter;

namespace {

/// Every form that a line can have.
constexpr char const* every_form = R"text(program
  input in0: float[2x16]
  input in1: int64[]
  output out0: float[2x16] = out0
  output out1: int64 = slot 1
  output out2: float[3] = const
  output out3: int64[] = in1
  weight w0 64 "a \"key\"; with\x0aall"
  arena 384 bound 320
  tensor t0 128 at 0 steps 0..1 "a; b"
  tensor t1 128 at 128 steps 0..2 ""
  tensor t2 40 at 256 steps 1..1 "workspace of a node without name (TopK)"
  tensor t3 64 at 320 steps 3..5 "with a bound"
  scratch 192
  slots 3
  step 0: n3 Conv@11 as "a conv", n4 sinter:fused_elementwise@1 by "some schedule"
    grid 2
      call k0 in0+64*i0, w0, t0+64*i0
      loop 1
        loop 2
          call k0 t0+64-64*i5, w0, s+64+64*i5
        call k0 s+64, w0, t1
      call k1
    grid 1x1x1x3
      call k1
  step 1: n7 TopK@11
    host TopK@1(t0: float[2x16], const: int64[1], _) -> t1+64: float[2x8], _ workspace t2 40
  step 2: n8 Identity@13 as copy by "view"
    grid 2
      call k0 t1+64*i0, w0, out0+64*i0
  step 3: n9 NonZero@13
    island NonZero@9(in1: int64[], slot 0, _) -> slot 1, _
  step 4: n12 NonZero@13
    host NonZero@9(in1: int64[]) -> t3: int64[1x8] slot 2 axis 1
  step 5: n10 Loop@13, n11 MatMul@13
    island graph(slot 1, slot 2) -> out0: float[2x16], slot 1
  step 6:
  kernel k0 add one w16
    arg x f32 in 64
    arg w f32 const 64
    arg y f32 out 64 align 64
    v0 = load x[0]
    loop 2
      v0 = add v0, w[0]
    store y[0], v0
  kernel k1 nothing w8
)text";

/// A branch, and turns that take rows of the input from the last one on.
constexpr char const* with_control = R"text(program
  input in0: float[2x16]
  input in1: bool[1]
  input in2: int64[]
  output out0: float[2x16] = out0
  arena 192 bound 192
  tensor t0 8 at 0 steps 4..8 "the turn"
  tensor t1 1 at 64 steps 4..8 "the condition"
  tensor t2 64 at 128 steps 4..8 "a slice"
  step 0: n3 If@11
    branch in1: bool[1]
  step 1:
    copy in0: float[2x16] -> out0: float[2x16]
  step 2:
    otherwise
  step 3:
    end
  step 4:
    copy const: bool[] -> t1: bool[]
  step 5: n4 Loop@11
    repeat in2: int64[], t1: bool[], t0: int64[]
  step 6:
    copy in0: float[2x16] -> t2: float[16] position t0: int64[] axis 0 backwards
  step 7:
    copy t2: float[16] -> out0: float[2x16] position t0: int64[] axis 0
  step 8:
    end
)text";

std::string complaint(std::string const& text) {
  return test::message_of([&] { verify(parse_program(text)); }, std::nullopt);
}

std::string replaced(std::string text, std::string const& from, std::string const& to) {
  auto const at = text.find(from);
  INFO(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

/// What verification says of a text in which `from` became `to`.
std::string complaint_of(std::string const& from, std::string const& to) {
  return complaint(replaced(every_form, from, to));
}

}  // namespace

TEST_CASE("the text of a program prints as it was read", "[program]") {
  auto const p = parse_program(every_form);
  CHECK(print(p) == every_form);
  CHECK(complaint(every_form) == "");
  CHECK(p.weights[0].key == "a \"key\"; with\nall");
  CHECK(p.at({3}).name == "a conv");
  CHECK(p.at({4}).domain == "sinter");
  auto const& body = std::get<region>(p.steps[0].action).grids[0].body;
  CHECK(body.size() == 8);
  CHECK(body[3].arguments[0] == address{space::arena, 0, 64, {0, 0, 0, 0, 0, -64}});
  CHECK(p.kernels[0]->arguments[2].alignment == 64);
  CHECK(std::get<host_call>(p.steps[1].action).op.entry->schema.since == 1);
}

TEST_CASE("control and copies print as they were read, and verify", "[program]") {
  CHECK(print(parse_program(with_control)) == with_control);
  CHECK(complaint(with_control) == "");
  auto const complaint_of_change = [](std::string const& from, std::string const& to) {
    return complaint(replaced(with_control, from, to));
  };
  CHECK_THAT(complaint_of_change("    otherwise\n", "    end\n"), says("an end of nothing"));
  CHECK_THAT(complaint_of_change("branch in1: bool[1]", "branch in2: int64[]"), says("one bool is expected"));
  CHECK_THAT(complaint_of_change("in2: int64[], t1: bool[]", "in0: float[2x16], t1: bool[]"),
             says("one int64 is expected"));
  CHECK_THAT(complaint_of_change(", t0: int64[]\n", ", in2: int64[]\n"), says("a turn writes to an input"));
  CHECK_THAT(complaint_of_change("axis 0 backwards", "axis 2 backwards"), says("along axis 2"));
  CHECK_THAT(complaint_of_change("-> t2: float[16]", "-> t2: float[15]"), says("do not fit"));
  CHECK_THAT(complaint_of_change("copy const: bool[] -> t1: bool[]", "copy const: bool[] -> in1: bool[]"),
             says("a copy writes to an input"));
  CHECK_THAT(complaint_of_change("  step 8:\n    end\n", ""), says("without an end"));
  CHECK_THAT(complaint_of_change("axis 0", "at 0"), says("'axis' and its number are expected"));
}

TEST_CASE("comments, blank lines and growing extents are read", "[program]") {
  std::string const text = "program\n  arena 0 bound 0\n  step 0:\n    grid 4+2nx3n\n";
  auto const p =
      parse_program("; a program\n\nprogram ; here\n  arena 0 bound 0\n\n  step 0: ; a step\n    grid 4+2nx3n\n");
  CHECK(print(p) == text);
  CHECK(std::get<region>(p.steps[0].action).grids[0].tasks(5) == 14 * 15);
  CHECK_THAT(complaint(text), says("grows"));
}

TEST_CASE("programs of the planner print, parse and verify", "[program]") {
  auto const& g = GENERATE(from_range(test::planned_graphs));
  target const set = GENERATE("avx512", "avx2", "none");
  INFO(g.what);
  auto const p = test::plan_of(g.text, set);
  auto const text = print(p);
  auto const q = parse_program(text);
  CHECK(print(q) == text);
  CHECK_NOTHROW(verify(q));
  REQUIRE(q.kernels.size() == p.kernels.size());
  for (std::size_t i = 0; i < p.kernels.size(); ++i) {
    CHECK(vector::equal(*p.kernels[i], *q.kernels[i]));
    CHECK_NOTHROW(vector::verify(*q.kernels[i]));
  }
  auto const names = print(p, {.kernels = false});
  CHECK(print(parse_program(names), {.kernels = false}) == names);
  CHECK((p.kernels.empty() || names.size() < text.size()));
}

TEST_CASE("the planned graphs have what programs can have", "[program]") {
  std::string all;
  for (auto const& g : test::planned_graphs) all += print(test::plan_of(g.text, "avx2"), {.kernels = false});
  for (auto const* part :
       {"Winograd", "\"V of ", "loop ", "host ", "workspace t", "const: ", "_, ", "island ", "= slot ",
        " slot 0 axis 1", "= const", "= in0", "scratch ", "island graph(", "as \"first one\""})
    CHECK_THAT(all, says(part));
}

TEST_CASE("a program that was changed in its text does not verify", "[program]") {
  CHECK_THAT(complaint_of("in0+64*i0", "in0+68*i0"), says("lie outside"));
  CHECK_THAT(complaint_of("in0+64*i0", "in0-64+64*i0"), says("lie outside"));
  CHECK_THAT(complaint_of("in0+64*i0", "in9"), says("lie outside"));
  CHECK_THAT(complaint_of("in0+64*i0", "in0+9223372036854775807*i0"), says("overflows"));
  CHECK_THAT(complaint_of("out0+64*i0", "out0+60*i0"), says("multiple of 64"));
  CHECK_THAT(complaint_of("out0+64*i0", "w0"), says("writes"));
  CHECK_THAT(complaint_of("-> t1+64", "-> in0"), says("writes"));
  CHECK_THAT(complaint_of("-> t1+64", "-> t1+128"), says("lie outside"));
  CHECK_THAT(complaint_of("workspace t2 40", "workspace t2 400"), says("workspace"));
  CHECK_THAT(complaint_of("scratch 192", "scratch 100"), says("lie outside"));
  CHECK_THAT(complaint_of("weight w0 64", "weight w0 60"), says("lie outside"));
  CHECK_THAT(complaint_of("call k1", "call k2"), says("kernel 2 does not exist"));
  CHECK_THAT(complaint_of("in0+64*i0, w0, t0+64*i0", "in0, t0"), says("3 arguments, the call has 2"));
  CHECK_THAT(complaint_of("grid 2", "grid 3"), says("lie outside"));
  CHECK_THAT(complaint_of("loop 2", "loop 0"), says("0 turns"));
  CHECK_THAT(complaint_of("loop 2", "loop 3"), says("lie outside"));
  CHECK_THAT(complaint_of("steps 0..1", "steps 0..0"), says("lie outside"));
  CHECK_THAT(complaint_of("steps 0..1", "steps 1..0"), says("lives from"));
  CHECK_THAT(complaint_of("at 128", "at 64"), says("share bytes"));
  CHECK_THAT(complaint_of("at 128", "at 100"), says("multiple of 64"));
  CHECK_THAT(complaint_of("arena 384", "arena 320"), says("outside the arena"));
  CHECK_THAT(complaint_of("slot 0", "slot 3"), says("slot 3 does not exist"));
  CHECK_THAT(complaint_of("= slot 1", "= slot 3"), says("output 1"));
  CHECK_THAT(complaint_of("= slot 1", "= slot 2"), says("output 1") && says("lie outside"));
  CHECK_THAT(complaint_of("steps 3..5", "steps 3..4"), says("lie outside"));
  CHECK_THAT(complaint_of("int64[1x8] slot 2", "int64[1x9] slot 2"), says("lie outside"));
  CHECK_THAT(complaint_of("int64[1x8] slot 2", "int64[1x8] slot 3"), says("slot 3 does not exist"));
  CHECK_THAT(complaint_of("axis 1", "axis 2"), says("has no axis 2"));
  CHECK_THAT(complaint_of("-> slot 1, _", "-> slot 2, _"), says("slot 2 shows a planned place"));
  CHECK_THAT(complaint_of("-> t3", "-> t3: int64[1x8] slot 2 axis 1, t3"), says("slot 2 shows several places"));
  CHECK_THAT(complaint_of("host NonZero@9(in1: int64[])", "host NonZero@9(in1: int64[] slot 0 axis 0)"),
             says("an input"));
  CHECK_THAT(complaint_of("= out0", "= t0"), says("output 0"));
  CHECK_THAT(complaint_of("arg w f32 const 64", "arg w f32 const 128"), says("lie outside"));
  CHECK_THAT(complaint_of("          call k0", "          loop 2\n            call k0"), says("nested"));
}

TEST_CASE("what is no text of a program is refused with its line", "[program]") {
  CHECK_THAT(complaint(""), says("'program' is expected"));
  CHECK_THAT(complaint("graph {}"), says("'program' is expected") && says("line 1"));
  CHECK_THAT(complaint_of("input in1", "input in2"), says("in1 is expected") && says("line 3"));
  CHECK_THAT(complaint_of("int64[]", "int65[]"), says("'int65' is no data type"));
  CHECK_THAT(complaint_of("float[2x16]", "float[2x]"), says("no number"));
  CHECK_THAT(complaint_of("float[2x16]", "float[2x-1]"), says("a dimension is -1"));
  CHECK_THAT(complaint_of("float[2x16]", "float[4611686018427387904x4]"), says("line 2"));
  CHECK_THAT(complaint_of("weight w0 64", "weight w0 much"), says("'much' is no number"));
  CHECK_THAT(complaint_of("\"workspace of a", "\"a\" b"), says("left over"));
  CHECK_THAT(complaint_of("all\"", "all"), says("the quoted text has no end"));
  CHECK_THAT(complaint_of("scratch", "stack"), says("no declaration 'stack'"));
  CHECK_THAT(complaint_of("step 1", "step 2"), says("1 is expected"));
  CHECK_THAT(complaint_of("n8", "n1000000000"), says("out of range"));
  CHECK_THAT(complaint_of("n8", "n3"), says("n3 is node 'a conv' (Conv) in an earlier step"));
  CHECK_THAT(complaint_of("in0+64*i0", "in0+64*i6"), says("'i6' is no index"));
  CHECK_THAT(complaint_of("in0+64*i0", "x0"), says("no address"));
  CHECK_THAT(complaint_of("      loop 1", "        loop 1"), says("indentation is 8, at most 6") && says("line 19"));
  CHECK_THAT(complaint_of("grid 1x1x1x3", "grid 1x1x1x3x1"), says("at most 4 axes"));
  CHECK_THAT(complaint_of("host TopK@1", "host TopK@2"), says("no definition TopK@2"));
  CHECK_THAT(complaint_of("    host", "    grid 2\n    host"), says("does not fit here"));
  CHECK_THAT(complaint_of("      call", "      put"), says("'call' or 'loop' is expected"));
  CHECK_THAT(complaint_of("-> slot 1", "-> t0"), says("':' is expected"));
  CHECK_THAT(complaint_of("v0 = load x[0]", "v0 = lead x[0]"), says("no operation 'lead'") && says("line 42"));
  CHECK_THAT(complaint_of("kernel k1", "kernel k5"), says("k1 is expected"));
}

TEST_CASE("a damaged text is an error or a program, never worse", "[program]") {
  std::mt19937 random(7);
  std::string const letters = "0159 -+*x[]():,;\"\\ \nintsowkcall_@n.";
  std::string const whole = every_form;
  int refused = 0;
  for (int i = 0; i < 5000; ++i) {
    auto text = whole;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      auto const at = random() % text.size();
      if (random() % 4 == 0)
        text.erase(at, 1 + random() % 20);
      else
        text[at] = letters[random() % letters.size()];
    }
    try {
      auto const p = parse_program(text);
      CHECK(print(parse_program(print(p))) == print(p));
      for (auto const& k : p.kernels) vector::verify(*k);
      verify(p);
    } catch (error const&) {
      ++refused;
    }
  }
  CHECK(refused > 2500);
}

TEST_CASE("weights of a program from text have no bytes", "[program]") {
  auto const p = parse_program(every_form);
  CHECK_THROWS_WITH(p.weights[0].fill(nullptr), says("was read from text"));
}
