#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/ml_scores.hpp>

#include <array>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace sinter {

/// The trees of a node, whatever operator it is. Nodes of all trees stand in one list.
struct forest {
  enum class test : std::uint8_t { leq, lt, gte, gt, eq, neq, member, leaf };
  enum class aggregate : std::size_t { average, sum, least, greatest };

  struct node {
    test mode = test::leaf;
    bool missing_is_true = false;
    std::int32_t feature = 0;
    std::int32_t yes = 0, no = 0;        ///< the next node
    std::uint32_t first = 0, count = 0;  ///< of a leaf: its votes; of `member`: its values
    double split = 0;
  };
  struct vote {
    std::int32_t target = 0;
    double weight = 0;
  };

  std::vector<node> nodes{};
  std::vector<std::int32_t> roots{};
  std::vector<vote> votes{};
  std::vector<double> members{};
  std::vector<double> base{};  ///< of each target, or empty
  std::int64_t targets = 0;
  aggregate how = aggregate::sum;
  post_transform transform = post_transform::none;

  /// `error_code::malformed_model` unless every node leads to others of its tree that stand in no circle.
  void check(std::int64_t features) const {
    for (auto const& n : nodes)
      if (n.mode != test::leaf && n.feature >= features)
        fail(error_code::malformed_model, "a node looks at feature {}, of {}", n.feature, features);
  }
  void check_structure() const {
    std::vector<char> state(nodes.size(), 0);  // 1: on the way down, 2: done
    std::vector<std::pair<std::int32_t, int>> way;
    for (auto const root : roots) {
      way.emplace_back(root, 0);
      while (!way.empty()) {
        auto& [at, done] = way.back();
        if (at < 0 || static_cast<std::size_t>(at) >= nodes.size())
          fail(error_code::malformed_model, "a node of a tree is number {}, of {}", at, nodes.size());
        auto& mark = state[static_cast<std::size_t>(at)];
        auto const& n = nodes[static_cast<std::size_t>(at)];
        if (done == 0 && mark == 1) fail(error_code::malformed_model, "a tree has a circle at its node {}", at);
        if (n.mode == test::leaf || mark == 2 || done == 2) {
          mark = 2;
          way.pop_back();
        } else {
          mark = 1;
          way.emplace_back(done++ == 0 ? n.yes : n.no, 0);
        }
      }
    }
    for (auto const& v : votes)
      if (v.target < 0 || v.target >= targets)
        fail(error_code::malformed_model, "a leaf votes for target {}, of {}", v.target, targets);
  }

  node const& leaf_of(std::int32_t root, double const* x) const {
    auto const* n = &nodes[static_cast<std::size_t>(root)];
    while (n->mode != test::leaf) n = &nodes[static_cast<std::size_t>(goes_yes(*n, x[n->feature]) ? n->yes : n->no)];
    return *n;
  }

  /// The scores of a row of features, before the transform. `voted`, if given, says which targets got a vote.
  void score(double const* x, std::span<double> y, std::vector<bool>* voted = nullptr) const {
    std::vector<bool> seen(y.size());
    std::ranges::fill(y, 0.0);
    for (auto const root : roots) {
      auto const& leaf = leaf_of(root, x);
      for (auto i = leaf.first; i < leaf.first + leaf.count; ++i) {
        auto const& v = votes[i];
        auto const target = static_cast<std::size_t>(v.target);
        auto& to = y[target];
        if (how == aggregate::sum || how == aggregate::average)
          to += v.weight;
        else
          to = !seen[target] ? v.weight : how == aggregate::least ? std::min(to, v.weight) : std::max(to, v.weight);
        seen[target] = true;
      }
    }
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (how == aggregate::average && !roots.empty()) y[i] /= static_cast<double>(roots.size());
      if (!base.empty()) y[i] += base[i];
    }
    if (voted) *voted = std::move(seen);
  }

 private:
  bool goes_yes(node const& n, double x) const {
    if (std::isnan(x)) return n.missing_is_true;
    switch (n.mode) {
      case test::leq: return x <= n.split;
      case test::lt: return x < n.split;
      case test::gte: return x >= n.split;
      case test::gt: return x > n.split;
      case test::eq: return x == n.split;
      case test::neq: return x != n.split;
      default:
        return std::find(members.begin() + n.first, members.begin() + n.first + n.count, x) !=
               members.begin() + n.first + n.count;
    }
  }
};

namespace detail {

/// The numbers of a tensor attribute; none where it is not given.
inline std::vector<double> reals_of(attribute_reader const& r, std::string_view name) {
  if (!r.has(name)) return {};
  auto const t = r.require<any_tensor>(name);
  std::vector<double> values(t.elements());
  load_run<double>(t.type(), t.data(), 0, 1, values.size(), values.data());
  return values;
}

/// A list of floats, or doubles in a tensor of the name with `_as_tensor`.
inline std::vector<double> floats_or_tensor(attribute_reader const& r, std::string const& name) {
  auto values = reals_of(r, name + "_as_tensor");
  auto const floats = r.get(name, std::vector<float>());
  if (values.empty()) values.assign(floats.begin(), floats.end());
  return values;
}

inline std::vector<std::int64_t> integer_list(attribute_reader const& r, std::string const& name) {
  return r.get(name, std::vector<std::int64_t>());
}

template <typename List>
void expect_length(List const& list, std::size_t length, std::string_view name) {
  if (list.size() != length)
    fail(error_code::malformed_model, "the attribute '{}' has {} entries, expected {}", name, list.size(), length);
}

inline std::int32_t checked_index(std::int64_t i, std::string_view name) {
  if (i < 0 || i > INT32_MAX) fail(error_code::malformed_model, "'{}' holds {}, expected 0 or more", name, i);
  return static_cast<std::int32_t>(i);
}

/// Leaves and votes of trees whose nodes have numbers in their tree: attributes `nodes_*`, and `class_*` or `target_*`.
class numbered_trees {
 public:
  numbered_trees(attribute_reader const& r, std::string const& votes_name) {
    for (auto const* name : {"nodes_hitrates", "nodes_hitrates_as_tensor"}) r.ignore(name);
    read_nodes(r);
    read_votes(r, votes_name);
  }
  forest take() { return std::move(made_); }

