#include <sinter/implementation.hpp>
