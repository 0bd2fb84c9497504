#pragma once

#include <sinter/runtime/cuda/context.hpp>
#include <sinter/runtime/cuda/driver.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

namespace sinter {

/// Pinned memory of the host that copies between a device and pageable memory go through, piece by piece: the host
/// fills or empties one piece while the device copies others. Used by one thread at a time, with the context current.
class cuda_staging {
 public:
  static constexpr std::size_t piece_bytes = std::size_t{1} << 20;
  static constexpr std::size_t most_pieces = 8;

  explicit cuda_staging(std::shared_ptr<cuda_context const> context) : context_(std::move(context)) {}
  cuda_staging(cuda_staging const&) = delete;
  cuda_staging& operator=(cuda_staging const&) = delete;
  /// All copies are done.
  ~cuda_staging() {
    cuda_context::current const scope(*context_);
    for (auto const& p : pieces_) {
      if (p.event) driver().event_destroy(p.event);
      if (p.memory) driver().mem_free_host(p.memory);
    }
  }

  /// `from` may change when this returns. Errors: system.
  void upload(cuda_pointer to, std::byte const* from, std::size_t bytes, void* stream) {
    for (std::size_t at = 0; at < bytes; at += piece_bytes) {
      auto const part = std::min(piece_bytes, bytes - at);
      auto& p = take();
      std::memcpy(p.memory, from + at, part);
      context_->check(driver().memcpy_htod_async(to + at, p.memory, part, stream), "cuMemcpyHtoDAsync");
      start(p, stream, nullptr, 0);
    }
  }

  /// `to` is filled when `finish` returns. Errors: system.
  void download(std::byte* to, cuda_pointer from, std::size_t bytes, void* stream) {
    for (std::size_t at = 0; at < bytes; at += piece_bytes) {
      auto const part = std::min(piece_bytes, bytes - at);
      auto& p = take();
      context_->check(driver().memcpy_dtoh_async(p.memory, from + at, part, stream), "cuMemcpyDtoHAsync");
      start(p, stream, to + at, part);
    }
  }

  /// Called when the stream has done all: fills what downloads go to.
  void finish() {
    for (std::size_t i = 0; i < most_pieces; ++i) empty(pieces_[(next_ + i) % most_pieces]);
    next_ = 0;
  }

  /// Called when the stream has failed: what downloads go to stays as it is.
  void drop() {
    for (auto& p : pieces_) p.is_busy = false;
    next_ = 0;
  }

 private:
  struct piece {
    std::byte* memory = nullptr;
    void* event = nullptr;  ///< comes when the device has done its copy
    bool is_busy = false;
    std::byte* to = nullptr;  ///< of a download
    std::size_t bytes = 0;
  };

  cuda_driver const& driver() const { return context_->driver(); }

  static void empty(piece& p) {
    if (p.is_busy && p.to) std::memcpy(p.to, p.memory, p.bytes);
    p.is_busy = false;
  }

  /// The piece that was used first, free again.
  piece& take() {
    auto& p = pieces_[next_];
    next_ = (next_ + 1) % most_pieces;
    if (!p.memory) make(p);
    if (p.is_busy) context_->check(driver().event_synchronize(p.event), "cuEventSynchronize");
    empty(p);
    return p;
  }

  void make(piece& p) const {
    void* memory = nullptr;
    if (!p.event) context_->check(driver().event_create(&p.event, cuda_api::event_without_time), "cuEventCreate");
    context_->check(driver().mem_host_alloc(&memory, piece_bytes, 0), "taking pinned memory of the host");
    p.memory = static_cast<std::byte*>(memory);
  }

  void start(piece& p, void* stream, std::byte* to, std::size_t bytes) const {
    context_->check(driver().event_record(p.event, stream), "cuEventRecord");
    p.is_busy = true;
    p.to = to;
    p.bytes = bytes;
  }

  std::shared_ptr<cuda_context const> context_;
  std::array<piece, most_pieces> pieces_{};
  std::size_t next_ = 0;
};

}  // namespace sinter
