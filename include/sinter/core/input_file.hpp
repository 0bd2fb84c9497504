#pragma once

#include <sinter/core/error.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sinter {

/// A file descriptor that is closed at the end of its scope.
class descriptor {
 public:
  explicit descriptor(int fd = -1) : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// Bytes that are read at any place, by several threads at once.
class readable_bytes {
 public:
  virtual ~readable_bytes() = default;
  /// Fills `to` with the bytes from `offset` on, which are all there. Errors: io.
  virtual void read(std::size_t offset, std::span<std::byte> to) const = 0;
};

/// A regular file that is read at any place, by several threads at once. It stays open, so its name may go meanwhile.
/// It isn't mapped: a file that gets shorter is an error, not a signal.
class input_file final : public readable_bytes {
 public:
  /// `name` is for errors. Errors: io if it is no regular file, limit_exceeded if it has more than `most_bytes`.
  input_file(descriptor file, std::string name, std::size_t most_bytes)
      : file_(std::move(file)), name_(std::move(name)) {
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0) fail(error_code::io, "cannot read '{}': {}", name_, std::strerror(errno));
    if (!S_ISREG(status.st_mode)) fail(error_code::io, "cannot read '{}': it is not a regular file", name_);
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ > most_bytes)
      fail(error_code::limit_exceeded,
           "'{}' has {} bytes, {} are allowed; raise sinter::limits if the model is trusted", name_, size_, most_bytes);
  }

  static std::shared_ptr<input_file const> open(std::filesystem::path const& path, std::size_t most_bytes) {
    descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) fail(error_code::io, "cannot open '{}': {}", path.string(), std::strerror(errno));
    return std::make_shared<input_file const>(std::move(file), path.string(), most_bytes);
  }

  /// Bytes, when it was opened.
  std::size_t size() const { return size_; }

  void read(std::size_t offset, std::span<std::byte> to) const override {
    constexpr std::size_t most_at_once = std::size_t{1} << 30;
    while (!to.empty()) {
      auto const got = ::pread(file_.get(), to.data(), std::min(to.size(), most_at_once), static_cast<::off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail(error_code::io, "cannot read '{}': {}", name_, std::strerror(errno));
      if (got == 0)
        fail(error_code::io, "'{}' ends at byte {}, it had {} when it was opened; load it again", name_, offset, size_);
      to = to.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::size_t>(got);
    }
  }

 private:
  descriptor file_;
  std::string name_;
  std::size_t size_ = 0;
};

}  // namespace sinter
