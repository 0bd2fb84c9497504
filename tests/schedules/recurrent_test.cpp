#include <sinter/schedules/recurrent.hpp>

#include "harness.hpp"
#include <string>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto lstm_entry = entry_of<projected_lstm>();
constexpr auto gru_entry = entry_of<projected_gru>();
constexpr auto rnn_entry = entry_of<projected_rnn>();

/// A recurrent layer; `outputs` says which of Y, Y_h, Y_c are wanted.
struct layer {
  recurrent_kind kind = recurrent_kind::lstm;
  std::int64_t steps = 3, batch = 1, hidden = 16;
  std::string direction = "forward";
  std::string outputs = "y";
  bool states = false, peepholes = false, batch_first = false;
  attribute_map attributes = {};
};

/// The bias beside R of a GRU: zero for the gates.
any_tensor candidate_bias(std::int64_t directions, std::int64_t hidden) {
  auto bias = random_tensor({directions, 3 * hidden}, 3);
  for (std::int64_t d = 0; d < directions; ++d)
    std::fill_n(static_cast<float*>(bias.data()) + d * 3 * hidden, 2 * hidden, 0.0f);
  return bias;
}

test_case layer_case(layer const& l) {
  auto const gates = gates_of(l.kind), dirs = std::int64_t{l.direction == "bidirectional" ? 2 : 1};
  auto const width = dirs * kernels::projection_size(gates, l.hidden);
  auto const first = l.batch_first ? l.batch : l.steps, second = l.batch_first ? l.steps : l.batch;
  auto const state = l.batch_first ? shape{l.batch, dirs, l.hidden} : shape{dirs, l.batch, l.hidden};
  auto const reach = 2 / std::sqrt(static_cast<float>(l.hidden));
  std::vector<test_operand> in{{random_tensor({first, second, width}, 1)},
                               {},
                               {random_tensor({dirs, gates * l.hidden, l.hidden}, 2, -reach, reach), true},
                               {},
                               {}};
  if (l.attributes.contains("linear_before_reset")) in[3] = {candidate_bias(dirs, l.hidden), true};
  in.push_back(l.states ? test_operand{random_tensor(state, 4)} : test_operand{});
  bool const lstm = l.kind == recurrent_kind::lstm;
  if (lstm) in.push_back(l.states ? test_operand{random_tensor(state, 5), true} : test_operand{});
  if (lstm && l.peepholes) in.push_back({random_tensor({dirs, 3 * l.hidden}, 6), true});
  auto attributes = l.attributes;
  attributes["direction"] = l.direction;
  attributes["layout"] = std::int64_t{l.batch_first};
  auto c = make_case(lstm ? lstm_entry : l.kind == recurrent_kind::gru ? gru_entry : rnn_entry, attributes, in);
  c.node.outputs.clear();
  for (std::size_t i = 0; i < (lstm ? 3u : 2u); ++i)
    c.node.outputs.push_back(l.outputs.find("yhc"[i]) == std::string::npos
                                 ? value_id{}
                                 : value_id{static_cast<std::int32_t>(in.size() + i)});
  return c;
}

void check_layer(layer const& l) {
  INFO("kind " << static_cast<int>(l.kind) << " steps " << l.steps << " batch " << l.batch << " hidden " << l.hidden
               << " " << l.direction << " outputs " << l.outputs);
  check_case(layer_case(l), recurrent_schedule, 1e-5);
}

}  // namespace

TEST_CASE("recurrent layers of any size agree with evaluate", "[schedules]") {
  using enum recurrent_kind;
  for (auto const kind : {lstm, gru, rnn})
    for (auto const hidden : {1, 2, 3, 8, 15, 16, 40, 64, 100})
      for (auto const batch : {1, 2, 7})
        check_layer({.kind = kind, .batch = batch, .hidden = hidden, .outputs = "yhc"});
}

TEST_CASE("recurrent layers run both ways, from given states, and give the outputs that are wanted", "[schedules]") {
  using enum recurrent_kind;
  auto const kind = GENERATE(lstm, gru, rnn);
  auto const direction = GENERATE("forward", "reverse", "bidirectional");
  auto const batch_first = GENERATE(false, true);
  for (auto const steps : {1, 2, 5})
    for (auto const outputs : {"y", "h", "c", "yh", "yhc"})
      check_layer({.kind = kind,
                   .steps = steps,
                   .batch = 5,
                   .hidden = 36,
                   .direction = direction,
                   .outputs = kind != lstm && *outputs == 'c' ? "h" : outputs,
                   .states = steps != 2,
                   .batch_first = batch_first});
}

TEST_CASE("cells have peepholes, coupled gates, clips and other activations", "[schedules]") {
  using enum recurrent_kind;
  using names = std::vector<std::string>;
  auto const with = [](std::string const& name, attribute value) { return attribute_map{{name, std::move(value)}}; };
  for (auto const batch : {1, 4}) {
    check_layer({.batch = batch, .outputs = "yc", .states = true, .peepholes = true});
    check_layer({.batch = batch, .attributes = with("input_forget", std::int64_t{1})});
    check_layer({.batch = batch, .peepholes = true, .attributes = with("clip", 0.5f)});
    check_layer(
        {.kind = gru, .batch = batch, .hidden = 20, .attributes = with("linear_before_reset", std::int64_t{1})});
    check_layer({.kind = gru, .batch = batch, .attributes = with("clip", 0.5f)});
  }
  for (auto const name : {"Relu", "Tanh", "Sigmoid", "Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh",
                          "HardSigmoid", "Elu", "Softsign", "Softplus"}) {
    INFO(name);
    check_layer({.kind = rnn, .attributes = with("activations", names{name})});
    check_layer({.kind = gru, .attributes = with("activations", names{"Sigmoid", name})});
    check_layer({.attributes = with("activations", names{"HardSigmoid", "Softsign", name})});
  }
}

TEST_CASE("recurrent kernels want constant weights and no sequence lengths", "[schedules]") {
  auto c = layer_case({});
  target const machine("avx512");
  CHECK(offers(recurrent_schedule, c, machine));
  c.inputs[4] = {any_tensor::of<std::int32_t>({1}, {3}), true};
  CHECK_FALSE(offers(recurrent_schedule, c, machine));
  c.inputs[4] = {};
  c.inputs[2].constant = false;
  CHECK_FALSE(offers(recurrent_schedule, c, machine));
}
