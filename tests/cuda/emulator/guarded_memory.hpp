#pragma once

#include "error.hpp"
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <sys/mman.h>

namespace emulator {

/// Memory that starts as NaN, between pages that fault. It ends at the page behind it but for what alignment takes;
/// what lies between must stay as it is.
class guarded_memory {
 public:
  static constexpr std::size_t alignment = 256;  // of cuMemAlloc

  explicit guarded_memory(std::size_t bytes)
      : bytes_(bytes), aligned_(round_up(bytes, alignment)), mapped_(round_up(aligned_, page) + 2 * page) {
    auto* const mapping = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) throw error("no memory of " + std::to_string(bytes) + " bytes");
    mapping_ = static_cast<char*>(mapping);
    data_ = mapping_ + mapped_ - page - aligned_;
    std::memset(mapping_ + page, nan, mapped_ - 2 * page);
    mprotect(mapping_, page, PROT_NONE);
    mprotect(mapping_ + mapped_ - page, page, PROT_NONE);
    auto const lock = std::lock_guard(all().mutex);
    all().memories[mapping_] = this;
  }
  guarded_memory(guarded_memory const&) = delete;
  guarded_memory& operator=(guarded_memory const&) = delete;
  ~guarded_memory() {
    {
      auto const lock = std::lock_guard(all().mutex);
      all().memories.erase(mapping_);
    }
    munmap(mapping_, mapped_);
  }

  char* data() const { return data_; }
  std::size_t size() const { return bytes_; }
  /// Makes all elements NaN.
  void poison() const { std::memset(data_, nan, bytes_); }
  /// Writes beside any memory since the last call: the first, as `place` says it, or nothing.
  static std::string take_overrun() {
    auto const lock = std::lock_guard(all().mutex);
    std::string found;
    for (auto const& [mapping, memory] : all().memories) {
      auto const* const at = memory->overrun();
      if (at && found.empty()) found = memory->place(at);
      if (at) memory->guard();
    }
    return found;
  }
  /// An address in words: "12 bytes behind a memory of 256 bytes".
  static std::string describe(void const* address) {
    auto const lock = std::lock_guard(all().mutex);
    auto const after = all().memories.upper_bound(const_cast<char*>(static_cast<char const*>(address)));
    if (after == all().memories.begin()) return "no memory";
    auto const& memory = *std::prev(after)->second;
    return address < memory.mapping_ + memory.mapped_ ? memory.place(address) : "no memory";
  }

 private:
  struct registry {
    std::mutex mutex;
    std::map<char*, guarded_memory const*> memories;  ///< by the start of the mapping
  };
  static registry& all() {
    static registry result;
    return result;
  }
  std::string place(void const* address) const {
    auto const* const at = static_cast<char const*>(address);
    auto const of = " a memory of " + std::to_string(bytes_) + " bytes";
    if (at < data_) return std::to_string(data_ - at) + " bytes before" + of;
    auto const offset = static_cast<std::size_t>(at - data_);
    if (offset < bytes_) return "byte " + std::to_string(offset) + " of" + of;
    return std::to_string(offset - bytes_) + " bytes behind" + of;
  }

  /// What is checked beside the memory: before it, and behind.
  char* before() const { return std::max(data_ - alignment, mapping_ + page); }
  void guard() const {
    std::memset(before(), nan, static_cast<std::size_t>(data_ - before()));
    std::memset(data_ + bytes_, nan, aligned_ - bytes_);
  }
  /// The first byte beside the memory that was written, or null.
  char const* overrun() const {
    auto const is_written = [](char c) { return c != nan; };
    auto const *const first = std::find_if(before(), data_, is_written), *const last =
                                                                             std::find_if(data_ + bytes_,
                                                                                          data_ + aligned_, is_written);
    return first != data_ ? first : last != data_ + aligned_ ? last : nullptr;
  }

  static constexpr std::size_t page = 4096;
  static constexpr char nan = '\xff';
  static std::size_t round_up(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

  std::size_t bytes_, aligned_, mapped_;
  char* mapping_;
  char* data_;
};

}  // namespace emulator
