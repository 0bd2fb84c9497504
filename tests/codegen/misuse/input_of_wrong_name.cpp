// error: (could not|cannot) convert|no viable conversion|no matching|does not refer|no non-static data member
#include <digits.hpp>

digits::outputs classify(digits& net, digits::image::view image) {
#ifdef MISUSE
  return net.run({.picture = image});
#else
  return net.run({.image = image});
#endif
}
