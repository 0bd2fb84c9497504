// Expected values are worked out by hand.
#include "one_node.hpp"
#include <cmath>
#include <limits>

using sinter::any_tensor;
using std::string;

TEST_CASE("Attention averages values by softmax, causally and behind a mask") {
  // keys of zero: all weights are equal; two queries, three keys after one past key
  auto const q = floats({1, 1, 2, 1}, {1, 1}), k = floats({1, 1, 2, 1}, {0, 0}), v = floats({1, 1, 2, 1}, {2, 6});
  auto const past = floats({1, 1, 1, 1}, {0}), past_value = floats({1, 1, 1, 1}, {10});
  check_close(run("Attention", 23, {q, k, v}), {4, 4});
  check_close(run("Attention", 23, {q, k, v}, {{"is_causal", one}}), {2, 4});
  auto const with_past = run_all("Attention", 23, {q, k, v, {}, past, past_value}, {{"is_causal", one}}, 3);
  check_close(with_past[0], {6, 6});
  check_close(with_past[2], {10, 2, 6});
  check_close(run("Attention", 23, {q, k, v, bools({2, 2}, {false, true, true, true})}), {6, 4});
  auto const log3 = std::log(3.0f);
  check_close(run("Attention", 23, {q, k, v, floats({1, 2}, {log3, 0})}), {3, 3});
}

TEST_CASE("Attention shares heads of K and V, and caps scores before it masks them") {
  // rank 3: two query heads of one element, one head of keys
  auto const q = floats({1, 1, 2}, {0, 100}), k = floats({1, 2, 1}, {1, -1}), v = floats({1, 2, 1}, {4, 8});
  sinter::attribute_map a{{"q_num_heads", std::int64_t{2}}, {"kv_num_heads", one}, {"scale", 1.0f}};
  check_close(run("Attention", 23, {q, k, v}, a), {6, 4});
  a["softcap"] = 0.5f * std::log(3.0f);  // the second head's scores become log(3)/2 and -log(3)/2
  check_close(run("Attention", 23, {q, k, v}, a), {6, 5});
  CHECK_THAT(error_of("Attention", 23, {q, k, v}, {{"q_num_heads", std::int64_t{3}}}),
             says("'q_num_heads' is 3, expected a divisor of 2"));
  CHECK_THAT(error_of("Attention", 23, {q, k, floats({1, 1, 1}, {4})}, a), says("do not fit together"));
  CHECK_THAT(error_of("Attention", 23, {q, k, v, floats({5}, {0, 0, 0, 0, 0})}, a), says("broadcast"));
}

TEST_CASE("Attention looks through a window around each query's own position") {
  // keys of zero: each result is the mean of the values that the query sees
  auto const q = floats({1, 1, 4, 1}, {1, 1, 1, 1}), k = floats({1, 1, 4, 1}, {0, 0, 0, 0});
  auto const v = floats({1, 1, 4, 1}, {1, 2, 4, 8});
  std::int64_t const two = 2, zero = 0;
  check_close(run("Attention", 25, {q, k, v}, {{"left_window_size", one}}), {15.0 / 4, 15.0 / 4, 14.0 / 3, 6});
  check_close(run("Attention", 25, {q, k, v}, {{"right_window_size", one}}), {1.5, 7.0 / 3, 15.0 / 4, 15.0 / 4});
  check_close(run("Attention", 25, {q, k, v}, {{"left_window_size", zero}, {"right_window_size", one}}),
              {1.5, 3, 6, 8});
  check_close(
      run("Attention", 25, {q, k, v}, {{"left_window_size", one}, {"right_window_size", two}, {"is_causal", one}}),
      {1, 1.5, 3, 6});
  check_close(run("Attention", 25, {q, k, v}, {{"left_window_size", INT64_MAX}, {"right_window_size", INT64_MAX}}),
              {15.0 / 4, 15.0 / 4, 15.0 / 4, 15.0 / 4});
  auto const past = floats({1, 1, 2, 1}, {0, 0}), past_value = floats({1, 1, 2, 1}, {16, 32});
  check_close(run_all("Attention", 25, {q, k, v, {}, past, past_value},
                      {{"left_window_size", one}, {"right_window_size", zero}}, 3)[0],
              {16.5, 1.5, 3, 6});
  CHECK_THAT(error_of("Attention", 25, {q, k, v}, {{"left_window_size", std::int64_t{-2}}}), says("size -2"));
  CHECK_THAT(error_of("Attention", 25, {q, k, v}, {{"q_num_heads", two}}), says("'q_num_heads' is 2, an input has"));
  CHECK_THAT(error_of("Attention", 25, {q, k, v}, {{"softmax_precision", std::int64_t{7}}}), says("is 7"));
}

