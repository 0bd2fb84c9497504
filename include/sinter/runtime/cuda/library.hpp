#pragma once

#include <sinter/core/failure.hpp>
#include <sinter/core/joined_text.hpp>
#include <sinter/runtime/cuda/context.hpp>
#include <sinter/runtime/cuda/driver_library.hpp>
#include <sinter/runtime/cuda/module.hpp>
#include <sinter/runtime/cuda/queue.hpp>
#include <sinter/runtime/device_recordings.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

/// What libraries for CUDA devices run on. Shipped with generated programs: it stands on the standard library and the
/// system, and loads the driver when the first object is made.
namespace sinter {

class cuda_library_object;

/// A kernel of a library, as it is launched.
struct cuda_library_kernel {
  char const* name = nullptr;
  std::uint32_t arguments = 0;
  std::uint32_t threads = 0;  ///< of a block
  std::uint32_t shared_bytes = 0;
};

/// The code of a library for one architecture.
struct cuda_library_code {
  int arch = 0;                                 ///< 90 for sm_90
  std::span<std::string_view const> modules{};  ///< a cubin for each kernel
  std::span<cuda_library_kernel const> kernels{};
  /// Gives a run to a device: inputs and the batch in, the places of the outputs out. Null, or what went wrong.
  char const* (*run)(cuda_library_object& object, std::byte const* const* inputs, std::byte const** outputs,
                     std::ptrdiff_t n) = nullptr;
};

/// A library: its code, weakest first, and the memory that it needs.
struct cuda_library {
  std::string_view name{};  ///< of the class
  std::span<cuda_library_code const> codes{};
  std::size_t weight_bytes = 0;
  std::size_t device_bytes = 0;  ///< of an object, in the memory of the device
  std::size_t state_bytes = 0;   ///< the first of these, zero before the first run
  std::size_t host_bytes = 0;    ///< of an object, in the host's memory
};

/// Runs `body`; an error that leaves it becomes what the classes of libraries throw.
template <typename Body>
decltype(auto) with_runtime_errors(cuda_library const& library, Body&& body) {
  try {
    return body();
  } catch (error const& e) {
    throw std::runtime_error(joined_text(library.name, ": ", e.what()));
  }
}

/// The code of a library that a device of this compute capability runs best; null: none.
inline cuda_library_code const* find_code(cuda_library const& library, int capability) {
  cuda_library_code const* best = nullptr;
  for (auto const& code : library.codes)
    if (runs_cubin(code.arch, capability)) best = &code;
  return best;
}

/// The kernels and weights of a library on a device, which all objects there share.
class loaded_cuda_library {
 public:
  /// That of the process, which lives as long as an object uses it. Errors: those of `load_cuda_driver`,
  /// `cuda_context::open` and `cuda_module`; unsupported_feature where no code runs on the device; limit_exceeded where
  /// memory is short.
  static std::shared_ptr<loaded_cuda_library const> open(cuda_library const& library, std::byte const* constants,
                                                         int ordinal) {
    static std::mutex mutex;
    static std::map<std::tuple<cuda_library const*, std::byte const*, int>, std::weak_ptr<loaded_cuda_library const>>
        all;
    std::scoped_lock const lock(mutex);
    auto& known = all[{&library, constants, ordinal}];
    if (auto found = known.lock()) return found;
    auto made = std::make_shared<loaded_cuda_library const>(library, constants, ordinal);
    known = made;
    return made;
  }

  loaded_cuda_library(cuda_library const& library, std::byte const* constants, int ordinal)
      : context_(cuda_context::open(load_cuda_driver(), ordinal)), code_(choose(library)) {
    for (std::size_t i = 0; i < code_.kernels.size(); ++i) {
      auto const& k = code_.kernels[i];
      modules_.push_back(std::make_unique<cuda_module const>(
          context_, code_.modules[i], cuda_entry{k.name, k.arguments, static_cast<std::int32_t>(k.shared_bytes)}));
    }
    if (library.weight_bytes == 0) return;
    weights_ = context_->allocate(library.weight_bytes);
    cuda_queue queue(context_);
    queue.upload(weights_.get(), constants, library.weight_bytes);
    queue.wait();
  }

  std::shared_ptr<cuda_context const> const& context() const { return context_; }
  cuda_library_code const& code() const { return code_; }
  cuda_function const& function(std::size_t kernel) const { return modules_[kernel]->function(); }
  std::byte* weights() const { return weights_.get(); }

 private:
  cuda_library_code const& choose(cuda_library const& library) const {
    auto const& info = context_->info();
    if (auto const* const found = find_code(library, info.capability)) return *found;
    std::string all;
    for (auto const& code : library.codes) all += joined_text(all.empty() ? "sm_" : ", sm_", code.arch);
    throw error(
        error_code::unsupported_feature,
        joined_text(to_string(info), " has compute capability ", capability_text(info.capability),
                    "; the library has code for ", all, " (which devices of the same major number run, from that ",
                    "minor number on): compile the model for cuda:sm_", info.capability, " too"));
  }

