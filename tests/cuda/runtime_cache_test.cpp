#include <sinter/runtime/cuda/cubin_cache.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace sinter;
namespace fs = std::filesystem;

namespace {

cubin_key const key{.text = "__global__ void a() {}", .options = "-arch=sm_90", .compiler = "12.3"};

std::vector<fs::path> files_in(fs::path const& folder) {
  std::vector<fs::path> all;
  for (auto const& e : fs::directory_iterator(folder)) all.push_back(e.path());
  return all;
}

/// Sets a variable of the environment in a scope; without a value it is not there.
class scoped_variable {
 public:
  scoped_variable(char const* name, std::optional<std::string> const& value) : name_(name) {
    if (auto const* const before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~scoped_variable() { set(before_); }

 private:
  void set(std::optional<std::string> const& value) {
    if (value)
      ::setenv(name_, value->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  char const* name_;
  std::optional<std::string> before_{};
};

}  // namespace

TEST_CASE("a cache keeps what it was given, by all of the key") {
  temporary_folder folder;
  cubin_cache const cache(folder.path() / "deep" / "cache");
  CHECK_FALSE(cache.find(key));
  std::string const code("code\0with zeros", 15);
  cache.keep(key, code);
  CHECK(cache.find(key) == code);
  for (auto part : {&cubin_key::text, &cubin_key::options, &cubin_key::compiler}) {
    auto other = key;
    other.*part += "x";
    CHECK_FALSE(cache.find(other));
  }
  auto any = key;
  any.compiler.clear();
  CHECK(cache.find(any) == code);
  any.text += "x";
  CHECK_FALSE(cache.find(any));
  cache.keep(key, "better");
  CHECK(cache.find(key) == "better");
  CHECK(files_in(folder.path() / "deep" / "cache").size() == 1);
}

TEST_CASE("a cache is its user's alone") {
  bool const ends_in_slash = GENERATE(false, true);
  temporary_folder folder;
  auto const path = folder.path() / "cache";
  cubin_cache const cache(ends_in_slash ? path / "" : path);
  cache.keep(key, "code");
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
  REQUIRE(::stat(files_in(path)[0].c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  SECTION("others may write to it") {
    fs::permissions(path, fs::perms::group_write, fs::perm_options::add);
    CHECK_FALSE(cache.find(key));
    fs::permissions(path, fs::perms::group_write, fs::perm_options::remove);
    CHECK(cache.find(key));
  }
  SECTION("it is somebody else's") {
    if (::geteuid() != 0) return void(fmt::print("SKIPPED: only root can give a folder away\n"));
    REQUIRE(::chown(path.c_str(), 12345, 12345) == 0);
    CHECK_FALSE(cache.find(key));
    cache.keep(key, "other");
    REQUIRE(::chown(path.c_str(), 0, 0) == 0);
    CHECK(cache.find(key) == "code");
  }
}

TEST_CASE("a cache that cannot be made keeps nothing and is no error") {
  temporary_folder folder;
  folder.write("file", "here");
  for (auto const& path : {folder.path() / "file", folder.path() / "file" / "below", fs::path()}) {
    cubin_cache const cache(path);
    cache.keep(key, "code");
    CHECK_FALSE(cache.find(key));
  }
}

TEST_CASE("an entry with bad bytes is not there, and is replaced") {
  temporary_folder folder;
  auto const path = folder.path() / "cache";
  cubin_cache const cache(path);
  cache.keep(key, "the code");
  auto const file = files_in(path)[0];
  auto const size = fs::file_size(file);
  SECTION("any byte") {
    for (std::size_t at = 0; at < size; ++at) {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      stream.seekg(static_cast<std::streamoff>(at));
      auto const old = static_cast<char>(stream.get());
      stream.seekp(static_cast<std::streamoff>(at));
      stream.put(static_cast<char>(old ^ 1)).flush();
      CHECK_FALSE(cache.find(key));
      stream.seekp(static_cast<std::streamoff>(at));
      stream.put(old);
    }
    CHECK(cache.find(key));
  }
  SECTION("any length") {
    for (auto left = size; left-- > 0;) {
      fs::resize_file(file, left);
      CHECK_FALSE(cache.find(key));
    }
  }
  SECTION("no regular file") {
    fs::remove(file);
    fs::create_symlink("/dev/zero", file);
    CHECK_FALSE(cache.find(key));
  }
  cache.keep(key, "the code");
  CHECK(cache.find(key) == "the code");
}

TEST_CASE("writers and readers of one entry see whole code") {
  temporary_folder folder;
  auto const path = folder.path() / "cache";
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0}, found{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      cubin_cache const cache(path);
      for (int i = 0; i < 50; ++i) {
        cache.keep(key, std::string(static_cast<std::size_t>(1000 * (t + 1)), static_cast<char>('a' + t)));
        auto const code = cache.find(key);
        if (!code) continue;
        ++found;
        auto const writer = static_cast<std::size_t>((*code)[0] - 'a');
        if (*code != std::string(1000 * (writer + 1), (*code)[0])) ++wrong;
      }
    });
  for (auto& t : threads) t.join();
  CHECK(wrong == 0);
  CHECK(found == 200);
  CHECK(files_in(path).size() == 1);
}

TEST_CASE("what was not used for longest goes, other files stay") {
  temporary_folder folder;
  auto const path = folder.path() / "cache";
  cubin_cache const cache(path, 3000);
  auto const entry = [](int i) {
    auto k = key;
    k.text = std::to_string(i);
    return k;
  };
  auto const age = [&](std::chrono::seconds seconds) {
    for (auto const& file : files_in(path)) fs::last_write_time(file, fs::last_write_time(file) - seconds);
  };
  cache.keep(entry(0), std::string(1000, '0'));
  std::ofstream(path / "mine.cubin") << std::string(5000, 'x');
  std::ofstream(path / ".new-1-2-3") << "left by a process that ended";
  for (int i = 1; i < 4; ++i) {
    age(std::chrono::hours(1));
    cache.keep(entry(i), std::string(1000, 'x'));
    cache.trim();
    CHECK(cache.find(entry(0)));
  }
  CHECK_FALSE(cache.find(entry(1)));
  CHECK_FALSE(cache.find(entry(2)));
  CHECK(cache.find(entry(3)));
  CHECK(fs::exists(path / "mine.cubin"));
  CHECK_FALSE(fs::exists(path / ".new-1-2-3"));
}

TEST_CASE("the environment says where a cache is") {
  temporary_folder folder;
  auto const place = [&](char const* name) { return (folder.path() / name).string(); };
  auto const kept_in = [&](char const* where) {
    cubin_cache::of_user().keep(key, "code");
    return fs::exists(folder.path() / where) && cubin_cache::of_user().find(key);
  };
  scoped_variable const home("HOME", place("home"));
  scoped_variable const xdg("XDG_CACHE_HOME", std::nullopt);
  scoped_variable const own("SINTER_CACHE_DIR", std::nullopt);
  CHECK(kept_in("home/.cache/sinter"));
  {
    scoped_variable const here("XDG_CACHE_HOME", place("xdg"));
    CHECK(kept_in("xdg/sinter"));
    scoped_variable const nearer("SINTER_CACHE_DIR", place("own"));
    CHECK(kept_in("own"));
    scoped_variable const none("SINTER_CACHE_DIR", "");
    CHECK_FALSE(cubin_cache::of_user().find(key));
  }
  scoped_variable const no_home("HOME", std::nullopt);
  CHECK_FALSE(cubin_cache::of_user().find(key));
}
