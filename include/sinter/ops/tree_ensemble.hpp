#pragma once

#include <sinter/ops/entry.hpp>
#include <sinter/ops/forest.hpp>

#include <array>
#include <vector>

/// Decision trees whose leaves vote for targets.
namespace sinter {

namespace detail {

/// Calls `f(row, features)` for each row of features; features of float32 are compared as such.
template <typename F>
void for_each_row(tensor_view x, F f) {
  auto const m = feature_matrix::of(x.shape);
  std::vector<double> row(static_cast<std::size_t>(m.columns));
  for (std::int64_t i = 0; i < m.rows; ++i) {
    load_run<double>(x.type, x.data, static_cast<std::size_t>(i * m.columns), 1, row.size(), row.data());
    f(static_cast<std::size_t>(i), row.data());
  }
}

}  // namespace detail

/// TreeEnsembleRegressor   https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleRegressor.html
struct tree_ensemble_regressor {
  static constexpr op_schema schema{
      .name = "TreeEnsembleRegressor", .since = 1, .domain = "ai.onnx.ml", .max_inputs = 1};
  using attributes = forest;

  static attributes parse(attribute_reader const& r) {
    static constexpr std::array<std::string_view, 4> names{"AVERAGE", "SUM", "MIN", "MAX"};
    auto f = detail::numbered_trees(r, "target").take();
    f.targets = r.get<std::int64_t>("n_targets", 1);
    f.how = static_cast<forest::aggregate>(r.choice("aggregate_function", "SUM", names));
    detail::finish(f, r);
    return f;
  }
  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::float32; }
  static types infer(inputs const& in, attributes const& f) {
    auto const m = feature_matrix::of(in.shape(0));
    f.check(m.columns);
    return {{element(in, f, 0), shape{m.rows, f.targets}}};
  }
  static void evaluate(input_views in, output_views out, attributes const& f) {
    std::vector<double> y(static_cast<std::size_t>(f.targets));
    detail::for_each_row(in[0], [&](std::size_t row, double const* x) {
      f.score(x, y);
      post_process(f.transform, y);
      store_run<double>(out[0].type, out[0].data, row * y.size(), y.size(), y.data());
    });
  }
};

/// TreeEnsemble   https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html
struct tree_ensemble {
  static constexpr op_schema schema{.name = "TreeEnsemble", .since = 5, .domain = "ai.onnx.ml", .max_inputs = 1};
  using attributes = forest;

  static attributes parse(attribute_reader const& r) {
    forest f;
    r.ignore("nodes_hitrates");
    f.targets = r.get<std::int64_t>("n_targets", 1);
    f.how = static_cast<forest::aggregate>(number(r, "aggregate_function", 1, 3));
    f.transform = static_cast<post_transform>(number(r, "post_transform", 0, 4));
    add_nodes(f, r);
    for (auto const root : r.require<std::vector<std::int64_t>>("tree_roots"))
      f.roots.push_back(root_of(f, detail::checked_index(root, "tree_roots")));
    f.check_structure();
    return f;
  }
  static types infer(inputs const& in, attributes const& f) {
    auto const m = feature_matrix::of(in.shape(0));
    f.check(m.columns);
    return {{in.element(0), shape{m.rows, f.targets}}};
  }
  static void evaluate(input_views in, output_views out, attributes const& f) {
    tree_ensemble_regressor::evaluate(in, out, f);
  }

 private:
  static std::int64_t number(attribute_reader const& r, std::string_view name, std::int64_t otherwise,
                             std::int64_t most) {
    auto const n = r.get(name, otherwise);
    if (n < 0 || n > most)
      fail(error_code::malformed_model, "the attribute '{}' is {}, expected 0 to {}", name, n, most);
    return n;
  }

  /// Inner nodes come first, then a node for each leaf.
  static void add_nodes(forest& f, attribute_reader const& r) {
    using integers = std::vector<std::int64_t>;
    auto const modes = detail::reals_of(r, "nodes_modes"), splits = detail::reals_of(r, "nodes_splits");
    auto const features = r.require<integers>("nodes_featureids"), yes = r.require<integers>("nodes_truenodeids");
    auto const no = r.require<integers>("nodes_falsenodeids");
    auto const yes_leaf = r.require<integers>("nodes_trueleafs"), no_leaf = r.require<integers>("nodes_falseleafs");
    auto const missing = detail::integer_list(r, "nodes_missing_value_tracks_true");
    auto const count = modes.size();
    detail::expect_length(splits, count, "nodes_splits");
    detail::expect_length(features, count, "nodes_featureids");
    detail::expect_length(yes, count, "nodes_truenodeids");
    detail::expect_length(no, count, "nodes_falsenodeids");
    detail::expect_length(yes_leaf, count, "nodes_trueleafs");
    detail::expect_length(no_leaf, count, "nodes_falseleafs");
    if (!missing.empty()) detail::expect_length(missing, count, "nodes_missing_value_tracks_true");
    auto const next = [&](std::int64_t id, bool leaf) {
      return detail::checked_index(leaf ? id + static_cast<std::int64_t>(count) : id, "nodes_truenodeids");
    };
    for (std::size_t i = 0; i < count; ++i) {
      if (!(modes[i] >= 0 && modes[i] <= 6)) fail(error_code::malformed_model, "a node has the mode {}", modes[i]);
      f.nodes.push_back({.mode = static_cast<forest::test>(static_cast<int>(modes[i])),
                         .missing_is_true = !missing.empty() && missing[i] != 0,
                         .feature = detail::checked_index(features[i], "nodes_featureids"),
                         .yes = next(yes[i], yes_leaf[i] != 0),
                         .no = next(no[i], no_leaf[i] != 0),
                         .split = splits[i]});
    }
    add_members(f, detail::reals_of(r, "membership_values"));
    auto const targets = r.require<integers>("leaf_targetids");
    auto const weights = detail::reals_of(r, "leaf_weights");
    detail::expect_length(targets, weights.size(), "leaf_targetids");
    for (std::size_t i = 0; i < weights.size(); ++i) {
      f.nodes.push_back({.first = static_cast<std::uint32_t>(i), .count = 1});
      f.votes.push_back({detail::checked_index(targets[i], "leaf_targetids"), weights[i]});
    }
  }

