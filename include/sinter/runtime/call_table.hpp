#pragma once

#include <sinter/plan/program.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sinter {

/// Machine code for the kernels of a program.
struct kernel_code {
  std::vector<vector::kernel_function> entries{};  ///< for each of `program::kernels`; empty: interpreted
  std::shared_ptr<void const> owner{};             ///< keeps the code mapped
  std::size_t bytes = 0;
  /// Runs a kernel that has no machine code.
  void (*interpret)(vector::program const& kernel, std::byte* const* arguments) = nullptr;
};

/// An address in a run: `base` indexes the table of base pointers of the worker.
struct address {
  std::uint32_t base = 0;
  std::int64_t offset = 0;
};

inline constexpr std::size_t max_kernel_arguments = 32;

/// A grid made ready to run: what a task needs is added up from one task to the next, without divisions.
class grid_calls {
 public:
  /// `bases` are the addresses of the arguments of task 0.
  grid_calls(grid const& g, std::vector<address> bases, kernel_code const& code, vector::program const& kernel)
      : extent_(g.extent), bases_(std::move(bases)), kernel_(&kernel) {
    SINTER_ASSERT(bases_.size() == g.arguments.size() && bases_.size() <= max_kernel_arguments);
    SINTER_ASSERT(kernel.arguments.size() == bases_.size());
    if (!code.entries.empty()) entry_ = code.entries[g.kernel];
    interpret_ = code.interpret;
    SINTER_ASSERT(entry_ || interpret_);
    for (std::size_t axis = 0; axis < grid_rank; ++axis) {
      stride_[axis].reserve(bases_.size());
      for (auto const& a : g.arguments) stride_[axis].push_back(a.stride[axis]);
    }
    for (std::size_t axis = 0; axis < grid_rank; ++axis) {
      carry_[axis] = stride_[axis];
      for (std::size_t inner = axis + 1; inner < grid_rank; ++inner)
        for (std::size_t i = 0; i < bases_.size(); ++i) carry_[axis][i] -= (extent_[inner] - 1) * stride_[inner][i];
    }
    tasks_ = g.tasks();
  }

  std::int64_t tasks() const { return tasks_; }

  /// Runs tasks [begin, end) with the base pointers `table`.
  void run(std::byte* const* table, std::int64_t begin, std::int64_t end) const noexcept {
    std::array<std::int32_t, grid_rank> index;
    std::byte* arguments[max_kernel_arguments];
    auto rest = begin;
    for (std::size_t axis = grid_rank; axis-- > 0;) {
      index[axis] = static_cast<std::int32_t>(rest % extent_[axis]);
      rest /= extent_[axis];
    }
    auto const count = bases_.size();
    for (std::size_t i = 0; i < count; ++i) {
      auto offset = bases_[i].offset;
      for (std::size_t axis = 0; axis < grid_rank; ++axis) offset += index[axis] * stride_[axis][i];
      arguments[i] = table[bases_[i].base] + offset;
    }
    for (auto task = begin;;) {
      call(arguments);
      if (++task == end) return;
      auto axis = grid_rank - 1;
      for (; ++index[axis] == extent_[axis]; --axis) index[axis] = 0;
      auto const* const carry = carry_[axis].data();
      for (std::size_t i = 0; i < count; ++i) arguments[i] += carry[i];
    }
  }

 private:
  void call(std::byte* const* arguments) const noexcept {
    if (entry_) [[likely]]
      entry_(arguments);
    else
      interpret_(*kernel_, arguments);
  }

  vector::kernel_function entry_ = nullptr;
  std::array<std::int32_t, grid_rank> extent_;
  std::int64_t tasks_ = 0;
  std::vector<address> bases_;
  std::array<std::vector<std::int64_t>, grid_rank> stride_;  ///< bytes for each argument
  std::array<std::vector<std::int64_t>, grid_rank> carry_;   ///< bytes to add when this axis steps and inner ones wrap
  vector::program const* kernel_;
  void (*interpret_)(vector::program const&, std::byte* const*) = nullptr;
};

/// A region made ready to run. Its tasks are numbered across its grids.
struct region_calls {
  std::vector<grid_calls> grids{};
  std::int64_t tasks = 0;
  bool parallel = false;  ///< worth waking other threads

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
