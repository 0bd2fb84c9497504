#include "catch.hpp"
#include "cuda/emulated_run.hpp"
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

/// Operators on integers and booleans, and between types, against the CPU's plain loops in every bit.
using namespace sinter;
using namespace sinter::test;

namespace {

constexpr std::array integers{dtype::int8,  dtype::uint8,  dtype::int16, dtype::uint16,
                              dtype::int32, dtype::uint32, dtype::int64, dtype::uint64};
constexpr std::array floats{dtype::float32, dtype::float16, dtype::bfloat16};

/// Numbers at the ends of ranges and around 0; others at random.
any_tensor numbers(dtype type, shape const& s, std::uint32_t first) {
  auto seed = first;
  any_tensor t(type, s);
  constexpr std::int64_t special[] = {0,   1,     -1,     2,     -2,        127,       128,       -128,
                                      255, 32767, -32768, 65535, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
  for (std::size_t i = 0; i < t.elements(); ++i) {
    seed = seed * 1664525u + 1013904223u;
    auto const chosen = seed >> 16;
    store<std::int64_t>(type, t.data(), i,
                        chosen % 3 ? special[chosen % std::size(special)] : std::int64_t(chosen) - 30000);
  }
  // The first quotient is one that does not fit.
  store<std::int64_t>(type, t.data(), 0, first == 1 ? INT64_MIN : -1);
  return t;
}

/// Fractions, numbers beyond the integers, infinities and NaN.
any_tensor reals(dtype type, shape const& s, std::uint32_t seed) {
  any_tensor t(type, s);
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float special[] = {
      0,    -0.0f, 0.5f,  -0.5f,  1.75f, -1.75f,   255.5f,    -129,
      3e9f, -3e9f, 1e19f, -1e19f, 2e19f, infinity, -infinity, std::numeric_limits<float>::quiet_NaN()};
  for (std::size_t i = 0; i < t.elements(); ++i) {
    seed = seed * 1664525u + 1013904223u;
    store<float>(type, t.data(), i, special[(seed >> 16) % std::size(special)]);
  }
  return t;
}

any_tensor random_tensor(tensor_type const& type, std::uint32_t seed) {
  if (is_floating(type.element)) return reals(type.element, *type.shape, seed);
  return numbers(type.element, *type.shape, seed);
}

/// Equal bits; but a NaN is a NaN.
bool equal_numbers(any_tensor const& a, any_tensor const& b) {
  if (!is_floating(a.type()) || a.type() != b.type()) return equal_bits({a}, {b});
  auto const at = [](any_tensor const& t, std::size_t i) { return load<float>(t.type(), t.data(), i); };
  for (std::size_t i = 0; i < b.elements(); ++i) {
    bool const same = std::bit_cast<std::uint32_t>(at(a, i)) == std::bit_cast<std::uint32_t>(at(b, i));
    if (!same && !(std::isnan(at(a, i)) && std::isnan(at(b, i)))) return false;
  }
  return a.shape() == b.shape();
}

/// That a node is launches, one if its operands are not widened, and equal in bits.
void check_numbers(std::string_view types, std::string_view node) {
  INFO(types << ": " << node);
  auto const g = parse(fmt::format("graph opset 18 {{\n{}\n y = {}\n output y\n}}\n", types, node));
  auto const p = plan_for_cuda(g);
  if (types.find("float16") == types.npos) CHECK(count_launches(p) == 1);
  CHECK(count_steps<host_call>(p) == 0);
  std::vector<any_tensor> operands;
  for (auto const& in : g.inputs)
    operands.push_back(random_tensor(g.at(in.value).type, std::uint32_t(operands.size()) + 1));
  CHECK(equal_numbers(run_emulated(g, operands)[0], run_compiled(g, operands, {target("none")})[0]));
}

std::string two(dtype type) { return fmt::format(" input a: {0}[7x9]\n input b: {0}[9]", name(type)); }

}  // namespace

TEST_CASE("arithmetic of integers is a launch and wraps") {
  auto const type = GENERATE(from_range(integers));
  for (auto const* op : {"Add", "Sub", "Mul", "Div", "Max", "Min", "Mod"})
    check_numbers(two(type), fmt::format("{}(a, b)", op));
  check_numbers(two(type), "Sum(a, b, a)");
  if (name(type).starts_with("uint")) return;
  check_numbers(two(type), "Mod(a, b) {fmod = 1}");
  for (auto const* op : {"Neg", "Abs", "Sign", "Relu"}) check_numbers(two(type), fmt::format("{}(a)", op));
}

TEST_CASE("comparisons of all types are a launch") {
  std::vector<dtype> types(integers.begin(), integers.end());
  types.insert(types.end(), floats.begin(), floats.end());
  auto const type = GENERATE_COPY(from_range(types));
  for (auto const* op : {"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"})
    check_numbers(two(type), fmt::format("{}(a, b)", op));
}

TEST_CASE("logic and choices are a launch") {
  for (auto const* op : {"And(a, b)", "Or(a, b)", "Xor(a, b)", "Not(a)", "Equal(a, b)"})
    check_numbers(two(dtype::boolean), op);
  for (auto const type : {dtype::float32, dtype::float16, dtype::int64, dtype::uint8, dtype::boolean})
    check_numbers(fmt::format(" input c: bool[7x1]\n input a: {0}[9]\n input b: {0}[7x9]", name(type)),
                  "Where(c, a, b)");
  for (auto const* op : {"IsNaN(a)", "IsInf(a)", "IsInf(a) {detect_negative = 0}", "IsInf(a) {detect_positive = 0}"})
    check_numbers(" input a: float[7x9]", op);
}

TEST_CASE("casts between types are a launch") {
  std::vector<dtype> types(integers.begin(), integers.end());
  types.insert(types.end(), floats.begin(), floats.end());
  types.push_back(dtype::boolean);
  auto const from = GENERATE_COPY(from_range(types));
  for (auto const to : types)
    if (to != from)
      check_numbers(fmt::format(" input a: {}[7x9]", name(from)),
                    fmt::format("Cast(a) {{to = {}}}", static_cast<int>(to)));
}
