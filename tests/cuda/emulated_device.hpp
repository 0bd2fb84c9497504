#pragma once

#include <sinter/emit/cuda/emit.hpp>
#include <sinter/runtime/accelerator.hpp>

#include "emulator/emulator.hpp"
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sinter::test {

/// The kernels of this process, compiled for the emulator; each once.
class emulated_kernels {
 public:
  static emulated_kernels& all() {
    static emulated_kernels kernels;
    return kernels;
  }

  /// Compiles those that are missing, `each` in a module, two modules at a time.
  void add(std::span<device_kernel const> kernels, std::size_t each = SIZE_MAX) {
    std::map<std::string, device_kernel const*> missing;
    for (auto const& k : kernels)
      if (auto name = cuda_text::kernel_name(k); !modules_.contains(name)) missing.emplace(std::move(name), &k);
    std::vector<batch> batches;
    for (auto const& [name, kernel] : missing) {
      if (batches.empty() || batches.back().names.size() == each) batches.emplace_back();
      batches.back().names.push_back(name);
      batches.back().kernels.push_back(*kernel);
    }
    std::vector<std::future<void>> running;
    for (auto& b : batches) {
      if (running.size() > 1) running[running.size() - 2].get();
      running.push_back(std::async(std::launch::async,
                                   [&b] { b.object = emulator::compile(cuda_text::cuda_module_text(b.kernels)); }));
    }
    for (auto& r : running)
      if (r.valid()) r.get();
    for (auto const& b : batches) {
      auto const module = std::make_shared<emulator::module const>(emulator::module::of_bytes(b.object));
      for (auto const& name : b.names) modules_.emplace(name, module);
    }
  }

  void launch(std::string const& name, emulator::launch_size const& size, std::vector<void const*> pointers,
              emulator::options const& how) const {
    modules_.at(name)->launch(name, size, std::move(pointers), how);
  }

 private:
  struct batch {
    std::vector<std::string> names{};
    std::vector<device_kernel> kernels{};
    std::string object{};
  };
  std::map<std::string, std::shared_ptr<emulator::module const>> modules_;
};

/// A CUDA device that this CPU plays: kernels are run by the emulator, under one of its options.
class emulated_device final : public accelerator {
 public:
  explicit emulated_device(target machine = "cuda:sm_90", emulator::options how = {}) : machine_(machine), how_(how) {}

  std::string name() const override { return "an emulated device"; }
  target machine() const override { return machine_; }
  bool owns(void const* data) const override {
    return std::ranges::any_of(*memories_, [&](auto const& m) { return m.first <= data && data < m.first + m.second; });
  }

  device_memory allocate(std::size_t bytes) override {
    auto const memory = std::make_shared<emulator::guarded_memory>(bytes);
    auto* const data = reinterpret_cast<std::byte*>(memory->data());
    memories_->emplace(data, bytes);
    return {data, [memory, all = memories_](std::byte* at) { all->erase(at); }};
  }

  device_code load(std::span<device_kernel const> kernels) override {
    emulated_kernels::all().add(kernels);
    auto const names = std::make_shared<std::vector<std::string>>();
    for (auto const& k : kernels) names->push_back(cuda_text::kernel_name(k));
    device_code result{.blocks = {{names, 0}}};
    for (auto& n : *names) result.entries.push_back(&n);
    return result;
  }

  std::unique_ptr<device_queue> make_queue() override { return std::make_unique<queue>(*this); }

  std::size_t launches() const { return launches_; }

 private:
  using work = std::vector<std::function<void()>>;

  struct recorded final : device_queue::recording {
    work launches;
  };

  /// Does everything at once.
  class queue final : public device_queue {
   public:
    explicit queue(emulated_device& d) : device_(d) {}
    void upload(std::byte* to, void const* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
    void download(void* to, std::byte const* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
    void copy(std::byte* to, std::byte const* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
    void wait() override {}
    void launch(device_launch const& what) override {
      std::vector<void const*> const pointers(what.arguments.begin(), what.arguments.end());
      emulator::launch_size const size{what.blocks, what.threads, what.shared_bytes};
      auto const& name = *static_cast<std::string const*>(what.function);
      auto const give = [this, pointers, size, name] {
        ++device_.launches_;
        emulated_kernels::all().launch(name, size, pointers, device_.how_);
      };
      record_ ? record_->push_back(give) : give();
    }
    std::unique_ptr<recording> record(std::function<void()> const& give) override {
      auto made = std::make_unique<recorded>();
      record_ = &made->launches;
      give();
      record_ = nullptr;
      return made;
    }
    void borrow(void*) override {}
    void give_back() noexcept override {}
    bool change(recording&, std::size_t, device_launch const&) override { return false; }
    void replay(recording& what) override {
      for (auto const& each : static_cast<recorded&>(what).launches) each();
    }

   private:
    emulated_device& device_;
    work* record_ = nullptr;
  };

  target machine_;
  emulator::options how_;
  std::shared_ptr<std::map<std::byte const*, std::size_t>> memories_ =
      std::make_shared<std::map<std::byte const*, std::size_t>>();
  std::size_t launches_ = 0;
};

}  // namespace sinter::test
