#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/core/state_link.hpp>
#include <sinter/runtime/lease.hpp>

#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

namespace sinter {

/// What a context keeps from one run to the next. Each tensor has two memories: a run reads one and writes the other,
/// then they change places. A run that fails leaves the state as it was.
class kept_state {
 public:
  /// State for runs of `l`, which from now on reads and writes it. `first` are the values that it starts from; without
  /// data: zeros. Errors: limit_exceeded.
  kept_state(std::span<state_link const> links, std::span<tensor_view const> first, std::size_t limit_bytes, lease& l) {
    budget memory("the state of a context", limit_bytes);
    for (std::size_t i = 0; i < links.size(); ++i) {
      memory.charge((first[i].data ? 3 : 2) * first[i].bytes());
      auto& t = all_.emplace_back(kept{.link = links[i]});
      if (first[i].data) t.start = copy_of(first[i]);
      for (auto& m : t.memory) m = any_tensor(first[i].type, first[i].shape);
    }
    reset(l);
  }

  std::size_t size() const { return all_.size(); }
  tensor_view operator[](std::size_t i) const { return all_[i].memory[now_].view(); }

  void reset(lease& l) {
    for (auto& t : all_) {
      auto& m = t.memory[now_];
      if (t.start)
        std::memcpy(m.data(), t.start.data(), m.bytes());
      else
        std::memset(m.data(), 0, m.bytes());
    }
    bind(l);
  }
  /// Values of the types and shapes that the state has.
  void set(std::span<tensor_view const> values) {
    for (std::size_t i = 0; i < all_.size(); ++i)
      std::memcpy(all_[i].memory[now_].data(), values[i].data, values[i].bytes());
  }
  /// What the last run of `l` has written is the state.
  void advance(lease& l) {
    now_ = 1 - now_;
    bind(l);
  }

 private:
  struct kept {
    state_link link{};
    any_tensor start{};  ///< none: zeros
    any_tensor memory[2]{};
  };

  void bind(lease& l) {
    for (auto& t : all_) {
      l.inputs[t.link.input] = t.memory[now_].view();
      l.outputs[t.link.output] = t.memory[1 - now_].mutable_view();
    }
  }

  std::vector<kept> all_{};
  std::size_t now_ = 0;  ///< which memory is the state
};

}  // namespace sinter
