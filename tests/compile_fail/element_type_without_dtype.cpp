// error: constraint
#include <sinter/sinter.hpp>

#ifdef MISUSE
using element = void*;
#else
using element = float;
#endif

std::size_t count(sinter::tensor_view view) { return view.as<element>().size(); }
