#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/graph/graph.hpp>

#include <cstdint>
#include <functional>
#include <string_view>

namespace sinter {

/// The graph under optimisation. A pass asks `may_rewrite()` before each rewrite and calls `rewrote()` after it, so
/// that the driver can stop after n rewrites (to bisect a miscompilation) and verify the graph after each.
class rewriter {
 public:
  using observer = std::function<void(graph const&, std::string_view pass)>;

  explicit rewriter(graph& g, std::int64_t most = INT64_MAX, observer after_each = {},
                    std::size_t fold_bytes = limits{}.fold_bytes)
      : graph_(g), left_(most), after_each_(std::move(after_each)), fold_budget_("constant folding", fold_bytes) {}

  /// The graph under optimisation.
  graph& get() { return graph_; }
  bool may_rewrite() const { return left_ > 0; }
  /// What may still be spent on new constants.
  budget& fold_budget() { return fold_budget_; }
  std::int64_t count() const { return count_; }
  void begin_pass(std::string_view name) { pass_ = name; }
  void rewrote() {
    SINTER_ASSERT(left_ > 0);
    --left_;
    ++count_;
    if (after_each_) after_each_(graph_, pass_);
  }

 private:
  sinter::graph& graph_;
  std::int64_t left_;
  std::int64_t count_ = 0;
  std::string_view pass_;
  observer after_each_;
  budget fold_budget_;
};

}  // namespace sinter