  /// The values of the nodes of mode `member` in their order, a NaN behind each list.
  static void add_members(forest& f, std::vector<double> values) {
    std::size_t at = 0;
    for (auto& n : f.nodes) {
      if (n.mode != forest::test::member) continue;
      if (at >= values.size()) fail(error_code::malformed_model, "'membership_values' has too few lists");
      n.first = static_cast<std::uint32_t>(at);
      while (at < values.size() && !std::isnan(values[at])) ++at;
      n.count = static_cast<std::uint32_t>(at++ - n.first);
    }
    f.members = std::move(values);
  }

  /// A root both of whose branches are one leaf is that leaf.
  static std::int32_t root_of(forest const& f, std::int32_t root) {
    if (static_cast<std::size_t>(root) >= f.nodes.size()) return root;
    auto const& n = f.nodes[static_cast<std::size_t>(root)];
    return n.mode != forest::test::leaf && n.yes == n.no ? n.yes : root;
  }
};

/// TreeEnsembleClassifier: the label of the class with the highest score, and the scores.
/// https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleClassifier.html
struct tree_ensemble_classifier {
  static constexpr op_schema schema{
      .name = "TreeEnsembleClassifier", .since = 1, .domain = "ai.onnx.ml", .max_inputs = 1, .max_outputs = 2};
  struct attributes {
    forest trees{};
    class_labels labels{};
    bool binary = false;         ///< of two classes only the first gets votes: the scores of the second
    bool positive_votes = true;  ///< no vote has a negative weight
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{.trees = detail::numbered_trees(r, "class").take(),
                 .labels = class_labels::parse(r, "classlabels_int64s", "classlabels_strings")};
    auto& f = a.trees;
    f.targets = static_cast<std::int64_t>(a.labels.size());
    a.binary = a.labels.size() == 2 && !f.votes.empty() &&
               std::ranges::all_of(f.votes, [](auto const& v) { return v.target == 0; });
    a.positive_votes = std::ranges::all_of(f.votes, [](auto const& v) { return v.weight >= 0; });
    if (a.binary && detail::floats_or_tensor(r, "base_values").size() < 2) f.targets = 1;
    detail::finish(f, r);
    return a;
  }
  static dtype element(inputs const&, attributes const& a, std::size_t output) {
    return output == 0 ? a.labels.type() : dtype::float32;
  }
  static types infer(inputs const& in, attributes const& a) {
    auto const m = feature_matrix::of(in.shape(0));
    a.trees.check(m.columns);
    return {{a.labels.type(), shape{m.rows}},
            {dtype::float32, shape{m.rows, static_cast<std::int64_t>(a.labels.size())}}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    std::vector<double> y(static_cast<std::size_t>(a.trees.targets));
    detail::for_each_row(in[0], [&](std::size_t row, double const* x) {
      a.trees.score(x, y);
      std::size_t best = 0;
      std::vector<double> scores = y;
      if (a.binary) {
        best = decide(a, a.trees.base.size() == 2 ? y[0] - a.trees.base[0] + a.trees.base[1] : y[0], scores);
      } else {
        best = static_cast<std::size_t>(std::ranges::max_element(y) - y.begin());
        post_process(a.trees.transform, scores);
      }
      if (out[0]) a.labels.write(out[0], row, best);
      if (out.size() > 1 && out[1])
        store_run<double>(out[1].type, out[1].data, row * scores.size(), scores.size(), scores.data());
    });
  }

 private:
  /// Of two classes with one score: it is that of the second. Probabilities add up to 1, other scores to 0.
  static std::size_t decide(attributes const& a, double score, std::vector<double>& scores) {
    auto const transform = a.trees.transform;
    bool const probability = transform == post_transform::none && a.positive_votes;
    bool const second = score > (probability ? 0.5 : 0.0);
    if (transform == post_transform::logistic) {
      auto const p = 1 / (1 + std::exp(-score));
      scores = {1 - p, p};
    } else {
      scores = {probability ? 1 - score : -score, score};
      if (transform != post_transform::none) post_process(transform, scores);
    }
    return second ? 1 : 0;
  }
};

/// All of them, as one line of the list of operators.
struct tree_ensemble_family {
  static constexpr std::array entries{entry_of<tree_ensemble>(), entry_of<tree_ensemble_regressor>(),
                                      entry_of<tree_ensemble_classifier>()};
};

}  // namespace sinter