  std::shared_ptr<cuda_context const> context_;
  cuda_library_code const& code_;
  std::vector<std::unique_ptr<cuda_module const>> modules_{};
  device_memory weights_{};
};

/// What an object of a generated class has on a device, and what the code of its runs asks for. Used by one thread at a
/// time.
class cuda_library_object {
 public:
  /// `constants` are the weights in the host's memory, and stay. Errors: std::runtime_error with what
  /// `loaded_cuda_library::open` says.
  cuda_library_object(cuda_library const& library, std::byte const* constants, int ordinal)
      : library_(library), constants_(constants) {
    with_runtime_errors(library_, [&] {
      loaded_ = loaded_cuda_library::open(library, constants, ordinal);
      auto const& context = *loaded_->context();
      queue_ = std::make_unique<cuda_queue>(loaded_->context());
      device_ = context.allocate(library.device_bytes);
      host_ = context.allocate_pinned(library.host_bytes);
      clear(library.state_bytes);
    });
  }

  /// Runs the model and waits until the outputs are there. Null, or what went wrong because of an input. Errors:
  /// std::runtime_error with what the driver says.
  char const* run(std::byte const* const* inputs, std::byte const** outputs, std::ptrdiff_t n) {
    return with_runtime_errors(library_, [&] {
      moved_.clear();
      auto const* const problem = loaded_->code().run(*this, inputs, outputs, n);
      queue_->wait();
      return problem;
    });
  }

  /// Memory of the object on the device and in the host's memory, and the weights there.
  std::byte* device() const { return device_.get(); }
  std::byte* host() const { return host_.get(); }
  std::byte* weights() const { return loaded_->weights(); }
  std::byte const* constants() const { return constants_; }

  /// Where kernels read an input: where it is, if it lies on the device, else in `copy`.
  std::byte* input_on_device(std::byte const* data, std::size_t bytes, std::byte* copy) {
    auto* const from = const_cast<std::byte*>(data);
    auto* const there = sinter::input_on_device(*queue_, from, bytes, is_there(data, bytes), copy);
    moved_.push_back(there);
    return there;
  }
  /// Where host calls read an input: where it is, unless it lies on the device, else in `copy`.
  std::byte* input_on_host(std::byte const* data, std::size_t bytes, std::byte* copy) {
    if (!is_there(data, bytes)) return const_cast<std::byte*>(data);
    download(copy, data, bytes);
    wait();
    return copy;
  }

  void upload(std::byte* to, std::byte const* from, std::size_t bytes) { queue_->upload(to, from, bytes); }
  /// The bytes are there after `wait`, and at the end of the run.
  void download(std::byte* to, std::byte const* from, std::size_t bytes) { queue_->download(to, from, bytes); }
  void wait() { queue_->wait(); }

  /// Before a run: makes the words of `count` checks at `at` zero.
  void start_checks(std::byte* at, std::size_t count) {
    checks_.assign(count, 0);
    upload(at, reinterpret_cast<std::byte const*>(checks_.data()), count * sizeof(std::int64_t));
  }
  /// After it: the problem of the first check whose word is not zero; null: none.
  char const* failed_check(std::byte const* at, std::span<char const* const> problems) {
    download(reinterpret_cast<std::byte*>(checks_.data()), at, checks_.size() * sizeof(std::int64_t));
    wait();
    auto const failed = std::ranges::find_if(checks_, [](std::int64_t word) { return word != 0; });
    return failed == checks_.end() ? nullptr : problems[static_cast<std::size_t>(failed - checks_.begin())];
  }

  /// Gives the launches that `give` makes, as a recording from the second time on.
  template <typename Give>
  void replay(std::size_t number, Give&& give) {
    recordings_.replay(*queue_, number, moved_, give);
  }
  void launch(std::size_t kernel, std::array<std::uint32_t, 3> blocks, std::initializer_list<std::byte*> arguments) {
    auto const& k = loaded_->code().kernels[kernel];
    queue_->launch({.function = const_cast<cuda_function*>(&loaded_->function(kernel)),
                    .blocks = blocks,
                    .threads = k.threads,
                    .shared_bytes = k.shared_bytes,
                    .arguments = {arguments.begin(), arguments.size()}});
  }

 private:
  bool is_there(std::byte const* data, std::size_t bytes) const { return bytes > 0 && loaded_->context()->owns(data); }

  void clear(std::size_t bytes) {
    std::vector<std::byte> const zeros(bytes);
    upload(device(), zeros.data(), bytes);
    wait();
  }

  cuda_library const& library_;
  std::byte const* constants_;
  std::shared_ptr<loaded_cuda_library const> loaded_{};
  device_memory device_{};
  std::shared_ptr<std::byte> host_{};
  std::unique_ptr<device_queue> queue_{};
  device_recordings recordings_{};
  std::vector<std::int64_t> checks_{};  ///< their words
  std::vector<std::byte*> moved_{};     ///< where kernels read the inputs, of the last run
};

/// Whether the device is there and runs code of the library.
inline bool runs_library(cuda_library const& library, int ordinal) noexcept {
  for (auto const& d : list_cuda_devices())
    if (d.ordinal == ordinal) return find_code(library, d.capability) != nullptr;
  return false;
}

}  // namespace sinter
