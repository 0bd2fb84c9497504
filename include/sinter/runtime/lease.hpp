#pragma once

#include <sinter/core/tensor.hpp>
#include <sinter/runtime/executable.hpp>
#include <sinter/runtime/signature.hpp>
#include <sinter/runtime/workspace.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace sinter {

class lease;

/// An executable, what it was compiled for, and workspaces for it that nobody uses at the moment. `bytes` may change
/// while others look.
class compiled {
 public:
  compiled(signature s, executable code) : for_(std::move(s)), code_(std::move(code)) {}

  signature const& made_for() const { return for_; }
  executable const& code() const { return code_; }
  /// Code and idle workspaces; one workspace counts even while it is in use.
  std::size_t bytes() const {
    std::scoped_lock lock(mutex_);
    return code_.bytes() + std::max<std::size_t>(idle_.size(), 1) * code_.memory().bytes();
  }
  /// An idle workspace, or none.
  std::unique_ptr<lease> take();
  void give_back(std::unique_ptr<lease> l);

 private:
  signature for_;
  executable code_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<lease>> idle_;
};

/// A workspace together with the operands of a run; in use by one thread, or idle.
class lease {
 public:
  lease(std::shared_ptr<compiled> c, std::size_t limit_bytes)
      : code(std::move(c)),
        memory(code->code().memory(), limit_bytes),
        inputs(code->code().memory().inputs.size()),
        outputs(code->code().memory().outputs.size()) {}

  void run() { code->code().run(memory, inputs, outputs); }
  /// On a stream of the caller's; the executable is for a device.
  void run_on(void* stream) {
    device_workspace::borrowed_stream const scope(*memory.device(), stream);
    run();
  }

  std::shared_ptr<compiled> code;
  workspace memory;
  std::vector<tensor_view> inputs;
  std::vector<mutable_tensor_view> outputs;
};

inline std::unique_ptr<lease> compiled::take() {
  std::scoped_lock lock(mutex_);
  if (idle_.empty()) return nullptr;
  auto l = std::move(idle_.back());
  idle_.pop_back();
  return l;
}

/// The idle workspace holds no reference to its executable, which holds it.
inline void compiled::give_back(std::unique_ptr<lease> l) {
  std::scoped_lock lock(mutex_);
  l->code.reset();
  idle_.push_back(std::move(l));
}

}  // namespace sinter
