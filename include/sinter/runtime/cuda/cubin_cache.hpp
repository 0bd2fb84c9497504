#pragma once

#include <sinter/core/hash.hpp>
#include <sinter/runtime/cuda/private_folder.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter {

/// What the bytes of a cubin follow from.
struct cubin_key {
  std::string text{};      ///< of the module; that of one kernel, with the prelude
  std::string options{};   ///< with the architecture
  std::string compiler{};  ///< the version of NVRTC; empty, to find what any has compiled
};

/// Cubins in a folder that only this user writes to, shared by processes. A cubin that is bad, of another key or not to
/// be read is not there; one that cannot be kept is not kept: no function has errors. What was not used for longest
/// goes when there are more than `most_bytes` and somebody trims.
class cubin_cache {
 public:
  static constexpr std::size_t default_bytes = std::size_t{1} << 30;

  /// Keeps nothing.
  cubin_cache() = default;
  explicit cubin_cache(std::filesystem::path folder, std::size_t most_bytes = default_bytes)
      : folder_(std::move(folder)), most_bytes_(most_bytes) {}

  /// In $SINTER_CACHE_DIR (empty: keeps nothing), else $XDG_CACHE_HOME/sinter, else ~/.cache/sinter; keeps nothing
  /// where none of them is set.
  static cubin_cache of_user() {
    if (auto const* const own = std::getenv("SINTER_CACHE_DIR")) return cubin_cache(own);
    if (auto const* const xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg == '/')
      return cubin_cache(std::filesystem::path(xdg) / "sinter");
    if (auto const* const home = std::getenv("HOME"); home && *home == '/')
      return cubin_cache(std::filesystem::path(home) / ".cache" / "sinter");
    return {};
  }

  std::optional<std::string> find(cubin_key const& key) const {
    auto const folder = open();
    if (!folder) return std::nullopt;
    if (!key.compiler.empty()) return find_in(*folder, name(key), key);
    for (auto const& file : folder->names(stem(key)))
      if (auto found = find_in(*folder, file, key)) return found;
    return std::nullopt;
  }

  /// `key` has a compiler.
  void keep(cubin_key const& key, std::string_view code) const {
    if (auto const folder = open()) folder->replace(name(key), entry_bytes(key, code));
  }

  /// Removes what was not used for longest beyond the most bytes, and files that processes left half-written.
  void trim() const {
    if (auto const folder = open()) trim(*folder);
  }

 private:
  /// The start of a file; texts of the key follow, then the code.
  struct header {
    std::array<char, 8> magic{'s', 'i', 'n', 't', 'e', 'r', 'C', '1'};
    std::uint64_t text = 0, options = 0, compiler = 0, code = 0;  ///< bytes
    digest check{};                                               ///< of all that follows
  };
  static constexpr std::size_t most_entry_bytes = std::size_t{256} << 20;

  std::optional<private_folder> open() const { return folder_.empty() ? std::nullopt : private_folder::open(folder_); }

  static digest digest_of(std::string_view bytes) { return content_digest(std::as_bytes(std::span(bytes))); }
  static std::string stem(cubin_key const& key) {
    auto const d = digest_of(key.options + '\n' + key.text);
    return fmt::format("{:016x}{:016x}-", d.high, d.low);
  }
  static std::string name(cubin_key const& key) { return stem(key) + key.compiler + ".cubin"; }
  static bool is_entry(std::string_view name) { return name.find('-') == 32 && name.ends_with(".cubin"); }

  static std::string entry_bytes(cubin_key const& key, std::string_view code) {
    auto const rest = key.text + key.options + key.compiler + std::string(code);
    header h;
    h.text = key.text.size();
    h.options = key.options.size();
    h.compiler = key.compiler.size();
    h.code = code.size();
    h.check = digest_of(rest);
    std::string bytes(sizeof h, '\0');
    std::memcpy(bytes.data(), &h, sizeof h);
    return bytes + rest;
  }

  /// The code in the bytes of a file, if they are whole and of this key.
  static std::optional<std::string> code_in(std::string_view bytes, cubin_key const& key) {
    header h, expected;
    if (bytes.size() < sizeof h) return std::nullopt;
    std::memcpy(&h, bytes.data(), sizeof h);
    bytes.remove_prefix(sizeof h);
    auto const check = digest_of(bytes);
    if (h.magic != expected.magic || h.check.high != check.high || h.check.low != check.low) return std::nullopt;
    auto const take = [&](std::uint64_t size) {
      auto const part = bytes.substr(0, size);
      bytes.remove_prefix(part.size());
      return part;
    };
    if (take(h.text) != key.text || take(h.options) != key.options) return std::nullopt;
    if (auto const by = take(h.compiler); !key.compiler.empty() && by != key.compiler) return std::nullopt;
    return bytes.empty() || bytes.size() != h.code ? std::nullopt : std::optional<std::string>(bytes);
  }

  static std::optional<std::string> find_in(private_folder const& folder, std::string const& name,
                                            cubin_key const& key) {
    auto const bytes = folder.read(name, most_entry_bytes);
    auto code = bytes ? code_in(*bytes, key) : std::nullopt;
    if (code) folder.touch(name);
    return code;
  }

  void trim(private_folder const& folder) const {
    auto entries = folder.entries();
    std::ranges::sort(entries, [](auto const& a, auto const& b) {
      return std::pair(a.used.tv_sec, a.used.tv_nsec) > std::pair(b.used.tv_sec, b.used.tv_nsec);
    });
    std::size_t bytes = 0;
    auto const hour_ago = std::time(nullptr) - 3600;
    for (auto const& e : entries) {
      if (is_entry(e.name)) bytes += e.bytes;
      if (is_entry(e.name) ? bytes > most_bytes_ : private_folder::is_temporary(e.name) && e.used.tv_sec < hour_ago)
        folder.remove(e.name);
    }
  }

  std::filesystem::path folder_{};
  std::size_t most_bytes_ = default_bytes;
};

}  // namespace sinter
