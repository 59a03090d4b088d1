# Makes a C file out of the page, byte for byte.  The file ends with a newline and holds no carriage return.
BEGIN { print "#include \"client/alerts/page.h\"\n\nconst char display_page[] =" }
{
    gsub(/\\/, "\\\\\\\\")
    gsub(/"/, "\\\"")
    gsub(/\?/, "\\?")
    printf "    \"%s\\n\"\n", $0
}
END { print "    ;\nconst size_t display_page_size = sizeof(display_page) - 1;" }
