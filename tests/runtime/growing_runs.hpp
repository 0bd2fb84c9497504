#pragma once

#include <sinter/graph/text.hpp>
#include <sinter/kernels/element.hpp>
#include <sinter/ops/evaluate.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include "passes/random_inputs.hpp"
#include "runtime/state_models.hpp"
#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Contexts whose state grows beside plain loops, for tests.
namespace sinter::test {

using state_pairs = std::vector<state_pair>;

inline state_pairs const keys_and_values{{"k", "k_next"}, {"v", "v_next"}};

inline any_tensor noise(shape s, std::uint32_t seed) {
  any_tensor t(dtype::float32, s);
  for (std::size_t i = 0; i < t.elements(); ++i) {
    seed = seed * 1664525u + 1013904223u;
    static_cast<float*>(t.data())[i] = static_cast<float>(seed >> 8) * 0x1p-23f - 1.0f;
  }
  return t;
}

inline options growing(std::int64_t most, state_pairs state = keys_and_values) {
  options how;
  how.state = std::move(state);
  how.bounds = {{"past", most}};
  return how;
}

/// Runs a context and, by plain loops with the state that these gave, the graph; they must agree at each step.
class side_by_side {
 public:
  /// A run adds `rows` rows. `holes`: masks hide some of what there is.
  side_by_side(std::string const& text, options const& how, std::int64_t rows = 1, bool holes = true)
      : graph_(parse(text)), model_(model_of(graph_, how)), how_(how), rows_(rows), holes_(holes) {
    for (auto const& p : graph_.inputs) {
      auto const& declared = *p.declared;
      shape s;
      for (auto const& d : declared) s.push_back(d.known() ? d.extent : 0);
      inputs_.emplace_back(graph_.at(p.value).type.element, s);
    }
  }

  model& net() { return model_; }

  void run(context& c, int steps) {
    for (int step = 0; step < steps; ++step) {
      ++seed_;
      INFO("step " << step);
      for (std::size_t i = 0; i < inputs_.size(); ++i) {
        if (is_state(i)) continue;
        inputs_[i] = given(i);
        c.set_input(i, inputs_[i].view());
      }
      c.run();
      auto const expected = evaluate(graph_, inputs_);
      auto const saved = c.save_state();
      length_ += rows_;
      for (std::size_t i = 0; i < how_.state.size(); ++i) {
        auto const out = index_of(graph_.outputs, how_.state[i].output);
        REQUIRE(saved[i].shape() == expected[out].shape());
        CHECK(largest_difference({saved[i]}, {expected[out]}) < 1e-5f);
        inputs_[index_of(graph_.inputs, how_.state[i].input)] = expected[out];
      }
      for (std::size_t i = 0; i < expected.size(); ++i)
        if (!is_kept(i)) REQUIRE(largest_difference({copy_of(c.output(i))}, {expected[i]}) < 1e-4f);
    }
  }

 private:
  /// Of an input that is no state: noise, or of integers 1 and now and then 0. `past` is the length of the state,
  /// `total` that and the rows of the run.
  any_tensor given(std::size_t i) const {
    shape s;
    for (auto const& d : *graph_.inputs[i].declared)
      s.push_back(d.known() ? d.extent : d.symbol == "past" ? length_ : length_ + rows_);
    auto t = noise(s, seed_ + static_cast<std::uint32_t>(i));
    if (auto const type = inputs_[i].type(); type != dtype::float32) {
      any_tensor whole(type, s);
      for (std::size_t at = 0; at < whole.elements(); ++at)
        store<std::int64_t>(type, whole.data(), at, !holes_ || at % 5 != 2);
      return whole;
    }
    return t;
  }

  std::size_t index_of(std::vector<port> const& ports, std::string_view name) const {
    for (std::size_t i = 0; i < ports.size(); ++i)
      if (graph_.at(ports[i].value).name == name) return i;
    throw std::runtime_error("no such port");
  }
  bool is_state(std::size_t input) const {
    return std::ranges::count(how_.state, graph_.at(graph_.inputs[input].value).name, &state_pair::input) > 0;
  }
  bool is_kept(std::size_t output) const {
    return std::ranges::count(how_.state, graph_.at(graph_.outputs[output].value).name, &state_pair::output) > 0;
  }

  graph graph_;
  model model_;
  options how_;
  std::vector<any_tensor> inputs_{};
  std::int64_t rows_, length_ = 0;
  bool holes_;
  std::uint32_t seed_ = 0;
};

inline void agrees(std::string const& text, int steps, std::int64_t most, state_pairs state = keys_and_values) {
  side_by_side both(text, growing(most, std::move(state)));
  auto c = both.net().context();
  both.run(c, steps);
}

inline std::string growth_refusal(std::string_view text, options how) {
  return message_of([&] { model_of(text, std::move(how)).context(); }, std::nullopt);
}

}  // namespace sinter::test
