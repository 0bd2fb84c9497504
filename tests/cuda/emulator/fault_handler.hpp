#pragma once

#include <csignal>
#include <cstddef>
#include <iterator>
#include <memory>

namespace emulator {

/// Within its scope faults of this thread go to `handle`, with the address that was touched. `handle` may leave for
/// another stack: the handler has one of its own, and blocks no signal.
class fault_handler {
 public:
  using function = void (*)(int signal, void const* address);

  explicit fault_handler(function handle) {
    current = handle;
    is_of_this_thread = true;
    stack_t own{};
    own.ss_sp = stack_.get();
    own.ss_size = stack_size;
    sigaltstack(&own, &old_stack_);
    struct sigaction action {};
    action.sa_sigaction = [](int signal, siginfo_t* info, void*) {
      if (is_of_this_thread) current(signal, info->si_addr);
      std::signal(signal, SIG_DFL);  // it comes again and ends the process
    };
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (std::size_t i = 0; i < std::size(signals); ++i) sigaction(signals[i], &action, &old_actions_[i]);
  }
  fault_handler(fault_handler const&) = delete;
  fault_handler& operator=(fault_handler const&) = delete;
  ~fault_handler() {
    is_of_this_thread = false;
    for (std::size_t i = 0; i < std::size(signals); ++i) sigaction(signals[i], &old_actions_[i], nullptr);
    sigaltstack(&old_stack_, nullptr);
  }

 private:
  static constexpr int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  static constexpr std::size_t stack_size = 64 << 10;
  inline static function current = nullptr;
  inline static thread_local bool is_of_this_thread = false;
  std::unique_ptr<char[]> stack_{new char[stack_size]};
  stack_t old_stack_{};
  struct sigaction old_actions_[std::size(signals)]{};
};

}  // namespace emulator
