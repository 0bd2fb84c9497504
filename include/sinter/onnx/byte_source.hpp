#pragma once

#include <sinter/core/input_file.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sinter::onnx {

/// Bytes that a model is made of: a part of a file or of somebody's memory.
class byte_source {
 public:
  explicit byte_source(std::span<std::byte const> memory) : memory_(memory), size_(memory.size()) {}
  explicit byte_source(std::shared_ptr<input_file const> file) : file_(std::move(file)), size_(file_->size()) {}

  std::size_t size() const { return size_; }
  byte_source part(std::size_t first, std::size_t size) const {
    SINTER_ASSERT(first <= size_ && size <= size_ - first);
    auto result = *this;
    result.offset_ += first;
    result.size_ = size;
    return result;
  }

  /// The file, if they lie in one, and where in it they start.
  std::shared_ptr<input_file const> const& file() const { return file_; }
  std::size_t offset() const { return offset_; }
  /// Where they lie in memory otherwise.
  std::span<std::byte const> memory() const { return memory_.subspan(offset_, size_); }

  /// Fills `to` with the bytes from `first` on, which are all inside. Errors: io.
  void read(std::size_t first, std::span<std::byte> to) const {
    if (file_)
      file_->read(offset_ + first, to);
    else if (!to.empty())
      std::memcpy(to.data(), memory_.data() + offset_ + first, to.size());
  }

 private:
  std::span<std::byte const> memory_{};
  std::shared_ptr<input_file const> file_{};
  std::size_t offset_ = 0, size_ = 0;
};

/// The bytes of a source for one who mostly goes forwards: those in a file are read a window at a time.
class byte_window {
 public:
  explicit byte_window(byte_source source) : source_(std::move(source)) {
    if (source_.file())
      buffer_.resize(std::min(window_bytes, source_.size()));
    else
      window_ = source_.memory();
  }

  std::size_t size() const { return source_.size(); }

  std::byte operator[](std::size_t at) {
    if (at - first_ >= window_.size()) move_to(at);
    return window_[at - first_];
  }

  /// Appends the bytes of [from, to) to `out`.
  void append(std::size_t from, std::size_t to, std::string& out) {
    while (from < to) {
      if (from - first_ >= window_.size()) move_to(from);
      auto const rest = window_.subspan(from - first_);
      auto const count = std::min(rest.size(), to - from);
      out.append(reinterpret_cast<char const*>(rest.data()), count);
      from += count;
    }
  }

 private:
  static constexpr std::size_t window_bytes = 4 << 10;

  void move_to(std::size_t at) {
    auto const target = std::span(buffer_).first(std::min(buffer_.size(), size() - at));
    source_.read(at, target);
    window_ = target;
    first_ = at;
  }

  byte_source source_;
  std::vector<std::byte> buffer_{};
  std::span<std::byte const> window_{};
  std::size_t first_ = 0;
};

}  // namespace sinter::onnx
