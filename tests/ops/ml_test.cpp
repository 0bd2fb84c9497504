// Operators of ai.onnx.ml and of training. Expected values are worked out by hand from the words of the specification.
#include "one_node.hpp"
#include <cmath>

using namespace sinter;

namespace {

using reals = std::vector<float>;
using words = std::vector<std::string>;

/// x[0] <= 5 ? (x[1] > 1 ? leaf 2 : leaf 3) : leaf 4; `votes` is "target" or "class".
attribute_map tree(std::string const& votes) {
  return {{"nodes_treeids", list{0, 0, 0, 0, 0}},
          {"nodes_nodeids", list{0, 1, 2, 3, 4}},
          {"nodes_featureids", list{0, 1, 0, 0, 0}},
          {"nodes_modes", words{"BRANCH_LEQ", "BRANCH_GT", "LEAF", "LEAF", "LEAF"}},
          {"nodes_values", reals{5, 1, 0, 0, 0}},
          {"nodes_truenodeids", list{1, 2, 0, 0, 0}},
          {"nodes_falsenodeids", list{4, 3, 0, 0, 0}},
          {"nodes_missing_value_tracks_true", list{0, 1, 0, 0, 0}},
          {votes + "_treeids", list{0, 0, 0}},
          {votes + "_nodeids", list{2, 3, 4}}};
}

any_tensor rows() { return floats({4, 2}, {5, 2, 5, 1, 6, 2, NAN, 0}); }

}  // namespace

TEST_CASE("Trees lead to leaves, whose votes are added up") {
  auto a = tree("target");
  a["target_ids"] = list{0, 1, 0};
  a["target_weights"] = reals{10, 20, 30};
  a["n_targets"] = std::int64_t{2};
  CHECK(elements<float>(run("ai.onnx.ml:TreeEnsembleRegressor", 1, {rows()}, a)) == reals{10, 0, 0, 20, 30, 0, 30, 0});
  a["base_values"] = reals{1, 2};
  a["aggregate_function"] = std::string("MAX");
  CHECK(elements<float>(run("ai.onnx.ml:TreeEnsembleRegressor", 1, {rows()}, a)) == reals{11, 2, 1, 22, 31, 2, 31, 2});
  auto const message = [&](std::string const& name, attribute value) {
    auto changed = a;
    changed[name] = std::move(value);
    return error_of("ai.onnx.ml:TreeEnsembleRegressor", 1, {rows()}, changed);
  };
  CHECK_THAT(message("nodes_truenodeids", list{0, 2, 0, 0, 0}), says("circle"));
  CHECK_THAT(message("nodes_truenodeids", list{9, 2, 0, 0, 0}), says("tree 0 has no node 9"));
  CHECK_THAT(message("nodes_featureids", list{0, 2, 0, 0, 0}), says("feature 2, of 2"));
  CHECK_THAT(message("nodes_values", reals{1}), says("'nodes_values' has 1 entries, expected 5"));
  CHECK_THAT(message("target_ids", list{0, 1, 2}), says("votes for target 2, of 2"));
  CHECK_THAT(message("n_targets", std::int64_t{0}), says("there are 0 targets"));
}

TEST_CASE("A classifier of trees gives labels and scores") {
  auto a = tree("class");
  a["class_ids"] = list{0, 1, 2};
  a["class_weights"] = reals{1, 1, 1};
  a["classlabels_strings"] = words{"a", "b", "c"};
  auto const y = run_all("ai.onnx.ml:TreeEnsembleClassifier", 3, {rows()}, a, 2);
  CHECK(elements<std::string>(y[0]) == words{"a", "b", "c", "c"});
  CHECK(elements<float>(y[1]) == reals{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1});
  auto b = tree("class");
  b["class_ids"] = list{0, 0, 0};
  b["class_weights"] = reals{2, -1, 0.5f};
  b["classlabels_int64s"] = list{7, 9};
  b["post_transform"] = std::string("LOGISTIC");
  auto const two = run_all("ai.onnx.ml:TreeEnsembleClassifier", 1, {rows()}, b, 2);
  CHECK(elements<std::int64_t>(two[0]) == list{9, 7, 9, 9});
  CHECK(two[1].as<float>()[1] == Approx(1 / (1 + std::exp(-2.0))));
  CHECK(two[1].as<float>()[0] == Approx(1 - 1 / (1 + std::exp(-2.0))));
}

