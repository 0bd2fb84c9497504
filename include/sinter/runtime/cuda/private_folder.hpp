#pragma once

#include <sinter/core/input_file.hpp>

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sinter {

/// A folder that only this user writes to. No function throws: what cannot be done is not done.
class private_folder {
 public:
  struct entry {
    std::string name{};
    std::size_t bytes = 0;
    std::timespec used{};  ///< when it was written or touched
  };

  /// Opens the folder, made with mode 0700 where it is not there. None where that fails, or where it belongs to
  /// somebody else or somebody else may write to it.
  static std::optional<private_folder> open(std::filesystem::path path) {
    if (!path.has_filename()) path = path.parent_path();  // "a/"
    std::error_code ignored;
    std::filesystem::create_directories(path.parent_path(), ignored);
    ::mkdir(path.c_str(), 0700);
    descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    if (!folder || ::fstat(folder.get(), &status) != 0) return std::nullopt;
    if (status.st_uid != ::geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return std::nullopt;
    return private_folder(std::move(folder));
  }

  /// The bytes of a regular file of at most `most_bytes`.
  std::optional<std::string> read(std::string const& name, std::size_t most_bytes) const {
    descriptor const file(::openat(folder_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    auto const size = static_cast<std::size_t>(status.st_size);
    if (size > most_bytes) return std::nullopt;
    std::string bytes(size, '\0');
    for (std::size_t at = 0; at < size;) {
      auto const got = ::read(file.get(), bytes.data() + at, size - at);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return std::nullopt;
      at += static_cast<std::size_t>(got);
    }
    return bytes;
  }

  /// Puts a file in place at once: whoever reads sees the old bytes or the new ones.
  bool replace(std::string const& name, std::string_view bytes) const {
    auto const temporary = temporary_name();
    descriptor file(::openat(folder_.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) return false;
    bool const written = write_all(file.get(), bytes);
    file = descriptor();
    if (written && ::renameat(folder_.get(), temporary.c_str(), folder_.get(), name.c_str()) == 0) return true;
    remove(temporary);
    return false;
  }

  /// Marks a file as used now.
  void touch(std::string const& name) const { ::utimensat(folder_.get(), name.c_str(), nullptr, AT_SYMLINK_NOFOLLOW); }
  void remove(std::string const& name) const { ::unlinkat(folder_.get(), name.c_str(), 0); }

  /// The names in it that start so.
  std::vector<std::string> names(std::string_view start = {}) const {
    std::vector<std::string> found;
    int const copy = ::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto* const list = copy < 0 ? nullptr : ::fdopendir(copy);
    if (!list && copy >= 0) ::close(copy);
    if (!list) return found;
    while (auto const* const item = ::readdir(list))
      if (std::string_view(item->d_name).starts_with(start)) found.emplace_back(item->d_name);
    ::closedir(list);
    return found;
  }

  /// Its regular files.
  std::vector<entry> entries() const {
    std::vector<entry> found;
    for (auto& name : names()) {
      struct stat status {};
      if (::fstatat(folder_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode))
        found.push_back({std::move(name), static_cast<std::size_t>(status.st_size), status.st_mtim});
    }
    return found;
  }

  static bool is_temporary(std::string_view name) { return name.starts_with(temporary_start); }

 private:
  static constexpr std::string_view temporary_start = ".new-";

  explicit private_folder(descriptor folder) : folder_(std::move(folder)) {}

  /// A name that no other process or thread uses.
  static std::string temporary_name() {
    static std::atomic<std::uint64_t> count{0};
    std::timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return fmt::format("{}{}-{}-{}-{}", temporary_start, ::getpid(), now.tv_sec, now.tv_nsec, ++count);
  }

  static bool write_all(int file, std::string_view bytes) {
    while (!bytes.empty()) {
      auto const wrote = ::write(file, bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
  }

  descriptor folder_;
};

}  // namespace sinter
