#pragma once

#include <sinter/emit/cuda/emit.hpp>
#include <sinter/runtime/accelerator.hpp>

#include "emulator/emulator.hpp"
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sinter::test {

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
    auto const code = std::make_shared<loaded>(cuda::cuda_module_text(kernels));
    for (auto const& k : kernels) code->names.push_back(cuda::kernel_name(k));
    device_code result;
    for (auto const& n : code->names) result.entries.push_back(const_cast<std::string*>(&n));
    result.owners.push_back(code);
    current_ = code;
    return result;
  }

  std::unique_ptr<device_queue> make_queue() override { return std::make_unique<queue>(*this); }

  std::size_t launches() const { return launches_; }

 private:
  struct loaded {
    explicit loaded(std::string const& text) : module(text) {}
    emulator::module module;
    std::vector<std::string> names;
  };
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
      auto const give = [this, code = device_.current_, pointers, size, name] {
        ++device_.launches_;
        code->module.launch(name, size, pointers, device_.how_);
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
  std::shared_ptr<loaded> current_;
  std::size_t launches_ = 0;
};

}  // namespace sinter::test
