#pragma once

#include "guarded_memory.hpp"
#include <cstring>
#include <vector>

namespace emulator {

/// Elements in memory of the device.
template <class T>
class array {
 public:
  explicit array(std::size_t size) : memory_(size * sizeof(T)), size_(size) {}
  explicit array(std::vector<T> const& values) : array(values.size()) {
    std::memcpy(memory_.data(), values.data(), values.size() * sizeof(T));
  }
  T* data() const { return reinterpret_cast<T*>(memory_.data()); }
  std::vector<T> values() const { return {data(), data() + size_}; }
  /// Makes all elements NaN.
  void poison() const { memory_.poison(); }

 private:
  guarded_memory memory_;
  std::size_t size_;
};

}  // namespace emulator
