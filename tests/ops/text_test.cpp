// Operators on strings. Expected values are worked out by hand from the words of the specification.
#include "one_node.hpp"

using namespace sinter;

TEST_CASE("StringConcat broadcasts") {
  auto const y = run("StringConcat", 20, {strings({2, 1}, {"a", "b"}), strings({2}, {"1", "2"})});
  CHECK(y.shape() == shape{2, 2});
  CHECK(elements<std::string>(y) == std::vector<std::string>{"a1", "a2", "b1", "b2"});
}

TEST_CASE("StringSplit at delimiters and at white space") {
  auto const x = strings({3}, {"a,,b", "c", ""});
  auto const y = run_all("StringSplit", 20, {x}, {{"delimiter", std::string(",")}}, 2);
  CHECK(y[0].shape() == shape{3, 3});
  CHECK(elements<std::string>(y[0]) == std::vector<std::string>{"a", "", "b", "c", "", "", "", "", ""});
  CHECK(elements<std::int64_t>(y[1]) == list{3, 1, 0});
  auto const words = run_all("StringSplit", 20, {strings({1}, {"  one  two three "})}, {{"maxsplit", one}}, 2);
  CHECK(elements<std::string>(words[0]) == std::vector<std::string>{"one", "two three "});
}

TEST_CASE("StringNormalizer removes words and changes letters") {
  auto const x = strings({3}, {"Montag", "DIENSTAG", "ÄÖß жЖ"});
  auto const with = [&](std::string change, std::int64_t sensitive) {
    return elements<std::string>(run("StringNormalizer", 10, {x},
                                     {{"case_change_action", std::move(change)},
                                      {"is_case_sensitive", sensitive},
                                      {"stopwords", std::vector<std::string>{"dienstag"}}}));
  };
  CHECK(with("LOWER", 1) == std::vector<std::string>{"montag", "dienstag", "äöß жж"});
  CHECK(with("UPPER", 0) == std::vector<std::string>{"MONTAG", "ÄÖß ЖЖ"});
  auto const none =
      run("StringNormalizer", 10, {strings({1, 1}, {"a"})}, {{"stopwords", std::vector<std::string>{"a"}}});
  CHECK(none.shape() == shape{1, 1});
  CHECK(elements<std::string>(none) == std::vector<std::string>{""});
}

TEST_CASE("RegexFullMatch matches whole strings") {
  auto const matches = [](std::string pattern, std::string text) {
    return run("RegexFullMatch", 20, {strings({}, {std::move(text)})}, {{"pattern", std::move(pattern)}}).as<bool>()[0];
  };
  CHECK(matches("a(b|cd)*e", "abcdbe"));
  CHECK_FALSE(matches("a(b|cd)*e", "abce"));
  CHECK_FALSE(matches("b", "abc"));
  CHECK(matches("[a-c_]{2,3}", "b_c"));
  CHECK_FALSE(matches("[a-c_]{2,3}", "b_ca"));
  CHECK(matches(R"(\d+\.\d?)", "12."));
  CHECK(matches("(?P<year>[0-9]{4})|x{1,}", "xxx"));
  CHECK(matches("^.$", "ж"));
  CHECK_FALSE(matches(".", "\n"));
  CHECK(matches(R"([^\x41\x{42}]*?)", "CD"));
  CHECK(matches("", ""));
  CHECK(matches(R"(a\b.\Bb\b)", "a-b") == false);
  CHECK(matches(R"(\ba\b.\b.\B.\b)", "a-bc"));
  CHECK(matches("(a*)*b", std::string(5000, 'a') + "b"));
  CHECK_FALSE(matches("(a|aa)+c", std::string(5000, 'a')));
  auto const message = [](std::string pattern) {
    return error_of("RegexFullMatch", 20, {strings({}, {"a"})}, {{"pattern", std::move(pattern)}});
  };
  CHECK_THAT(message("(a"), says("'(' has no ')'"));
  CHECK_THAT(message("a)"), says("')' has no '('"));
  CHECK_THAT(message("*"), says("nothing to repeat"));
  CHECK_THAT(message("[a"), says("ends too early"));
  CHECK_THAT(message("(?i)a"), says("flags"));
  CHECK_THAT(message(R"(\pN)"), says("escape"));
  CHECK_THAT(message(R"((a)\1)"), says("escape"));
  CHECK_THAT(message("((a{1000}){1000}){1000}"), says("too large"));
  CHECK_THAT(message(std::string(5000, '(')), says("nested"));
}

TEST_CASE("TfIdfVectorizer counts n-grams with and without skips") {
  attribute_map grams{{"mode", std::string("TF")},
                      {"min_gram_length", one},
                      {"max_gram_length", std::int64_t{2}},
                      {"max_skip_count", std::int64_t{0}},
                      {"ngram_counts", list{0, 2}},
                      {"ngram_indexes", list{0, 1, 2, 3}},
                      {"pool_int64s", list{5, 6, 5, 6, 6, 7}}};
  auto const x = ints({1, 5}, {5, 6, 5, 6, 7});
  CHECK(elements<float>(run("TfIdfVectorizer", 9, {x}, grams)) == std::vector<float>{2, 2, 2, 1});
  grams["max_skip_count"] = one;
  CHECK(elements<float>(run("TfIdfVectorizer", 9, {x}, grams)) == std::vector<float>{2, 2, 2, 1});
  grams["pool_int64s"] = list{5, 6, 5, 5, 6, 7};
  CHECK(elements<float>(run("TfIdfVectorizer", 9, {x}, grams)) == std::vector<float>{2, 2, 1, 1});
  grams["mode"] = std::string("IDF");
  grams["weights"] = std::vector<float>{0.5f, 1, 2, 3};
  CHECK(elements<float>(run("TfIdfVectorizer", 9, {x}, grams)) == std::vector<float>{0.5f, 1, 2, 3});
  grams["mode"] = std::string("TFIDF");
  CHECK(elements<float>(run("TfIdfVectorizer", 9, {x}, grams)) == std::vector<float>{1, 2, 2, 3});
  grams["ngram_counts"] = list{0, 3};
  CHECK_THAT(error_of("TfIdfVectorizer", 9, {x}, grams), says("2-grams are the elements 3 to 6"));
}
