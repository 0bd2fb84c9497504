#pragma once

#include <sinter/kernels/recurrent.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

using kernels::recurrent_kind;

struct recurrent_attributes {
  std::vector<kernels::activation> activations{};  ///< all of the first direction, then of the second
  std::int64_t directions = 1;
  bool reverse = false;      ///< the only direction is backwards
  bool batch_first = false;  ///< the attribute 'layout'
  bool input_forget = false;
  bool linear_before_reset = false;
  double clip = 0;
  std::int64_t hidden = 0;  ///< 0: as R says
};

namespace detail {

/// The activations, each with its parameters from the lists that all share.
inline std::vector<kernels::activation> parse_activations(attribute_reader const& r,
                                                          std::vector<std::string> const& names) {
  struct row {
    std::string_view name;
    kernels::activation_kind kind;
    int parameters;
    double alpha, beta;
  };
  using kind = kernels::activation_kind;
  constexpr row table[] = {
      {"relu", kind::relu, 0, 0, 0},
      {"tanh", kind::tanh, 0, 0, 0},
      {"sigmoid", kind::sigmoid, 0, 0, 0},
      {"affine", kind::affine, 2, 1, 0},
      {"leakyrelu", kind::leaky_relu, 1, 0.01, 0},
      {"thresholdedrelu", kind::thresholded_relu, 1, 1, 0},
      {"scaledtanh", kind::scaled_tanh, 2, 1, 1},
      {"hardsigmoid", kind::hard_sigmoid, 2, 0.2, 0.5},
      {"elu", kind::elu, 1, 1, 0},
      {"softsign", kind::softsign, 0, 0, 0},
      {"softplus", kind::softplus, 0, 0, 0},
  };
  auto const alphas = r.get("activation_alpha", std::vector<float>{});
  auto const betas = r.get("activation_beta", std::vector<float>{});
  std::size_t next_alpha = 0, next_beta = 0;
  std::vector<kernels::activation> activations;
  for (auto const& given : names) {
    std::string lower;
    for (auto const c : given) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    auto const found = std::ranges::find(table, lower, &row::name);
    if (found == std::end(table))
      fail(error_code::malformed_model, "the attribute 'activations' holds '{}', which is none", given);
    kernels::activation a{found->kind, found->alpha, found->beta};
    if (found->parameters > 0 && next_alpha < alphas.size()) a.alpha = static_cast<double>(alphas[next_alpha++]);
    if (found->parameters > 1 && next_beta < betas.size()) a.beta = static_cast<double>(betas[next_beta++]);
    activations.push_back(a);
  }
  return activations;
}

/// The extents of a recurrent operator.
struct recurrent_extents {
  std::int64_t steps, batch, input, hidden;
};

}  // namespace detail

/// RNN, GRU and LSTM.   https://onnx.ai/onnx/operators/onnx__LSTM.html
///
/// `Projected`: sinter.RNN, sinter.GRU and sinter.LSTM, whose input 0 holds X·W with the biases, float32, and which
/// have no input 1. The elements of a step and sequence are, for each direction, those of `kernels::projection_index`.
/// B is omitted unless `linear_before_reset` needs a bias beside R: [directions, gates*hidden], zero but for gate 2.
template <recurrent_kind Kind, bool Projected = false>
struct recurrent {
  static constexpr bool is_lstm = Kind == recurrent_kind::lstm;
  static constexpr op_schema schema{.name = is_lstm                       ? "LSTM"
                                            : Kind == recurrent_kind::gru ? "GRU"
                                                                          : "RNN",
                                    .since = 1,
                                    .domain = Projected ? "sinter" : "",
                                    .min_inputs = Projected ? 1 : 3,
                                    .max_inputs = is_lstm ? 8 : 6,
                                    .max_outputs = is_lstm ? 3 : 2};
  using attributes = recurrent_attributes;

