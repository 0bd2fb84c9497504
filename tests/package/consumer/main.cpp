#include "scores.hpp"

int main(int, char** arguments) { return count_scores(sinter::load(arguments[1])) == 10 ? 0 : 1; }