 private:
  using key = std::pair<std::int64_t, std::int64_t>;  // tree, node

  void read_nodes(attribute_reader const& r) {
    auto const trees = integer_list(r, "nodes_treeids"), numbers = integer_list(r, "nodes_nodeids");
    auto const yes = integer_list(r, "nodes_truenodeids"), no = integer_list(r, "nodes_falsenodeids");
    auto const features = integer_list(r, "nodes_featureids");
    auto const missing = integer_list(r, "nodes_missing_value_tracks_true");
    auto const splits = floats_or_tensor(r, "nodes_values");
    auto const modes = r.get("nodes_modes", std::vector<std::string>());
    auto const count = modes.size();
    expect_length(trees, count, "nodes_treeids");
    expect_length(numbers, count, "nodes_nodeids");
    expect_length(yes, count, "nodes_truenodeids");
    expect_length(no, count, "nodes_falsenodeids");
    expect_length(features, count, "nodes_featureids");
    expect_length(splits, count, "nodes_values");
    if (!missing.empty()) expect_length(missing, count, "nodes_missing_value_tracks_true");
    for (std::size_t i = 0; i < count; ++i) {
      if (!places_.emplace(key{trees[i], numbers[i]}, static_cast<std::int32_t>(i)).second)
        fail(error_code::malformed_model, "tree {} has two nodes {}", trees[i], numbers[i]);
      if (i == 0 || trees[i] != trees[i - 1]) made_.roots.push_back(static_cast<std::int32_t>(i));
    }
    for (std::size_t i = 0; i < count; ++i) {
      forest::node n{.mode = mode_of(modes[i]), .missing_is_true = !missing.empty() && missing[i] != 0};
      if (n.mode != forest::test::leaf) {
        n.feature = checked_index(features[i], "nodes_featureids");
        n.yes = place({trees[i], yes[i]});
        n.no = place({trees[i], no[i]});
        n.split = splits[i];
      }
      made_.nodes.push_back(n);
    }
  }

  void read_votes(attribute_reader const& r, std::string const& name) {
    auto const trees = integer_list(r, name + "_treeids"), numbers = integer_list(r, name + "_nodeids");
    auto const targets = integer_list(r, name + "_ids");
    auto const weights = floats_or_tensor(r, name + "_weights");
    expect_length(trees, weights.size(), name + "_treeids");
    expect_length(numbers, weights.size(), name + "_nodeids");
    expect_length(targets, weights.size(), name + "_ids");
    std::map<std::int32_t, std::vector<forest::vote>> by_leaf;
    for (std::size_t i = 0; i < weights.size(); ++i)
      by_leaf[place({trees[i], numbers[i]})].push_back({checked_index(targets[i], name + "_ids"), weights[i]});
    for (auto const& [leaf, votes] : by_leaf) {
      auto& n = made_.nodes[static_cast<std::size_t>(leaf)];
      if (n.mode != forest::test::leaf) continue;
      n.first = static_cast<std::uint32_t>(made_.votes.size());
      n.count = static_cast<std::uint32_t>(votes.size());
      made_.votes.insert(made_.votes.end(), votes.begin(), votes.end());
    }
  }

  static forest::test mode_of(std::string const& name) {
    static constexpr std::array<std::pair<std::string_view, forest::test>, 7> names{{{"BRANCH_LEQ", forest::test::leq},
                                                                                     {"BRANCH_LT", forest::test::lt},
                                                                                     {"BRANCH_GTE", forest::test::gte},
                                                                                     {"BRANCH_GT", forest::test::gt},
                                                                                     {"BRANCH_EQ", forest::test::eq},
                                                                                     {"BRANCH_NEQ", forest::test::neq},
                                                                                     {"LEAF", forest::test::leaf}}};
    for (auto const& [spelled, mode] : names)
      if (spelled == name) return mode;
    fail(error_code::malformed_model, "a node has the mode '{}'", name);
  }

  std::int32_t place(key k) const {
    auto const found = places_.find(k);
    if (found == places_.end()) fail(error_code::malformed_model, "tree {} has no node {}", k.first, k.second);
    return found->second;
  }

  forest made_{};
  std::map<key, std::int32_t> places_{};
};

inline void finish(forest& f, attribute_reader const& r) {
  if (f.targets < 1) fail(error_code::malformed_model, "there are {} targets, expected 1 or more", f.targets);
  f.transform = parse_post_transform(r);
  f.base = floats_or_tensor(r, "base_values");
  if (!f.base.empty()) expect_length(f.base, static_cast<std::size_t>(f.targets), "base_values");
  f.check_structure();
}

}  // namespace detail

}  // namespace sinter
