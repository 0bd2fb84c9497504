#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace sinter {

/// The elements of one tensor in a mapped file, where their address is a multiple of their alignment only by chance.
/// Who cannot read them there gets a copy, made when it is first asked for. Immutable; shared by threads.
class located_bytes {
 public:
  /// `owner` keeps the bytes where they are.
  located_bytes(std::shared_ptr<void const> owner, std::span<std::byte const> bytes, std::size_t alignment)
      : owner_(std::move(owner)), bytes_(bytes), number_(next_number()) {
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignment == 0) aligned_ = bytes.data();
  }
  located_bytes(located_bytes const&) = delete;
  located_bytes& operator=(located_bytes const&) = delete;
  ~located_bytes() {
    if (aligned_ != bytes_.data()) free_copy(aligned_);
  }

  std::byte const* bytes() const { return bytes_.data(); }
  /// Not 0, and no other's of this process, ever.
  std::uint64_t number() const { return number_; }

  /// Whether they are aligned, here or in a copy.
  bool is_aligned() const { return aligned_.load(std::memory_order_acquire) != nullptr; }
  /// The same bytes, aligned.
  std::byte const* aligned() const {
    if (auto const* const known = aligned_.load(std::memory_order_acquire)) return known;
    auto* const copy = static_cast<std::byte*>(::operator new(bytes_.size(), alignment_of_copies));
    std::memcpy(copy, bytes_.data(), bytes_.size());
    std::byte const* expected = nullptr;
    if (aligned_.compare_exchange_strong(expected, copy, std::memory_order_acq_rel)) return copy;
    free_copy(copy);
    return expected;
  }

 private:
  static constexpr std::align_val_t alignment_of_copies{64};
  static void free_copy(std::byte const* p) { ::operator delete(const_cast<std::byte*>(p), alignment_of_copies); }
  static std::uint64_t next_number() {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
  }

  std::shared_ptr<void const> owner_;
  std::span<std::byte const> bytes_;
  std::uint64_t number_;
  mutable std::atomic<std::byte const*> aligned_{nullptr};
};

}  // namespace sinter
