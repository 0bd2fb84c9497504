#pragma once

#include <sinter/onnx/byte_source.hpp>

#include <algorithm>
#include <linux/openat2.h>
#include <map>
#include <optional>
#include <sys/syscall.h>

namespace sinter::onnx {

/// Files beside a model that hold tensor data. A file must lie in the model's folder or below it; when the model or the
/// file is a symbolic link, in the folder of the file that the model's path leads to (so that content caches, which
/// link both into one store, work). The kernel enforces it where it can, so links that change meanwhile gain nothing.
class external_data {
 public:
  /// For a model that was not read from a file: every `open` is an error.
  explicit external_data(std::size_t most_bytes) : left_(most_bytes) {}
  external_data(std::filesystem::path const& model, std::size_t most_bytes) : left_(most_bytes) {
    folder_ = model.has_parent_path() ? model.parent_path() : ".";
    std::error_code unused;
    auto const real = std::filesystem::canonical(model, unused);
    if (!real.empty()) real_folder_ = real.parent_path();
  }

  /// The whole of a file that a tensor names.
  byte_source const& open(std::string const& location) {
    if (auto const known = files_.find(location); known != files_.end()) return known->second;
    if (!folder_)
      fail(error_code::unsupported_feature,
           "the model keeps tensors in the file '{}' and was loaded from memory; load it from its file", location);
    std::filesystem::path const relative(location);
    if (location.empty() || location.find('\0') != std::string::npos || relative.is_absolute() ||
        std::ranges::find(relative, "..") != relative.end())
      fail(error_code::malformed_model, "external data lies at '{}', expected a path inside the model's folder",
           location);
    auto file = open_beneath(*folder_, relative);
    if (!file && errno == EXDEV) file = open_in_store(relative);
    if (!file && errno == EXDEV)
      fail(error_code::malformed_model, "external data '{}' leads out of the model's folder '{}'; copy it there",
           location, folder_->string());
    if (!file)
      fail(error_code::io, "cannot open external data '{}' in '{}': {}", location, folder_->string(),
           std::strerror(errno));
    byte_source const source(
        std::make_shared<input_file const>(std::move(file), (*folder_ / relative).string(), left_));
    left_ -= source.size();
    return files_.emplace(location, source).first->second;
  }

 private:
  static constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

  /// Opens a file below a folder; one that leaves it is EXDEV.
  static descriptor open_beneath(std::filesystem::path const& folder, std::filesystem::path const& relative) {
    descriptor const root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) return descriptor();
    open_how how{};
    how.flags = static_cast<decltype(how.flags)>(flags);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    auto const fd = ::syscall(SYS_openat2, root.get(), relative.c_str(), &how, sizeof how);
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return descriptor(static_cast<int>(fd));
    return open_checked(folder, relative);
  }

  /// The same without the kernel's help.
  static descriptor open_checked(std::filesystem::path const& folder, std::filesystem::path const& relative) {
    std::error_code wrong;
    auto const root = std::filesystem::canonical(folder, wrong);
    auto const target = wrong ? root : std::filesystem::canonical(folder / relative, wrong);
    errno = wrong ? wrong.value() : EXDEV;
    if (wrong || std::ranges::mismatch(root, target).in1 != root.end()) return descriptor();
    return descriptor(::open(target.c_str(), flags | O_NOFOLLOW));
  }

  /// Opens a link that leads from the model's folder to where the model itself really is.
  descriptor open_in_store(std::filesystem::path const& relative) const {
    std::error_code wrong;
    auto const target = std::filesystem::canonical(*folder_ / relative, wrong);
    errno = wrong ? wrong.value() : EXDEV;
    if (wrong || !real_folder_) return descriptor();
    if (std::ranges::mismatch(*real_folder_, target).in1 != real_folder_->end()) return descriptor();
    return open_beneath(*real_folder_, target.lexically_relative(*real_folder_));
  }

  std::optional<std::filesystem::path> folder_{};
  std::optional<std::filesystem::path> real_folder_{};
  std::size_t left_;
  std::map<std::string, byte_source> files_{};
};

}  // namespace sinter::onnx
