#include <sinter/graph/attributes.hpp>
#include <sinter/graph/graph.hpp>

#include "catch.hpp"

using namespace sinter;

TEST_CASE("attributes are in the order of their names, each once") {
  attribute_map const a{{"b", 1.0f}, {"a", 2.0f}, {"b", 3.0f}};
  REQUIRE(a.size() == 2);
  CHECK(a.begin()->first == "a");
  CHECK(std::get<float>(a.find("b")->second) == 1);
  CHECK(a.find("c") == a.end());
  CHECK(attribute_map{}.empty());
  CHECK_FALSE(attribute_map{}.contains("a"));
}

TEST_CASE("copies share attributes until one of them changes") {
  attribute_map const a{{"a", 1.0f}};
  auto b = a;
  CHECK(b.shares_entries(a));
  b["a"] = 2.0f;
  b["0"] = 3.0f;
  CHECK_FALSE(b.shares_entries(a));
  CHECK(a.size() == 1);
  CHECK(std::get<float>(a.find("a")->second) == 1);
  CHECK(b.begin()->first == "0");
  CHECK(std::get<float>(b.find("a")->second) == 2);
  b.erase("a");
  b.erase("no such name");
  CHECK(b.size() == 1);
  b.clear();
  CHECK(b.begin() == b.end());
}