TEST_CASE("Rows are scaled, normalised, imputed and joined") {
  auto const x = floats({2, 2}, {1, -3, 0, 4});
  CHECK(elements<float>(run("ai.onnx.ml:Scaler", 1, {x}, {{"offset", reals{1, 2}}, {"scale", reals{10}}})) ==
        reals{0, -50, -10, 20});
  CHECK(elements<float>(run("ai.onnx.ml:Normalizer", 1, {x}, {{"norm", std::string("L1")}})) ==
        reals{0.25f, -0.75f, 0, 1});
  CHECK(elements<float>(run("ai.onnx.ml:Normalizer", 1, {floats({2}, {3, 4})}, {{"norm", std::string("L2")}})) ==
        reals{0.6f, 0.8f});
  CHECK(elements<float>(run("ai.onnx.ml:Imputer", 1, {x}, {{"imputed_value_floats", reals{7, 8}}})) ==
        reals{1, -3, 7, 4});
  CHECK(elements<float>(run("ai.onnx.ml:FeatureVectorizer", 1, {x, ints({2, 1}, {5, 6})})) == reals{1, -3, 5, 0, 4, 6});
  CHECK(elements<float>(run("ai.onnx.ml:Binarizer", 1, {x}, {{"threshold", 1.0f}})) == reals{0, 0, 0, 1});
  CHECK(elements<float>(run("ai.onnx.ml:ArrayFeatureExtractor", 1, {x, ints({1}, {1})})) == reals{-3, 4});
  CHECK_THAT(error_of("ai.onnx.ml:ArrayFeatureExtractor", 1, {x, ints({1}, {2})}), says("an index is 2"));
  CHECK_THAT(error_of("ai.onnx.ml:Scaler", 1, {x}, {{"scale", reals{1, 2, 3}}}), says("3 entries"));
}

TEST_CASE("Linear models") {
  auto const x = floats({2, 2}, {1, 2, 3, -4});
  attribute_map const weights{{"coefficients", reals{1, 1, 0, 2}}, {"intercepts", reals{0, 1}}};
  auto regressor = weights;
  regressor["targets"] = std::int64_t{2};
  CHECK(elements<float>(run("ai.onnx.ml:LinearRegressor", 1, {x}, regressor)) == reals{3, 5, -1, -7});
  auto classifier = weights;
  classifier["classlabels_ints"] = list{4, 5};
  auto const y = run_all("ai.onnx.ml:LinearClassifier", 1, {x}, classifier, 2);
  CHECK(elements<std::int64_t>(y[0]) == list{5, 4});
  CHECK(elements<float>(y[1]) == reals{3, 5, -1, -7});
  regressor["targets"] = std::int64_t{1};
  CHECK_THAT(error_of("ai.onnx.ml:LinearRegressor", 1, {x}, regressor), says("2 intercepts are given for 1 targets"));
}

TEST_CASE("Scores become probabilities") {
  auto const with = [](std::string transform) {
    return run(
        "ai.onnx.ml:LinearRegressor", 1, {floats({1, 1}, {1})},
        {{"coefficients", reals{0.5f, 0}}, {"targets", std::int64_t{2}}, {"post_transform", std::move(transform)}});
  };
  auto const e = std::exp(0.5);
  check_close(with("SOFTMAX"), {e / (e + 1), 1 / (e + 1)});
  check_close(with("SOFTMAX_ZERO"), {1, 0});
  check_close(with("LOGISTIC"), {1 / (1 + 1 / e), 0.5});
  auto const probit = with("PROBIT");
  CHECK(probit.as<float>()[0] == Approx(0).margin(1e-6));
  CHECK(probit.as<float>()[1] == -INFINITY);
}

