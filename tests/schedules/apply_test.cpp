#include <sinter/expr/math.hpp>
#include <sinter/expr/text.hpp>
#include <sinter/schedules/apply.hpp>
#include <sinter/vector/register_pressure.hpp>

#include "schedules/harness.hpp"
#include <bit>

using namespace sinter;
using namespace sinter::test;

namespace {

/// `f` over 64 elements of each operand, operands one after the other.
vector::program pointwise(expr::function const& f, int lanes, int kept_constants) {
  vector::builder b("pointwise", lanes);
  auto const x = b.argument("x", vector::access::in, static_cast<std::int64_t>(f.inputs) * 256);
  auto const y = b.argument("y", vector::access::out, 256);
  applied_function g(f);
  g.keep_constants(b, kept_constants);
  b.loop(64 / lanes, {{x, 4 * lanes}, {y, 4 * lanes}}, [&] {
    std::vector<vector::reg> operands;
    for (std::size_t i = 0; i < f.inputs; ++i) operands.push_back(b.load(x.at(static_cast<std::int64_t>(i) * 256)));
    b.store(y.at(0), g(b, operands));
  });
  return std::move(b).take();
}

std::vector<float> operands_of(expr::op code, std::size_t inputs) {
  float const special[] = {0, -0.0f, 1, -1, INFINITY, -INFINITY, NAN, 0.5f, 3.25f, -2.5f, 100, -100, 1e-40f, -1e-40f};
  std::vector<float> x(inputs * 64);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = i % 64 < 14 ? special[(i * 5 + i / 64) % 14] : 5 * std::sin(static_cast<float>(i) * 1.7f);
    if (code == expr::op::scale2 && i >= 64) x[i] = std::isfinite(x[i]) ? std::nearbyint(x[i]) : 3;
  }
  return x;
}

void check_bits(expr::instruction line) {
  INFO(expr::name(line.code));
  auto const inputs = static_cast<std::size_t>(expr::arity(line.code));
  std::vector<expr::value> operands;
  for (std::size_t i = 0; i < inputs; ++i) operands.push_back(expr::input(i));
  auto const f = expr::expand(expr::flatten(expr::value(line, operands), inputs));
  auto x = operands_of(line.code, inputs);
  for (auto const& t : targets)
    for (int const kept : {0, 5}) {
      auto const program = pointwise(f, t.lanes(), kept);
      if (registers_to_apply(f) + kept + static_cast<int>(inputs) + 2 > t.registers()) continue;
      CHECK_NOTHROW(vector::verify(program));
      std::array<float, 64> y{}, machine{};
      std::array<std::byte*, 2> arguments{reinterpret_cast<std::byte*>(x.data()),
                                          reinterpret_cast<std::byte*>(y.data())};
      interpreted(program)(arguments.data());
      arguments[1] = reinterpret_cast<std::byte*>(machine.data());
      emitted(program)(arguments.data());
      for (std::size_t i = 0; i < 64; ++i) {
        float at[4]{};
        for (std::size_t k = 0; k < inputs; ++k) at[k] = x[k * 64 + i];
        auto const expected = expr::evaluate(f, at);
        INFO("of " << at[0] << " " << at[1] << " kept " << kept << " lanes " << t.lanes());
        auto const same = [&](float v) {
          return std::bit_cast<std::uint32_t>(v) == std::bit_cast<std::uint32_t>(expected) ||
                 (v != v && expected != expected);
        };
        CHECK(same(y[i]));
        CHECK(same(machine[i]));
      }
    }
}

}  // namespace

TEST_CASE("kernels compute the bits of evaluate") {
  for (auto code = expr::op::add; code <= expr::op::pow; code = static_cast<expr::op>(static_cast<int>(code) + 1))
    for (int cc = 0; cc < (code == expr::op::select ? 6 : 1); ++cc)
      check_bits({.code = code, .cc = static_cast<expr::compare>(cc)});
}
