#include <sinter/program/device_recurrent.hpp>

#include "forms.hpp"
#include <cmath>
#include <cstdint>
#include <vector>

using namespace sinter;

namespace {

/// What one step reads, and the product of a row of R and the state.
struct step_data {
  device_recurrent what;
  std::int64_t gates = what.cell == device_cell::lstm ? 4 : 3;
  std::vector<float> x = random_floats(what.batch * what.x_batch, 1);
  std::vector<float> r = random_floats(gates * what.hidden * what.hidden, 2);
  std::vector<float> h = random_floats(what.batch * what.hidden, 3), c = random_floats(what.batch * what.hidden, 4);
  std::vector<float> extra = random_floats((what.cell == device_cell::lstm ? 3 : 1) * what.hidden, 5);

  double input(std::int64_t row, std::int64_t gate, std::int64_t unit) const {
    return x[static_cast<std::size_t>(row * what.x_batch + (unit / 16 * gates + gate) * 16 + unit % 16)];
  }
  double product(std::int64_t row, std::int64_t gate, std::int64_t unit) const {
    double sum = 0;
    for (std::int64_t k = 0; k < what.hidden; ++k)
      sum += double(r[static_cast<std::size_t>((gate * what.hidden + unit) * what.hidden + k)]) *
             h[static_cast<std::size_t>(row * what.hidden + k)];
    return sum;
  }
};

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

void add_lstm(emulated_calls& calls, std::int64_t batch, std::int64_t hidden, bool peephole) {
  step_data const d{{device_cell::lstm, batch, hidden, divide_up(hidden, 16) * 64, peephole}};
  std::vector<float> y, c;
  for (std::int64_t row = 0; row < batch; ++row)
    for (std::int64_t unit = 0; unit < hidden; ++unit) {
      double const before = d.c[static_cast<std::size_t>(row * hidden + unit)];
      auto const gate = [&](std::int64_t g, double state) {
        auto const peep = peephole && g < 3 ? d.extra[static_cast<std::size_t>(g * hidden + unit)] * state : 0;
        return d.input(row, g, unit) + d.product(row, g, unit) + peep;
      };
      double const after = logistic(gate(2, before)) * before + logistic(gate(0, before)) * std::tanh(gate(3, 0));
      c.push_back(static_cast<float>(after));
      y.push_back(static_cast<float>(logistic(gate(1, after)) * std::tanh(after)));
    }
  auto const cell = calls.changing(d.c), next = calls.output(batch * hidden * std::int64_t(sizeof(float)));
  std::vector arguments{calls.input(d.x), calls.input(d.r), calls.input(d.h), next, cell};
  if (peephole) arguments.push_back(calls.input(d.extra));
  calls.call(recurrent_call(d.what), arguments);
  calls.expect(cell, c, 1e-5);
  calls.expect(next, y, 1e-5);
}

void add_gru(emulated_calls& calls, std::int64_t batch, std::int64_t hidden) {
  step_data const d{{device_cell::gru, batch, hidden, divide_up(hidden, 16) * 48}};
  std::vector<float> y;
  for (std::int64_t row = 0; row < batch; ++row)
    for (std::int64_t unit = 0; unit < hidden; ++unit) {
      auto const gate = [&](std::int64_t g) { return logistic(d.input(row, g, unit) + d.product(row, g, unit)); };
      auto const state = d.product(row, 2, unit) + d.extra[static_cast<std::size_t>(unit)];
      auto const candidate = std::tanh(d.input(row, 2, unit) + gate(1) * state);
      y.push_back(
          static_cast<float>((1 - gate(0)) * candidate + gate(0) * d.h[static_cast<std::size_t>(row * hidden + unit)]));
    }
  auto const next = calls.output(batch * hidden * std::int64_t(sizeof(float)));
  calls.call(recurrent_call(d.what),
             {calls.input(d.x), calls.input(d.r), calls.input(d.h), next, calls.input(d.extra)});
  calls.expect(next, y, 1e-5);
}

}  // namespace

TEST_CASE("steps of recurrent layers", "[device]") {
  emulated_calls calls;
  add_lstm(calls, 1, 64, false);
  add_lstm(calls, 6, 35, true);
  add_gru(calls, 5, 36);
  add_gru(calls, 1, 21);
  calls.run();
}
