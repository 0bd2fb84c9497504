#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace sinter {

/// Incremental 64-bit FNV-1a over words; for deduplication within a process, not for storage.
class hasher {
 public:
  template <typename T>
  requires std::is_integral_v<T> || std::is_enum_v<T> hasher& add(T value) {
    state_ = (state_ ^ static_cast<std::uint64_t>(value)) * 0x100000001b3ULL;
    state_ ^= state_ >> 29;
    return *this;
  }
  hasher& add(std::string_view text) {
    add(text.size());
    for (auto const c : text) add(c);
    return *this;
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325ULL;
};

}  // namespace sinter
