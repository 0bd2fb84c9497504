// error: (could not|cannot) convert|no viable conversion|no matching
#include <digits_listed.hpp>

auto classify(digits_listed& net, digits_listed::image<9>::view images) {
#ifdef MISUSE
  return net.run<4>({.image = images});
#else
  return net.run<9>({.image = images});
#endif
}
