#pragma once

#include <sinter/program/program.hpp>
#include <sinter/runtime/kernel_code.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sinter {

/// A place in a run: `base` indexes the table of base pointers of the worker.
struct bound_place {
  std::uint32_t base = 0;
  std::int64_t offset = 0;
};

/// A grid linked to code and bases. The arguments of all calls of its body lie side by side; each index that moves adds
/// to all of them, without divisions and products.
class linked_grid {
 public:
  /// `bind` gives the place of an address when all indices are 0.
  template <typename Bind>
  linked_grid(grid const& g, std::span<shared_kernel const> kernels, kernel_code const& code, Bind&& bind)
      : interpret_(code.interpret), tasks_(g.tasks()) {
    for (std::size_t axis = 0; axis < grid_rank; ++axis)
      extents_[axis] = static_cast<std::int32_t>(g.extents[axis].turns());
    std::size_t arguments = 0;
    for (auto const& s : g.body) arguments += s.arguments.size();
    places_.reserve(arguments);
    for (auto& steps : steps_) steps.reserve(arguments);
    body_.reserve(g.body.size());
    for (auto const& s : g.body) {
      line l{.what = s.what};
      l.first = static_cast<std::uint32_t>(places_.size());
      if (s.what == statement::kind::loop) l.turns = static_cast<std::int32_t>(s.turns.turns());
      if (s.what == statement::kind::call) {
        l.kernel = kernels[s.kernel.index].get();
        if (!code.entries.empty()) l.entry = code.entries[s.kernel.index];
        SINTER_ASSERT(l.entry || interpret_);
        for (auto const& a : s.arguments) {
          places_.push_back(bind(a));
          for (std::size_t i = 0; i < index_rank; ++i) steps_[i].push_back(a.stride[i]);
        }
      }
      body_.push_back(l);
    }
    SINTER_ASSERT(places_.size() <= most_body_arguments);
    single_ = body_.size() == 1 && body_[0].entry ? body_[0].entry : nullptr;
    find_ends();
    for (std::size_t axis = 0; axis < grid_rank; ++axis) {
      carry_[axis] = steps_[axis];
      for (std::size_t inner = axis + 1; inner < grid_rank; ++inner)
        for (std::size_t i = 0; i < places_.size(); ++i) carry_[axis][i] -= (extents_[inner] - 1) * steps_[inner][i];
    }
  }

  std::int64_t tasks() const { return tasks_; }

  /// Runs tasks [begin, end) with the base pointers `table`.
  void run(std::byte* const* table, std::int64_t begin, std::int64_t end) const noexcept {
    std::array<std::int32_t, grid_rank> index{};
    std::byte* arguments[most_body_arguments];
    auto const count = places_.size();
    for (std::size_t i = 0; i < count; ++i) arguments[i] = table[places_[i].base] + places_[i].offset;
    auto rest = begin;
    for (std::size_t axis = grid_rank; rest > 0 && axis-- > 0; rest /= extents_[axis]) {
      index[axis] = static_cast<std::int32_t>(rest % extents_[axis]);
      for (std::size_t i = 0; i < count; ++i) arguments[i] += index[axis] * steps_[axis][i];
    }
    for (auto task = begin;;) {
      if (single_) [[likely]]
        single_(arguments);
      else
        run_body(arguments);
      if (++task == end) return;
      auto axis = grid_rank - 1;
      for (; ++index[axis] == extents_[axis]; --axis) index[axis] = 0;
      auto const* const carry = carry_[axis].data();
      for (std::size_t i = 0; i < count; ++i) arguments[i] += carry[i];
    }
  }

 private:
  struct line {
    statement::kind what = statement::kind::call;
    vector::kernel_function entry = nullptr;
    vector::program const* kernel = nullptr;
    std::int32_t turns = 0;
    std::uint32_t first = 0;  ///< argument of the line; of a loop the first one inside, of its end the one behind
    std::uint32_t start = 0;  ///< of an end: the line of its loop
  };

  void find_ends() {
    std::vector<std::uint32_t> open;
    for (std::uint32_t i = 0; i < body_.size(); ++i) {
      if (body_[i].what == statement::kind::loop) open.push_back(i);
      if (body_[i].what == statement::kind::end) body_[i].start = open.back(), open.pop_back();
    }
  }

  void run_body(std::byte** arguments) const noexcept {
    std::array<std::int32_t, loop_depth> turn{};
    std::size_t depth = 0;
    for (std::size_t i = 0; i < body_.size(); ++i) {
      auto const& l = body_[i];
      if (l.what == statement::kind::loop) {
        turn[depth++] = 0;
      } else if (l.what == statement::kind::call) {
        l.entry ? l.entry(arguments + l.first) : interpret_(*l.kernel, arguments + l.first);
      } else {
        auto const& start = body_[l.start];
        auto const& steps = steps_[grid_rank + depth - 1];
        bool const again = ++turn[depth - 1] < start.turns;
        auto const turns = again ? 1 : 1 - start.turns;
        for (auto k = start.first; k < l.first; ++k) arguments[k] += turns * steps[k];
        if (again)
          i = l.start;
        else
          --depth;
      }
    }
  }

  std::array<std::int32_t, grid_rank> extents_{};
  std::vector<line> body_{};
  vector::kernel_function single_ = nullptr;  ///< the only call of the body
  void (*interpret_)(vector::program const&, std::byte* const*) = nullptr;
  std::int64_t tasks_ = 0;
  std::vector<bound_place> places_{};                          ///< of the arguments, where all indices are 0
  std::array<std::vector<std::int64_t>, index_rank> steps_{};  ///< bytes that an index adds to each argument
  std::array<std::vector<std::int64_t>, grid_rank> carry_{};   ///< the same when the axis moves and inner ones wrap
};

/// A region made ready to run. Its tasks are numbered across its grids.
struct linked_region {
  std::vector<linked_grid> grids{};
  std::int64_t tasks = 0;
  std::int64_t grain = 0;  ///< tasks that a thread takes at least; 0: the calling thread does all

  void run(std::byte* const* table, std::int64_t begin, std::int64_t end) const noexcept {
    for (auto const& g : grids) {
      if (begin >= end) return;
      if (begin < g.tasks()) g.run(table, begin, std::min(end, g.tasks()));
      begin = std::max<std::int64_t>(begin - g.tasks(), 0);
      end -= g.tasks();
    }
  }
};

}  // namespace sinter