  static attributes parse(attribute_reader const& r) {
    constexpr std::array<std::string_view, 3> directions{"forward", "reverse", "bidirectional"};
    auto const direction = r.choice("direction", "forward", directions);
    attributes a;
    a.directions = direction == 2 ? 2 : 1;
    a.reverse = direction == 1;
    a.batch_first = r.get("layout", false);
    a.input_forget = r.get("input_forget", false);
    a.linear_before_reset = r.get("linear_before_reset", false);
    a.hidden = r.get<std::int64_t>("hidden_size", 0);
    r.ignore("output_sequence");  // the outputs that are named tell as much
    a.clip = static_cast<double>(r.get("clip", 0.0f));
    std::vector<std::string> const one = is_lstm ? std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"}
                                         : Kind == recurrent_kind::gru ? std::vector<std::string>{"Sigmoid", "Tanh"}
                                                                       : std::vector<std::string>{"Tanh"};
    auto names = r.get("activations", std::vector<std::string>{});
    auto const expected = one.size() * static_cast<std::size_t>(a.directions);
    while (names.size() < expected && names.size() % one.size() == 0) names.insert(names.end(), one.begin(), one.end());
    if (names.size() != expected)
      fail(error_code::malformed_model, "the attribute 'activations' has {} values, expected {}", names.size(),
           expected);
    a.activations = detail::parse_activations(r, names);
    return a;
  }

  static detail::recurrent_extents extents_of(shape const& x, shape const& r, attributes const& a) {
    if (x.rank() != 3 || r.rank() != 3)
      fail(error_code::malformed_model, "the inputs X and R have shapes {} and {}, expected rank 3", x, r);
    if (a.hidden != 0 && a.hidden != r[2])
      fail(error_code::malformed_model, "the attribute 'hidden_size' is {}, the input R has shape {}", a.hidden, r);
    return {a.batch_first ? x[1] : x[0], a.batch_first ? x[0] : x[1], x[2], r[2]};
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const e = extents_of(in.shape(0), in.shape(2), a);
    auto const rows = checked_mul(kernels::gates_of(Kind), e.hidden), dirs = a.directions;
    auto const state = a.batch_first ? shape{e.batch, dirs, e.hidden} : shape{dirs, e.batch, e.hidden};
    auto const row_of_x = Projected ? checked_mul(dirs, kernels::projection_size(gates_of(Kind), e.hidden)) : e.input;
    shape const expected[] = {{in.shape(0)[0], in.shape(0)[1], row_of_x},
                              {dirs, rows, e.input},
                              {dirs, rows, e.hidden},
                              {dirs, Projected ? rows : checked_mul(2, rows)},
                              {e.batch},
                              state,
                              state,
                              {dirs, checked_mul(3, e.hidden)}};
    for (std::size_t i = 0; i < 8; ++i)
      if (in.has(i) && in.shape(i) != expected[i])
        fail(error_code::malformed_model, "the input {} has shape {}, expected {}", i, in.shape(i), expected[i]);
    auto const y = a.batch_first ? shape{e.batch, e.steps, dirs, e.hidden} : shape{e.steps, dirs, e.batch, e.hidden};
    return {{in.element(0), y}, {in.element(0), state}, {in.element(0), state}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    constexpr std::string_view name = is_lstm                       ? "recurrent<sinter::kernels::recurrent_kind::lstm>"
                                      : Kind == recurrent_kind::gru ? "recurrent<sinter::kernels::recurrent_kind::gru>"
                                                                    : "recurrent<sinter::kernels::recurrent_kind::rnn>";
    kernel_call call{.kernel = {kernels::recurrent<Kind>, name, "recurrent.hpp"},
                     .integers = {a.directions, a.reverse, a.batch_first, a.input_forget, a.linear_before_reset},
                     .reals = {a.clip},
                     .may_fail = in.has(4) && !in.value(4)};
    for (auto const& f : a.activations) {
      call.integers.push_back(static_cast<std::int64_t>(f.kind));
      call.reals.insert(call.reals.end(), {f.alpha, f.beta});
    }
    return call;
  }
};

using rnn = recurrent<recurrent_kind::rnn>;
using gru = recurrent<recurrent_kind::gru>;
using lstm = recurrent<recurrent_kind::lstm>;
using projected_rnn = recurrent<recurrent_kind::rnn, true>;
using projected_gru = recurrent<recurrent_kind::gru, true>;
using projected_lstm = recurrent<recurrent_kind::lstm, true>;

}  // namespace sinter
