#include <sinter/core/error.hpp>

#include "catch.hpp"
#include <new>
#include <string>

using namespace sinter;

TEST_CASE("a lack of memory becomes an error, and other results pass") {
  try {
    with_system_errors([]() -> int { throw std::bad_alloc(); });
    FAIL("no error");
  } catch (error const& e) {
    CHECK(e.code() == error_code::system);
  }
  CHECK(with_system_errors([] { return 7; }) == 7);
  CHECK_THROWS_AS(with_system_errors([] { fail(error_code::io, "gone"); }), error);
}

TEST_CASE("an error tells its message, then where, innermost first") {
  try {
    with_context([] { return "file 'a'"; },
                 [] { with_context([] { return "node 'b'"; }, [] { fail(error_code::io, "broken {}", 1); }); });
    FAIL("no error");
  } catch (error const& e) {
    CHECK(std::string(e.what()) == "broken 1\n  in node 'b'\n  in file 'a'");
    CHECK(e.message() == "broken 1");
    CHECK(e.context().size() == 2);
  }
}
