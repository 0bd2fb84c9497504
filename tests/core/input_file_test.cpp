#include <sinter/core/input_file.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"
#include <array>

using namespace sinter;

namespace {

template <typename Action>
std::pair<error_code, std::string> failure_of(Action action) {
  try {
    action();
  } catch (error const& e) {
    return {e.code(), e.what()};
  }
  return {error_code::system, "no error was thrown"};
}

}  // namespace

TEST_CASE("a file is read at any place, under any name it had", "[core]") {
  temporary_folder const folder;
  auto const path = folder.write("f", "0123456789");
  auto const file = input_file::open(path, 10);
  std::filesystem::remove(path);
  CHECK(file->size() == 10);
  std::array<char, 4> four{};
  file->read(6, std::as_writable_bytes(std::span(four)));
  CHECK(std::string_view(four.data(), 4) == "6789");
  file->read(0, std::as_writable_bytes(std::span(four)));
  CHECK(std::string_view(four.data(), 4) == "0123");
  file->read(10, {});
}

TEST_CASE("what is no readable file of the allowed size is an error that names it", "[core]") {
  temporary_folder const folder;
  auto const path = folder.write("f", "0123456789");
  auto const check = [&](std::filesystem::path const& p, error_code code, std::string_view part) {
    auto const [found, text] = failure_of([&] { input_file::open(p, 9); });
    INFO(text);
    CHECK(found == code);
    CHECK(text.find(part) != std::string::npos);
    CHECK(text.find(p.string()) != std::string::npos);
  };
  check(path, error_code::limit_exceeded, "10 bytes, 9 are allowed");
  check(folder.path(), error_code::io, "not a regular file");
  check(folder.path() / "none", error_code::io, "No such file");
}

TEST_CASE("a file that gets shorter while it is open is an error", "[core]") {
  temporary_folder const folder;
  auto const path = folder.write("f", "0123456789");
  auto const file = input_file::open(path, 10);
  std::filesystem::resize_file(path, 7);
  std::array<std::byte, 4> four{};
  file->read(3, four);
  auto const [code, text] = failure_of([&] { file->read(4, four); });
  CHECK(code == error_code::io);
  CHECK(text.find("ends at byte 7, it had 10") != std::string::npos);
}
