#pragma once

#include "device/machine.hpp"
#include "error.hpp"
#include "fiber.hpp"
#include "open_copies.hpp"
#include "options.hpp"
#include "turns.hpp"
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace emulator {

/// The threads of a block as fibers. A thread runs until it has to wait for others or ends; then the one whose turn it
/// is runs, on the same stack if it starts and the other has ended.
class thread_block {
 public:
  /// `entry` calls `enter` of the block that runs.
  explicit thread_block(void (*entry)()) : entry_(entry) {}

  /// Runs all threads of the block that the machine of the kernel names. Errors: what a thread fails with, and
  /// deadlocks.
  void run(kernel_entry const& kernel, void* const* arguments, std::uint32_t threads, options const& how) {
    kernel_ = &kernel;
    arguments_ = arguments;
    early_copies_ = how.copies == copy_timing::early;
    failure_.clear();
    arrived_ = 0;
    alive_ = threads;
    if (fibers_.size() < threads) fibers_.resize(threads);
    turns_.start(threads, how);
    go(turns_.next(), &scheduler_);
    if (alive_ > 0 && failure_.empty()) failure_ = deadlock();
    if (!failure_.empty()) give_up();
  }

  /// The rest is called by the thread that runs.
  void barrier() {
    if (++arrived_ == alive_) return release();
    wait();
  }
  void meet(collective kind, void* brought, warp_operation operation) {
    auto& w = turns_.warp_of(running_);
    if (w.waiting != 0 && w.kind != kind) fail("lanes of its warp wait for another operation");
    if ((kind == collective::load_matrix || kind == collective::multiply) && w.alive != ~0u)
      fail("a matrix instruction of a warp without all of its lanes");
    w.kind = kind;
    w.operation = operation;
    w.brought[running_ % 32] = brought;
    w.waiting |= lane_bit();
    if (w.waiting == w.alive) return w.proceed();
    wait();
  }
  void begin_copy(void* to, void const* from, unsigned bytes) {
    auto& copies = fibers_[running_].copies;
    copies.begin(to, from, bytes);
    if (!early_copies_) return;
    copies.commit();
    copies.wait(0);
  }
  open_copies& copies() { return fibers_[running_].copies; }
  /// `run` throws.
  [[noreturn]] void fail(std::string const& message) {
    failure_ = "thread " + std::to_string(running_) + ": " + message;
    go(turns::none, &fibers_[running_].left_at);
    std::abort();
  }
  /// Where a stack begins. Runs threads that start, until one is to go on that has begun on another stack.
  [[noreturn]] void enter() {
    for (;;) {
      kernel_->call(arguments_);
      end_thread();
      auto& ended = fibers_[running_];
      auto* const stack = std::exchange(ended.stack, nullptr);
      ended.copies.clear();
      auto const next = turns_.next();
      if (next == turns::none || fibers_[next].stack) {
        stacks_.give_back(stack);
        go(next, &ended.left_at);
        std::abort();
      }
      fibers_[next].stack = stack;
      set_running(next);
    }
  }

 private:
  struct fiber {
    void* left_at = nullptr;
    char* stack = nullptr;  ///< null if it has not begun, or has ended
    open_copies copies{};
  };

  std::uint32_t lane_bit() const { return 1u << running_ % 32; }
  void set_running(std::uint32_t thread) {
    running_ = thread;
    kernel_->where->thread = thread;
  }
  /// From the stack of who calls, which saves its place in `from`, to that of a thread or, for none, of `run`.
  void go(std::uint32_t thread, void** from) {
    if (thread == turns::none) return switch_stack(from, scheduler_);
    auto& to = fibers_[thread];
    if (!to.stack) {
      to.stack = stacks_.take();
      to.left_at = stack_pool::prepare(to.stack, entry_);
    }
    set_running(thread);
    switch_stack(from, to.left_at);
  }
  /// Until others make this thread ready.
  void wait() {
    turns_.warp_of(running_).ready &= ~lane_bit();
    go(turns_.next(), &fibers_[running_].left_at);
  }
  void release() {
    arrived_ = 0;
    for (auto& w : turns_.warps) w.ready = w.alive;
  }
  /// Those that wait do not wait for it.
  void end_thread() {
    auto& w = turns_.warp_of(running_);
    w.alive &= ~lane_bit();
    w.ready &= ~lane_bit();
    w.brought[running_ % 32] = nullptr;
    if (w.waiting != 0 && w.waiting == w.alive) w.proceed();
    if (--alive_ == arrived_ && arrived_ > 0) release();
  }

  std::string deadlock() const {
    auto meeting = 0;
    for (auto const& w : turns_.warps) meeting += std::popcount(w.waiting);
    return "deadlock: " + std::to_string(arrived_) + " threads wait at a barrier, " + std::to_string(meeting) +
           " for their warp, " + std::to_string(alive_) + " have not ended";
  }
  [[noreturn]] void give_up() {
    for (auto& f : fibers_) {
      if (f.stack) stacks_.give_back(std::exchange(f.stack, nullptr));
      f.copies.clear();
    }
    throw error(failure_);
  }

  void (*entry_)();
  kernel_entry const* kernel_ = nullptr;
  void* const* arguments_ = nullptr;
  bool early_copies_ = false;
  turns turns_{};
  stack_pool stacks_{};
  std::vector<fiber> fibers_{};
  std::string failure_{};
  void* scheduler_ = nullptr;  ///< where `run` left its stack
  std::uint32_t running_ = 0, alive_ = 0, arrived_ = 0;
};

}  // namespace emulator
