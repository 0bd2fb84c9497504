#pragma once

#include "block.hpp"
#include "fault_handler.hpp"
#include "guarded_memory.hpp"
#include <memory>
#include <mutex>
#include <string>

namespace emulator {

/// Runs the blocks of a launch one after the other. One launch at a time in the process.
class engine {
 public:
  static engine& instance() {
    static engine result;
    return result;
  }

  /// Fills in what the machine of a text calls.
  static void connect(machine& where) {
    where.block_barrier = [] { instance().block_.barrier(); };
    where.meet = [](collective kind, void* brought, warp_operation operation) {
      instance().block_.meet(kind, brought, operation);
    };
    where.begin_copy = [](void* to, void const* from, unsigned bytes) {
      instance().block_.begin_copy(to, from, bytes);
    };
    where.commit_copies = [] { instance().block_.copies().commit(); };
    where.wait_copies = [](unsigned groups) { instance().block_.copies().wait(groups); };
    where.fail = [](char const* message) { instance().block_.fail(message); };
  }

  /// `arguments` are pointers to the values, as cuLaunchKernel takes them. Errors name kernel, block and thread.
  void launch(std::string const& name, kernel_entry const& kernel, launch_size const& size, void* const* arguments,
              options const& how) {
    auto const lock = std::lock_guard(mutex_);
    auto& where = *kernel.where;
    try {
      if (size.threads == 0 || size.threads > kernel.most_threads)
        throw error("launched with " + std::to_string(size.threads) + " threads of at most " +
                    std::to_string(kernel.most_threads));
      auto const faults = fault_handler(fault);
      guarded_memory const shared(size.shared_bytes);
      where.shared = shared.data();
      where.shared_bytes = size.shared_bytes;
      std::copy(size.blocks.begin(), size.blocks.end(), where.blocks);
      auto const blocks = std::uint64_t{size.blocks[0]} * size.blocks[1] * size.blocks[2];
      for (std::uint64_t i = 0; i < blocks; ++i) {
        auto const index = how.order == schedule::reverse ? blocks - 1 - i : i;
        where.block[0] = static_cast<unsigned>(index % size.blocks[0]);
        where.block[1] = static_cast<unsigned>(index / size.blocks[0] % size.blocks[1]);
        where.block[2] = static_cast<unsigned>(index / size.blocks[0] / size.blocks[1]);
        shared.poison();
        block_.run(kernel, arguments, size.threads, how.of_block(i));
      }
      if (auto const place = guarded_memory::take_overrun(); !place.empty()) throw error("wrote " + place);
    } catch (error const& e) {
      auto const block = [&](int axis) { return std::to_string(where.block[axis]); };
      throw error("kernel " + name + ", block (" + block(0) + ", " + block(1) + ", " + block(2) + "): " + e.what());
    }
  }

 private:
  engine() = default;

  static void fault(int signal, void const* address) {
    auto& block = instance().block_;
    if (signal == SIGILL) block.fail("misaligned address");  // what compiled text traps with
    if (signal == SIGFPE) block.fail("integer division by zero");
    block.fail("illegal address, " + guarded_memory::describe(address));
  }

  std::mutex mutex_;
  thread_block block_{[] { instance().block_.enter(); }};
};

}  // namespace emulator