TEST_CASE("Attention takes the queries for the last ones of a cache of given length") {
  auto const q = floats({2, 1, 2, 1}, {1, 1, 1, 1}), k = floats({2, 1, 4, 1}, {0, 0, 0, 0, 0, 0, 0, 0});
  auto const v = floats({2, 1, 4, 1}, {1, 2, 4, 8, 1, 2, 4, 8});
  auto const attend = [&](any_tensor const& lengths, sinter::attribute_map a = {}) {
    return run("Attention", 24, {q, k, v, {}, {}, {}, lengths}, std::move(a));
  };
  check_close(attend(ints({2}, {3, 4})), {7.0 / 3, 7.0 / 3, 15.0 / 4, 15.0 / 4});
  check_close(attend(ints({2}, {3, 4}), {{"is_causal", one}}), {1.5, 7.0 / 3, 7.0 / 3, 15.0 / 4});
  check_close(attend(ints({2}, {1, 0}), {{"is_causal", one}}), {0, 1, 0, 0});  // more queries than keys
  check_close(attend(ints({2}, {3, 4}), {{"left_window_size", std::int64_t{0}}, {"is_causal", one}}), {2, 4, 4, 8});
  for (std::int64_t const wrong : {std::int64_t{-1}, std::int64_t{5}, INT64_MIN, INT64_MAX})
    CHECK_THAT(error_of("Attention", 24, {q, k, v, {}, {}, {}, ints({2}, {1, wrong})}), says("expected 0 to 4"));
  auto const past = floats({2, 1, 1, 1}, {0, 0});
  CHECK_THAT(error_of("Attention", 24, {q, k, v, {}, past, past, ints({2}, {1, 1})}), says("'nonpad_kv_seqlen'"));
}

TEST_CASE("Attention gives zeros for a query that sees no key") {
  auto const infinity = std::numeric_limits<float>::infinity();
  auto const q = floats({1, 1, 2, 1}, {1, 1}), k = floats({1, 1, 2, 1}, {0, 0}), v = floats({1, 1, 2, 1}, {2, 6});
  auto const modes = [](std::int64_t mode) { return sinter::attribute_map{{"qk_matmul_output_mode", mode}}; };
  for (auto const& mask : {bools({2, 2}, {false, false, true, true}), floats({2, 2}, {-infinity, -infinity, 0, 0})}) {
    auto const out = run_all("Attention", 23, {q, k, v, mask}, modes(3), 4);
    check_close(out[0], {0, 4});
    check_close(out[3], {0, 0, 0.5, 0.5});
    check_close(run_all("Attention", 23, {q, k, v, mask}, modes(2), 4)[3], {-infinity, -infinity, 0, 0});
  }
  auto const wild = floats({1, 1, 2, 1}, {infinity, 0});  // the masked score is not finite
  check_close(run("Attention", 23, {q, wild, v, bools({2, 2}, {false, false, false, true})}), {0, 6});
}

TEST_CASE("RotaryEmbedding turns pairs by a quarter") {
  auto const x = floats({1, 1, 1, 4}, {1, 2, 3, 4});
  auto const cosine = floats({2, 2}, {1, 1, 0, 0}), sine = floats({2, 2}, {0, 0, 1, 1}), second = ints({1, 1}, {1});
  check_close(run("RotaryEmbedding", 23, {x, cosine, sine, second}), {-3, -4, 1, 2});
  check_close(run("RotaryEmbedding", 23, {x, cosine, sine, second}, {{"interleaved", one}}), {-2, 1, -4, 3});
  check_close(run("RotaryEmbedding", 23, {x, cosine, sine, ints({1, 1}, {0})}), {1, 2, 3, 4});
  CHECK_THAT(error_of("RotaryEmbedding", 23, {x, cosine, sine, ints({1, 1}, {2})}),
             says("index or length is 2, expected 0 to 1"));
  CHECK_THAT(error_of("RotaryEmbedding", 23, {x, cosine, sine, second}, {{"rotary_embedding_dim", std::int64_t{6}}}),
             says("'rotary_embedding_dim' is 6"));
}

TEST_CASE("Likelihood losses weigh, ignore and reduce") {
  auto const x = floats({3, 2}, {-1, -2, -3, -4, -5, -6}), weights = floats({2}, {1, 3});
  auto const target = ints({3}, {0, 1, 1});
  sinter::attribute_map a{{"ignore_index", one}};
  check_close(run("NegativeLogLikelihoodLoss", 13, {x, target}), {11.0 / 3});
  check_close(run("NegativeLogLikelihoodLoss", 13, {x, target, weights}), {31.0 / 7});
  check_close(run("NegativeLogLikelihoodLoss", 13, {x, target}, a), {1});
  a["reduction"] = string("none");
  check_close(run("NegativeLogLikelihoodLoss", 13, {x, target}, a), {1, 0, 0});
  auto const flat = floats({1, 2}, {7, 7});
  auto const loss = run_all("SoftmaxCrossEntropyLoss", 13, {flat, ints({1}, {1})}, {{"reduction", string("sum")}}, 2);
  check_close(loss[0], {std::log(2.0)});
  check_close(loss[1], {-std::log(2.0), -std::log(2.0)});
  CHECK_THAT(error_of("NegativeLogLikelihoodLoss", 13, {x, ints({3}, {0, 2, 0})}),
             says("index or length is 2, expected 0 to 1"));
  CHECK_THAT(error_of("SoftmaxCrossEntropyLoss", 13, {floats({2, 0}, {}), ints({2}, {0, 0})}),
             says("expected at least one class"));
}