TEST_CASE("Labels become numbers, vectors and maps") {
  attribute_map const keys{
      {"keys_strings", words{"a", "b", "a"}}, {"values_int64s", list{1, 2, 3}}, {"default_int64", std::int64_t{-5}}};
  CHECK(elements<std::int64_t>(run("ai.onnx.ml:LabelEncoder", 4, {strings({3}, {"b", "c", "a"})}, keys)) ==
        list{2, -5, 3});
  CHECK(elements<std::string>(run("ai.onnx.ml:LabelEncoder", 4, {floats({2}, {NAN, 1})},
                                  {{"keys_floats", reals{NAN}}, {"values_strings", words{"none"}}})) ==
        words{"none", "_Unused"});
  CHECK_THAT(error_of("ai.onnx.ml:LabelEncoder", 4, {ints({1}, {1})}, keys), says("the keys are string"));
  attribute_map const categories{{"cats_int64s", list{3, 4}}};
  CHECK(elements<float>(run("ai.onnx.ml:OneHotEncoder", 1, {ints({2}, {4, 9})}, categories)) == reals{0, 1, 0, 0});
  auto const maps =
      run("ai.onnx.ml:ZipMap", 1, {floats({2, 2}, {1, 2, 3, 4})}, {{"classlabels_strings", words{"x", "y"}}});
  REQUIRE(maps.type() == sequence_of(dtype::map_string_float32));
  REQUIRE(maps.items().size() == 2);
  CHECK(elements<std::string>(maps.items()[1].items()[0]) == words{"x", "y"});
  CHECK(elements<float>(maps.items()[1].items()[1]) == reals{3, 4});
  CHECK_THAT(error_of("ai.onnx.ml:ZipMap", 1, {floats({1, 3}, {1, 2, 3})}, {{"classlabels_int64s", list{1, 2}}}),
             says("rows have 3 numbers"));
}

TEST_CASE("Steps of optimisers") {
  auto const rate = floats({}, {0.5f}), none = ints({}, {0});
  auto const x = floats({1}, {1}), g = floats({1}, {2}), kept = floats({1}, {4});
  auto const momentum = [&](std::string mode) {
    return run_all("ai.onnx.preview.training:Momentum", 1, {rate, ints({}, {1}), x, g, kept},
                   {{"alpha", 0.5f}, {"beta", 2.0f}, {"norm_coefficient", 1.0f}, {"mode", std::move(mode)}}, 2);
  };
  CHECK(elements<float>(momentum("standard")[1]) == reals{8});  // 0.5 * 4 + 2 * (1 * 1 + 2)
  CHECK(elements<float>(momentum("standard")[0]) == reals{-3});
  CHECK(elements<float>(momentum("nesterov")[0]) == reals{-2.5f});  // 1 - 0.5 * (3 + 0.5 * 8)
  auto const adagrad =
      run_all("ai.onnx.preview.training:Adagrad", 1, {rate, ints({}, {1}), x, floats({1}, {3}), floats({1}, {16})},
              {{"decay_factor", 1.0f}, {"epsilon", 0.0f}}, 2);
  CHECK(elements<float>(adagrad[1]) == reals{25});
  CHECK(adagrad[0].as<float>()[0] == Approx(1 - 0.25 * 3 / 5));
  auto const adam = run_all("ai.onnx.preview.training:Adam", 1, {rate, none, x, g, kept, floats({1}, {1})},
                            {{"alpha", 0.5f}, {"beta", 0.75f}, {"epsilon", 0.0f}}, 3);
  CHECK(elements<float>(adam[1]) == reals{3});
  CHECK(elements<float>(adam[2]) == reals{1.75f});
  CHECK(adam[0].as<float>()[0] == Approx(1 - 0.5 * 3 / std::sqrt(1.75)));
  CHECK_THAT(error_of("ai.onnx.preview.training:Adam", 1, {rate, none, x, g, kept}, {}, 3), says("2 and 4 for each"));
}
