# cmake -DOUTPUT=<file.cpp> -DPAGE=page.html -DSTYLE=style.css "-DSCRIPTS=a.js;b.js" -P embed.cmake
# Writes the page with its style and scripts as C++ text.
cmake_minimum_required(VERSION 3.22)

file(READ ${PAGE} page)
file(READ ${STYLE} style)
set(script "")
foreach(file IN LISTS SCRIPTS)
  file(READ ${file} text)
  string(APPEND script "${text}")
endforeach()
string(REPLACE "{{style}}" "${style}" page "${page}")
string(REPLACE "{{script}}" "${script}" page "${page}")
file(WRITE ${OUTPUT} "#include \"report_template.hpp\"

namespace codegen {

std::string_view const report_template = R\"html(${page})html\";

}  // namespace codegen
")
