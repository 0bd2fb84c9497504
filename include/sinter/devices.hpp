#pragma once

// Implementation of what sinter.hpp says of CUDA devices: include it once per program.

#include <sinter/runtime/cuda/device.hpp>
#include <sinter/sinter.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace sinter {

device cuda(int index) {
  static std::mutex mutex;
  static std::map<int, std::weak_ptr<accelerator>> open;
  std::scoped_lock lock(mutex);
  if (auto known = open[index].lock()) return known;
  auto made =
      std::make_shared<cuda_device>(index, cuda_options{.driver = load_cuda_driver(), .cache = cubin_cache::of_user()});
  open[index] = made;
  return made;
}

device device_named(std::string_view name) {
  if (name == "cpu") return nullptr;
  if (name == "cuda") return cuda();
  auto const index = name.starts_with("cuda:") ? detail::read_number(name.substr(5)) : -1;
  if (index < 0 || index > INT32_MAX)
    fail(error_code::invalid_argument, "'{}' is no device; expected cpu, cuda, or a number behind, as cuda:1", name);
  return cuda(static_cast<int>(index));
}

std::vector<device_info> devices() {
  std::vector<device_info> found;
  for (auto const& d : list_cuda_devices()) found.push_back({to_string(d), cuda_target(d.capability), d.bytes});
  return found;
}

}  // namespace sinter
